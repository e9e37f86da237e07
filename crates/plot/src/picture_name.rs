//! Which pictures there are.

use std::fmt;
use std::str::FromStr;

use record::figures::trends::Theme;
use thiserror::Error;

/// A picture by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PictureName {
    /// Networks, as IPv4 and Tor.
    Networks,
    /// How calls ended.
    Outcomes,
    /// Protocol versions.
    Versions,
    /// User agents, whole.
    UserAgents,
    /// What user agents are of: software and its releases.
    Implementations,
    /// When the software was released.
    Ages,
    /// Service bits.
    Services,
    /// The encrypted transport: offered and worked.
    Transports,
    /// Heights of the chain.
    Heights,
    /// Times to connect and to answer.
    Latency,
    /// The crawl from its first second to its last.
    Timeline,
    /// The map of the world.
    World,
    /// Countries.
    Countries,
    /// Autonomous systems.
    Systems,
    /// Ports.
    Ports,
    /// Figures over many crawls.
    Trends(Theme),
}

/// There is no picture of that name.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no picture `{0}`")]
pub struct NoSuchPicture(String);

impl PictureName {
    /// Every picture, in the order in which they are listed.
    pub const ALL: [PictureName; 23] = [
        PictureName::Networks,
        PictureName::Outcomes,
        PictureName::Versions,
        PictureName::UserAgents,
        PictureName::Implementations,
        PictureName::Ages,
        PictureName::Services,
        PictureName::Transports,
        PictureName::Heights,
        PictureName::Latency,
        PictureName::Timeline,
        PictureName::World,
        PictureName::Countries,
        PictureName::Systems,
        PictureName::Ports,
        PictureName::Trends(Theme::Networks),
        PictureName::Trends(Theme::Implementations),
        PictureName::Trends(Theme::CoreSeries),
        PictureName::Trends(Theme::ProtocolVersions),
        PictureName::Trends(Theme::Services),
        PictureName::Trends(Theme::Countries),
        PictureName::Trends(Theme::V2),
        PictureName::Trends(Theme::Lag),
    ];

    /// Returns its name as it is typed.
    pub fn code(self) -> &'static str {
        match self {
            PictureName::Networks => "networks",
            PictureName::Outcomes => "outcomes",
            PictureName::Versions => "versions",
            PictureName::UserAgents => "user-agents",
            PictureName::Implementations => "implementations",
            PictureName::Ages => "ages",
            PictureName::Services => "services",
            PictureName::Transports => "transports",
            PictureName::Heights => "heights",
            PictureName::Latency => "latency",
            PictureName::Timeline => "timeline",
            PictureName::World => "world",
            PictureName::Countries => "countries",
            PictureName::Systems => "systems",
            PictureName::Ports => "ports",
            PictureName::Trends(Theme::Networks) => "trends",
            PictureName::Trends(Theme::Implementations) => "trends-implementations",
            PictureName::Trends(Theme::CoreSeries) => "trends-releases",
            PictureName::Trends(Theme::ProtocolVersions) => "trends-versions",
            PictureName::Trends(Theme::Services) => "trends-services",
            PictureName::Trends(Theme::Countries) => "trends-countries",
            PictureName::Trends(Theme::V2) => "trends-transports",
            PictureName::Trends(Theme::Lag) => "trends-heights",
        }
    }

    /// Returns what stands above it.
    pub fn title(self) -> &'static str {
        match self {
            PictureName::Networks => "Networks that reachable nodes are in",
            PictureName::Outcomes => "How the calls ended",
            PictureName::Versions => "Protocol versions",
            PictureName::UserAgents => "User agents",
            PictureName::Implementations => "Software that nodes run",
            PictureName::Ages => "How old the software is",
            PictureName::Services => "Services that nodes announce",
            PictureName::Transports => "Encrypted transport: offered and worked",
            PictureName::Heights => "Heights that nodes claim",
            PictureName::Latency => "How long nodes take to answer",
            PictureName::Timeline => "The crawl from its first second to its last",
            PictureName::World => "Where nodes are",
            PictureName::Countries => "Countries that nodes are in",
            PictureName::Systems => "Autonomous systems that nodes are in",
            PictureName::Ports => "Ports that nodes listen on",
            PictureName::Trends(theme) => theme.title(),
        }
    }

    /// Returns what it shows, in one line for people.
    pub fn about(self) -> &'static str {
        match self {
            PictureName::Networks => "reachable nodes by network: IPv4, IPv6, Tor, I2P, CJDNS",
            PictureName::Outcomes => "how the last call to each address ended",
            PictureName::Versions => "protocol versions, the most frequent first",
            PictureName::UserAgents => "user agents, the most frequent first",
            PictureName::Implementations => "user agents by implementation and release",
            PictureName::Ages => "user agents by the year of their release",
            PictureName::Services => "service bits by name",
            PictureName::Transports => "v2 transport (BIP 324) offered against worked, by network",
            PictureName::Heights => "heights of the chain, by their distance from the tip",
            PictureName::Latency => {
                "time to the answer by network, from the quickest to the slowest"
            }
            PictureName::Timeline => "calls in flight, and how many ended a second and how",
            PictureName::World => "map: countries by number of nodes, and places",
            PictureName::Countries => "countries, those with the most nodes first",
            PictureName::Systems => "autonomous systems, those with the most nodes first",
            PictureName::Ports => "ports, the most frequent first",
            PictureName::Trends(Theme::Networks) => {
                "reachable nodes by network, from crawl to crawl and by observer"
            }
            PictureName::Trends(Theme::Implementations) => "shares of implementations over time",
            PictureName::Trends(Theme::CoreSeries) => {
                "shares of releases of Bitcoin Core over time"
            }
            PictureName::Trends(Theme::ProtocolVersions) => "shares of protocol versions over time",
            PictureName::Trends(Theme::Services) => "shares that announce a service over time",
            PictureName::Trends(Theme::Countries) => "shares of countries over time",
            PictureName::Trends(Theme::V2) => {
                "shares that offer the v2 transport, and with which it worked, over time"
            }
            PictureName::Trends(Theme::Lag) => "blocks that the median height is behind, over time",
        }
    }
}

impl FromStr for PictureName {
    type Err = NoSuchPicture;

    fn from_str(code: &str) -> Result<PictureName, NoSuchPicture> {
        let found = PictureName::ALL.into_iter().find(|it| it.code() == code);
        found.ok_or_else(|| NoSuchPicture(record::text::escape(code, 80)))
    }
}

impl fmt::Display for PictureName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for name in PictureName::ALL {
            assert_eq!(name.code().parse(), Ok(name));
        }
        let error = "Networks\n".parse::<PictureName>().unwrap_err();
        assert_eq!(error.to_string(), "there is no picture `Networks\\n`");
    }
}
