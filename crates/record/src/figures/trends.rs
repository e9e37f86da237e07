//! How the network changed from crawl to crawl.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

use proto::visit::Transport;
use proto::{Network, services};
use serde::Serialize;

use super::agents::Number;
use super::history::{Nodes, Observer, SeenNode, thinned};
use super::tables::{section, share_of};
use super::{Cell, Section};
use crate::store::Crawl;
use crate::summary::quantile::quantile;
use crate::summary::{Count, Figure, Top, latest_height};

/// How many names of each kind a point keeps; the others are counted together.
const N_NAMES: usize = 50;
/// How many curves of an observer are drawn of one theme.
const N_CURVES: usize = 8;
/// How many points of an observer are shown to people.
const N_SHOWN: usize = 12;

/// How the network was at each time, by observer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Trends {
    /// The points of each observer: those of two are never of one line.
    pub lines: Figure<Vec<TrendLine>>,
}

/// What one observer saw over time.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrendLine {
    /// Who saw it.
    #[serde(flatten)]
    pub observer: Observer,
    /// What it saw, in the order of time.
    pub points: Vec<TrendPoint>,
}

/// How the network was by one crawl; all counts are of reachable addresses.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TrendPoint {
    /// The number of the crawl.
    pub crawl: i64,
    /// When it ended, microseconds since 1970.
    pub at_us: i64,
    /// How many were reachable.
    pub reachable: u64,
    /// The same by network.
    pub networks: BTreeMap<&'static str, u64>,
    /// By program; no name where it is not a known one.
    pub implementations: Top,
    /// By series of Bitcoin Core; no name for what does not descend from it.
    pub core_series: Top,
    /// By protocol version; no name where the observer said none.
    pub protocol_versions: Top,
    /// By service bit.
    pub services: Vec<Count>,
    /// By country; no name for those of which none is known, as of Tor.
    pub countries: Top,
    /// Those that announce the v2 transport.
    pub v2_offered: u64,
    /// Those with which it carried the messages; absent where the observer does not say what did.
    pub v2_carried: Option<u64>,
    /// The height of the chain.
    pub latest_height: Option<i32>,
    /// How many blocks the median of the claimed heights above 0 is behind that.
    pub median_lag_blocks: Option<i32>,
}

impl TrendPoint {
    /// Returns how many there were on a network.
    fn on(&self, network: &str) -> u64 {
        self.networks.get(network).copied().unwrap_or_default()
    }

    /// Sums up what a crawl found.
    pub fn of(crawl: &Crawl, nodes: &Nodes) -> TrendPoint {
        let mut networks: BTreeMap<&'static str, u64> = BTreeMap::new();
        for addr in nodes.keys() {
            *networks.entry(addr.network().name()).or_default() += 1;
        }
        let heights = nodes.values().filter_map(|it| it.start_height);
        let mut heights: Vec<i32> = heights.filter(|it| *it > 0).collect();
        heights.sort_unstable();
        let latest = latest_height(heights.clone());
        let lag = latest.zip(quantile(&heights, 50));
        let is_carried = |it: &SeenNode| it.transport == Some(Transport::V2);
        let says_carrier = nodes.values().any(|it| it.transport.is_some());
        let count =
            |is: &dyn Fn(&SeenNode) -> bool| nodes.values().filter(|it| is(it)).count() as u64;
        TrendPoint {
            crawl: crawl.id.0,
            at_us: crawl.finished_at_us.unwrap_or(crawl.started_at_us),
            reachable: nodes.len() as u64,
            networks,
            implementations: top(nodes, |it| it.implementation, str::to_owned),
            core_series: top(nodes, |it| it.core_series, Number::series_name),
            protocol_versions: top(
                nodes,
                |it| it.protocol_version.filter(|it| *it != 0),
                |it| it.to_string(),
            ),
            services: count_services(nodes),
            countries: top(
                nodes,
                |it| it.country,
                |it| String::from_utf8_lossy(&it).into_owned(),
            ),
            v2_offered: count(&|it| it.services & services::P2P_V2 != 0),
            v2_carried: says_carrier.then(|| count(&is_carried)),
            latest_height: latest,
            median_lag_blocks: lag.map(|(latest, median)| latest.saturating_sub(median)),
        }
    }

    /// Returns the values of a theme by their names.
    fn values(&self, theme: Theme) -> BTreeMap<String, f64> {
        let share = |n: u64| n as f64 / self.reachable.max(1) as f64;
        let shares = |counts: &[Count]| {
            let counts = counts.iter();
            let named = counts.filter_map(|it| Some((it.name.clone()?, share(it.n))));
            named.collect()
        };
        match theme {
            Theme::Networks => {
                let own = self.networks.iter();
                let own = own.map(|(name, n)| ((*name).to_owned(), *n as f64));
                own.chain([("all".to_owned(), self.reachable as f64)])
                    .collect()
            }
            Theme::Implementations => shares(&self.implementations.rows),
            Theme::CoreSeries => shares(&self.core_series.rows),
            Theme::ProtocolVersions => shares(&self.protocol_versions.rows),
            Theme::Services => shares(&self.services),
            Theme::Countries => shares(&self.countries.rows),
            Theme::V2 => {
                let worked = self.v2_carried.map(|it| ("worked".to_owned(), share(it)));
                let offered = ("offered".to_owned(), share(self.v2_offered));
                worked.into_iter().chain([offered]).collect()
            }
            Theme::Lag => {
                let lag = self.median_lag_blocks;
                let lag = lag.map(|it| ("median".to_owned(), f64::from(it)));
                lag.into_iter().collect()
            }
        }
    }

    /// Whether a name that is not among the values of a theme stands for none.
    fn is_whole(&self, theme: Theme) -> bool {
        match theme {
            Theme::Networks | Theme::Services => true,
            Theme::Implementations => self.implementations.n_other_names == 0,
            Theme::CoreSeries => self.core_series.n_other_names == 0,
            Theme::ProtocolVersions => self.protocol_versions.n_other_names == 0,
            Theme::Countries => self.countries.n_other_names == 0,
            Theme::V2 | Theme::Lag => false,
        }
    }
}

/// Counts nodes by what `key` takes of them, and names the most frequent.
fn top<K: Eq + Hash>(
    nodes: &Nodes,
    key: impl Fn(&SeenNode) -> Option<K>,
    name: impl Fn(K) -> String,
) -> Top {
    let mut n_by_key: HashMap<Option<K>, u64> = HashMap::new();
    for node in nodes.values() {
        *n_by_key.entry(key(node)).or_default() += 1;
    }
    let named = n_by_key.into_iter();
    let named: BTreeMap<Option<String>, u64> = named.map(|(key, n)| (key.map(&name), n)).collect();
    let all = Top {
        rows: Count::ranked(named),
        ..Top::default()
    };
    all.cut(N_NAMES)
}

fn count_services(nodes: &Nodes) -> Vec<Count> {
    let mut n_by_bit = [0_u64; 64];
    for node in nodes.values() {
        for (bit, n) in n_by_bit.iter_mut().enumerate() {
            *n += node.services >> bit & 1;
        }
    }
    let counts = n_by_bit.into_iter().enumerate().filter(|(_, n)| *n > 0);
    let named = counts.map(|(bit, n)| (Some(services::names(1 << bit).concat()), n));
    Count::ranked(named)
}

/// What is followed over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Theme {
    /// Reachable addresses, of each network and of all.
    Networks,
    /// Shares of programs.
    Implementations,
    /// Shares of the series of Bitcoin Core.
    CoreSeries,
    /// Shares of protocol versions.
    ProtocolVersions,
    /// Shares that announce a service.
    Services,
    /// Shares of countries.
    Countries,
    /// Shares that offer the v2 transport, and with which it worked.
    V2,
    /// Blocks that the median height is behind.
    Lag,
}

impl Theme {
    /// All themes, in the order in which they are shown.
    pub const ALL: [Theme; 8] = [
        Theme::Networks,
        Theme::Implementations,
        Theme::CoreSeries,
        Theme::ProtocolVersions,
        Theme::Services,
        Theme::Countries,
        Theme::V2,
        Theme::Lag,
    ];

    /// Returns its name in links and file names.
    pub fn key(self) -> &'static str {
        match self {
            Theme::Networks => "trend_networks",
            Theme::Implementations => "trend_implementations",
            Theme::CoreSeries => "trend_core_series",
            Theme::ProtocolVersions => "trend_protocol_versions",
            Theme::Services => "trend_services",
            Theme::Countries => "trend_countries",
            Theme::V2 => "trend_v2",
            Theme::Lag => "trend_lag",
        }
    }

    /// Returns what stands above it.
    pub fn title(self) -> &'static str {
        match self {
            Theme::Networks => "Reachable addresses over time",
            Theme::Implementations => "Programs over time",
            Theme::CoreSeries => "Releases of Bitcoin Core over time",
            Theme::ProtocolVersions => "Protocol versions over time",
            Theme::Services => "Services over time",
            Theme::Countries => "Countries over time",
            Theme::V2 => "Encrypted transport over time",
            Theme::Lag => "Lag of heights over time",
        }
    }

    /// Returns what its values are, with their unit.
    pub fn definition(self) -> &'static str {
        match self {
            Theme::Networks => "addresses that a crawl found reachable",
            Theme::Implementations => {
                "the share of reachable addresses whose user agent names the program"
            }
            Theme::CoreSeries => {
                "the share of reachable addresses whose user agent names this series of Bitcoin Core, forks of it included"
            }
            Theme::ProtocolVersions => {
                "the share of reachable addresses that announce the protocol version"
            }
            Theme::Services => "the share of reachable addresses that announce the service",
            Theme::Countries => {
                "the share of reachable addresses that are in the country, of all networks"
            }
            Theme::V2 => {
                "the share of reachable addresses that announce the v2 transport, and with which it carried the messages"
            }
            Theme::Lag => {
                "blocks that the median of the claimed heights is behind the height of the chain"
            }
        }
    }

    /// Whether its values are shares, from 0 to 1.
    pub fn is_of_shares(self) -> bool {
        !matches!(self, Theme::Networks | Theme::Lag)
    }
}

/// One value over time, by one observer.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Who saw it, for people.
    pub observer: String,
    /// What it is: the name of a network, a program and so on.
    pub name: String,
    /// Times in microseconds since 1970, and values; where one is not known there is no point.
    pub points: Vec<(i64, f64)>,
}

impl Default for Trends {
    fn default() -> Trends {
        let definition = "how the network was by each finished crawl, of many crawls the latest in each of 500 equal parts of the time; each \
                          observer counts what it sees, so lines of two are not to be joined";
        Trends {
            lines: Figure::new(Vec::new(), definition),
        }
    }
}

impl Trends {
    /// Takes the next point of an observer.
    pub fn add(&mut self, observer: &Observer, point: TrendPoint) {
        let lines = &mut self.lines.value;
        match lines.iter_mut().find(|it| it.observer == *observer) {
            Some(line) => line.points.push(point),
            None => lines.push(TrendLine {
                observer: observer.clone(),
                points: vec![point],
            }),
        }
    }

    /// Returns the curves of a theme: of each observer those that are highest on the whole.
    pub fn curves(&self, theme: Theme) -> Vec<Curve> {
        let lines = self.lines.value.iter();
        lines.flat_map(|it| it.curves(theme)).collect()
    }

    /// Returns the trends as tables.
    pub fn sections(&self) -> Vec<Section> {
        if !self.lines.value.iter().any(|it| it.points.len() > 1) {
            return Vec::new(); // One moment is no trend.
        }
        let mut sections = vec![self.overview()];
        let of_names = Theme::ALL.into_iter().filter(|it| {
            let is_in_overview = matches!(it, Theme::Networks | Theme::V2 | Theme::Lag);
            !is_in_overview
        });
        sections.extend(of_names.map(|theme| self.changes(theme)));
        sections
    }

    fn overview(&self) -> Section {
        let points = self.lines.value.iter().flat_map(|it| &it.points);
        let networks = Network::ALL.map(Network::name).into_iter();
        let is_seen = |name: &str| points.clone().any(|it| it.on(name) > 0);
        let networks: Vec<&str> = networks.filter(|it| is_seen(it)).collect();
        let mut rows = Vec::new();
        for line in &self.lines.value {
            let times: Vec<i64> = line.points.iter().map(|it| it.at_us).collect();
            for place in thinned(&times, N_SHOWN) {
                rows.push(line.row(&line.points[place], &networks));
            }
        }
        let mut columns = vec!["observer", "time (UTC)", "reachable"];
        columns.extend(&networks);
        columns.extend(["v2 offered", "v2 worked", "height", "median lag"]);
        let definition = format!(
            "{}; at most {N_SHOWN} of them are shown; lag: {}",
            self.lines.definition,
            Theme::Lag.definition()
        );
        section("trends", "Trends", &definition, &columns, rows)
    }

    /// Says of each name how it was at first, and how it is.
    fn changes(&self, theme: Theme) -> Section {
        let curves = self.curves(theme).into_iter();
        let rows = curves.filter(|it| it.points.len() > 1).filter_map(|it| {
            let ((_, first), (_, latest)) = (*it.points.first()?, *it.points.last()?);
            let highest = it.points.iter().map(|it| it.1).fold(0.0, f64::max);
            Some(vec![
                it.observer.into(),
                it.name.into(),
                Cell::Share(first),
                Cell::Share(highest),
                Cell::Share(latest),
                Cell::Share(latest - first),
            ])
        });
        let columns = [
            "observer",
            "name",
            "first",
            "highest",
            "latest",
            "difference",
        ];
        let rows = rows.collect();
        section(
            theme.key(),
            theme.title(),
            theme.definition(),
            &columns,
            rows,
        )
    }
}

impl TrendLine {
    fn curves(&self, theme: Theme) -> Vec<Curve> {
        let values: Vec<_> = self
            .points
            .iter()
            .map(|it| (it, it.values(theme)))
            .collect();
        let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
        for (name, value) in values.iter().flat_map(|(_, it)| it) {
            *sums.entry(name).or_default() += value;
        }
        let mut ranked: Vec<(&str, f64)> = sums.into_iter().collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let curves = ranked.into_iter().take(N_CURVES).map(|(name, _)| {
            let points = values.iter().filter_map(|(point, values)| {
                let none = point.is_whole(theme).then_some(0.0);
                Some((point.at_us, values.get(name).copied().or(none)?))
            });
            Curve {
                observer: self.observer.name(),
                name: name.to_owned(),
                points: points.collect(),
            }
        });
        curves.collect()
    }

    fn row(&self, point: &TrendPoint, networks: &[&str]) -> Vec<Cell> {
        let share = |n: u64| share_of(n, point.reachable);
        let blocks = |it: Option<i32>| it.map_or(Cell::Empty, |it| Cell::Integer(it.into()));
        let mut row = vec![
            self.observer.name().into(),
            Cell::Time(point.at_us),
            point.reachable.into(),
        ];
        row.extend(networks.iter().map(|it| Cell::Count(point.on(it))));
        row.extend([
            share(point.v2_offered),
            point.v2_carried.map_or(Cell::Empty, share),
            blocks(point.latest_height),
            blocks(point.median_lag_blocks),
        ]);
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto::PeerAddr;

    #[test]
    fn a_curve_has_a_point_wherever_its_value_is_known() {
        let mut trends = Trends::default();
        let observer = Observer {
            observer: Some("somebody".to_owned()),
            vantage: None,
        };
        for (at_us, names) in [(1, "Core Core bcoin"), (2, "Core"), (3, "bcoin bcoin")] {
            trends.add(&observer, point(at_us, names));
        }
        let curves = trends.curves(Theme::Implementations);
        let shown = curves.iter().map(|it| {
            let points = it
                .points
                .iter()
                .map(|(at, share)| format!("{at}: {share:.2}"));
            let points: Vec<String> = points.collect();
            format!("{} {}: {}", it.observer, it.name, points.join(", "))
        });
        assert_eq!(
            shown.collect::<Vec<_>>(),
            [
                "somebody Core: 1: 0.67, 2: 1.00, 3: 0.00",
                "somebody bcoin: 1: 0.33, 2: 0.00, 3: 1.00",
            ]
        );
        let reachable = &trends.curves(Theme::Networks)[0];
        assert_eq!(reachable.name, "all");
        assert_eq!(reachable.points, [(1, 3.0), (2, 1.0), (3, 2.0)]);
        assert_eq!(trends.curves(Theme::Lag), []);
        let sections = trends.sections();
        let n_rows = sections.iter().map(|it| (it.key, it.table.rows.len()));
        assert_eq!(
            n_rows.collect::<Vec<_>>(),
            [
                ("trends", 3),
                ("trend_implementations", 2),
                ("trend_core_series", 0),
                ("trend_protocol_versions", 0),
                ("trend_services", 0),
                ("trend_countries", 0),
            ]
        );
    }

    #[test]
    fn names_are_counted_and_the_rare_ones_together() {
        let nodes = (0..70).map(|n| {
            let node = SeenNode {
                protocol_version: Some(70_000 + n % 60),
                services: 1 | 1 << 33,
                country: (n < 3).then_some(*b"DE"),
                ..SeenNode::default()
            };
            (PeerAddr::parse(&format!("1.1.1.{n}"), 8333).unwrap(), node)
        });
        let nodes: Nodes = nodes.collect();
        let versions = top(&nodes, |it| it.protocol_version, |it| it.to_string());
        assert_eq!(versions.rows.len(), N_NAMES);
        assert_eq!((versions.n_other_names, versions.n_others), (10, 10));
        assert_eq!(versions.rows[0].n, 2);
        let services = count_services(&nodes);
        let services: Vec<_> = services
            .iter()
            .map(|it| (it.name.as_deref(), it.n))
            .collect();
        assert_eq!(services, [(Some("NETWORK"), 70), (Some("bit 33"), 70)]);
    }

    fn point(at_us: i64, names: &str) -> TrendPoint {
        let nodes = names.split(' ').enumerate().map(|(n, name)| {
            let implementation = match name {
                "Core" => "Core",
                _ => "bcoin",
            };
            let node = SeenNode {
                implementation: Some(implementation),
                ..SeenNode::default()
            };
            (PeerAddr::parse(&format!("1.1.1.{n}"), 8333).unwrap(), node)
        });
        let crawl = super::super::history::tests::crawl(at_us);
        TrendPoint::of(&crawl, &nodes.collect())
    }
}
