//! `crawl` from a few seeds: it follows what nodes tell, until it has found everybody that can be found.

use std::thread;

use super::hosted::Hosted;
use super::place::Place;
use proto::Network;
use sim::compare::compare_found_rows;
use sim::truth::TruthRow;
use sim::{Explorer, WorldConfig};

/// Nodes on all five networks.
const MIX: &str = "ipv4=35,ipv6=10,onion=40,i2p=10,cjdns=5";
/// Seeds of worlds, and how many nodes they have.
const WORLDS: [(u64, usize); 5] = [(1, 600), (2, 800), (3, 1_000), (4, 1_200), (5, 1_500)];

/// Calls that a peer may cost before anything that it told turned out real (`Rules::first_credit`).
const FIRST_CREDIT: usize = 128;
/// Calls to those for whom nobody has credit left (`Rules::last_credit`).
const LAST_CREDIT: usize = 2_000;

#[test]
fn everybody_who_can_be_found_is_found_as_it_is() {
    in_threes(|world| {
        let (n_calls, truth) = crawl(world, "0");
        // Only full slots and failures of the proxy are tried again.
        assert!(n_calls <= truth.len() * 11 / 10, "{world:?}: {n_calls}");
    });
}

#[test]
fn liars_hide_nobody_and_cost_a_fixed_number_of_calls() {
    in_threes(|world| {
        let (n_calls, truth) = crawl(world, "0.2");
        let is_flood = |it: &&TruthRow| matches!(&*it.kind, "tells_fakes" | "tells_future");
        let n_floods = truth.iter().filter(is_flood).count();
        // Each flood is of a thousand addresses where nobody is.
        assert!(n_floods > 5, "{n_floods}");
        let n_most = truth.len() * 12 / 10 + n_floods * FIRST_CREDIT + LAST_CREDIT;
        assert!(n_calls <= n_most, "{world:?}: {n_calls} of {n_most}");
    });
}

#[test]
fn a_caller_finds_what_its_own_networks_tell() {
    let place = Place::new();
    let sim = Hosted::new(
        &place,
        WorldConfig {
            n_nodes: 800,
            odd_share: 0.1,
            dead_share: 0.3,
            liar_share: 0.1,
            networks: MIX.parse().unwrap(),
            ..WorldConfig::default()
        },
    );
    // Nobody listens there, so these networks are left alone.
    let via = format!("{} --tor socks5://127.0.0.1:1 --i2p 127.0.0.1:1", sim.all());
    let ended = place.run(&format!("crawl seeds.txt {via} --db c.db"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let own = [Network::Ipv4, Network::Ipv6, Network::Cjdns];
    let mut truth = sim.truth();
    let findable = sim.world.findable(Explorer {
        networks: &own,
        addrv2: true,
    });
    for (row, is_findable) in truth.iter_mut().zip(findable) {
        row.findable = is_findable && own.iter().any(|it| it.name() == row.network);
    }
    check(&truth, &place, "three networks");
}

#[test]
#[cfg(target_os = "linux")]
fn a_caller_without_a_proxy_finds_the_same() {
    let place = Place::new();
    let port = super::place::free_port();
    let mut sim = place.sim(&format!(
        "--nodes 600 --odd 0.1 --dead 0.3 --liars 0.1 --direct {port}"
    ));
    sim.wait_until_direct();
    let ended = place.run(
        "crawl seeds.txt --allow-private --db c.db --max-rate 0 --min-interval 0 \
         --connect-timeout 4 --handshake-timeout 8 --addr-timeout 10",
    );
    assert_eq!(ended.code, Some(0), "{ended:?}");
    check(&place.truth(), &place, "direct");
}

/// Does something with each world, with so few at once that no answer is late.
fn in_threes(check: impl Fn((u64, usize)) + Sync) {
    for worlds in WORLDS.chunks(3) {
        thread::scope(|scope| {
            for world in worlds {
                scope.spawn(|| check(*world));
            }
        });
    }
}

/// Crawls a world, and returns how many calls that took, and the truth, as which everything was found.
fn crawl((seed, n_nodes): (u64, usize), liars: &str) -> (usize, Vec<TruthRow>) {
    let place = Place::new();
    let network =
        format!("--seed {seed} --nodes {n_nodes} --odd 0.1 --dead 0.3 --liars {liars} --mix {MIX}");
    let sim = place.sim(&network);
    let ended = place.run(&format!("crawl seeds.txt {} --db c.db", sim.all()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let truth = place.truth();
    check(&truth, &place, &network);
    let crawls = place.crawls();
    let [(1, state, n_calls)] = &crawls[..] else {
        panic!("not one crawl: {crawls:?}")
    };
    assert_eq!(state, "finished");
    (*n_calls, truth)
}

/// Holds what was found against the truth; who answered was asked.
#[track_caller]
fn check(truth: &[TruthRow], place: &Place, name: &str) {
    let found = place.found();
    let comparison = compare_found_rows(truth, found.clone());
    assert!(comparison.is_perfect(), "{name}: {comparison}");
    for row in found.iter().filter(|it| it.outcome == "complete") {
        assert!(row.addresses_told.is_some(), "{name}: {}", row.address);
    }
}
