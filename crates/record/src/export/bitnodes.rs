//! A snapshot in the form that the bitnodes API gave, for programs that were written for it.
//!
//! Each reachable address is a row of thirteen values ([`ApiRow`]); what was looked up is null where the atlas does not
//! know it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use listing::Listed;
use listing::write::bitnodes::ApiRow;
use proto::{PeerAddr, Visit};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::listed::{Reckoned, listed};
use crate::places::Place;
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
    pub nodes: BTreeMap<PeerAddr, Listed>,
}

/// Makes a [`Snapshot`] of visits, of which the last one of an address counts.
#[derive(Debug, Default)]
pub struct SnapshotBuilder {
    nodes: BTreeMap<PeerAddr, Listed>,
}

impl SnapshotBuilder {
    /// Takes the next visit, and where its address is.
    pub fn add(&mut self, visit: &Visit, place: Place) {
        match visit.call.outcome.is_reachable() {
            true => {
                let node = listed(visit, place, Reckoned::default());
                self.nodes.insert(visit.addr, node);
            }
            false => {
                self.nodes.remove(&visit.addr);
            }
        }
    }

    /// Returns the snapshot; `timestamp` is in seconds since 1970.
    pub fn finish(self, timestamp: i64) -> Snapshot {
        let height = |it: &Listed| it.height.and_then(|it| i32::try_from(it).ok()).unwrap_or(0);
        let heights = self.nodes.values().map(height).collect();
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

fn by_text<S: Serializer>(nodes: &BTreeMap<PeerAddr, Listed>, to: S) -> Result<S::Ok, S::Error> {
    let mut map = to.serialize_map(Some(nodes.len()))?;
    for (addr, node) in nodes {
        map.serialize_entry(&addr.to_string(), &ApiRow(node))?;
    }
    map.end()
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
    fn places_are_those_of_the_atlas() {
        let mut snapshot = SnapshotBuilder::default();
        let place = Place {
            country: Some("DE".to_owned()),
            asn: Some(24940),
            latitude: Some(52.5),
            ..Place::default()
        };
        snapshot.add(&complete("1.2.3.4:8333", b"//", 1), place.clone());
        snapshot.add(&complete(ONION, b"//", 1), place);
        let snapshot = serde_json::to_value(snapshot.finish(0)).unwrap();
        let looked_up = |addr: &str| {
            serde_json::to_string(&snapshot["nodes"][addr].as_array().unwrap()[5..]).unwrap()
        };
        assert_eq!(
            looked_up("1.2.3.4:8333"),
            r#"[null,null,"DE",52.5,null,null,"AS24940",null]"#
        );
        assert_eq!(
            looked_up(ONION),
            r#"[null,null,null,0.0,0.0,null,"TOR","Tor network"]"#
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
            snapshot.add(visit, Place::default());
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
