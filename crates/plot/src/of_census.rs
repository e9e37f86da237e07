//! Pictures of the figures of a crawl.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use proto::Network;
use record::Summary;
use record::figures::trends::Theme;
use record::figures::{Census, Node};
use record::summary::{Count, Figure, Top};

use crate::canvas::Picture;
use crate::caption::Caption;
use crate::charts::{
    Ages, Bars, Curve, Heights, Pair, Pairs, Timeline, Trend, Trends, World, ages, bars,
    country_name, curves, heights, pairs, timeline, trends, world,
};
use crate::picture_name::PictureName;
use crate::scale::Unit;

/// What whoever wants a picture may choose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// How wide it is, in pixels.
    pub width: f64,
    /// How many names have a bar of their own.
    pub top: usize,
}

impl Default for Look {
    /// What fits a page and a newspaper's column.
    fn default() -> Look {
        Look {
            width: 800.0,
            top: 15,
        }
    }
}

/// Draws a picture of a census; nothing where it has no such figures.
///
/// `version` is that of the program that draws it.
pub fn of_census(name: PictureName, census: &Census, version: &str, look: Look) -> Option<Picture> {
    let draw = Draw {
        census,
        name,
        source: source(census, version),
        look,
    };
    match name {
        PictureName::Networks => Some(draw.networks()),
        PictureName::Outcomes => Some(draw.outcomes()),
        PictureName::Versions => draw.versions(),
        PictureName::UserAgents => Some(draw.top(&census.agents.whole)),
        PictureName::Implementations => Some(draw.implementations()),
        PictureName::Ages => draw.ages(),
        PictureName::Services => draw.services(),
        PictureName::Transports => draw.transports(),
        PictureName::Heights => Some(draw.heights()),
        PictureName::Latency => draw.latency(),
        PictureName::Timeline => draw.timeline(),
        PictureName::World => Some(draw.world()),
        PictureName::Countries => draw.countries(),
        PictureName::Systems => draw.systems(),
        PictureName::Ports => Some(draw.top(&census.whereabouts.ports)),
        PictureName::Trends(theme) => draw.trends(theme),
    }
}

/// Says which crawl a picture is of, when that was, from where it looked, and which program drew it.
fn source(census: &Census, version: &str) -> String {
    let crawl = &census.crawl;
    let at = Timestamp::from_microsecond(crawl.started_at_us)
        .ok()
        .map(|it| {
            let at = it.to_zoned(TimeZone::UTC);
            format!(" · {}", at.strftime("%Y-%m-%d %H:%M UTC"))
        });
    let seen = match &crawl.observer {
        Some(observer) => format!("published by {observer}"),
        None => format!("seen from {}", crawl.vantage),
    };
    format!(
        "Crawl {} of {}{} · {seen} · bitcensus {version}",
        crawl.crawl_id,
        crawl.chain,
        at.unwrap_or_default(),
    )
}

struct Draw<'a> {
    census: &'a Census,
    name: PictureName,
    source: String,
    look: Look,
}

impl Draw<'_> {
    fn caption(&self, definition: &str) -> Caption {
        Caption {
            title: self.name.title().to_owned(),
            definition: sentence(definition),
            source: self.source.clone(),
        }
    }

    fn bars(&self, definition: &str, bars_: Bars) -> Picture {
        let top = self.look.top;
        let shown = Bars { top, ..bars_ };
        bars(&self.caption(definition), &shown, self.look.width)
    }

    fn top(&self, figure: &Figure<Top>) -> Picture {
        let top = &figure.value;
        let rows = top.rows.iter().map(|it| (named(it), it.n));
        let bars = Bars {
            others: (top.n_other_names, top.n_others),
            ..of_all(rows.collect(), top.total())
        };
        self.bars(figure.definition, bars)
    }

    fn networks(&self) -> Picture {
        let summary = &self.census.summary;
        let known = summary.networks.value.iter().filter(|it| it.addresses > 0);
        let rows = known.map(|it| (it.network.to_owned(), it.reachable));
        let definition = format!("{}, by network", summary.reachable.definition);
        self.bars(&definition, of_all(rows.collect(), summary.reachable.value))
    }

    fn outcomes(&self) -> Picture {
        let summary = &self.census.summary;
        let outcomes = summary.outcomes.value.iter().filter(|it| it.n > 0);
        let rows = outcomes.map(|it| (named(it).replace('_', " "), it.n));
        let all = of_all(rows.collect(), summary.addresses.value);
        self.bars(summary.outcomes.definition, all)
    }

    /// Nothing where another observer does not say it of anybody.
    fn versions(&self) -> Option<Picture> {
        let versions = &self.census.summary.protocol_versions;
        let is_said = versions.value.rows.iter().any(|it| it.name.is_some());
        (is_said || !self.has_nodes()).then(|| self.top(versions))
    }

    fn services(&self) -> Option<Picture> {
        let summary = &self.census.summary;
        let is_said = !summary.services.value.is_empty();
        (is_said || !self.has_nodes()).then(|| self.service_bars(summary))
    }

    fn has_nodes(&self) -> bool {
        self.census.summary.reachable.value > 0
    }

    fn service_bars(&self, summary: &Summary) -> Picture {
        let rows = summary.services.value.iter().map(|it| (named(it), it.n));
        let all = of_all(rows.collect(), summary.reachable.value);
        self.bars(summary.services.definition, all)
    }

    fn implementations(&self) -> Picture {
        let Figure { value, definition } = &self.census.agents.implementations;
        let rows = value.iter().map(|it| {
            let name = it.implementation.map_or("unknown", |it| it.name);
            (name.to_owned(), it.n)
        });
        self.bars(
            definition,
            of_all(rows.collect(), self.census.summary.reachable.value),
        )
    }

    fn ages(&self) -> Option<Picture> {
        let Figure { value, definition } = &self.census.agents.age;
        let age = value.as_ref()?;
        let years = age.years.iter().map(|it| (it.year, vec![it.n]));
        let half = age.n_dated.div_ceil(2);
        let mut n = 0;
        let median = age.years.iter().rev().find(|it| {
            n += it.n;
            n >= half
        });
        let ages_ = Ages {
            series: vec!["nodes".to_owned()],
            years: years.collect(),
            unknown: age.n_undated,
            median: median.map(|it| {
                let said = format!("half run software of at most {} days", age.median_days);
                (it.year, said)
            }),
        };
        Some(ages(&self.caption(definition), &ages_, self.look.width))
    }

    fn transports(&self) -> Option<Picture> {
        let Figure { value, definition } = &self.census.speech.v2;
        let rows = value.iter().filter(|it| it.n > 0).map(|it| Pair {
            name: it.network.to_owned(),
            whole: it.n,
            counts: [it.offered, it.worked],
        });
        let all = Pairs {
            names: ["offered".to_owned(), "worked".to_owned()],
            rows: rows.collect(),
        };
        let caption = self.caption(definition);
        (!all.rows.is_empty()).then(|| pairs(&caption, &all, self.look.width))
    }

    fn heights(&self) -> Picture {
        let summary = &self.census.summary;
        let claimed = self.nodes().filter_map(|it| it.version()?.start_height);
        let all = Heights {
            heights: claimed.collect(),
            tip: summary.latest_height.value,
        };
        let definition = format!(
            "blocks from the height that reachable addresses claim to that of the chain, which is {}",
            summary.latest_height.definition
        );
        heights(&self.caption(&definition), &all, self.look.width)
    }

    fn latency(&self) -> Option<Picture> {
        let curve = |network: Network| {
            let of_network = self.nodes().filter(|it| it.visit.addr.network() == network);
            let times = of_network.filter_map(|it| it.visit.call.heard.version_at);
            Curve {
                name: network.name().to_owned(),
                times_us: times
                    .map(|it| u64::try_from(it.as_micros()).unwrap_or(u64::MAX))
                    .collect(),
            }
        };
        let all = Network::ALL.map(curve);
        let is_timed = all.iter().any(|it| !it.times_us.is_empty());
        let caption = self.caption(self.census.how_well.curves.definition);
        is_timed.then(|| {
            curves(
                &caption,
                &all,
                "from the dial to the version",
                self.look.width,
            )
        })
    }

    fn timeline(&self) -> Option<Picture> {
        let figure = self.census.timeline.as_ref()?;
        let step_us = figure.bin_us.value;
        let whole = |per_second: &[f64]| {
            let counts = per_second.iter();
            counts
                .map(|it| rounded(it * micros(step_us) / 1e6))
                .collect()
        };
        let answered = (
            "answered".to_owned(),
            whole(&figure.answers_per_second.value),
        );
        let failed = figure.failures_per_second.value.iter().map(|it| {
            let class = it.class.replace('_', " ");
            (class, whole(&it.per_second))
        });
        let has_any = |it: &(String, Vec<u64>)| it.1.iter().any(|n| *n > 0);
        let all = Timeline {
            step_us,
            in_flight: figure
                .calls_in_flight
                .value
                .iter()
                .map(|it| rounded(*it))
                .collect(),
            ended: [answered]
                .into_iter()
                .chain(failed.filter(has_any))
                .collect(),
        };
        let definition = format!(
            "{}; below: versions that arrived, and calls that failed, by how",
            figure.calls_in_flight.definition
        );
        Some(timeline(&self.caption(&definition), &all, self.look.width))
    }

    fn world(&self) -> Picture {
        let whereabouts = &self.census.whereabouts;
        let countries = whereabouts.countries.value.rows.iter();
        let places = self.nodes().filter_map(|it| {
            let place = &it.place;
            Some((place.latitude?, place.longitude?, 1))
        });
        let nowhere = whereabouts.known.value.iter().map(|it| {
            let name = match it.has_places {
                true => format!("{} of no known country", it.network),
                false => it.network.to_owned(),
            };
            (name, it.n - it.n_country)
        });
        let all = World {
            countries: countries.map(|it| (named(it), it.n)).collect(),
            places: places.collect(),
            nowhere: nowhere.filter(|it| it.1 > 0).collect(),
        };
        let definition = "reachable addresses by the country that their range is registered in; Tor, I2P and CJDNS hide it";
        world(&self.caption(definition), &all, self.look.width)
    }

    fn countries(&self) -> Option<Picture> {
        let Figure { value, definition } = &self.census.whereabouts.countries;
        let rows = value.rows.iter().map(|it| {
            let code = named(it);
            let name = country_name(&code).map_or_else(|| code.clone(), str::to_owned);
            (name, it.n)
        });
        let bars = Bars {
            others: (value.n_other_names, value.n_others),
            ..of_all(rows.collect(), value.total())
        };
        (!value.rows.is_empty()).then(|| self.bars(definition, bars))
    }

    fn systems(&self) -> Option<Picture> {
        let Figure { value, definition } = &self.census.whereabouts.systems;
        let rows: Vec<(String, u64)> = value
            .rows
            .iter()
            .map(|it| match &it.organisation {
                Some(organisation) => (format!("AS{} {organisation}", it.asn), it.n),
                None => (format!("AS{}", it.asn), it.n),
            })
            .collect();
        let whole = rows.iter().map(|it| it.1).sum::<u64>() + value.n_others;
        let bars = Bars {
            others: (value.n_other_systems, value.n_others),
            ..of_all(rows, whole)
        };
        (whole > 0).then(|| self.bars(definition, bars))
    }

    fn trends(&self, theme: Theme) -> Option<Picture> {
        let over_time = self.census.over_time.as_ref()?;
        let curves = over_time.history.trends.curves(theme);
        let several = curves.iter().any(|it| it.observer != curves[0].observer);
        let series = curves.into_iter().map(|it| Trend {
            name: match several {
                true => format!("{}, {}", it.name, it.observer),
                false => it.name,
            },
            points: it
                .points
                .into_iter()
                .map(|(at, it)| (at, Some(it)))
                .collect(),
        });
        let all = Trends {
            unit: match theme.is_of_shares() {
                true => Unit::Share,
                false => Unit::Count,
            },
            name: match theme {
                Theme::Lag => "blocks".to_owned(),
                _ if theme.is_of_shares() => "share of reachable addresses".to_owned(),
                _ => "reachable addresses".to_owned(),
            },
            series: series.collect(),
        };
        let is_long = all.series.iter().any(|it| it.points.len() > 1);
        let caption = self.caption(theme.definition());
        is_long.then(|| trends(&caption, &all, self.look.width))
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.census.snapshot.nodes.iter()
    }
}

fn of_all(rows: Vec<(String, u64)>, whole: u64) -> Bars {
    Bars {
        rows,
        whole,
        others: (0, 0),
        top: usize::MAX,
    }
}

fn named(count: &Count) -> String {
    match count.name.as_deref() {
        None => "(none)".to_owned(),
        Some("") => "(empty)".to_owned(),
        Some(name) => name.to_owned(),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a pixel is more than what is lost"
)]
fn micros(us: u64) -> f64 {
    us as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts are neither negative nor larger than memory"
)]
fn rounded(count: f64) -> u64 {
    count.round().max(0.0) as u64
}

/// Definitions begin with a small letter and have no full stop.
fn sentence(definition: &str) -> String {
    let mut chars = definition.chars();
    let first = chars.next().map(char::to_uppercase);
    format!(
        "{}{}.",
        first.into_iter().flatten().collect::<String>(),
        chars.as_str()
    )
}
