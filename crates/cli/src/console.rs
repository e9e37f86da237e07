//! What people see on stderr while something runs. One task prints, nobody else.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use crawl::progress::{Progress, TimeLeft};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use record::text::{grouped, packed};
use tokio::sync::watch;

/// How often a plain line is printed where stderr is no terminal: soon at first, then less and less often.
const PLAIN_EVERY: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
];
/// How many lines each of the first two intervals lasts.
const PLAIN_LINES: usize = 5;
/// How many reasons for failures are told while a crawl runs.
const N_REASONS: usize = 6;
/// What stands between two things that are told in one line.
const BETWEEN: &str = "  ";

/// Where progress and remarks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Console {
    /// Nowhere.
    Quiet,
    /// Plain lines: stderr is a file or a pipe.
    Plain,
    /// Lines that are drawn again and again.
    Terminal,
}

impl Console {
    pub(crate) fn new(quiet: bool) -> Console {
        match (quiet, std::io::stderr().is_terminal()) {
            (true, _) => Console::Quiet,
            (false, false) => Console::Plain,
            (false, true) => Console::Terminal,
        }
    }

    /// Prints a remark.
    pub(crate) fn say(self, remark: &str) {
        if self != Console::Quiet {
            print_line(remark);
        }
    }

    /// Returns a bar for something whose length in bytes may be known.
    pub(crate) fn download_bar(self, what: &str) -> ProgressBar {
        let bar = match self {
            Console::Terminal => ProgressBar::no_length(),
            Console::Quiet | Console::Plain => ProgressBar::hidden(),
        };
        let style = ProgressStyle::with_template(
            "{msg}  {bytes} of {total_bytes}  {bytes_per_sec}  {bar:30}",
        )
        .unwrap_or_else(|_| ProgressStyle::default_bar());
        bar.with_style(style).with_message(what.to_owned())
    }

    /// Shows how a crawl goes on, until its sender is gone.
    pub(crate) async fn show_crawl(self, progress: watch::Receiver<Progress>) {
        match self {
            Console::Quiet => (),
            Console::Plain => show_plain(progress).await,
            Console::Terminal => show_bar(progress).await,
        }
    }
}

/// Prints what went wrong and what led to it, and nothing that a peer sent unescaped.
pub(crate) fn say_error(error: &anyhow::Error) {
    print_line(&format!("bitcensus: {error:#}"));
}

fn print_line(line: &str) {
    // A crawl goes on where nobody reads what it says.
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Returns how many columns a result may take: those of the terminal, or 100 where there is none.
pub(crate) fn width() -> usize {
    terminal_width().map_or(100, |it| it.clamp(60, 120))
}

/// Returns how many columns the terminal has to which results go; `None` where they go elsewhere.
pub(crate) fn terminal_width() -> Option<usize> {
    let (_, columns) = ::console::Term::stdout().size();
    let is_terminal = std::io::stdout().is_terminal();
    is_terminal.then_some(usize::from(columns))
}

/// Prints a result to stdout, with a line end where it has none.
pub(crate) fn print_result(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

async fn show_plain(mut progress: watch::Receiver<Progress>) {
    let mut n_lines = 0;
    loop {
        let pause = PLAIN_EVERY[(n_lines / PLAIN_LINES).min(PLAIN_EVERY.len() - 1)];
        let ended = async { while progress.changed().await.is_ok() {} };
        if tokio::time::timeout(pause, ended).await.is_ok() {
            print_line(&line(&progress.borrow()));
            return;
        }
        print_line(&line(&progress.borrow()));
        n_lines += 1;
    }
}

async fn show_bar(mut progress: watch::Receiver<Progress>) {
    let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{wide_bar:.cyan/blue}\n{msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    while progress.changed().await.is_ok() {
        let seen = progress.borrow_and_update();
        bar.set_length(seen.n_known as u64);
        bar.set_position(seen.n_done as u64);
        bar.set_message(lines(&seen, stderr_width()));
    }
    bar.finish_and_clear();
    // A line of room: on a terminal the result comes right below.
    print_line(&(lines(&progress.borrow(), stderr_width()) + "\n"));
}

fn stderr_width() -> usize {
    let (_, columns) = ::console::Term::stderr().size();
    usize::from(columns)
}

/// Tells a moment of a crawl in one line, the most important first.
fn line(progress: &Progress) -> String {
    [counts(progress), pace(progress), reasons(progress)]
        .concat()
        .join(BETWEEN)
}

/// Tells a moment of a crawl in lines that fit into `width` columns.
fn lines(progress: &Progress, width: usize) -> String {
    let groups = [counts(progress), pace(progress), reasons(progress)];
    let told = groups.iter().filter(|it| !it.is_empty());
    let lines = told.flat_map(|it| packed(it.iter().map(String::as_str), BETWEEN, width));
    lines.collect::<Vec<_>>().join("\n")
}

fn counts(progress: &Progress) -> Vec<String> {
    vec![
        clock(progress.elapsed),
        format!(
            "{} of {} ({:.1} %)",
            grouped(progress.n_done),
            grouped(progress.n_known),
            100.0 * progress.share_done()
        ),
        format!("received {}", grouped(progress.n_reachable)),
        format!("failed {}", grouped(progress.n_failed())),
        format!("remaining {}", grouped(progress.n_remaining())),
    ]
}

fn pace(progress: &Progress) -> Vec<String> {
    let mut parts = Vec::new();
    if progress.n_not_tried() > 0 {
        parts.push(format!("not tried {}", grouped(progress.n_not_tried())));
    }
    if progress.n_remaining() > 0 {
        parts.push(format!("in flight {}", grouped(progress.n_in_flight)));
        parts.push(grouped(format_args!("{:.0}", progress.rate)) + "/s");
        match progress.time_left() {
            Some(TimeLeft::About(left)) => parts.push(format!("{} left", clock(left))),
            Some(TimeLeft::AtMost(left)) => parts.push(format!("at most {} left", clock(left))),
            None => (),
        }
    }
    let n_left_out: u64 = progress.left_out.values().sum();
    if n_left_out > 0 {
        parts.push(format!("left out {}", grouped(n_left_out)));
    }
    if progress.is_stopping {
        parts.push("stopping: open calls end, Ctrl-C again quits at once".to_owned());
    }
    if progress.n_machine_full > 0 {
        parts.push(format!(
            "{} calls waited for free files or ports",
            grouped(progress.n_machine_full)
        ));
    }
    parts
}

/// Why calls failed, the most frequent reason first.
fn reasons(progress: &Progress) -> Vec<String> {
    let mut failures: Vec<_> = progress
        .outcomes
        .iter()
        .filter(|(code, _)| !matches!(**code, "complete" | "version_only" | "not_tried"))
        .collect();
    failures.sort_by_key(|(code, n)| (std::cmp::Reverse(**n), **code));
    let (told, others) = failures.split_at(failures.len().min(N_REASONS));
    let n_others: usize = others.iter().map(|(_, n)| **n).sum();
    let mut parts: Vec<_> = told
        .iter()
        .map(|(code, n)| format!("{code} {}", grouped(n)))
        .collect();
    if n_others > 0 {
        parts.push(format!("others {}", grouped(n_others)));
    }
    parts
}

/// Writes a duration as people say it: `4.2 s`, `3 min 12 s`, `2 h 5 min`.
fn clock(time: Duration) -> String {
    let secs = time.as_secs();
    match secs {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        60..3_600 => format!("{} min {} s", secs / 60, secs % 60),
        _ => format!("{} h {} min", secs / 3_600, secs % 3_600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn a_line_says_what_the_lesson_asks_for_and_the_reasons() {
        assert_eq!(
            line(&moment()),
            "12.3 s  5,000 of 9,537 (52.4 %)  received 4,000  failed 990  remaining 4,537  not tried 10  \
             in flight 1,537  1,405/s  3.2 s left  connect_timeout 700  connect_refused 280  version_timeout 4  \
             wrong_network 3  connect_reset 1  malformed_version 1  others 1"
        );
    }

    #[test]
    fn a_narrow_terminal_is_told_the_same() {
        let told = lines(&moment(), 80);
        assert_eq!(
            told,
            "\
12.3 s  5,000 of 9,537 (52.4 %)  received 4,000  failed 990  remaining 4,537
not tried 10  in flight 1,537  1,405/s  3.2 s left
connect_timeout 700  connect_refused 280  version_timeout 4  wrong_network 3
connect_reset 1  malformed_version 1  others 1"
        );
        assert_eq!(told.replace('\n', BETWEEN), line(&moment()));
    }

    #[test]
    fn times_are_written_as_people_say_them() {
        let written = [0, 59, 61, 3_599, 7_500].map(|secs| clock(Duration::from_secs(secs)));
        assert_eq!(
            written,
            ["0.0 s", "59.0 s", "1 min 1 s", "59 min 59 s", "2 h 5 min"]
        );
    }

    fn moment() -> Progress {
        Progress {
            elapsed: Duration::from_millis(12_340),
            n_known: 9_537,
            n_waiting: 3_000,
            n_in_flight: 1_537,
            n_done: 5_000,
            n_reachable: 4_000,
            outcomes: BTreeMap::from([
                ("complete", 3_990),
                ("version_only", 10),
                ("connect_timeout", 700),
                ("connect_refused", 280),
                ("connect_reset", 1),
                ("malformed_version", 1),
                ("protocol_violation", 1),
                ("version_timeout", 4),
                ("wrong_network", 3),
                ("not_tried", 10),
            ]),
            rate: 1_405.1,
            ..Progress::default()
        }
    }
}
