//! Full slots: who had no room at first is called again.

use super::hosted::Hosted;
use super::place::Place;
use proto::Outcome;
use sim::compare::compare_rows;
use sim::truth::TruthRow;
use sim::{Kind, WorldConfig};

/// How many nodes are full at first, and how many are not.
const N_EACH: usize = 30;

#[test]
fn who_had_full_slots_is_found_in_the_end() {
    let place = Place::new();
    let sim = half_full(&place);
    let ended = place.run(&format!(
        "crawl nodes.txt {} --transport v1 --db c.db",
        sim.all()
    ));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let comparison = compare_rows(&sim.truth(), place.found());
    assert!(comparison.is_perfect(), "{comparison}");
    let ends = |outcome, attempt| {
        let visits = place.visits().into_iter();
        visits
            .filter(|it| it.call.outcome == outcome && it.attempt == attempt)
            .count()
    };
    assert_eq!(place.visits().len(), 3 * N_EACH);
    assert_eq!(ends(Outcome::ClosedBeforeVersion, 1), N_EACH);
    assert_eq!(ends(Outcome::Complete, 1), N_EACH);
    assert_eq!(ends(Outcome::Complete, 2), N_EACH);
}

#[test]
fn full_slots_are_recorded_where_nobody_is_called_again() {
    let place = Place::new();
    let sim = half_full(&place);
    let via = format!("{} --transport v1 --retries 0", sim.all());
    let ended = place.run(&format!("crawl nodes.txt {via} --db c.db"));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let expected = sim.truth().into_iter().map(|row| match &*row.kind {
        "full_at_first" => (row.address, "closed_before_version".to_owned()),
        _honest => (row.address, row.outcome),
    });
    let mut expected: Vec<_> = expected.collect();
    let end = |it: TruthRow| (it.address, it.outcome);
    let mut found: Vec<_> = place.found().into_iter().map(end).collect();
    expected.sort();
    found.sort();
    assert_eq!(found, expected);
    assert_eq!(place.visits().len(), 2 * N_EACH);
}

fn half_full(place: &Place) -> Hosted {
    let kinds = [[Kind::FullAtFirst; N_EACH], [Kind::Honest; N_EACH]].concat();
    Hosted::of_kinds(place, WorldConfig::default(), &kinds)
}
