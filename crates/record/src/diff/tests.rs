use super::*;
use crate::figures::{Node, Snapshot, Unreached};
use crate::places::Place;
use crate::samples::{ONION, STARTED_AT_US, complete, failed};
use crate::store::{Crawl, CrawlId, CrawlState, Standing};
use listing::{Claimed, Listed, ListedNode};
use proto::Chain;
use proto::outcome::Outcome;
use std::time::Duration;

const DAY_S: i64 = 86_400;

#[test]
fn nothing_held_against_nothing_is_nothing() {
    let empty = || list("empty", &[]);
    let diff = Diff::of(&empty(), &empty(), 8333);
    assert_eq!(
        diff.overlap.value,
        [Overlap {
            network: "all",
            only_a: 0,
            only_b: 0,
            both: 0,
            jaccard: None,
            precision: None,
            recall: None
        }]
    );
    assert_eq!(
        (diff.fields.value, diff.only_a, diff.both),
        (vec![], vec![], vec![])
    );
}

#[test]
fn how_far_apart_two_observations_are_is_said_as_people_say_it() {
    let said = |apart_s: i64| {
        let mut diff = Diff::of(&list("a", &["1.1.1.1"]), &list("b", &[]), 8333);
        diff.b_after_a_s = Some(apart_s);
        let definition = diff.sections()[0].definition.clone();
        let apart = definition.split("; ").find(|it| it.contains("apart"));
        apart.map(str::to_owned)
    };
    let apart = |it| {
        Some(format!(
            "the two are {it} apart, and nodes come and go meanwhile"
        ))
    };
    assert_eq!(said(6 * 3_600 - 1), None);
    assert_eq!(said(-47 * 3_600), apart("47 hours"));
    assert_eq!(said(72_736 * 3_600), apart("3,030 days"));
}

#[test]
fn addresses_are_counted_by_where_they_are() {
    let a = list("a", &["1.1.1.1", "2.2.2.2", "3.3.3.3", ONION]);
    let b = list("b", &["2.2.2.2", "4.4.4.4"]);
    let diff = Diff::of(&a, &b, 8333);
    let rows = diff.overlap.value.iter().map(|it| {
        let share = |it: Option<f64>| it.map_or("-".to_owned(), |it| format!("{it:.2}"));
        format!(
            "{}: {} {} {}, {} {} {}",
            it.network,
            it.only_a,
            it.only_b,
            it.both,
            share(it.jaccard),
            share(it.precision),
            share(it.recall)
        )
    });
    assert_eq!(
        rows.collect::<Vec<_>>(),
        [
            "all: 3 1 1, 0.20 0.50 0.25",
            "ipv4: 2 1 1, 0.25 0.50 0.33",
            "onion: 1 0 0, 0.00 - 0.00",
        ]
    );
    let lone = |it: &[Lone]| -> Vec<String> {
        let words = it.iter().map(|it| format!("{} {}", it.address, it.why));
        words.collect()
    };
    assert_eq!(
        lone(&diff.only_a),
        [
            "1.1.1.1:8333 not_listed".to_owned(),
            "3.3.3.3:8333 not_listed".to_owned(),
            format!("{ONION} not_listed"),
        ]
    );
    assert_eq!(lone(&diff.only_b), ["4.4.4.4:8333 not_listed"]);
}

#[test]
fn a_port_makes_another_address() {
    let diff = Diff::of(
        &list("a", &["1.1.1.1:8333"]),
        &list("b", &["1.1.1.1:8334"]),
        8333,
    );
    assert_eq!(diff.overlap.value[0].both, 0);
    let traits = diff.traits_of_only_b.value;
    assert_eq!(words(&traits), ["port another one 1 0"]);
}

#[test]
fn a_list_that_ages_is_cut_where_it_says_when_it_saw_whom() {
    let seen = |addr, days: Option<i64>, since: Option<i64>| {
        listed(
            addr,
            Listed {
                seen_at: days.map(|it| it * DAY_S),
                connected_since: since.map(|it| it * DAY_S),
                ..Listed::default()
            },
        )
    };
    let nodes = [
        seen("1.1.1.1", Some(100), None),
        seen("2.2.2.2", Some(98), None),
        seen("3.3.3.3", Some(99), None),
        // Held by its observer for long, and that is no fault.
        seen("4.4.4.4", None, Some(3)),
        seen("5.5.5.5", None, None),
        // A time to come, and one that a list has for never.
        seen("6.6.6.6", Some(500), None),
        seen("7.7.7.7", Some(0), None),
    ];
    let mut side = list_of("a", nodes);
    assert_eq!(side.at_us, Some(100 * DAY_S * 1_000_000));
    assert_eq!(side.facts().older_than_a_day, 1);
    side.leave_out_stale(Duration::from_hours(23));
    let up: Vec<String> = side.up().map(|(addr, _)| addr.to_string()).collect();
    assert_eq!(
        up.join(" "),
        "1.1.1.1:8333 4.4.4.4:8333 5.5.5.5:8333 6.6.6.6:8333 7.7.7.7:8333"
    );
    let facts = side.facts();
    assert_eq!(
        (facts.known, facts.up, facts.stale, facts.timed),
        (7, 5, 2, 1)
    );
    let diff = Diff::of(&list("b", &["2.2.2.2"]), &side, 8333);
    assert_eq!(absences(&diff.why_not_in_b.value), ["stale 1"]);
}

#[test]
fn of_an_address_that_is_listed_twice_the_later_sight_counts() {
    let seen = |agent: &str, seen_at| {
        listed(
            "1.1.1.1",
            Listed {
                seen_at,
                user_agent: Some(agent.to_owned()),
                ..Listed::default()
            },
        )
    };
    let nodes = [
        seen("untimed", None),
        seen("late", Some(20)),
        seen("early", Some(10)),
        seen("untimed", None),
    ];
    let side = list_of("a", nodes);
    let (_, says) = side.up().next().unwrap();
    assert_eq!(says.user_agent.as_deref(), Some("late"));
}

#[test]
fn whom_a_list_names_is_up_unless_it_says_otherwise() {
    let nodes = [
        listed("1.1.1.1", Listed::default()),
        listed(
            "2.2.2.2",
            Listed {
                is_up: Some(false),
                ..Listed::default()
            },
        ),
        listed(
            "3.3.3.3",
            Listed {
                outcome: Some(Outcome::ConnectRefused),
                is_up: Some(false),
                ..Listed::default()
            },
        ),
        listed(
            "4.4.4.4",
            Listed {
                claimed: Some(Claimed::default()),
                ..Listed::default()
            },
        ),
        listed(
            "5.5.5.5",
            Listed {
                claimed: Some(Claimed::default()),
                outcome: Some(Outcome::VersionOnly),
                ..Listed::default()
            },
        ),
    ];
    let all = ["1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4", "5.5.5.5"];
    let diff = Diff::of(&list("all", &all), &list_of("some", nodes), 8333);
    assert_eq!(
        absences(&diff.why_not_in_b.value),
        ["connect_refused 1", "heard_of 1", "listed_as_down 1"]
    );
}

#[test]
fn a_crawl_and_an_imported_one_say_what_their_visits_do() {
    let side = |observer: Option<&str>| {
        let mut odd = complete("1.1.1.1:8333", b"/a/", 7);
        let version = odd.call.heard.version.as_mut().unwrap();
        version.protocol_version = 0;
        let snapshot = Snapshot {
            crawl: Crawl {
                observer: observer.map(str::to_owned),
                ..crawl()
            },
            nodes: vec![Node {
                visit: odd,
                place: Place::default(),
            }],
            unreached: vec![Unreached::from(&failed("2.2.2.2", Outcome::V2Failed))],
        };
        let addr = parse("1.1.1.1:8333");
        Side::of_crawl(snapshot, &[(addr, STARTED_AT_US - 5)].into())
    };
    let ours = side(None);
    let says = Says {
        seen_at_us: Some(STARTED_AT_US),
        up_since_us: Some(STARTED_AT_US - 5),
        protocol_version: Some(0),
        user_agent: Some("/a/".to_owned()),
        services: Some(0xc09),
        height: Some(7),
        source: Some("dns".to_owned()),
        ..Says::default()
    };
    let up: Vec<_> = ours.up().collect();
    assert_eq!(up, [(&parse("1.1.1.1:8333"), &says)]);
    assert_eq!(ours.why_not(&parse("2.2.2.2")), "v2_failed");
    assert_eq!(ours.why_not(&parse("3.3.3.3")), "not_known");

    let theirs = side(Some("somebody"));
    let says = Says {
        protocol_version: None,
        source: None,
        ..says
    };
    let up: Vec<_> = theirs.up().collect();
    assert_eq!(up, [(&parse("1.1.1.1:8333"), &says)]);
    assert_eq!(theirs.why_not(&parse("3.3.3.3")), "not_listed");
    assert_eq!(theirs.name, "crawl 7, imported from somebody");
}

#[test]
fn fields_are_compared_where_both_say_something() {
    let says = |agent: Option<&str>, version, asn: &str| Listed {
        user_agent: agent.map(str::to_owned),
        protocol_version: version,
        asn: Some(asn.to_owned()),
        ..Listed::default()
    };
    let a = list_of(
        "a",
        [
            listed("1.1.1.1", says(Some("/a/"), Some(70_016), "AS1")),
            listed("2.2.2.2", says(Some("/a/"), Some(70_016), "TOR")),
            listed("3.3.3.3", says(Some("/c/"), None, "AS1")),
            listed("4.4.4.4", says(None, None, "AS1")),
        ],
    );
    let b = list_of(
        "b",
        [
            listed("1.1.1.1", says(Some("/b/"), Some(70_016), "1")),
            listed("2.2.2.2", says(Some("/b/"), Some(-1), "AS1")),
            listed("3.3.3.3", says(Some("/a/"), Some(1), "AS2")),
            listed("4.4.4.4", says(Some("/a/"), Some(1), "AS1")),
        ],
    );
    let diff = Diff::of(&a, &b, 8333);
    let rows = diff.fields.value.iter().map(|it| {
        let pairs = it
            .pairs
            .iter()
            .map(|it| format!("{}>{} {}", it.a, it.b, it.n));
        format!(
            "{}: {} of {} {}",
            it.field,
            it.differ,
            it.compared,
            pairs.collect::<Vec<_>>().join(" ")
        )
    });
    assert_eq!(
        rows.collect::<Vec<_>>(),
        [
            "protocol_version: 1 of 2 70016>-1 1",
            "user_agent: 3 of 3 /a/>/b/ 2 /c/>/a/ 1",
            "asn: 1 of 3 1>2 1",
        ]
    );
    let differs: Vec<String> = diff.both.iter().map(|it| it.differs_in.join(" ")).collect();
    assert_eq!(
        differs,
        [
            "user_agent",
            "protocol_version user_agent",
            "user_agent asn",
            ""
        ]
    );
}

#[test]
fn a_crawl_says_why_it_lacks_what_a_list_has() {
    let failed = |addr, outcome| {
        let state = State::Failed(outcome);
        (parse(addr), Entry { state, says: None })
    };
    let mut crawl = list("crawl 7", &["1.1.1.1"]);
    crawl.observation = Observation::Crawl;
    let full = Outcome::ClosedBeforeVersion;
    let not_tried = Outcome::from_code("not_tried", Some("opted_out")).unwrap();
    crawl.entries.extend([
        failed("2.2.2.2", full),
        failed("3.3.3.3", Outcome::ConnectRefused),
        failed("4.4.4.4", full),
        failed("5.5.5.5", not_tried),
        // Nobody else has it either.
        failed("9.9.9.9", full),
    ]);
    let names = [
        "1.1.1.1", "2.2.2.2", "3.3.3.3", "4.4.4.4", "5.5.5.5", "6.6.6.6",
    ];
    let diff = Diff::of(&list("tracker", &names), &crawl, 8333);
    assert_eq!(
        absences(&diff.why_not_in_b.value),
        [
            "closed_before_version 2",
            "connect_refused 1",
            "not_known 1",
            "not_tried opted_out 1"
        ]
    );
    let has_meanings = diff
        .why_not_in_b
        .value
        .iter()
        .all(|it| !it.meaning.is_empty());
    assert!(has_meanings);
    assert_eq!(diff.b.known, 6);
}

#[test]
fn what_sets_lone_addresses_apart_is_counted_beside_those_that_both_have() {
    let node = |addr, agent: &str, version, since| {
        listed(
            addr,
            Listed {
                user_agent: Some(agent.to_owned()),
                protocol_version: Some(version),
                connected_since: Some(since),
                ..Listed::default()
            },
        )
    };
    let now = 100 * DAY_S;
    let a = list_of(
        "a",
        [
            node("1.1.1.1:9", "/bcoin:1/", 70_000, now - 1),
            node("2.2.2.2", "/bcoin:2/", 70_001, now),
            node("3.3.3.3", "/?:1/", 70_016, now - 8 * DAY_S),
            node("4.4.4.4", "/Satoshi:30.0.0/", 70_016, now - 2 * DAY_S),
        ],
    );
    let b = list("b", &["3.3.3.3", "4.4.4.4"]);
    let diff = Diff::of(&a, &b, 8333);
    assert_eq!(
        words(&diff.traits_of_only_a.value),
        [
            "age up for less than an hour 2 0",
            "age up for a day to a week 0 1",
            "age up for a week or longer 0 1",
            "port the usual one 1 2",
            "port another one 1 0",
            "protocol 70001 or later 1 2",
            "protocol below 70001 1 0",
            "software bcoin 2 0",
            "software Bitcoin Core 0 1",
            "software of unknown name 0 1",
        ]
    );
    assert_eq!(
        words(&diff.traits_of_only_b.value),
        ["port the usual one 0 2"]
    );
}

#[test]
fn tables_are_whole_and_bounded() {
    let many: Vec<String> = (0..=255).map(|it| format!("1.1.1.{it}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let diff = Diff::of(&list("a", &many), &list("b", &["1.1.1.0"]), 8333);
    let sections = diff.sections();
    for it in &sections {
        let n_columns = it.table.columns.len();
        assert!(
            it.table.rows.iter().all(|row| row.len() == n_columns),
            "{it:?}"
        );
    }
    let keys: Vec<&str> = sections.iter().map(|it| it.key).collect();
    assert_eq!(keys, ["sides", "overlap", "why_not_in_b", "only_a"]);
    let lone = sections.last().unwrap();
    assert_eq!(lone.table.rows.len(), 10);
    assert_eq!(lone.definition, "the first addresses, and 245 more");
}

#[test]
fn two_snapshots_of_bitnodes_are_held_against_each_other() {
    let (Some(a), Some(b)) = (
        real("bitnodes_2016-11-14.json"),
        real("bitnodes_2018-08-06.json"),
    ) else {
        return;
    };
    let diff = Diff::of(&a, &b, 8333);
    let counts = diff.overlap.value.iter();
    let counts = counts.map(|it| (it.network, it.only_a, it.only_b, it.both));
    assert_eq!(
        counts.collect::<Vec<_>>(),
        [
            ("all", 4_587, 8_790, 747),
            ("ipv4", 3_687, 7_589, 636),
            ("ipv6", 725, 1_193, 111),
            ("onion", 175, 8, 0),
        ]
    );
    let fields = diff.fields.value.iter().map(|it| {
        let Pair { a, b, n } = &it.pairs[0];
        format!("{} {} {}: {a} {b} {n}", it.field, it.compared, it.differ)
    });
    assert_eq!(
        fields.collect::<Vec<_>>(),
        [
            "protocol_version 747 631: 70014 70015 307",
            "user_agent 747 641: /Satoshi:0.12.1/ /Satoshi:0.16.0/ 111",
            "services 747 579: 0x5 0x40d 197",
            "height 747 743: 438807 535517 500",
            "country 747 8: US DE 4",
            "asn 743 124: 201229 200130 81",
        ]
    );
    // The answers themselves are 54,480,889 s apart.
    assert_eq!(diff.b_after_a_s, Some(54_480_890));
    assert_eq!((diff.a.timed, diff.a.held), (0, 5_334));
}

fn real(name: &str) -> Option<Side> {
    let data = std::env::var("BITCENSUS_DATA")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data").into());
    let Ok(text) = std::fs::read(format!("{data}/snapshots/{name}")) else {
        println!("skipped: {name} is not there");
        return None;
    };
    let mut side = ListSide::new(name.to_owned(), i64::MAX);
    listing::read_list(&text, 8333, |it| side.add(it)).unwrap();
    Some(side.finish())
}

fn words(traits: &[Trait]) -> Vec<String> {
    let words = traits
        .iter()
        .map(|it| format!("{} {} {} {}", it.name, it.value, it.alone, it.both));
    words.collect()
}

fn absences(absences: &[Absence]) -> Vec<String> {
    let words = absences
        .iter()
        .map(|it| format!("{} {}", it.why, it.networks["all"]));
    words.collect()
}

fn crawl() -> Crawl {
    Crawl {
        id: CrawlId(7),
        chain: Chain::Mainnet,
        vantage: String::new(),
        sources: vec!["dns".to_owned()],
        started_at_us: STARTED_AT_US,
        finished_at_us: Some(STARTED_AT_US + 1),
        n_queued: 0,
        config: serde_json::Value::Null,
        state: CrawlState::Finished,
        n_visits: 2,
        n_reachable: 1,
        left_out: BTreeMap::new(),
        series: None,
        observer: None,
        standing: Standing::default(),
    }
}

fn list(name: &str, addrs: &[&str]) -> Side {
    let nodes = addrs.iter().map(|addr| ListedNode {
        addr: parse(addr),
        said: None,
    });
    list_of(name, nodes)
}

fn list_of(name: &str, nodes: impl IntoIterator<Item = ListedNode>) -> Side {
    let mut side = ListSide::new(name.to_owned(), 200 * DAY_S * 1_000_000);
    nodes.into_iter().for_each(|it| side.add(it));
    side.finish()
}

fn listed(addr: &str, said: Listed) -> ListedNode {
    ListedNode {
        addr: parse(addr),
        said: Some(Box::new(said)),
    }
}

fn parse(addr: &str) -> PeerAddr {
    PeerAddr::parse(addr, 8333).unwrap()
}
