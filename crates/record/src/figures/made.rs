//! Snapshots for tests, made by hand.

use std::collections::BTreeMap;

use proto::{Chain, Visit};

use super::{Cell, Node, Section, Snapshot, Unreached};
use crate::places::Place;
use crate::samples::STARTED_AT_US;
use crate::store::{Crawl, CrawlId, CrawlState, Standing};
use crate::summary::Count;

/// What these visits found, one an address, in any order; nothing is known of places.
pub(crate) fn snapshot(visits: &[Visit]) -> Snapshot {
    placed_snapshot(visits, |_| Place::default())
}

/// The same, with nodes that are somewhere.
pub(crate) fn placed_snapshot(visits: &[Visit], place: impl Fn(&Visit) -> Place) -> Snapshot {
    let (reached, unreached): (Vec<_>, Vec<_>) =
        visits.iter().partition(|it| it.call.outcome.is_reachable());
    let node = |it: &Visit| Node {
        visit: it.clone(),
        place: place(it),
    };
    let mut nodes: Vec<Node> = reached.into_iter().map(node).collect();
    nodes.sort_by_key(|it| it.visit.addr);
    let mut unreached: Vec<Unreached> = unreached.into_iter().map(Unreached::from).collect();
    unreached.sort_by_key(|it| it.addr);
    Snapshot {
        crawl: crawl(visits.len()),
        nodes,
        unreached,
    }
}

/// A crawl of the main chain that took ten seconds.
pub(crate) fn crawl(n_visits: usize) -> Crawl {
    Crawl {
        id: CrawlId(1),
        chain: Chain::Mainnet,
        vantage: "a desk".to_owned(),
        sources: vec!["seeds".to_owned()],
        started_at_us: STARTED_AT_US,
        finished_at_us: Some(STARTED_AT_US + 10_000_000),
        n_queued: 1,
        config: serde_json::Value::Null,
        state: CrawlState::Finished,
        n_visits: n_visits as u64,
        n_reachable: 0,
        left_out: BTreeMap::new(),
        series: None,
        observer: None,
        standing: Standing::default(),
    }
}

/// Writes names and how often they came: `b 3, a 2, - 1`.
pub(crate) fn names(counts: &[Count]) -> String {
    let words = counts.iter().map(|it| {
        let name = it.name.as_deref().unwrap_or("-");
        format!("{name} {}", it.n)
    });
    words.collect::<Vec<_>>().join(", ")
}

/// Writes a chapter as its tests like to compare it: a line for each section, and one for each row.
pub(crate) fn written(sections: &[Section]) -> String {
    let mut text = String::new();
    for section in sections.iter().filter(|it| !it.table.rows.is_empty()) {
        let columns = section.table.columns.join(" | ");
        text.push_str(&format!("{}: {columns}\n", section.key));
        for row in &section.table.rows {
            assert_eq!(row.len(), section.table.columns.len(), "{}", section.key);
            let cells: Vec<String> = row.iter().map(cell).collect();
            text.push_str(&format!("  {}\n", cells.join(" | ")));
        }
    }
    text
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Empty => "-".to_owned(),
        Cell::Text(text) => text.clone(),
        Cell::Count(n) => n.to_string(),
        Cell::Integer(n) | Cell::Label(n) => n.to_string(),
        Cell::Number(n) => format!("{n}"),
        Cell::Share(n) => format!("{:.1} %", n * 100.0),
        Cell::Micros(us) => format!("{us} µs"),
        Cell::Seconds(s) => format!("{s} s"),
        Cell::Time(us) => format!("at {us} µs"),
    }
}
