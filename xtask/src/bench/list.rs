//! A long list is read, deduplicated and queued, every tenth address of it twice.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

use super::BenchArgs;
use super::figures::Figures;
use super::measure;

const AIM_SECS: f64 = 3.0;
const AIM_MB: f64 = 200.0;

pub(super) fn measure(args: &BenchArgs, dir: &Path, figures: &mut Figures) -> anyhow::Result<()> {
    let path = dir.join("long.txt");
    let mut out = BufWriter::new(fs::File::create(&path)?);
    for n in 0..args.list {
        // A walk over routable-looking addresses that meets none twice.
        let [a, b, c, d] = (0x2000_0000 + n.wrapping_mul(613)).to_be_bytes();
        writeln!(out, "{a}.{b}.{c}.{d}:8333")?;
        if n % 10 == 0 {
            writeln!(out, "{a}.{b}.{c}.{d}:8333")?;
        }
    }
    out.flush()?;
    let mut costs = Vec::new();
    for _ in 0..args.runs {
        let mut command = Command::new("target/release/bitcensus");
        command.arg("crawl").arg(&path);
        command.args(["--dry-run", "--quiet", "--json", "--db"]);
        command.arg(dir.join("list.db"));
        costs.push(measure::measure(&mut command, args.list as usize)?);
    }
    let cost = figures.add_cost("a long list, read and queued", &costs);
    figures.add("a long list: seconds", cost.wall_secs, AIM_SECS);
    figures.add("a long list: peak MB", cost.peak_mb, AIM_MB);
    Ok(())
}
