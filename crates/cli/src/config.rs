//! Flags that commands share: as typed, and as meant.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use crawl::capacity::Capacity;
use crawl::dial::Dialer;
use crawl::dial::sam::Router;
use crawl::dial::socks5::Proxy;
use crawl::dial::ways::{WayReport, WayState, Ways};
use crawl::frontier::{Frontier, PerNetwork, Rules};
use crawl::opt_out::OptOut;
use crawl::outage::USUAL_PATIENCE;
use crawl::patience::{Patience, patience_for};
use crawl::visit::{Caller, Transports};
use proto::session::Questions;
use proto::{Chain, Network, SessionConfig};

use crate::paths;

/// Defaults in one place, shown by `--help`.
pub(crate) mod defaults {
    /// New connections a second. Calls that nobody answers take five seconds, so that 2,500 of them are in a home
    /// router's table of connections at once; a quarter of a million dials at any speed look like a scan to a hoster.
    pub(crate) const MAX_RATE: f64 = 500.0;
    /// How long the demo waits for anything.
    pub(crate) const DEMO_PATIENCE: std::time::Duration = std::time::Duration::from_secs(4);
    /// How soon it calls again whom it had bad luck with.
    pub(crate) const DEMO_RETRY: std::time::Duration = std::time::Duration::from_secs(1);
}

/// Flags of everything that dials.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "How to call")]
pub(crate) struct DialArgs {
    /// Whose nodes to call: mainnet, testnet3, testnet4, signet or regtest.
    #[arg(long, default_value = "mainnet", value_name = "CHAIN")]
    pub(crate) network: Chain,
    /// Call everything through this proxy, onion addresses and names too: socks5://HOST:PORT, or with a login
    /// socks5://USER:PASSWORD@HOST:PORT.
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// Call onion addresses through this SOCKS port of Tor, each over a circuit of its own; give it again for every
    /// further Tor daemon, of which each uses one core.
    #[arg(long, value_name = "URL")]
    tor: Vec<String>,
    /// Call I2P addresses through the SAM bridge of this router; without a port 7656 is meant.
    #[arg(long, value_name = "HOST:PORT")]
    i2p: Option<String>,
    /// Call CJDNS addresses, from this machine's own address in fc00::/8.
    #[arg(long)]
    cjdns: bool,
    /// Never call who is on this list: an address or a prefix a line, as 192.0.2.0/24; can be given again.
    #[arg(long, value_name = "FILE")]
    opt_out: Vec<PathBuf>,
    /// Seconds to wait for a connection [default: 5; Tor and proxies 60, I2P 45, CJDNS 10].
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    connect_timeout: Option<Duration>,
    /// Seconds to wait for version and verack [default: 15; Tor and proxies 60, I2P 80, CJDNS 30].
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    handshake_timeout: Option<Duration>,
    /// Seconds to wait behind the verack for the addresses that a node knows
    /// [default: 45; Tor and proxies 90, I2P 170, CJDNS 70].
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    addr_timeout: Option<Duration>,
    /// Where no addresses are asked for: seconds to listen behind the verack for the features that a node announces,
    /// until it answers our ping [default: 5; Tor and proxies 20, I2P 30, CJDNS 10].
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    answer_timeout: Option<Duration>,
    /// Seconds to wait for a proxy or a router that goes away while calls are made; then its networks are given up
    /// [default: 300].
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    way_timeout: Option<Duration>,
    /// Which transport to speak: `auto` is v2 (encrypted, BIP 324) with those that are said to know it, and v1 where they
    /// turn out not to.
    #[arg(long, default_value = "auto", value_name = "auto|v1|v2", value_parser = parse_transports, hide_possible_values = true)]
    transport: Transports,
    /// Hang up at the verack: a round trip quicker, but deaf to features that are announced behind it.
    #[arg(long)]
    handshake_only: bool,
    /// The user agent to announce; the default names this program and its address.
    #[arg(long, value_name = "TEXT")]
    user_agent: Option<String>,
}

/// Flags of everything that calls many.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "How much at once")]
pub(crate) struct RollArgs {
    /// Calls at the same time [default: as many as this machine's limit of open files permits, at most 24000].
    #[arg(long, value_name = "N", value_parser = parse_in_flight)]
    max_in_flight: Option<NonZeroUsize>,
    /// New connections a second, 0 for no bound; home routers lose track of more, and hosters take it for a scan
    /// [default: 500].
    #[arg(long, value_name = "N", value_parser = parse_rate)]
    max_rate: Option<f64>,
}

/// Flags of everything that follows what peers tell.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Whom to follow")]
pub(crate) struct FollowArgs {
    /// Call those who are named, and ask nobody for others.
    #[arg(long)]
    pub(crate) no_gossip: bool,
    /// Keep who told of whom, for `export edges`: about 30 kB a node.
    #[arg(long)]
    pub(crate) edges: bool,
    /// Call those who understand nothing of today's protocol again: with the protocol version of 2010, then with the
    /// headers without checksum of before February 2012.
    #[arg(long)]
    pub(crate) legacy: bool,
    /// Calls to one address after the first, where that failed by what can be bad luck, as full slots
    /// [default: 2].
    #[arg(long, value_name = "N")]
    retries: Option<u8>,
    /// Seconds until the first of these calls; the second one waits twice as long [default: 5].
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    retry_after: Option<Duration>,
    /// Known addresses at which no peer can add new ones; a million take about 100 MB [default: 1000000].
    #[arg(long, value_name = "N")]
    max_known: Option<usize>,
    /// Where chance starts, which decides the order of calls [default: another one each time, so that nobody can know it].
    #[arg(long)]
    seed: Option<u64>,
    /// Nobody is called who was called so many seconds ago, by an earlier crawl of the same store.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = parse_pause)]
    pub(crate) min_interval: Duration,
}

impl FollowArgs {
    /// Returns an empty frontier that keeps to what was asked for.
    pub(crate) fn frontier(&self, dial: &DialConfig, load: &Load) -> Frontier {
        let usual = dial.rules(load);
        let rules = Rules {
            max_retries: self.retries.unwrap_or(usual.max_retries),
            retry_after: self.retry_after.unwrap_or(usual.retry_after),
            max_known: self.max_known.unwrap_or(usual.max_known),
            legacy: self.legacy,
            ..usual
        };
        Frontier::new(rules, self.seed.unwrap_or_else(|| fastrand::u64(..)))
    }
}

/// The flag of everything that reads or writes the store.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct DbArgs {
    /// The store, a file that `crawl` makes [default: census.db in the user's data directory].
    #[arg(long, value_name = "FILE", global = true)]
    db: Option<PathBuf>,
}

impl DbArgs {
    pub(crate) fn path(&self) -> anyhow::Result<PathBuf> {
        self.db.clone().map_or_else(paths::default_db, Ok)
    }
}

/// How calls are made: every value known and valid.
#[derive(Clone, Debug)]
pub(crate) struct DialConfig {
    pub(crate) chain: Chain,
    pub(crate) ways: Ways,
    pub(crate) allow_private: bool,
    pub(crate) user_agent: String,
    pub(crate) questions: Questions,
    pub(crate) transports: Transports,
    pub(crate) way_patience: Duration,
    pub(crate) opt_out_files: Vec<PathBuf>,
    opt_out: Arc<OptOut>,
    connect_timeout: Option<Duration>,
    handshake_timeout: Option<Duration>,
    addr_timeout: Option<Duration>,
    answer_timeout: Option<Duration>,
}

impl DialConfig {
    pub(crate) fn new(args: &DialArgs, allow_private: bool) -> anyhow::Result<DialConfig> {
        let user_agent = args.user_agent.clone().unwrap_or_else(default_user_agent);
        anyhow::ensure!(
            user_agent.len() <= proto::limits::MAX_USER_AGENT,
            "--user-agent: {} bytes, nodes take at most {}",
            user_agent.len(),
            proto::limits::MAX_USER_AGENT
        );
        Ok(DialConfig {
            chain: args.network,
            ways: args.ways()?,
            allow_private,
            user_agent,
            questions: match args.handshake_only {
                true => Questions::None,
                false => Questions::Features,
            },
            transports: args.transport,
            way_patience: args.way_timeout.unwrap_or(USUAL_PATIENCE),
            opt_out_files: args.opt_out.clone(),
            opt_out: Arc::new(args.opt_out_list()?),
            connect_timeout: args.connect_timeout,
            handshake_timeout: args.handshake_timeout,
            addr_timeout: args.addr_timeout,
            answer_timeout: args.answer_timeout,
        })
    }

    /// Returns how `demo` calls: as impatiently as one watches it.
    pub(crate) fn for_demo() -> DialConfig {
        DialConfig {
            chain: Chain::Mainnet,
            ways: Ways::direct(),
            allow_private: false,
            user_agent: default_user_agent(),
            questions: Questions::Addresses,
            transports: Transports::Auto,
            way_patience: USUAL_PATIENCE,
            opt_out_files: Vec::new(),
            opt_out: Arc::default(),
            connect_timeout: Some(defaults::DEMO_PATIENCE),
            handshake_timeout: Some(defaults::DEMO_PATIENCE),
            addr_timeout: Some(defaults::DEMO_PATIENCE),
            answer_timeout: Some(defaults::DEMO_PATIENCE),
        }
    }

    /// Returns what a frontier goes by that fits these ways out and this load.
    pub(crate) fn rules(&self, load: &Load) -> Rules {
        let max_in_flight = load.max_in_flight.get();
        let leads = |is_public| Network::ALL.map(|it| self.ways.lead_to(it, is_public));
        let most = |it| self.ways.max_in_flight(it).min(max_in_flight);
        Rules {
            networks: PerNetwork(leads(false)),
            public_networks: PerNetwork(leads(true)),
            allow_private: self.allow_private,
            max_in_flight,
            max_in_flight_of: PerNetwork(Network::ALL.map(most)),
            ..Rules::default()
        }
    }

    /// How long a handshake on the internet may take.
    pub(crate) fn handshake_patience(&self) -> Duration {
        self.patience(Network::Ipv4).handshake
    }

    /// Returns what makes the calls; `story` has every message written down.
    pub(crate) fn caller(&self, story: bool) -> Caller {
        let session = SessionConfig {
            chain: self.chain,
            user_agent: self.user_agent.clone(),
            questions: self.questions,
            story,
            ..SessionConfig::default()
        };
        let dialer = Dialer {
            ways: self.ways.clone(),
            allow_private: self.allow_private,
            opt_out: self.opt_out.clone(),
        };
        Caller::new(dialer, self.transports, &session, |network| {
            self.patience(network)
        })
    }

    /// How long calls over `network` wait.
    pub(crate) fn patience(&self, network: Network) -> Patience {
        let usual = patience_for(network, self.proxy().is_some());
        Patience {
            connect: self.connect_timeout.unwrap_or(usual.connect),
            handshake: self.handshake_timeout.unwrap_or(usual.handshake),
            addrs: self.addr_timeout.unwrap_or(usual.addrs),
            quiet: usual.quiet,
            answer: self.answer_timeout.unwrap_or(usual.answer),
        }
    }

    /// Finds out which networks work from here, leaves those alone that do not, and returns lines that say so.
    ///
    /// Fails where something was asked for and nothing at all works. Where another network works, a way that does not
    /// costs a warning, and its addresses become `not_tried`: nobody goes around a proxy that is gone.
    pub(crate) async fn check_ways(&mut self) -> anyhow::Result<Vec<String>> {
        let reports = self.look_for_ways().await;
        let works = reports.iter().any(|it| it.state == WayState::Works);
        let broken = reports.iter().filter(|it| it.state == WayState::Broken);
        let mut whys: Vec<_> = broken.map(|it| it.how.as_str()).collect();
        whys.dedup();
        anyhow::ensure!(whys.is_empty() || works, whys.join("; "));
        Ok(tell_ways(&reports))
    }

    /// Finds out which networks work from here, and leaves those alone that do not.
    pub(crate) async fn look_for_ways(&mut self) -> Vec<WayReport> {
        let reports = self.ways.check().await;
        for report in reports.iter().filter(|it| it.state != WayState::Works) {
            self.ways.turn_off(report.network);
        }
        reports
    }

    /// The proxy for everything for which no other way was given.
    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        self.ways.proxy()
    }
}

impl DialArgs {
    fn ways(&self) -> anyhow::Result<Ways> {
        let mut ways = Ways::direct();
        if let Some(url) = &self.proxy {
            ways = ways.through(Proxy::parse(url).context("--proxy")?);
        }
        let tor: Result<_, _> = self.tor.iter().map(|it| Proxy::parse(it)).collect();
        ways = ways.with_tor(tor.context("--tor")?);
        if let Some(at) = &self.i2p {
            ways = ways.with_i2p(Router::parse(at).context("--i2p")?);
        }
        if self.cjdns {
            ways = ways.with_cjdns();
        }
        Ok(ways)
    }

    fn opt_out_list(&self) -> anyhow::Result<OptOut> {
        let mut list = OptOut::built_in();
        for path in &self.opt_out {
            let text = std::fs::read_to_string(path);
            let text = text.with_context(|| format!("--opt-out {}", path.display()))?;
            let added = list.add(&text);
            added.with_context(|| format!("--opt-out {}", path.display()))?;
        }
        Ok(list)
    }
}

/// Tells which networks work, in one line for all of which the same is known.
fn tell_ways(reports: &[WayReport]) -> Vec<String> {
    let lines = alike(reports).into_iter().map(|(networks, report)| {
        let networks = networks.join(", ");
        match report.state {
            WayState::Works => format!("{networks}: works, {}", report.how),
            WayState::Broken => format!("warning: {networks}: not called, {}", report.how),
            WayState::Off => format!("{networks}: off, {}", report.how),
        }
    });
    lines.collect()
}

/// Returns which networks have a report in common.
pub(crate) fn alike<'a>(
    reports: impl IntoIterator<Item = &'a WayReport>,
) -> Vec<(Vec<&'static str>, &'a WayReport)> {
    let mut groups: Vec<(Vec<_>, &WayReport)> = Vec::new();
    for report in reports {
        let same =
            |(_, it): &&mut (_, &WayReport)| (it.state, &it.how) == (report.state, &report.how);
        match groups.iter_mut().find(same) {
            Some((networks, _)) => networks.push(report.network.name()),
            None => groups.push((vec![report.network.name()], report)),
        }
    }
    groups
}

/// How much to do at once: every value known and valid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Calls in flight at the same time.
    pub(crate) max_in_flight: NonZeroUsize,
    /// New connections a second; `None` for no bound.
    pub(crate) max_rate: Option<f64>,
}

impl RollArgs {
    /// Raises this process's limit of open files, and bounds what was asked for by what that permits.
    pub(crate) fn load(&self) -> Load {
        let capacity = Capacity::claim();
        let count = |n| NonZeroUsize::new(n).unwrap_or(NonZeroUsize::MIN);
        let most = count(capacity.max_in_flight);
        let usual = count(capacity.usual_in_flight);
        let wanted = self.max_in_flight.unwrap_or(usual);
        if wanted > most {
            tracing::warn!(
                "--max-in-flight {wanted} is more than this machine's limit of {} open files permits; using {most}",
                capacity.open_files
            );
        }
        Load {
            max_in_flight: wanted.min(most),
            max_rate: match self.max_rate {
                None => Some(defaults::MAX_RATE),
                Some(0.0) => None,
                Some(rate) => Some(rate),
            },
        }
    }
}

/// Names this program and where to ask about it, so that nobody has to wonder who called.
///
/// Without `/`, `:` and `+` in the comment: BIP 14 reserves the first two, and nodes drop the third from their logs.
fn default_user_agent() -> String {
    let project = env!("CARGO_PKG_REPOSITORY").trim_start_matches("https://");
    format!(
        "/bitcensus:{}({})/",
        env!("CARGO_PKG_VERSION"),
        project.replace('/', " ")
    )
}

pub(crate) fn parse_seconds(text: &str) -> Result<Duration, String> {
    let secs: f64 = text.parse().map_err(|_| "expected seconds, as 5 or 0.5")?;
    match secs {
        0.001..=86_400.0 => Ok(Duration::from_secs_f64(secs)),
        _ => Err("expected from 0.001 to 86400 seconds".to_owned()),
    }
}

/// Reads a pause that may be none.
pub(crate) fn parse_pause(text: &str) -> Result<Duration, String> {
    match text {
        "0" => Ok(Duration::ZERO),
        some => parse_seconds(some),
    }
}

fn parse_transports(text: &str) -> Result<Transports, String> {
    match text {
        "auto" => Ok(Transports::Auto),
        "v1" => Ok(Transports::V1),
        "v2" => Ok(Transports::V2),
        _ => Err("expected auto, v1 or v2".to_owned()),
    }
}

fn parse_in_flight(text: &str) -> Result<NonZeroUsize, String> {
    text.parse()
        .map_err(|_| "expected a number from 1 on".to_owned())
}

fn parse_rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "expected a number")?;
    match rate {
        0.0 => Ok(0.0),
        0.01..=1e6 => Ok(rate),
        _ => Err("expected 0 for no bound, or from 0.01 to 1000000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_typed_has_the_value_that_the_help_promises() {
        let config = DialConfig::new(&DialArgs::default(), false).unwrap();
        assert_eq!(
            config.patience(Network::Ipv4).connect,
            Duration::from_secs(5)
        );
        assert_eq!(
            config.patience(Network::Ipv4).handshake,
            Duration::from_secs(15)
        );
        assert!(config.user_agent.starts_with("/bitcensus:"));
        assert!(config.user_agent.len() <= proto::limits::MAX_USER_AGENT);
    }

    #[test]
    fn everything_through_a_proxy_has_tors_patience() {
        let args = DialArgs {
            proxy: Some("socks5://127.0.0.1:9050".to_owned()),
            answer_timeout: Some(Duration::from_secs(1)),
            ..DialArgs::default()
        };
        let config = DialConfig::new(&args, false).unwrap();
        assert_eq!(
            config.patience(Network::Ipv4).connect,
            Duration::from_secs(60)
        );
        assert_eq!(
            config.patience(Network::Ipv4).answer,
            Duration::from_secs(1)
        );
    }

    #[test]
    fn each_network_gets_the_way_that_was_typed_for_it() {
        let typed = |text: &str| Some(text.to_owned());
        let args = DialArgs {
            proxy: typed("127.0.0.1:1"),
            tor: vec!["socks5://127.0.0.1:2".to_owned(); 2],
            i2p: typed("127.0.0.1"),
            cjdns: true,
            ..DialArgs::default()
        };
        let ways = DialConfig::new(&args, false).unwrap().ways;
        let most = Network::ALL.map(|it| ways.max_in_flight(it));
        assert_eq!(most, [usize::MAX, usize::MAX, 2_000, 300, 500]);
        let wrong = DialArgs {
            tor: vec!["http://127.0.0.1:2".to_owned()],
            ..DialArgs::default()
        };
        let error = DialConfig::new(&wrong, false).unwrap_err();
        assert!(format!("{error:#}").starts_with("--tor: "), "{error:#}");
    }

    #[test]
    fn claims_are_followed_where_the_ways_lead() {
        let args = DialArgs {
            tor: vec!["socks5://127.0.0.1:1".to_owned()],
            ..DialArgs::default()
        };
        let mut config = DialConfig::new(&args, true).unwrap();
        config.ways.turn_off(Network::Ipv6);
        config.ways.turn_off(Network::Onion);
        let load = RollArgs::default().load();
        let rules = config.rules(&load);
        assert_eq!(rules.networks.0, [true, true, false, false, false]);
        assert_eq!(rules.public_networks.0, [true, false, false, false, false]);
    }

    #[test]
    fn networks_of_which_the_same_is_known_share_a_line() {
        use WayState::{Broken, Off, Works};
        let how = [
            (Works, "the proxy P answers"),
            (Works, "the proxy P answers"),
            (Broken, "the proxy T does not answer"),
            (Off, "give --i2p"),
            (Off, "give --cjdns"),
        ];
        let report = |(network, (state, how)): (_, (_, &str))| WayReport {
            network,
            state,
            how: how.to_owned(),
        };
        let reports: Vec<_> = Network::ALL.into_iter().zip(how).map(report).collect();
        assert_eq!(
            tell_ways(&reports),
            [
                "ipv4, ipv6: works, the proxy P answers",
                "warning: onion: not called, the proxy T does not answer",
                "i2p: off, give --i2p",
                "cjdns: off, give --cjdns",
            ]
        );
    }

    #[test]
    fn times_and_rates_are_bounded() {
        assert!(parse_seconds("0").is_err());
        assert!(parse_seconds("NaN").is_err());
        assert!(parse_seconds("1e99").is_err());
        assert_eq!(parse_rate("0"), Ok(0.0));
        assert!(parse_rate("-1").is_err());
    }
}
