//! Opening connections: directly, or through a SOCKS5 proxy.

pub mod socks5;
mod tcp;

use std::fmt;
use std::io;
use std::time::Duration;

use proto::routable::{Unroutable, unroutable};
use proto::{Host, Network, NotTried, Outcome, PeerAddr};
use tokio::net::TcpStream;

use socks5::Proxy;

/// Whom to dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// An address.
    Addr(PeerAddr),
    /// A host name, which only a proxy can dial without resolving it here.
    Name {
        /// The name.
        host: String,
        /// The port.
        port: u16,
    },
}

impl Target {
    /// Returns the network over which it is reached; a name belongs to the internet, unless it says otherwise.
    pub fn network(&self) -> Network {
        match self {
            Target::Addr(addr) => addr.network(),
            Target::Name { host, .. } if host.ends_with(".onion") => Network::Onion,
            Target::Name { host, .. } if host.ends_with(".i2p") => Network::I2p,
            Target::Name { .. } => Network::Ipv4,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Addr(addr) => addr.fmt(f),
            Target::Name { host, port } => write!(f, "{host}:{port}"),
        }
    }
}

/// The way out of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// From this machine's own addresses: reaches IPv4 and IPv6.
    Direct,
    /// Everything through one proxy, names included.
    Proxy(Proxy),
}

/// Opens connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialer {
    /// The way out.
    pub route: Route,
    /// Whether to dial addresses that no node of the public network has.
    pub allow_private: bool,
}

/// A connection that stands.
#[derive(Debug)]
pub struct Connection {
    /// The connection; its small writes are sent at once (TCP_NODELAY).
    pub stream: TcpStream,
    /// What the peer said already, before anything is read from the stream.
    pub early: Vec<u8>,
}

impl From<TcpStream> for Connection {
    fn from(stream: TcpStream) -> Connection {
        Connection {
            stream,
            early: Vec::new(),
        }
    }
}

/// Why there is no connection.
#[derive(Debug)]
pub enum DialError {
    /// This machine lacks files or ports; says nothing about the peer.
    MachineFull(io::Error),
    /// What the failure says about the peer, or the way to it.
    Failed(Failure),
}

/// A failure as it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The published word.
    pub outcome: Outcome,
    /// What the system or the proxy said.
    pub reason: Option<String>,
}

impl Dialer {
    /// Returns why `addr` is not to be dialled, or `None` where it is.
    pub fn why_not(&self, addr: &PeerAddr) -> Option<NotTried> {
        match unroutable(addr) {
            // Nobody can listen there, whatever is allowed.
            Some(why @ (Unroutable::NoPort | Unroutable::TorV2)) => {
                return Some(NotTried::Unroutable(why));
            }
            Some(why) if !self.allow_private => return Some(NotTried::Unroutable(why)),
            Some(_) | None => (),
        }
        match (&self.route, addr.host) {
            (Route::Direct, Host::OnionV2(_) | Host::Onion(_) | Host::I2p(_) | Host::Cjdns(_)) => {
                Some(NotTried::NetworkOff)
            }
            (Route::Direct, Host::Ipv4(_) | Host::Ipv6(_)) | (Route::Proxy(_), _) => None,
        }
    }

    /// Opens a connection and sends `first_words` over it, all within `patience`.
    ///
    /// The first words go out as early as the way allows: a proxy may take them with the request.
    pub async fn dial(
        &self,
        target: &Target,
        first_words: &[u8],
        patience: Duration,
    ) -> Result<Connection, DialError> {
        let dialling = async {
            match (&self.route, target) {
                (Route::Proxy(proxy), target) => proxy.connect(target, first_words).await,
                (Route::Direct, Target::Addr(addr)) => match addr.socket_addr() {
                    Some(socket_addr) => {
                        let connected = tcp::connect(socket_addr, first_words).await;
                        connected.map(Connection::from).map_err(tcp::classify)
                    }
                    None => Err(failed(
                        Outcome::ConnectUnreachable,
                        format!("{} needs a proxy", addr.network()),
                    )),
                },
                (Route::Direct, Target::Name { host, .. }) => Err(failed(
                    Outcome::ConnectUnreachable,
                    format!("the name {host} was not resolved"),
                )),
            }
        };
        match tokio::time::timeout(patience, dialling).await {
            Ok(result) => result,
            Err(_) => Err(DialError::Failed(Failure {
                outcome: Outcome::ConnectTimeout,
                reason: None,
            })),
        }
    }
}

fn failed(outcome: Outcome, reason: String) -> DialError {
    DialError::Failed(Failure {
        outcome,
        reason: Some(reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_port_where_nobody_listens_refuses() {
        let port = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let addr = PeerAddr::parse(&format!("127.0.0.1:{port}"), 0).unwrap();
        let patience = Duration::from_secs(5);
        let error = direct(true)
            .dial(&Target::Addr(addr), b"hello", patience)
            .await
            .unwrap_err();
        let DialError::Failed(failure) = error else {
            panic!("{error:?}");
        };
        assert_eq!(failure.outcome, Outcome::ConnectRefused);
    }

    #[test]
    fn what_may_be_dialled_depends_on_the_way_out() {
        let why_not = |dialer: &Dialer, text: &str| {
            let addr = PeerAddr::parse(text, 8333).unwrap();
            dialer.why_not(&addr).map_or("dialled", NotTried::code)
        };
        let onion = "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion";
        assert_eq!(why_not(&direct(false), "8.8.8.8"), "dialled");
        assert_eq!(why_not(&direct(false), "127.0.0.1"), "loopback");
        assert_eq!(why_not(&direct(true), "127.0.0.1"), "dialled");
        assert_eq!(why_not(&direct(true), "127.0.0.1:0"), "no_port");
        assert_eq!(why_not(&direct(true), onion), "network_off");
        let proxied = Dialer {
            route: Route::Proxy(Proxy::parse("socks5://127.0.0.1:9050").unwrap()),
            ..direct(false)
        };
        assert_eq!(why_not(&proxied, onion), "dialled");
        assert_eq!(why_not(&proxied, "10.0.0.1"), "private");
    }

    fn direct(allow_private: bool) -> Dialer {
        Dialer {
            route: Route::Direct,
            allow_private,
        }
    }
}
