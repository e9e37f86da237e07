//! Connections through a SOCKS5 proxy (RFC 1928, RFC 1929), whose reply code is kept.
//!
//! Own code, because the crates at hand lose or trip over Tor's extended codes, and these are what one wants to know.

use std::io;
use std::net::IpAddr;

use proto::{Host, Outcome};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{DialError, Failure, Target, failed, tcp};

/// A SOCKS5 proxy, and how to show ourselves to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Host and port, as `host:port`.
    pub at: String,
    /// User name and password (RFC 1929); Tor takes different ones as a wish for different circuits.
    pub login: Option<(String, String)>,
}

/// The text is no proxy.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no proxy: expected socks5://HOST:PORT or socks5://USER:PASSWORD@HOST:PORT")]
pub struct ParseProxyError(String);

const VERSION: u8 = 5;
const NO_LOGIN: u8 = 0;
const LOGIN: u8 = 2;
const CONNECT: u8 = 1;
/// Tor's extension: resolve a name, and answer with an address.
const RESOLVE: u8 = 0xf0;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

impl Proxy {
    /// Reads `socks5://[USER:PASSWORD@]HOST:PORT`; `socks5h` and a bare `HOST:PORT` mean the same.
    pub fn parse(text: &str) -> Result<Proxy, ParseProxyError> {
        let error = || ParseProxyError(text.to_owned());
        let rest = match text.split_once("://") {
            Some(("socks5" | "socks5h", rest)) => rest.trim_end_matches('/'),
            Some(_) => return Err(error()),
            None => text,
        };
        let (login, at) = match rest.rsplit_once('@') {
            Some((login, at)) => {
                let (user, password) = login.split_once(':').ok_or_else(error)?;
                if user.is_empty() || user.len() > 255 || password.len() > 255 {
                    return Err(error());
                }
                (Some((user.to_owned(), password.to_owned())), at)
            }
            None => (None, rest),
        };
        let (host, port) = at.rsplit_once(':').ok_or_else(error)?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(error());
        }
        Ok(Proxy {
            at: at.to_owned(),
            login,
        })
    }

    /// Returns this proxy as a URL for programs that resolve names by it.
    pub fn url(&self) -> String {
        match &self.login {
            None => format!("socks5h://{}", self.at),
            Some((user, password)) => format!("socks5h://{user}:{password}@{}", self.at),
        }
    }

    /// Checks that a SOCKS5 proxy answers there and lets us in.
    pub async fn check(&self) -> Result<(), String> {
        match self.open().await {
            Ok(_) => Ok(()),
            Err(DialError::MachineFull(error)) => Err(error.to_string()),
            Err(DialError::Failed(failure)) => Err(failure
                .reason
                .unwrap_or_else(|| failure.outcome.meaning().to_owned())),
        }
    }

    /// Has the proxy connect to `target`.
    pub async fn connect(&self, target: &Target) -> Result<TcpStream, DialError> {
        let (stream, _) = self.ask(CONNECT, target).await?;
        Ok(stream)
    }

    /// Has the proxy resolve `host`, which Tor can.
    pub async fn resolve(&self, host: &str) -> Result<IpAddr, DialError> {
        let target = Target::Name {
            host: host.to_owned(),
            port: 0,
        };
        let (_, bound) = self.ask(RESOLVE, &target).await?;
        bound.ok_or_else(|| failed(Outcome::ProxyError, "it resolved to no address".to_owned()))
    }

    async fn ask(
        &self,
        command: u8,
        target: &Target,
    ) -> Result<(TcpStream, Option<IpAddr>), DialError> {
        let request = request(command, target)?;
        let mut stream = self.open().await?;
        stream.write_all(&request).await.map_err(broken)?;
        let (code, bound) = read_reply(&mut stream).await.map_err(broken)?;
        match failure_of_reply(code) {
            None => Ok((stream, bound)),
            Some(failure) => Err(DialError::Failed(failure)),
        }
    }

    /// Connects to the proxy and is let in.
    async fn open(&self) -> Result<TcpStream, DialError> {
        let mut stream = match TcpStream::connect(&self.at).await.map_err(tcp::classify) {
            Ok(stream) => stream,
            Err(DialError::MachineFull(error)) => return Err(DialError::MachineFull(error)),
            // That the proxy is not there says nothing about the peer.
            Err(DialError::Failed(failure)) => {
                let reason = failure.reason.unwrap_or_default();
                return Err(failed(
                    Outcome::ProxyError,
                    format!("the proxy {} can not be reached: {reason}", self.at),
                ));
            }
        };
        let _ = stream.set_nodelay(true);
        let method = if self.login.is_some() {
            LOGIN
        } else {
            NO_LOGIN
        };
        let hello = [VERSION, 1, method];
        stream.write_all(&hello).await.map_err(broken)?;
        let mut answer = [0; 2];
        stream.read_exact(&mut answer).await.map_err(broken)?;
        if answer != [VERSION, method] {
            let reason = match answer {
                [VERSION, 0xff] => format!("the proxy {} wants another login", self.at),
                _ => format!("what answers at {} is no SOCKS5 proxy", self.at),
            };
            return Err(failed(Outcome::ProxyError, reason));
        }
        if let Some((user, password)) = &self.login {
            log_in(&mut stream, user, password).await?;
        }
        Ok(stream)
    }
}

async fn log_in(stream: &mut TcpStream, user: &str, password: &str) -> Result<(), DialError> {
    let len = |text: &str| u8::try_from(text.len()).expect("checked where it was parsed");
    let mut bytes = vec![1, len(user)];
    bytes.extend_from_slice(user.as_bytes());
    bytes.push(len(password));
    bytes.extend_from_slice(password.as_bytes());
    stream.write_all(&bytes).await.map_err(broken)?;
    let mut answer = [0; 2];
    stream.read_exact(&mut answer).await.map_err(broken)?;
    match answer[1] {
        0 => Ok(()),
        code => Err(failed(
            Outcome::ProxyError,
            format!("the proxy refused the login with code {code}"),
        )),
    }
}

fn request(command: u8, target: &Target) -> Result<Vec<u8>, DialError> {
    let mut bytes = vec![VERSION, command, 0];
    let port = match target {
        Target::Addr(addr) => {
            match &addr.host {
                Host::Ipv4(ip) => {
                    bytes.push(IPV4);
                    bytes.extend_from_slice(ip);
                }
                Host::Ipv6(ip) | Host::Cjdns(ip) => {
                    bytes.push(IPV6);
                    bytes.extend_from_slice(ip);
                }
                name @ (Host::OnionV2(_) | Host::Onion(_) | Host::I2p(_)) => {
                    push_name(&mut bytes, &name.to_string())?;
                }
            }
            addr.port
        }
        Target::Name { host, port } => {
            push_name(&mut bytes, host)?;
            *port
        }
    };
    bytes.extend_from_slice(&port.to_be_bytes());
    Ok(bytes)
}

fn push_name(bytes: &mut Vec<u8>, name: &str) -> Result<(), DialError> {
    let Ok(len) = u8::try_from(name.len()) else {
        return Err(failed(
            Outcome::ProxyError,
            "the name has more than 255 bytes".to_owned(),
        ));
    };
    bytes.extend_from_slice(&[NAME, len]);
    bytes.extend_from_slice(name.as_bytes());
    Ok(())
}

/// Reads a reply and not a byte more: what follows belongs to the peer.
async fn read_reply(stream: &mut TcpStream) -> io::Result<(u8, Option<IpAddr>)> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).await?;
    let [version, code, _, kind, first] = head;
    if version != VERSION {
        return Err(io::Error::other("its reply is not one of SOCKS5"));
    }
    // `first` belongs to the address already, two bytes of port follow it.
    let rest_len = match kind {
        IPV4 => 3 + 2,
        IPV6 => 15 + 2,
        NAME => usize::from(first) + 2,
        other => {
            return Err(io::Error::other(format!(
                "its reply has an address of kind {other}"
            )));
        }
    };
    let mut rest = [0; 257];
    let rest = &mut rest[..rest_len];
    stream.read_exact(rest).await?;
    let bound = match kind {
        IPV4 => Some(IpAddr::from([first, rest[0], rest[1], rest[2]])),
        IPV6 => {
            let mut ip = [first; 16];
            ip[1..].copy_from_slice(&rest[..15]);
            Some(IpAddr::from(ip))
        }
        _ => None,
    };
    Ok((code, bound))
}

/// Returns what a reply code says about the peer; `None` for success.
fn failure_of_reply(code: u8) -> Option<Failure> {
    let (outcome, meaning) = match code {
        0x00 => return None,
        0x01 => (Outcome::ProxyError, "general failure"),
        0x02 => (Outcome::ProxyError, "not allowed by the rules"),
        0x03 => (Outcome::ConnectUnreachable, "network unreachable"),
        0x04 => (Outcome::ConnectUnreachable, "host unreachable"),
        0x05 => (Outcome::ConnectRefused, "connection refused"),
        0x06 => (Outcome::ConnectTimeout, "time to live expired"),
        0x07 => (Outcome::ProxyError, "command not supported"),
        0x08 => (Outcome::ProxyError, "address type not supported"),
        // Tor's own (socks-extensions.txt, ExtendedErrors).
        0xf0 => (Outcome::ProxyError, "onion service descriptor not found"),
        0xf1 => (Outcome::ProxyError, "onion service descriptor invalid"),
        0xf2 => (Outcome::ProxyError, "onion service introduction failed"),
        0xf3 => (Outcome::ProxyError, "onion service rendezvous failed"),
        0xf4 => (Outcome::ProxyError, "onion service wants a client key"),
        0xf5 => (Outcome::ProxyError, "onion service refused our client key"),
        0xf6 => (Outcome::ProxyError, "onion address invalid"),
        0xf7 => (Outcome::ProxyError, "onion service introduction timed out"),
        _ => (Outcome::ProxyError, "unknown reply"),
    };
    Some(Failure {
        outcome,
        reason: Some(format!("SOCKS5 reply 0x{code:02x}: {meaning}")),
    })
}

fn broken(error: io::Error) -> DialError {
    let reason = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the proxy hung up".to_owned(),
        _ => format!("the proxy failed: {error}"),
    };
    failed(Outcome::ProxyError, reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::PeerAddr;
    use tokio::net::TcpListener;

    const ONION: &str = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333";

    #[tokio::test]
    async fn an_ipv4_address_is_asked_for_as_one() {
        check(
            "1.2.3.4:8333",
            "socks5://",
            &[0x05, 0],
            "05 01 00|05 01 00 01 01 02 03 04 20 8d",
            "connected",
        )
        .await;
    }

    #[tokio::test]
    async fn an_onion_address_is_asked_for_by_name() {
        let name: String = ONION[..62].bytes().map(|it| format!(" {it:02x}")).collect();
        let expected = format!("05 01 00|05 01 00 03 3e{name} 20 8d");
        check(ONION, "socks5://", &[0x05, 0], &expected, "connected").await;
    }

    #[tokio::test]
    async fn a_login_is_sent_where_there_is_one() {
        check(
            "[2a01::1]:1",
            "socks5://u:pw@",
            &[0x05, 2, 1, 0],
            "05 01 02|01 01 75 02 70 77|05 01 00 04 2a 01 00 00 00 00 00 00 00 00 00 00 00 00 00 01 00 01",
            "connected",
        )
        .await;
    }

    #[tokio::test]
    async fn what_is_no_proxy_is_no_fact_about_the_peer() {
        check(
            "1.2.3.4:8333",
            "socks5://",
            b"HTTP",
            "05 01 00",
            "proxy_error what answers at PROXY is no SOCKS5 proxy",
        )
        .await;
        check(
            "1.2.3.4:8333",
            "socks5://",
            &[0x05, 0xff],
            "05 01 00",
            "proxy_error the proxy PROXY wants another login",
        )
        .await;
        check(
            "1.2.3.4:8333",
            "socks5://",
            &[],
            "05 01 00",
            "proxy_error the proxy hung up",
        )
        .await;
    }

    #[test]
    fn every_reply_code_is_kept() {
        let seen: Vec<_> = [0x04, 0x05, 0x06, 0x01, 0xf0, 0x99]
            .into_iter()
            .map(|code| {
                let failure = failure_of_reply(code).unwrap();
                format!("{} {}", failure.outcome, failure.reason.unwrap())
            })
            .collect();
        assert_eq!(
            seen,
            [
                "connect_unreachable SOCKS5 reply 0x04: host unreachable",
                "connect_refused SOCKS5 reply 0x05: connection refused",
                "connect_timeout SOCKS5 reply 0x06: time to live expired",
                "proxy_error SOCKS5 reply 0x01: general failure",
                "proxy_error SOCKS5 reply 0xf0: onion service descriptor not found",
                "proxy_error SOCKS5 reply 0x99: unknown reply",
            ]
        );
        assert_eq!(failure_of_reply(0), None);
    }

    #[test]
    fn a_proxy_is_read_in_its_usual_forms() {
        let at = |text| Proxy::parse(text).map(|it| it.at);
        assert_eq!(
            at("socks5://127.0.0.1:9050"),
            Ok("127.0.0.1:9050".to_owned())
        );
        assert_eq!(
            at("socks5h://localhost:9050/"),
            Ok("localhost:9050".to_owned())
        );
        assert_eq!(at("[::1]:9050"), Ok("[::1]:9050".to_owned()));
        for wrong in [
            "",
            "http://127.0.0.1:80",
            "socks5://127.0.0.1",
            "socks5://a@b:1",
            "socks5://:1",
        ] {
            assert_eq!(at(wrong), Err(ParseProxyError(wrong.to_owned())));
        }
    }

    /// Connects through a proxy that answers `answers` and then success, and compares what it was asked.
    #[track_caller]
    fn check(
        target: &str,
        scheme: &str,
        answers: &[u8],
        expected_asked: &str,
        expected: &str,
    ) -> impl Future<Output = ()> {
        let target = PeerAddr::parse(target, 8333).unwrap();
        let (scheme, answers) = (scheme.to_owned(), answers.to_owned());
        let (expected_asked, expected) = (expected_asked.to_owned(), expected.to_owned());
        async move {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let at = listener.local_addr().unwrap().to_string();
            let serving = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let success = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];
                let mut asked = Vec::new();
                for answer in answers.chunks(2).chain([&success[..], &[]]) {
                    let mut buffer = [0; 512];
                    let n = stream.read(&mut buffer).await.unwrap();
                    if n == 0 {
                        break;
                    }
                    let hex: Vec<_> = buffer[..n].iter().map(|it| format!("{it:02x}")).collect();
                    asked.push(hex.join(" "));
                    if answers.is_empty() {
                        break;
                    }
                    stream.write_all(answer).await.unwrap();
                }
                asked.join("|")
            });
            let proxy = Proxy::parse(&format!("{scheme}{at}")).unwrap();
            let seen = match proxy.connect(&Target::Addr(target)).await {
                Ok(_) => "connected".to_owned(),
                Err(DialError::MachineFull(error)) => panic!("{error}"),
                Err(DialError::Failed(failure)) => {
                    let reason = failure.reason.unwrap_or_default().replace(&at, "PROXY");
                    format!("{} {reason}", failure.outcome)
                }
            };
            assert_eq!(seen, expected);
            assert_eq!(serving.await.unwrap(), expected_asked);
        }
    }
}
