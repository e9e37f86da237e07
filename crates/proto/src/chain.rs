//! The five chains that nodes run, and what tells them apart on the wire.

use std::fmt;
use std::str::FromStr;

/// Which block chain a node follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Chain {
    /// The Bitcoin that has a price.
    #[default]
    Mainnet,
    /// The third test network, of 2012.
    Testnet3,
    /// The fourth test network, BIP 94.
    Testnet4,
    /// The default signet, BIP 325.
    Signet,
    /// A private chain for tests.
    Regtest,
}

impl Chain {
    /// All chains, mainnet first.
    pub const ALL: [Chain; 5] = [
        Chain::Mainnet,
        Chain::Testnet3,
        Chain::Testnet4,
        Chain::Signet,
        Chain::Regtest,
    ];

    /// Returns the word for this chain on the command line and in the store.
    pub fn name(self) -> &'static str {
        match self {
            Chain::Mainnet => "mainnet",
            Chain::Testnet3 => "testnet3",
            Chain::Testnet4 => "testnet4",
            Chain::Signet => "signet",
            Chain::Regtest => "regtest",
        }
    }

    /// Returns the four bytes that start every v1 message (Bitcoin Core: `pchMessageStart`).
    pub fn magic(self) -> [u8; 4] {
        match self {
            Chain::Mainnet => [0xf9, 0xbe, 0xb4, 0xd9],
            Chain::Testnet3 => [0x0b, 0x11, 0x09, 0x07],
            Chain::Testnet4 => [0x1c, 0x16, 0x3f, 0x28],
            Chain::Signet => [0x0a, 0x03, 0xcf, 0x40],
            Chain::Regtest => [0xfa, 0xbf, 0xb5, 0xda],
        }
    }

    /// Returns the chain whose messages start with `magic`, if it is one of ours.
    pub fn from_magic(magic: [u8; 4]) -> Option<Chain> {
        Chain::ALL.into_iter().find(|it| it.magic() == magic)
    }

    /// Returns the TCP port that nodes listen on unless told otherwise.
    pub fn default_port(self) -> u16 {
        match self {
            Chain::Mainnet => 8333,
            Chain::Testnet3 => 18333,
            Chain::Testnet4 => 48333,
            Chain::Signet => 38333,
            Chain::Regtest => 18444,
        }
    }

    /// Returns the DNS names that answer with addresses of nodes (Bitcoin Core: `vSeeds`, August 2026).
    pub fn dns_seeds(self) -> &'static [&'static str] {
        match self {
            Chain::Mainnet => &[
                "dnsseed.bluematt.me",
                "seed.bitcoin.jonasschnelli.ch",
                "seed.btc.petertodd.net",
                "seed.bitcoin.sprovoost.nl",
                "dnsseed.emzy.de",
                "seed.bitcoin.wiz.biz",
                "seed.mainnet.achownodes.xyz",
            ],
            Chain::Testnet3 => &[
                "testnet-seed.bitcoin.jonasschnelli.ch",
                "seed.tbtc.petertodd.net",
                "testnet-seed.bluematt.me",
                "seed.testnet.achownodes.xyz",
            ],
            Chain::Testnet4 => &[
                "seed.testnet4.bitcoin.sprovoost.nl",
                "seed.testnet4.wiz.biz",
            ],
            Chain::Signet => &[
                "seed.signet.bitcoin.sprovoost.nl",
                "seed.signet.achownodes.xyz",
            ],
            Chain::Regtest => &[],
        }
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The word names no chain.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("no chain is called {0:?}: expected mainnet, testnet3, testnet4, signet or regtest")]
pub struct UnknownChain(String);

impl FromStr for Chain {
    type Err = UnknownChain;

    fn from_str(word: &str) -> Result<Chain, UnknownChain> {
        Chain::ALL
            .into_iter()
            .find(|it| it.name() == word)
            .ok_or_else(|| UnknownChain(word.to_owned()))
    }
}
