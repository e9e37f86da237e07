//! The kinds of nodes, and how a visit to each must end.

use std::fmt;

use proto::visit::Dialect;
use proto::{Network, Outcome};

use crate::line::Offer;

macro_rules! kinds {
    ($($kind:ident $code:literal $class:ident $outcome:ident $meaning:literal;)*) => {
        /// How a simulated node behaves.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind {
            $(#[doc = $meaning] $kind,)*
        }

        impl Kind {
            /// All kinds: the honest one, the odd ones, those that make trouble when asked for others, the dead ones.
            pub const ALL: &[Kind] = &[$(Kind::$kind,)*];

            /// Returns the word for this kind in the truth.
            pub fn code(self) -> &'static str {
                match self { $(Kind::$kind => $code,)* }
            }

            /// Returns to which class it belongs.
            pub fn class(self) -> Class {
                match self { $(Kind::$kind => Class::$class,)* }
            }

            /// Returns how the last visit must end of a census that tries v2 with those who are told to speak it: with
            /// full slots the first one does not count.
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
    Honest "honest" Honest Complete "Does what its software does.";
    Silent "silent" Odd VersionTimeout "Takes the call and never says a word.";
    SlowDrip "slow_drip" Odd VersionTimeout "Sends its version a byte at a time, too slowly.";
    PatientDrip "patient_drip" Odd Complete "Sends its version a byte at a time, just fast enough.";
    Garbage "garbage" Odd ProtocolViolation "Answers with bytes that mean nothing.";
    SshBanner "ssh_banner" Odd ProtocolViolation "Is an SSH server.";
    HttpBanner "http_banner" Odd ProtocolViolation "Is a web server.";
    WrongMagic "wrong_magic" Odd WrongNetwork "Is a node of another chain.";
    OtherCoin "other_coin" Odd WrongNetwork "Is a node of Litecoin.";
    BadVersionChecksum "bad_version_checksum" Odd ProtocolViolation "Sends a version with a wrong checksum.";
    BadChecksum "bad_checksum" Odd Complete "Sends another message with a wrong checksum.";
    OversizeHeader "oversize_header" Odd ProtocolViolation "Sends a header that claims five million bytes.";
    BadCommand "bad_command" Odd Complete "Sends a command that is no text, then goes on.";
    ClosesAtOnce "closes_at_once" Odd ClosedBeforeVersion "Hangs up at once, as nodes with full slots do.";
    Resets "resets" Odd ClosedBeforeVersion "Breaks the connection at the first word.";
    NoVerack "no_verack" Odd VersionOnly "Sends its version, and nothing behind it.";
    HangsUp "hangs_up" Odd VersionOnly "Sends its version and hangs up.";
    AncientShort "ancient_short" Odd VersionOnly "Is of 2009: a version of 46 bytes, no verack.";
    AncientNoHeight "ancient_no_height" Odd VersionOnly "Is of early 2010: a version without height, no verack.";
    AncientNoRelay "ancient_no_relay" Odd Complete "Is of 2010 to 2012: a version without relay byte, no pong.";
    NoRelayByte "no_relay_byte" Odd Complete "Leaves out the relay byte, though its protocol has it.";
    OddRelayByte "odd_relay_byte" Odd Complete "Has 2 as its relay byte.";
    TrailingBytes "trailing_bytes" Odd Complete "Has more bytes behind its relay byte.";
    UserAgentNotUtf8 "user_agent_not_utf8" Odd Complete "Has a user agent that is no UTF-8.";
    UserAgentEmpty "user_agent_empty" Odd Complete "Has an empty user agent.";
    UserAgentLong "user_agent_long" Odd Complete "Has a user agent longer than Bitcoin Core allows.";
    UserAgentControls "user_agent_controls" Odd Complete "Has control characters in its user agent.";
    UserAgentMarkup "user_agent_markup" Odd Complete "Has a script for browsers in its user agent.";
    NegativeVersion "negative_version" Odd Complete "Has a negative protocol version.";
    AbsurdHeight "absurd_height" Odd Complete "Has a height that no chain has.";
    AbsurdTime "absurd_time" Odd Complete "Has a clock that is decades wrong.";
    MalformedVersion "malformed_version" Odd MalformedVersion "Sends a version that ends inside a field.";
    Fragmented "fragmented" Odd Complete "Sends its part of the handshake in pieces of one to seven bytes.";
    ChattyBefore "chatty_before" Odd Complete "Sends other messages before its version.";
    ChattyAfter "chatty_after" Odd Complete "Sends many messages behind its verack.";
    SpeaksFirst "speaks_first" Odd Complete "Sends its version before it hears ours, as bcoin does.";
    NewFeatures "new_features" Odd Complete "Announces features of BIP 330 and BIP 434.";
    SelfConnection "self_connection" Odd SelfConnection "Is us: its nonce is the caller's.";
    VerackFirst "verack_first" Odd Complete "Sends its verack before its version.";
    NoPong "no_pong" Odd Complete "Never answers a ping.";
    V2Only "v2_only" Odd Complete "Speaks v2 alone, and hangs up at a version in v1.";
    V2Garbage "v2_garbage" Odd Complete "Sends as much garbage as v2 allows, and decoys.";
    V2Broken "v2_broken" Odd V2Failed "Speaks v2 alone, and its first packet is spoilt.";
    V1DespiteBit "v1_despite_bit" Odd Complete "Claims to speak v2, and hangs up at a key.";
    V1SpeaksFirstDespiteBit "v1_speaks_first_despite_bit" Odd Complete "Claims to speak v2, and sends its version in v1 before it hears ours.";
    WithoutChecksums "without_checksums" Odd VersionTimeout "Is of 2011: it understands a version without checksum alone.";
    FullAtFirst "full_at_first" Liar Complete "Hangs up on its first caller, as nodes with full slots do, and takes later calls.";
    TellsLate "tells_late" Liar Complete "Answers getaddr some seconds after the ping behind it, as Bitcoin Core up to 0.21 does later still.";
    TellsInParts "tells_in_parts" Liar Complete "Answers getaddr in several messages, with pauses between.";
    TellsAfterPong "tells_after_pong" Liar Complete "Answers ping first and getaddr right behind it.";
    TellsNever "tells_never" Liar Complete "Answers ping, but never getaddr.";
    TellsForever "tells_forever" Liar Complete "Answers getaddr with one or two addresses at a time, without end.";
    IgnoresQuestions "ignores_questions" Liar Complete "Answers neither getaddr nor ping.";
    TellsFakes "tells_fakes" Liar Complete "Tells a thousand addresses where nobody is.";
    TellsPrivate "tells_private" Liar Complete "Tells addresses that nobody can call: private, reserved, without port.";
    TellsFuture "tells_future" Liar Complete "Tells addresses where nobody is, seen in the future.";
    TellsAncient "tells_ancient" Liar Complete "Tells real addresses, seen years ago or never.";
    TellsTooMany "tells_too_many" Liar Complete "Tells 2,500 addresses in three messages.";
    TellsNothing "tells_nothing" Liar Complete "Answers getaddr with a message of no addresses.";
    TellsOneOften "tells_one_often" Liar Complete "Tells the same address a thousand times.";
    TellsItself "tells_itself" Liar Complete "Tells its own address and no other.";
    TellsOversize "tells_oversize" Liar Complete "Tells 1,001 addresses in one message, which is one too many.";
    TellsUnknown "tells_unknown" Liar Complete "Tells addresses of unknown networks and of wrong lengths, and real ones between.";
    Refused "refused" Dead ConnectRefused "Nobody listens on its port.";
    HostUnreachable "host_unreachable" Dead ConnectUnreachable "Its host is gone.";
    NetworkUnreachable "network_unreachable" Dead ConnectUnreachable "There is no way to its network.";
    TtlExpired "ttl_expired" Dead ConnectTimeout "The proxy gives up on it.";
    NeverAnswers "never_answers" Dead ConnectTimeout "Nothing comes back, not even from the proxy.";
    ProxyFailure "proxy_failure" Dead ProxyError "The proxy fails.";
}

/// What a kind is drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Does what its software does.
    Honest,
    /// Is live and does something that it should not, or hardly anybody does, but tells others as an honest one.
    Odd,
    /// Shakes hands as an honest node, and makes trouble when it is asked for others, or called for the first time.
    Liar,
    /// Cannot be reached.
    Dead,
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
        self.class() != Class::Dead
    }

    /// Returns how the last visit must end where a census speaks in these manners, and not in today's alone.
    pub fn outcome_in(self, dialects: &[Dialect]) -> Outcome {
        let is_last_without_checksum = dialects.contains(&Dialect::OldNoChecksum);
        match self {
            Kind::WithoutChecksums if is_last_without_checksum => Outcome::Complete,
            // They answer a `version` alone, and the last one is none for those who expect a checksum.
            Kind::BadVersionChecksum | Kind::OversizeHeader if is_last_without_checksum => {
                Outcome::VersionTimeout
            }
            _usual => self.outcome(),
        }
    }

    /// Whether it hangs up at a `version` in v1.
    pub fn refuses_v1(self) -> bool {
        matches!(self, Kind::V2Only | Kind::V2Broken)
    }

    /// Returns how a node of this kind takes calls, whose software would speak v2 or not.
    pub(crate) fn offer(self, knows_v2: bool) -> Offer {
        match self {
            Kind::Silent
            | Kind::ClosesAtOnce
            | Kind::Resets
            | Kind::Garbage
            | Kind::SshBanner
            | Kind::HttpBanner => Offer::Nothing,
            Kind::WithoutChecksums => Offer::OldV1,
            Kind::V1DespiteBit | Kind::V1SpeaksFirstDespiteBit => Offer::V1,
            Kind::V2Only => Offer::OnlyV2,
            Kind::V2Garbage => Offer::V2WithGarbage,
            Kind::V2Broken => Offer::BrokenV2,
            _any if knows_v2 => Offer::V2,
            _any => Offer::V1,
        }
    }

    /// Returns the kind that a node of this kind is on `network`: of a dead node I2P tells nothing but that it cannot be
    /// reached, or not in time.
    pub fn on(self, network: Network) -> Kind {
        match self {
            Kind::Refused | Kind::NetworkUnreachable if network == Network::I2p => {
                Kind::HostUnreachable
            }
            Kind::ProxyFailure if network == Network::I2p => Kind::TtlExpired,
            _anywhere => self,
        }
    }

    /// Returns all kinds of a class.
    pub(crate) fn of_class(class: Class) -> Vec<Kind> {
        let all = Kind::ALL.iter().copied();
        all.filter(|it| it.class() == class).collect()
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
            assert_eq!(kind.is_live(), kind.dial() == Dial::Connects, "{kind}");
        }
    }
}
