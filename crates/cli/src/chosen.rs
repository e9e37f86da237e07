//! Which crawl of the store a command is about.

use anyhow::Context;
use clap::Args;
use proto::Chain;
use record::{Crawl, CrawlId, SqliteStore, Store};

use crate::config::DbArgs;

/// Flags that choose a crawl.
#[derive(Clone, Debug, Args)]
pub(crate) struct ChosenArgs {
    /// The number of the crawl, as `crawls` lists it [default: our own latest that finished or, where none did, the latest; in a
    /// store of imports alone the latest of those].
    #[arg(long, value_name = "N")]
    crawl: Option<i64>,
    /// The chain whose latest crawl is meant.
    #[arg(long, default_value = "mainnet", value_name = "CHAIN")]
    network: Chain,
    #[command(flatten)]
    db: DbArgs,
}

impl ChosenArgs {
    /// Opens the store and finds the crawl in it.
    pub(crate) fn find(&self) -> anyhow::Result<(SqliteStore, Crawl)> {
        let path = self.db.path()?;
        let store = SqliteStore::open_to_read(&path)?;
        let crawl = match self.crawl {
            Some(id) => store.crawl(CrawlId(id))?,
            None => latest(&store, self.network)?.with_context(|| {
                format!(
                    "{} has no crawl of {}; `bitcensus crawls` lists what it has, --network chooses another chain",
                    path.display(),
                    self.network
                )
            })?,
        };
        Ok((store, crawl))
    }
}

/// Returns our own latest crawl or, in a store that has none, what another observer saw last.
fn latest(store: &SqliteStore, chain: Chain) -> anyhow::Result<Option<Crawl>> {
    if let Some(own) = store.latest_crawl(chain)? {
        return Ok(Some(own));
    }
    let of_chain = store.crawls()?.into_iter().filter(|it| it.chain == chain);
    Ok(of_chain.max_by_key(|it| (it.started_at_us, it.id)))
}
