//! Who tells of whom: what peers told of each other, for crawls that kept it.

mod freshness;
mod tellers;

use std::cmp::Reverse;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use proto::addr::Network;
use proto::{Outcome, PeerAddr};
use serde::Serialize;

use super::quantiles::columns;
use super::tables::{section, share_of};
use super::{Cell, Quantiles, Section, Snapshot};
use crate::store::Edges;
use crate::summary::{Figure, rounded, share};

use freshness::Ages;
use tellers::Teller;

pub use self::freshness::{AgeBin, Freshness};
pub use self::tellers::{Suspect, Suspects};

/// The most addresses that are told apart beside those that the crawl visited, about 100 MB: whoever tells more is a flood.
const MAX_TOLD: usize = 1_000_000;
/// How many of the most-told addresses are kept.
const N_MOST_TOLD: usize = 20;

/// Who tells of whom.
///
/// An edge goes from a peer to an address that it told in a visit, however often it did.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Graph {
    /// Peers that told of any address.
    pub tellers: Figure<u64>,
    /// Addresses that were told.
    pub told: Figure<u64>,
    /// Pairs of a teller and an address.
    pub edges: Figure<u64>,
    /// Claims, repeated ones too.
    pub claims: Figure<u64>,
    /// Claims that were not looked at.
    pub not_counted: Figure<u64>,
    /// How many addresses a teller told.
    pub out_degree: Figure<Option<Quantiles<u32>>>,
    /// How many told of an address.
    pub in_degree: Figure<Option<Quantiles<u32>>>,
    /// The same, of reachable ones.
    pub in_degree_reachable: Figure<Option<Quantiles<u32>>>,
    /// How many addresses have which in-degree.
    pub in_degrees: Figure<Vec<DegreeBin>>,
    /// The addresses with the highest in-degree.
    pub most_told: Figure<Vec<MostTold>>,
    /// How long ago what was told had been seen; `None` where nothing was told.
    pub freshness: Figure<Option<Freshness>>,
    /// How many edges lead to reachable addresses, by network.
    pub real: Figure<Vec<Real>>,
    /// Tellers of addresses that are hardly ever reachable.
    pub suspects: Figure<Suspects>,
}

/// How many addresses have an in-degree in these bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DegreeBin {
    /// The lowest: a power of two.
    pub from: u32,
    /// The highest: one less than the next power of two.
    pub to: u32,
    /// How many addresses.
    pub n: u64,
}

/// An address that many tell of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MostTold {
    /// The address.
    pub addr: String,
    /// How many told of it.
    pub n_tellers: u32,
    /// What came of calling it: `reachable`, `unreachable` or `not_called`.
    pub state: &'static str,
}

/// How many edges lead to reachable addresses of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Real {
    /// Which network.
    pub network: &'static str,
    /// How many edges there are.
    pub n: u64,
    /// How many of them lead to addresses that were called.
    pub n_called: u64,
    /// How many lead to reachable ones.
    pub n_real: u64,
    /// The part of the called ones that is reachable.
    pub real_share: Option<f64>,
}

/// What came of calling an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reachable,
    Unreachable,
    /// There was no way, or it was told and nobody answered for it.
    NotCalled,
}

/// What is known of one address.
#[derive(Clone, Copy, Debug)]
struct Told {
    state: State,
    n_tellers: u32,
    /// The one who told of it last, as the place in the list of tellers.
    last_teller: Option<u32>,
}

/// Takes what each visit was told, one after the other.
///
/// An address that the crawl visited or that was told takes about 100 bytes, and so does a teller.
#[derive(Clone, Debug)]
pub struct GraphBuilder {
    addrs: HashMap<PeerAddr, Told>,
    /// How many more may come into `addrs`.
    n_room: usize,
    /// When the reachable ones were visited, microseconds since 1970.
    visited_at_us: HashMap<PeerAddr, i64>,
    tellers: Vec<Teller>,
    n_claims: u64,
    n_not_counted: u64,
    ages: Ages,
    real: [Real; Network::ALL.len()],
}

impl GraphBuilder {
    /// Remembers whom the crawl reached, and whom it did not.
    pub fn new(snapshot: &Snapshot) -> GraphBuilder {
        let visited_at_us = snapshot
            .nodes
            .iter()
            .map(|it| (it.visit.addr, it.visit.call.started_at_us));
        let reachable = snapshot
            .nodes
            .iter()
            .map(|it| (it.visit.addr, State::Reachable));
        let unreached = snapshot.unreached.iter().map(|it| {
            let state = match it.outcome {
                Outcome::NotTried(_) => State::NotCalled,
                _ => State::Unreachable,
            };
            (it.addr, state)
        });
        let addrs = reachable.chain(unreached);
        GraphBuilder {
            addrs: addrs
                .map(|(addr, state)| (addr, Told::new(state)))
                .collect(),
            n_room: MAX_TOLD,
            visited_at_us: visited_at_us.collect(),
            tellers: Vec::new(),
            n_claims: 0,
            n_not_counted: 0,
            ages: Ages::default(),
            real: Network::ALL.map(|it| Real {
                network: it.name(),
                ..Real::default()
            }),
        }
    }

    /// Takes in what one peer told in one visit.
    pub fn add(&mut self, edges: &Edges) {
        if edges.claims.is_empty() {
            return;
        }
        // Nobody has four billion tellers; if so, the last ones are one.
        let number = u32::try_from(self.tellers.len()).unwrap_or(u32::MAX);
        let mut teller = Teller::new(edges.from);
        let visited_at_us = self.visited_at_us.get(&edges.from).copied();
        for claim in &edges.claims {
            self.n_claims += 1;
            let Some(told) = told(&mut self.addrs, &mut self.n_room, claim.addr) else {
                self.n_not_counted += 1;
                continue;
            };
            if told.last_teller == Some(number) {
                continue; // It repeats itself.
            }
            told.last_teller = Some(number);
            told.n_tellers = told.n_tellers.saturating_add(1);
            teller.note(told.state);
            self.real[claim.addr.network() as usize].note(told.state);
            self.ages.note(claim.time.unwrap_or(0), visited_at_us);
        }
        self.tellers.push(teller);
    }

    /// Returns the figures.
    pub fn finish(self) -> Graph {
        let told = self.addrs.values().filter(|it| it.n_tellers > 0);
        let in_degrees: Vec<u32> = told.clone().map(|it| it.n_tellers).collect();
        let of_reachable = told.filter(|it| it.state == State::Reachable);
        let out_degrees = self.tellers.iter().map(|it| it.n_told);
        let n_edges = self.real.iter().map(|it| it.n).sum();
        Graph {
            tellers: Figure::new(
                self.tellers.len() as u64,
                "visits in which a peer told of any address; a crawl asks a peer once",
            ),
            told: Figure::new(in_degrees.len() as u64, "addresses that were told"),
            edges: Figure::new(
                n_edges,
                "pairs of a teller and an address that it told, however often it did",
            ),
            claims: Figure::new(
                self.n_claims,
                "entries of addr and addrv2 messages, repeated ones too",
            ),
            not_counted: Figure::new(
                self.n_not_counted,
                "entries with addresses that the crawl did not visit, beyond the first million of such addresses: no other \
                 figure knows of them",
            ),
            out_degree: Figure::new(
                Quantiles::of(out_degrees.collect()),
                "how many addresses a teller told, each counted once",
            ),
            in_degree_reachable: Figure::new(
                Quantiles::of(of_reachable.map(|it| it.n_tellers).collect()),
                "how many told of an address that was told and is reachable",
            ),
            in_degrees: Figure::new(
                DegreeBin::all(&in_degrees),
                "addresses by how many told of them, in powers of two",
            ),
            in_degree: Figure::new(
                Quantiles::of(in_degrees),
                "how many told of an address that was told",
            ),
            most_told: Figure::new(
                MostTold::ranked(&self.addrs),
                "the addresses that most told of, and what came of calling them",
            ),
            freshness: Figure::new(self.ages.finish(), freshness::FRESHNESS),
            real: Figure::new(
                self.real.map(Real::finish).to_vec(),
                "edges by the network of the address that was told: how many of them lead to addresses that the crawl called, \
                 and what part of these was reachable",
            ),
            suspects: Figure::new(Suspects::among(self.tellers), tellers::SUSPECTS),
        }
    }
}

/// Returns what is known of an address; nothing where it is one too many.
fn told<'a>(
    addrs: &'a mut HashMap<PeerAddr, Told>,
    n_room: &mut usize,
    addr: PeerAddr,
) -> Option<&'a mut Told> {
    match addrs.entry(addr) {
        Entry::Occupied(it) => Some(it.into_mut()),
        Entry::Vacant(it) => {
            *n_room = n_room.checked_sub(1)?;
            Some(it.insert(Told::new(State::NotCalled)))
        }
    }
}

impl Told {
    fn new(state: State) -> Told {
        Told {
            state,
            n_tellers: 0,
            last_teller: None,
        }
    }
}

impl State {
    fn code(self) -> &'static str {
        match self {
            State::Reachable => "reachable",
            State::Unreachable => "unreachable",
            State::NotCalled => "not_called",
        }
    }
}

impl Real {
    fn note(&mut self, state: State) {
        self.n += 1;
        self.n_called += u64::from(state != State::NotCalled);
        self.n_real += u64::from(state == State::Reachable);
    }

    fn finish(self) -> Real {
        Real {
            real_share: share(self.n_real, self.n_called).map(rounded),
            ..self
        }
    }
}

impl DegreeBin {
    fn all(degrees: &[u32]) -> Vec<DegreeBin> {
        let mut n_by_power = [0; 32];
        for degree in degrees {
            n_by_power[degree.ilog2() as usize] += 1;
        }
        let bins = (0..32u32).zip(n_by_power).map(|(power, n)| DegreeBin {
            from: 1 << power,
            to: u32::MAX >> (31 - power),
            n,
        });
        let mut bins: Vec<DegreeBin> = bins.collect();
        let n_used = bins
            .iter()
            .rposition(|it| it.n > 0)
            .map_or(0, |last| last + 1);
        bins.truncate(n_used);
        bins
    }
}

impl MostTold {
    fn ranked(addrs: &HashMap<PeerAddr, Told>) -> Vec<MostTold> {
        let mut told: Vec<_> = addrs.iter().filter(|(_, it)| it.n_tellers > 0).collect();
        let rank = |it: &(&PeerAddr, &Told)| (Reverse(it.1.n_tellers), *it.0);
        if told.len() > N_MOST_TOLD {
            told.select_nth_unstable_by_key(N_MOST_TOLD, rank);
            told.truncate(N_MOST_TOLD);
        }
        told.sort_unstable_by_key(rank);
        let most = told.into_iter().map(|(addr, it)| MostTold {
            addr: addr.to_string(),
            n_tellers: it.n_tellers,
            state: it.state.code(),
        });
        most.collect()
    }
}

impl Graph {
    /// Writes the chapter for people.
    pub fn sections(&self) -> Vec<Section> {
        let [freshness, ages] = freshness::sections(&self.freshness);
        vec![
            self.size_section(),
            self.degrees_section(),
            self.most_told_section(),
            freshness,
            ages,
            self.real_section(),
            tellers::section(&self.suspects),
        ]
    }

    fn size_section(&self) -> Section {
        let row =
            |name: &str, it: &Figure<u64>| vec![name.into(), it.value.into(), it.definition.into()];
        let counts = [
            row("tellers", &self.tellers),
            row("addresses told", &self.told),
            row("edges", &self.edges),
            row("claims", &self.claims),
            row("not counted", &self.not_counted),
        ];
        let rows = match self.claims.value {
            0 => Vec::new(),
            _ => counts.to_vec(),
        };
        let definition = "what the peers of a crawl told of each other, which says nothing of whether it is true";
        section(
            "graph",
            "Who tells of whom",
            definition,
            &["", "n", "what it is"],
            rows,
        )
    }

    fn degrees_section(&self) -> Section {
        let degrees = [&self.out_degree, &self.in_degree, &self.in_degree_reachable];
        let told = degrees.into_iter().filter(|it| it.value.is_some());
        let rows = told.map(|it| {
            let cell = |n: u32| Cell::Count(n.into());
            Quantiles::row(it.definition.into(), it.value.as_ref(), cell)
        });
        let rows = rows.collect();
        let definition = "how many edges begin at a teller, and how many end at an address";
        section("degrees", "Degrees", definition, &columns("degree"), rows)
    }

    fn most_told_section(&self) -> Section {
        let rows = self.most_told.value.iter().map(|it| {
            let n = u64::from(it.n_tellers);
            vec![it.addr.as_str().into(), n.into(), it.state.into()]
        });
        let rows = rows.collect();
        let definition = self.most_told.definition;
        let columns = ["address", "tellers", "state"];
        section("most_told", "Most told", definition, &columns, rows)
    }

    fn real_section(&self) -> Section {
        let told = self.real.value.iter().filter(|it| it.n > 0);
        let rows = told.map(|it| {
            let share = share_of(it.n_real, it.n_called);
            vec![
                it.network.into(),
                it.n.into(),
                it.n_called.into(),
                it.n_real.into(),
                share,
            ]
        });
        let rows = rows.collect();
        let columns = ["network", "edges", "called", "reachable", "share"];
        section(
            "real_claims",
            "Claims that were real",
            self.real.definition,
            &columns,
            rows,
        )
    }
}

#[cfg(test)]
mod tests {
    use proto::gossip::Claim;

    use super::*;
    use crate::figures::made::{snapshot, written};
    use crate::samples::{ONION, complete, failed, not_tried};

    /// When all are called, Unix seconds.
    const NOW: u32 = 1_793_491_200;

    #[test]
    fn who_tells_of_whom_is_counted() {
        let mut builder = builder();
        builder.add(&edges(
            "1.0.0.1:8333",
            &[
                ("1.0.0.2:8333", NOW),
                ("1.0.0.2:8333", NOW - 1_000),
                ("9.9.9.9:8333", NOW - 3_600),
                (ONION, NOW + 600),
                ("8.8.8.8:8333", NOW - 40 * 86_400),
            ],
        ));
        builder.add(&edges(
            "1.0.0.2:8333",
            &[("1.0.0.2:8333", 0), ("9.9.9.9:8333", NOW + 601)],
        ));
        builder.add(&edges("7.7.7.7:8333", &[("1.0.0.2:8333", NOW)]));
        builder.add(&edges("1.0.0.1:8333", &[]));
        check(
            builder,
            "
graph:  | n | what it is
  tellers | 3 | visits in which a peer told of any address; a crawl asks a peer once
  addresses told | 4 | addresses that were told
  edges | 7 | pairs of a teller and an address that it told, however often it did
  claims | 8 | entries of addr and addrv2 messages, repeated ones too
  not counted | 0 | entries with addresses that the crawl did not visit, beyond the first million of such addresses: no \
             other figure knows of them
degrees: degree | n | p10 | p50 | p90 | p99 | max
  how many addresses a teller told, each counted once | 3 | 1 | 2 | 4 | 4 | 4
  how many told of an address that was told | 4 | 1 | 1 | 3 | 3 | 3
  how many told of an address that was told and is reachable | 1 | 3 | 3 | 3 | 3 | 3
most_told: address | tellers | state
  1.0.0.2:8333 | 3 | reachable
  9.9.9.9:8333 | 2 | unreachable
  8.8.8.8:8333 | 1 | not_called
  pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd.onion:8333 | 1 | not_called
freshness: seen | edges | share
  up to 10 minutes | 2 | 28.6 %
  up to an hour | 1 | 14.3 %
  older | 1 | 14.3 %
  zero | 1 | 14.3 %
  future | 1 | 14.3 %
  not known when told | 1 | 14.3 %
claim_ages:  | n | p10 | p50 | p90 | p99 | max
  age | 4 | 0 s | 0 s | 2592000 s | 2592000 s | 2592000 s
real_claims: network | edges | called | reachable | share
  ipv4 | 6 | 5 | 3 | 60.0 %
  onion | 1 | 0 | 0 | -
",
        );
    }

    #[test]
    fn a_flood_of_addresses_takes_no_more_room() {
        let mut builder = builder();
        builder.n_room = 1;
        let flood = [
            "3.0.0.1:1",
            "3.0.0.2:1",
            "3.0.0.1:1",
            "1.0.0.2:8333",
            "3.0.0.3:1",
        ];
        builder.add(&edges("1.0.0.1:8333", &flood.map(|it| (it, NOW))));
        let graph = builder.finish();
        let counts = [&graph.told, &graph.edges, &graph.claims, &graph.not_counted];
        assert_eq!(counts.map(|it| it.value), [2, 2, 5, 2]);
    }

    #[test]
    fn whoever_tells_of_hardly_anybody_who_is_there_is_suspected() {
        let visits = (0..50u8).map(|it| complete(&format!("1.0.0.{it}:8333"), b"/a/", 1));
        let mut builder = GraphBuilder::new(&snapshot(&visits.collect::<Vec<_>>()));
        let mut tell = |from: &str, n_real: u8, n: u8| {
            let real = (0..n_real).map(|it| format!("1.0.0.{it}:8333"));
            let fake = (n_real..n).map(|it| format!("{}.6.6.{it}:1", &from[..1]));
            let told: Vec<String> = real.chain(fake).collect();
            let claims: Vec<_> = told.iter().map(|it| (it.as_str(), NOW)).collect();
            builder.add(&edges(from, &claims));
        };
        tell("2.0.0.1:8333", 50, 250);
        tell("3.0.0.1:8333", 49, 250);
        tell("4.0.0.1:8333", 6, 250);
        tell("5.0.0.1:8333", 5, 250);
        tell("6.0.0.1:8333", 0, 251);
        tell("7.0.0.1:8333", 0, 249);
        tell("8.0.0.1:8333", 50, 250);
        let suspects = builder.finish().suspects.value;
        let rows = suspects.rows.iter();
        let rows: Vec<_> = rows
            .map(|it| (it.addr.as_str(), it.n_told, it.n_called, it.n_real))
            .collect();
        assert_eq!(rows, [("6.0.0.1:8333", 251, 0, 0)]);
        assert_eq!((suspects.usual_share, suspects.n), (Some(0.024), 1));
    }

    #[test]
    fn degrees_are_binned_by_powers_of_two() {
        let bins = DegreeBin::all(&[1, 1, 2, 3, 4, 9, 15]);
        let bins = bins.iter().map(|it| (it.from, it.to, it.n));
        assert_eq!(
            bins.collect::<Vec<_>>(),
            [(1, 1, 2), (2, 3, 2), (4, 7, 1), (8, 15, 2)]
        );
        let last = DegreeBin::all(&[u32::MAX]).pop();
        let (from, to) = (1 << 31, u32::MAX);
        assert_eq!(last, Some(DegreeBin { from, to, n: 1 }));
        assert_eq!(DegreeBin::all(&[]), []);
    }

    #[test]
    fn where_nobody_told_anything_nothing_is_said() {
        check(builder(), "\n");
    }

    /// Of a crawl that reached two, found one dead, and had no way to another.
    fn builder() -> GraphBuilder {
        let visits = [
            complete("1.0.0.1:8333", b"/a/", 1),
            complete("1.0.0.2:8333", b"/a/", 1),
            failed("9.9.9.9:8333", Outcome::ConnectTimeout),
            not_tried(ONION),
        ];
        GraphBuilder::new(&snapshot(&visits))
    }

    fn edges(from: &str, claims: &[(&str, u32)]) -> Edges {
        let addr = |it: &str| PeerAddr::parse(it, 8333).unwrap();
        let claim = |(it, time): &(&str, u32)| Claim {
            addr: addr(it),
            time: Some(*time),
            services: 0,
        };
        Edges {
            from: addr(from),
            claims: claims.iter().map(claim).collect(),
        }
    }

    #[track_caller]
    fn check(builder: GraphBuilder, expected: &str) {
        let text = written(&builder.finish().sections());
        let expected = expected[1..].replace("\\\n             ", "");
        assert_eq!(text, expected, "{text}");
    }
}
