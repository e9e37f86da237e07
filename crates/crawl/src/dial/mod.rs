//! Opening connections: directly, through SOCKS5 proxies, or through an I2P router.

pub mod pool;
pub mod sam;
pub mod socks5;
mod tcp;
pub mod ways;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use proto::routable::{Unroutable, unroutable};
use proto::{Network, NotTried, Outcome, PeerAddr};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub use tcp::classify;

use crate::opt_out::OptOut;
use ways::{Way, Ways};

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

/// Opens connections.
#[derive(Clone, Debug)]
pub struct Dialer {
    /// The ways out.
    pub ways: Ways,
    /// Whether to dial addresses that no node of the public network has.
    pub allow_private: bool,
    /// Who does not want to be called.
    pub opt_out: Arc<OptOut>,
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
    /// The proxy or the router is not there; says nothing about the peer, of which nothing was asked yet.
    WayDown(Failure),
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
        let unroutable = unroutable(addr);
        match unroutable {
            // Nobody can listen there, whatever is allowed.
            Some(why @ (Unroutable::NoPort | Unroutable::TorV2)) => {
                return Some(NotTried::Unroutable(why));
            }
            _ if self.opt_out.contains(addr) => return Some(NotTried::OptedOut),
            Some(why) if !self.allow_private => return Some(NotTried::Unroutable(why)),
            Some(_) | None => (),
        }
        let leads_there = self.ways.lead_to(addr.network(), unroutable.is_none());
        (!leads_there).then_some(NotTried::NetworkOff)
    }

    /// Opens a connection and sends `first_words` over it.
    ///
    /// The peer has `patience`; the time that a proxy or a router takes for itself is not the peer's, and bounded by
    /// itself. The first words go out as early as the way allows: a proxy may take them with the request.
    pub async fn dial(
        &self,
        target: &Target,
        first_words: &[u8],
        patience: Duration,
    ) -> Result<Connection, DialError> {
        let network = target.network();
        match self.ways.way(network) {
            Way::Direct => {
                let connected = timeout(patience, connect(target, first_words)).await;
                connected.unwrap_or_else(|_| Err(silence()))
            }
            Way::Socks(pool) => pool.connect(target, first_words, patience).await,
            // A few hundred calls at the most go this way, and the others need no room for it.
            Way::Sam(router) => Box::pin(router.connect(target, first_words, patience)).await,
            Way::Off => Err(no_way(network)),
        }
    }
}

/// Connects from this machine's own addresses.
async fn connect(target: &Target, first_words: &[u8]) -> Result<Connection, DialError> {
    match target {
        Target::Addr(addr) => match addr.socket_addr() {
            Some(socket_addr) => {
                let connected = tcp::connect(socket_addr, first_words).await;
                connected.map(Connection::from).map_err(classify)
            }
            None => Err(no_way(addr.network())),
        },
        Target::Name { host, .. } => Err(failed(
            Outcome::ConnectUnreachable,
            format!("the name {host} was not resolved"),
        )),
    }
}

/// Whoever has not answered by now is a peer that does not.
fn silence() -> DialError {
    DialError::Failed(Failure {
        outcome: Outcome::ConnectTimeout,
        reason: None,
    })
}

fn no_way(network: Network) -> DialError {
    let why = format!("there is no way into {network}");
    failed(Outcome::ConnectUnreachable, why)
}

fn failed(outcome: Outcome, reason: String) -> DialError {
    DialError::Failed(Failure {
        outcome,
        reason: Some(reason),
    })
}

fn way_down(outcome: Outcome, reason: String) -> DialError {
    DialError::WayDown(Failure {
        outcome,
        reason: Some(reason),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use socks5::Proxy;
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
            ways: Ways::direct().through(Proxy::parse("127.0.0.1:9050").unwrap()),
            ..direct(false)
        };
        assert_eq!(why_not(&proxied, onion), "dialled");
        assert_eq!(why_not(&proxied, "10.0.0.1"), "private");
        let mut off = direct(true);
        off.ways.turn_off(Network::Ipv4);
        assert_eq!(why_not(&off, "8.8.8.8"), "network_off");
        assert_eq!(why_not(&off, "10.0.0.1"), "dialled");
    }

    #[test]
    fn who_opted_out_is_not_dialled_whatever_is_allowed() {
        let mut list = OptOut::default();
        list.add("127.0.0.0/24\n8.8.8.8:8333").unwrap();
        for allow_private in [false, true] {
            let dialer = Dialer {
                opt_out: Arc::new(list.clone()),
                ..direct(allow_private)
            };
            let why_not = |text: &str| dialer.why_not(&PeerAddr::parse(text, 8333).unwrap());
            assert_eq!(why_not("127.0.0.9"), Some(NotTried::OptedOut));
            assert_eq!(why_not("8.8.8.8"), Some(NotTried::OptedOut));
            assert_eq!(why_not("8.8.8.8:8334"), None);
        }
    }

    fn direct(allow_private: bool) -> Dialer {
        Dialer {
            ways: Ways::direct(),
            allow_private,
            opt_out: Arc::default(),
        }
    }
}
