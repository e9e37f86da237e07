//! Several ways out at once: a proxy, Tor's ports, an I2P router; and what becomes of networks whose way is gone.

use std::thread;
use std::time::{Duration, Instant};

use super::hosted::Hosted;
use super::place::Place;
use sim::compare::compare_found_rows;
use sim::{Reach, WorldConfig};

#[test]
fn i2p_nodes_are_found_through_a_router() {
    let place = Place::new();
    let sim = Hosted::new(&place, world());
    let via = format!("{} --i2p {}", sim.all(), sim.router());
    let ended = place.run(&format!("crawl seeds.txt {via} --db c.db"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = format!("i2p: works, the router {} made a session\n", sim.router());
    assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    let comparison = compare_found_rows(&sim.truth(), place.found());
    assert!(comparison.is_perfect(), "{comparison}");
    let [_, i2p] = sim.counts_of_closed();
    assert_eq!(i2p.most_to_one, 1, "{i2p:?}");
    let n_i2p = sim.truth().iter().filter(|it| it.network == "i2p").count();
    assert!(i2p.handshakes > n_i2p as u64 / 2, "{i2p:?}");
}

#[test]
fn a_router_that_dies_takes_no_other_network_along() {
    let place = Place::new();
    let sim = Hosted::new(&place, world());
    let slowly = sim.all().replace("--max-rate 0", "--max-rate 100");
    let via = format!("{slowly} --i2p {} --way-timeout 3", sim.router());
    let crawl = place.start(&format!("crawl seeds.txt {via} --db c.db"));
    let until = Instant::now() + Duration::from_secs(60);
    while sim.counts()[1].handshakes < 10 {
        assert!(Instant::now() < until, "nobody calls the router");
        thread::sleep(Duration::from_millis(5));
    }
    sim.stop_router();
    let ended = crawl.end();
    assert_eq!(ended.code, Some(0), "{ended:?}");

    let found = place.found();
    let (i2p, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|it| it.network == "i2p");
    let mut truth = sim.truth();
    truth.retain(|it| it.network != "i2p");
    let comparison = compare_found_rows(&truth, others);
    assert!(comparison.is_perfect(), "{comparison}");
    let n_with = |outcome: &str| i2p.iter().filter(|it| it.outcome == outcome).count();
    assert!(n_with("complete") >= 5, "{}", n_with("complete"));
    assert!(n_with("sam_error") >= 20, "{}", n_with("sam_error"));
}

#[test]
fn a_dead_port_of_tor_costs_no_onion_node() {
    let place = Place::new();
    let sim = Hosted::new(&place, world());
    let via = format!(
        "{} --tor socks5://127.0.0.1:1 --tor {}",
        sim.all(),
        sim.proxy()
    );
    let ended = place.run(&format!("crawl seeds.txt {via} --db c.db"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let said = "onion: works, 1 of 2 SOCKS ports answer; ";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let comparison = compare_found_rows(&sim.truth(), place.found());
    assert!(comparison.is_perfect(), "{comparison}");
}

#[test]
fn a_network_without_a_way_is_not_tried_and_said_once() {
    let place = Place::new();
    let sim = Hosted::new(&place, world());
    let of = |network: &str| {
        let mut nodes = (0..sim.world.nodes().len()).map(|n| sim.world.addr_of(n, Reach::Proxy));
        nodes.find(|it| it.network().name() == network).unwrap()
    };
    let (onion, i2p) = (of("onion"), of("i2p"));
    place.write("few.txt", format!("127.0.0.1:1\n{onion}\n{i2p}\n"));
    let ended = place.run("crawl few.txt --allow-private --db c.db");
    assert_eq!(ended.code, Some(3), "{ended:?}");
    for said in [
        "\nonion: off, give --tor socks5://127.0.0.1:9050 where Tor runs\n",
        "\ni2p: off, give --i2p 127.0.0.1:7656 where a router runs with SAM switched on\n",
    ] {
        assert_eq!(ended.stderr.matches(said).count(), 1, "{}", ended.stderr);
    }
    let mut ends: Vec<_> = place
        .found()
        .into_iter()
        .map(|it| (it.network, it.outcome))
        .collect();
    ends.sort();
    let expected = [
        ("i2p", "not_tried"),
        ("ipv4", "connect_refused"),
        ("onion", "not_tried"),
    ];
    assert_eq!(
        ends,
        expected.map(|(it, end)| (it.to_owned(), end.to_owned()))
    );
}

fn world() -> WorldConfig {
    WorldConfig {
        n_nodes: 400,
        networks: "ipv4=35,ipv6=10,onion=30,i2p=30,cjdns=5".parse().unwrap(),
        ..WorldConfig::default()
    }
}
