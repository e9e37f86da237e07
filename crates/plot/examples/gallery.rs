//! Draws every chart: those that a list of nodes can feed of that list, the others of numbers drawn by lot.
//!
//! `cargo run -p plot --example gallery -- LIST DIRECTORY`

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fs};

use listing::{ListedNode, read_list};
use plot::{
    Ages, Bars, Caption, Curve, Heights, Pair, Pairs, Picture, Timeline, Trend, Trends, Unit,
    World, ages, bars, country_name, curves, heights, pairs, timeline, trends, world,
};

const WIDTH: f64 = 800.0;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = env::args().skip(1);
    let (list, dir) = args
        .next()
        .zip(args.next())
        .ok_or("expected LIST DIRECTORY")?;
    let mut nodes = Vec::new();
    read_list(&fs::read(&list)?, 8333, |it| nodes.push(it))?;
    fs::create_dir_all(&dir)?;
    for (name, picture) in of_list(&nodes, &list).into_iter().chain(by_lot(&list)) {
        let path = Path::new(&dir).join(name);
        fs::write(path.with_extension("svg"), picture.svg())?;
        fs::write(path.with_extension("png"), picture.png(1.0)?)?;
    }
    Ok(())
}

fn of_list(nodes: &[ListedNode], list: &str) -> Vec<(&'static str, Picture)> {
    let said = || nodes.iter().filter_map(|it| it.said.as_deref());
    let whole = u64::try_from(nodes.len()).unwrap_or(0);
    let ranking = |names: Vec<String>| Bars {
        rows: counted(names),
        whole,
        others: (0, 0),
        top: 15,
    };
    let agents = ranking(said().filter_map(|it| it.user_agent.clone()).collect());
    let countries: Vec<String> = said().filter_map(|it| it.country.clone()).collect();
    let named = countries
        .iter()
        .map(|it| country_name(it).unwrap_or(it).to_owned())
        .collect();
    let organisations = ranking(said().filter_map(|it| it.organisation.clone()).collect());
    let networks = ranking(
        nodes
            .iter()
            .map(|it| it.addr.network().to_string())
            .collect(),
    );
    let claimed: Vec<i32> = said()
        .filter_map(|it| i32::try_from(it.height?).ok())
        .collect();
    let mut sorted = claimed.clone();
    sorted.sort_unstable();
    let claimed = Heights {
        heights: claimed,
        tip: sorted.get(sorted.len() / 2).copied(),
    };
    let places = said().filter_map(|it| it.latitude.zip(it.longitude));
    let mut nowhere = BTreeMap::new();
    for node in nodes {
        if node.said.as_ref().is_none_or(|it| it.country.is_none()) {
            *nowhere.entry(node.addr.network().to_string()).or_default() += 1;
        }
    }
    let where_ = World {
        countries: counted(countries.clone()),
        places: places.map(|(north, east)| (north, east, 1)).collect(),
        nowhere: nowhere.into_iter().collect(),
    };
    let shaded = World {
        places: Vec::new(),
        ..where_.clone()
    };
    let title = |title: &str, definition: &str| caption(title, definition, list);
    vec![
        (
            "user_agents",
            bars(
                &title(
                    "User agents",
                    "Reachable addresses by the user agent they announce, its first 256 bytes.",
                ),
                &agents,
                WIDTH,
            ),
        ),
        (
            "countries",
            bars(
                &title("Countries", "Reachable addresses by country."),
                &ranking(named),
                WIDTH,
            ),
        ),
        (
            "organisations",
            bars(
                &title(
                    "Who runs the networks",
                    "Reachable addresses by who runs their autonomous system.",
                ),
                &organisations,
                WIDTH,
            ),
        ),
        (
            "networks",
            bars(
                &title("Networks", "Reachable addresses by network."),
                &networks,
                WIDTH,
            ),
        ),
        (
            "heights",
            heights(
                &title(
                    "Heights",
                    "The height of the chain that reachable nodes claim, by its distance from the tip: half of all nodes \
                     claim that or more.",
                ),
                &claimed,
                WIDTH,
            ),
        ),
        (
            "world",
            world(
                &title(
                    "Where nodes are",
                    "Reachable addresses by country and place.",
                ),
                &where_,
                WIDTH,
            ),
        ),
        (
            "countries_map",
            world(
                &title("Where nodes are", "Reachable addresses by country."),
                &shaded,
                WIDTH,
            ),
        ),
    ]
}

fn by_lot(list: &str) -> Vec<(&'static str, Picture)> {
    let mut dice = fastrand::Rng::with_seed(7);
    let mut curve = |name: &str, from: f64, n: usize| Curve {
        name: name.to_owned(),
        times_us: (0..n)
            .map(|_| to_u64(from * (dice.f64() * 3.0 - 1.0).exp2() * (1.0 + dice.f64())))
            .collect(),
    };
    let times = [
        curve("ipv4", 60_000.0, 5_000),
        curve("ipv6", 50_000.0, 900),
        curve("onion", 900_000.0, 7_000),
        curve("i2p", 2_500_000.0, 40),
    ];
    let rise = |i: u64| 2_000_u64.min(i * 160).min((90_u64.saturating_sub(i)) * 60);
    let crawl = Timeline {
        step_us: 1_000_000,
        in_flight: (0..90).map(rise).collect(),
        ended: vec![
            (
                "answered".to_owned(),
                (0..90).map(|i| rise(i) / 20).collect(),
            ),
            (
                "nobody there".to_owned(),
                (0..90).map(|i| rise(i) / 9).collect(),
            ),
            (
                "hung up".to_owned(),
                (0..90).map(|i| rise(i) / 40).collect(),
            ),
        ],
    };
    let mut walk = |name: &str, from: f64, gap: i64| {
        let mut value = from;
        let points = (0..60).map(|i| {
            value = (value * (0.97 + dice.f64() * 0.07)).max(0.0);
            let is_there = i < gap || i > gap + 6;
            (
                1_600_000_000_000_000 + i * 2_592_000_000_000,
                is_there.then_some(value),
            )
        });
        Trend {
            name: name.to_owned(),
            points: points.collect(),
        }
    };
    let series = vec![
        walk("bitnodes", 9_800.0, 70),
        walk("ours", 9_900.0, 20),
        walk("virtu's p2p-crawler", 8_100.0, 44),
        walk("KIT", 3_000.0, 30),
    ];
    let software = Ages {
        series: ["Bitcoin Core", "Knots", "others"]
            .map(str::to_owned)
            .to_vec(),
        years: (2013..=2025).map(|it| (it, age_of(it))).collect(),
        unknown: 420,
        median: Some((
            2023,
            "half of all nodes run what was released in 2023 or before".to_owned(),
        )),
    };
    let pair = |name: &str, whole, counts| Pair {
        name: name.to_owned(),
        whole,
        counts,
    };
    let transports = Pairs {
        names: ["v2 offered", "v2 worked"].map(str::to_owned),
        rows: vec![
            pair("ipv4", 5_880, [4_100, 4_012]),
            pair("ipv6", 1_105, [800, 790]),
            pair("onion", 7_425, [5_000, 4_700]),
            pair("i2p", 12, [12, 11]),
        ],
    };
    let title = |title: &str, definition: &str| caption(title, definition, list);
    vec![
        (
            "latency",
            curves(
                &title(
                    "How long nodes take",
                    "Time from the first packet to the version message, by network.",
                ),
                &times,
                "time to the version message",
                WIDTH,
            ),
        ),
        (
            "timeline",
            timeline(
                &title(
                    "The crawl, second by second",
                    "Calls in flight, and how calls ended.",
                ),
                &crawl,
                WIDTH,
            ),
        ),
        (
            "trends",
            trends(
                &title(
                    "Reachable nodes",
                    "Addresses that brought a valid version message, by observer.",
                ),
                &Trends {
                    unit: Unit::Count,
                    name: "nodes".to_owned(),
                    series,
                },
                WIDTH,
            ),
        ),
        (
            "ages",
            ages(
                &title(
                    "Age of the software",
                    "Reachable nodes by the year in which what they run was released.",
                ),
                &software,
                WIDTH,
            ),
        ),
        (
            "transports",
            pairs(
                &title(
                    "Encrypted transport",
                    "Nodes that offer v2 (BIP 324), and those with which it worked.",
                ),
                &transports,
                WIDTH,
            ),
        ),
    ]
}

fn age_of(year: i16) -> Vec<u64> {
    let since = u64::try_from(year - 2012).unwrap_or(0);
    vec![since * since * 20, since * 25, 90 / since]
}

fn caption(title: &str, definition: &str, list: &str) -> Caption {
    Caption {
        title: title.to_owned(),
        definition: definition.to_owned(),
        source: format!("{list} · bitcensus {}", env!("CARGO_PKG_VERSION")),
    }
}

fn counted(names: Vec<String>) -> Vec<(String, u64)> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    counts.into_iter().collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few seconds"
)]
fn to_u64(us: f64) -> u64 {
    us as u64
}
