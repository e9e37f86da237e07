//! Whether a peer has answered all that it was asked.
//!
//! Nodes answer in order, so the `pong` to a `ping` behind the questions says that the answers are through: the ping is a
//! fence. Some never answer pings, some answer long after their `pong`, and some announce themselves first, so the fence is
//! not all.

use std::time::Duration;

use crate::session::Questions;

/// How long to listen behind the `pong` of a peer that announced nothing before it.
///
/// bcoin takes our `verack` and `ping` in one gulp, and announces its features right behind the `pong`.
const SHORT_QUIET: Duration = Duration::from_millis(200);
/// From how many addresses on they are an answer, and not the peer announcing itself.
const MIN_ANSWER: usize = 2;

/// How far the answers of one peer are. Time is the duration since the dial began.
#[derive(Debug)]
pub(crate) struct Asking {
    questions: Questions,
    quiet: Duration,
    /// When the `pong` to the fence came.
    fence_at: Option<Duration>,
    /// The peer said something of itself behind its `verack`, so it announces its features before its `pong`.
    announces: bool,
    n_addrs: usize,
    last_addrs_at: Option<Duration>,
    /// It said that it knows nobody.
    knows_nobody: bool,
}

impl Asking {
    /// Asks `questions`; `quiet` is how long to go on listening to a peer that answers, but not in order.
    pub(crate) fn new(questions: Questions, quiet: Duration) -> Asking {
        Asking {
            questions,
            quiet,
            fence_at: None,
            announces: false,
            n_addrs: 0,
            last_addrs_at: None,
            knows_nobody: false,
        }
    }

    /// Takes in that the peer knows no fence, and is asked nothing but addresses at the most.
    pub(crate) fn expect_no_fence(&mut self) {
        if self.questions == Questions::Features {
            self.questions = Questions::None;
        }
    }

    /// Takes in the answer to the fence.
    pub(crate) fn note_fence(&mut self, at: Duration) {
        self.fence_at = self.fence_at.or(Some(at));
    }

    /// Takes in a message of `n` addresses.
    pub(crate) fn note_addrs(&mut self, n: usize, at: Duration) {
        self.n_addrs += n;
        self.last_addrs_at = Some(at);
        self.knows_nobody |= n == 0;
    }

    /// Takes in any other message behind the `verack`.
    pub(crate) fn note_announcement(&mut self) {
        self.announces |= self.fence_at.is_none();
    }

    /// Returns when all is answered if nothing more comes; `None` while the peer owes an answer.
    pub(crate) fn over_at(&self) -> Option<Duration> {
        let is_answered = match self.questions {
            Questions::None => return Some(Duration::ZERO),
            Questions::Features => self.fence_at.is_some(),
            Questions::Addresses => self.n_addrs >= MIN_ANSWER || self.knows_nobody,
        };
        let latest = self.fence_at.max(self.last_addrs_at)?;
        match self.fence_at {
            // Up to 0.21 Bitcoin Core answers half a minute after its `pong`: addresses had a timer of their own.
            _ if !is_answered => None,
            Some(fence) if fence == latest => Some(match self.announces {
                true => fence,
                false => fence + SHORT_QUIET,
            }),
            // It answers out of order, or not to pings: it may have more to say.
            Some(_) | None => Some(latest + self.quiet),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Questions::{Addresses, Features};
    use Told::{Addrs, Announcement, Fence};

    #[derive(Clone, Copy)]
    enum Told {
        Fence,
        Addrs(usize),
        Announcement,
    }

    #[test]
    fn features_are_over_with_the_fence() {
        check(Features, &[], None);
        check(Features, &[(3, Addrs(1_000))], None);
        check(Features, &[(3, Fence)], Some(3_200));
        check(Features, &[(2, Announcement), (3, Fence)], Some(3_000));
    }

    #[test]
    fn addresses_before_the_fence_are_the_whole_answer() {
        check(Addresses, &[(2, Addrs(1_000)), (3, Fence)], Some(3_200));
        let announced = [(1, Announcement), (2, Addrs(1_000)), (3, Fence)];
        check(Addresses, &announced, Some(3_000));
        let in_parts = [
            (1, Announcement),
            (2, Addrs(1)),
            (2, Addrs(1_000)),
            (2, Fence),
        ];
        check(Addresses, &in_parts, Some(2_000));
    }

    #[test]
    fn a_lone_self_announcement_is_not_the_answer() {
        check(Addresses, &[(2, Addrs(1))], None);
        check(Addresses, &[(2, Addrs(1)), (3, Fence)], None);
        check(
            Addresses,
            &[(2, Addrs(1)), (3, Fence), (4, Addrs(1_000))],
            Some(6_000),
        );
    }

    #[test]
    fn whoever_knows_nobody_says_so_or_is_listened_to_until_the_deadline() {
        check(Addresses, &[(1, Announcement), (3, Fence)], None);
        check(
            Addresses,
            &[(1, Announcement), (2, Addrs(0)), (3, Fence)],
            Some(3_000),
        );
    }

    #[test]
    fn a_peer_without_fence_is_over_when_it_falls_quiet() {
        check(Addresses, &[(1, Announcement)], None);
        check(
            Addresses,
            &[(2, Addrs(1_000)), (3, Addrs(1_000)), (4, Addrs(500))],
            Some(6_000),
        );
    }

    #[test]
    fn an_answer_behind_the_fence_is_taken_whole() {
        check(
            Addresses,
            &[(1, Announcement), (2, Fence), (3, Addrs(1_000))],
            Some(5_000),
        );
    }

    #[track_caller]
    fn check(questions: Questions, told: &[(u64, Told)], expected_millis: Option<u64>) {
        let mut asking = Asking::new(questions, Duration::from_secs(2));
        for &(secs, told) in told {
            let at = Duration::from_secs(secs);
            match told {
                Fence => asking.note_fence(at),
                Addrs(n) => asking.note_addrs(n, at),
                Announcement => asking.note_announcement(),
            }
        }
        assert_eq!(asking.over_at(), expected_millis.map(Duration::from_millis));
    }
}
