//! The least that any census can do, to measure others by: dial each address of a list through a SOCKS5 proxy, send
//! one `version`, read until a whole `version` is there, hang up. No rules, no store, no second try.
//!
//! `floor --proxy 127.0.0.1:9050 --list FILE --in-flight 10000 --timeout-ms 5000` prints one line of JSON.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use proto::{PeerAddr, command};
use sim::floor::{self, FloorArgs, ProxyAnswer, RawMessage};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

struct Job {
    proxy: SocketAddr,
    timeout: Duration,
    targets: Vec<PeerAddr>,
    version: Vec<u8>,
    next: AtomicUsize,
    n_answered: AtomicUsize,
}

fn main() -> io::Result<()> {
    let args = FloorArgs::read(std::env::args().skip(1))?;
    let targets = args.targets()?;
    let n_targets = targets.len();
    let job = Arc::new(Job {
        proxy: args.proxy,
        timeout: args.timeout,
        targets,
        version: floor::version_message(),
        next: AtomicUsize::new(0),
        n_answered: AtomicUsize::new(0),
    });
    let began = Instant::now();
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(call_all(&job, args.in_flight));
    let answered = job.n_answered.load(Relaxed);
    let wall_ms = began.elapsed().as_millis();
    let failed = n_targets - answered;
    writeln!(
        io::stdout(),
        r#"{{"answered":{answered},"failed":{failed},"wall_ms":{wall_ms}}}"#
    )
}

async fn call_all(job: &Arc<Job>, in_flight: usize) {
    let workers: Vec<_> = (0..in_flight.min(job.targets.len()))
        .map(|_| tokio::spawn(work(Arc::clone(job))))
        .collect();
    for worker in workers {
        worker.await.expect("a worker cannot panic");
    }
}

async fn work(job: Arc<Job>) {
    while let Some(target) = job.targets.get(job.next.fetch_add(1, Relaxed)) {
        if let Ok(Ok(true)) = timeout(job.timeout, call(&job, target)).await {
            job.n_answered.fetch_add(1, Relaxed);
        }
    }
}

async fn call(job: &Job, target: &PeerAddr) -> io::Result<bool> {
    let mut stream = TcpStream::connect(job.proxy).await?;
    let words = floor::first_words(target, &job.version);
    stream.write_all(&words).await?;
    drop(words);
    let mut heard = Vec::new();
    loop {
        if floor::read_into(&mut stream, &mut heard).await? == 0 {
            return Ok(false);
        }
        if let Some(answered) = judge(&heard) {
            return Ok(answered);
        }
    }
}

/// Whether a whole `version` is there; `None` while more may come.
fn judge(heard: &[u8]) -> Option<bool> {
    let mut rest = match ProxyAnswer::read(heard) {
        ProxyAnswer::Unfinished => return None,
        ProxyAnswer::Refused => return Some(false),
        ProxyAnswer::Connected(len) => &heard[len..],
    };
    loop {
        match RawMessage::read(rest) {
            Err(_) => return Some(false),
            Ok(None) => return None,
            Ok(Some(it)) if it.command == command::VERSION.to_wire() => return Some(true),
            Ok(Some(other)) => rest = other.behind,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::Chain;
    use proto::framing::v1::{HeaderForm, encode};

    const CONNECTED: [u8; 12] = [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

    #[test]
    fn a_version_counts_when_all_of_it_is_there() {
        let magic = Chain::Mainnet.magic();
        let verack = encode(magic, HeaderForm::WithChecksum, command::VERACK, b"");
        let whole = [&CONNECTED[..], &verack, &floor::version_message()].concat();
        let counts_at = (0..=whole.len()).find(|end| judge(&whole[..*end]).is_some());
        assert_eq!(counts_at, Some(whole.len()));
        assert_eq!(judge(&whole), Some(true));
    }

    #[test]
    fn whatever_else_comes_is_a_failure() {
        assert_eq!(judge(&[5, 0, 5, 5, 0, 1]), Some(false));
        let banner = [&CONNECTED[..], b"SSH-2.0-OpenSSH_9.2p1 Debian"].concat();
        assert_eq!(judge(&banner), Some(false));
    }
}
