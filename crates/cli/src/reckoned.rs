//! What earlier visits say of nodes, for those who read seeders' dumps.

use std::collections::HashMap;

use proto::{PeerAddr, Visit};
use record::export::listed::Reckoned;
use record::figures::census::REACH;
use record::figures::uptime::{is_good, read_uptimes};
use record::summary::latest_height;
use record::{Crawl, SqliteStore, Store};

/// Says what earlier visits say of the node of a visit.
pub(crate) type Reckon = Box<dyn Fn(&Visit) -> Reckoned>;

/// Reckons how steady nodes were up to the end of a crawl; what another observer reckoned is taken from its list.
pub(crate) fn reckon(store: &SqliteStore, crawl: &Crawl) -> anyhow::Result<Reckon> {
    if crawl.observer.is_some() {
        let told = told(store, crawl)?;
        return Ok(Box::new(move |visit| {
            told.get(&visit.addr).copied().unwrap_or_default()
        }));
    }
    let until_us = store.ended_at_us(crawl)?;
    let reach_us = i64::try_from(REACH.as_micros())?;
    let since_us = crawl.started_at_us.saturating_sub(reach_us);
    let uptimes = read_uptimes(store, crawl.chain, since_us..=until_us)?;
    let mut heights = Vec::new();
    store.read_sightings(crawl.id, &mut |it| {
        heights.extend(it.said.and_then(|it| it.start_height));
        Ok(())
    })?;
    let (chain, latest_height) = (crawl.chain, latest_height(heights));
    Ok(Box::new(move |visit| {
        let version = visit.call.heard.version.as_deref();
        match uptimes.get(&visit.addr) {
            None => Reckoned::default(),
            Some(uptime) => Reckoned {
                uptime: Some(uptime.shares()),
                is_good: version.map(|it| is_good(&visit.addr, it, uptime, chain, latest_height)),
            },
        }
    }))
}

fn told(store: &SqliteStore, crawl: &Crawl) -> anyhow::Result<HashMap<PeerAddr, Reckoned>> {
    let mut told = HashMap::new();
    store.read_listed(crawl.id, &mut |(addr, remarks)| {
        let reckoned = Reckoned {
            uptime: remarks.uptime,
            is_good: remarks.is_good,
        };
        told.insert(addr, reckoned);
        Ok(())
    })?;
    Ok(told)
}
