//! What goes wrong where threads share something, and how queues and atomic steps set it right.

use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// How many threads take part.
pub const N_THREADS: usize = 4;
/// How often each of them counts.
pub const N_STEPS: u64 = 10_000;
/// Stands for whatever a thread does between two pieces of a line.
const BETWEEN_PIECES: Duration = Duration::from_millis(1);

/// What a thread has to tell, in the pieces in which programs often print.
fn pieces(thread: usize) -> [String; 4] {
    [
        format!("node {thread}: "),
        "shook hands, ".to_owned(),
        format!("told {} addresses, ", 1_000 * (thread + 1)),
        "and hung up\n".to_owned(),
    ]
}

/// Has threads tell something at the same time, each piece of it printed at once by whoever has it.
///
/// `print` is whole: no piece is torn. It is the line that is, since nobody keeps the others out between two pieces.
pub fn without_a_queue(print: &(dyn Fn(&str) + Sync)) {
    thread::scope(|scope| {
        for n in 0..N_THREADS {
            scope.spawn(move || {
                for piece in pieces(n) {
                    print(&piece);
                    thread::sleep(BETWEEN_PIECES);
                }
            });
        }
    });
}

/// Has the same threads send what they have to tell through a queue, at whose other end one alone prints.
pub fn with_a_queue(print: &dyn Fn(&str)) {
    let (queue, inbox) = channel();
    thread::scope(|scope| {
        for n in 0..N_THREADS {
            let queue = queue.clone();
            scope.spawn(move || {
                let mut line = String::new();
                for piece in pieces(n) {
                    line.push_str(&piece);
                    thread::sleep(BETWEEN_PIECES);
                }
                // Nobody who still has something to tell outlives the one who listens.
                let _ = queue.send(line);
            });
        }
        // The queue ends with its last sender: this one sends nothing.
        drop(queue);
        for line in inbox {
            print(&line);
        }
    });
}

/// Two threads each add one to a counter of nought, in two steps, and meet between the two. Returns what it then is.
pub fn count_in_slow_motion() -> u64 {
    let (counter, meeting) = (AtomicU64::new(0), Barrier::new(2));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let seen = counter.load(Ordering::Relaxed);
                meeting.wait();
                counter.store(seen + 1, Ordering::Relaxed);
            });
        }
    });
    counter.into_inner()
}

/// Threads count together up to [`N_THREADS`] times [`N_STEPS`], each step by `add`. Returns how far they came.
fn count(add: impl Fn(&AtomicU64) + Sync) -> u64 {
    let counter = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..N_THREADS {
            scope.spawn(|| (0..N_STEPS).for_each(|_| add(&counter)));
        }
    });
    counter.into_inner()
}

/// Counts by reading, adding and writing: what somebody else writes in between is lost.
///
/// Rust does not compile the usual form of this mistake, a plain variable that two threads change. Each half of this one
/// is atomic, so it compiles; what is wrong is that the whole is not.
pub fn count_in_two_steps() -> u64 {
    count(|counter| {
        let seen = counter.load(Ordering::Relaxed);
        thread::yield_now(); // Lets others in, as a longer sum would.
        counter.store(seen + 1, Ordering::Relaxed);
    })
}

/// Counts in one step that nobody can come between.
pub fn count_in_one_step() -> u64 {
    count(|counter| {
        counter.fetch_add(1, Ordering::Relaxed);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    #[test]
    fn without_a_queue_pieces_are_whole_and_lines_are_not() {
        let printed = Mutex::new(String::new());
        without_a_queue(&|piece| printed.lock().unwrap().push_str(piece));
        let printed = printed.into_inner().unwrap();
        let mut rest = printed.clone();
        for piece in (0..N_THREADS).flat_map(pieces) {
            let (before, behind) = rest.split_once(&piece).unwrap();
            rest = format!("{before}{behind}");
        }
        assert_eq!(rest, "", "{printed}");
    }

    #[test]
    fn with_a_queue_every_line_is_whole() {
        let printed = std::cell::RefCell::new(String::new());
        with_a_queue(&|line| printed.borrow_mut().push_str(line));
        let printed = printed.into_inner();
        let lines: BTreeSet<_> = printed.split_inclusive('\n').map(str::to_owned).collect();
        let expected: BTreeSet<_> = (0..N_THREADS).map(|n| pieces(n).concat()).collect();
        assert_eq!(lines, expected);
    }

    #[test]
    fn in_two_steps_counts_are_lost_and_in_one_they_are_not() {
        let all = N_STEPS * N_THREADS as u64;
        assert_eq!(count_in_slow_motion(), 1);
        assert_eq!(count_in_one_step(), all);
        assert!(count_in_two_steps() <= all);
    }
}
