//! What a race prints: a table and a sentence for people, everything for machines, the picture.

use plot::Caption;
use plot::gantt::{Gantt, Panel, Phase, Row, Span};
use proto::Chain;
use race::verdict::verdict;
use race::{CallTimes, Plan, Standing, Strategy};
use record::text::{grouped, wrapped};
use serde_json::{Value, json};

use crate::table::table;

/// A race that is over.
pub(super) struct Told<'a> {
    pub(super) standings: &'a [Standing],
    pub(super) plan: &'a Plan,
    pub(super) chain: Chain,
    pub(super) is_demo: bool,
    pub(super) work_ms: u64,
}

/// What the columns mean.
const DEFINITIONS: &str = "\
time: from before the first call, or before its thread or process was started, until the last was over. threads and \
processes: those that call or compute. CPU: of all of them, and of processes their start. memory: the most that was \
resident; each strategy has a process of its own, and of several processes it is the sum, in which pages that they \
share count for each. switches: how often a thread that calls or computes was taken off its core. reached: nodes that \
gave their version.";

/// What stands in the table where nobody knows.
const UNKNOWN: &str = "–";

impl Told<'_> {
    pub(super) fn text(&self, width: usize) -> String {
        let rows = self.standings.iter().map(|it| self.row(it));
        let headers = [
            "strategy",
            "time",
            "speed-up",
            "threads",
            "processes",
            "CPU",
            "memory",
            "switches",
            "reached",
        ];
        let mut lines = vec![self.what(), table(headers, rows)];
        lines.extend(wrapped(&verdict(self.standings, self.work_ms > 0), width));
        lines.push(String::new());
        lines.extend(wrapped(DEFINITIONS, width));
        lines.join("\n")
    }

    fn row(&self, standing: &Standing) -> [String; 9] {
        let usage = &standing.lap.usage;
        let known = |it: Option<u64>, write: fn(u64) -> String| {
            it.map_or_else(|| UNKNOWN.to_owned(), write)
        };
        [
            standing.lap.strategy.to_string(),
            format!("{:>9}", seconds(usage.wall_us)),
            standing
                .speed_up
                .map_or_else(|| UNKNOWN.to_owned(), |it| format!("{it:>8.1}")),
            grouped(standing.n_threads),
            grouped(standing.n_processes),
            format!("{:>8}", millis(usage.cpu_us)),
            format!("{:>8}", known(usage.memory_peak_bytes, megabytes)),
            known(usage.context_switches, grouped),
            grouped(standing.lap.n_reached()),
        ]
    }

    /// Says what was raced, in one line.
    fn what(&self) -> String {
        let n = self.plan.addrs.len();
        let nodes = match self.is_demo {
            true => counted(n, "simulated node", "simulated nodes"),
            false => {
                let nodes = counted(n, "node", "nodes");
                format!("{nodes} of {}", self.chain.name())
            }
        };
        let work = match self.work_ms {
            0 => String::new(),
            ms => format!(", each followed by {ms} ms of work for the CPU"),
        };
        let cores = match self.plan.n_cores.get() {
            1 => "1 core".to_owned(),
            n => format!("{n} cores"),
        };
        let turns = match self.plan.n_turns.get() {
            1 => String::new(),
            n => format!(", medians of {n} turns"),
        };
        format!("Calls to the same {nodes}{work}, on {cores}{turns}")
    }

    pub(super) fn json(&self) -> anyhow::Result<String> {
        let each: Vec<_> = self.standings.iter().map(strategy_json).collect();
        let plan = self.plan;
        let all = json!({
            "nodes": plan.addrs.len(),
            "chain": self.chain.name(),
            "simulated": self.is_demo,
            "turns": plan.n_turns,
            "pause_us": u64::try_from(plan.pause.as_micros())?,
            "cores": plan.n_cores,
            "cpu_task_ms": self.work_ms,
            "strategies": each,
            "shows": verdict(self.standings, self.work_ms > 0),
        });
        Ok(serde_json::to_string_pretty(&all)?)
    }

    pub(super) fn gantt(&self) -> Gantt {
        Gantt {
            caption: Caption {
                title: match self.work_ms {
                    0 => "The same calls, made in several ways".to_owned(),
                    _ => "The same calls and the same work, done in several ways".to_owned(),
                },
                definition: self.definition(),
                source: format!(
                    "{} · bitcensus {}",
                    match self.is_demo {
                        true => "A simulated network on this machine".to_owned(),
                        false => format!("Nodes of {}", self.chain.name()),
                    },
                    env!("CARGO_PKG_VERSION")
                ),
            },
            panels: self.standings.iter().map(panel).collect(),
        }
    }

    fn definition(&self) -> String {
        let failed = match self
            .standings
            .iter()
            .flat_map(|it| &it.lap.calls)
            .all(CallTimes::is_reached)
        {
            true => "",
            false => " A ring ends the calls that failed.",
        };
        format!(
            "{}. A row is a node, in every panel the same; its bar shows what the call to it waited for.{failed}",
            self.what()
        )
    }
}

fn strategy_json(standing: &Standing) -> Value {
    let usage = &standing.lap.usage;
    json!({
        "strategy": standing.lap.strategy,
        "wall_us": usage.wall_us,
        "walls_us": standing.walls_us,
        "speed_up": standing.speed_up,
        "threads": standing.n_threads,
        "processes": standing.n_processes,
        "cpu_us": usage.cpu_us,
        "memory_peak_bytes": usage.memory_peak_bytes,
        "context_switches": usage.context_switches,
        "waiting_share": standing.waiting_share(),
        "reached": standing.lap.n_reached(),
        "calls": standing.lap.calls,
    })
}

fn panel(standing: &Standing) -> Panel {
    let hands = match (
        standing.lap.strategy,
        standing.n_threads,
        standing.n_processes,
    ) {
        (Strategy::Processes, _, n) => counted(n, "process", "processes"),
        (_, n, _) => counted(n, "thread", "threads"),
    };
    Panel {
        name: standing.lap.strategy.to_string(),
        note: format!("{} with {hands}", seconds(standing.lap.usage.wall_us)),
        rows: standing.lap.calls.iter().map(row).collect(),
    }
}

/// Cuts a call into its phases: each lasts from the end of the one before it until what it waits for is there, or until
/// we hang up.
fn row(call: &CallTimes) -> Row {
    let mut spans = Vec::new();
    let mut from_us = call.began_us;
    let waits = [
        (Phase::Connect, call.connected_us),
        (Phase::Version, call.version_us),
        (Phase::Verack, call.verack_us),
        (Phase::Questions, None),
    ];
    for (phase, until_us) in waits {
        let to_us = until_us.unwrap_or(call.ended_us);
        spans.push(Span {
            phase,
            from_us,
            to_us,
        });
        if until_us.is_none() {
            break;
        }
        from_us = to_us;
    }
    if let Some((from_us, to_us)) = call.work_us {
        let phase = Phase::Work;
        spans.push(Span {
            phase,
            from_us,
            to_us,
        });
    }
    Row {
        spans,
        failed: !call.is_reached(),
    }
}

fn counted(n: usize, one: &str, many: &str) -> String {
    match n {
        1 => format!("1 {one}"),
        n => format!("{} {many}", grouped(n)),
    }
}

/// Writes microseconds as seconds, to the millisecond.
fn seconds(us: u64) -> String {
    let ms = us.saturating_add(500) / 1_000;
    format!("{}.{:03} s", grouped(ms / 1_000), ms % 1_000)
}

fn millis(us: u64) -> String {
    format!("{} ms", grouped(us.saturating_add(500) / 1_000))
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", grouped(bytes / 1_000_000), bytes / 100_000 % 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::PeerAddr;

    #[test]
    fn a_call_is_cut_where_something_came() {
        let times = |connected_us, version_us, verack_us, work_us| CallTimes {
            connected_us,
            version_us,
            verack_us,
            work_us,
            ended_us: 50,
            ..CallTimes::unmade(
                &PeerAddr::new(std::net::Ipv4Addr::LOCALHOST, 1),
                0,
                10,
                "complete",
            )
        };
        check(&times(None, None, None, None), "Connect 10-50");
        check(
            &times(Some(20), Some(30), Some(40), Some((55, 60))),
            "Connect 10-20, Version 20-30, Verack 30-40, Questions 40-50, Work 55-60",
        );
        // Who never says verack is waited for until the end.
        check(
            &times(Some(20), Some(30), None, None),
            "Connect 10-20, Version 20-30, Verack 30-50",
        );
    }

    #[track_caller]
    fn check(call: &CallTimes, expected: &str) {
        let told = |it: &Span| format!("{:?} {}-{}", it.phase, it.from_us, it.to_us);
        let spans: Vec<_> = row(call).spans.iter().map(told).collect();
        assert_eq!(spans.join(", "), expected);
    }

    #[test]
    fn measures_are_written_as_people_read_them() {
        assert_eq!(seconds(2_534_499), "2.534 s");
        assert_eq!(seconds(1_234_000_500), "1,234.001 s");
        assert_eq!(millis(1_499), "1 ms");
        assert_eq!(megabytes(12_390_000), "12.3 MB");
    }
}
