//! `crawl --edges` and `export edges`: who told whom.

use std::collections::BTreeMap;

use super::hosted::Hosted;
use super::place::Place;
use serde_json::Value;
use sim::{Reach, WorldConfig};

#[test]
fn edges_are_what_nodes_told() {
    let place = Place::new();
    let sim = Hosted::new(&place, world());
    let ended = place.run(&format!("crawl seeds.txt {} --edges --db c.db", sim.all()));
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let mut seen: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::new();
    for line in place.run("export edges --db c.db").stdout.lines() {
        let edge: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| edge[key].as_str().unwrap().to_owned();
        let told = (text("to"), edge["services"].as_u64().unwrap());
        seen.entry(text("from")).or_default().push(told);
    }
    let services: BTreeMap<String, Option<u64>> = place
        .found()
        .into_iter()
        .map(|it| (it.address, it.services))
        .collect();
    let mut n_compared = 0;
    for (n, node) in sim.world.nodes().iter().enumerate() {
        let from = sim.world.addr_of(n, Reach::Proxy).to_string();
        let seen = seen.remove(&from).unwrap_or_default();
        let Some(told) = sim.world.told_by(n, Reach::Proxy) else {
            continue;
        };
        let told: Vec<_> = told.iter().map(ToString::to_string).collect();
        let seen_to: Vec<_> = seen.iter().map(|it| it.0.clone()).collect();
        assert_eq!(seen_to, told, "{from} ({})", node.kind);
        for (to, claimed) in seen {
            // Who is not a node, or did not answer, has nothing to compare with.
            if let Some(Some(services)) = services.get(&to) {
                assert_eq!(claimed, *services, "{from} of {to}");
                n_compared += 1;
            }
        }
    }
    assert_eq!(seen, BTreeMap::new());
    assert!(n_compared > 1_000, "{n_compared}");
}

#[test]
fn nobody_keeps_edges_unasked() {
    let place = Place::new();
    let sim = Hosted::new(&place, world());
    let ended = place.run(&format!("crawl seeds.txt {} --db c.db", sim.all()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let edges = place.run("export edges --db c.db");
    assert_eq!((edges.code, &*edges.stdout), (Some(0), ""));
}

fn world() -> WorldConfig {
    WorldConfig {
        n_nodes: 300,
        odd_share: 0.1,
        dead_share: 0.2,
        liar_share: 0.3,
        networks: "ipv4=35,ipv6=10,onion=40,i2p=10,cjdns=5".parse().unwrap(),
        ..WorldConfig::default()
    }
}
