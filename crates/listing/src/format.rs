//! What wrote a list.

use std::fmt;

/// What wrote a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An answer of the bitnodes API, or of one that imitates it.
    BitnodesApi,
    /// A file of bitnodes' `export.py`.
    BitnodesExport,
    /// A file of bitnodes' `crawl.py`.
    BitnodesCrawl,
    /// A JSON array of addresses.
    JsonAddrs,
    /// An answer of the Blockchair API.
    Blockchair,
    /// One address a line.
    Plain,
    /// A dump of sipa's bitcoin-seeder.
    SipaDump,
    /// A dump of dnsseedrs.
    DnsseedrsDump,
    /// The reachable nodes of virtu's p2p-crawler.
    VirtuCsv,
    /// The connectivity checks of peer-observer.
    PeerObserverCsv,
    /// A daily file of bitnod.es: every node that it ever saw, with the day when it last did.
    BitnodEsCsv,
    /// The visits of nebula.
    NebulaVisits,
    /// Who told nebula of whom.
    NebulaNeighbors,
    /// Our own `export ndjson`.
    OwnNdjson,
    /// Our own `export csv`.
    OwnCsv,
}

impl Format {
    /// Returns the name of whoever saw what a file of this format lists.
    pub fn observer(self) -> &'static str {
        match self {
            Format::BitnodesApi | Format::BitnodesExport | Format::BitnodesCrawl => "bitnodes",
            Format::Blockchair => "blockchair",
            Format::SipaDump => "sipa",
            Format::DnsseedrsDump => "dnsseedrs",
            Format::VirtuCsv => "virtu",
            Format::PeerObserverCsv => "peer-observer",
            Format::BitnodEsCsv => "bitnod.es",
            Format::NebulaVisits | Format::NebulaNeighbors => "nebula",
            Format::OwnNdjson | Format::OwnCsv => "bitcensus",
            Format::JsonAddrs | Format::Plain => "list",
        }
    }

    /// Whether its files also list nodes that were last seen long ago.
    pub fn is_cumulative(self) -> bool {
        matches!(
            self,
            Format::SipaDump | Format::DnsseedrsDump | Format::BitnodEsCsv
        )
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::BitnodesApi => "bitnodes API answer",
            Format::BitnodesExport => "bitnodes export",
            Format::BitnodesCrawl => "bitnodes crawl dump",
            Format::JsonAddrs => "JSON array of addresses",
            Format::Blockchair => "Blockchair API answer",
            Format::Plain => "plain text",
            Format::SipaDump => "bitcoin-seeder dump",
            Format::DnsseedrsDump => "dnsseedrs dump",
            Format::VirtuCsv => "p2p-crawler CSV",
            Format::PeerObserverCsv => "peer-observer CSV",
            Format::BitnodEsCsv => "bitnod.es CSV",
            Format::NebulaVisits => "nebula visits",
            Format::NebulaNeighbors => "nebula neighbors",
            Format::OwnNdjson => "bitcensus ndjson",
            Format::OwnCsv => "bitcensus CSV",
        })
    }
}
