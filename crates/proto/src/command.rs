//! The names of messages, and what each is for.

use std::fmt;

/// The name of a message: up to twelve bytes of printable ASCII.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Command([u8; 12]);

impl Command {
    /// Names the message `name`.
    ///
    /// # Panics
    ///
    /// Where `name` has more than twelve bytes; in a `const` that is a compile error.
    pub const fn new(name: &str) -> Command {
        let name = name.as_bytes();
        assert!(name.len() <= 12, "a command has at most twelve bytes");
        let mut bytes = [0; 12];
        let mut i = 0;
        while i < name.len() {
            bytes[i] = name[i];
            i += 1;
        }
        Command(bytes)
    }

    /// Reads the command field of a header: printable ASCII, then only zeros (Bitcoin Core: `IsMessageTypeValid`).
    pub fn from_wire(bytes: [u8; 12]) -> Option<Command> {
        let len = bytes.iter().position(|it| *it == 0).unwrap_or(bytes.len());
        let (name, padding) = bytes.split_at(len);
        let is_text = name.iter().all(|it| (b' '..=b'~').contains(it));
        (is_text && padding.iter().all(|it| *it == 0)).then_some(Command(bytes))
    }

    /// Returns the twelve bytes of the command field of a header.
    pub fn to_wire(self) -> [u8; 12] {
        self.0
    }

    /// Whether it is one of [`COMMANDS`].
    pub fn is_known(self) -> bool {
        COMMANDS.iter().any(|it| it.command == self)
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        let len = self.0.iter().position(|it| *it == 0).unwrap_or(12);
        std::str::from_utf8(&self.0[..len]).expect("commands are printable ASCII")
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)
    }
}

macro_rules! commands {
    ($($constant:ident $name:literal $since:literal $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $constant: Command = Command::new($name);)*

        /// Every command that Bitcoin nodes ever agreed on: name, where it is defined, what it is for.
        pub const COMMANDS: &[KnownCommand] = &[
            $(KnownCommand { command: $constant, defined_in: $since, meaning: $meaning },)*
        ];
    };
}

/// One row of the table of [`COMMANDS`].
#[derive(Clone, Copy, Debug)]
pub struct KnownCommand {
    /// The command.
    pub command: Command,
    /// The BIP that defines it, or the software and time that brought it.
    pub defined_in: &'static str,
    /// What it is for, in one line.
    pub meaning: &'static str,
}

commands! {
    VERSION "version" "2009" "Who I am: protocol version, services, time, user agent, height.";
    VERACK "verack" "protocol 209" "I have read your version.";
    ADDR "addr" "2009" "Addresses of nodes, IPv4 and IPv6 only.";
    GETADDR "getaddr" "2009" "Tell me addresses of nodes.";
    INV "inv" "2009" "I have these transactions or blocks.";
    GETDATA "getdata" "2009" "Send me these transactions or blocks.";
    NOTFOUND "notfound" "protocol 70001" "I do not have what you asked for.";
    GETBLOCKS "getblocks" "2009" "Announce the blocks that follow the last one we share.";
    GETHEADERS "getheaders" "protocol 31800" "Send the headers that follow the last one we share.";
    HEADERS "headers" "protocol 31800" "Up to 2,000 block headers.";
    BLOCK "block" "2009" "One whole block.";
    TX "tx" "2009" "One transaction.";
    PING "ping" "2009; nonce since BIP 31" "Are you there?";
    PONG "pong" "BIP 31" "I am; here is your nonce back.";
    REJECT "reject" "BIP 61, dropped in Bitcoin Core 0.20" "I refused what you sent, for this reason.";
    ALERT "alert" "2010 to Bitcoin Core 0.12" "A signed warning to all users; its key was made public.";
    MEMPOOL "mempool" "BIP 35" "Announce all transactions that wait for a block.";
    FILTERLOAD "filterload" "BIP 37" "Send only what matches this Bloom filter.";
    FILTERADD "filteradd" "BIP 37" "Add this to my Bloom filter.";
    FILTERCLEAR "filterclear" "BIP 37" "Forget my Bloom filter.";
    MERKLEBLOCK "merkleblock" "BIP 37" "A header, and a proof that the matching transactions are in its block.";
    SENDHEADERS "sendheaders" "BIP 130" "Announce new blocks to me by their headers.";
    FEEFILTER "feefilter" "BIP 133" "Announce no transaction that pays less than this per 1,000 bytes.";
    SENDCMPCT "sendcmpct" "BIP 152" "I understand compact blocks of this version.";
    CMPCTBLOCK "cmpctblock" "BIP 152" "A block with its transactions shortened to six bytes each.";
    GETBLOCKTXN "getblocktxn" "BIP 152" "Send me the transactions of a compact block that I lack.";
    BLOCKTXN "blocktxn" "BIP 152" "The transactions of a compact block that you lacked.";
    GETCFILTERS "getcfilters" "BIP 157" "Send compact filters of a range of blocks.";
    CFILTER "cfilter" "BIP 157" "The compact filter of one block.";
    GETCFHEADERS "getcfheaders" "BIP 157" "Send the chain of filter headers of a range of blocks.";
    CFHEADERS "cfheaders" "BIP 157" "A chain of filter headers.";
    GETCFCHECKPT "getcfcheckpt" "BIP 157" "Send every thousandth filter header.";
    CFCHECKPT "cfcheckpt" "BIP 157" "Every thousandth filter header.";
    WTXIDRELAY "wtxidrelay" "BIP 339" "Announce transactions by the hash that covers their witness.";
    ADDRV2 "addrv2" "BIP 155" "Addresses of nodes on every network.";
    SENDADDRV2 "sendaddrv2" "BIP 155" "I understand addrv2.";
    SENDTXRCNCL "sendtxrcncl" "BIP 330" "I can reconcile sets of transactions.";
    FEATURE "feature" "BIP 434" "I support this feature, named by its text.";
    GETUTXOS "getutxos" "BIP 64" "Which of these outputs are unspent?";
    UTXOS "utxos" "BIP 64" "These outputs are unspent.";
    SENDPACKAGES "sendpackages" "BIP 331" "I understand packages of transactions.";
    CHECKORDER "checkorder" "2009 to Bitcoin 0.3" "May I send you an order? Part of payment to IP addresses.";
    SUBMITORDER "submitorder" "2009 to Bitcoin 0.3" "Here is my order. Part of payment to IP addresses.";
    REPLY "reply" "2009 to Bitcoin 0.3" "The answer to an order. Part of payment to IP addresses.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_printable_text_with_zeros_behind_it_is_a_command() {
        assert_eq!(Command::from_wire(*b"verack\0\0\0\0\0\0"), Some(VERACK));
        assert_eq!(
            Command::from_wire(*b"twelve bytes"),
            Some(Command::new("twelve bytes"))
        );
        assert_eq!(Command::from_wire(*b"ver\0ack\0\0\0\0\0"), None);
        assert_eq!(Command::from_wire(*b"ver\x1fack\0\0\0\0\0"), None);
        assert_eq!(Command::from_wire(*b"ver\x80ack\0\0\0\0\0"), None);
    }

    #[test]
    fn the_table_names_each_command_once() {
        let mut names: Vec<_> = COMMANDS.iter().map(|it| it.command).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), COMMANDS.len());
    }
}
