//! Several proxies into one network: a Tor daemon uses one core, so calls are spread over many.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::Outcome;
use tokio::time::{Instant, timeout};

use super::socks5::{Fault, Proxy, WELCOME_PATIENCE};
use super::{Connection, DialError, Target, way_down};

/// How long a proxy that is dead is passed over before one call tries it again.
const DEAD_PAUSE: Duration = Duration::from_secs(10);
/// How long a proxy may take to be checked.
const CHECK_PATIENCE: Duration = Duration::from_secs(10);

/// Proxies that are used in turn; one that is dead is passed over while another works.
#[derive(Clone, Debug)]
pub struct Pool {
    proxies: Vec<Proxy>,
    /// Locked for no wait: only while a place is chosen or marked.
    turns: Arc<Mutex<Turns>>,
}

/// What a check of a pool found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checked {
    /// How many proxies answer.
    pub(super) n_answering: usize,
    /// How many of these give each call a circuit of its own.
    pub(super) n_isolating: usize,
    /// What is wrong with each of the others.
    pub(super) faults: Vec<String>,
}

impl Pool {
    /// Makes a pool of `proxies`; `None` where there are none.
    pub fn new(proxies: Vec<Proxy>) -> Option<Pool> {
        let turns = Turns::new(proxies.len());
        (!proxies.is_empty()).then(|| Pool {
            proxies,
            turns: Arc::new(Mutex::new(turns)),
        })
    }

    /// Returns the proxies, of which there is at least one.
    pub fn proxies(&self) -> &[Proxy] {
        &self.proxies
    }

    /// Has the proxy whose turn it is connect to `target` within `patience`; the next one, where that one is dead.
    pub(super) async fn connect(
        &self,
        target: &Target,
        first_words: &[u8],
        patience: Duration,
    ) -> Result<Connection, DialError> {
        let mut fault = String::new();
        for _ in &self.proxies {
            let place = self.turns().take(Instant::now());
            let proxy = &self.proxies[place];
            match proxy.connect(target, first_words, patience).await {
                Err(Fault::Proxy(why)) => {
                    self.mark_dead(place, &why);
                    fault = why;
                }
                // It never came to the proxy.
                Err(Fault::Call(error @ DialError::MachineFull(_))) => return Err(error),
                Err(Fault::Call(error)) => {
                    self.mark_alive(place);
                    return Err(error);
                }
                Ok(connection) => {
                    self.mark_alive(place);
                    return Ok(connection);
                }
            }
        }
        Err(way_down(Outcome::ProxyError, fault))
    }

    /// Returns the longest time that [`Pool::connect`] may take beside the peer's.
    pub(super) fn longest_welcome(&self) -> Duration {
        let n = u32::try_from(self.proxies.len()).unwrap_or(u32::MAX);
        WELCOME_PATIENCE.saturating_mul(n)
    }

    /// Asks every proxy whether it is there, and learns how each wants to be spoken to.
    pub(super) async fn check(&mut self) -> Checked {
        let mut checked = Checked {
            n_answering: 0,
            n_isolating: 0,
            faults: Vec::new(),
        };
        for (place, proxy) in self.proxies.iter_mut().enumerate() {
            let fault = match timeout(CHECK_PATIENCE, proxy.check()).await {
                Ok(Ok(())) => {
                    checked.n_answering += 1;
                    checked.n_isolating += usize::from(proxy.isolates());
                    continue;
                }
                Ok(Err(why)) => why,
                Err(_) => format!("the proxy {} does not answer", proxy.at),
            };
            checked.faults.push(fault);
            lock(&self.turns).mark_dead(place, Instant::now());
        }
        checked
    }

    fn mark_dead(&self, place: usize, why: &str) {
        if self.turns().mark_dead(place, Instant::now()) {
            let at = &self.proxies[place].at;
            tracing::warn!(at, "calls pass over a proxy that is dead: {why}");
        }
    }

    fn mark_alive(&self, place: usize) {
        if self.turns().mark_alive(place) {
            let at = &self.proxies[place].at;
            tracing::warn!(at, "the proxy {at} answers again");
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        lock(&self.turns)
    }
}

fn lock(turns: &Mutex<Turns>) -> MutexGuard<'_, Turns> {
    turns.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whose turn it is. Pure: time is an argument.
#[derive(Debug)]
struct Turns {
    next: usize,
    /// Until when each is passed over; `None` for those that are alive.
    dead_until: Vec<Option<Instant>>,
}

impl Turns {
    fn new(n: usize) -> Turns {
        Turns {
            next: 0,
            dead_until: vec![None; n],
        }
    }

    /// Returns the next place of one that is alive or due to be tried again, or just the next where all are dead.
    fn take(&mut self, now: Instant) -> usize {
        let n = self.dead_until.len();
        let mut in_turn = (0..n).map(|it| (self.next + it) % n);
        let is_due = |place: &usize| self.dead_until[*place].is_none_or(|until| until <= now);
        let place = in_turn.find(is_due).unwrap_or(self.next % n);
        // One call finds out; the others pass it over meanwhile.
        if let Some(until) = &mut self.dead_until[place] {
            *until = now + DEAD_PAUSE;
        }
        self.next = (place + 1) % n;
        place
    }

    /// Returns whether it was alive before.
    fn mark_dead(&mut self, place: usize, now: Instant) -> bool {
        self.dead_until[place].replace(now + DEAD_PAUSE).is_none()
    }

    /// Returns whether it was dead before.
    fn mark_alive(&mut self, place: usize) -> bool {
        self.dead_until[place].take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::PeerAddr;
    use std::net::Ipv4Addr;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    #[test]
    fn a_dead_one_is_passed_over_and_tried_again_by_one_call() {
        let began = Instant::now();
        let at = |secs| began + Duration::from_secs(secs);
        let mut turns = Turns::new(3);
        let take = |turns: &mut Turns, secs| [(); 4].map(|()| turns.take(at(secs)));
        assert_eq!(take(&mut turns, 0), [0, 1, 2, 0]);
        assert_eq!(
            (turns.mark_dead(1, at(0)), turns.mark_dead(1, at(1))),
            (true, false)
        );
        assert_eq!(take(&mut turns, 1), [2, 0, 2, 0]);
        assert_eq!(take(&mut turns, 11), [1, 2, 0, 2]);
        assert_eq!((turns.mark_alive(1), turns.mark_alive(1)), (true, false));
        assert_eq!(take(&mut turns, 11), [0, 1, 2, 0]);
    }

    #[test]
    fn where_all_are_dead_each_is_tried_in_its_turn() {
        let now = Instant::now();
        let mut turns = Turns::new(2);
        turns.mark_dead(0, now);
        turns.mark_dead(1, now);
        assert_eq!([(); 3].map(|()| turns.take(now)), [0, 1, 0]);
    }

    #[tokio::test]
    async fn calls_are_spread_over_the_proxies_that_work() {
        let at = [
            refusing_proxy(4).await,
            nobody().await,
            refusing_proxy(5).await,
        ];
        let pool = pool(&at);
        let mut seen = Vec::new();
        for _ in 0..4 {
            seen.push(call(&pool).await);
        }
        let (first, third) = (
            "connect_unreachable SOCKS5 reply 0x04: host unreachable",
            "connect_refused SOCKS5 reply 0x05: connection refused",
        );
        assert_eq!(seen, [first, third, first, third]);
    }

    #[tokio::test]
    async fn where_none_works_that_says_nothing_about_the_peer() {
        let at = [nobody().await, nobody().await];
        let said = call(&pool(&at)).await;
        assert!(
            said.starts_with("way down: proxy_error the proxy 127.0.0.1:"),
            "{said}"
        );
    }

    #[tokio::test]
    async fn a_check_counts_those_that_answer() {
        let dead = nobody().await;
        let mut pool = pool(&[refusing_proxy(4).await, dead.clone()]);
        let checked = pool.check().await;
        let refused = TcpStream::connect(&dead).await.unwrap_err();
        let fault = format!("the proxy {dead} cannot be reached: {refused}");
        assert_eq!(checked.faults, [fault]);
        assert_eq!((checked.n_answering, checked.n_isolating), (1, 0));
        // What the check found is not found out again by the calls.
        assert_eq!(
            [(); 3].map(|()| pool.turns().take(Instant::now())),
            [0, 0, 0]
        );
    }

    fn pool(at: &[String]) -> Pool {
        let proxies = at.iter().map(|it| Proxy::parse(it).unwrap());
        Pool::new(proxies.collect()).unwrap()
    }

    async fn call(pool: &Pool) -> String {
        let target = Target::Addr(PeerAddr::new(Ipv4Addr::LOCALHOST, 8333));
        match pool.connect(&target, &[], Duration::from_secs(60)).await {
            Err(DialError::Failed(it)) => format!("{} {}", it.outcome, it.reason.unwrap()),
            Err(DialError::WayDown(it)) => {
                format!("way down: {} {}", it.outcome, it.reason.unwrap())
            }
            other => panic!("{other:?}"),
        }
    }

    /// Starts a proxy that takes no logins and refuses every call with `code`.
    async fn refusing_proxy(code: u8) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let mut asked = [0; 100];
                    stream.read_exact(&mut asked[..3]).await?;
                    stream.write_all(&[5, 0]).await?;
                    let _ = stream.read(&mut asked).await?;
                    stream.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]).await
                });
            }
        });
        at
    }

    /// Returns an address where nobody listens.
    async fn nobody() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().to_string()
    }
}
