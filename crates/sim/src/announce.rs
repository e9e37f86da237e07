//! What a node says of itself: its `version`, which does not depend on who asks.

use proto::version::NetAddr;
use proto::{Host, Version};

use crate::dice::Dice;
use crate::kind::Kind;
use crate::software::{SOFTWARE, Software};

/// The service bit of those who speak v2 (BIP 324, `NODE_P2P_V2`).
pub(crate) const P2P_V2: u64 = 1 << 11;
/// Whom every node thinks it talks to: an address of RFC 5737, so that nobody's is meant.
const CALLER: (Host, u16) = (Host::Ipv4([192, 0, 2, 1]), 50_000);
/// User agents of the years when nodes left the relay byte out, with their protocol versions.
const ANCIENT: [(i32, &str); 6] = [
    (209, ""),
    (31_402, ""),
    (31_800, ".0"),
    (40_000, ""),
    (50_000, "/Satoshi:0.5.0/"),
    (60_000, "/Satoshi:0.6.0/bitcoin-qt/"),
];

/// How many of them are older than the checksum of `version` and `verack`.
const N_WITHOUT_CHECKSUM: usize = 5;

/// The moment in which a world lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    /// Its clock, Unix seconds.
    pub(crate) unix_time: i64,
    /// The height of its chain.
    pub(crate) tip: i32,
}

/// Draws the `version` of a node of `kind`.
pub(crate) fn draw_version(dice: &mut Dice, kind: Kind, moment: Moment) -> Version {
    let software = draw_software(dice, kind);
    let relay = u8::from(dice.roll(50) > 0);
    let mut version = Version {
        relay: (software.protocol_version >= 70_001).then_some(relay),
        start_height: Some(draw_height(dice, moment.tip)),
        ..new_version(
            dice,
            moment,
            software.protocol_version,
            claimed_services(software, kind),
            software.user_agent.as_bytes(),
        )
    };
    make_odd(&mut version, kind, dice);
    version
}

/// Returns a `version` with a clock that is nearly right and a nonce of its own.
pub(crate) fn new_version(
    dice: &mut Dice,
    moment: Moment,
    protocol_version: i32,
    services: u64,
    user_agent: &[u8],
) -> Version {
    let skew = i64::from(dice.byte() % 21) - 10;
    Version {
        protocol_version,
        services,
        timestamp: moment.unix_time + skew,
        addr_recv: NetAddr::from_host(&CALLER.0, CALLER.1),
        addr_from: Some(NetAddr {
            services,
            ..NetAddr::default()
        }),
        // The lowest bit is set because a nonce of 0 means that there is none.
        nonce: Some(dice.number() | 1),
        user_agent: Some(user_agent.to_vec()),
        start_height: Some(moment.tip),
        relay: Some(1),
        trailing: Vec::new(),
    }
}

/// Writes the payload of `version` as a node of `kind` sends it.
pub(crate) fn encode(version: &Version, kind: Kind, dice: &mut Dice) -> Vec<u8> {
    let mut payload = version.encode();
    if kind == Kind::MalformedVersion {
        // Inside the protocol version, addr_recv, addr_from, the nonce, the user agent and the height.
        let cuts = [3, 45, 60, 79, 82, payload.len() - 2];
        payload.truncate(*dice.pick(&cuts));
    }
    payload
}

/// Bytes that are wrong in v1 alone need a node that speaks nothing else.
fn claimed_services(software: &Software, kind: Kind) -> u64 {
    match kind {
        Kind::V2Only
        | Kind::V2Garbage
        | Kind::V2Broken
        | Kind::V1DespiteBit
        | Kind::V1SpeaksFirstDespiteBit => software.services | P2P_V2,
        Kind::WrongMagic
        | Kind::OtherCoin
        | Kind::BadVersionChecksum
        | Kind::BadChecksum
        | Kind::BadCommand
        | Kind::OversizeHeader => software.services & !P2P_V2,
        _any => software.services,
    }
}

fn draw_software(dice: &mut Dice, kind: Kind) -> &'static Software {
    let is_first = |name: &str| SOFTWARE.iter().find(|it| it.user_agent.contains(name));
    let fixed = match kind {
        Kind::SpeaksFirst | Kind::V1SpeaksFirstDespiteBit => is_first("bcoin"),
        Kind::V2Only | Kind::V2Garbage | Kind::V2Broken => is_first("30.2.0"),
        Kind::NewFeatures => is_first("31.99"),
        // Only addrv2 carries all that they tell.
        Kind::TellsUnknown | Kind::TellsOversize => is_first("31.0.0"),
        _any => None,
    };
    fixed.unwrap_or_else(|| dice.pick_weighted(SOFTWARE, Software::weight))
}

fn draw_height(dice: &mut Dice, tip: i32) -> i32 {
    let behind = |dice: &mut Dice, most: i32| {
        let most = usize::try_from(most.max(1)).expect("a positive i32 is a usize");
        i32::try_from(dice.roll(most)).expect("it is less than an i32")
    };
    match dice.roll(100) {
        0..92 => tip - behind(dice, 2),
        92..96 => tip - behind(dice, tip.min(2_000)),
        96..99 => tip - behind(dice, tip),
        _ => 0,
    }
}

fn make_odd(version: &mut Version, kind: Kind, dice: &mut Dice) {
    let mut name = |bytes: &[u8]| version.user_agent = Some(bytes.to_vec());
    match kind {
        Kind::UserAgentNotUtf8 => name(b"/\xff\xfe\x80Satoshi:30.0.0\xc3/"),
        Kind::UserAgentEmpty => name(b""),
        Kind::UserAgentLong => name(&vec![b'x'; 257 + dice.roll(2_000)]),
        Kind::UserAgentControls => name(b"/Sat\x1b[31moshi:30\x00.0\r\n\t\x07\x7f/"),
        Kind::UserAgentMarkup => name(b"/<script>alert('x')</script><img src=x onerror=alert(1)>/"),
        Kind::AncientShort => {
            *version = Version {
                protocol_version: *dice.pick(&[101, 103, 105]),
                services: 1,
                timestamp: version.timestamp,
                addr_recv: version.addr_recv,
                ..Version::default()
            };
        }
        Kind::AncientNoHeight => {
            version.protocol_version = *dice.pick(&[106, 150, 208]);
            version.services = 1;
            version.user_agent = Some(Vec::new());
            version.start_height = None;
            version.relay = None;
        }
        Kind::AncientNoRelay | Kind::WithoutChecksums => {
            let known = match kind {
                Kind::WithoutChecksums => &ANCIENT[..N_WITHOUT_CHECKSUM],
                _later => &ANCIENT,
            };
            let (protocol_version, user_agent) = *dice.pick(known);
            version.protocol_version = protocol_version;
            version.services = 1;
            version.user_agent = Some(user_agent.as_bytes().to_vec());
            version.relay = None;
        }
        Kind::NoRelayByte => {
            version.protocol_version = 70_015;
            version.relay = None;
        }
        Kind::OddRelayByte => version.relay = Some(2),
        Kind::TrailingBytes => {
            version.relay = Some(1);
            version.trailing = dice.bytes::<5>().to_vec();
        }
        Kind::NegativeVersion => version.protocol_version = *dice.pick(&[-1, -70_016, i32::MIN]),
        Kind::AbsurdHeight => {
            version.start_height = Some(*dice.pick(&[-1, i32::MIN, i32::MAX, 2_000_000_000]));
        }
        Kind::AbsurdTime => {
            let times = [0, -1, i64::MIN, i64::MAX, 1_231_006_505, 4_102_444_800];
            version.timestamp = *dice.pick(&times);
        }
        _as_drawn => (),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_announced_reads_back_unless_it_is_malformed() {
        let moment = Moment {
            unix_time: 1_789_000_000,
            tip: 967_000,
        };
        for n in 0..200 {
            for kind in Kind::ALL {
                let mut dice = Dice::new(5, n);
                let version = draw_version(&mut dice, *kind, moment);
                let payload = encode(&version, *kind, &mut dice);
                match kind {
                    Kind::MalformedVersion => assert!(Version::decode(&payload).is_err()),
                    _well_formed => assert_eq!(Version::decode(&payload), Ok(version), "{kind}"),
                }
            }
        }
    }
}
