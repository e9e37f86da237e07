//! Which addresses to call next, and why not the others. Pure: no clock, no chance but a seed, no socket.
//!
//! Every rule has its default and its reason in [`Rules`]. An address that a source names is always called. One that
//! peers tell of is called if nothing speaks against the claim, and if somebody answers for it:
//!
//! **Standing.** Anybody can tell of a million addresses that do not exist. So every call to a told address is paid by
//! one of its tellers, its *backer*. A teller begins with credit for some calls, loses one with every address that it
//! backs and that was not reachable, and gains many with every one that was. Where nobody who told of an address has
//! credit left, it waits until one of them gains some, or somebody else tells of it. From this follows:
//!
//! - A liar costs a fixed number of calls, however much it tells and however many repeat it: every address has one backer
//!   at a time, so «told by many» is an order and no permission. Addresses that really answer with a `version` are
//!   the only thing to be paid for; an open port is not enough, or any web server would do.
//! - An honest peer gains more than it spends as long as one address in 65 is real; the network has one in 25. Below
//!   that, all tellers together still pay for more than there is: each brings fresh credit, and few new addresses.
//! - The backer is the richest teller, and the next one steps in when it has nothing left: who tells of real
//!   addresses first and then runs dry does not take them along. What waits for credit takes no place in the budgets
//!   of its prefix either, so that floods cannot keep others out for long.
//! - Who waits for credit waits in a list of each backer, of which a new claim queues as many as its teller can pay for.
//!   When the book is full, such an address makes room for one whose teller has credit: fakes keep nobody out.
//! - A small network may have one teller, and that may be unlucky. So when nobody is left to call, the addresses that wait
//!   for credit get a last one, shared evenly among their tellers: a flood of liars gets little of it.

use std::time::Duration;

use proto::gossip::Claim;
use proto::routable::{Unroutable, unroutable};
use proto::services::P2P_V2;
use proto::visit::{Dialect, Learned};
use proto::{Outcome, PeerAddr};

mod book;
mod left_out;
mod prefix;
mod queue;
mod rules;
mod standing;
#[cfg(test)]
mod tests;

pub use left_out::LeftOut;
pub use rules::{PerNetwork, Rules};

use book::{Book, Known, State};
use prefix::{Crowds, Neighbourhoods};
use queue::{Class, Lanes, Later};
use rules::age;
use standing::{TellerId, Tellers};

/// So many claims are looked up together.
const HEARD_AT_ONCE: usize = 64;
/// So many places are looked at for one that a full book can give to somebody new.
///
/// Eight: claims are told many times, so that one in a hundred to be found is plenty.
const LOOKED_AT_FOR_ROOM: usize = 8;
/// So many entries of the tellers' lists may be out of date, beside as many as are not: 400 KB.
const OUT_OF_DATE: usize = 100_000;

/// Decides whom to call next, and never has the same address called twice at once.
///
/// Owned by the crawl's loop alone, so it needs no lock. An address takes about 80 bytes. `now` is always the time
/// since the crawl began.
#[derive(Debug)]
pub struct Frontier {
    rules: Rules,
    book: Book,
    tellers: Tellers,
    lanes: Lanes,
    later: Later,
    crowds: Crowds,
    neighbourhoods: Neighbourhoods,
    counts: Counts,
    /// Claims that were not taken in, by [`LeftOut`].
    left_out: [u64; LeftOut::ALL.len()],
    /// What is left of [`Rules::last_credit`].
    last_credit: u32,
    /// The place in the book from which on somebody is looked for who makes room.
    hand: u32,
    /// Whether a source named an address of the public network: a test network must not lead there.
    leads_out: bool,
    /// Networks of which nobody is called for now.
    held: PerNetwork<bool>,
}

/// What is known of an address that a source names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// It was reachable when we last called it.
    pub was_reachable: bool,
    /// It speaks the encrypted transport, as far as the source knows.
    pub speaks_v2: bool,
}

impl Hint {
    fn class(self) -> Class {
        match self.was_reachable {
            true => Class::Reachable,
            false => Class::Named,
        }
    }
}

/// One address to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Whom to call.
    pub addr: PeerAddr,
    /// Which source named it, or those who told of it, by its place in the list of sources.
    pub source: u16,
    /// 1 for the first call.
    pub attempt: u16,
    /// In which manner to speak.
    pub dialect: Dialect,
    /// Whether it is said to speak the encrypted transport, so that this is worth trying first.
    pub v2_first: bool,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Call this address; it must come back through [`Frontier::finish`] or [`Frontier::put_back`].
    Call(Task),
    /// Nobody can be called before this time, unless a call ends or an address is learned.
    Wait(Duration),
    /// Nobody can be called before a call ends; if none is in flight, the crawl is over.
    Nothing,
}

/// What follows the end of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The address will not be called again.
    Over,
    /// It will be called again, from this time on.
    Again(Duration),
}

impl Default for Frontier {
    fn default() -> Frontier {
        Frontier::new(Rules::default(), 0)
    }
}

impl Frontier {
    /// Begins with nobody; the same seed and the same events give the same calls.
    pub fn new(rules: Rules, seed: u64) -> Frontier {
        Frontier {
            book: Book::new(seed),
            tellers: Tellers::default(),
            lanes: Lanes::new(seed),
            later: Later::default(),
            crowds: Crowds::new(seed),
            neighbourhoods: Neighbourhoods::new(seed),
            counts: Counts::default(),
            left_out: [0; LeftOut::ALL.len()],
            last_credit: rules.last_credit,
            hand: 0,
            leads_out: false,
            held: PerNetwork::default(),
            rules,
        }
    }

    /// Queues an address that a source names, and returns whether it was new.
    pub fn learn(&mut self, addr: PeerAddr, source: u16, hint: Hint) -> bool {
        self.leads_out |= unroutable(&addr).is_none();
        let class = hint.class();
        let Some(place) = self.book.find(&addr) else {
            let known = Known {
                addr,
                source,
                attempt: 0,
                n_told: 0,
                state: State::Queued,
                class,
                dialect: Dialect::Modern,
                speaks_v2: hint.speaks_v2,
                backers: [None, None],
                last_teller: None,
                teller: None,
            };
            self.admit(known, None);
            return true;
        };
        let known = &mut self.book[place];
        if hint.was_reachable {
            known.speaks_v2 = hint.speaks_v2;
        } else if known.class != Class::Reachable {
            known.speaks_v2 |= hint.speaks_v2;
        }
        let state = match known.state {
            State::Unbacked => State::Queued,
            other => other,
        };
        self.promote(place, state, class);
        false
    }

    /// Takes in somebody who is visited by a schedule: from here on only [`Frontier::revisit`] has it called, whatever
    /// sources and peers tell of it.
    pub fn set_apart(&mut self, addr: PeerAddr, source: u16) {
        self.learn(addr, source, Hint::default());
        let place = self.book.find(&addr).expect("it was just learned");
        if self.book[place].state != State::Called {
            self.promote(place, State::Answered, Class::Named);
        }
    }

    /// Queues somebody again whose calls are over, as if it had never been called; one that waits or is being called
    /// stays as it is.
    pub fn revisit(&mut self, addr: PeerAddr, source: u16, hint: Hint) {
        let is_over = |it: u32| self.book[it].state.is_over();
        let Some(place) = self.book.find(&addr).filter(|it| is_over(*it)) else {
            self.learn(addr, source, hint);
            return;
        };
        let known = &mut self.book[place];
        known.source = source;
        known.attempt = 0;
        known.dialect = Dialect::Modern;
        known.speaks_v2 = hint.speaks_v2;
        self.set(place, State::Queued, hint.class());
    }

    /// From now on calls nobody of these networks, as their ways are broken; who waits goes on waiting.
    pub fn hold(&mut self, networks: PerNetwork<bool>) {
        self.held = networks;
    }

    /// Folds in what `teller` told when it was visited, which took place because of `source`; call it once a visit.
    ///
    /// For the store, `admitted` gets every newly admitted address, and one that had a single teller once more with the
    /// second one that answers for it. An unknown teller is not listened to.
    pub fn hear(
        &mut self,
        teller: &PeerAddr,
        claims: &[Claim],
        source: u16,
        unix_now: i64,
        admitted: &mut Vec<Learned>,
    ) {
        let Some(id) = self.teller(teller) else {
            return;
        };
        for claims in claims.chunks(HEARD_AT_ONCE) {
            let places = self.book.find_all(claims.iter().map(|it| &it.addr));
            for (place, claim) in places.into_iter().zip(claims) {
                match self.hear_one(id, place, claim, source, unix_now) {
                    Ok(false) => (),
                    Ok(true) => admitted.push(Learned {
                        addr: claim.addr,
                        source,
                        teller: Some(*teller),
                        time: claim.time,
                        services: claim.services,
                    }),
                    Err(why) => self.left_out[why as usize] += 1,
                }
            }
        }
        self.queue_unbacked(id, self.tellers[id].credit);
    }

    /// Takes in what [`Frontier::learn`] or [`Frontier::hear`] admitted before the crawl was stopped, in that order.
    ///
    /// What was told beyond [`Rules::max_known`] is left out: so many took turns in the book.
    pub fn restore_learned(&mut self, learned: &Learned, unix_now: i64) {
        let teller = learned.teller.and_then(|it| self.teller(&it));
        let Some(teller) = teller else {
            let hint = Hint {
                was_reachable: false,
                speaks_v2: learned.services & P2P_V2 != 0,
            };
            self.learn(learned.addr, learned.source, hint);
            return;
        };
        let claim = Claim {
            addr: learned.addr,
            time: learned.time,
            services: learned.services,
        };
        if let Some(place) = self.book.find(&learned.addr) {
            self.hear_again(place, teller, &claim, unix_now);
        } else if self.book.len() < self.rules.max_known {
            self.admit_told(teller, &claim, learned.source, unix_now, None);
        } else {
            self.left_out[LeftOut::OverCap as usize] += 1;
        }
    }

    /// Takes in a visit that took place before the crawl was stopped; all that was learned comes first.
    pub fn restore_visit(
        &mut self,
        addr: &PeerAddr,
        outcome: Outcome,
        attempt: u16,
        dialect: Dialect,
    ) {
        let Some(place) = self.book.find(addr) else {
            return;
        };
        let known = self.book[place];
        if known.state.is_over() {
            return;
        }
        self.book[place].backers = self.tellers.richer_first(known.backers);
        self.pay(place);
        let known = &mut self.book[place];
        known.attempt = u8::try_from(attempt).unwrap_or(u8::MAX);
        known.dialect = dialect;
        self.settle(place, outcome, Duration::ZERO);
    }

    /// Takes the next address to call.
    pub fn take_next(&mut self, now: Duration) -> Next {
        while let Some(place) = self.later.pop_due(now) {
            if self.book[place].state == State::Later {
                self.promote(place, State::Queued, self.book[place].class);
            }
        }
        loop {
            while let Some(place) = self.draw() {
                if let Some(task) = self.begin(place, now) {
                    return Next::Call(task);
                }
            }
            let is_dry = self.n_waiting() == 0 && self.n_in_flight() == 0;
            if !(is_dry && self.give_last_credit()) {
                break;
            }
        }
        let is_full = self.n_in_flight() >= self.rules.max_in_flight;
        match self.later.next_at() {
            Some(at) if !is_full && self.counts.of(State::Later) > 0 => Next::Wait(at),
            Some(_) | None => Next::Nothing,
        }
    }

    /// Takes in how the call to `addr` ended, and returns whether another one follows.
    pub fn finish(&mut self, addr: &PeerAddr, outcome: Outcome, now: Duration) -> After {
        match self.called(addr) {
            Some(place) => self.settle(place, outcome, now),
            None => After::Over,
        }
    }

    /// Takes in that the call never left this machine: it does not count, and is made again later.
    pub fn put_back(&mut self, addr: &PeerAddr) {
        let Some(place) = self.called(addr) else {
            return;
        };
        let known = &mut self.book[place];
        known.attempt -= 1;
        let (class, backer) = (known.class, known.backers[0]);
        self.promote(place, State::Queued, class);
        self.give_credit(backer, 1);
    }

    /// Returns every address that is known, in the order in which it came: what sources named, before anybody is called.
    pub fn known(&self) -> impl Iterator<Item = Learned> {
        self.book.iter().map(|known| Learned {
            addr: known.addr,
            source: known.source,
            teller: None,
            time: None,
            services: if known.speaks_v2 { P2P_V2 } else { 0 },
        })
    }

    /// How many addresses are known: those that wait, are in flight, are done, and are left out for lack of trust.
    pub fn n_known(&self) -> usize {
        self.book.len()
    }

    /// How many wait for a call that will be made.
    pub fn n_waiting(&self) -> usize {
        self.counts.of(State::Queued) + self.counts.of(State::Later)
    }

    /// How many are being called.
    pub fn n_in_flight(&self) -> usize {
        self.counts.of(State::Called)
    }

    /// How many are being called, over each network.
    pub fn n_in_flight_of(&self) -> PerNetwork<usize> {
        self.counts.in_flight
    }

    /// How many will not be called again.
    pub fn n_done(&self) -> usize {
        self.counts.of(State::Answered) + self.counts.of(State::Failed)
    }

    /// What is left out and why, in the order of [`LeftOut::ALL`]: claims, and for [`LeftOut::Untrusted`] known
    /// addresses, which may yet be called as long as the crawl lasts.
    pub fn left_out(&self) -> impl Iterator<Item = (LeftOut, u64)> {
        LeftOut::ALL.into_iter().map(|why| match why {
            LeftOut::Untrusted => (why, self.counts.of(State::Unbacked) as u64),
            LeftOut::Unroutable
            | LeftOut::Outside
            | LeftOut::NetworkOff
            | LeftOut::Stale
            | LeftOut::OverQuota
            | LeftOut::PrefixFull
            | LeftOut::OverCap => (why, self.left_out[why as usize]),
        })
    }

    /// Returns who `addr` is as a teller; `None` if it is not known.
    fn teller(&mut self, addr: &PeerAddr) -> Option<TellerId> {
        let place = self.book.find(addr)?;
        let teller = &mut self.book[place].teller;
        Some(*teller.get_or_insert_with(|| self.tellers.add(self.rules.first_credit)))
    }

    /// Takes in one claim, and returns whether the store is to know of it: its address is new, or has a second backer.
    fn hear_one(
        &mut self,
        teller: TellerId,
        place: Option<u32>,
        claim: &Claim,
        source: u16,
        unix_now: i64,
    ) -> Result<bool, LeftOut> {
        let addr = &claim.addr;
        if !self.rules.lead_to(addr) {
            return Err(LeftOut::NetworkOff);
        }
        if !self.is_believable(addr) {
            return Err(match unroutable(addr) {
                Some(_) => LeftOut::Unroutable,
                None => LeftOut::Outside,
            });
        }
        // Since it was looked up it may have been admitted, as one told twice, or have made room.
        let place = place.filter(|it| self.book[*it].addr == *addr);
        if let Some(place) = place.or_else(|| self.book.find(addr)) {
            return Ok(self.hear_again(place, teller, claim, unix_now));
        }
        let teller_is_full = self.tellers[teller].n_new >= self.rules.max_new_per_teller;
        if age(claim.time, unix_now) > self.rules.max_age {
            Err(LeftOut::Stale)
        } else if teller_is_full {
            Err(LeftOut::OverQuota)
        } else if self.crowds.is_full(addr, &self.rules) {
            Err(LeftOut::PrefixFull)
        } else {
            let instead_of = self.find_room(teller)?;
            self.admit_told(teller, claim, source, unix_now, instead_of);
            Ok(true)
        }
    }

    /// Returns whose place an address that `teller` tells can have: that of nobody as long as the book is not full.
    fn find_room(&mut self, teller: TellerId) -> Result<Option<u32>, LeftOut> {
        if self.book.len() < self.rules.max_known {
            return Ok(None);
        }
        if self.tellers[teller].credit == 0 || self.counts.of(State::Unbacked) == 0 {
            return Err(LeftOut::OverCap);
        }
        for _ in 0..LOOKED_AT_FOR_ROOM {
            let place = self.hand;
            self.hand = self.book.next(place);
            let known = &self.book[place];
            // Who was called stays: the next call would count as the first again.
            if known.state == State::Unbacked && known.attempt == 0 && known.teller.is_none() {
                self.left_out[LeftOut::OverCap as usize] += 1;
                return Ok(Some(place));
            }
        }
        Err(LeftOut::OverCap)
    }

    /// Whether a node could have this address.
    fn is_believable(&self, addr: &PeerAddr) -> bool {
        match unroutable(addr) {
            None => self.leads_out,
            Some(Unroutable::TorV2 | Unroutable::NoPort) => false,
            Some(
                Unroutable::Unspecified
                | Unroutable::Loopback
                | Unroutable::Private
                | Unroutable::LinkLocal
                | Unroutable::Shared
                | Unroutable::Documentation
                | Unroutable::Benchmarking
                | Unroutable::Multicast
                | Unroutable::Reserved,
            ) => self.rules.allow_private,
        }
    }

    /// Takes in a claim about an address that is known, and returns whether `teller` is the second to answer for it.
    fn hear_again(&mut self, place: u32, teller: TellerId, claim: &Claim, unix_now: i64) -> bool {
        let known = &mut self.book[place];
        // What one peer tells twice counts once.
        if known.state.is_over() || known.last_teller.replace(teller) == Some(teller) {
            return false;
        }
        // Who was reachable was seen by ourselves; of others a lie costs one call in v1, and the truth may be the only way.
        if known.class != Class::Reachable {
            known.speaks_v2 |= claim.services & P2P_V2 != 0;
        }
        if !known.class.is_told() {
            return false;
        }
        known.n_told = known.n_told.saturating_add(1);
        let (n_told, state, before) = (known.n_told, known.state, known.backers);
        // The one who has paid for a call in flight stays the first.
        let backers = match state == State::Called {
            true => before,
            false => self.tellers.with(teller, before),
        };
        self.book[place].backers = backers;
        let class = self.told_class(n_told, claim, unix_now);
        self.promote(place, state, class);
        let is_backer = backers.contains(&Some(teller)) && !before.contains(&Some(teller));
        if state == State::Unbacked && is_backer {
            self.list_unbacked(place, teller);
        }
        is_backer && before.contains(&None)
    }

    fn told_class(&self, n_told: u8, claim: &Claim, unix_now: i64) -> Class {
        if n_told >= self.rules.many {
            Class::Many
        } else if age(claim.time, unix_now) <= self.rules.fresh_age {
            Class::Fresh
        } else {
            Class::Rest
        }
    }

    fn admit_told(
        &mut self,
        teller: TellerId,
        claim: &Claim,
        source: u16,
        unix_now: i64,
        instead_of: Option<u32>,
    ) {
        self.tellers[teller].n_new += 1;
        let known = Known {
            addr: claim.addr,
            source,
            attempt: 0,
            n_told: 1,
            state: State::Queued,
            class: self.told_class(1, claim, unix_now),
            dialect: Dialect::Modern,
            speaks_v2: claim.services & P2P_V2 != 0,
            backers: [Some(teller), None],
            last_teller: Some(teller),
            teller: None,
        };
        self.admit(known, instead_of);
    }

    fn admit(&mut self, known: Known, instead_of: Option<u32>) {
        let place = match instead_of {
            None => self.book.add(known),
            Some(place) => {
                self.counts.leave(&self.book[place]);
                self.book.replace(place, known);
                place
            }
        };
        self.counts.enter(&known);
        if is_crowding(&known) {
            self.crowds.enter(&known.addr, &self.rules);
        }
        self.lanes.push(place, known.class, &known.addr);
    }

    /// Gives the address at `place` a state, and the better of its class and `class`.
    fn promote(&mut self, place: u32, state: State, class: Class) {
        self.set(place, state, class.min(self.book[place].class));
    }

    /// Gives the address at `place` a state and a class: the only place that changes them.
    fn set(&mut self, place: u32, state: State, class: Class) {
        let known = &mut self.book[place];
        let before = *known;
        known.state = state;
        known.class = class;
        let after = *known;
        if (before.state, before.class) == (after.state, after.class) {
            return;
        }
        self.counts.leave(&before);
        self.counts.enter(&after);
        match (is_crowding(&before), is_crowding(&after)) {
            (false, true) => self.crowds.enter(&after.addr, &self.rules),
            (true, false) => self.crowds.leave(&after.addr, &self.rules),
            (true, true) | (false, false) => (),
        }
        if state == State::Queued {
            self.lanes.push(place, after.class, &after.addr);
        }
    }

    /// Draws somebody who may be called as far as slots go.
    fn draw(&mut self) -> Option<u32> {
        let (counts, rules, held) = (&self.counts, &self.rules, &self.held);
        let n_in_flight = counts.of(State::Called);
        if n_in_flight >= rules.max_in_flight {
            return None;
        }
        let rest_has_room = counts.rest_in_flight.0.iter().sum::<usize>()
            < rules.open_to_the_rest(rules.max_in_flight);
        let has_room = |class, network| {
            if held[network] {
                return false;
            }
            // Who cannot be called is merely noted, which takes no time.
            if !rules.networks[network] {
                return true;
            }
            let slots = rules.max_in_flight_of[network];
            counts.in_flight[network] < slots
                && (class != Class::Rest
                    || rest_has_room
                        && counts.rest_in_flight[network] < rules.open_to_the_rest(slots))
        };
        loop {
            let (place, class, network) = self.lanes.draw(has_room)?;
            let known = &self.book[place];
            let is_there = known.class == class && known.addr.network() == network;
            if known.state == State::Queued && is_there {
                return Some(place);
            }
        }
    }

    /// Begins the call to somebody who was drawn, unless nobody answers for it or its neighbourhood was just called.
    fn begin(&mut self, place: u32, now: Duration) -> Option<Task> {
        let known = self.book[place];
        if known.class.is_told() {
            let backers = self.tellers.richer_first(known.backers);
            self.book[place].backers = backers;
            if self.tellers.credit(backers[0]) == 0 {
                self.promote(place, State::Unbacked, known.class);
                for backer in backers.into_iter().flatten() {
                    self.list_unbacked(place, backer);
                }
                return None;
            }
        }
        if self.rules.lead_to(&known.addr) {
            let turn = self
                .neighbourhoods
                .take(&known.addr, now, self.rules.spacing);
            if let Err(at) = turn {
                self.call_later(place, at);
                return None;
            }
        }
        self.pay(place);
        self.promote(place, State::Called, known.class);
        let known = &mut self.book[place];
        known.attempt = known.attempt.saturating_add(1);
        Some(Task {
            addr: known.addr,
            source: known.source,
            attempt: u16::from(known.attempt),
            dialect: known.dialect,
            v2_first: known.speaks_v2 && known.dialect == Dialect::Modern,
        })
    }

    fn call_later(&mut self, place: u32, at: Duration) {
        self.promote(place, State::Later, self.book[place].class);
        self.later.push(at, place);
    }

    /// Has the first backer pay for a call; a named address needs none.
    fn pay(&mut self, place: u32) {
        let known = &mut self.book[place];
        if !known.class.is_told() {
            known.backers = [None, None];
        }
        if let Some(backer) = known.backers[0] {
            let credit = &mut self.tellers[backer].credit;
            match credit.checked_sub(1) {
                Some(rest) => *credit = rest,
                // Only of calls before the crawl was stopped.
                None => self.last_credit = self.last_credit.saturating_sub(1),
            }
        }
    }

    /// Returns the place of somebody who is being called.
    fn called(&self, addr: &PeerAddr) -> Option<u32> {
        let place = self.book.find(addr);
        let place = place.filter(|it| self.book[*it].state == State::Called);
        debug_assert!(place.is_some(), "{addr} was never taken");
        place
    }

    /// Takes in how a call ended that somebody paid for.
    fn settle(&mut self, place: u32, outcome: Outcome, now: Duration) -> After {
        let known = self.book[place];
        let was_reachable = known.class == Class::Reachable;
        let retry = self
            .rules
            .retry(outcome, known.attempt, known.dialect, was_reachable);
        let after = if let Some(retry) = retry {
            let known = &mut self.book[place];
            known.dialect = retry.dialect;
            // A silent peer may wait for what it understands. One that hangs up may take v2 alone; with others v1 follows.
            known.speaks_v2 = outcome != Outcome::VersionTimeout
                && (known.speaks_v2 || outcome == Outcome::ClosedBeforeVersion);
            self.call_later(place, now + retry.wait);
            After::Again(now + retry.wait)
        } else {
            let state = match outcome.is_reachable() {
                true => State::Answered,
                false => State::Failed,
            };
            self.promote(place, state, known.class);
            After::Over
        };
        let gained = if outcome.is_reachable() {
            1 + self.rules.credit_per_real
        } else {
            // What was never called cost nothing.
            u32::from(matches!(outcome, Outcome::NotTried(_)))
        };
        self.give_credit(known.backers[0], gained);
        after
    }

    /// Gives `backer` credit, and queues as many of those that wait for it.
    fn give_credit(&mut self, backer: Option<TellerId>, credit: u32) {
        if let Some(backer) = backer {
            let teller = &mut self.tellers[backer];
            teller.credit = teller.credit.saturating_add(credit);
            self.queue_unbacked(backer, credit);
        }
    }

    /// Has the address at `place`, which is unbacked, wait for the credit of `backer`.
    fn list_unbacked(&mut self, place: u32, backer: TellerId) {
        self.tellers.list(backer, place);
        let most = 4 * self.counts.of(State::Unbacked) + OUT_OF_DATE;
        if self.tellers.n_listed() > most {
            let book = &self.book;
            self.tellers
                .tidy(|backer, place| book[place].waits_for(backer));
        }
    }

    /// Queues at most `n` of the addresses that wait for the credit of `backer`, and returns how many.
    fn queue_unbacked(&mut self, backer: TellerId, n: u32) -> u32 {
        let mut n_queued = 0;
        while n_queued < n {
            let Some(place) = self.tellers.unlist(backer) else {
                break;
            };
            let known = &self.book[place];
            if known.waits_for(backer) {
                self.promote(place, State::Queued, known.class);
                n_queued += 1;
            }
        }
        n_queued
    }

    /// Queues somebody who waits for credit, now that everybody else is done; returns whether there is anybody.
    fn give_last_credit(&mut self) -> bool {
        let tellers = self.tellers.with_unbacked();
        // Credit of tellers whose addresses found another backer meanwhile.
        let mut n_queued = 0;
        for teller in &tellers {
            n_queued += self.queue_unbacked(*teller, self.tellers[*teller].credit);
        }
        if n_queued > 0 || tellers.is_empty() {
            return n_queued > 0;
        }
        let n_tellers = u32::try_from(tellers.len()).unwrap_or(u32::MAX);
        let share = (self.last_credit / n_tellers).max(1);
        let first = self.lanes.roll(tellers.len());
        for teller in tellers[first..].iter().chain(&tellers[..first]) {
            let n = self.queue_unbacked(*teller, share.min(self.last_credit));
            self.tellers[*teller].credit += n;
            self.last_credit -= n;
            n_queued += n;
        }
        n_queued > 0
    }
}

/// Whether an address takes a place in the budgets of its prefix.
fn is_crowding(known: &Known) -> bool {
    let counts = match known.state {
        State::Queued | State::Later | State::Called | State::Failed => true,
        State::Unbacked | State::Answered => false,
    };
    counts && known.class.is_told()
}

/// How many addresses are in each state, and what is in flight.
#[derive(Debug, Default)]
struct Counts {
    states: [usize; State::N],
    in_flight: PerNetwork<usize>,
    /// Those in flight who are merely claimed.
    rest_in_flight: PerNetwork<usize>,
}

impl Counts {
    fn of(&self, state: State) -> usize {
        self.states[state as usize]
    }

    fn enter(&mut self, known: &Known) {
        self.states[known.state as usize] += 1;
        if known.state == State::Called {
            self.in_flight[known.addr.network()] += 1;
            self.rest_in_flight[known.addr.network()] += usize::from(known.class == Class::Rest);
        }
    }

    fn leave(&mut self, known: &Known) {
        self.states[known.state as usize] -= 1;
        if known.state == State::Called {
            self.in_flight[known.addr.network()] -= 1;
            self.rest_in_flight[known.addr.network()] -= usize::from(known.class == Class::Rest);
        }
    }
}
