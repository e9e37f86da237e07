//! Where reachable nodes are: countries, autonomous systems, cities, ports, and prefixes that hold very many.

mod crowds;
mod systems;

use proto::addr::Network;
use serde::Serialize;

use super::tables::{ranked, section};
use super::{Cell, Node, Section, Snapshot};
use crate::places::Place;
use crate::summary::{Figure, Top, rounded, share};

pub use self::crowds::{Crowds, Limit, Neighbourhood};
pub use self::systems::{System, Systems};

/// How many organisations and cities are told apart.
const N_PLACES: usize = 50;
/// How many ports are told apart.
const N_PORTS: usize = 20;

/// Where reachable nodes are.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Whereabouts {
    /// Of how many it is known where they are, and why not of the others.
    pub known: Figure<Vec<Known>>,
    /// All countries.
    pub countries: Figure<Top>,
    /// The largest autonomous systems.
    pub systems: Figure<Systems>,
    /// Who runs the most.
    pub organisations: Figure<Top>,
    /// The cities with the most, each with its country behind it.
    pub cities: Figure<Top>,
    /// The part of those with a port that have their chain's own one.
    pub default_port_share: Figure<Option<f64>>,
    /// The most frequent ports.
    pub ports: Figure<Top>,
    /// How few hands the nodes are in.
    pub concentration: Figure<Vec<Concentration>>,
    /// Neighbourhoods with suspiciously many addresses.
    pub crowds: Figure<Crowds>,
}

/// Of how many reachable addresses of one network it is known where they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Known {
    /// Which network.
    pub network: &'static str,
    /// How many there are.
    pub n: u64,
    /// Whether its addresses are somewhere at all: those of Tor, I2P and CJDNS say nothing of a place.
    pub has_places: bool,
    /// Of how many the country is known.
    pub n_country: u64,
    /// Of how many the autonomous system is known.
    pub n_system: u64,
    /// Of how many the city is known.
    pub n_city: u64,
}

/// How unequally nodes are spread over groups.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Concentration {
    /// What the groups are.
    pub by: &'static str,
    /// How many nodes are in one.
    pub n: u64,
    /// How many groups there are.
    pub n_groups: usize,
    /// The Herfindahl-Hirschman index, from 0 (all apart) to 1 (all in one).
    pub hhi: Option<f64>,
    /// The share of the largest one.
    pub largest_share: Option<f64>,
    /// The share of the ten largest ones.
    pub largest_10_share: Option<f64>,
}

impl Whereabouts {
    /// Looks at the places of the reachable nodes, and at the prefixes of all addresses.
    pub fn of(snapshot: &Snapshot) -> Whereabouts {
        let nodes = &snapshot.nodes;
        let names = |name: fn(&Place) -> Option<&str>, len| {
            let known = nodes
                .iter()
                .filter(|it| has_places(it.visit.addr.network()));
            let known = known.filter_map(|it| name(&it.place));
            Top::of(known.map(Some), len)
        };
        let countries = names(|it| it.country.as_deref(), usize::MAX);
        let (systems, n_by_system) = Systems::of(nodes);
        let with_port = nodes
            .iter()
            .filter(|it| it.visit.addr.network() != Network::I2p);
        let ports = with_port.map(|it| it.visit.addr.port);
        let default_port = snapshot.crawl.chain.default_port();
        let n_default = ports.clone().filter(|it| *it == default_port).count() as u64;
        let ports = Top::of(ports.map(|it| Some(it.to_string())), N_PORTS);
        let n_by_country = countries.rows.iter().map(|it| it.n).collect();
        Whereabouts {
            known: Figure::new(
                Network::ALL.map(|it| Known::of(it, nodes)).to_vec(),
                "reachable addresses of which it is known where they are; those in Tor, I2P and CJDNS are in no place, of \
                 the others no database at hand knew more",
            ),
            systems: Figure::new(
                systems,
                "reachable addresses by the autonomous system that announces them, where it is known",
            ),
            organisations: Figure::new(
                names(|it| it.organisation.as_deref(), N_PLACES),
                "reachable addresses by who runs their autonomous system, where it is known",
            ),
            cities: Figure::new(
                Top::of(nodes.iter().filter_map(city).map(Some), N_PLACES),
                "reachable addresses by city and country, where they are known",
            ),
            default_port_share: Figure::new(
                share(n_default, ports.total()).map(rounded),
                "part of the reachable addresses that have the default port of their chain; those in I2P have no port",
            ),
            ports: Figure::new(ports, "reachable addresses by port; those in I2P have none"),
            concentration: Figure::new(
                vec![
                    Concentration::of("autonomous system", n_by_system),
                    Concentration::of("country", n_by_country),
                ],
                "how few hands reachable addresses are in, where it is known: the Herfindahl-Hirschman index is the sum of \
                 the squared shares, 1 if all are in one",
            ),
            countries: Figure::new(
                countries,
                "reachable addresses by country (ISO 3166), where it is known",
            ),
            crowds: Figure::new(Crowds::of(snapshot), crowds::CROWDS),
        }
    }

    /// Writes the chapter for people.
    pub fn sections(&self) -> Vec<Section> {
        let named = |key, title, heading, figure: &Figure<Top>| {
            let columns = [heading, "reachable", "share"];
            let rows = ranked(&figure.value, figure.value.total());
            section(key, title, figure.definition, &columns, rows)
        };
        vec![
            self.known_section(),
            named("countries", "Countries", "country", &self.countries),
            systems::section(&self.systems),
            named(
                "organisations",
                "Organisations",
                "organisation",
                &self.organisations,
            ),
            named("cities", "Cities", "city", &self.cities),
            named("ports", "Ports", "port", &self.ports),
            self.concentration_section(),
            crowds::section(&self.crowds),
        ]
    }

    fn known_section(&self) -> Section {
        let known = self.known.value.iter().filter(|it| it.n > 0);
        let row = |it: &Known| {
            let of_places = |n: u64| match it.has_places {
                true => Cell::from(n),
                false => Cell::Empty,
            };
            vec![
                it.network.into(),
                it.n.into(),
                of_places(it.n_country),
                of_places(it.n_system),
                of_places(it.n_city),
            ]
        };
        let columns = ["network", "reachable", "country", "system", "city"];
        let title = "Places known";
        let definition = self.known.definition;
        section(
            "places_known",
            title,
            definition,
            &columns,
            known.map(row).collect(),
        )
    }

    fn concentration_section(&self) -> Section {
        let groups = self.concentration.value.iter().filter(|it| it.n > 0);
        let row = |it: &Concentration| {
            let share = |it: Option<f64>| it.map_or(Cell::Empty, Cell::Share);
            vec![
                it.by.into(),
                it.n.into(),
                (it.n_groups as u64).into(),
                it.hhi.map_or(Cell::Empty, Cell::Number),
                share(it.largest_share),
                share(it.largest_10_share),
            ]
        };
        let columns = ["by", "reachable", "groups", "HHI", "largest", "largest 10"];
        let title = "Concentration";
        let definition = self.concentration.definition;
        section(
            "concentration",
            title,
            definition,
            &columns,
            groups.map(row).collect(),
        )
    }
}

impl Known {
    fn of(network: Network, nodes: &[Node]) -> Known {
        let mut known = Known {
            network: network.name(),
            n: 0,
            has_places: has_places(network),
            n_country: 0,
            n_system: 0,
            n_city: 0,
        };
        for node in nodes.iter().filter(|it| it.visit.addr.network() == network) {
            known.n += 1;
            known.n_country += u64::from(node.place.country.is_some());
            known.n_system += u64::from(node.place.asn.is_some());
            known.n_city += u64::from(node.place.city.is_some());
        }
        known
    }
}

impl Concentration {
    /// Takes how many nodes each group has, the largest first.
    fn of(by: &'static str, sizes: Vec<u64>) -> Concentration {
        let n = sizes.iter().sum();
        let first = |len| share(sizes.iter().take(len).sum(), n).map(rounded);
        let squares = sizes.iter().filter_map(|it| share(*it, n));
        let hhi: f64 = squares.map(|it| it * it).sum();
        Concentration {
            by,
            n,
            n_groups: sizes.len(),
            hhi: (n > 0).then(|| rounded(hhi)),
            largest_share: first(1),
            largest_10_share: first(10),
        }
    }
}

/// Other observers write `Tor network` where a place should be.
fn has_places(network: Network) -> bool {
    matches!(network, Network::Ipv4 | Network::Ipv6)
}

/// Names like Paris are used more than once, so a country is part of it.
fn city(node: &Node) -> Option<String> {
    let city = node.place.city.as_ref()?;
    Some(match &node.place.country {
        Some(country) => format!("{city}, {country}"),
        None => city.clone(),
    })
}

#[cfg(test)]
mod tests {
    use proto::Outcome;

    use super::*;
    use crate::figures::made::{placed_snapshot, snapshot, written};
    use crate::samples::{ONION, complete, failed};

    #[test]
    fn nodes_are_somewhere_or_nobody_knows_or_they_are_nowhere() {
        let place = |country: &str, asn, organisation: &str, city: &str| Place {
            country: Some(country.to_owned()),
            asn: Some(asn),
            organisation: (!organisation.is_empty()).then(|| organisation.to_owned()),
            city: (!city.is_empty()).then(|| city.to_owned()),
            ..Place::default()
        };
        let places = [
            ("1.0.0.1:8333", place("DE", 7, "", "Berlin")),
            ("1.0.1.1:8333", place("DE", 7, "Seven", "Berlin")),
            ("1.0.2.1:8334", place("FR", 9, "Nine", "Paris")),
            ("[2a01::1]:8333", place("US", 9, "Nine", "Paris")),
            ("[2a01:0:1::1]:8333", Place::default()),
            (
                ONION,
                Place {
                    organisation: Some("Tor network".to_owned()),
                    ..Place::default()
                },
            ),
            (I2P, Place::default()),
        ];
        let visits = places.each_ref().map(|(addr, _)| complete(addr, b"/a/", 1));
        let snapshot = placed_snapshot(&visits, |visit| {
            let addr = visit.addr.to_string();
            let found = places.iter().find(|it| it.0 == addr);
            found.unwrap().1.clone()
        });
        let whereabouts = Whereabouts::of(&snapshot);
        check(
            &whereabouts,
            "
places_known: network | reachable | country | system | city
  ipv4 | 3 | 3 | 3 | 3
  ipv6 | 2 | 1 | 1 | 1
  onion | 1 | - | - | -
  i2p | 1 | - | - | -
countries: country | reachable | share
  DE | 2 | 50.0 %
  FR | 1 | 25.0 %
  US | 1 | 25.0 %
systems: system | organisation | reachable | share
  AS7 | Seven | 2 | 50.0 %
  AS9 | Nine | 2 | 50.0 %
organisations: organisation | reachable | share
  Nine | 2 | 66.7 %
  Seven | 1 | 33.3 %
cities: city | reachable | share
  Berlin, DE | 2 | 50.0 %
  Paris, FR | 1 | 25.0 %
  Paris, US | 1 | 25.0 %
ports: port | reachable | share
  8333 | 5 | 83.3 %
  8334 | 1 | 16.7 %
concentration: by | reachable | groups | HHI | largest | largest 10
  autonomous system | 4 | 2 | 0.5 | 50.0 % | 100.0 %
  country | 4 | 3 | 0.375 | 50.0 % | 100.0 %
",
        );
        assert_eq!(whereabouts.default_port_share.value, Some(0.8333));
    }

    #[test]
    fn where_nobody_is_nothing_is_said() {
        let nobody = Whereabouts::of(&snapshot(&[]));
        check(&nobody, "\n");
        assert_eq!(nobody.default_port_share.value, None);
    }

    #[test]
    fn neither_a_crowd_nor_one_behind_it_can_hide() {
        let mut visits: Vec<_> = (0..100u8)
            .map(|it| complete(&format!("9.9.{it}.1:8333"), b"/Satoshi:29.0.0/", 1))
            .collect();
        visits.extend((0..200u8).map(|it| complete(&format!("6.6.6.{it}:1"), b"/same/", 1)));
        for it in 0..20u8 {
            visits.push(complete(&format!("7.7.7.{it}:1"), &[b'a', it], 1));
            let gone = format!("[2a01:4f8:7:7::{it:x}]:8333");
            visits.push(failed(&gone, Outcome::ConnectTimeout));
        }
        visits.extend((0..7u8).map(|it| complete(&format!("8.8.8.{it}:1"), b"/few/", 1)));
        let crowds = Whereabouts::of(&snapshot(&visits)).crowds;
        let Crowds {
            limits,
            rows,
            n_other_prefixes,
        } = crowds.value;
        let row = |it: &Neighbourhood| {
            let prefix = &it.prefix;
            let counts = (it.n_known, it.n_reachable, it.n_user_agents);
            format!("{prefix} {counts:?} {:?}", it.user_agent)
        };
        let rows: Vec<String> = rows.iter().map(row).collect();
        let expected = [
            r#"6.6.6.0/24 (200, 200, 1) Some("/same/")"#,
            "7.7.7.0/24 (20, 20, 20) None",
        ];
        assert_eq!(rows, expected);
        let limits = limits
            .iter()
            .map(|it| (it.network, it.of, it.mean, it.sigma, it.from))
            .collect::<Vec<_>>();
        let expected = [
            ("ipv4", "known", 1.0594, 0.5941, 8),
            ("ipv4", "reachable", 1.0594, 0.5941, 8),
            // A single prefix is no more than the mean of all.
            ("ipv6", "known", 20.0, 0.0, 21),
            ("ipv6", "reachable", 0.0, 0.0, 8),
        ];
        assert_eq!(limits, expected);
        assert_eq!(n_other_prefixes, 0);
    }

    const I2P: &str = "ukeu3k5oycgaauneqgtnvselmt4yemvoilkln7jpvamvfx7dnkdq.b32.i2p:0";

    #[track_caller]
    fn check(whereabouts: &Whereabouts, expected: &str) {
        let text = written(&whereabouts.sections());
        assert_eq!(text, expected[1..], "{text}");
    }
}
