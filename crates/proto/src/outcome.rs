//! How a visit ended: words from a fixed, published list.

use std::fmt;

use crate::routable::Unroutable;

/// How a visit ended. An expected result of crawling, so a value and not an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// A valid `version`, and a `verack`.
    Complete,
    /// A valid `version`, but no `verack`.
    VersionOnly,
    /// The host answered that nobody listens there.
    ConnectRefused,
    /// Nobody answered in time.
    ConnectTimeout,
    /// A router, the host's network or ours has no way there.
    ConnectUnreachable,
    /// The connection was broken while it was being made.
    ConnectReset,
    /// The connection failed in another way.
    ConnectOther,
    /// The SOCKS5 proxy failed or refused; its reply code is in the reason.
    ProxyError,
    /// The I2P router failed or refused; its answer is in the reason.
    SamError,
    /// Connected, but closed before a `version` came; nodes whose slots are full look like this.
    ClosedBeforeVersion,
    /// Connected, but no `version` came in time.
    VersionTimeout,
    /// A `version` came that cannot be read.
    MalformedVersion,
    /// The peer is on another network.
    WrongNetwork,
    /// The peer broke the protocol before its `version`, or does not speak it.
    ProtocolViolation,
    /// The encrypted transport failed, and v1 was not to be tried.
    V2Failed,
    /// We called ourselves: the peer's nonce is ours.
    SelfConnection,
    /// Never called, and why.
    NotTried(NotTried),
}

/// Why an address was not called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NotTried {
    /// No node of the public network has such an address.
    Unroutable(Unroutable),
    /// There is no way into its network from here, as for Tor without a proxy.
    NetworkOff,
    /// Its operator does not want to be called.
    OptedOut,
    /// It was called a moment ago.
    TooSoon,
}

impl Outcome {
    /// Every word, in the order in which tables show them; [`Outcome::NotTried`] once.
    pub const ALL: [Outcome; 17] = [
        Outcome::Complete,
        Outcome::VersionOnly,
        Outcome::ConnectRefused,
        Outcome::ConnectTimeout,
        Outcome::ConnectUnreachable,
        Outcome::ConnectReset,
        Outcome::ConnectOther,
        Outcome::ProxyError,
        Outcome::SamError,
        Outcome::ClosedBeforeVersion,
        Outcome::VersionTimeout,
        Outcome::MalformedVersion,
        Outcome::WrongNetwork,
        Outcome::ProtocolViolation,
        Outcome::V2Failed,
        Outcome::SelfConnection,
        Outcome::NotTried(NotTried::NetworkOff),
    ];

    /// Returns the word that we store and serve; a published word is never renamed.
    pub fn code(self) -> &'static str {
        match self {
            Outcome::Complete => "complete",
            Outcome::VersionOnly => "version_only",
            Outcome::ConnectRefused => "connect_refused",
            Outcome::ConnectTimeout => "connect_timeout",
            Outcome::ConnectUnreachable => "connect_unreachable",
            Outcome::ConnectReset => "connect_reset",
            Outcome::ConnectOther => "connect_other",
            Outcome::ProxyError => "proxy_error",
            Outcome::SamError => "sam_error",
            Outcome::ClosedBeforeVersion => "closed_before_version",
            Outcome::VersionTimeout => "version_timeout",
            Outcome::MalformedVersion => "malformed_version",
            Outcome::WrongNetwork => "wrong_network",
            Outcome::ProtocolViolation => "protocol_violation",
            Outcome::V2Failed => "v2_failed",
            Outcome::SelfConnection => "self_connection",
            Outcome::NotTried(_) => "not_tried",
        }
    }

    /// Returns what the word means, in one line for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Outcome::Complete => "it answered with version and verack",
            Outcome::VersionOnly => "it sent its version, but no verack",
            Outcome::ConnectRefused => "its host is there, but nothing listens on that port",
            Outcome::ConnectTimeout => "nobody answered the call",
            Outcome::ConnectUnreachable => "there is no way to its network",
            Outcome::ConnectReset => "the connection was cut while it was being made",
            Outcome::ConnectOther => "the connection could not be made",
            Outcome::ProxyError => "the proxy could not reach it",
            Outcome::SamError => "the I2P router could not reach it",
            Outcome::ClosedBeforeVersion => {
                "it hung up before its version; full slots look like this"
            }
            Outcome::VersionTimeout => "it took the call, but sent no version in time",
            Outcome::MalformedVersion => "it sent a version that cannot be read",
            Outcome::WrongNetwork => "it is on another network",
            Outcome::ProtocolViolation => "it broke the protocol, or speaks another one",
            Outcome::V2Failed => "the encrypted transport failed",
            Outcome::SelfConnection => "we called ourselves",
            Outcome::NotTried(_) => "it was not called",
        }
    }

    /// Reads the word back, with the reason for [`Outcome::NotTried`].
    pub fn from_code(code: &str, reason: Option<&str>) -> Option<Outcome> {
        let outcome = Outcome::ALL.into_iter().find(|it| it.code() == code)?;
        match outcome {
            Outcome::NotTried(_) => Some(Outcome::NotTried(NotTried::from_code(reason?)?)),
            other => Some(other),
        }
    }

    /// Whether the visit brought a valid `version` message: the node is *reachable*.
    pub fn is_reachable(self) -> bool {
        matches!(self, Outcome::Complete | Outcome::VersionOnly)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl NotTried {
    /// Returns the word that we store and serve.
    pub fn code(self) -> &'static str {
        match self {
            NotTried::Unroutable(why) => why.code(),
            NotTried::NetworkOff => "network_off",
            NotTried::OptedOut => "opted_out",
            NotTried::TooSoon => "too_soon",
        }
    }

    /// Reads the word back.
    pub fn from_code(code: &str) -> Option<NotTried> {
        Unroutable::ALL
            .into_iter()
            .map(NotTried::Unroutable)
            .chain([NotTried::NetworkOff, NotTried::OptedOut, NotTried::TooSoon])
            .find(|it| it.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for outcome in Outcome::ALL {
            assert_eq!(
                Outcome::from_code(outcome.code(), Some("network_off")),
                Some(outcome)
            );
        }
        let private = Outcome::NotTried(NotTried::Unroutable(Unroutable::Private));
        assert_eq!(
            Outcome::from_code("not_tried", Some("private")),
            Some(private)
        );
        assert_eq!(Outcome::from_code("gone", None), None);
    }
}
