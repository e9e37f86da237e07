//! Connections through a SOCKS5 proxy (RFC 1928, RFC 1929), whose reply code is kept.
//!
//! Own code, because the crates at hand lose or trip over Tor's extended codes, and these are what one wants to know.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use proto::{Host, Outcome, PeerAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Connection, DialError, Failure, Target, failed, silence, tcp, way_down};

/// A SOCKS5 proxy, and how to show ourselves to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Host and port, as `host:port`.
    pub at: String,
    login: Login,
    /// Whether each call should have a circuit of its own, where the proxy lets itself be asked for one.
    wants_isolation: bool,
    /// The address that `at` means, once [`Proxy::check`] looked it up.
    resolved: Option<SocketAddr>,
    /// Whether it takes greeting, login, request and first words in one write, as [`Proxy::check`] found out.
    takes_all_at_once: bool,
}

/// How we show ourselves to a proxy (RFC 1929).
#[derive(Clone, Debug, PartialEq, Eq)]
enum Login {
    /// Not at all.
    None,
    /// As the user typed it.
    Typed {
        /// Up to 255 bytes.
        user: String,
        /// Up to 255 bytes.
        password: String,
    },
    /// By another name each time: Tor takes it as a wish for another circuit (`IsolateSOCKSAuth`, on by default).
    Changing,
}

/// Why a proxy brought no connection.
#[derive(Debug)]
pub(super) enum Fault {
    /// It is not there, or it is none; another one may do better.
    Proxy(String),
    /// Anything else.
    Call(DialError),
}

impl From<DialError> for Fault {
    fn from(error: DialError) -> Fault {
        Fault::Call(error)
    }
}

impl From<Fault> for DialError {
    fn from(fault: Fault) -> DialError {
        match fault {
            Fault::Proxy(why) => way_down(Outcome::ProxyError, why),
            Fault::Call(error) => error,
        }
    }
}

/// The text is no proxy.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is no proxy: expected socks5://HOST:PORT or socks5://USER:PASSWORD@HOST:PORT")]
pub struct ParseProxyError(String);

/// How long a proxy may take to be reached and to let us in. A Tor daemon whose one core is busy with other calls may
/// take seconds.
pub const WELCOME_PATIENCE: Duration = Duration::from_secs(20);
/// How long a proxy may take to answer a question that needs no network.
const EAGER_PATIENCE: Duration = Duration::from_secs(2);
/// How long a proxy may take to resolve a name: as long as Tor tries to (`SocksTimeout`).
const RESOLVE_PATIENCE: Duration = Duration::from_secs(120);
/// How the reasons begin that come from a reply code.
const REPLY: &str = "SOCKS5 reply";
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
                let (user, password) = (user.to_owned(), password.to_owned());
                (Login::Typed { user, password }, at)
            }
            None => (Login::None, rest),
        };
        let (host, port) = at.rsplit_once(':').ok_or_else(error)?;
        if host.is_empty() || port.parse::<u16>().is_err() {
            return Err(error());
        }
        Ok(Proxy {
            at: at.to_owned(),
            login,
            wants_isolation: false,
            resolved: None,
            takes_all_at_once: false,
        })
    }

    /// Has [`Proxy::check`] find out whether each call can have a circuit of its own, as those through Tor should.
    ///
    /// A login that the user gave is kept as it is.
    pub fn isolating(self) -> Proxy {
        Proxy {
            wants_isolation: true,
            ..self
        }
    }

    /// Whether each call says another name, so that Tor gives it a circuit of its own.
    pub fn isolates(&self) -> bool {
        self.login == Login::Changing
    }

    /// Returns this proxy as a URL for programs that resolve names by it.
    pub fn url(&self) -> String {
        match &self.login {
            Login::None | Login::Changing => format!("socks5h://{}", self.at),
            Login::Typed { user, password } => {
                let (user, password) = (in_url(user), in_url(password));
                format!("socks5h://{user}:{password}@{}", self.at)
            }
        }
    }

    /// Checks that a SOCKS5 proxy answers there and lets us in. Learns whether it takes changing logins, where that is
    /// wished for, and whether it takes all we have to say at once, which saves each call a round trip.
    pub async fn check(&mut self) -> Result<(), String> {
        self.takes_all_at_once = false;
        match self.greet().await.map_err(DialError::from) {
            Ok(link) => self.resolved = link.stream.peer_addr().ok(),
            Err(DialError::MachineFull(error)) => return Err(error.to_string()),
            Err(
                DialError::WayDown(Failure { outcome, reason })
                | DialError::Failed(Failure { outcome, reason }),
            ) => {
                return Err(reason.unwrap_or_else(|| outcome.meaning().to_owned()));
            }
        }
        if self.wants_isolation && self.login == Login::None {
            let isolating = Proxy {
                login: Login::Changing,
                ..self.clone()
            };
            if isolating.greet().await.is_ok() {
                self.login = Login::Changing;
            }
        }
        let eager = Proxy {
            takes_all_at_once: true,
            ..self.clone()
        };
        // Whatever a proxy thinks of this target, it says so at once; if it stays silent, it lost half of the question.
        // Arti hangs up on words behind the request, so there are some.
        let nowhere = Target::Addr(PeerAddr::new(Ipv4Addr::UNSPECIFIED, 0));
        let asking = eager.ask(CONNECT, &nowhere, b"words", EAGER_PATIENCE);
        let answer = timeout(EAGER_PATIENCE, asking).await;
        self.takes_all_at_once = match answer {
            Ok(Ok(_)) => true,
            Ok(Err(Fault::Call(DialError::Failed(failure)))) => {
                failure.reason.is_some_and(|it| it.starts_with(REPLY))
            }
            Ok(Err(
                Fault::Proxy(_) | Fault::Call(DialError::MachineFull(_) | DialError::WayDown(_)),
            ))
            | Err(_) => false,
        };
        Ok(())
    }

    /// Has the proxy connect to `target`, and sends `first_words` there; the peer has `patience` from the moment on when
    /// the proxy let us in.
    pub(super) async fn connect(
        &self,
        target: &Target,
        first_words: &[u8],
        patience: Duration,
    ) -> Result<Connection, Fault> {
        let (mut link, _) = self.ask(CONNECT, target, first_words, patience).await?;
        if !self.takes_all_at_once {
            // Where the peer is gone already, reading says so better.
            let _ = link.stream.write_all(first_words).await;
        }
        Ok(Connection {
            early: link.left().to_vec(),
            stream: link.stream,
        })
    }

    /// Has the proxy resolve `host`, which Tor can.
    pub async fn resolve(&self, host: &str) -> Result<IpAddr, DialError> {
        let target = Target::Name {
            host: host.to_owned(),
            port: 0,
        };
        let (_, bound) = self.ask(RESOLVE, &target, &[], RESOLVE_PATIENCE).await?;
        bound.ok_or_else(|| failed(Outcome::ProxyError, "it resolved to no address".to_owned()))
    }

    /// Sends a request, with `first_words` behind it where all goes at once, and waits for the reply for `patience`.
    async fn ask(
        &self,
        command: u8,
        target: &Target,
        first_words: &[u8],
        patience: Duration,
    ) -> Result<(Link, Option<IpAddr>), Fault> {
        let request = request(command, target)?;
        let mut link = if self.takes_all_at_once {
            let hello = self.hello();
            let all = [&hello, &self.login_bytes()[..], &request, first_words].concat();
            self.enter(all, Vec::new()).await?
        } else {
            let mut link = self.greet().await?;
            link.stream.write_all(&request).await.map_err(broken)?;
            link
        };
        drop(request); // Thousands of calls wait behind this line.
        let reply = timeout(patience, read_reply(&mut link)).await;
        let (code, bound) = reply.map_err(|_| silence())?.map_err(broken)?;
        match failure_of_reply(code) {
            None => Ok((link, bound)),
            Some(failure) => Err(DialError::Failed(failure).into()),
        }
    }

    /// Connects to the proxy and is let in, word for word.
    async fn greet(&self) -> Result<Link, Fault> {
        self.enter(self.hello().to_vec(), self.login_bytes()).await
    }

    /// Connects to the proxy, sends it `words`, and is let in; `login` is what the words do not say of it yet.
    async fn enter(&self, words: Vec<u8>, login: Vec<u8>) -> Result<Link, Fault> {
        let entering = async {
            let mut link = self.open(&words).await?;
            drop(words); // Thousands of calls wait behind this line.
            self.read_welcome(&mut link).await?;
            link.stream.write_all(&login).await.map_err(broken)?;
            self.read_login(&mut link).await?;
            Ok(link)
        };
        let entered = timeout(WELCOME_PATIENCE, entering).await;
        entered.unwrap_or_else(|_| {
            let why = format!("the proxy {} does not answer", self.at);
            Err(Fault::Proxy(why))
        })
    }

    /// Connects to the proxy, and sends it `words`.
    async fn open(&self, words: &[u8]) -> Result<Link, Fault> {
        let connecting = async {
            match self.resolved {
                Some(addr) => tcp::connect(addr, words).await,
                // Thousands of calls go the other way, and need no room for this one.
                None => Box::pin(connect_to_any(&self.at, words)).await,
            }
        };
        match connecting.await.map_err(tcp::classify) {
            Ok(stream) => Ok(Link::new(stream)),
            Err(error @ DialError::MachineFull(_)) => Err(error.into()),
            Err(DialError::WayDown(failure) | DialError::Failed(failure)) => {
                let reason = failure.reason.unwrap_or_default();
                let why = format!("the proxy {} cannot be reached: {reason}", self.at);
                Err(Fault::Proxy(why))
            }
        }
    }

    fn method(&self) -> u8 {
        match self.login {
            Login::Typed { .. } | Login::Changing => LOGIN,
            Login::None => NO_LOGIN,
        }
    }

    fn hello(&self) -> [u8; 3] {
        [VERSION, 1, self.method()]
    }

    async fn read_welcome(&self, link: &mut Link) -> Result<(), Fault> {
        let at = &self.at;
        let why = match link.take(2).await {
            Ok(answer) if answer == [VERSION, self.method()] => return Ok(()),
            Ok([VERSION, 0xff]) => format!("the proxy {at} wants another login"),
            Ok(_) => format!("what answers at {at} is no SOCKS5 proxy"),
            Err(error) => trouble(&error),
        };
        Err(Fault::Proxy(why))
    }

    /// The login of RFC 1929, or nothing where there is none.
    fn login_bytes(&self) -> Vec<u8> {
        let name;
        let (user, password) = match &self.login {
            Login::None => return Vec::new(),
            Login::Typed { user, password } => (user.as_str(), password.as_str()),
            Login::Changing => {
                name = format!("{:016x}", fastrand::u64(..));
                (name.as_str(), "0") // RFC 1929 has no empty passwords.
            }
        };
        let len = |text: &str| u8::try_from(text.len()).expect("checked where it was parsed");
        let mut bytes = vec![1, len(user)];
        bytes.extend_from_slice(user.as_bytes());
        bytes.push(len(password));
        bytes.extend_from_slice(password.as_bytes());
        bytes
    }

    async fn read_login(&self, link: &mut Link) -> Result<(), DialError> {
        if self.login == Login::None {
            return Ok(());
        }
        match link.take(2).await.map_err(broken)?[1] {
            0 => Ok(()),
            code => Err(failed(
                Outcome::ProxyError,
                format!("the proxy refused the login with code {code}"),
            )),
        }
    }
}

/// Writes what a URL takes for its own signs as `%2f` (RFC 3986, section 2.3).
fn in_url(text: &str) -> String {
    let escaped = text.bytes().map(|byte| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02x}"),
    });
    escaped.collect()
}

/// Connects to the first address of `at` that takes the call: `localhost` has two, and Tor listens on one of them.
async fn connect_to_any(at: &str, words: &[u8]) -> io::Result<TcpStream> {
    let mut end = io::Error::other("its name has no address");
    for addr in tokio::net::lookup_host(at).await? {
        match tcp::connect(addr, words).await {
            Ok(stream) => return Ok(stream),
            Err(error) => end = error,
        }
    }
    Err(end)
}

/// A connection to the proxy, and what was read of it but not used yet.
struct Link {
    stream: TcpStream,
    /// Boxed, because it goes through many hands, each of which would keep room for it while thousands of calls wait.
    buffer: Box<[u8; LINK_BUFFER]>,
    used: usize,
    filled: usize,
}

/// More than all answers of a proxy together, of which the longest has a name of 255 bytes.
const LINK_BUFFER: usize = 320;

impl Link {
    fn new(stream: TcpStream) -> Link {
        Link {
            stream,
            buffer: Box::new([0; LINK_BUFFER]),
            used: 0,
            filled: 0,
        }
    }

    /// Returns the next `n` bytes, which must fit into what is left of the buffer.
    async fn take(&mut self, n: usize) -> io::Result<&[u8]> {
        while self.filled - self.used < n {
            match self.stream.read(&mut self.buffer[self.filled..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => self.filled += read,
            }
        }
        let taken = &self.buffer[self.used..self.used + n];
        self.used += n;
        Ok(taken)
    }

    /// Returns what came behind all that was taken.
    fn left(&self) -> &[u8] {
        &self.buffer[self.used..self.filled]
    }
}

/// Returns the request that asks a proxy for a connection to `target`.
pub fn connect_request(target: &Target) -> Result<Vec<u8>, DialError> {
    request(CONNECT, target)
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

/// Reads a reply: its code, and the address in it where that is one.
async fn read_reply(link: &mut Link) -> io::Result<(u8, Option<IpAddr>)> {
    let &[version, code, _, kind] = link.take(4).await? else {
        unreachable!("four bytes were asked for");
    };
    if version != VERSION {
        return Err(io::Error::other("its reply is not one of SOCKS5"));
    }
    if code != 0 {
        return Ok((code, None)); // The address behind a refusal says nothing, and some proxies leave it out.
    }
    let len = match kind {
        IPV4 => 4,
        IPV6 => 16,
        NAME => usize::from(link.take(1).await?[0]),
        other => {
            let error = format!("its reply has an address of kind {other}");
            return Err(io::Error::other(error));
        }
    };
    let bound = link.take(len).await?;
    let bound = match kind {
        IPV4 => <[u8; 4]>::try_from(bound).ok().map(IpAddr::from),
        IPV6 => <[u8; 16]>::try_from(bound).ok().map(IpAddr::from),
        _ => None, // A name.
    };
    link.take(2).await?; // The port.
    Ok((code, bound))
}

/// Returns what a reply code says about the peer; `None` for success.
pub fn failure_of_reply(code: u8) -> Option<Failure> {
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
        // Tor's own (socks-extensions, `ExtendedErrors`). They speak of the onion service, and not of the proxy.
        0xf0 => (
            Outcome::ConnectUnreachable,
            "onion service descriptor not found",
        ),
        0xf1 => (
            Outcome::ConnectUnreachable,
            "onion service descriptor invalid",
        ),
        0xf2 => (
            Outcome::ConnectUnreachable,
            "onion service introduction failed",
        ),
        0xf3 => (
            Outcome::ConnectUnreachable,
            "onion service rendezvous failed",
        ),
        0xf4 => (Outcome::ConnectRefused, "onion service wants a client key"),
        0xf5 => (
            Outcome::ConnectRefused,
            "onion service refused our client key",
        ),
        0xf6 => (Outcome::ConnectUnreachable, "onion address invalid"),
        0xf7 => (
            Outcome::ConnectTimeout,
            "onion service introduction timed out",
        ),
        _ => (Outcome::ProxyError, "unknown reply"),
    };
    Some(Failure {
        outcome,
        reason: Some(format!("{REPLY} 0x{code:02x}: {meaning}")),
    })
}

fn broken(error: io::Error) -> DialError {
    failed(Outcome::ProxyError, trouble(&error))
}

fn trouble(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the proxy hung up".to_owned(),
        _ => format!("the proxy failed: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tokio::net::TcpListener;

    const ONION: &str = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333";
    const PATIENCE: Duration = Duration::from_secs(60);

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

    #[tokio::test(start_paused = true)]
    async fn a_proxy_that_keeps_silent_is_no_fact_about_the_peer() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = silent.local_addr().unwrap();
        let patience = Duration::from_secs(1);
        let expected = format!("no way: the proxy {at} does not answer");
        assert_eq!(outcome_of(at, patience).await, expected);

        let deaf = Deaf::start();
        let expected = format!("no way: the proxy {} does not answer", deaf.at);
        assert_eq!(outcome_of(deaf.at, patience).await, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_of_the_proxy_is_not_the_peers() {
        for (reply_after, expected) in [
            (4, "connect_refused SOCKS5 reply 0x05: connection refused"),
            (6, "connect_timeout "),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let at = listener.local_addr().unwrap();
            tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::time::sleep(Duration::from_secs(19)).await;
                stream.write_all(&[5, 0]).await.unwrap();
                tokio::time::sleep(Duration::from_secs(reply_after)).await;
                stream.write_all(&[5, 5, 0, 1]).await.unwrap();
                while stream.read_u8().await.is_ok() {}
            });
            assert_eq!(outcome_of(at, Duration::from_secs(5)).await, expected);
        }
    }

    #[tokio::test]
    async fn a_proxy_is_asked_all_at_once_if_it_takes_that() {
        #[derive(Clone, Copy, PartialEq)]
        enum Kind {
            Eager,
            DropsTheRest,
            ForbidsWords,
        }
        for kind in [Kind::Eager, Kind::DropsTheRest, Kind::ForbidsWords] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut proxy = Proxy::parse(&listener.local_addr().unwrap().to_string()).unwrap();
            tokio::spawn(async move {
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    tokio::spawn(async move {
                        let mut asked = [0; 100];
                        let n = stream.read(&mut asked).await.unwrap();
                        stream.write_all(&[5, 0]).await.unwrap();
                        let goes_on = match kind {
                            Kind::Eager => n > 3,
                            Kind::DropsTheRest => false,
                            // What is behind the greeting of three bytes and the request of ten is too early for it.
                            Kind::ForbidsWords if n > 13 => return,
                            Kind::ForbidsWords => n > 3,
                        };
                        if !goes_on {
                            stream.read_u8().await.unwrap();
                        }
                        let refusal = [5, 4, 0, 1, 0, 0, 0, 0, 0, 0];
                        stream.write_all(&refusal).await.unwrap();
                    });
                }
            });
            proxy.check().await.unwrap();
            assert_eq!(proxy.takes_all_at_once, kind == Kind::Eager);
        }
    }

    #[tokio::test]
    async fn each_call_has_another_name_where_the_proxy_takes_names() {
        let (takes_names, names) = named_proxy(true).await;
        let mut proxy = takes_names.clone().isolating();
        proxy.check().await.unwrap();
        let told_while_checking = names.lock().unwrap().split_off(0).len();
        for _ in 0..2 {
            call(&proxy).await;
        }
        let seen = names.lock().unwrap().split_off(0);
        assert_eq!((proxy.isolates(), seen.len()), (true, 2));
        assert!(told_while_checking > 0 && seen[0] != seen[1], "{seen:?}");

        let mut unasked = takes_names;
        unasked.check().await.unwrap();
        call(&unasked).await;
        assert!(!unasked.isolates() && names.lock().unwrap().is_empty());

        let (takes_none, _) = named_proxy(false).await;
        let mut proxy = takes_none.isolating();
        proxy.check().await.unwrap();
        call(&proxy).await;
        assert!(!proxy.isolates());
    }

    #[tokio::test]
    async fn a_login_that_was_given_is_kept() {
        let (proxy, names) = named_proxy(true).await;
        let mut proxy = Proxy::parse(&format!("socks5://me:pw@{}", proxy.at)).unwrap();
        proxy = proxy.isolating();
        proxy.check().await.unwrap();
        call(&proxy).await;
        let seen = names.lock().unwrap().split_off(0);
        assert!(seen.iter().all(|it| it == "me"), "{seen:?}");
    }

    #[tokio::test]
    async fn a_refusal_is_kept_whatever_address_comes_with_it() {
        for refusal in [
            &b"\x05\x00\x05\x05\x00\x00"[..],
            b"\x05\x00\x05\x05\x00\x01\0",
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let proxy = Proxy::parse(&listener.local_addr().unwrap().to_string()).unwrap();
            tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream.write_all(refusal).await.unwrap();
                while stream.read_u8().await.is_ok() {}
            });
            let target = Target::Addr(PeerAddr::new(Ipv4Addr::LOCALHOST, 8333));
            let refused = proxy.connect(&target, &[], PATIENCE).await;
            let Err(Fault::Call(DialError::Failed(failure))) = refused else {
                panic!("the proxy refused");
            };
            assert_eq!(failure.outcome, Outcome::ConnectRefused);
        }
    }

    #[tokio::test]
    async fn every_address_of_a_proxy_is_tried() {
        // Where `localhost` has one address, this shows no more than that a name will do.
        for at in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(at).await else {
                continue; // No IPv6 here.
            };
            let port = listener.local_addr().unwrap().port();
            let addrs = tokio::net::lookup_host(("localhost", port)).await.unwrap();
            if !addrs
                .collect::<Vec<_>>()
                .contains(&listener.local_addr().unwrap())
            {
                continue;
            }
            let proxy = Proxy::parse(&format!("localhost:{port}")).unwrap();
            assert!(proxy.open(b"hello").await.is_ok(), "{at}");
        }
    }

    #[tokio::test]
    async fn what_the_peer_said_right_behind_the_reply_is_not_lost() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::parse(&listener.local_addr().unwrap().to_string()).unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let all = b"\x05\x00\x05\x00\x00\x03\x04name\x20\x8dhello";
            stream.write_all(all).await.unwrap();
            while stream.read_u8().await.is_ok() {}
        });
        let target = Target::Addr(PeerAddr::new(Ipv4Addr::LOCALHOST, 8333));
        assert_eq!(
            proxy.connect(&target, &[], PATIENCE).await.unwrap().early,
            b"hello"
        );
    }

    #[test]
    fn every_reply_code_is_kept() {
        let seen: Vec<_> = [0x04, 0x05, 0x06, 0x01, 0xf0, 0xf4, 0xf7, 0x99]
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
                "connect_unreachable SOCKS5 reply 0xf0: onion service descriptor not found",
                "connect_refused SOCKS5 reply 0xf4: onion service wants a client key",
                "connect_timeout SOCKS5 reply 0xf7: onion service introduction timed out",
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

    #[test]
    fn a_login_does_not_bend_the_url() {
        let url = |text| Proxy::parse(text).unwrap().url();
        assert_eq!(url("[::1]:9050"), "socks5h://[::1]:9050");
        assert_eq!(
            url("socks5://me:p@ss/w#r%d@127.0.0.1:9050"),
            "socks5h://me:p%40ss%2fw%23r%25d@127.0.0.1:9050"
        );
    }

    /// A port that takes no more connections, and does not say so.
    struct Deaf {
        at: SocketAddr,
        _socket: socket2::Socket,
        _waiting: Vec<socket2::Socket>,
    }

    impl Deaf {
        fn start() -> Deaf {
            let socket = || {
                let (domain, kind) = (socket2::Domain::IPV4, socket2::Type::STREAM);
                let socket = socket2::Socket::new(domain, kind, None).unwrap();
                socket.set_nonblocking(true).unwrap();
                socket
            };
            let listening = socket();
            let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
            listening.bind(&any.into()).unwrap();
            listening.listen(0).unwrap();
            let at = listening.local_addr().unwrap().as_socket().unwrap();
            let waiting = (0..4).map(|_| {
                let socket = socket();
                let _ = socket.connect(&at.into());
                socket
            });
            Deaf {
                at,
                _waiting: waiting.collect(),
                _socket: listening,
            }
        }
    }

    async fn outcome_of(proxy: SocketAddr, patience: Duration) -> String {
        let proxy = Proxy::parse(&proxy.to_string()).unwrap();
        let target = Target::Addr(PeerAddr::new(Ipv4Addr::LOCALHOST, 8333));
        match proxy.connect(&target, &[], patience).await {
            Err(Fault::Proxy(why)) => format!("no way: {why}"),
            Err(Fault::Call(DialError::Failed(it))) => {
                format!("{} {}", it.outcome, it.reason.unwrap_or_default())
            }
            other => panic!("{other:?}"),
        }
    }

    async fn call(proxy: &Proxy) {
        let target = Target::Addr(PeerAddr::new(Ipv4Addr::LOCALHOST, 8333));
        assert_eq!(
            proxy.connect(&target, &[], PATIENCE).await.unwrap().early,
            b"hello"
        );
    }

    /// Starts a proxy that keeps the user names it is told, where it takes any, and connects everybody to a peer that
    /// says `hello`.
    async fn named_proxy(takes_names: bool) -> (Proxy, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::parse(&listener.local_addr().unwrap().to_string()).unwrap();
        let names = Arc::new(Mutex::new(Vec::new()));
        let told = names.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let told = told.clone();
                tokio::spawn(async move { answer(&mut stream, takes_names, &told).await });
            }
        });
        (proxy, names)
    }

    async fn answer(
        stream: &mut TcpStream,
        takes_names: bool,
        told: &Mutex<Vec<String>>,
    ) -> io::Result<()> {
        let mut greeting = [0; 3];
        stream.read_exact(&mut greeting).await?;
        match greeting[2] {
            LOGIN if !takes_names => return stream.write_all(&[5, 0xff]).await,
            LOGIN => {
                stream.write_all(&[5, LOGIN]).await?;
                stream.read_u8().await?;
                let mut name = vec![0; stream.read_u8().await?.into()];
                stream.read_exact(&mut name).await?;
                let mut password = vec![0; stream.read_u8().await?.into()];
                stream.read_exact(&mut password).await?;
                told.lock().unwrap().push(String::from_utf8(name).unwrap());
                stream.write_all(&[1, 0]).await?;
            }
            _ => stream.write_all(&[5, NO_LOGIN]).await?,
        }
        stream.read_exact(&mut [0; 10]).await?;
        stream
            .write_all(b"\x05\x00\x00\x01\0\0\0\0\0\0hello")
            .await?;
        while stream.read_u8().await.is_ok() {}
        Ok(())
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
            let connected = proxy.connect(&Target::Addr(target), &[], PATIENCE).await;
            let seen = match connected.map_err(DialError::from) {
                Ok(_) => "connected".to_owned(),
                Err(DialError::MachineFull(error)) => panic!("{error}"),
                Err(DialError::WayDown(failure) | DialError::Failed(failure)) => {
                    let reason = failure.reason.unwrap_or_default().replace(&at, "PROXY");
                    format!("{} {reason}", failure.outcome)
                }
            };
            assert_eq!(seen, expected);
            assert_eq!(serving.await.unwrap(), expected_asked);
        }
    }
}
