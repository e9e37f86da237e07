//! Ways that went away while calls were made over them. Pure: time is an argument.
//!
//! A proxy that restarts refuses hundreds of calls a second for half a minute, and a router takes minutes to make a new
//! session. Neither says anything about the peers, so calls over such a way wait, and are made again.

use std::time::Duration;

use proto::Network;

use crate::frontier::PerNetwork;

/// How long no call begins over a way that was not there; doubled while it stays away.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A way over which nothing went for so long is usually not waited for, so that a crawl ends.
///
/// Five minutes: an I2P router has two tries at a session in it, and Tor builds its first circuits within one.
pub const USUAL_PATIENCE: Duration = Duration::from_secs(300);

/// Which ways are gone, and until when each is left alone.
#[derive(Debug)]
pub(crate) struct Outages {
    patience: Duration,
    of: PerNetwork<Option<Outage>>,
}

#[derive(Clone, Copy, Debug)]
struct Outage {
    since: Duration,
    until: Duration,
    /// The next pause.
    pause: Duration,
}

/// What to do with a call whose way was not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Make it again; it is the first one that found out.
    WaitFirst,
    /// Make it again.
    Wait,
    /// Take it as it is.
    GiveUp,
}

impl Outages {
    /// Has every way; one that goes is waited for as long as `patience`.
    pub(crate) fn new(patience: Duration) -> Outages {
        Outages {
            patience,
            of: PerNetwork::default(),
        }
    }

    /// Takes in that at `now` the way into `network` was not there.
    pub(crate) fn note_down(&mut self, network: Network, now: Duration) -> Verdict {
        let Some(outage) = &mut self.of[network] else {
            self.of[network] = Some(Outage {
                since: now,
                until: now + PAUSE,
                pause: PAUSE * 2,
            });
            return Verdict::WaitFirst;
        };
        if now >= outage.since + self.patience {
            return Verdict::GiveUp;
        }
        // Many calls fail together; only the first of them makes the pause longer.
        if outage.until <= now {
            outage.until = now + outage.pause;
            outage.pause = (outage.pause * 2).min(LONGEST_PAUSE);
        }
        Verdict::Wait
    }

    /// Takes in that a call over `network` which began at `began` found its way, and returns whether that is news.
    pub(crate) fn note_up(&mut self, network: Network, began: Duration) -> bool {
        // A call from before says nothing: its peer may have been too slow to notice.
        let ended = self.of[network].take_if(|it| it.since <= began);
        ended.is_some()
    }

    /// Returns the networks that nobody is to be called over at `now`.
    pub(crate) fn held(&self, now: Duration) -> PerNetwork<bool> {
        PerNetwork(self.of.0.map(|it| it.is_some_and(|it| now < it.until)))
    }

    /// Returns when the next of the pauses that last at `now` is over.
    pub(crate) fn next_end(&self, now: Duration) -> Option<Duration> {
        let ends = self.of.0.iter().flatten().map(|it| it.until);
        ends.filter(|it| now < *it).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_the_way_is_given_up_or_back() {
        let mut outages = Outages::new(USUAL_PATIENCE);
        let down = |outages: &mut Outages, at| outages.note_down(Network::Onion, secs(at));
        let mut now = 0;
        let mut pauses = Vec::new();
        assert_eq!(down(&mut outages, now), Verdict::WaitFirst);
        while let Some(end) = outages.next_end(secs(now)) {
            let end = end.as_secs();
            pauses.push(end - now);
            // Those that fail together.
            assert_ne!(down(&mut outages, now), Verdict::GiveUp);
            now = end;
            let _ = down(&mut outages, now);
        }
        assert_eq!(pauses[..7], [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!((now, pauses.iter().sum()), (301, 301));
        assert_eq!(down(&mut outages, 302), Verdict::GiveUp);
        assert_eq!(outages.held(secs(302)), PerNetwork::default());

        assert!(outages.note_up(Network::Onion, secs(302)));
        assert!(!outages.note_up(Network::Onion, secs(302)));
        assert_eq!(down(&mut outages, 303), Verdict::WaitFirst);
        assert_eq!(outages.next_end(secs(303)), Some(secs(304)));
    }

    #[test]
    fn a_way_holds_its_own_network_and_only_a_later_call_shows_that_it_is_back() {
        let mut outages = Outages::new(USUAL_PATIENCE);
        outages.note_down(Network::I2p, secs(10));
        assert!(!outages.note_up(Network::I2p, secs(9)));
        assert!(!outages.note_up(Network::Onion, secs(10)));
        let mut held = PerNetwork::default();
        held[Network::I2p] = true;
        assert_eq!(outages.held(secs(10)), held);
        assert_eq!(outages.held(secs(11)), PerNetwork::default());
        assert!(outages.note_up(Network::I2p, secs(10)));
    }

    fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }
}
