//! A snapshot in the form that the bitnodes API gave, for programs that were written for it.
//!
//! Each reachable address is a row of thirteen values, see [`Node`]. What bitnodes looked up elsewhere is null: host
//! name, city, country, place, time zone, AS number and its organisation; as there, Tor is in the last two and at
//! latitude and longitude 0. A census does not stay connected, so *connected since* is when the node was called.

use std::collections::BTreeMap;
use std::io::{self, Write};

use proto::addr::Network;
use proto::{PeerAddr, Visit};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::summary::latest_height;

/// All reachable nodes, with what bitnodes wrote above them.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Snapshot {
    /// When it was taken, seconds since 1970.
    pub timestamp: i64,
    /// How many nodes there are.
    pub total_nodes: usize,
    /// The height of the chain, see [`latest_height`].
    pub latest_height: i32,
    /// Each node by its address.
    #[serde(serialize_with = "by_text")]
    pub nodes: BTreeMap<PeerAddr, Node>,
}

/// One node; its row has thirteen values in the order of these fields, and the user agent is the only text of a peer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// 0: the protocol version.
    pub protocol_version: i32,
    /// 1: the user agent, empty where absent.
    pub user_agent: String,
    /// 2: when it was called, seconds since 1970.
    pub connected_since: i64,
    /// 3: the service bits.
    pub services: u64,
    /// 4: the height, 0 where absent.
    pub height: i32,
    /// 5: the host name.
    pub hostname: Option<String>,
    /// 6: the city.
    pub city: Option<String>,
    /// 7: the country, two letters.
    pub country: Option<String>,
    /// 8: the latitude in degrees.
    pub latitude: Option<f64>,
    /// 9: the longitude in degrees.
    pub longitude: Option<f64>,
    /// 10: the time zone.
    pub timezone: Option<String>,
    /// 11: the AS number: `AS3320`, or `TOR`.
    pub asn: Option<String>,
    /// 12: whose that is.
    pub organization: Option<String>,
}

/// Makes a [`Snapshot`] of visits, of which the last one of an address counts.
#[derive(Debug, Default)]
pub struct SnapshotBuilder {
    nodes: BTreeMap<PeerAddr, Node>,
}

impl SnapshotBuilder {
    /// Takes the next visit.
    pub fn add(&mut self, visit: &Visit) {
        match node(visit) {
            Some(node) => self.nodes.insert(visit.addr, node),
            None => self.nodes.remove(&visit.addr),
        };
    }

    /// Returns the snapshot; `timestamp` is in seconds since 1970.
    pub fn finish(self, timestamp: i64) -> Snapshot {
        let heights = self.nodes.values().map(|it| it.height).collect();
        Snapshot {
            timestamp,
            total_nodes: self.nodes.len(),
            latest_height: latest_height(heights).unwrap_or(0),
            nodes: self.nodes,
        }
    }
}

impl Snapshot {
    /// Writes it as one JSON object.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        out.flush()
    }
}

fn node(visit: &Visit) -> Option<Node> {
    if !visit.call.outcome.is_reachable() {
        return None;
    }
    let version = visit.call.heard.version.as_deref()?;
    let node = Node {
        protocol_version: version.protocol_version,
        user_agent: version.user_agent_lossy().unwrap_or_default().into_owned(),
        connected_since: visit.call.started_at_us.div_euclid(1_000_000),
        services: version.services,
        height: version.start_height.unwrap_or(0),
        ..Node::default()
    };
    Some(match visit.addr.network() {
        Network::Onion => Node {
            latitude: Some(0.0),
            longitude: Some(0.0),
            asn: Some("TOR".to_owned()),
            organization: Some("Tor network".to_owned()),
            ..node
        },
        Network::Ipv4 | Network::Ipv6 | Network::I2p | Network::Cjdns => node,
    })
}

fn by_text<S: Serializer>(nodes: &BTreeMap<PeerAddr, Node>, to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(nodes.len()))?;
    for (addr, node) in nodes {
        map.serialize_entry(&addr.to_string(), node)?;
    }
    map.end()
}

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let row = (
            self.protocol_version,
            &self.user_agent,
            self.connected_since,
            self.services,
            self.height,
            &self.hostname,
            &self.city,
            &self.country,
            self.latitude,
            self.longitude,
            &self.timezone,
            &self.asn,
            &self.organization,
        );
        row.serialize(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::{ONION, complete, failed};
    use proto::outcome::Outcome;
    use serde_json::Value;

    #[test]
    fn it_is_the_form_that_bitnodes_gave() {
        let mut silent = complete("1.2.3.4:8333", b"/gone/", 900_001);
        silent.call.heard.version.as_mut().unwrap().user_agent = None;
        let visits = [
            complete("[2a01::1]:8333", b"/Satoshi:27.1.0/", 900_000),
            complete(ONION, b"/\xff/", 900_000),
            silent,
            failed("5.6.7.8:8333", Outcome::ConnectTimeout),
        ];
        check(
            &visits,
            r#"{"timestamp":1793491260,"total_nodes":3,"latest_height":900000,"nodes":{
"1.2.3.4:8333":[70016,"",1793491200,3081,900001,null,null,null,null,null,null,null,null],
"[2a01::1]:8333":[70016,"/Satoshi:27.1.0/",1793491200,3081,900000,null,null,null,null,null,null,null,null],
"pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333":[70016,"/�/",1793491200,3081,900000,null,null,null,0.0,0.0,null,"TOR","Tor network"]}}"#,
        );
    }

    #[test]
    fn the_last_visit_of_an_address_counts() {
        let there = complete("1.2.3.4:8333", b"//", 900_000);
        let gone = failed("1.2.3.4:8333", Outcome::ConnectTimeout);
        check(
            &[there, gone],
            r#"{"timestamp":1793491260,"total_nodes":0,"latest_height":0,"nodes":{}}"#,
        );
    }

    #[test]
    fn what_read_the_file_of_2018_reads_ours() {
        // A row as bitnodes gave it on 6 August 2018.
        let theirs = r#"{"timestamp": 1533579395, "total_nodes": 9537, "latest_height": 535517, "nodes": {
            "dssqdj6pxnzkth6i.onion:8333": [70015, "/Satoshi:0.16.0/", 1533152504, 1037, 0, null, null, null, 0.0, 0.0,
            null, "TOR", "Tor network"]}}"#;
        let ours = written(&[complete(ONION, b"/Satoshi:27.1.0/", 900_000)]);
        assert_eq!(kinds(&ours), kinds(theirs));
    }

    /// The kind of each value, which is what a typed reader depends on.
    fn kinds(json: &str) -> Vec<String> {
        let snapshot: Value = serde_json::from_str(json).unwrap();
        let Value::Object(top) = &snapshot else {
            panic!("no object: {json}")
        };
        let nodes = snapshot["nodes"].as_object().unwrap();
        let rows = nodes.values().flat_map(|it| it.as_array().unwrap());
        let named = top
            .iter()
            .map(|(name, value)| format!("{name}: {}", kind(value)));
        named.chain(rows.map(|it| kind(it).to_owned())).collect()
    }

    fn kind(value: &Value) -> &'static str {
        match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(it) if it.is_f64() => "float",
            Value::Number(_) => "int",
            Value::String(_) => "text",
            Value::Array(_) => "list",
            Value::Object(_) => "object",
        }
    }

    fn written(visits: &[Visit]) -> String {
        let mut snapshot = SnapshotBuilder::default();
        for visit in visits {
            snapshot.add(visit);
        }
        let mut out = Vec::new();
        snapshot.finish(1_793_491_260).write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[track_caller]
    fn check(visits: &[Visit], expected: &str) {
        assert_eq!(written(visits), expected.replace('\n', ""));
    }
}
