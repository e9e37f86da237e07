//! How all strategies call alike: the same way out, the same words, the same patience.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crawl::dial::Dialer;
use crawl::dial::socks5::{Proxy, WELCOME_PATIENCE};
use crawl::dial::ways::Ways;
use crawl::drive::LAST_WORDS;
use crawl::patience::{Patience, patience_for};
use crawl::visit::{Caller, Transports};
use proto::session::Questions;
use proto::{Chain, Network, SessionConfig};
use serde::{Deserialize, Serialize};

use crate::RaceError;

/// How calls are made; plain, so that one process can tell it to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Manner {
    /// The name of the chain whose nodes are called.
    pub chain: String,
    /// The user agent that we announce.
    pub user_agent: String,
    /// Whether to ask, behind the handshake, for an answer to a `ping`.
    pub asks: bool,
    /// The way into each network that is called, by its name; nobody else is called.
    pub ways: BTreeMap<String, Way>,
    /// Rounds of work for the CPU behind each call ([`crate::work`]).
    pub work_rounds: u64,
}

/// The way into one network, and how patient we are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The SOCKS5 proxy that leads there; without one the call goes out directly.
    pub proxy: Option<SocketAddr>,
    /// How long a connection may take.
    pub connect: Duration,
    /// How long `version` and `verack` may take.
    pub handshake: Duration,
    /// How long the answer to the `ping` may take.
    pub answer: Duration,
}

impl Manner {
    /// Returns the way to `network`; `None` where it is not called.
    pub fn way(&self, network: Network) -> Option<&Way> {
        self.ways.get(network.name())
    }

    /// Returns how conversations over `way` are held.
    pub fn session(&self, way: &Way) -> Result<Arc<SessionConfig>, RaceError> {
        Ok(Arc::new(SessionConfig {
            handshake_timeout: way.handshake,
            answer_timeout: way.answer,
            ..self.usual_session()?
        }))
    }

    /// Returns the crawl's own caller, which calls in this manner.
    ///
    /// It was not told to try how little a proxy lets itself be told ([`Proxy::check`]), so it greets word for word,
    /// as [`crate::blocking`] does.
    pub fn caller(&self) -> Result<Caller, RaceError> {
        let dialer = Dialer {
            ways: self.crawl_ways(),
            // Whom not to call was looked at before the race.
            allow_private: true,
            opt_out: Arc::default(),
        };
        let session = self.usual_session()?;
        Ok(Caller::new(dialer, Transports::V1, &session, |network| {
            let usual = patience_for(network, false);
            self.way(network).map_or(usual, |way| Patience {
                connect: way.connect,
                handshake: way.handshake,
                answer: way.answer,
                ..usual
            })
        }))
    }

    /// Returns the longest that a call can take, whatever the peer does; the work behind it not counted.
    pub fn longest_call(&self) -> Duration {
        let each = self.ways.values().map(|it| {
            let welcome = it.proxy.map_or(Duration::ZERO, |_| WELCOME_PATIENCE);
            welcome + it.connect + it.handshake + it.answer + LAST_WORDS
        });
        each.max().unwrap_or_default()
    }

    fn usual_session(&self) -> Result<SessionConfig, RaceError> {
        let chain: Chain = self
            .chain
            .parse()
            .map_err(|_| RaceError::Line(self.chain.clone()))?;
        Ok(SessionConfig {
            chain,
            user_agent: self.user_agent.clone(),
            questions: match self.asks {
                true => Questions::Features,
                false => Questions::None,
            },
            ..SessionConfig::default()
        })
    }

    fn crawl_ways(&self) -> Ways {
        let proxy = |network| {
            let at = self.way(network)?.proxy?;
            Some(Proxy::parse(&at.to_string()).expect("an address and a port are a proxy"))
        };
        let mut ways = Ways::direct();
        if let Some(proxy) = proxy(Network::Ipv4) {
            ways = ways.through(proxy);
        }
        if let Some(proxy) = proxy(Network::Onion) {
            ways = ways.with_tor(vec![proxy]);
        }
        if self
            .way(Network::Cjdns)
            .is_some_and(|it| it.proxy.is_none())
        {
            ways = ways.with_cjdns();
        }
        ways
    }
}
