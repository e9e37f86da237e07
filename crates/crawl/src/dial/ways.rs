//! The ways out of this machine, one for each network, and which of them work.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use proto::routable::unroutable;
use proto::{Host, Network, PeerAddr};

use super::pool::Pool;
use super::sam::Router;
use super::socks5::Proxy;

/// The most calls at once over one SOCKS port of Tor. A daemon builds circuits on one core, a few dozen a second: with
/// more calls waiting, each waits longer than its patience.
const MOST_BY_TOR_PORT: usize = 1_000;
/// The most calls at once over one I2P session: all of them share its few tunnels.
const MOST_BY_I2P: usize = 300;
/// The most calls at once over CJDNS, where every packet finds its way through volunteers' homes.
const MOST_BY_CJDNS: usize = 500;

/// Where the ways lead out, as the user asked for them.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    proxy: Option<Pool>,
    tor: Option<Pool>,
    i2p: Option<Router>,
    cjdns: bool,
    turned_off: BTreeSet<Network>,
}

/// How one network is reached.
#[derive(Clone, Copy, Debug)]
pub enum Way<'a> {
    /// From this machine's own addresses.
    Direct,
    /// Through SOCKS5 proxies, names included.
    Socks(&'a Pool),
    /// Through an I2P router.
    Sam(&'a Router),
    /// Not at all.
    Off,
}

impl fmt::Display for Way<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Way::Direct => f.write_str("direct"),
            Way::Socks(pool) => {
                let at: Vec<_> = pool.proxies().iter().map(|it| it.at.as_str()).collect();
                write!(f, "socks5 {}", at.join(" "))
            }
            Way::Sam(router) => write!(f, "sam {}", router.at()),
            Way::Off => f.write_str("off"),
        }
    }
}

/// Whether a network can be reached from here, and how that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WayReport {
    /// The network.
    pub network: Network,
    /// Whether it can.
    pub state: WayState,
    /// How that is known, or what to do; in words for people.
    pub how: String,
}

/// Whether a way works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayState {
    /// It works, as far as can be seen without calling anybody.
    Works,
    /// It was asked for, and does not work.
    Broken,
    /// Nobody asked for it, and there is none.
    Off,
}

impl Ways {
    /// Reaches IPv4 and IPv6 from this machine's own addresses.
    pub fn direct() -> Ways {
        Ways::default()
    }

    /// Has everything that no other way is given for go through `proxy`.
    pub fn through(self, proxy: Proxy) -> Ways {
        let proxy = Pool::new(vec![proxy]);
        Ways { proxy, ..self }
    }

    /// Reaches Tor through the SOCKS ports of one or several daemons, each call over a circuit of its own if possible.
    pub fn with_tor(self, ports: Vec<Proxy>) -> Ways {
        let tor = Pool::new(ports.into_iter().map(Proxy::isolating).collect());
        Ways { tor, ..self }
    }

    /// Reaches I2P through a router.
    pub fn with_i2p(self, router: Router) -> Ways {
        let i2p = Some(router);
        Ways { i2p, ..self }
    }

    /// Reaches CJDNS from this machine's own address there.
    pub fn with_cjdns(self) -> Ways {
        Ways {
            cjdns: true,
            ..self
        }
    }

    /// Returns how `network` is reached.
    pub fn way(&self, network: Network) -> Way<'_> {
        match (network, &self.tor, &self.i2p, &self.proxy) {
            (Network::Onion, Some(tor), _, _) => Way::Socks(tor),
            (Network::I2p, _, Some(router), _) => Way::Sam(router),
            (Network::Cjdns, ..) if self.cjdns => Way::Direct,
            (_, _, _, Some(proxy)) => Way::Socks(proxy),
            (Network::Ipv4 | Network::Ipv6, _, _, None) => Way::Direct,
            (Network::Onion | Network::I2p | Network::Cjdns, ..) => Way::Off,
        }
    }

    /// Returns the proxy that everything goes through for which no other way was given.
    pub fn proxy(&self) -> Option<&Proxy> {
        self.proxy.as_ref().and_then(|it| it.proxies().first())
    }

    /// Leaves the public addresses of `network` alone: a check found its way broken.
    pub fn turn_off(&mut self, network: Network) {
        self.turned_off.insert(network);
    }

    /// Whether there is a way to an address of `network`; `is_public` where it is one that a public node can have.
    ///
    /// A machine without a way to the internet still has one to itself and to its neighbours.
    pub fn lead_to(&self, network: Network, is_public: bool) -> bool {
        match self.way(network) {
            Way::Off => false,
            Way::Direct => !(is_public && self.turned_off.contains(&network)),
            Way::Socks(_) | Way::Sam(_) => !self.turned_off.contains(&network),
        }
    }

    /// Returns how many calls at once the way to `network` bears.
    ///
    /// `usize::MAX` where only this machine's own limits count: on the internet, and through a proxy of which nothing
    /// else is known.
    pub fn max_in_flight(&self, network: Network) -> usize {
        match (network, self.way(network)) {
            (Network::Onion, Way::Socks(_)) if self.tor.is_some() => {
                let ports = self.tor.iter().map(|it| it.proxies().len());
                MOST_BY_TOR_PORT.saturating_mul(ports.sum())
            }
            (_, Way::Sam(_)) => MOST_BY_I2P,
            (Network::Cjdns, Way::Direct) => MOST_BY_CJDNS,
            (_, Way::Direct | Way::Socks(_) | Way::Off) => usize::MAX,
        }
    }

    /// Returns the longest that a connection over `network` can take to come about where the peer has `patience`.
    pub fn longest_dial(&self, network: Network, patience: Duration) -> Duration {
        match self.way(network) {
            Way::Direct => patience,
            Way::Socks(pool) => pool.longest_welcome() + patience,
            // As much for its session.
            Way::Sam(_) => patience * 2,
            Way::Off => Duration::ZERO,
        }
    }

    /// Finds out which networks can be reached, calling nobody but proxies and routers, and learns how these want to
    /// be spoken to. Takes as long as I2P takes to build its tunnels, two minutes at the most.
    pub async fn check(&mut self) -> Vec<WayReport> {
        let (proxy, tor, i2p) = tokio::join!(
            check_proxy(self.proxy.as_mut()),
            check_tor(self.tor.as_mut()),
            check_i2p(self.i2p.as_ref()),
        );
        let report = |network| {
            let (state, how) = match (network, self.way(network)) {
                (Network::Onion, Way::Socks(_)) if self.tor.is_some() => tor.clone(),
                (_, Way::Socks(_)) => proxy.clone(),
                (_, Way::Sam(_)) => i2p.clone(),
                (_, Way::Direct) => check_own_addr(network),
                (_, Way::Off) => (WayState::Off, what_to_do(network).to_owned()),
            };
            WayReport {
                network,
                state,
                how,
            }
        };
        Network::ALL.map(report).into()
    }
}

type Found = (WayState, String);

const NOT_ASKED: Found = (WayState::Off, String::new());

async fn check_proxy(proxy: Option<&mut Pool>) -> Found {
    let Some(proxy) = proxy else { return NOT_ASKED };
    let checked = proxy.check().await;
    match checked.faults.first() {
        Some(fault) => (WayState::Broken, fault.clone()),
        None => {
            let at = proxy.proxies().first().map_or("", |it| it.at.as_str());
            (WayState::Works, format!("the proxy {at} answers"))
        }
    }
}

async fn check_tor(tor: Option<&mut Pool>) -> Found {
    let Some(tor) = tor else { return NOT_ASKED };
    let checked = tor.check().await;
    if checked.n_answering == 0 {
        return (WayState::Broken, checked.faults.join("; "));
    }
    let n = tor.proxies().len();
    let isolation = match checked.n_isolating {
        0 => "calls may share circuits",
        some if some == checked.n_answering => "each call has a circuit of its own",
        _ => "at some, each call has a circuit of its own",
    };
    let mut how = format!(
        "{} of {n} SOCKS ports answer; {isolation}",
        checked.n_answering
    );
    for fault in &checked.faults {
        how += "; ";
        how += fault;
    }
    (WayState::Works, how)
}

async fn check_i2p(router: Option<&Router>) -> Found {
    let Some(router) = router else {
        return NOT_ASKED;
    };
    match router.check().await {
        Ok(()) => {
            let how = format!("the router {} made a session", router.at());
            (WayState::Works, how)
        }
        Err(why) => (WayState::Broken, why),
    }
}

/// Looks for an own address from which `network` can be called; sends nothing.
fn check_own_addr(network: Network) -> Found {
    let Some(own) = own_addr(network) else {
        let how = "this machine has no route into it".to_owned();
        return match network {
            Network::Cjdns => (WayState::Broken, how),
            _ => (WayState::Off, how),
        };
    };
    let own = PeerAddr::from(SocketAddr::new(own, 1));
    match (network, own.host) {
        (Network::Cjdns, Host::Cjdns(_)) => {
            let how = "this machine has an address in fc00::/8".to_owned();
            (WayState::Works, how)
        }
        (Network::Cjdns, _) => {
            let how = "this machine has no address in fc00::/8; is cjdns running?".to_owned();
            (WayState::Broken, how)
        }
        _ => {
            let kind = unroutable(&own).map_or("public", |it| it.code());
            let how = format!("this machine has a route, from a {kind} address");
            (WayState::Works, how)
        }
    }
}

/// Returns the address from which this machine would call into `network`.
fn own_addr(network: Network) -> Option<IpAddr> {
    // Connecting a UDP socket looks a route up, and sends nothing. The first two are root servers of the DNS.
    let (any, there): (IpAddr, IpAddr) = match network {
        Network::Ipv6 => (
            Ipv6Addr::UNSPECIFIED.into(),
            Ipv6Addr::new(0x2001, 0x503, 0xba3e, 0, 0, 0, 2, 0x30).into(),
        ),
        Network::Cjdns => (
            Ipv6Addr::UNSPECIFIED.into(),
            Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 1).into(),
        ),
        Network::Ipv4 | Network::Onion | Network::I2p => (
            Ipv4Addr::UNSPECIFIED.into(),
            Ipv4Addr::new(198, 41, 0, 4).into(),
        ),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((there, 53)).ok()?;
    let own = socket.local_addr().ok()?;
    Some(own.ip())
}

fn what_to_do(network: Network) -> &'static str {
    match network {
        Network::Ipv4 | Network::Ipv6 => "",
        Network::Onion => "give --tor socks5://127.0.0.1:9050 where Tor runs",
        Network::I2p => "give --i2p 127.0.0.1:7656 where a router runs with SAM switched on",
        Network::Cjdns => "give --cjdns where cjdns runs",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    #[test]
    fn each_network_has_the_way_that_was_given_for_it() {
        let router = Router::parse("R:3").unwrap();
        let off = "off";
        check(&Ways::direct(), ["direct", "direct", off, off, off]);
        let proxied = Ways::direct().through(at("P:1"));
        check(&proxied, ["socks5 P:1"; 5]);
        let (p, t, r) = ("socks5 P:1", "socks5 T:1 T:2", "sam R:3");
        let tor_too = proxied.clone().with_tor(vec![at("T:1"), at("T:2")]);
        check(&tor_too, [p, p, t, p, p]);
        let all = tor_too.with_i2p(router.clone()).with_cjdns();
        check(&all, [p, p, t, r, "direct"]);
        check(&proxied.with_cjdns(), [p, p, p, p, "direct"]);
        let tor = Ways::direct().with_tor(vec![at("T:1")]);
        check(&tor, ["direct", "direct", "socks5 T:1", off, off]);
        let i2p = Ways::direct().with_i2p(router);
        check(&i2p, ["direct", "direct", off, r, off]);
        let none = Ways::direct().with_tor(Vec::new());
        check(&none, ["direct", "direct", off, off, off]);
    }

    #[test]
    fn slow_ways_bear_fewer_calls_at_once() {
        let ways = Ways::direct()
            .with_tor(vec![at("127.0.0.1:1"), at("127.0.0.1:2")])
            .with_i2p(Router::parse("127.0.0.1").unwrap())
            .with_cjdns();
        let most = |ways: &Ways| Network::ALL.map(|it| ways.max_in_flight(it));
        assert_eq!(most(&ways), [usize::MAX, usize::MAX, 2_000, 300, 500]);
        let proxied = Ways::direct().through(at("127.0.0.1:1"));
        assert_eq!(most(&proxied), [usize::MAX; 5]);
    }

    #[test]
    fn what_is_turned_off_is_left_alone_but_for_what_is_near() {
        let mut ways = Ways::direct().with_tor(vec![at("127.0.0.1:1")]);
        let leads = |ways: &Ways, network| [true, false].map(|it| ways.lead_to(network, it));
        assert_eq!(leads(&ways, Network::Ipv4), [true, true]);
        assert_eq!(leads(&ways, Network::Onion), [true, true]);
        ways.turn_off(Network::Ipv4);
        ways.turn_off(Network::Onion);
        assert_eq!(leads(&ways, Network::Ipv4), [false, true]);
        assert_eq!(leads(&ways, Network::Ipv6), [true, true]);
        assert_eq!(leads(&ways, Network::Onion), [false, false]);
        assert_eq!(leads(&ways, Network::I2p), [false, false]);
    }

    #[tokio::test]
    async fn a_check_says_what_works_and_how_it_knows() {
        let (plain, named) = (greeter(false).await, greeter(true).await);
        let (dead, dead_router) = (at("127.0.0.1:1"), Router::parse("127.0.0.1:1").unwrap());
        let refused = tokio::net::TcpStream::connect("127.0.0.1:1")
            .await
            .unwrap_err();
        let cannot = format!("127.0.0.1:1 cannot be reached: {refused}");

        let mut ways = Ways::direct()
            .through(plain.clone())
            .with_tor(vec![named.clone(), dead.clone()])
            .with_i2p(dead_router);
        let proxy = format!("Works the proxy {} answers", plain.at);
        assert_eq!(
            told(&mut ways).await,
            [
                format!("ipv4 {proxy}"),
                format!("ipv6 {proxy}"),
                format!(
                    "onion Works 1 of 2 SOCKS ports answer; each call has a circuit of its own; the proxy {cannot}"
                ),
                format!("i2p Broken the I2P router {cannot}"),
                format!("cjdns {proxy}"),
            ]
        );

        let mut ways = Ways::direct().through(dead.clone()).with_tor(vec![plain]);
        let proxy = format!("Broken the proxy {cannot}");
        assert_eq!(
            told(&mut ways).await,
            [
                format!("ipv4 {proxy}"),
                format!("ipv6 {proxy}"),
                "onion Works 1 of 1 SOCKS ports answer; calls may share circuits".to_owned(),
                format!("i2p {proxy}"),
                format!("cjdns {proxy}"),
            ]
        );

        let mut ways = Ways::direct().with_tor(vec![dead]);
        let told = told(&mut ways).await;
        assert_eq!(
            told[2..],
            [
                format!("onion Broken the proxy {cannot}"),
                "i2p Off give --i2p 127.0.0.1:7656 where a router runs with SAM switched on"
                    .to_owned(),
                "cjdns Off give --cjdns where cjdns runs".to_owned(),
            ]
        );
    }

    fn at(text: &str) -> Proxy {
        Proxy::parse(text).unwrap()
    }

    #[track_caller]
    fn check(ways: &Ways, expected: [&str; 5]) {
        let seen = Network::ALL.map(|it| ways.way(it).to_string());
        assert_eq!(seen, expected);
    }

    async fn told(ways: &mut Ways) -> Vec<String> {
        let reports = ways.check().await;
        let tell = |it: &WayReport| format!("{} {:?} {}", it.network, it.state, it.how);
        reports.iter().map(tell).collect()
    }

    /// Starts a proxy that greets back, and lets everybody in with any name, or nobody with a name.
    async fn greeter(takes_names: bool) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = at(&listener.local_addr().unwrap().to_string());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                tokio::spawn(async move {
                    let mut asked = [0; 100];
                    stream.read_exact(&mut asked[..3]).await?;
                    let welcome: &[u8] = match (asked[2], takes_names) {
                        (0, _) => &[5, 0],
                        (_, true) => &[5, 2, 1, 0],
                        (_, false) => &[5, 0xff],
                    };
                    stream.write_all(welcome).await?;
                    // It hangs up on whatever comes next.
                    stream.read(&mut asked).await
                });
            }
        });
        proxy
    }
}
