//! `hello`: one handshake, told field by field.

mod story;

use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use crawl::capacity::Capacity;
use crawl::dial::{Route, Target};
use crawl::visit::Caller;
use proto::addr::ParseAddrError;
use proto::{Call, Outcome, PeerAddr};
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
  bitcensus hello --proxy socks5://127.0.0.1:9050 ONION.onion:8333")]
pub(crate) struct HelloArgs {
    /// Whom to call: an address of any form, or a host name; without a port the chain's usual one is meant.
    #[arg(required = true, value_name = "ADDRESS")]
    addresses: Vec<String>,
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
    let config = DialConfig::new(&args.dial, true)?;
    Capacity::claim();
    roll_call::block_on(say_hello(&args, &config))
}

async fn say_hello(args: &HelloArgs, config: &DialConfig) -> anyhow::Result<Done> {
    let targets: Vec<Target> = args
        .addresses
        .iter()
        .map(|typed| parse_target(typed, config.chain.default_port()))
        .collect::<Result<_, _>>()?;
    let caller = Arc::new(config.caller(true));
    let calls: Vec<_> = targets
        .into_iter()
        .map(|target| tokio::spawn(call_all_of(caller.clone(), target)))
        .collect();
    let mut done = Done::NobodyAnswered;
    for calls in calls {
        for (target, call) in calls.await? {
            let call = call.with_context(|| format!("{target} was not called"))?;
            if call.outcome.is_reachable() {
                done = Done::Well;
            }
            let told = if args.json {
                let mut line = Vec::new();
                ndjson::write_call(&target.to_string(), target.network(), &call, &mut line)?;
                String::from_utf8(line)?
            } else {
                story::tell(&target, &call, args.hex)
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

/// Calls `target`: where it is a name that is resolved here, every address that it has.
async fn call_all_of(caller: Arc<Caller>, target: Target) -> Vec<(Target, anyhow::Result<Call>)> {
    let found = match &target {
        Target::Name { host, port } if caller.dialer.route == Route::Direct => {
            let found = tokio::net::lookup_host((host.as_str(), *port)).await;
            found.map(|it| it.map(PeerAddr::from).collect::<Vec<_>>())
        }
        Target::Name { .. } | Target::Addr(_) => {
            let call = call(&caller, &target).await;
            return vec![(target, call)];
        }
    };
    let mut addrs = match found {
        Ok(addrs) => addrs,
        Err(error) => {
            let reason = format!("its name could not be resolved: {error}");
            let call = Call::not_connected(now_us(), Outcome::ConnectUnreachable, Some(reason));
            return vec![(target, Ok(call))];
        }
    };
    addrs.sort();
    addrs.dedup();
    let mut calls = JoinSet::new();
    for addr in addrs {
        let caller = caller.clone();
        calls.spawn(async move {
            let target = Target::Addr(addr);
            let call = call(&caller, &target).await;
            (target, call)
        });
    }
    calls.join_all().await
}

async fn call(caller: &Caller, target: &Target) -> anyhow::Result<Call> {
    if let Target::Addr(addr) = target
        && let Some(why) = caller.dialer.why_not(addr)
    {
        return Ok(Call::not_tried(why, now_us()));
    }
    Ok(caller.call(target).await?)
}

fn now_us() -> i64 {
    crawl::visit::micros(crawl::visit::unix_now())
}
