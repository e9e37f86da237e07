//! What keeps a watch from seeing what is there, and when that begins and ends. Pure.

use std::collections::BTreeSet;

use crawl::dial::ways::{WayReport, WayState};
use crawl::health::Collapse;
use proto::Network;

use crate::config::alike;

/// The problems that a watch has, each in words for people that stay the same while it lasts.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    /// The networks that worked once, so that it is a problem where they do not.
    worked: BTreeSet<Network>,
    /// Those of the ways out.
    ways: BTreeSet<String>,
    /// Those of the last round.
    round: BTreeSet<String>,
}

/// Which problems are new, and which are over.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) began: Vec<String>,
    pub(crate) ended: Vec<String>,
}

impl Problems {
    /// Returns all of them, in the order in which they are shown.
    pub(crate) fn list(&self) -> Vec<String> {
        self.ways.union(&self.round).cloned().collect()
    }

    /// Takes in what is known of the ways out, and returns the networks whose ways are broken.
    pub(crate) fn note_ways(&mut self, reports: &[WayReport]) -> (BTreeSet<Network>, Change) {
        let works = reports.iter().filter(|it| it.state == WayState::Works);
        self.worked.extend(works.map(|it| it.network));
        let is_broken = |it: &&WayReport| match it.state {
            WayState::Works => false,
            WayState::Broken => true,
            WayState::Off => self.worked.contains(&it.network),
        };
        let broken: Vec<_> = reports.iter().filter(is_broken).collect();
        let networks = broken.iter().map(|it| it.network).collect();
        let texts = alike(broken)
            .into_iter()
            .map(|(networks, it)| format!("{} not called: {}", networks.join(", "), it.how))
            .collect();
        let change = Change::between(&self.ways, &texts);
        self.ways = texts;
        (networks, change)
    }

    /// Takes in what a round brought: the networks that collapsed, and how many nodes are up.
    pub(crate) fn note_round(&mut self, collapses: &[Collapse], n_up: usize) -> Change {
        let mut texts: BTreeSet<_> = collapses.iter().map(collapsed).collect();
        if n_up == 0 {
            texts.insert("no node answers".to_owned());
        }
        let change = Change::between(&self.round, &texts);
        self.round = texts;
        change
    }
}

impl Change {
    fn between(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Change {
        Change {
            began: after.difference(before).cloned().collect(),
            ended: before.difference(after).cloned().collect(),
        }
    }
}

fn collapsed(collapse: &Collapse) -> String {
    format!(
        "{} collapsed: of the nodes that were up less than half as many answer as usual, so none is taken for gone",
        collapse.network.name()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use WayState::{Broken, Off, Works};
    use crawl::health::Again;

    #[test]
    fn a_way_is_a_problem_while_it_is_broken_or_gone_but_not_where_there_never_was_one() {
        let mut problems = Problems::default();
        let seen = [
            ways(&mut problems, [Works, Off, Works]),
            ways(&mut problems, [Works, Off, Broken]),
            ways(&mut problems, [Off, Off, Broken]),
            ways(&mut problems, [Works, Off, Broken]),
            ways(&mut problems, [Works, Works, Works]),
            ways(&mut problems, [Broken, Broken, Works]),
        ];
        assert_eq!(
            seen,
            [
                "| + | -",
                "onion | + onion not called: broken | -",
                "ipv4 onion | + ipv4 not called: off | -",
                "onion | + | - ipv4 not called: off",
                "| + | - onion not called: broken",
                "ipv4 ipv6 | + ipv4, ipv6 not called: broken | -",
            ]
        );
        assert_eq!(problems.list(), ["ipv4, ipv6 not called: broken"]);
    }

    #[test]
    fn a_collapse_is_told_when_it_begins_and_when_it_ends() {
        let mut problems = Problems::default();
        let collapse = |answered| Collapse {
            network: Network::Onion,
            again: Again {
                called: 100,
                answered,
            },
            usual: 0.9,
        };
        let change = problems.note_round(&[collapse(7)], 100);
        let [text] = &change.began[..] else {
            panic!("{change:?}")
        };
        assert!(text.starts_with("onion collapsed: "), "{text}");
        let told = Change {
            began: Vec::new(),
            ended: vec![text.clone()],
        };
        assert_eq!(
            problems.note_round(&[collapse(2)], 100),
            Change::default(),
            "other numbers are no other problem"
        );
        assert_eq!(problems.note_round(&[], 100), told);
        let none_left = problems.note_round(&[], 0);
        assert_eq!(none_left.began, ["no node answers"]);
        assert_eq!(problems.list(), ["no node answers"]);
    }

    fn ways(problems: &mut Problems, states: [WayState; 3]) -> String {
        let networks = [Network::Ipv4, Network::Ipv6, Network::Onion];
        let reports = networks.into_iter().zip(states);
        let reports: Vec<_> = reports
            .map(|(network, state)| WayReport {
                network,
                state,
                how: format!("{state:?}").to_lowercase(),
            })
            .collect();
        let (networks, Change { began, ended }) = problems.note_ways(&reports);
        let mut words: Vec<_> = networks.iter().map(|it| it.name()).collect();
        let (began, ended) = (began.join("; "), ended.join("; "));
        words.extend(["| +", &began, "| -", &ended]);
        words.retain(|it| !it.is_empty());
        words.join(" ")
    }
}
