//! Addresses from everything that was named as a source, into one frontier.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use crawl::dial::DialError;
use crawl::dial::socks5::Proxy;
use crawl::frontier::{Frontier, Hint};
use crawl::sources::Source;
use crawl::sources::dns::{self, SeedAnswer};
use crawl::sources::fetch::{self, FetchConfig};
use listing::{ListReport, Skipped};
use record::text::grouped;
use record::{SqliteStore, Store, StoreError};

use crate::config::DialConfig;
use crate::console::Console;

/// How many unreadable lines of a list are shown.
const SHOWN_LINES: usize = 5;

/// Reads all `sources` into `frontier`, and returns it.
pub(crate) async fn read_all(
    sources: &[Source],
    mut frontier: Frontier,
    dial: &DialConfig,
    db: &Path,
    console: Console,
) -> anyhow::Result<Frontier> {
    for (place, source) in sources.iter().enumerate() {
        let place = u16::try_from(place).context("more than 65535 sources")?;
        read_one(source, place, &mut frontier, dial, db, console).await?;
    }
    Ok(frontier)
}

/// Reads the source that has this `place` among all of them.
pub(crate) async fn read_one(
    source: &Source,
    place: u16,
    frontier: &mut Frontier,
    dial: &DialConfig,
    db: &Path,
    console: Console,
) -> anyhow::Result<()> {
    let before = frontier.n_known();
    match source {
        Source::Dns => ask_seeds(frontier, place, dial, console).await,
        Source::Store => read_store(frontier, place, dial, db)?,
        Source::Stdin | Source::Url(_) | Source::File(_) => {
            let report = read_list(frontier, place, source, dial, console).await?;
            show_skipped(&source.to_string(), &report.skipped, console);
        }
    }
    let n_new = frontier.n_known() - before;
    let noun = if n_new == 1 { "address" } else { "addresses" };
    console.say(&format!("{source}: {} {noun}", grouped(n_new)));
    Ok(())
}

async fn read_list(
    frontier: &mut Frontier,
    place: u16,
    source: &Source,
    dial: &DialConfig,
    console: Console,
) -> anyhow::Result<ListReport> {
    let bar = console.download_bar(&source.to_string());
    let mut on_progress = |progress: fetch::Progress| {
        if let Some(total) = progress.total {
            bar.set_length(total);
        }
        bar.set_position(progress.received);
    };
    let config = FetchConfig {
        proxy: dial.proxy().cloned(),
        ..FetchConfig::default()
    };
    let text = fetch::load(source, &config, &mut on_progress).await;
    bar.finish_and_clear();
    let text = text?;
    let report = listing::read_list(&text, dial.chain.default_port(), |node| {
        frontier.learn(node.addr, place, Hint::default());
    });
    report.with_context(|| source.to_string())
}

/// Says how many entries of a list cannot be read, and why not.
pub(crate) fn show_skipped(list: &str, skipped: &Skipped, console: Console) {
    if skipped.n == 0 {
        return;
    }
    let entries = match skipped.n {
        1 => "1 entry".to_owned(),
        n => format!("{} entries", grouped(n)),
    };
    console.say(&format!("{list}: {entries} cannot be read:"));
    for entry in skipped.first.iter().take(SHOWN_LINES) {
        console.say(&format!(
            "  line {}: {}: {}",
            entry.line, entry.text, entry.why
        ));
    }
    let n_more = skipped.n.saturating_sub(SHOWN_LINES);
    if n_more > 0 {
        console.say(&format!("  and {} more", grouped(n_more)));
    }
}

/// Asks the DNS seeds, through the proxy where there is one: Tor resolves names too.
async fn ask_seeds(frontier: &mut Frontier, place: u16, dial: &DialConfig, console: Console) {
    let seeds = dial.chain.dns_seeds();
    let port = dial.chain.default_port();
    let answers = match dial.proxy() {
        None => dns::resolve_seeds(seeds, port, &dns::SystemResolver).await,
        Some(proxy) => {
            dns::resolve_seeds(seeds, port, &ProxyResolver(Arc::new(proxy.clone()))).await
        }
    };
    for SeedAnswer { seed, result, .. } in answers {
        match result {
            Ok(addrs) => {
                for addr in addrs {
                    frontier.learn(addr, place, Hint::default());
                }
            }
            Err(why) => console.say(&format!("{seed}: {why}")),
        }
    }
}

/// Resolves names by the proxy, so that they do not leak around it.
#[derive(Clone)]
struct ProxyResolver(Arc<Proxy>);

impl dns::Lookup for ProxyResolver {
    async fn lookup(&self, name: &str) -> std::io::Result<Vec<std::net::IpAddr>> {
        match self.0.resolve(name).await {
            Ok(ip) => Ok(vec![ip]),
            Err(DialError::MachineFull(error)) => Err(error),
            Err(DialError::WayDown(failure) | DialError::Failed(failure)) => {
                Err(std::io::Error::other(
                    failure
                        .reason
                        .unwrap_or_else(|| failure.outcome.to_string()),
                ))
            }
        }
    }
}

/// Takes the addresses that answered in the latest crawl; where there is no store yet, it knows nobody.
fn read_store(
    frontier: &mut Frontier,
    place: u16,
    dial: &DialConfig,
    db: &Path,
) -> anyhow::Result<()> {
    let store = match SqliteStore::open_to_read(db) {
        Ok(store) => store,
        Err(StoreError::Missing { .. }) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let Some(latest) = store.latest_crawl(dial.chain)? else {
        return Ok(());
    };
    store.read_last_visits(latest.id, &mut |visit| {
        if visit.call.outcome.is_reachable() {
            let hint = Hint {
                was_reachable: true,
                speaks_v2: visit.call.speaks_v2(),
            };
            frontier.learn(visit.addr, place, hint);
        }
        Ok(())
    })?;
    Ok(())
}
