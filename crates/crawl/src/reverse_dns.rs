//! Asking for the names of addresses: many at once, within bounds, of the operating system's resolver.
//!
//! Whoever answers for an address writes its name as it likes, so what comes from here is hostile text.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use dns_lookup::LookupErrorKind;
use tokio::runtime;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, timeout, timeout_at};

/// How many names are asked for, and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Questions at the same time.
    pub in_flight: usize,
    /// Questions in all.
    pub in_all: usize,
    /// The longest that one answer may take.
    pub per_answer: Duration,
    /// The longest that all of them may take.
    pub for_all: Duration,
}

impl Default for Bounds {
    fn default() -> Bounds {
        Bounds {
            // Home routers, which resolve for most people, answer as many without losing any.
            in_flight: 64,
            in_all: 20_000,
            // Two tries of 5 seconds, the default of `resolv.conf`.
            per_answer: Duration::from_secs(10),
            for_all: Duration::from_secs(120),
        }
    }
}

/// Something that turns an address into a name.
pub trait ReverseLookup: Clone + Send + Sync + 'static {
    /// Returns the name of `ip`, `None` where it has none, or why that is unknown.
    fn name(&self, ip: IpAddr) -> impl Future<Output = io::Result<Option<String>>> + Send;
}

/// The resolver of the operating system, `/etc/hosts` and all.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl ReverseLookup for SystemResolver {
    async fn name(&self, ip: IpAddr) -> io::Result<Option<String>> {
        let found = spawn_blocking(move || dns_lookup::lookup_addr(&ip)).await;
        match found.map_err(io::Error::other)? {
            Ok(name) => Ok(Some(name)),
            Err(error) => match error.kind() {
                LookupErrorKind::NoName | LookupErrorKind::NoData => Ok(None),
                _ => Err(error.into()),
            },
        }
    }
}

/// What came of asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// The names of those that were found out, `None` for those that have none.
    pub names: BTreeMap<IpAddr, Option<String>>,
    /// Questions that nobody answered.
    pub n_failed: usize,
    /// Addresses that were not asked for, or not waited for, because of the bounds.
    pub n_left: usize,
}

/// Asks the system's resolver, on a runtime of its own: what hangs in the resolver is left behind.
pub fn ask_system(ips: impl IntoIterator<Item = IpAddr>, bounds: &Bounds) -> io::Result<Answers> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_time()
        // The resolver cannot be interrupted: who was given up still takes one of these.
        .max_blocking_threads(bounds.in_flight)
        .build()?;
    let answers = runtime.block_on(ask(ips, &SystemResolver, bounds));
    runtime.shutdown_background();
    Ok(answers)
}

/// Asks for the names of all `ips`, as far as the bounds allow.
pub async fn ask(
    ips: impl IntoIterator<Item = IpAddr>,
    resolver: &impl ReverseLookup,
    bounds: &Bounds,
) -> Answers {
    let end = Instant::now() + bounds.for_all;
    let mut waiting = ips.into_iter();
    let mut n_allowed = bounds.in_all;
    let mut in_flight = JoinSet::new();
    let mut answers = Answers::default();
    loop {
        while n_allowed > 0
            && in_flight.len() < bounds.in_flight
            && let Some(ip) = waiting.next()
        {
            n_allowed -= 1;
            let (resolver, patience) = (resolver.clone(), bounds.per_answer);
            in_flight.spawn(async move { (ip, timeout(patience, resolver.name(ip)).await) });
        }
        match timeout_at(end, in_flight.join_next()).await {
            Ok(Some(Ok((ip, Ok(Ok(name)))))) => {
                answers.names.insert(ip, name);
            }
            Ok(Some(_)) => answers.n_failed += 1,
            Ok(None) | Err(_) => break,
        }
        // Where the first of all have no answer, no other will.
        if answers.names.is_empty() && answers.n_failed >= bounds.in_flight {
            break;
        }
    }
    answers.n_left = in_flight.len() + waiting.count();
    answers
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod apart;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn names_no_names_and_failures_are_told_apart() {
        check(
            &[1, 2, 3, 4],
            Bounds::default(),
            r#"10.0.0.1 Some("one.example"), 10.0.0.2 None, 2 failed, 0 left"#,
        )
        .await;
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_are_asked_than_is_allowed() {
        let bounds = Bounds {
            in_all: 2,
            ..Bounds::default()
        };
        let expected = r#"10.0.0.1 Some("one.example"), 10.0.0.1 None, 0 failed, 1 left"#;
        check(&[1, 2, 1], bounds, &expected.replace("1 None", "2 None")).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_resolver_costs_no_more_than_its_time() {
        let began = Instant::now();
        check(
            &[3, 1],
            Bounds::default(),
            r#"10.0.0.1 Some("one.example"), 1 failed, 0 left"#,
        )
        .await;
        assert_eq!(began.elapsed(), Bounds::default().per_answer);
        let bounds = Bounds {
            per_answer: Duration::from_secs(1_000),
            ..Bounds::default()
        };
        let began = Instant::now();
        check(
            &[3, 1, 3],
            bounds,
            r#"10.0.0.1 Some("one.example"), 0 failed, 2 left"#,
        )
        .await;
        assert_eq!(began.elapsed(), Bounds::default().for_all);
    }

    #[tokio::test(start_paused = true)]
    async fn a_resolver_that_never_answers_is_given_up_early() {
        let bounds = Bounds {
            in_flight: 2,
            ..Bounds::default()
        };
        check(&[4, 4, 4, 4, 4], bounds, "2 failed, 3 left").await;
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_are_asked_at_once() {
        let bounds = Bounds {
            in_flight: 10,
            ..Bounds::default()
        };
        let began = Instant::now();
        let ips = (0..100).map(|it| IpAddr::from([10, 0, 1, it]));
        let answers = ask(ips, &Fake, &bounds).await;
        assert_eq!((answers.names.len(), answers.n_left), (100, 0));
        assert_eq!(began.elapsed(), Duration::from_secs(10));
    }

    #[derive(Clone)]
    struct Fake;

    impl ReverseLookup for Fake {
        async fn name(&self, ip: IpAddr) -> io::Result<Option<String>> {
            match ip.to_string().as_str() {
                "10.0.0.1" => Ok(Some("one.example".to_owned())),
                "10.0.0.2" => Ok(None),
                "10.0.0.3" => std::future::pending().await,
                "10.0.0.4" => Err(io::Error::other("try again")),
                _ => {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Ok(None)
                }
            }
        }
    }

    async fn check(last_bytes: &[u8], bounds: Bounds, expected: &str) {
        let ips = last_bytes.iter().map(|it| IpAddr::from([10, 0, 0, *it]));
        let answers = ask(ips, &Fake, &bounds).await;
        let names = answers.names.iter();
        let mut seen: Vec<_> = names.map(|(ip, name)| format!("{ip} {name:?}")).collect();
        seen.push(format!("{} failed", answers.n_failed));
        seen.push(format!("{} left", answers.n_left));
        assert_eq!(seen.join(", "), expected);
    }
}
