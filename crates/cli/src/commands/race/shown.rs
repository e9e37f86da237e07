//! `--show-race`: what happens where threads share a terminal and a counter, and what sets it right.

use std::io::Write;
use std::sync::Mutex;

use race::mixed::{
    N_STEPS, N_THREADS, count_in_one_step, count_in_slow_motion, count_in_two_steps, with_a_queue,
    without_a_queue,
};
use record::text::grouped;

use crate::console::print_result;

const MIXED: &str = "\
A terminal that threads share. Four threads print at the same time, each its own
line, in four pieces, as programs often do. Every piece is whole; the lines are
not, for whoever is between two pieces keeps nobody out:
";

const QUEUED: &str = "
The same with a queue. Each thread sends its whole line into the queue, and one
thread alone takes lines out and prints them. Which comes first is chance, but no
line is torn:
";

/// Prints both halves of both experiments, with words that explain them.
pub(super) fn show() -> anyhow::Result<()> {
    print_result(MIXED)?;
    // All of this prints to stdout from many threads on purpose. What fails is told when all are done.
    let failed = Mutex::new(None);
    let print = |piece: &str| {
        let mut out = std::io::stdout();
        if let Err(error) = out.write_all(piece.as_bytes()).and_then(|()| out.flush()) {
            *failed
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(error);
        }
    };
    without_a_queue(&print);
    print(QUEUED);
    with_a_queue(&print);
    print(&counts());
    match failed
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
    {
        Some(error) => Err(error.into()),
        None => Ok(()),
    }
}

fn counts() -> String {
    let all = N_STEPS * N_THREADS as u64;
    let (in_two, in_one) = (count_in_two_steps(), count_in_one_step());
    format!(
        "
A counter that threads share. To add one is to read, to add, and to write. In slow
motion: two threads read 0, then both write 1. Two were counted, and the counter
says {slow}.

At full speed {N_THREADS} threads count to {steps} each, which makes {all}:
  read, add, write          {in_two:>7}   {lost} lost
  in one step (fetch_add)   {in_one:>7}   {kept} lost

Rust does not compile the usual form of this mistake, a plain variable that two
threads change. It compiles this one, in which each step is safe and the whole is
wrong. Two ways set it right: one step that nobody can come between, or one owner,
to whom the others send what they have. A crawl has one owner and queues.
",
        slow = count_in_slow_motion(),
        steps = grouped(N_STEPS),
        all = grouped(all),
        lost = grouped(all - in_two),
        kept = grouped(all - in_one),
        in_two = grouped(in_two),
        in_one = grouped(in_one),
    )
}
