//! Flags that commands share: as typed, and as meant.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use crawl::capacity::Capacity;
use crawl::dial::socks5::Proxy;
use crawl::dial::{Dialer, Route};
use crawl::patience::{Patience, patience_for};
use crawl::visit::Caller;
use proto::session::Questions;
use proto::{Chain, Network, SessionConfig};

use crate::paths;

/// Defaults in one place, shown by `--help`.
pub(crate) mod defaults {
    /// New connections a second: a home router's table of connections survives it.
    pub(crate) const MAX_RATE: f64 = 2_000.0;
    /// How long the demo waits for anything.
    pub(crate) const DEMO_PATIENCE: std::time::Duration = std::time::Duration::from_secs(4);
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
    /// Seconds to wait for a connection [default: 5; through a proxy 60].
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    connect_timeout: Option<Duration>,
    /// Seconds to wait for version and verack [default: 15; through a proxy 60].
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    handshake_timeout: Option<Duration>,
    /// Seconds to listen behind the verack for the features that a node announces, until it answers our ping
    /// [default: 5; through a proxy 20].
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    answer_timeout: Option<Duration>,
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
    /// New connections a second; 0 for no bound [default: 2000].
    #[arg(long, value_name = "N", value_parser = parse_rate)]
    max_rate: Option<f64>,
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
    pub(crate) route: Route,
    pub(crate) allow_private: bool,
    pub(crate) user_agent: String,
    pub(crate) questions: Questions,
    connect_timeout: Option<Duration>,
    handshake_timeout: Option<Duration>,
    answer_timeout: Option<Duration>,
}

impl DialConfig {
    pub(crate) fn new(args: &DialArgs, allow_private: bool) -> anyhow::Result<DialConfig> {
        let route = match &args.proxy {
            None => Route::Direct,
            Some(url) => Route::Proxy(Proxy::parse(url).context("--proxy")?),
        };
        let user_agent = args.user_agent.clone().unwrap_or_else(default_user_agent);
        anyhow::ensure!(
            user_agent.len() <= proto::limits::MAX_USER_AGENT,
            "--user-agent: {} bytes, nodes take at most {}",
            user_agent.len(),
            proto::limits::MAX_USER_AGENT
        );
        Ok(DialConfig {
            chain: args.network,
            route,
            allow_private,
            user_agent,
            questions: match args.handshake_only {
                true => Questions::None,
                false => Questions::Features,
            },
            connect_timeout: args.connect_timeout,
            handshake_timeout: args.handshake_timeout,
            answer_timeout: args.answer_timeout,
        })
    }

    /// Returns how `demo` calls: as impatiently as one watches it.
    pub(crate) fn for_demo() -> DialConfig {
        DialConfig {
            chain: Chain::Mainnet,
            route: Route::Direct,
            allow_private: false,
            user_agent: default_user_agent(),
            questions: Questions::Features,
            connect_timeout: Some(defaults::DEMO_PATIENCE),
            handshake_timeout: Some(defaults::DEMO_PATIENCE),
            answer_timeout: Some(defaults::DEMO_PATIENCE),
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
            route: self.route.clone(),
            allow_private: self.allow_private,
        };
        Caller::new(dialer, &session, |network| self.patience(network))
    }

    fn patience(&self, network: Network) -> Patience {
        let usual = patience_for(network, self.proxy().is_some());
        Patience {
            connect: self.connect_timeout.unwrap_or(usual.connect),
            handshake: self.handshake_timeout.unwrap_or(usual.handshake),
            answer: self.answer_timeout.unwrap_or(usual.answer),
        }
    }

    /// Makes sure that the proxy is there, where there is one, and learns how it wants to be spoken to.
    pub(crate) async fn check_proxy(&mut self) -> anyhow::Result<()> {
        const PATIENCE: Duration = Duration::from_secs(10);
        let Route::Proxy(proxy) = &mut self.route else {
            return Ok(());
        };
        match tokio::time::timeout(PATIENCE, proxy.check()).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => anyhow::bail!("{why}"),
            Err(_) => anyhow::bail!("the proxy {} does not answer", proxy.at),
        }
    }

    pub(crate) fn proxy(&self) -> Option<&Proxy> {
        match &self.route {
            Route::Direct => None,
            Route::Proxy(proxy) => Some(proxy),
        }
    }
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
    fn times_and_rates_are_bounded() {
        assert!(parse_seconds("0").is_err());
        assert!(parse_seconds("NaN").is_err());
        assert!(parse_seconds("1e99").is_err());
        assert_eq!(parse_rate("0"), Ok(0.0));
        assert!(parse_rate("-1").is_err());
    }
}
