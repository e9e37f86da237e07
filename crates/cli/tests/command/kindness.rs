//! What a crawl does not do to others: it calls nobody who opted out, nobody too soon, nobody twice at once, and not
//! too many a second.

use super::hosted::Hosted;
use super::place::Place;
use proto::{NotTried, Outcome, PeerAddr};
use sim::{Reach, WorldConfig};

#[test]
fn who_opted_out_is_known_and_never_called() {
    let place = Place::new();
    let sim = Hosted::new(&place, world());
    let others = 20..sim.world.nodes().len();
    let nodes: Vec<PeerAddr> = others.map(|n| sim.world.addr_of(n, Reach::Proxy)).collect();
    let on = |network: &str| {
        let mut found = nodes.iter().filter(|it| it.network().name() == network);
        *found.next().unwrap()
    };
    let (onion, ipv6) = (on("onion"), on("ipv6"));
    let ipv4 = nodes
        .iter()
        .rfind(|it| it.network().name() == "ipv4")
        .unwrap();
    let ip = ipv4.host.ip().unwrap();
    let list = format!(
        "{onion} # one node\n\n{}\n{ip}/12\n",
        ipv6.host.ip().unwrap()
    );
    place.write("leave.txt", list);
    let opted_out = |addr: &PeerAddr| {
        let same = |bytes: [u8; 16]| (bytes[12], bytes[13] >> 4);
        let in_prefix = match (addr.host.to_ip16(), ipv4.host.to_ip16()) {
            (Some(this), Some(that)) => addr.network().name() == "ipv4" && same(this) == same(that),
            _ => false,
        };
        *addr == onion || addr.host == ipv6.host || in_prefix
    };

    let via = format!("{} --opt-out leave.txt --db c.db", sim.all());
    let ended = place.run(&format!("crawl nodes.txt {via}"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut n_opted_out = 0;
    for visit in place.visits() {
        let is_left = visit.call.outcome == Outcome::NotTried(NotTried::OptedOut);
        assert_eq!(is_left, opted_out(&visit.addr), "{}", visit.addr);
        n_opted_out += usize::from(is_left);
    }
    assert!(n_opted_out >= 3, "{n_opted_out}");
    let said = format!("it was not called: opted_out {n_opted_out}\n");
    assert!(ended.stdout.contains(&said), "{}", ended.stdout);
}

#[test]
fn who_was_called_a_moment_ago_is_not_called_again() {
    let place = Place::new();
    let sim = Hosted::new(&place, world());
    let via = sim.all().replace(" --min-interval 0", "");
    let first = place.run(&format!("crawl nodes.txt {via} --db c.db"));
    assert_eq!(first.code, Some(0), "{first:?}");
    let before = sim.counts_of_closed()[0].handshakes;

    let second = place.run(&format!("crawl nodes.txt {via} --db c.db"));
    assert_eq!(second.code, Some(3), "{second:?}");
    let hint = "\n200 addresses were called less than 60 s ago; with `--min-interval 0` they are called again.\n";
    assert!(second.stderr.ends_with(hint), "{}", second.stderr);
    assert_eq!(sim.counts_of_closed()[0].handshakes, before);
    for row in place.found() {
        assert_eq!(row.outcome, "not_tried", "{}", row.address);
    }
    let third = place.run(&format!("crawl nodes.txt {via} --min-interval 0 --db c.db"));
    assert_eq!(third.code, Some(0), "{third:?}");
}

#[test]
fn nobody_is_called_twice_at_once_and_every_connection_is_closed() {
    let place = Place::new();
    let config = WorldConfig {
        odd_share: 0.3,
        liar_share: 0.3,
        ..world()
    };
    let sim = Hosted::new(&place, config);
    // A simulated node in the middle of its words notices late that its caller hung up to come again in v1.
    let all = sim.all();
    let ended = place.run(&format!("crawl seeds.txt {all} --transport v1 --db c.db"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let [counts, _] = sim.counts_of_closed();
    assert_eq!(counts.most_to_one, 1, "{counts:?}");
    assert!(counts.peak <= 200, "{counts:?}");
}

#[test]
fn no_second_has_more_calls_than_allowed() {
    const RATE: usize = 50;
    let place = Place::new();
    let sim = Hosted::new(&place, world());
    let via = sim
        .all()
        .replace("--max-rate 0", &format!("--max-rate {RATE}"));
    let ended = place.run(&format!("crawl nodes.txt {via} --retries 0 --db c.db"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut starts: Vec<i64> = place
        .visits()
        .iter()
        .map(|it| it.call.started_at_us)
        .collect();
    starts.sort_unstable();
    // Up to a twentieth of a second's worth may begin at once, and a busy machine holds some of them up.
    let n_most = RATE + RATE / 10 + 3;
    for (n, start) in starts.iter().enumerate() {
        let within = starts[n..].partition_point(|it| *it < start + 1_000_000);
        assert!(
            within <= n_most,
            "{within} calls in the second after call {n}"
        );
    }
}

fn world() -> WorldConfig {
    WorldConfig {
        n_nodes: 200,
        networks: "ipv4=35,ipv6=10,onion=40,i2p=10,cjdns=5".parse().unwrap(),
        ..WorldConfig::default()
    }
}
