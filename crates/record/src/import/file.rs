//! A file of another observer, read twice: once to see what is in it, once to keep it.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use listing::{ListError, ListReport, ListedNode, OnBad, read_stream};
use proto::Network;

use super::{Seen, moment};
use crate::store::SNAPSHOT_REACH;

/// What is in a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Survey {
    /// What the file turned out to be, and what could not be read.
    pub report: ListReport,
    /// How many nodes it lists, by network.
    pub networks: BTreeMap<Network, u64>,
    /// When the latest of its nodes was seen, Unix seconds.
    pub newest: Option<i64>,
}

impl Survey {
    /// Reads a file to its end; an address without a port gets `default_port`.
    pub fn read(
        input: impl BufRead,
        default_port: u16,
        on_bad: OnBad,
    ) -> Result<Survey, ListError> {
        let mut networks = BTreeMap::new();
        let mut newest = None;
        let report = read_stream(input, default_port, on_bad, &mut |node| {
            *networks.entry(node.addr.network()).or_default() += 1;
            newest = newest.max(seen_at(&node));
            Ok(())
        })?;
        Ok(Survey {
            report,
            networks,
            newest,
        })
    }

    /// Returns when the file was made, Unix seconds: as it says, by its name, or when the latest of its nodes was seen.
    pub fn taken_at(&self, file_name: &str) -> Option<i64> {
        let said = self.report.taken_at;
        said.or_else(|| moment::of_name(file_name)).or(self.newest)
    }

    /// Gives all that the file says was seen to `give`, and returns how many nodes it left out, by reason.
    ///
    /// `stale` are those of a list of all nodes that ever were, last seen more than [`SNAPSHOT_REACH`] before it was made;
    /// `only_told_of` those that its observer did not call; `unreadable` entries were counted before.
    pub fn feed(
        &self,
        input: impl BufRead,
        default_port: u16,
        on_bad: OnBad,
        taken_at: i64,
        give: &mut dyn FnMut(Seen) -> io::Result<()>,
    ) -> io::Result<BTreeMap<String, u64>> {
        let mut left_out = BTreeMap::new();
        let mut leave_out = |reason: &str, n: usize| {
            *left_out.entry(reason.to_owned()).or_default() += n as u64;
        };
        let reach = i64::try_from(SNAPSHOT_REACH.as_secs()).unwrap_or(i64::MAX);
        let oldest = taken_at.saturating_sub(reach);
        let is_cumulative = self.report.format.is_cumulative();
        let read = read_stream(input, default_port, on_bad, &mut |node| {
            if is_cumulative && seen_at(&node).is_some_and(|it| it < oldest) {
                leave_out("stale", 1);
                return Ok(());
            }
            match Seen::read(node, taken_at.saturating_mul(1_000_000)) {
                Some(seen) => give(seen)?,
                None => leave_out("only_told_of", 1),
            }
            Ok(())
        });
        let report = read.map_err(io::Error::other)?;
        if report.skipped.n > 0 {
            leave_out("unreadable", report.skipped.n);
        }
        Ok(left_out)
    }
}

fn seen_at(node: &ListedNode) -> Option<i64> {
    node.said.as_ref()?.seen_at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::Outcome;

    const DUMP: &str = "\
1.2.3.4:8333 1 1549113737 1.00% 1.00% 1.00% 1.00% 1.00% 561219 0000001d 70015 \"/x/\"
1.2.3.5:8333 0 1549027337 1.00% 1.00% 1.00% 1.00% 1.00% 561219 0000001d 70015 \"/x/\"
[2a01::1]:8333 0 1549027336 1.00% 1.00% 1.00% 1.00% 1.00% 561219 0000001d 70015 \"/x/\"
1.2.3.6:8333 0 0 0.00% 0.00% 0.00% 0.00% 0.00% 0 00000000 0 \"\"
";

    #[test]
    fn nodes_that_a_list_remembers_from_long_ago_are_left_out() {
        check(
            DUMP,
            "3 ipv4, 1 ipv6, made 1549113737: 1.2.3.4:8333 complete 1549113737, 1.2.3.5:8333 complete 1549027337, \
             1.2.3.6:8333 connect_other 1549113737; 1 stale",
        );
    }

    #[test]
    fn whoever_was_only_told_of_was_not_seen() {
        check(
            r#"{"PeerID":"1.2.3.4:8333","NeighborIDs":["1.2.3.5:8333"]}"#,
            "2 ipv4, made 9: 1.2.3.4:8333 complete 9; 1 only_told_of",
        );
    }

    #[test]
    fn whoever_is_on_a_list_was_reached() {
        check(
            "{\"timestamp\": 7, \"nodes\": {\"1.2.3.4:8333\": null, \"x\": null}}",
            "1 ipv4, made 7: 1.2.3.4:8333 complete 7; 1 unreadable",
        );
    }

    #[track_caller]
    fn check(list: &str, expected: &str) {
        let input = list.as_bytes();
        let survey = Survey::read(input, 8333, OnBad::Skip).unwrap();
        let taken_at = survey.taken_at("seeds.txt").unwrap_or(9);
        let mut seen = Vec::new();
        let left_out = survey.feed(input, 8333, OnBad::Skip, taken_at, &mut |it| {
            let call = &it.visit.call;
            assert_eq!(
                call.outcome == Outcome::Complete,
                call.outcome.is_reachable()
            );
            let at = call.started_at_us / 1_000_000;
            seen.push(format!("{} {} {at}", it.visit.addr, call.outcome));
            Ok(())
        });
        let counts = |(n, it)| format!("{n} {it}");
        let networks = survey.networks.iter().map(|(it, n)| (n, it.name()));
        let networks: Vec<_> = networks.map(counts).collect();
        let left_out = left_out.unwrap();
        let left_out: Vec<_> = left_out
            .iter()
            .map(|(it, n)| (n, &**it))
            .map(counts)
            .collect();
        let seen = format!(
            "{}, made {taken_at}: {}; {}",
            networks.join(", "),
            seen.join(", "),
            left_out.join(", ")
        );
        assert_eq!(seen, expected);
    }
}
