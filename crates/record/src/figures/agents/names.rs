//! The programs that nodes run, by the names that they give themselves: a table, so that a new one is a new line.

use serde::Serialize;

/// What kind of program it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Bitcoin Core itself.
    Core,
    /// Bitcoin Core with changes.
    CoreFork,
    /// A node with code of its own.
    OtherNode,
    /// A wallet or a library that speaks the protocol.
    Library,
    /// It follows, or followed, another chain.
    OtherChain,
    /// It looks at the network: crawlers, seeders, relays of measurers.
    Observer,
}

/// One program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Implementation {
    /// Its name, as people write it.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
}

/// Bitcoin Core.
pub const CORE: Implementation = Implementation {
    name: "Bitcoin Core",
    kind: Kind::Core,
};

/// What Bitcoin Core calls itself; whatever descends from it and does not hide that has this name first.
pub(super) const CORE_NAME: &str = "Satoshi";

/// A name in a user agent (BIP 14), and whose it is.
struct Named(&'static str, Implementation);

const fn named(in_agent: &'static str, kind: Kind, name: &'static str) -> Named {
    Named(in_agent, Implementation { name, kind })
}

/// Names in front of the colon; where several are in one user agent, the last known one decides.
const NAMES: &[Named] = &[
    Named(CORE_NAME, CORE),
    named("Knots", Kind::CoreFork, "Bitcoin Knots"),
    named("ljr", Kind::CoreFork, "Bitcoin Knots"),
    named("LibreRelay", Kind::CoreFork, "Libre Relay"),
    named("Libre Relay", Kind::CoreFork, "Libre Relay"),
    named("Garbageman", Kind::CoreFork, "Garbageman"),
    named("Statoshi", Kind::CoreFork, "Statoshi"),
    named("CKCoind", Kind::CoreFork, "CKCoind"),
    named("BTCC", Kind::CoreFork, "BTCC"),
    named("therealbitcoin.org", Kind::CoreFork, "The Real Bitcoin"),
    named("Omni", Kind::CoreFork, "Omni Core"),
    named("Bitcoin XT", Kind::CoreFork, "Bitcoin XT"),
    named("Classic", Kind::CoreFork, "Bitcoin Classic"),
    named("BitcoinUnlimited", Kind::CoreFork, "Bitcoin Unlimited"),
    named("btcwire", Kind::Library, "btcsuite"),
    named("btcd", Kind::OtherNode, "btcd"),
    named("neutrino", Kind::Library, "Neutrino"),
    named("utreexod", Kind::OtherNode, "utreexod"),
    named("bcoin", Kind::OtherNode, "bcoin"),
    named("libbitcoin", Kind::OtherNode, "libbitcoin"),
    named("Gocoin", Kind::OtherNode, "Gocoin"),
    named("Floresta", Kind::OtherNode, "Floresta"),
    named("pbtc", Kind::OtherNode, "Parity Bitcoin"),
    named("parity-bitcoin", Kind::OtherNode, "Parity Bitcoin"),
    named("bitcoin-ruby", Kind::OtherNode, "bitcoin-ruby"),
    named("haskoin", Kind::OtherNode, "Haskoin"),
    named("haskoin-node", Kind::OtherNode, "Haskoin"),
    named("mako", Kind::OtherNode, "Mako"),
    named("bitcoinj", Kind::Library, "bitcoinj"),
    named("BitcoinJ", Kind::Library, "bitcoinj"),
    named("BitCoinJ", Kind::Library, "bitcoinj"),
    named("NBitcoin", Kind::Library, "NBitcoin"),
    named("StratisNode", Kind::OtherNode, "Stratis"),
    named("BitcoinKit", Kind::Library, "BitcoinKit"),
    named("breadwallet", Kind::Library, "breadwallet"),
    named("bither", Kind::Library, "Bither"),
    named("bitcore", Kind::Library, "bitcore-p2p"),
    named("picocoin", Kind::Library, "picocoin"),
    named("python-bitcoinlib", Kind::Library, "python-bitcoinlib"),
    named("electrs", Kind::Library, "electrs"),
    named("nakamoto", Kind::Library, "nakamoto"),
    named("kyoto", Kind::Library, "kyoto"),
    named("bip157", Kind::Library, "kyoto"),
    named("Bitcoin ABC", Kind::OtherChain, "Bitcoin ABC"),
    named("BUCash", Kind::OtherChain, "BCH Unlimited"),
    named("BCH Unlimited", Kind::OtherChain, "BCH Unlimited"),
    named("Bitcoin Cash Node", Kind::OtherChain, "Bitcoin Cash Node"),
    named("bchd", Kind::OtherChain, "bchd"),
    named("Flowee", Kind::OtherChain, "Flowee"),
    named("Bitcoin Verde", Kind::OtherChain, "Bitcoin Verde"),
    named("Knuth", Kind::OtherChain, "Knuth"),
    named("kth", Kind::OtherChain, "Knuth"),
    named("Bitcoin SV", Kind::OtherChain, "Bitcoin SV"),
    named("Bitcoin XBC", Kind::OtherChain, "Bitcoin Plus"),
    named("Bitcoin Gold", Kind::OtherChain, "Bitcoin Gold"),
    named("Bitcoin Core SQ", Kind::OtherChain, "Bitcoin Core SQ"),
    named("SuperBitcoin", Kind::OtherChain, "Super Bitcoin"),
    named("BitCore", Kind::OtherChain, "BitCore"),
    named("WorldBitcoin", Kind::OtherChain, "World Bitcoin"),
    named("Bitcoin World", Kind::OtherChain, "World Bitcoin"),
    named("QuantumBitcoin", Kind::OtherChain, "Quantum Bitcoin"),
    named("microBitcoin", Kind::OtherChain, "MicroBitcoin"),
    named("UnattainiumV2", Kind::OtherChain, "Unattainium"),
    named("Dogecoin", Kind::OtherChain, "Dogecoin"),
    named("Shibetoshi", Kind::OtherChain, "Dogecoin"),
    named("LitecoinCore", Kind::OtherChain, "Litecoin Core"),
    named("bitnodes", Kind::Observer, "Bitnodes"),
    named("bitnodes.io", Kind::Observer, "Bitnodes"),
    named("bitnodes.21.co", Kind::Observer, "Bitnodes"),
    named("bitnodes.earn.com", Kind::Observer, "Bitnodes"),
    named("getaddr.bitnodes.io", Kind::Observer, "Bitnodes"),
    named("KIT-DSN", Kind::Observer, "KIT DSN"),
    named(
        "Cornell-Falcon-Network",
        Kind::Observer,
        "Falcon relay network",
    ),
    named("Snoopy", Kind::Observer, "Snoopy"),
    named("crawlrs", Kind::Observer, "dnsseedrs"),
    named("bitcoin-seeder", Kind::Observer, "bitcoin-seeder"),
    named("bitcoinseeder", Kind::Observer, "bitcoin-seeder"),
    named("dnsseeder", Kind::Observer, "dnsseeder"),
    named("btcseeder", Kind::Observer, "dnsseeder"),
    named("p2p-crawler", Kind::Observer, "p2p-crawler"),
    named("peer-observer", Kind::Observer, "peer-observer"),
    named("nebula", Kind::Observer, "nebula"),
    named("bitcensus", Kind::Observer, "Bitcensus"),
];

/// Comments by which forks of Bitcoin Core are told that have no name of their own: the text in front of a number.
const COMMENTS: &[Named] = &[
    named("2x", Kind::OtherChain, "btc1"),
    named("Omni", Kind::CoreFork, "Omni Core"),
    named("bitcore", Kind::CoreFork, "Bitcore's Bitcoin Core"),
    named("bitcore-sl", Kind::CoreFork, "Bitcore's Bitcoin Core"),
];

/// Returns whose name that is.
pub(super) fn by_name(name: &str) -> Option<Implementation> {
    find(NAMES, name)
}

/// Returns which fork of Bitcoin Core says that of itself.
pub(super) fn by_comment(comment: &str) -> Option<Implementation> {
    find(COMMENTS, comment)
}

fn find(table: &[Named], name: &str) -> Option<Implementation> {
    let found = table.iter().find(|Named(it, _)| *it == name);
    found.map(|Named(_, it)| *it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_there_once_and_each_program_is_of_one_kind() {
        for table in [NAMES, COMMENTS] {
            let mut names: Vec<&str> = table.iter().map(|it| it.0).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), table.len());
        }
        let mut programs: Vec<Implementation> = NAMES.iter().map(|it| it.1).collect();
        programs.sort_unstable();
        programs.dedup();
        let n_programs = programs.len();
        programs.dedup_by_key(|it| it.name);
        assert_eq!(programs.len(), n_programs);
    }
}
