//! Moving bytes between one peer and its session. Decides nothing.

use std::io;
use std::pin::pin;
use std::time::Duration;

use proto::handshake::Hangup;
use proto::session::{Ending, Output, Session};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::time::{Instant, sleep_until, timeout_at};

/// How many bytes are read at once.
const READ_SIZE: usize = 8 * 1024;
/// How long our last words may take, once nothing more is wanted of the peer.
pub const LAST_WORDS: Duration = Duration::from_secs(1);

/// Talks until the session is over; `began` is when the dial did.
///
/// Every wait, also that of a write, ends at the session's deadline.
pub async fn drive(
    mut session: Session,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    began: Instant,
) -> Ending {
    let mut timer = pin!(sleep_until(began));
    let mut end = Hangup::Closed;
    loop {
        match session.poll_output(began.elapsed()) {
            Some(Output::Close) => return session.finish(),
            Some(Output::Send(bytes)) => {
                let until = match session.deadline() {
                    Some(deadline) => began + deadline,
                    None => Instant::now() + LAST_WORDS,
                };
                match timeout_at(until, stream.write_all(&bytes)).await {
                    Ok(Ok(())) => (),
                    // Whoever takes no more may have said something before.
                    Ok(Err(error)) => end = hangup(&error),
                    Err(_) => session.handle_timeout(until - began),
                }
                continue;
            }
            None => (),
        }
        let deadline = session
            .deadline()
            .expect("a session that says nothing more waits for something");
        if timer.deadline() != began + deadline {
            timer.as_mut().reset(began + deadline);
        }
        tokio::select! {
            biased;
            read = read_into(&mut stream, &mut session, began) => match read {
                Ok(0) => session.handle_hangup(end.clone()),
                Ok(_) => (),
                Err(error) => session.handle_hangup(hangup(&error)),
            },
            () = &mut timer => session.handle_timeout(began.elapsed().max(deadline)),
        }
    }
}

/// Reads once. The buffer lives only while bytes are there, so that thousands of waiting calls hold none.
async fn read_into(
    stream: &mut (impl AsyncRead + Unpin),
    session: &mut Session,
    began: Instant,
) -> io::Result<usize> {
    std::future::poll_fn(|context| {
        let mut bytes = [std::mem::MaybeUninit::uninit(); READ_SIZE];
        let mut buffer = ReadBuf::uninit(&mut bytes);
        std::task::ready!(std::pin::Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
        let read = buffer.filled();
        if !read.is_empty() {
            session.handle_bytes(read, began.elapsed());
        }
        std::task::Poll::Ready(Ok(read.len()))
    })
    .await
}

/// Says in the session's words how a connection broke.
pub fn hangup(error: &io::Error) -> Hangup {
    Hangup::Broken(match error.kind() {
        io::ErrorKind::ConnectionReset => "connection reset".to_owned(),
        io::ErrorKind::BrokenPipe => "connection closed while we wrote".to_owned(),
        _ => error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::command::{VERACK, VERSION};
    use proto::framing::v1::{self, HeaderForm};
    use proto::session::Chance;
    use proto::{Outcome, SessionConfig};
    use std::sync::Arc;
    use tokio::io::AsyncReadExt;

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_answers_costs_no_real_time() {
        let (ours, _theirs) = tokio::io::duplex(1_024);
        assert_eq!(talk(ours).await, (Outcome::VersionTimeout, 15));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_never_reads_is_left_at_the_deadline() {
        let (ours, _theirs) = tokio::io::duplex(1);
        assert_eq!(talk(ours).await, (Outcome::VersionTimeout, 15));
    }

    #[tokio::test(start_paused = true)]
    async fn a_trickle_of_bytes_extends_nothing() {
        let (ours, mut theirs) = tokio::io::duplex(1_024);
        tokio::spawn(async move {
            for byte in proto::Chain::Mainnet
                .magic()
                .into_iter()
                .chain([b'v'; 1_000])
            {
                tokio::time::sleep(Duration::from_secs(1)).await;
                if theirs.write_all(&[byte]).await.is_err() {
                    return;
                }
            }
        });
        assert_eq!(talk(ours).await, (Outcome::VersionTimeout, 15));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_hangs_up_is_noticed_at_once() {
        let (ours, mut theirs) = tokio::io::duplex(1_024);
        tokio::spawn(async move { theirs.read_u8().await });
        assert_eq!(talk(ours).await, (Outcome::ClosedBeforeVersion, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_peer_said_before_it_hung_up_is_heard() {
        let magic = proto::Chain::Mainnet.magic();
        let mut said = Vec::new();
        for (command, payload) in [(VERSION, &[0; 85][..]), (VERACK, &[])] {
            said.extend(v1::encode(magic, HeaderForm::default(), command, payload));
        }
        let (ours, mut theirs) = tokio::io::duplex(1_024);
        theirs.write_all(&said).await.unwrap();
        drop(theirs);
        assert_eq!(talk(ours).await, (Outcome::Complete, 0));
    }

    /// Returns how a conversation ends, and after how many seconds.
    async fn talk(stream: tokio::io::DuplexStream) -> (Outcome, u64) {
        let began = Instant::now();
        let config = Arc::new(SessionConfig::default());
        let session = Session::start(config, None, Chance::v1(1), 0, Duration::ZERO);
        let ending = drive(session, stream, began).await;
        (ending.outcome, began.elapsed().as_secs())
    }
}
