//! The kinds of nodes, and how a visit to each must end.

use std::fmt;

use proto::Outcome;

macro_rules! kinds {
    ($($kind:ident $code:literal $outcome:ident $meaning:literal;)*) => {
        /// How a simulated node behaves.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = $meaning] $kind,)*
        }

        impl Kind {
            /// All kinds: the honest one, the odd ones, the dead ones.
            pub const ALL: &[Kind] = &[$(Kind::$kind,)*];

            /// Returns the word for this kind in the truth.
            pub fn code(self) -> &'static str {
                match self { $(Kind::$kind => $code,)* }
            }

            /// Returns how a visit must end.
            pub fn outcome(self) -> Outcome {
                match self { $(Kind::$kind => Outcome::$outcome,)* }
            }

            /// Returns what such a node does, in one line for people.
            pub fn meaning(self) -> &'static str {
                match self { $(Kind::$kind => $meaning,)* }
            }
        }
    };
}

kinds! {
    Honest "honest" Complete "Does what its software does.";
    Silent "silent" VersionTimeout "Takes the call and never says a word.";
    SlowDrip "slow_drip" VersionTimeout "Sends its version a byte at a time, too slowly.";
    PatientDrip "patient_drip" Complete "Sends its version a byte at a time, just fast enough.";
    Garbage "garbage" ProtocolViolation "Answers with bytes that mean nothing.";
    SshBanner "ssh_banner" ProtocolViolation "Is an SSH server.";
    HttpBanner "http_banner" ProtocolViolation "Is a web server.";
    WrongMagic "wrong_magic" WrongNetwork "Is a node of another chain.";
    OtherCoin "other_coin" WrongNetwork "Is a node of Litecoin.";
    BadVersionChecksum "bad_version_checksum" ProtocolViolation "Sends a version with a wrong checksum.";
    BadChecksum "bad_checksum" Complete "Sends another message with a wrong checksum.";
    OversizeHeader "oversize_header" ProtocolViolation "Sends a header that claims five million bytes.";
    BadCommand "bad_command" Complete "Sends a command that is no text, then goes on.";
    ClosesAtOnce "closes_at_once" ClosedBeforeVersion "Hangs up at once, as nodes with full slots do.";
    Resets "resets" ClosedBeforeVersion "Breaks the connection at the first word.";
    NoVerack "no_verack" VersionOnly "Sends its version, and nothing behind it.";
    HangsUp "hangs_up" VersionOnly "Sends its version and hangs up.";
    AncientShort "ancient_short" VersionOnly "Is of 2009: a version of 46 bytes, no verack.";
    AncientNoHeight "ancient_no_height" VersionOnly "Is of early 2010: a version without height, no verack.";
    AncientNoRelay "ancient_no_relay" Complete "Is of 2010 to 2012: a version without relay byte, no pong.";
    NoRelayByte "no_relay_byte" Complete "Leaves out the relay byte, though its protocol has it.";
    OddRelayByte "odd_relay_byte" Complete "Has 2 as its relay byte.";
    TrailingBytes "trailing_bytes" Complete "Has more bytes behind its relay byte.";
    UserAgentNotUtf8 "user_agent_not_utf8" Complete "Has a user agent that is no UTF-8.";
    UserAgentEmpty "user_agent_empty" Complete "Has an empty user agent.";
    UserAgentLong "user_agent_long" Complete "Has a user agent longer than Bitcoin Core allows.";
    UserAgentControls "user_agent_controls" Complete "Has control characters in its user agent.";
    UserAgentMarkup "user_agent_markup" Complete "Has a script for browsers in its user agent.";
    NegativeVersion "negative_version" Complete "Has a negative protocol version.";
    AbsurdHeight "absurd_height" Complete "Has a height that no chain has.";
    AbsurdTime "absurd_time" Complete "Has a clock that is decades wrong.";
    MalformedVersion "malformed_version" MalformedVersion "Sends a version that ends inside a field.";
    Fragmented "fragmented" Complete "Sends its part of the handshake in pieces of one to seven bytes.";
    ChattyBefore "chatty_before" Complete "Sends other messages before its version.";
    ChattyAfter "chatty_after" Complete "Sends many messages behind its verack.";
    SpeaksFirst "speaks_first" Complete "Sends its version before it hears ours, as bcoin does.";
    NewFeatures "new_features" Complete "Announces features of BIP 330 and BIP 434.";
    SelfConnection "self_connection" SelfConnection "Is us: its nonce is the caller's.";
    VerackFirst "verack_first" Complete "Sends its verack before its version.";
    NoPong "no_pong" Complete "Never answers a ping.";
    Refused "refused" ConnectRefused "Nobody listens on its port.";
    HostUnreachable "host_unreachable" ConnectUnreachable "Its host is gone.";
    NetworkUnreachable "network_unreachable" ConnectUnreachable "There is no way to its network.";
    TtlExpired "ttl_expired" ConnectTimeout "The proxy gives up on it.";
    NeverAnswers "never_answers" ConnectTimeout "Nothing comes back, not even from the proxy.";
    ProxyFailure "proxy_failure" ProxyError "The proxy fails.";
}

/// What comes of dialling a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dial {
    /// The connection stands after one round trip.
    Connects,
    /// The proxy answers with this reply code (RFC 1928 §6).
    Fails(u8),
    /// Nothing, ever.
    NeverAnswers,
}

impl Kind {
    /// Returns what comes of dialling such a node.
    pub fn dial(self) -> Dial {
        match self {
            Kind::ProxyFailure => Dial::Fails(0x01),
            Kind::NetworkUnreachable => Dial::Fails(0x03),
            Kind::HostUnreachable => Dial::Fails(0x04),
            Kind::Refused => Dial::Fails(0x05),
            Kind::TtlExpired => Dial::Fails(0x06),
            Kind::NeverAnswers => Dial::NeverAnswers,
            _live => Dial::Connects,
        }
    }

    /// Whether a call to such a node is taken.
    pub fn is_live(self) -> bool {
        self.dial() == Dial::Connects
    }

    /// Whether such a node is live and does something that it should not, or hardly anybody does.
    pub fn is_odd(self) -> bool {
        self.is_live() && self != Kind::Honest
    }

    /// Reads the word back.
    pub fn from_code(code: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|it| it.code() == code)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back() {
        for kind in Kind::ALL {
            assert_eq!(Kind::from_code(kind.code()), Some(*kind));
        }
    }

    #[test]
    fn a_kind_is_dead_where_its_outcome_says_so() {
        for kind in Kind::ALL {
            let outcome = kind.outcome().code();
            let says_dead = outcome.starts_with("connect_") || outcome == "proxy_error";
            assert_eq!(kind.is_live(), !says_dead, "{kind}");
        }
    }
}
