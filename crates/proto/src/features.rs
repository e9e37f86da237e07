//! What a peer showed it can do, beyond its service bits.

use serde::{Deserialize, Serialize};

use crate::command::{self, Command};
use crate::limits::MAX_FEATURES;
use crate::message::{Feature, Message, SendCmpct};

/// The features that a peer announced, in the order in which it did where order matters.
///
/// At most [`MAX_FEATURES`] of each list are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Features {
    /// It understands `addrv2` (BIP 155).
    #[serde(skip_serializing_if = "is_false")]
    pub sendaddrv2: bool,
    /// It announces transactions by wtxid (BIP 339).
    #[serde(skip_serializing_if = "is_false")]
    pub wtxidrelay: bool,
    /// It wants new blocks announced by their headers (BIP 130).
    #[serde(skip_serializing_if = "is_false")]
    pub sendheaders: bool,
    /// It asked us for addresses, though we called it.
    #[serde(skip_serializing_if = "is_false")]
    pub getaddr: bool,
    /// Versions of compact blocks that it understands (BIP 152).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sendcmpct: Vec<u64>,
    /// The least fee rate it wants to hear of, in satoshis per 1,000 virtual bytes (BIP 133).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feefilter: Option<i64>,
    /// The version of transaction reconciliation that it offers (BIP 330).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sendtxrcncl: Option<u32>,
    /// Named features (BIP 434): name, and data as hexadecimal digits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub feature: Vec<(String, String)>,
    /// Commands that no table knows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<String>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde asks for this form"
)]
fn is_false(it: &bool) -> bool {
    !*it
}

impl Features {
    /// Notes what `message` shows; messages that show nothing change nothing.
    pub fn note(&mut self, message: &Message) {
        match message {
            Message::SendAddrV2 => self.sendaddrv2 = true,
            Message::WtxidRelay => self.wtxidrelay = true,
            Message::SendHeaders => self.sendheaders = true,
            Message::GetAddr => self.getaddr = true,
            Message::SendCmpct(SendCmpct { version, .. }) => push(&mut self.sendcmpct, *version),
            Message::FeeFilter(rate) => self.feefilter = Some(*rate),
            Message::Feature(Feature { id, data }) => push(
                &mut self.feature,
                (
                    String::from_utf8_lossy(id).into_owned(),
                    data_encoding::HEXLOWER.encode(data),
                ),
            ),
            Message::Other { command, payload } => self.note_other(*command, payload),
            Message::Version(_)
            | Message::Verack
            | Message::Ping(_)
            | Message::Pong(_)
            | Message::Addr(_)
            | Message::AddrV2(_)
            | Message::Inv(_)
            | Message::GetData(_)
            | Message::NotFound(_)
            | Message::GetHeaders(_)
            | Message::Headers(_)
            | Message::Reject(_)
            | Message::Alert(_) => (),
        }
    }

    fn note_other(&mut self, command: Command, payload: &[u8]) {
        if command == command::SENDTXRCNCL {
            let version = payload.first_chunk().map(|it| u32::from_le_bytes(*it));
            self.sendtxrcncl = self.sendtxrcncl.or(version);
        } else if !command::COMMANDS.iter().any(|it| it.command == command) {
            push(&mut self.unknown, command.name().to_owned());
        }
    }
}

fn push<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if list.len() < MAX_FEATURES && !list.contains(&item) {
        list.push(item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_features_is_bounded() {
        let mut features = Features::default();
        for version in 0..100_000 {
            features.note(&Message::SendCmpct(SendCmpct {
                announce: 0,
                version,
            }));
            features.note(&Message::Other {
                command: Command::new(&format!("x{version}")),
                payload: Vec::new(),
            });
        }
        assert_eq!(features.sendcmpct.len(), MAX_FEATURES);
        assert_eq!(features.unknown.len(), MAX_FEATURES);
    }

    #[test]
    fn only_what_was_shown_is_in_the_json() {
        let mut features = Features::default();
        features.note(&Message::SendAddrV2);
        features.note(&Message::FeeFilter(1000));
        let json = serde_json::to_string(&features).unwrap();
        assert_eq!(json, r#"{"sendaddrv2":true,"feefilter":1000}"#);
        assert_eq!(serde_json::from_str::<Features>(&json).unwrap(), features);
    }
}
