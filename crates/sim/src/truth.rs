//! What a census must find: one row an address, in the keys and forms of `bitcensus export ndjson`.

use std::borrow::Cow;
use std::io::{self, BufRead, Write};

use data_encoding::HEXLOWER;
use proto::features::Features;
use proto::gossip::ToldCounts;
use proto::visit::Heard;
use proto::{Outcome, PeerAddr, Version, Visit};
use serde::{Deserialize, Serialize};

use crate::churn::Schedule;
use crate::kind::Kind;

/// What there is to know about one address; `None` where there is nothing.
///
/// An exported line reads as one too: keys that are not here are passed over, and its `kind` is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TruthRow {
    /// Whom to call.
    pub address: String,
    /// Its network, by the word of [`proto::Network::name`].
    pub network: String,
    /// The word of its [`crate::Kind`].
    #[serde(default)]
    pub kind: String,
    /// How a visit ends, by the word of [`Outcome::code`].
    pub outcome: String,
    /// What carries the conversation, by the word of [`proto::visit::Transport::name`], with a census that tries v2 with
    /// those who are told to speak it; `None` where that is left to chance.
    #[serde(default)]
    pub transport: Option<String>,
    /// Its protocol version.
    pub protocol_version: Option<i32>,
    /// Its service bits.
    pub services: Option<u64>,
    /// Its user agent as text, with U+FFFD for what is no UTF-8.
    pub user_agent: Option<String>,
    /// Its user agent as bytes.
    pub user_agent_hex: Option<String>,
    /// The height of its chain.
    pub start_height: Option<i32>,
    /// Its relay byte.
    pub relay: Option<u8>,
    /// Its clock, Unix seconds.
    pub timestamp: Option<i64>,
    /// Its nonce.
    pub nonce: Option<u64>,
    /// Whom it thinks it talks to.
    pub addr_recv: Option<String>,
    /// Where it says it is.
    pub addr_from: Option<String>,
    /// The payload of its `version`.
    pub version_payload_hex: Option<String>,
    /// What else it shows to a caller that asks it [`proto::session::Questions::Features`].
    pub features: Option<Features>,
    /// How many addresses it tells a caller that asks for them, by network; absent where nobody asked, and where no two
    /// calls are alike.
    #[serde(default)]
    pub addresses_told: Option<ToldCounts>,
    /// Whether it can be found from the seeds.
    #[serde(default = "yes")]
    pub findable: bool,
    /// When it is up; absent where it is always there, and where nobody is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
}

fn yes() -> bool {
    true
}

impl TruthRow {
    /// Says what a visit to `addr` finds that ends with `outcome` and hears `heard`.
    pub fn new(addr: &PeerAddr, kind: &str, outcome: Outcome, heard: &Heard) -> TruthRow {
        let version = heard.version.as_deref();
        let payload = heard.version_payload.as_deref();
        let was_heard = payload.is_some() || heard.features != Features::default();
        TruthRow {
            address: addr.to_string(),
            network: addr.network().name().to_owned(),
            kind: kind.to_owned(),
            outcome: outcome.code().to_owned(),
            transport: None,
            protocol_version: version.map(|it| it.protocol_version),
            services: version.map(|it| it.services),
            user_agent: version
                .and_then(Version::user_agent_lossy)
                .map(Cow::into_owned),
            user_agent_hex: version.and_then(|it| Some(HEXLOWER.encode(it.user_agent.as_ref()?))),
            start_height: version.and_then(|it| it.start_height),
            relay: version.and_then(|it| it.relay),
            timestamp: version.map(|it| it.timestamp),
            nonce: version.and_then(|it| it.nonce),
            addr_recv: version.map(|it| it.addr_recv.to_string()),
            addr_from: version.and_then(|it| Some(it.addr_from?.to_string())),
            version_payload_hex: payload.map(|it| HEXLOWER.encode(it)),
            features: was_heard.then(|| heard.features.clone()),
            addresses_told: heard.gossip.as_ref().map(|it| it.told),
            findable: true,
            schedule: None,
        }
    }

    /// Says what a visit found, in the form of the truth.
    pub fn of_visit(visit: &Visit) -> TruthRow {
        TruthRow {
            transport: visit.call.transport.map(|it| it.name().to_owned()),
            ..TruthRow::new(&visit.addr, "", visit.call.outcome, &visit.call.heard)
        }
    }

    /// Says what a call in v1 finds there.
    pub(crate) fn over_v1(&self) -> TruthRow {
        match Kind::from_code(&self.kind) {
            Some(kind) if kind.refuses_v1() => TruthRow {
                address: self.address.clone(),
                network: self.network.clone(),
                kind: self.kind.clone(),
                outcome: Outcome::ClosedBeforeVersion.code().to_owned(),
                findable: self.findable,
                ..TruthRow::default()
            },
            _any => self.clone(),
        }
    }
}

/// Writes one JSON object a line.
pub fn write_ndjson(rows: &[TruthRow], out: &mut impl Write) -> io::Result<()> {
    for row in rows {
        serde_json::to_writer(&mut *out, row)?;
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// Reads one JSON object a line.
pub fn read_ndjson(input: impl BufRead) -> io::Result<Vec<TruthRow>> {
    input
        .lines()
        .map(|line| Ok(serde_json::from_str(&line?)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Reach, World, WorldConfig};

    #[test]
    fn every_kind_reads_back() {
        let world = World::of_kinds(&WorldConfig::default(), Kind::ALL);
        let truth = world.truth(Reach::Proxy);
        let mut file = Vec::new();
        write_ndjson(&truth, &mut file).unwrap();
        assert_eq!(read_ndjson(&file[..]).unwrap(), truth);
        assert_eq!(truth.len(), Kind::ALL.len());
    }

    #[test]
    fn what_is_never_heard_is_null() {
        let world = World::of_kinds(&WorldConfig::default(), &[Kind::Refused]);
        let mut row = world.truth(Reach::Proxy).remove(0);
        row.address = "1.2.3.4:8333".to_owned();
        row.network = "ipv4".to_owned();
        assert_eq!(
            serde_json::to_string(&row).unwrap(),
            concat!(
                r#"{"address":"1.2.3.4:8333","network":"ipv4","kind":"refused","outcome":"connect_refused","#,
                r#""transport":null,"protocol_version":null,"services":null,"user_agent":null,"user_agent_hex":null,"#,
                r#""start_height":null,"relay":null,"timestamp":null,"nonce":null,"addr_recv":null,"#,
                r#""addr_from":null,"version_payload_hex":null,"features":null,"addresses_told":null,"findable":false}"#
            )
        );
    }
}
