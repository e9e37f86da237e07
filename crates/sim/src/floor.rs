//! What the benchmark's floors have in common: how they are told what to do, and their words to a proxy and to a node.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Poll, ready};
use std::time::Duration;

use proto::framing::v1::{HeaderForm, encode};
use proto::version::NetAddr;
use proto::{Chain, Host, PeerAddr, Version, command};
use tokio::io::{AsyncRead, ReadBuf};

/// Magic, command, length and checksum of each message.
const HEADER: usize = 24;
/// What is sent to the proxy first, for no login.
const NO_LOGIN: [u8; 3] = [5, 1, 0];
/// The proxy's answers to that and to the request; proxies that name the address they dial from by IPv6 say more.
const ANSWERS: usize = 2 + 10;
const ANSWERS_IPV6: usize = 2 + 22;
const READ_SIZE: usize = 16 * 1024;

/// What a floor is told: `--proxy 127.0.0.1:9050 --list FILE --in-flight 10000 --timeout-ms 5000`.
#[derive(Clone, Debug)]
pub struct FloorArgs {
    /// The SOCKS5 proxy, on loopback.
    pub proxy: SocketAddr,
    /// A file with one address a line.
    pub list: String,
    /// How many calls are open at once, at most.
    pub in_flight: usize,
    /// How long anything may take.
    pub timeout: Duration,
}

impl FloorArgs {
    /// Reads the words of a command line; a proxy outside of loopback is refused.
    pub fn read(mut words: impl Iterator<Item = String>) -> io::Result<FloorArgs> {
        let mut args = FloorArgs {
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
        match args.proxy.ip().is_loopback() {
            true => Ok(args),
            false => Err(io::Error::other("the proxy must be on loopback")),
        }
    }

    /// Returns the addresses of the list.
    pub fn targets(&self) -> io::Result<Vec<PeerAddr>> {
        let list = std::fs::read_to_string(&self.list)?;
        let port = Chain::Mainnet.default_port();
        let targets = list.lines().filter_map(|it| PeerAddr::parse(it, port).ok());
        Ok(targets.collect())
    }
}

/// Returns all that is said before the node answers, in one write, as Tor allows: where no login is offered there is
/// nothing to wait for.
pub fn first_words(target: &PeerAddr, version: &[u8]) -> Vec<u8> {
    let mut words = Vec::with_capacity(256);
    words.extend(NO_LOGIN);
    words.extend([5, 1, 0]);
    match target.host {
        Host::Ipv4(ip) => {
            words.push(1);
            words.extend(ip);
        }
        Host::Ipv6(ip) | Host::Cjdns(ip) => {
            words.push(4);
            words.extend(ip);
        }
        Host::OnionV2(_) | Host::Onion(_) | Host::I2p(_) => {
            let name = target.host.to_string();
            words.extend([3, u8::try_from(name.len()).expect("names are short")]);
            words.extend(name.as_bytes());
        }
    }
    words.extend(target.port.to_be_bytes());
    words.extend(version);
    words
}

/// Returns a whole `version` message.
pub fn version_message() -> Vec<u8> {
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
    let form = HeaderForm::WithChecksum;
    encode(magic, form, command::VERSION, &version.encode())
}

/// What the proxy said to the [`first_words`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyAnswer {
    /// Not all of it is there.
    Unfinished,
    /// There is no connection.
    Refused,
    /// What comes behind this many bytes is the node's.
    Connected(usize),
}

impl ProxyAnswer {
    /// Reads it off the first bytes of a connection.
    pub fn read(heard: &[u8]) -> ProxyAnswer {
        let [_, method, _, code, _, kind, ..] = *heard else {
            return ProxyAnswer::Unfinished;
        };
        let len = if kind == 4 { ANSWERS_IPV6 } else { ANSWERS };
        match heard.len() < len {
            _ if method != 0 || code != 0 => ProxyAnswer::Refused,
            true => ProxyAnswer::Unfinished,
            false => ProxyAnswer::Connected(len),
        }
    }
}

/// One message, as it was cut out of what was heard; its checksum is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawMessage<'a> {
    /// The command field of its header.
    pub command: [u8; 12],
    /// Its payload.
    pub payload: &'a [u8],
    /// What was heard behind it.
    pub behind: &'a [u8],
}

impl RawMessage<'_> {
    /// Cuts off the next message, or `Ok(None)` while more may come; what is none of Bitcoin's main chain is an error.
    pub fn read(heard: &[u8]) -> io::Result<Option<RawMessage<'_>>> {
        let Some((header, rest)) = heard.split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        if header[..4] != Chain::Mainnet.magic() {
            return Err(io::Error::other("no message of this chain"));
        }
        let mut command = [0; 12];
        command.copy_from_slice(&header[4..16]);
        let len = u32::from_le_bytes([header[16], header[17], header[18], header[19]]);
        let split = rest.split_at_checked(len as usize);
        Ok(split.map(|(payload, behind)| RawMessage {
            command,
            payload,
            behind,
        }))
    }
}

/// Reads once; waiting takes no memory.
pub async fn read_into(
    stream: &mut (impl AsyncRead + Unpin),
    heard: &mut Vec<u8>,
) -> io::Result<usize> {
    std::future::poll_fn(|context| {
        let mut bytes = [0; READ_SIZE];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
        heard.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(buffer.filled().len()))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_outside_of_loopback_is_refused() {
        let words = ["--proxy", "192.0.2.1:9050"].map(str::to_owned);
        let error = FloorArgs::read(words.into_iter()).unwrap_err();
        assert_eq!(error.to_string(), "the proxy must be on loopback");
    }

    #[test]
    fn the_proxys_answer_is_read_as_soon_as_it_is_there() {
        let connected = [5, 0, 5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for len in 0..connected.len() {
            let seen = ProxyAnswer::read(&connected[..len]);
            assert_eq!(seen, ProxyAnswer::Unfinished);
        }
        let seen = ProxyAnswer::read(&connected);
        assert_eq!(seen, ProxyAnswer::Connected(12));
        let seen = ProxyAnswer::read(&[5, 0, 5, 5, 0, 1]);
        assert_eq!(seen, ProxyAnswer::Refused);
    }

    #[test]
    fn messages_are_split_where_they_end() {
        let message = version_message();
        for len in 0..message.len() {
            assert_eq!(RawMessage::read(&message[..len]).unwrap(), None);
        }
        let two = [&message[..], b"more"].concat();
        let expected = RawMessage {
            command: command::VERSION.to_wire(),
            payload: &message[HEADER..],
            behind: b"more",
        };
        assert_eq!(RawMessage::read(&two).unwrap(), Some(expected));
        assert!(RawMessage::read(b"SSH-2.0-OpenSSH_9.2p1 Debian").is_err());
    }
}
