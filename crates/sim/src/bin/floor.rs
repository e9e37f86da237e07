//! The least that any census can do, to measure others by: dial each address of a list through a SOCKS5 proxy, send
//! one `version`, read until a whole `version` is there, hang up. No rules, no store, no second try.
//!
//! `floor --proxy 127.0.0.1:9050 --list FILE --in-flight 10000 --timeout-ms 5000` prints one line of JSON.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Poll, ready};
use std::time::{Duration, Instant};

use proto::framing::v1::{HeaderForm, encode};
use proto::version::NetAddr;
use proto::{Chain, Host, PeerAddr, Version, command};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What is sent first, for no login.
const NO_LOGIN: [u8; 3] = [5, 1, 0];
/// The proxy's answers to that and to the request; proxies that name the address they dial from by IPv6 say more.
const ANSWERS: usize = 2 + 10;
const ANSWERS_IPV6: usize = 2 + 22;
/// Magic, command, length and checksum.
const HEADER: usize = 24;
const READ_SIZE: usize = 4 * 1024;

struct Args {
    proxy: SocketAddr,
    list: String,
    in_flight: usize,
    timeout: Duration,
}

struct Job {
    proxy: SocketAddr,
    timeout: Duration,
    targets: Vec<PeerAddr>,
    version: Vec<u8>,
    next: AtomicUsize,
    n_answered: AtomicUsize,
}

fn main() -> io::Result<()> {
    let args = read_args(std::env::args().skip(1))?;
    if !args.proxy.ip().is_loopback() {
        return Err(io::Error::other("the proxy must be on loopback"));
    }
    let list = std::fs::read_to_string(&args.list)?;
    let targets: Vec<PeerAddr> = list
        .lines()
        .filter_map(|it| PeerAddr::parse(it, Chain::Mainnet.default_port()).ok())
        .collect();
    let n_targets = targets.len();
    let job = Arc::new(Job {
        proxy: args.proxy,
        timeout: args.timeout,
        targets,
        version: our_version(),
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

/// Says all there is to say in one write, as Tor allows: where no login is offered there is nothing to wait for.
async fn call(job: &Job, target: &PeerAddr) -> io::Result<bool> {
    let mut words = Vec::with_capacity(256);
    words.extend(NO_LOGIN);
    write_request(&mut words, target);
    words.extend(&job.version);
    let mut stream = TcpStream::connect(job.proxy).await?;
    stream.write_all(&words).await?;
    drop(words);
    let mut heard = Vec::new();
    loop {
        if read_into(&mut stream, &mut heard).await? == 0 {
            return Ok(false);
        }
        if let Some(answered) = judge(&heard) {
            return Ok(answered);
        }
    }
}

async fn read_into(stream: &mut TcpStream, heard: &mut Vec<u8>) -> io::Result<usize> {
    std::future::poll_fn(|context| {
        let mut bytes = [0; READ_SIZE];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
        heard.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    })
    .await
}

/// Whether a whole `version` is there; `None` while more may come.
fn judge(heard: &[u8]) -> Option<bool> {
    let [_, method, _, code, _, kind, ..] = *heard else {
        return None;
    };
    if method != 0 || code != 0 {
        return Some(false);
    }
    let mut rest = heard.get(if kind == 4 { ANSWERS_IPV6 } else { ANSWERS }..)?;
    loop {
        let header = rest.first_chunk::<HEADER>()?;
        if header[..4] != Chain::Mainnet.magic() {
            return Some(false);
        }
        let len = u32::from_le_bytes([header[16], header[17], header[18], header[19]]);
        rest = rest.get(HEADER + len as usize..)?;
        if header[4..16] == command::VERSION.to_wire() {
            return Some(true);
        }
    }
}

fn write_request(out: &mut Vec<u8>, target: &PeerAddr) {
    out.extend([5, 1, 0]);
    match target.host {
        Host::Ipv4(ip) => {
            out.push(1);
            out.extend(ip);
        }
        Host::Ipv6(ip) | Host::Cjdns(ip) => {
            out.push(4);
            out.extend(ip);
        }
        Host::OnionV2(_) | Host::Onion(_) | Host::I2p(_) => {
            let name = target.host.to_string();
            out.extend([3, u8::try_from(name.len()).expect("names are short")]);
            out.extend(name.as_bytes());
        }
    }
    out.extend(target.port.to_be_bytes());
}

fn our_version() -> Vec<u8> {
    let version = Version {
        protocol_version: 70_016,
        addr_from: Some(NetAddr::default()),
        nonce: Some(0x0f10_0f10),
        user_agent: Some(b"/floor/".to_vec()),
        start_height: Some(0),
        relay: Some(0),
        ..Version::default()
    };
    let magic = Chain::Mainnet.magic();
    encode(
        magic,
        HeaderForm::WithChecksum,
        command::VERSION,
        &version.encode(),
    )
}

fn read_args(mut words: impl Iterator<Item = String>) -> io::Result<Args> {
    let mut args = Args {
        proxy: SocketAddr::from(([127, 0, 0, 1], 9050)),
        list: String::new(),
        in_flight: 1_000,
        timeout: Duration::from_secs(5),
    };
    while let Some(flag) = words.next() {
        let value = words.next().unwrap_or_default();
        let wrong = || io::Error::other(format!("{flag} {value:?} makes no sense"));
        match flag.as_str() {
            "--proxy" => args.proxy = value.parse().map_err(|_| wrong())?,
            "--list" => args.list = value,
            "--in-flight" => args.in_flight = value.parse().map_err(|_| wrong())?,
            "--timeout-ms" => {
                args.timeout = Duration::from_millis(value.parse().map_err(|_| wrong())?);
            }
            _ => return Err(wrong()),
        }
    }
    Ok(args)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONNECTED: [u8; ANSWERS] = [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

    #[test]
    fn a_version_counts_when_all_of_it_is_there() {
        let verack = encode(
            Chain::Mainnet.magic(),
            HeaderForm::WithChecksum,
            command::VERACK,
            b"",
        );
        let whole = [&CONNECTED[..], &verack, &our_version()].concat();
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
