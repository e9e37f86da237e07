//! Holding what a census found against the truth.

use std::collections::BTreeMap;
use std::fmt;

use proto::visit::Transport;
use proto::{NotTried, Outcome, Visit};
use serde_json::Value;

use crate::kind::Kind;
use crate::truth::TruthRow;

/// How many wrong, missing and extra addresses the text of a [`Comparison`] names, each.
const MAX_NAMED: usize = 10;

/// What a census got right and what not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison {
    /// How many addresses were found just as they are.
    pub n_right: usize,
    /// What was found otherwise, in the order of the addresses; one address may be here several times.
    pub wrong: Vec<Wrong>,
    /// Addresses of the truth that were not visited.
    pub missing: Vec<String>,
    /// Addresses that were visited, but are not in the truth.
    pub extra: Vec<String>,
}

/// One field of one address that was found otherwise than it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Which address.
    pub address: String,
    /// The word of its [`crate::Kind`].
    pub kind: String,
    /// The key of the field.
    pub field: String,
    /// What it is, as JSON.
    pub expected: Value,
    /// What was found, as JSON.
    pub seen: Value,
}

/// What a census must have found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// It was given every address.
    Listed,
    /// It followed what nodes told.
    Followed,
}

/// Holds visits against the truth, whichever transport carried them; of several visits to one address the last one counts.
pub fn compare<'a>(truth: &[TruthRow], visits: impl IntoIterator<Item = &'a Visit>) -> Comparison {
    compare_rows(truth, visits.into_iter().map(TruthRow::of_visit))
}

/// Holds rows, such as those of an export, against the truth; of several rows with one address the last one counts.
pub fn compare_rows(truth: &[TruthRow], seen: impl IntoIterator<Item = TruthRow>) -> Comparison {
    hold(Rule::Listed, truth, seen)
}

/// Holds the visits of a crawl that started from the seeds against the truth; of several visits to one address the last
/// one counts.
///
/// Every live node that can be found must be there, and whatever was called must be found as it is. Dead nodes and
/// those that nobody tells of may be missing, nodes that come and go may not have been reached, and addresses where
/// nobody is may be there, but not as reachable.
pub fn compare_found<'a>(
    truth: &[TruthRow],
    visits: impl IntoIterator<Item = &'a Visit>,
) -> Comparison {
    compare_found_rows(truth, visits.into_iter().map(TruthRow::of_visit))
}

/// Does the same as [`compare_found`] with rows, such as those of an export.
pub fn compare_found_rows(
    truth: &[TruthRow],
    seen: impl IntoIterator<Item = TruthRow>,
) -> Comparison {
    hold(Rule::Followed, truth, seen)
}

fn hold(rule: Rule, truth: &[TruthRow], seen: impl IntoIterator<Item = TruthRow>) -> Comparison {
    let mut seen: BTreeMap<String, TruthRow> = seen
        .into_iter()
        .map(|row| (row.address.clone(), row))
        .collect();
    let mut comparison = Comparison::default();
    let by_address: BTreeMap<&str, &TruthRow> =
        truth.iter().map(|it| (it.address.as_str(), it)).collect();
    for (address, expected) in by_address {
        match seen.remove(address) {
            None if rule.requires(expected) => comparison.missing.push(address.to_owned()),
            None => (),
            Some(row) if expected.schedule.is_some() && !is_reachable(&row) => (),
            Some(row) if !rule.requires(expected) && !was_tried(&row) => (),
            Some(row) => comparison.compare_row(&rule.expectation(expected, &row), row),
        }
    }
    seen.retain(|_, row| rule == Rule::Listed || is_reachable(row));
    comparison.extra = seen.into_keys().collect();
    comparison
}

impl Rule {
    /// Returns what the one that found `seen` had to find.
    ///
    /// Who followed was told who speaks v2. Who has a list was not, or too late, so that a call in v1 is right as well.
    fn expectation(self, truth: &TruthRow, seen: &TruthRow) -> TruthRow {
        let is_in_v1 = seen.transport.as_deref() == Some(Transport::V1.name());
        let mut row = match self {
            Rule::Listed if is_in_v1 => truth.over_v1(),
            Rule::Listed | Rule::Followed => truth.clone(),
        };
        if self == Rule::Listed || row.transport.is_none() {
            row.transport.clone_from(&seen.transport);
        }
        row
    }

    fn requires(self, row: &TruthRow) -> bool {
        let is_live = || Kind::from_code(&row.kind).is_none_or(Kind::is_live);
        self == Rule::Listed || row.findable && is_live()
    }
}

fn was_tried(row: &TruthRow) -> bool {
    row.outcome != Outcome::NotTried(NotTried::NetworkOff).code()
}

fn is_reachable(row: &TruthRow) -> bool {
    let mut all = Outcome::ALL.into_iter();
    all.any(|it| it.code() == row.outcome && it.is_reachable())
}

impl Comparison {
    /// Whether everything was found just as it is.
    pub fn is_perfect(&self) -> bool {
        self.wrong.is_empty() && self.missing.is_empty() && self.extra.is_empty()
    }

    fn compare_row(&mut self, expected: &TruthRow, mut seen: TruthRow) {
        seen.kind.clone_from(&expected.kind);
        seen.findable = expected.findable;
        seen.schedule = expected.schedule;
        if expected.addresses_told.is_none() || seen.addresses_told.is_none() {
            // Two calls are not told the same, or nobody asked.
            seen.addresses_told = expected.addresses_told;
        }
        if expected.outcome == Outcome::SelfConnection.code() {
            // Such a node says the caller's nonce, which the truth cannot know.
            seen.nonce = expected.nonce;
            seen.version_payload_hex
                .clone_from(&expected.version_payload_hex);
        }
        if *expected == seen {
            self.n_right += 1;
            return;
        }
        let (expected_fields, seen_fields) = (fields(expected), fields(&seen));
        for ((field, expected_value), (_, seen_value)) in
            expected_fields.into_iter().zip(seen_fields)
        {
            if expected_value != seen_value {
                self.wrong.push(Wrong {
                    address: expected.address.clone(),
                    kind: expected.kind.clone(),
                    field,
                    expected: expected_value,
                    seen: seen_value,
                });
            }
        }
    }
}

fn fields(row: &TruthRow) -> Vec<(String, Value)> {
    match serde_json::to_value(row) {
        Ok(Value::Object(fields)) => fields.into_iter().collect(),
        _ => unreachable!("a row of texts and numbers is a JSON object"),
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut n_wrong: Vec<&str> = self.wrong.iter().map(|it| it.address.as_str()).collect();
        n_wrong.dedup();
        let (n_missing, n_extra) = (self.missing.len(), self.extra.len());
        let n_truth = self.n_right + n_wrong.len() + n_missing;
        write!(
            f,
            "{} of {n_truth} addresses right, {} wrong, {n_missing} missing, {n_extra} extra",
            self.n_right,
            n_wrong.len(),
        )?;
        write_some(f, "wrong", &self.wrong)?;
        write_some(f, "missing", &self.missing)?;
        write_some(f, "extra", &self.extra)
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Wrong {
            address,
            kind,
            field,
            expected,
            seen,
        } = self;
        write!(f, "{address} ({kind}): {field} is {expected}, seen {seen}")
    }
}

fn write_some(f: &mut fmt::Formatter<'_>, what: &str, items: &[impl fmt::Display]) -> fmt::Result {
    for item in items.iter().take(MAX_NAMED) {
        write!(f, "\n{what}: {item}")?;
    }
    match items.len().checked_sub(MAX_NAMED) {
        None | Some(0) => Ok(()),
        Some(n_more) => write!(f, "\n{what}: {n_more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Reach, World, WorldConfig};

    #[test]
    fn the_truth_is_like_itself() {
        let truth = truth();
        let comparison = compare_rows(&truth, truth.clone());
        assert!(comparison.is_perfect());
        check(
            &comparison,
            "3 of 3 addresses right, 0 wrong, 0 missing, 0 extra",
        );
    }

    #[test]
    fn each_difference_is_named() {
        let truth = truth();
        let mut seen = truth.clone();
        seen[0].outcome = "version_only".to_owned();
        seen[0].relay = None;
        seen[1].address = "[2a01::1]:8333".to_owned();
        check(
            &compare_rows(&truth, seen),
            "1 of 3 addresses right, 1 wrong, 1 missing, 1 extra
wrong: 10.0.0.0:8333 (honest): outcome is \"complete\", seen \"version_only\"
wrong: 10.0.0.0:8333 (honest): relay is 1, seen null
missing: 10.0.0.1:8333
extra: [2a01::1]:8333",
        );
    }

    #[test]
    fn a_crawl_that_follows_must_find_what_can_be_found_and_invent_nothing() {
        let kinds = [Kind::Honest, Kind::Refused, Kind::Silent, Kind::Honest];
        let mut truth = World::of_kinds(&WorldConfig::default(), &kinds).truth(Reach::Proxy);
        for (n, row) in truth.iter_mut().enumerate() {
            row.address = format!("10.0.0.{n}:8333");
        }
        assert!(truth.iter().all(|it| it.findable));
        truth[3].findable = false;
        let mut seen = vec![truth[0].clone(), truth[1].clone(), truth[0].clone()];
        seen[1].outcome = "connect_timeout".to_owned();
        seen[2].address = "10.0.0.9:8333".to_owned();
        seen.push(TruthRow {
            address: "10.0.0.8:8333".to_owned(),
            ..truth[1].clone()
        });
        let comparison = compare_found_rows(&truth, seen);
        check(
            &comparison,
            "1 of 3 addresses right, 1 wrong, 1 missing, 1 extra
wrong: 10.0.0.1:8333 (refused): outcome is \"connect_refused\", seen \"connect_timeout\"
missing: 10.0.0.2:8333
extra: 10.0.0.9:8333",
        );
    }

    #[test]
    fn a_node_that_is_us_may_say_our_nonce() {
        let truth = truth();
        let mut seen = truth.clone();
        seen[2].nonce = Some(5);
        seen[2].version_payload_hex = Some("00".to_owned());
        assert!(compare_rows(&truth, seen).is_perfect());
    }

    #[test]
    fn many_differences_are_cut_short() {
        let comparison = Comparison {
            missing: (0..12).map(|n| n.to_string()).collect(),
            ..Comparison::default()
        };
        let text = comparison.to_string();
        assert!(text.ends_with("\nmissing: 9\nmissing: 2 more"), "{text}");
    }

    fn truth() -> Vec<TruthRow> {
        let kinds = [Kind::Honest, Kind::Silent, Kind::SelfConnection];
        let world = World::of_kinds(&WorldConfig::default(), &kinds);
        let mut truth = world.truth(Reach::Proxy);
        for (n, row) in truth.iter_mut().enumerate() {
            row.address = format!("10.0.0.{n}:8333");
            row.relay = row.relay.map(|_| 1);
        }
        truth
    }

    #[track_caller]
    fn check(comparison: &Comparison, expected: &str) {
        assert_eq!(comparison.to_string(), expected);
    }
}
