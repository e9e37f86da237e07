//! What the frontier costs, and what its rules do to a network as large as the real one.
//!
//! `cargo run --release -p crawl --example frontier_cost`

#![expect(clippy::print_stdout, reason = "its results")]

use std::time::Duration;

use crawl::frontier::{Frontier, Hint, Next, PerNetwork, Rules};
use fastrand::Rng;
use proto::gossip::Claim;
use proto::{Host, Outcome, PeerAddr};

const NOW: u32 = 1_800_000_000;
const N_TELLERS: u32 = 10_000;
const N_CLAIMS: usize = 1_000;

fn main() {
    // The smaller one first: memory that was freed may stay with the process.
    for n_addresses in [40_000, 1_000_000] {
        fold_claims(n_addresses);
    }
    if std::env::args().any(|it| it == "--cost-only") {
        return;
    }
    for per_mille in [10, 20, 40, 100] {
        for n_liars in [0, 100] {
            crawl(250_000, per_mille, n_liars);
        }
    }
}

/// Ten million claims over `n_addresses` addresses, then a call to each of these.
fn fold_claims(n_addresses: u32) {
    let mut dice = Rng::with_seed(1);
    let rules = Rules {
        max_known: n_addresses as usize,
        max_new_per_teller: u32::MAX,
        first_credit: u32::MAX / 2,
        max_per_ipv4_16: u32::MAX,
        ..rules()
    };
    let mut frontier = Frontier::new(rules, 1);
    let mut admitted = Vec::new();
    let mut took = Duration::ZERO;
    let mut claims = Vec::with_capacity(N_CLAIMS);
    for teller in 0..N_TELLERS {
        let teller = addr(teller);
        frontier.learn(teller, 0, Hint::default());
        claims.clear();
        claims.extend((0..N_CLAIMS).map(|_| claim(dice.u32(..n_addresses), &mut dice)));
        let began = cpu_time();
        frontier.hear(&teller, &claims, 0, i64::from(NOW), &mut admitted);
        took += cpu_time() - began;
        admitted.clear();
    }
    let resident = resident_mb();
    let began = cpu_time();
    let mut n_calls = 0;
    while let Next::Call(task) = frontier.take_next(Duration::ZERO) {
        frontier.finish(&task.addr, Outcome::ConnectTimeout, Duration::ZERO);
        n_calls += 1;
    }
    let calls_took = cpu_time() - began;
    let n_claims = N_TELLERS * 1_000;
    println!(
        "{} known, {n_claims} claims: {} ns a claim, {} ns a call, {resident} MB resident, {} MB at most",
        frontier.n_known(),
        took.as_nanos() / u128::from(n_claims),
        calls_took.as_nanos() / n_calls.max(1),
        status_mb("VmHWM:"),
    );
}

/// A crawl of a network where so many of a thousand told addresses are real, with liars among its nodes.
fn crawl(n_addresses: u32, per_mille: u32, n_liars: u32) {
    let mut dice = Rng::with_seed(u64::from(per_mille));
    let n_honest = n_addresses * per_mille / 1_000;
    let mut frontier = Frontier::new(rules(), 1);
    for seed in 0..20 {
        frontier.learn(addr(seed), 0, Hint::default());
    }
    let mut in_flight = Vec::new();
    let mut admitted = Vec::new();
    let (mut n_found, mut n_dead, mut n_fake) = (0, 0, 0);
    loop {
        while in_flight.len() < 2_000
            && let Next::Call(task) = frontier.take_next(Duration::ZERO)
        {
            in_flight.push(task);
        }
        if in_flight.is_empty() {
            break;
        }
        let task = in_flight.swap_remove(dice.usize(..in_flight.len()));
        let n = number(&task.addr);
        let outcome = match n {
            _ if n < n_honest + n_liars => Outcome::Complete,
            _ => Outcome::ConnectTimeout,
        };
        frontier.finish(&task.addr, outcome, Duration::ZERO);
        let tells: Vec<_> = match n {
            _ if n < n_honest => {
                n_found += 1;
                // Honest nodes tell of everybody, liars among them.
                (0..N_CLAIMS)
                    .map(|_| claim(dice.u32(..n_addresses), &mut dice))
                    .collect()
            }
            _ if n < n_honest + n_liars => {
                let first = n_addresses + (n - n_honest) * 5_000;
                (first..first + 5_000)
                    .map(|it| claim(it, &mut dice))
                    .collect()
            }
            _ if n < n_addresses => {
                n_dead += 1;
                continue;
            }
            _ => {
                n_fake += 1;
                continue;
            }
        };
        admitted.clear();
        frontier.hear(&task.addr, &tells, 0, i64::from(NOW), &mut admitted);
    }
    let left_out: Vec<_> = frontier
        .left_out()
        .filter(|(_, n)| *n > 0)
        .map(|(why, n)| format!("{} {n}", why.code()))
        .collect();
    println!(
        "{per_mille} of 1,000 real, {n_liars} liars: {n_found} of {n_honest} found, {n_dead} dead and {n_fake} fakes \
         called, {} known, left out: {}",
        frontier.n_known(),
        left_out.join(", "),
    );
}

fn rules() -> Rules {
    Rules {
        networks: PerNetwork([true; 5]),
        public_networks: PerNetwork([true; 5]),
        spacing: Duration::ZERO,
        ..Rules::default()
    }
}

/// Spreads addresses over 16,384 prefixes of 16 bits.
fn addr(n: u32) -> PeerAddr {
    let [_, x, y, z] = n.to_be_bytes();
    PeerAddr::new(Host::Ipv4([16 + z % 64, y, x, z]), 8_333)
}

fn number(addr: &PeerAddr) -> u32 {
    match addr.host {
        Host::Ipv4([_, y, x, z]) => u32::from_be_bytes([0, x, y, z]),
        _ => unreachable!("all are IPv4"),
    }
}

fn claim(n: u32, dice: &mut Rng) -> Claim {
    Claim {
        addr: addr(n),
        time: Some(NOW - dice.u32(..6 * 86_400)),
        services: 0xc09,
    }
}

/// Returns how long this thread ran, as Linux says: other programs do not count.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/schedstat").unwrap_or_default();
    let nanos = stat.split(' ').next().and_then(|it| it.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

fn resident_mb() -> u64 {
    status_mb("VmRSS:")
}

/// Reads a line of what Linux says of this process; 0 elsewhere.
fn status_mb(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|it| it.strip_prefix(key));
    let kib = line.and_then(|it| it.trim().strip_suffix(" kB"));
    kib.and_then(|it| it.parse::<u64>().ok()).unwrap_or(0) / 1_024
}
