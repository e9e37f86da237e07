//! Moving bytes between one caller and the node it reached. Decides nothing.

use std::io;
use std::pin::Pin;
use std::task::{Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, sleep_until};

use crate::peer::{Action, Peer};

/// How many bytes are read at once; a caller's whole handshake is less.
const READ_SIZE: usize = 2 * 1024;

/// How a call is to be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// In order.
    Close,
    /// By a reset.
    Reset,
}

/// Talks until one of both has enough. The caller of this bounds how long that may take.
pub(crate) async fn converse(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    peer: &mut Peer<'_>,
) -> io::Result<Ending> {
    loop {
        // Waits count from what was heard last, and not each from when a busy machine came to it.
        let mut due = Instant::now();
        while let Some(action) = peer.poll_action() {
            match action {
                Action::Write(bytes) => stream.write_all(&bytes).await?,
                Action::Wait(time) if time.is_zero() => (),
                Action::Wait(time) => {
                    due += time;
                    sleep_until(due).await;
                }
                Action::Close => return Ok(Ending::Close),
                Action::Reset => return Ok(Ending::Reset),
            }
        }
        if read_once(stream, |bytes| peer.handle_bytes(bytes)).await? == 0 {
            return Ok(Ending::Close);
        }
    }
}

/// Reads once. The buffer lives only while bytes are there, so that thousands of idle calls hold none.
pub(crate) async fn read_once(
    stream: &mut (impl AsyncRead + Unpin),
    mut take: impl FnMut(&[u8]),
) -> io::Result<usize> {
    std::future::poll_fn(|context| {
        let mut bytes = [0; READ_SIZE];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
        take(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::announce::P2P_V2;
    use crate::gossip::Occasion;
    use crate::{Kind, Reach, World, WorldConfig, compare, compare_found};
    use proto::framing::v1::Decoder;
    use proto::framing::v2::keys::Secret;
    use proto::session::{self, Chance, Output};
    use proto::visit::{Call, Dialect, Transport};
    use proto::{Outcome, Session, SessionConfig, Visit};
    use std::sync::Arc;
    use std::time::Duration;
    use tokio::io::AsyncReadExt;
    use tokio::time::timeout_at;

    #[tokio::test(start_paused = true)]
    async fn every_live_kind_is_found_as_the_truth_says() {
        for seed in 0..40 {
            let world = every_live_kind(seed);
            let mut visits = Vec::new();
            for n in 0..world.nodes().len() {
                visits.push(visit(&world, n, Transport::V1, Dialect::Modern).await);
            }
            let comparison = compare(&world.truth(Reach::Proxy), &visits);
            assert!(comparison.is_perfect(), "seed {seed}: {comparison}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_live_kind_is_found_where_v2_comes_first() {
        for seed in 0..20 {
            let world = every_live_kind(seed);
            let mut visits = Vec::new();
            for (n, node) in world.nodes().iter().enumerate() {
                let first = match node.version.services & P2P_V2 {
                    0 => Transport::V1,
                    _ => Transport::V2,
                };
                visits.push(visit(&world, n, first, Dialect::Modern).await);
            }
            let comparison = compare_found(&world.truth(Reach::Proxy), &visits);
            let n_right = comparison.n_right;
            assert_eq!(n_right, visits.len(), "seed {seed}: {comparison}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn every_live_kind_is_found_where_old_manners_come_last() {
        for seed in 0..20 {
            let world = every_live_kind(seed);
            let mut visits = Vec::new();
            for n in 0..world.nodes().len() {
                for dialect in Dialect::ALL {
                    let visit = visit(&world, n, Transport::V1, dialect).await;
                    let is_worth_another = matches!(
                        visit.call.outcome,
                        Outcome::VersionTimeout
                            | Outcome::ClosedBeforeVersion
                            | Outcome::ProtocolViolation
                    );
                    visits.push(visit);
                    if !is_worth_another {
                        break;
                    }
                }
            }
            let truth = world.truth_in(&Dialect::ALL, Reach::Proxy);
            let comparison = compare(&truth, &visits);
            assert!(comparison.is_perfect(), "seed {seed}: {comparison}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_exchange_takes_one_round_trip() {
        let world = World::of_kinds(&WorldConfig::default(), &[Kind::NewFeatures]);
        let rtt = world.nodes()[0].rtt;
        let visit = visit(&world, 0, Transport::V1, Dialect::Modern).await;
        let heard = visit.call.heard;
        let near = |at: Option<Duration>, n: u32| {
            let late = at.unwrap().checked_sub(rtt * n).unwrap();
            assert!(late < Duration::from_millis(3), "{late:?} late");
        };
        near(heard.version_at, 1);
        near(heard.verack_at, 1);
        near(heard.answered_at, 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_that_says_nothing_hears_nothing() {
        let world = World::of_kinds(&WorldConfig::default(), &[Kind::Honest]);
        let (mut ours, mut theirs) = tokio::io::duplex(1_024);
        let mut peer = Peer::accept(&world, 0, world.first_occasion(Reach::Proxy));
        let call = converse(&mut theirs, &mut peer);
        let limit = Instant::now() + Duration::from_secs(60);
        assert!(timeout_at(limit, call).await.is_err());
        drop(theirs);
        let mut heard = Vec::new();
        ours.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"");
    }

    #[tokio::test(start_paused = true)]
    async fn pieces_are_small() {
        let world = World::of_kinds(&WorldConfig::default(), &[Kind::Fragmented]);
        let mut peer = Peer::accept(&world, 0, world.first_occasion(Reach::Proxy));
        let (mut ours, mut theirs) = tokio::io::duplex(64 * 1_024);
        let callers =
            crate::script::frame(world.chain().magic(), proto::command::VERSION, &[0; 46]);
        ours.write_all(&callers).await.unwrap();
        let listen = async {
            let mut decoder = Decoder::new(world.chain().magic(), Default::default(), 1_024);
            loop {
                let n = read_once(&mut ours, |it| decoder.feed(it)).await.unwrap();
                assert!((1..=7).contains(&n), "{n}");
                if decoder.next_frame().unwrap().is_some_and(|it| it.len == 0) {
                    break;
                }
            }
        };
        tokio::select! {
            () = listen => (),
            _ = converse(&mut theirs, &mut peer) => panic!("the call ended"),
        }
    }

    fn every_live_kind(seed: u64) -> World {
        let config = WorldConfig {
            seed,
            ..WorldConfig::default()
        };
        let live = Kind::ALL.iter().copied().filter(|it| it.is_live());
        World::of_kinds(&config, &live.collect::<Vec<Kind>>())
    }

    /// Calls the `n`th node, without a network between; in v1 once more where it takes a call in v2 as those do who do not
    /// know it.
    async fn visit(world: &World, n: usize, first: Transport, dialect: Dialect) -> Visit {
        let kind = world.nodes()[n].kind;
        let is_full_at_first = kind == Kind::FullAtFirst && first == Transport::V1;
        let n_earlier = u32::from(is_full_at_first);
        let (mut transport, mut ending) = (first, call(world, n, n_earlier, first, dialect).await);
        if ending.wants_v1 {
            transport = Transport::V1;
            ending = call(world, n, n_earlier + 1, transport, dialect).await;
        }
        Visit {
            addr: world.nodes()[n].addr,
            source: 0,
            attempt: 1,
            dialect,
            call: Call {
                transport: Some(transport),
                heard: ending.heard,
                ..Call::not_connected(0, ending.outcome, ending.reason)
            },
        }
    }

    async fn call(
        world: &World,
        n: usize,
        n_earlier: u32,
        transport: Transport,
        dialect: Dialect,
    ) -> session::Ending {
        let (mut ours, mut theirs) = tokio::io::duplex(64 * 1_024);
        let occasion = Occasion {
            n_earlier,
            ..world.first_occasion(Reach::Proxy)
        };
        let mut peer = Peer::accept(world, n, occasion);
        let answering = async {
            // The node hangs up when its side of the conversation is over.
            let ended = converse(&mut theirs, &mut peer).await;
            drop(theirs);
            ended
        };
        let chance = Chance {
            nonce: 42,
            v2: (transport == Transport::V2).then(|| Secret::new([1; 32], [2; 32])),
        };
        let (ending, _) = tokio::join!(talk(&mut ours, chance, dialect), async {
            let _ = tokio::time::timeout(Duration::from_secs(200), answering).await;
        });
        ending
    }

    async fn talk(
        stream: &mut tokio::io::DuplexStream,
        chance: Chance,
        dialect: Dialect,
    ) -> session::Ending {
        let began = Instant::now();
        let config = Arc::new(SessionConfig {
            dialect,
            ..SessionConfig::default()
        });
        let mut session = Session::start(config, None, chance, 1_789_000_000, Duration::ZERO);
        loop {
            match session.poll_output(began.elapsed()) {
                Some(Output::Close) => break,
                Some(Output::Send(bytes)) => {
                    // A node that hung up is noticed when it is read from.
                    let _ = stream.write_all(&bytes).await;
                    continue;
                }
                None => (),
            }
            let until = began + session.deadline().unwrap();
            let read = read_once(stream, |it| session.handle_bytes(it, began.elapsed()));
            match timeout_at(until, read).await {
                Ok(Ok(0) | Err(_)) => break,
                Ok(Ok(_)) => (),
                Err(_) => session.handle_timeout(began.elapsed()),
            }
        }
        let _ = stream.shutdown().await;
        session.finish()
    }

    #[test]
    fn outcomes_of_the_kinds_are_of_the_published_list() {
        for kind in Kind::ALL {
            assert!(Outcome::from_code(kind.outcome().code(), None).is_some());
        }
    }
}
