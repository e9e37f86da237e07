//! Where the tests touch the machine: its environment, time and ports.

use std::ffi::OsString;
use std::io::Write;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// How long anything may take that a node or the command does here; each takes about a second.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// How often something is looked at that will change soon.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Ports below those that systems give to outgoing connections, where nobody else takes one in the meantime.
const FIRST_PORT: u16 = 17_000;
const N_PORTS: u16 = 14_000;

/// Returns what `variable` names; says that a test is skipped where it is not set.
pub(crate) fn named_by(variable: &str) -> Option<OsString> {
    let named = std::env::var_os(variable);
    if named.is_none() {
        // Not by `eprintln!`, which is swallowed where tests pass.
        let _ = writeln!(std::io::stderr(), "skipped: no {variable}");
    }
    named
}

/// Returns the first of `n` ports in a row that are free on loopback.
pub(crate) fn free_ports(n: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Each process starts elsewhere: nextest runs every test in its own.
    let start = std::process::id() % u32::from(N_PORTS / 20) * 20;
    let start = u16::try_from(start).expect("it is below N_PORTS");
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    for _ in 0..N_PORTS / n {
        let port = FIRST_PORT + (start + NEXT.fetch_add(n, Ordering::Relaxed)) % (N_PORTS - n);
        if (port..port + n).all(is_free) {
            return port;
        }
    }
    panic!("no {n} ports in a row are free");
}

/// Looks until there is something to see, and gives up when that takes too long.
pub(crate) fn wait_until<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        match look() {
            None if began.elapsed() < PATIENCE => std::thread::sleep(LOOK_EVERY),
            seen => return seen,
        }
    }
}
