//! `hello`: one handshake, told field by field.

mod story;

use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use crawl::capacity::Capacity;
use crawl::dial::Target;
use crawl::dial::ways::Way;
use crawl::visit::{Caller, Manners, Unmade};
use proto::addr::ParseAddrError;
use proto::session::Questions;
use proto::visit::Dialect;
use proto::{Call, NotTried, Outcome, PeerAddr};
use record::export::ndjson;
use record::text::escape;
use tokio::task::JoinSet;

use crate::config::{DialArgs, DialConfig};
use crate::{Done, console, roll_call};

/// How many addresses one `hello` calls: it tells stories, and a story of thousands is a crawl.
const MOST_ADDRESSES: usize = 1_000;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bitcensus hello 127.0.0.1:18444 --network regtest
  bitcensus hello '[2a01:4f8::1]:8333' seed.example.org --hex
  bitcensus hello --tor socks5://127.0.0.1:9050 ONION.onion:8333
  bitcensus hello --i2p 127.0.0.1:7656 NAME.b32.i2p")]
pub(crate) struct HelloArgs {
    /// Whom to call: an address of any form, or a host name; without a port the chain's usual one is meant.
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,
    /// Ask for addresses of other nodes too, and tell how many it told of which network.
    #[arg(long = "addresses", conflicts_with = "handshake_only")]
    asks_addresses: bool,
    /// Call those who understand nothing of today's protocol again: with the protocol version of 2010, then with the
    /// headers without checksum of before February 2012.
    #[arg(long)]
    legacy: bool,
    /// Show the raw version message, each byte with its meaning.
    #[arg(long)]
    hex: bool,
    /// Print one JSON object an address instead of the story.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    dial: DialArgs,
}

pub(crate) fn run(args: HelloArgs) -> anyhow::Result<Done> {
    anyhow::ensure!(
        args.addresses.len() <= MOST_ADDRESSES,
        "{} addresses are more than the {MOST_ADDRESSES} that hello takes; put them into a file and use crawl",
        args.addresses.len()
    );
    // Who types an address means it: private ones too.
    let mut config = DialConfig::new(&args.dial, true)?;
    if args.asks_addresses {
        config.questions = Questions::Addresses;
    }
    Capacity::claim();
    roll_call::block_on(say_hello(&args, &config))
}

async fn say_hello(args: &HelloArgs, config: &DialConfig) -> anyhow::Result<Done> {
    let targets: Vec<Target> = args
        .addresses
        .iter()
        .map(|typed| parse_target(typed, config.chain.default_port()))
        .collect::<Result<_, _>>()?;
    let by_router = |it: &Target| matches!(config.ways.way(it.network()), Way::Sam(_));
    if targets.iter().any(by_router) {
        // Its tunnels take longer than a call may. If there are none the calls say so.
        config.ways.clone().check().await;
    }
    let greeter = Arc::new(Greeter {
        caller: config.caller(true),
        legacy: args.legacy,
    });
    let greetings: Vec<_> = targets
        .into_iter()
        .map(|target| tokio::spawn(greeter.clone().greet_all_of(target)))
        .collect();
    let mut done = Done::NobodyAnswered;
    for greetings in greetings {
        for greeted in greetings.await? {
            let greeted = greeted?;
            if greeted.call.outcome.is_reachable() {
                done = Done::Well;
            }
            let told = match args.json {
                true => greeted.to_json()?,
                false => story::tell(&greeted, args.hex),
            };
            console::print_result(&told)?;
        }
    }
    Ok(done)
}

/// Reads an address of any form, or a host name.
fn parse_target(typed: &str, default_port: u16) -> anyhow::Result<Target> {
    let error = match PeerAddr::parse(typed, default_port) {
        Ok(addr) => return Ok(Target::Addr(addr)),
        Err(error @ ParseAddrError::NoKnownForm) => error,
        Err(error) => anyhow::bail!("{}: {error}", escape(typed, 100)),
    };
    let (host, port) = match typed.rsplit_once(':') {
        Some((host, port)) => (host, port.parse().ok()),
        None => (typed, Some(default_port)),
    };
    let is_name = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '.' | '_');
    let Some(port) = port.filter(|_| !host.is_empty() && host.chars().all(is_name)) else {
        anyhow::bail!("{}: {error}, and no host name either", escape(typed, 100));
    };
    let host = host.to_owned();
    Ok(Target::Name { host, port })
}

/// Whom we greeted, and how that went.
struct Greeted {
    target: Target,
    dialect: Dialect,
    call: Call,
}

impl Greeted {
    fn to_json(&self) -> anyhow::Result<String> {
        let mut line = Vec::new();
        let (address, network) = (self.target.to_string(), self.target.network());
        ndjson::write_call(&address, network, self.dialect, &self.call, &mut line)?;
        Ok(String::from_utf8(line)?)
    }
}

/// Calls whom somebody named.
struct Greeter {
    caller: Caller,
    legacy: bool,
}

impl Greeter {
    /// Greets `target`: where it is a name that is resolved here, every address that it has.
    async fn greet_all_of(self: Arc<Greeter>, target: Target) -> Vec<anyhow::Result<Greeted>> {
        let way = self.caller.dialer.ways.way(target.network());
        let found = match &target {
            Target::Name { host, port } if matches!(way, Way::Direct) => {
                let found = tokio::net::lookup_host((host.as_str(), *port)).await;
                found.map(|it| it.map(PeerAddr::from).collect::<Vec<_>>())
            }
            Target::Name { .. } | Target::Addr(_) => return vec![self.greet(target).await],
        };
        let mut addrs = match found {
            Ok(addrs) => addrs,
            Err(error) => {
                let reason = format!("its name could not be resolved: {error}");
                let call = Call::not_connected(now_us(), Outcome::ConnectUnreachable, Some(reason));
                let dialect = Dialect::Modern;
                return vec![Ok(Greeted {
                    target,
                    dialect,
                    call,
                })];
            }
        };
        addrs.sort();
        addrs.dedup();
        let mut greetings = JoinSet::new();
        for addr in addrs {
            let greeter = self.clone();
            greetings.spawn(async move { greeter.greet(Target::Addr(addr)).await });
        }
        greetings.join_all().await
    }

    /// Greets `target` in today's manner and, where that is wanted, in older ones until it answers.
    async fn greet(&self, target: Target) -> anyhow::Result<Greeted> {
        let first = self.call(&target, Dialect::Modern).await;
        let first = first.with_context(|| format!("{target} was not called"))?;
        let mut next = Dialect::Modern.next_after(first.outcome);
        while let Some(dialect) = next.filter(|_| self.legacy) {
            let call = self.call(&target, dialect).await?;
            if call.outcome.is_reachable() {
                return Ok(Greeted {
                    target,
                    dialect,
                    call,
                });
            }
            next = dialect.next_after(call.outcome);
        }
        Ok(Greeted {
            target,
            dialect: Dialect::Modern,
            call: first,
        })
    }

    async fn call(&self, target: &Target, dialect: Dialect) -> Result<Call, Unmade> {
        let why_not = match target {
            Target::Addr(addr) => self.caller.dialer.why_not(addr),
            Target::Name { .. } => match self.caller.dialer.ways.way(target.network()) {
                Way::Off => Some(NotTried::NetworkOff),
                Way::Direct | Way::Socks(_) | Way::Sam(_) => None,
            },
        };
        if let Some(why) = why_not {
            return Ok(Call::not_tried(why, now_us()));
        }
        let manners = Manners {
            dialect,
            ..Manners::default()
        };
        match self.caller.call(target, manners).await {
            Ok(call) => Ok(call),
            Err(Unmade::WayDown(call)) => Ok(*call),
            Err(full @ Unmade::MachineFull(_)) => Err(full),
        }
    }
}

fn now_us() -> i64 {
    crawl::visit::micros(crawl::visit::unix_now())
}
