//! Everybody on a list is called, against a floor that takes one `version` of each.

use std::path::Path;
use std::process::Command;

use super::BenchArgs;
use super::figures::Figures;
use super::measure::{self, Ratio};
use super::sim::Sim;
use crate::run::say;

const AIM: Ratio = Ratio {
    wall: 1.3,
    cpu: 2.0,
};
const AIM_MB: f64 = 60.0;

pub(super) fn measure(args: &BenchArgs, dir: &Path, figures: &mut Figures) -> anyhow::Result<()> {
    let list = dir.join("nodes.txt");
    let (n, rtt) = (args.nodes.to_string(), args.rtt_ms.to_string());
    let list_name = list.to_string_lossy();
    let sim = Sim::start(&[
        "--odd", "0", "--dead", "0", "--nodes", &n, "--rtt-ms", &rtt, "--list", &list_name,
    ])?;
    let (mut floors, mut handshakes, mut calls) = (Vec::new(), Vec::new(), Vec::new());
    for turn in 1..=args.runs {
        say(&format!("roll call, turn {turn} of {}", args.runs));
        let mut command = Command::new("target/release/floor");
        command.args(["--proxy", &sim.at, "--in-flight", &n]);
        command.args(["--timeout-ms", "15000", "--list"]).arg(&list);
        floors.push(measure::measure(&mut command, args.nodes)?);

        let call = |more: &[&str]| {
            let mut command = Command::new("target/release/bitcensus");
            command.arg("crawl").arg(&list).args(["--no-gossip"]);
            command.args(more).args(["--quiet", "--json"]);
            command.args(["--proxy", &format!("socks5://{}", sim.at)]);
            command.args(["--max-in-flight", &n, "--max-rate", "0"]);
            let db = tempfile::tempdir_in(dir)?;
            measure::measure(
                command.arg("--db").arg(db.path().join("census.db")),
                args.nodes,
            )
        };
        handshakes.push(call(&["--handshake-only"])?);
        calls.push(call(&[])?);
    }
    figures.add_cost("roll call: floor (connect, version, version)", &floors);
    figures.add_cost("roll call, --handshake-only", &handshakes);
    let cost = figures.add_cost("roll call", &calls);
    let of = |costs: &[_]| Ratio::of(costs, &floors);
    figures.add_ratio("roll call, --handshake-only", of(&handshakes), AIM);
    figures.add_ratio("roll call", of(&calls), AIM);
    figures.add("roll call: peak MB", cost.peak_mb, AIM_MB);
    Ok(())
}
