//! What a program costs.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use serde::{Deserialize, Serialize};
use wait4::Wait4;

/// What one program cost.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Cost {
    pub(super) wall_secs: f64,
    pub(super) cpu_secs: f64,
    pub(super) peak_mb: f64,
}

/// How much more one program takes than another; the median of the turns' ratios.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio {
    pub(super) wall: f64,
    pub(super) cpu: f64,
}

/// Runs `command` to its end, and checks that it met `expected` nodes.
pub(super) fn measure(command: &mut Command, expected: usize) -> anyhow::Result<Cost> {
    let (cost, printed) = run(command)?;
    let met = n_met(&printed)?;
    anyhow::ensure!(
        met == Some(expected as u64),
        "{command:?} met {met:?} nodes where {expected} are: {printed}"
    );
    Ok(cost)
}

/// The same for a program of which nobody knows how many it should meet.
pub(super) fn measure_any(command: &mut Command) -> anyhow::Result<(Cost, u64)> {
    let (cost, printed) = run(command)?;
    let met =
        n_met(&printed)?.with_context(|| format!("{command:?} says not whom it met: {printed}"))?;
    Ok((cost, met))
}

/// Runs `command` to its end, and returns what it printed too.
pub(super) fn run(command: &mut Command) -> anyhow::Result<(Cost, String)> {
    let began = Instant::now();
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut stdout = child.stdout.take().context("stdout is a pipe")?;
    let mut printed = String::new();
    stdout.read_to_string(&mut printed)?;
    let used = child.wait4()?;
    let wall = began.elapsed();
    anyhow::ensure!(
        used.status.success(),
        "{command:?}: {}: {printed}",
        used.status
    );
    let secs = |time: Duration| time.as_secs_f64();
    let cost = Cost {
        wall_secs: secs(wall),
        cpu_secs: secs(used.rusage.utime) + secs(used.rusage.stime),
        peak_mb: megabytes(used.rusage.maxrss),
    };
    Ok((cost, printed))
}

/// Returns how many nodes were met or read, as far as the printed JSON says it.
fn n_met(printed: &str) -> anyhow::Result<Option<u64>> {
    let said: serde_json::Value =
        serde_json::from_str(printed).context("it prints one JSON value")?;
    let counts = [
        &said["answered"],
        &said["reachable"]["value"],
        &said["addresses"],
        &said["nodes"],
    ];
    Ok(counts.into_iter().find_map(serde_json::Value::as_u64))
}

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

trait Median: Iterator<Item = f64> + Sized {
    /// Returns the middle one, the lower of two.
    fn median(self) -> f64 {
        let mut sorted: Vec<f64> = self.collect();
        sorted.sort_by(f64::total_cmp);
        sorted
            .get(sorted.len().saturating_sub(1) / 2)
            .copied()
            .unwrap_or(f64::NAN)
    }
}

impl<I: Iterator<Item = f64>> Median for I {}

impl Ratio {
    pub(super) fn of(costs: &[Cost], floor: &[Cost]) -> Ratio {
        let turns = || costs.iter().zip(floor);
        Ratio {
            wall: turns()
                .map(|(it, floor)| it.wall_secs / floor.wall_secs)
                .median(),
            cpu: turns()
                .map(|(it, floor)| it.cpu_secs / floor.cpu_secs)
                .median(),
        }
    }
}

impl Cost {
    pub(super) fn median(costs: &[Cost]) -> Cost {
        Cost {
            wall_secs: costs.iter().map(|it| it.wall_secs).median(),
            cpu_secs: costs.iter().map(|it| it.cpu_secs).median(),
            peak_mb: costs.iter().map(|it| it.peak_mb).median(),
        }
    }
}
