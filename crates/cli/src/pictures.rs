//! The page of a report: the figures of a crawl with their pictures.

use plot::page::{self, Illustration, Page};
use plot::{Look, PictureName, of_census};
use record::figures::trends::Theme;
use record::figures::{Cell, Census, Section};
use record::text::grouped;

/// Sections that say from which address we called: a page is made to be passed on.
const OURS_ALONE: [&str; 2] = ["mirrors", "addresses_told_us"];

/// Puts the page together.
pub(crate) fn page(census: &Census) -> Page {
    let chapters = census.chapters().into_iter().map(|it| page::Chapter {
        key: it.key,
        title: it.title.to_owned(),
        pictures: illustrations(census, it.key),
        sections: sections(census, it.key, it.sections),
    });
    Page {
        title: title(census),
        lead: lead(census),
        facts: facts(census),
        chapters: chapters.collect(),
        footer: format!(
            "Made by bitcensus {} from crawl {}. Every table says above it what was counted; user agents and all else that \
             peers send is their word, and nobody else's. What they say our own address is, is left out.",
            env!("CARGO_PKG_VERSION"),
            census.crawl.crawl_id
        ),
    }
}

/// The page has no summary: what that alone says stands with how the crawl went.
fn sections(census: &Census, chapter: &str, sections: Vec<Section>) -> Vec<Section> {
    let of_summary = match chapter {
        "how_well" => census.summary.crawl_sections(),
        _ => Vec::new(),
    };
    let all = sections.into_iter().chain(of_summary);
    all.filter(is_for_others).collect()
}

fn is_for_others(section: &Section) -> bool {
    !OURS_ALONE.contains(&section.key)
}

fn title(census: &Census) -> String {
    let day = moment(census.crawl.started_at_us);
    match &census.crawl.observer {
        None => format!("Census of the Bitcoin network, {day}"),
        Some(observer) => format!("The Bitcoin network as {observer} saw it, {day}"),
    }
}

fn lead(census: &Census) -> String {
    let crawl = &census.crawl;
    let ended = crawl.finished_at_us;
    let took = ended.map(|it| it.saturating_sub(crawl.started_at_us));
    let took = took
        .and_then(|it| u64::try_from(it).ok())
        .filter(|it| *it > 0);
    let took = took.map_or(String::new(), |it| format!(", took {}", Cell::Micros(it)));
    let from = match &crawl.observer {
        None => format!("seen from “{}”", crawl.vantage),
        Some(observer) => format!("published by {observer}"),
    };
    format!(
        "Crawl {} of {}, {from}: began {} UTC{took}, {}.",
        crawl.crawl_id,
        crawl.chain,
        moment(crawl.started_at_us),
        crawl.state
    )
}

fn facts(census: &Census) -> Vec<(String, String)> {
    let summary = &census.summary;
    let fact = |name: &str, value: u64| (name.to_owned(), grouped(value));
    let networks = summary.networks.value.iter().filter(|it| it.reachable > 0);
    let mut facts = vec![fact("reachable addresses", summary.reachable.value)];
    facts.extend(networks.map(|it| fact(it.network, it.reachable)));
    facts.push(fact("addresses called", summary.tried.value));
    if let Some(height) = summary
        .latest_height
        .value
        .and_then(|it| u64::try_from(it).ok())
    {
        facts.push(fact("height of the chain", height));
    }
    facts
}

fn moment(us: i64) -> String {
    Cell::Time(us).to_string()
}

fn illustrations(census: &Census, chapter: &str) -> Vec<Illustration> {
    let names: &[PictureName] = match chapter {
        "how_many" => &[PictureName::Networks, PictureName::Outcomes],
        "what" => &[
            PictureName::Implementations,
            PictureName::UserAgents,
            PictureName::Ages,
            PictureName::Versions,
            PictureName::Services,
            PictureName::Transports,
        ],
        "where" => &[
            PictureName::World,
            PictureName::Countries,
            PictureName::Systems,
            PictureName::Ports,
        ],
        "how_well" => &[PictureName::Latency, PictureName::Timeline],
        "truth" => &[PictureName::Heights],
        "over_time" => &[
            PictureName::Trends(Theme::Networks),
            PictureName::Trends(Theme::Implementations),
            PictureName::Trends(Theme::CoreSeries),
        ],
        _ => &[], // Lists that are to be read.
    };
    let illustration = |it: &PictureName| {
        let picture = of_census(*it, census, env!("CARGO_PKG_VERSION"), Look::default())?;
        Some(Illustration {
            alt: format!("{}: {}", it.title(), it.about()),
            svg: picture.svg(),
        })
    };
    names.iter().filter_map(illustration).collect()
}
