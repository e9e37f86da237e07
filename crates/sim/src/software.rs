//! The software that nodes run: what it says of itself, and in which order it speaks.

use proto::Message;
use proto::message::SendCmpct;
use proto::protocol_version::{HAS_ADDRV2, PONG_ABOVE};

/// One release, as seen on the network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Software {
    /// How many of about a thousand nodes run it.
    weight: u32,
    /// What it calls itself.
    pub(crate) user_agent: &'static str,
    /// Its protocol version.
    pub(crate) protocol_version: i32,
    /// Its service bits.
    pub(crate) services: u64,
}

const fn release(
    weight: u32,
    user_agent: &'static str,
    protocol_version: i32,
    services: u64,
) -> Software {
    Software {
        weight,
        user_agent,
        protocol_version,
        services,
    }
}

/// What the network runs, in shares like those of public lists.
pub(crate) const SOFTWARE: &[Software] = &[
    release(6, "/Satoshi:31.99.0/", 70_017, 0xc09),
    release(120, "/Satoshi:31.0.0/", 70_016, 0xc09),
    release(150, "/Satoshi:30.2.0/", 70_016, 0xc09),
    release(60, "/Satoshi:30.0.0/", 70_016, 0xc49),
    release(20, "/Satoshi:30.0.0(@home)/", 70_016, 0xc0d),
    release(140, "/Satoshi:29.2.0/", 70_016, 0xc09),
    release(50, "/Satoshi:29.0.0/", 70_016, 0xc08),
    release(70, "/Satoshi:28.1.0/", 70_016, 0xc09),
    release(30, "/Satoshi:28.0.0(FutureBit-Apollo-Node)/", 70_016, 0xc4d),
    release(60, "/Satoshi:27.1.0/", 70_016, 0xc09),
    release(30, "/Satoshi:26.0.0/", 70_016, 0x409),
    release(30, "/Satoshi:25.0.0/", 70_016, 0x409),
    release(20, "/Satoshi:24.0.1/", 70_016, 0x409),
    release(20, "/Satoshi:23.0.0/", 70_016, 0x40d),
    release(15, "/Satoshi:22.0.0/", 70_016, 0x409),
    release(
        8,
        "/Satoshi:22.0.0(Samourai Dojo 1.16.1; no comment)/",
        70_016,
        0x40d,
    ),
    release(12, "/Satoshi:0.21.1/", 70_016, 0x409),
    release(8, "/Satoshi:0.20.1/", 70_015, 0x40d),
    release(8, "/Satoshi:0.18.0/", 70_015, 0x40d),
    release(5, "/Satoshi:0.17.1/", 70_015, 0x40d),
    release(5, "/Satoshi:0.16.3/", 70_015, 0x40d),
    release(3, "/Satoshi:0.14.2/", 70_015, 0xd),
    release(2, "/Satoshi:0.13.0/", 70_014, 0xd),
    release(2, "/Satoshi:0.12.1(bitcore)/", 70_012, 0x5),
    release(2, "/Satoshi:0.9.4/", 70_002, 0x1),
    release(1, "/Satoshi:0.8.6/", 70_001, 0x1),
    release(60, "/Satoshi:29.4.3/Knots:20260901/", 70_016, 0x1000_0c09),
    release(
        40,
        "/Satoshi:29.2.0/Knots:20251110/UASF-BIP110:0.3/",
        70_016,
        0x0c00_0c0d,
    ),
    release(25, "/Satoshi:28.1.0/Knots:20250305/", 70_016, 0x0400_0c09),
    release(4, "/btcwire:0.5.0/btcd:0.26.1/", 70_016, 0xc4d),
    release(3, "/btcwire:0.5.0/btcd:0.23.1/", 70_013, 0x4d),
    release(3, "/bcoin:2.2.0/", 70_015, 0x9),
    release(2, "/bcoin:v1.0.2/", 70_015, 0x9),
    release(2, "/libbitcoin:4.0.0/", 70_013, 0x9),
    release(1, "/libbitcoin:2.11.0/", 70_001, 0x1),
    release(2, "/Gocoin:1.10.2pre/", 70_015, 0x9),
    release(1, "/BitcoinUnlimited:1.0.3(EB16; AD12)/", 70_012, 0x35),
];

impl Software {
    /// Returns how often this release is seen, next to the others.
    pub(crate) fn weight(&self) -> u32 {
        self.weight
    }
}

/// Who wrote the software, which says in which order it speaks (`REALPEERS.md` §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Bitcoin Core, Bitcoin Knots and what descends from them.
    Core,
    /// btcd.
    Btcd,
    /// bcoin.
    Bcoin,
    /// Whoever announces nothing.
    Plain,
}

impl Family {
    /// Reads the family off the user agent.
    pub(crate) fn of(user_agent: &[u8]) -> Family {
        let names = |name: &str| {
            user_agent
                .windows(name.len())
                .any(|it| it == name.as_bytes())
        };
        if names("btcd") {
            Family::Btcd
        } else if names("bcoin") {
            Family::Bcoin
        } else if names("libbitcoin") || names("Gocoin") {
            Family::Plain
        } else {
            Family::Core
        }
    }
}

/// What a node says around its `version` and `verack`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Talk {
    /// Whether it sends its `version` before it hears the caller's.
    pub(crate) speaks_first: bool,
    /// Between its `version` and its `verack`.
    pub(crate) before_verack: Vec<Message>,
    /// In the same breath as its `verack`.
    pub(crate) behind_verack: Vec<Message>,
    /// Once it heard the caller's `verack`.
    pub(crate) after_verack: Vec<Message>,
}

/// Returns what software of `family` says; `nonce` is that of its own `ping`.
pub(crate) fn talk(family: Family, protocol_version: i32, nonce: u64) -> Talk {
    // Before `ping` had a nonce nobody announced anything, and callers cannot wait for what comes behind `verack`.
    if protocol_version <= PONG_ABOVE {
        return Talk::default();
    }
    match family {
        Family::Core => Talk {
            before_verack: match protocol_version {
                HAS_ADDRV2.. => vec![Message::WtxidRelay, Message::SendAddrV2],
                _ => Vec::new(),
            },
            after_verack: core_after_verack(protocol_version, nonce),
            ..Talk::default()
        },
        Family::Btcd => Talk {
            before_verack: match protocol_version {
                HAS_ADDRV2.. => vec![Message::SendAddrV2],
                _ => Vec::new(),
            },
            ..Talk::default()
        },
        Family::Bcoin => Talk {
            speaks_first: true,
            behind_verack: vec![sendcmpct(1), Message::GetAddr],
            ..Talk::default()
        },
        Family::Plain => Talk::default(),
    }
}

fn core_after_verack(protocol_version: i32, nonce: u64) -> Vec<Message> {
    let ping = Message::Ping(Some(nonce));
    let feefilter = Message::FeeFilter(1_000);
    match protocol_version {
        HAS_ADDRV2.. => vec![sendcmpct(2), ping, feefilter],
        70_014.. => vec![
            Message::SendHeaders,
            sendcmpct(2),
            sendcmpct(1),
            ping,
            feefilter,
        ],
        70_013 => vec![Message::SendHeaders, ping, feefilter],
        70_012 => vec![Message::SendHeaders, ping],
        _ => vec![ping],
    }
}

fn sendcmpct(version: u64) -> Message {
    Message::SendCmpct(SendCmpct {
        announce: 0,
        version,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_speaks_in_its_own_order() {
        check(
            "/Satoshi:31.0.0/",
            70_016,
            "version wtxidrelay sendaddrv2 verack | sendcmpct ping feefilter",
        );
        check(
            "/Satoshi:0.17.1/",
            70_015,
            "version verack | sendheaders sendcmpct sendcmpct ping feefilter",
        );
        check("/Satoshi:0.8.6/", 70_001, "version verack | ping");
        check("/Satoshi:0.6.0/", 60_000, "version verack |");
        check(
            "/btcwire:0.5.0/btcd:0.26.1/",
            70_016,
            "version sendaddrv2 verack |",
        );
        check(
            "/bcoin:2.2.0/",
            70_015,
            "first: version verack sendcmpct getaddr |",
        );
        check("/libbitcoin:4.0.0/", 70_013, "version verack |");
    }

    #[track_caller]
    fn check(user_agent: &str, protocol_version: i32, expected: &str) {
        let talk = talk(Family::of(user_agent.as_bytes()), protocol_version, 1);
        let mut words = vec!["version".to_owned()];
        let mut say = |messages: &[Message]| {
            words.extend(messages.iter().map(|it| it.command().to_string()));
        };
        say(&talk.before_verack);
        say(&[Message::Verack]);
        say(&talk.behind_verack);
        words.push("|".to_owned());
        words.extend(talk.after_verack.iter().map(|it| it.command().to_string()));
        let first = if talk.speaks_first { "first: " } else { "" };
        assert_eq!(format!("{first}{}", words.join(" ")), expected);
    }
}
