//! Asking the DNS seeds for addresses.

use std::collections::BTreeSet;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use proto::PeerAddr;
use proto::routable::unroutable;
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

/// The longest that one seed may take to answer: two tries of 5 seconds, the default of `resolv.conf`.
pub const SEED_TIMEOUT: Duration = Duration::from_secs(10);

/// The most addresses taken from one seed.
///
/// Seeds send a few dozen; Bitcoin Core's own bound was 256 for years (`nMaxIPs`).
pub const MAX_ADDRS_PER_SEED: usize = 256;

/// Something that turns a name into IP addresses.
pub trait Lookup: Clone + Send + Sync + 'static {
    /// Returns the addresses of `name`.
    fn lookup(&self, name: &str) -> impl Future<Output = io::Result<Vec<IpAddr>>> + Send;
}

/// The resolver of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemResolver;

impl Lookup for SystemResolver {
    async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|it| it.ip()).collect())
    }
}

/// What one seed answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedAnswer {
    /// The name that was asked for.
    pub seed: String,
    /// Its addresses, sorted and each one once, or why there are none.
    pub result: Result<Vec<PeerAddr>, String>,
    /// Addresses left out because no public node can have them.
    pub n_unroutable: usize,
}

/// Asks all seeds at once; the answers come in the order of the seeds.
pub async fn resolve_seeds(seeds: &[&str], port: u16, resolver: &impl Lookup) -> Vec<SeedAnswer> {
    let asked: Vec<_> = seeds
        .iter()
        .map(|&seed| {
            let (name, resolver) = (seed.to_owned(), resolver.clone());
            let answer = async move { ask(&name, &resolver).await };
            (seed, AbortOnDropHandle::new(tokio::spawn(answer)))
        })
        .collect();
    let mut answers = Vec::with_capacity(asked.len());
    for (seed, answer) in asked {
        let found = answer
            .await
            .unwrap_or_else(|_| Err("the resolver crashed".to_owned()));
        answers.push(tidy(seed, port, found));
    }
    answers
}

async fn ask(name: &str, resolver: &impl Lookup) -> Result<Vec<IpAddr>, String> {
    match timeout(SEED_TIMEOUT, resolver.lookup(name)).await {
        Ok(found) => found.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {} s", SEED_TIMEOUT.as_secs())),
    }
}

fn tidy(seed: &str, port: u16, found: Result<Vec<IpAddr>, String>) -> SeedAnswer {
    let mut n_unroutable = 0;
    let result = found.map(|ips| {
        let mut addrs = BTreeSet::new();
        for ip in ips {
            let addr = PeerAddr::from(SocketAddr::new(ip, port));
            if unroutable(&addr).is_some() {
                n_unroutable += 1;
            } else if addrs.len() < MAX_ADDRS_PER_SEED {
                addrs.insert(addr);
            }
        }
        addrs.into_iter().collect()
    });
    SeedAnswer {
        seed: seed.to_owned(),
        result,
        n_unroutable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[tokio::test]
    async fn answers_are_sorted_and_each_address_is_there_once() {
        check(
            "twice",
            "twice: 8.8.4.4:8333 8.8.8.8:8333 [2a01:4f8::1]:8333, 0 unroutable",
        )
        .await;
    }

    #[tokio::test]
    async fn an_address_that_no_node_has_is_dropped_and_counted() {
        check("blocked", "blocked: 8.8.8.8:8333, 3 unroutable").await;
    }

    #[tokio::test]
    async fn a_name_that_does_not_exist_says_so() {
        check("unknown", "unknown: no such name, 0 unroutable").await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_seed_is_given_up() {
        check("silent", "silent: no answer within 10 s, 0 unroutable").await;
    }

    #[tokio::test]
    async fn a_resolver_that_panics_costs_one_answer() {
        check("panic", "panic: the resolver crashed, 0 unroutable").await;
    }

    #[tokio::test]
    async fn a_seed_that_names_thousands_is_cut() {
        let answers = resolve_seeds(&["many"], 8333, &Fake).await;
        assert_eq!(
            answers[0].result.as_ref().unwrap().len(),
            MAX_ADDRS_PER_SEED
        );
    }

    #[tokio::test(start_paused = true)]
    async fn seeds_are_asked_at_once_and_answer_in_their_order() {
        let start = tokio::time::Instant::now();
        let answers = resolve_seeds(&["silent", "blocked", "silent"], 8333, &Fake).await;
        let names: Vec<_> = answers.iter().map(|it| it.seed.as_str()).collect();
        assert_eq!(names, ["silent", "blocked", "silent"]);
        assert_eq!(start.elapsed().as_secs(), SEED_TIMEOUT.as_secs());
    }

    #[derive(Clone)]
    struct Fake;

    impl Lookup for Fake {
        async fn lookup(&self, name: &str) -> io::Result<Vec<IpAddr>> {
            let ips = |texts: &[&str]| texts.iter().map(|it| it.parse().unwrap()).collect();
            match name {
                "twice" => Ok(ips(&["2a01:4f8::1", "8.8.8.8", "8.8.4.4", "8.8.8.8"])),
                "blocked" => Ok(ips(&["0.0.0.0", "127.0.0.1", "::1", "8.8.8.8"])),
                "many" => Ok((0..10_000)
                    .map(|it| Ipv4Addr::from(0x0808_0000 + it).into())
                    .collect()),
                "silent" => std::future::pending().await,
                "panic" => panic!("a bug in the resolver"),
                _ => Err(io::Error::other("no such name")),
            }
        }
    }

    async fn check(seed: &str, expected: &str) {
        let answers = resolve_seeds(&[seed], 8333, &Fake).await;
        let seen: Vec<_> = answers.iter().map(show).collect();
        assert_eq!(seen, [expected]);
    }

    fn show(answer: &SeedAnswer) -> String {
        let what = match &answer.result {
            Ok(addrs) => {
                let addrs: Vec<_> = addrs.iter().map(PeerAddr::to_string).collect();
                addrs.join(" ")
            }
            Err(why) => why.clone(),
        };
        format!(
            "{}: {what}, {} unroutable",
            answer.seed, answer.n_unroutable
        )
    }
}
