//! What people see on stderr while something runs. One task prints, nobody else.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use crawl::progress::{Progress, TimeLeft};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::sync::watch;

/// How often a plain line is printed where stderr is no terminal: soon at first, then less and less often.
const PLAIN_EVERY: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(15),
];
/// How many lines each of the first two intervals lasts.
const PLAIN_LINES: usize = 5;

/// Where progress and remarks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Console {
    /// Nowhere.
    Quiet,
    /// Plain lines: stderr is a file or a pipe.
    Plain,
    /// A line that is drawn again and again.
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

#[expect(
    clippy::print_stderr,
    reason = "this is the one place that prints there"
)]
fn print_line(line: &str) {
    eprintln!("{line}");
    let _ = std::io::stderr().flush();
}

/// Returns how many columns a result may take: those of the terminal, or 100 where there is none.
pub(crate) fn width() -> usize {
    let (_, columns) = ::console::Term::stdout().size();
    match std::io::stdout().is_terminal() {
        true => usize::from(columns).clamp(60, 120),
        false => 100,
    }
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
    let style = ProgressStyle::with_template("{bar:30.cyan/blue} {percent:>3} %  {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    bar.set_style(style);
    while progress.changed().await.is_ok() {
        let seen = progress.borrow_and_update();
        bar.set_length(seen.n_known as u64);
        bar.set_position(seen.n_done as u64);
        bar.set_message(line(&seen));
    }
    bar.finish_and_clear();
    print_line(&line(&progress.borrow()));
}

/// Tells a moment of a crawl in one line, the most important first.
fn line(progress: &Progress) -> String {
    let mut parts = vec![
        clock(progress.elapsed),
        format!(
            "{} of {} ({:.1} %)",
            progress.n_done,
            progress.n_known,
            100.0 * progress.share_done()
        ),
        format!("received {}", progress.n_reachable),
        format!("failed {}", progress.n_failed()),
        format!("remaining {}", progress.n_remaining()),
    ];
    if progress.n_not_tried() > 0 {
        parts.push(format!("not tried {}", progress.n_not_tried()));
    }
    if progress.n_remaining() > 0 {
        parts.push(format!("in flight {}", progress.n_in_flight));
        parts.push(format!("{:.0}/s", progress.rate));
        match progress.time_left() {
            Some(TimeLeft::About(left)) => parts.push(format!("{} left", clock(left))),
            Some(TimeLeft::AtMost(left)) => parts.push(format!("at most {} left", clock(left))),
            None => (),
        }
    }
    if progress.is_stopping {
        parts.push("stopping: open calls end, Ctrl-C again quits at once".to_owned());
    }
    if progress.n_machine_full > 0 {
        parts.push(format!(
            "{} calls waited for free files or ports",
            progress.n_machine_full
        ));
    }
    let mut failures: Vec<_> = progress
        .outcomes
        .iter()
        .filter(|(code, _)| !matches!(**code, "complete" | "version_only" | "not_tried"))
        .collect();
    failures.sort_by_key(|(code, n)| (std::cmp::Reverse(**n), **code));
    parts.extend(
        failures
            .iter()
            .take(6)
            .map(|(code, n)| format!("{code} {n}")),
    );
    parts.join("  ")
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
        let progress = Progress {
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
                ("connect_refused", 290),
                ("not_tried", 10),
            ]),
            rate: 405.1,
            ..Progress::default()
        };
        assert_eq!(
            line(&progress),
            "12.3 s  5000 of 9537 (52.4 %)  received 4000  failed 990  remaining 4537  not tried 10  \
             in flight 1537  405/s  11.2 s left  connect_timeout 700  connect_refused 290"
        );
    }

    #[test]
    fn times_are_written_as_people_say_them() {
        let written = [0, 59, 61, 3_599, 7_500].map(|secs| clock(Duration::from_secs(secs)));
        assert_eq!(
            written,
            ["0.0 s", "59.0 s", "1 min 1 s", "59 min 59 s", "2 h 5 min"]
        );
    }
}
