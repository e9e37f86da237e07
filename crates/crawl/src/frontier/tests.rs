use super::*;
use proto::{Host, Network, NotTried};
use std::collections::{BTreeMap, BTreeSet};

const NOW: i64 = 1_800_000_000;
const HOUR: u32 = 3_600;
const SECOND: Duration = Duration::from_secs(1);
const REACHABLE: Hint = Hint {
    was_reachable: true,
    speaks_v2: false,
};

#[test]
fn every_node_is_found_and_each_liar_costs_what_it_may() {
    for seed in 0..40 {
        let world = World::new(seed);
        let mut crawl = Crawl::new(&world, seed);
        crawl.run(usize::MAX);
        let found = crawl.reachable();
        assert!(found.is_superset(&world.findable()), "seed {seed}");
        let calls = crawl.calls();
        let n_in_vain = calls.keys().filter(|it| !world.real.contains(it)).count();
        let most = 128 * world.n_liars + rules().last_credit;
        assert!(n_in_vain <= most as usize, "seed {seed}: {n_in_vain}");
        for (addr, n) in calls {
            let expected = match found.contains(&addr) {
                true => 1 + n_full(&addr),
                false => 1,
            };
            assert_eq!(n, expected, "seed {seed}: {addr}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_calls() {
    let world = World::new(7);
    let visits = |seed| {
        let mut crawl = Crawl::new(&world, seed);
        crawl.run(usize::MAX);
        crawl.visits
    };
    assert_eq!(visits(1), visits(1));
    assert_ne!(visits(1), visits(2));
}

#[test]
fn a_crawl_that_goes_on_finds_the_same_and_repeats_nobody() {
    for seed in 0..20 {
        let world = World::new(seed);
        let mut whole = Crawl::new(&world, seed);
        whole.run(usize::MAX);
        let mut resumed = Crawl::new(&world, seed);
        // Three times in the middle.
        for n_visits in [20, 50, 100] {
            resumed.run(n_visits);
            resumed = resumed.resume(seed + 1);
        }
        resumed.run(usize::MAX);
        assert_eq!(resumed.reachable(), whole.reachable(), "seed {seed}");
        let attempts = |crawl: &Crawl| -> BTreeSet<_> {
            let all = crawl.visits.iter().map(|(it, _)| (it.addr, it.attempt));
            all.collect()
        };
        assert_eq!(
            attempts(&resumed).len(),
            resumed.visits.len(),
            "seed {seed}"
        );
    }
}

#[test]
fn the_better_known_are_called_first() {
    let mut frontier = heard(&[
        (1, claim(1, HOUR * 30)),
        (1, claim(2, HOUR)),
        (1, claim(3, HOUR * 30)),
        (2, claim(3, HOUR * 30)),
        (3, claim(3, HOUR * 30)),
        (1, claim(6, HOUR * 30)),
        (2, claim(6, HOUR)),
    ]);
    frontier.learn(addr(4), 0, Hint::default());
    frontier.learn(addr(5), 0, REACHABLE);
    frontier.learn(addr(1), 0, Hint::default());
    let seen = drain(&mut frontier);
    assert_eq!(seen[0], addr(5), "reachable last time");
    assert_eq!(set(&seen[1..3]), set(&[addr(1), addr(4)]), "named");
    assert_eq!(seen[3], addr(3), "told by three");
    assert_eq!(set(&seen[4..]), set(&[addr(2), addr(6)]), "fresh");
}

#[test]
fn the_first_source_that_names_an_address_is_kept() {
    let mut frontier = Frontier::default();
    assert!(frontier.learn(addr(1), 3, Hint::default()));
    assert!(!frontier.learn(addr(1), 4, Hint::default()));
    let task = take(&mut frontier, 0);
    assert_eq!((task.addr, task.source, task.attempt), (addr(1), 3, 1));
}

#[test]
fn what_speaks_against_a_claim_is_counted() {
    let rules = Rules {
        public_networks: Rules::default().public_networks,
        max_new_per_teller: 3,
        max_per_ipv4_16: 2,
        max_known: 5,
        ..rules()
    };
    let mut frontier = Frontier::new(rules, 7);
    for teller in [8, 9] {
        frontier.learn(tellers(teller), 0, Hint::default());
    }
    let old = HOUR * 24 * 8;
    let seen = [
        tell(&mut frontier, 8, &[of("1.2.0.1:8333"), of("1.2.0.2:8333")]),
        tell(&mut frontier, 8, &[of("1.2.0.3:8333"), of("1.2.0.1:8333")]),
        tell(&mut frontier, 8, &[of("127.0.0.1:8333"), of("1.3.0.1:0")]),
        tell(&mut frontier, 8, &[claim(1, old), of("1.4.0.1:8333")]),
        tell(&mut frontier, 8, &[of("1.5.0.1:8333"), of("[fc00::1]:1")]),
        tell(&mut frontier, 9, &[of("1.6.0.1:8333")]),
    ];
    assert_eq!(seen, [2, 0, 0, 1, 0, 0]);
    let expected = [
        ("unroutable", 2),
        ("outside", 0),
        ("network_off", 1),
        ("stale", 1),
        ("over_quota", 1),
        ("prefix_full", 1),
        ("over_cap", 1),
        ("untrusted", 0),
    ];
    let left_out: Vec<_> = frontier.left_out().map(|(it, n)| (it.code(), n)).collect();
    assert_eq!(left_out, expected);
    assert!(frontier.learn(addr(77), 0, Hint::default()), "no cap");
}

#[test]
fn a_test_network_lives_in_one_prefix_at_any_pace() {
    let rules = Rules {
        allow_private: true,
        max_per_ipv4_16: 2,
        ..rules()
    };
    let mut frontier = Frontier::new(rules, 7);
    frontier.learn(tellers(1), 0, Hint::default());
    let claims: Vec<_> = (1..=100)
        .map(|port| of(&format!("127.0.0.1:{port}")))
        .chain([of("127.0.0.1:0"), of("3g2upl4pq6kufc4m.onion:8333")])
        .collect();
    assert_eq!(tell(&mut frontier, 1, &claims), 100);
    assert_eq!(drain(&mut frontier).len(), 101);
}

#[test]
fn a_test_network_does_not_lead_into_the_public_one() {
    let rules = Rules {
        allow_private: true,
        ..rules()
    };
    let mut frontier = Frontier::new(rules, 7);
    let here = PeerAddr::parse("127.0.0.1:1", 8333).unwrap();
    frontier.learn(here, 0, Hint::default());
    let mut learned = Vec::new();
    let claims = [of("1.2.3.4:1"), of("127.0.0.1:2"), of("[2a01::1]:1")];
    frontier.hear(&here, &claims, 1, NOW, &mut learned);
    let learned: Vec<_> = learned.iter().map(|it| it.addr.to_string()).collect();
    assert_eq!(learned, ["127.0.0.1:2"]);
    let outside = frontier.left_out().find(|it| it.0 == LeftOut::Outside);
    assert_eq!(outside, Some((LeftOut::Outside, 2)));
    // Whoever names a public address wants to go there.
    frontier.learn(tellers(1), 0, Hint::default());
    assert_eq!(tell(&mut frontier, 1, &claims), 2);
}

#[test]
fn those_who_answered_give_their_place_in_the_prefix_back() {
    let rules = Rules {
        max_per_ipv4_16: 1,
        ..rules()
    };
    let mut frontier = Frontier::new(rules, 7);
    frontier.learn(tellers(1), 0, Hint::default());
    take(&mut frontier, 0);
    let claims = [of("1.2.0.1:1"), of("1.2.1.1:1"), of("1.2.2.1:1")];
    assert_eq!(tell(&mut frontier, 1, &claims), 1);
    let first = take(&mut frontier, 0).addr;
    frontier.finish(&first, Outcome::Complete, SECOND);
    assert_eq!(tell(&mut frontier, 1, &claims), 1);
    let second = take(&mut frontier, 2).addr;
    frontier.finish(&second, Outcome::ConnectRefused, SECOND);
    assert_eq!(tell(&mut frontier, 1, &claims), 0);
}

#[test]
fn a_liar_is_stopped_until_somebody_with_credit_tells_the_same() {
    let rules = Rules {
        last_credit: 5,
        ..rules()
    };
    let mut frontier = Frontier::new(rules, 7);
    for teller in [1, 2] {
        frontier.learn(tellers(teller), 0, Hint::default());
        let task = take(&mut frontier, 0);
        frontier.finish(&task.addr, Outcome::Complete, SECOND);
    }
    let claims: Vec<_> = (0..1_000).map(|n| claim(n, HOUR)).collect();
    assert_eq!(tell(&mut frontier, 1, &claims), 1_000);
    for _ in 0..10 {
        // What never left this machine costs nothing.
        let task = take(&mut frontier, 0);
        frontier.put_back(&task.addr);
    }
    let n_calls = call_all(&mut frontier, |_| Outcome::ConnectTimeout);
    assert_eq!(n_calls, 128 + 5);
    assert_eq!(untrusted(&frontier), 867);

    assert_eq!(tell(&mut frontier, 2, &claims), 0);
    let n_calls = call_all(&mut frontier, |_| Outcome::ConnectTimeout);
    assert_eq!((n_calls, untrusted(&frontier)), (128, 739));
}

#[test]
fn what_turns_out_real_pays_for_more() {
    let rules = Rules {
        last_credit: 0,
        ..rules()
    };
    let mut frontier = Frontier::new(rules, 7);
    frontier.learn(tellers(1), 0, REACHABLE);
    let teller = take(&mut frontier, 0);
    frontier.finish(&teller.addr, Outcome::Complete, SECOND);
    let claims: Vec<_> = (0..1_000).map(|n| claim(n, HOUR)).collect();
    tell(&mut frontier, 1, &claims);
    let mut n = 0;
    let n_calls = call_all(&mut frontier, |_| {
        n += 1;
        match n {
            1 | 50 => Outcome::VersionOnly,
            60 => Outcome::NotTried(NotTried::OptedOut),
            // An open port is not enough.
            _ => Outcome::MalformedVersion,
        }
    });
    assert_eq!(n_calls, 128 + 2 * 65 + 1);
}

#[test]
fn a_network_with_one_unlucky_teller_is_called_to_the_end() {
    let rules = Rules {
        last_credit: 2_000,
        ..rules()
    };
    let mut frontier = Frontier::new(rules, 7);
    frontier.learn(tellers(1), 0, REACHABLE);
    let teller = take(&mut frontier, 0);
    frontier.finish(&teller.addr, Outcome::Complete, SECOND);
    let claims: Vec<_> = (0..1_000).map(|n| claim(n, HOUR)).collect();
    tell(&mut frontier, 1, &claims);
    let n_calls = call_all(&mut frontier, |_| Outcome::ConnectRefused);
    assert_eq!((n_calls, untrusted(&frontier)), (1_000, 0));
}

#[test]
fn slow_networks_and_mere_claims_leave_slots_free() {
    let rules = Rules {
        max_in_flight: 20,
        max_in_flight_of: PerNetwork([20, 20, 8, 20, 20]),
        ..rules()
    };
    let mut frontier = Frontier::new(rules, 7);
    frontier.learn(tellers(1), 0, REACHABLE);
    take(&mut frontier, 0);
    let (onion, ipv4) = (|n| 4 * n + 3, |n| 4 * n);
    let mut check = |event: &mut dyn FnMut(&mut Frontier), expected: (usize, usize)| {
        event(&mut frontier);
        drain(&mut frontier);
        let of_onion = frontier.n_in_flight_of()[Network::Onion];
        assert_eq!((frontier.n_in_flight(), of_onion), expected);
    };
    let claims =
        |n: &dyn Fn(u32) -> u32| -> Vec<_> { (0..100).map(|it| claim(n(it), HOUR * 30)).collect() };
    // One is the teller; mere claims take three quarters of all slots, and of those of their network.
    check(&mut |it| _ = tell(it, 1, &claims(&onion)), (7, 6));
    check(&mut |it| learn_all(it, (100..200).map(onion)), (9, 8));
    check(&mut |it| _ = tell(it, 1, &claims(&ipv4)), (18, 8));
    check(&mut |it| learn_all(it, (100..200).map(ipv4)), (20, 8));
}

#[test]
fn neighbours_are_called_one_after_the_other() {
    let mut frontier = Frontier::default();
    for last in 1..=3 {
        frontier.learn(of(&format!("1.2.3.{last}:8333")).addr, 0, Hint::default());
    }
    take(&mut frontier, 0);
    let millis = Duration::from_millis;
    assert_eq!(frontier.take_next(millis(0)), Next::Wait(millis(100)));
    assert_eq!(frontier.take_next(millis(99)), Next::Wait(millis(100)));
    take(&mut frontier, 100);
    assert_eq!(frontier.take_next(millis(100)), Next::Wait(millis(200)));
    take(&mut frontier, 5_000);
    assert_eq!(frontier.take_next(millis(5_000)), Next::Nothing);
}

#[test]
fn bad_luck_is_tried_again_and_old_manners_where_they_are_asked_for() {
    let rules = Rules {
        legacy: true,
        ..rules()
    };
    let mut frontier = Frontier::new(rules, 7);
    let hint = Hint {
        speaks_v2: true,
        ..Hint::default()
    };
    frontier.learn(addr(1), 0, hint);
    let mut seen = Vec::new();
    let mut now = Duration::ZERO;
    while let Next::Call(task) = frontier.take_next(now) {
        seen.push((
            now.as_secs(),
            task.attempt,
            task.dialect.name(),
            task.v2_first,
        ));
        if let After::Again(at) = frontier.finish(&task.addr, Outcome::VersionTimeout, now) {
            assert_eq!(frontier.take_next(now), Next::Wait(at));
            now = at;
        }
    }
    let expected = [
        (0, 1, "modern", true),
        (5, 2, "modern", false),
        (10, 3, "old", false),
        (15, 4, "old_no_checksum", false),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn one_claim_makes_v2_worth_a_try_but_our_own_visit_knows_better() {
    let v2 = Claim {
        services: P2P_V2 | 9,
        ..claim(1, HOUR)
    };
    let v2_first = |claims: &[(u32, Claim)], hint: Option<Hint>| {
        let mut frontier = heard(claims);
        if let Some(hint) = hint {
            frontier.learn(addr(1), 0, hint);
        }
        take(&mut frontier, 0).v2_first
    };
    assert!(v2_first(&[(1, claim(1, HOUR)), (2, v2)], None));
    assert!(v2_first(&[(1, v2), (2, claim(1, HOUR))], None));
    assert!(!v2_first(&[(1, v2)], Some(REACHABLE)));
    let spoke = Hint {
        speaks_v2: true,
        ..REACHABLE
    };
    assert!(v2_first(&[(1, claim(1, HOUR))], Some(spoke)));
}

#[test]
fn named_addresses_of_networks_without_a_way_still_come_out() {
    let mut frontier = Frontier::default();
    let onion = addr(3);
    assert_eq!(onion.network(), Network::Onion);
    frontier.learn(onion, 0, Hint::default());
    assert_eq!(take(&mut frontier, 0).addr, onion);
}

#[test]
fn who_is_visited_by_a_schedule_is_called_when_that_says_so() {
    let mut frontier = Frontier::new(rules(), 7);
    for n in [1, 2] {
        frontier.learn(tellers(n), 0, REACHABLE);
    }
    frontier.set_apart(tellers(1), 3);
    frontier.set_apart(addr(5), 3);
    assert_eq!(drain(&mut frontier), [tellers(2)]);
    frontier.learn(addr(5), 0, Hint::default());
    assert_eq!(tell(&mut frontier, 2, &[claim(5, HOUR)]), 0);
    assert_eq!(drain(&mut frontier), []);

    frontier.revisit(addr(5), 4, REACHABLE);
    frontier.revisit(addr(6), 4, Hint::default());
    let seen = [take(&mut frontier, 0), take(&mut frontier, 0)];
    let seen = seen.map(|it| (it.addr, it.source, it.attempt));
    assert_eq!(seen, [(addr(5), 4, 1), (addr(6), 4, 1)]);
    // One that is being called is neither set apart nor called twice.
    frontier.set_apart(addr(5), 4);
    frontier.revisit(addr(5), 4, REACHABLE);
    assert_eq!((frontier.n_in_flight(), frontier.n_waiting()), (3, 0));
    assert_eq!(frontier.take_next(SECOND), Next::Nothing);
}

#[test]
fn a_revisit_begins_from_the_first_call_and_goes_by_what_was_seen_last() {
    let rules = Rules {
        legacy: true,
        max_retries: 1,
        ..rules()
    };
    let mut frontier = Frontier::new(rules, 7);
    frontier.learn(addr(1), 0, REACHABLE);
    let mut round = |hint, outcome| {
        frontier.revisit(addr(1), 0, hint);
        let mut calls = Vec::new();
        let mut now = Duration::ZERO;
        loop {
            match frontier.take_next(now) {
                Next::Call(task) => {
                    let v2 = if task.v2_first { " v2" } else { "" };
                    calls.push(format!("{}{v2}", task.dialect.name()));
                    frontier.finish(&task.addr, outcome, now);
                }
                Next::Wait(until) => now = until,
                Next::Nothing => break,
            }
        }
        assert_eq!((frontier.n_known(), frontier.n_done()), (1, 1));
        calls.join(", ")
    };
    let gone = Hint::default();
    let speaks_v2 = Hint {
        speaks_v2: true,
        ..REACHABLE
    };
    let seen = [
        round(REACHABLE, Outcome::ConnectTimeout),
        round(gone, Outcome::ConnectTimeout),
        round(speaks_v2, Outcome::Complete),
        round(gone, Outcome::ClosedBeforeVersion),
        round(REACHABLE, Outcome::Complete),
    ];
    assert_eq!(
        seen,
        [
            "modern, modern",
            "modern",
            "modern v2",
            "modern, modern v2, old, old_no_checksum",
            "modern",
        ]
    );
}

#[test]
fn a_told_address_that_is_revisited_crowds_nobody_out_and_costs_its_teller_nothing() {
    let rules = Rules {
        max_per_ipv4_16: 1,
        first_credit: 1,
        ..rules()
    };
    let mut frontier = Frontier::new(rules, 7);
    frontier.learn(tellers(1), 0, Hint::default());
    take(&mut frontier, 0);
    assert_eq!(tell(&mut frontier, 1, &[of("1.2.0.1:1")]), 1);
    let told = take(&mut frontier, 0).addr;
    frontier.finish(&told, Outcome::ConnectRefused, SECOND);
    assert_eq!(tell(&mut frontier, 1, &[of("1.2.1.1:1")]), 0);

    frontier.revisit(told, 0, Hint::default());
    assert_eq!(take(&mut frontier, 0).addr, told);
    frontier.finish(&told, Outcome::ConnectRefused, SECOND);
    assert_eq!(tell(&mut frontier, 1, &[of("1.2.1.1:1")]), 1);
}

#[test]
fn nobody_is_called_over_a_way_that_is_broken_until_it_works_again() {
    let mut frontier = Frontier::new(rules(), 7);
    let onion = addr(3);
    for addr in [addr(1), onion] {
        frontier.learn(addr, 0, REACHABLE);
    }
    let mut held = PerNetwork::default();
    held[Network::Onion] = true;
    frontier.hold(held);
    assert_eq!(drain(&mut frontier), [addr(1)]);
    assert_eq!((frontier.n_waiting(), frontier.n_in_flight()), (1, 1));
    frontier.hold(PerNetwork::default());
    assert_eq!(drain(&mut frontier), [onion]);
}

#[test]
fn who_hung_up_is_tried_in_v2_too() {
    let mut frontier = Frontier::new(rules(), 7);
    frontier.learn(addr(1), 0, Hint::default());
    let mut seen = Vec::new();
    for at_ms in [0, 5_000, 15_000] {
        let task = take(&mut frontier, at_ms);
        seen.push(task.v2_first);
        let now = Duration::from_millis(at_ms);
        frontier.finish(&task.addr, Outcome::ClosedBeforeVersion, now);
    }
    assert_eq!(seen, [false, true, true]);
}

#[test]
fn claims_that_no_way_leads_to_are_left_out_and_those_nearby_are_not() {
    let rules = Rules {
        allow_private: true,
        public_networks: PerNetwork([true, false, true, true, true]),
        ..rules()
    };
    let mut frontier = Frontier::new(rules, 7);
    learn_tellers(&mut frontier, 4..5);
    let claims = ["1.2.3.4:1", "[2a01::1]:1", "[::1]:1", "[2a01::2]:1"].map(of);
    assert_eq!(tell(&mut frontier, 4, &claims), 2);
    let off = frontier.left_out().find(|it| it.0 == LeftOut::NetworkOff);
    assert_eq!(off, Some((LeftOut::NetworkOff, 2)));
}

#[test]
fn fakes_that_nobody_pays_for_make_room_in_a_full_book() {
    let rules = Rules {
        max_known: 1_000,
        last_credit: 0,
        ..rules()
    };
    let mut frontier = Frontier::new(rules, 7);
    learn_tellers(&mut frontier, 0..3);
    let fakes: Vec<_> = (0..2_000).map(|n| claim(n, HOUR)).collect();
    assert_eq!(tell(&mut frontier, 0, &fakes), 997);
    assert_eq!(
        call_all(&mut frontier, |_| Outcome::ConnectTimeout),
        128,
        "the liar's credit"
    );
    // Without credit nobody is put in anybody's place.
    assert_eq!(told(&mut frontier, 0, &fakes[1_500..]), []);

    let real: Vec<_> = (5_000..5_100).map(|n| claim(n, HOUR)).collect();
    // Twice the same, and one that made room in between.
    let all = [&real[..], &real, &fakes[..1_000]].concat();
    let admitted = told(&mut frontier, 1, &all);
    let new: BTreeSet<_> = admitted.iter().map(|it| it.addr).collect();
    let n_real = real.iter().filter(|it| new.contains(&it.addr)).count();
    assert!(n_real >= 90, "{n_real}");
    assert_eq!(frontier.n_known(), 1_000);
    let mut called = BTreeSet::new();
    call_all(&mut frontier, |addr| {
        assert!(called.insert(addr), "{addr} twice");
        match real.iter().any(|it| it.addr == addr) {
            true => Outcome::Complete,
            false => Outcome::ConnectTimeout,
        }
    });
    let n_called = real.iter().filter(|it| called.contains(&it.addr)).count();
    assert_eq!(n_called, n_real);
    let it = &frontier;
    let untrusted = usize::try_from(untrusted(it)).unwrap();
    assert_eq!(it.n_done() + untrusted, it.n_known());
}

#[test]
fn a_flood_that_everybody_repeats_takes_no_more_than_its_place() {
    let rules = Rules {
        first_credit: 1,
        last_credit: 0,
        ..rules()
    };
    let mut frontier = Frontier::new(rules, 7);
    learn_tellers(&mut frontier, 0..400);
    let fakes: Vec<_> = (0..1_000).map(|n| claim(n, HOUR)).collect();
    tell(&mut frontier, 0, &fakes);
    call_all(&mut frontier, |_| Outcome::ConnectTimeout);
    let mut n_calls = 0;
    for teller in 1..400 {
        tell(&mut frontier, teller, &fakes);
        assert!(frontier.n_waiting() <= 1, "no more than can be paid for");
        n_calls += call_all(&mut frontier, |_| Outcome::ConnectTimeout);
        assert!(frontier.tellers.n_listed() <= 4 * 1_000 + OUT_OF_DATE);
    }
    assert_eq!(n_calls, 399);
    assert_eq!(untrusted(&frontier), 600);
}

#[test]
fn a_crawl_that_goes_on_knows_the_second_teller_and_what_is_left_of_the_last_credit() {
    let rules = Rules {
        last_credit: 50,
        ..rules()
    };
    let mut frontier = Frontier::new(rules.clone(), 7);
    learn_tellers(&mut frontier, 0..2);
    let mut learned: Vec<_> = frontier.known().collect();
    let claims: Vec<_> = (0..1_000).map(|n| claim(n, HOUR)).collect();
    learned.extend(told(&mut frontier, 0, &claims));
    let mut visits: Vec<_> = (0..2).map(|n| (tellers(n), Outcome::Complete)).collect();
    call_all(&mut frontier, |addr| {
        visits.push((addr, Outcome::ConnectTimeout));
        Outcome::ConnectTimeout
    });
    assert_eq!((visits.len(), untrusted(&frontier)), (2 + 128 + 50, 822));
    learned.extend(told(&mut frontier, 1, &claims));
    assert_eq!(learned.len(), 2 + 1_000 + 822);

    let mut resumed = Frontier::new(rules, 8);
    for it in &learned {
        resumed.restore_learned(it, NOW);
    }
    for (addr, outcome) in &visits {
        resumed.restore_visit(addr, *outcome, 1, Dialect::Modern);
    }
    for frontier in [&mut frontier, &mut resumed] {
        let n_calls = call_all(frontier, |_| Outcome::ConnectTimeout);
        assert_eq!((n_calls, untrusted(frontier)), (128, 694));
    }
}

/// A public address of its own neighbourhood for every `n`: IPv4, IPv6, IPv4, onion.
const fn addr(n: u32) -> PeerAddr {
    let [_, a, b, c] = n.to_be_bytes();
    let host = match n % 4 {
        0 | 2 => Host::Ipv4([20 + a % 64, b, c, 1]),
        1 => Host::Ipv6([0x20, 0x03, a, b, 0, 0, 0, c, 0, 0, 0, 0, 0, 0, 0, 1]),
        _ => {
            let mut key = [7; 32];
            [key[0], key[1], key[2]] = [a, b, c];
            Host::Onion(key)
        }
    };
    PeerAddr { host, port: 8_333 }
}

fn tellers(n: u32) -> PeerAddr {
    addr(1_000_000 + n)
}

fn claim(n: u32, age: u32) -> Claim {
    Claim {
        addr: addr(n),
        time: Some(u32::try_from(NOW).unwrap() - age),
        services: 9,
    }
}

fn of(text: &str) -> Claim {
    Claim {
        addr: PeerAddr::parse(text, 8_333).unwrap(),
        ..claim(0, HOUR)
    }
}

fn rules() -> Rules {
    Rules {
        networks: PerNetwork([true; 5]),
        public_networks: PerNetwork([true; 5]),
        last_credit: 50,
        spacing: Duration::ZERO,
        ..Rules::default()
    }
}

fn set(addrs: &[PeerAddr]) -> BTreeSet<PeerAddr> {
    addrs.iter().copied().collect()
}

fn learn_all(frontier: &mut Frontier, all: impl Iterator<Item = u32>) {
    for n in all {
        frontier.learn(addr(n), 0, Hint::default());
    }
}

/// A frontier that heard of these, each from the teller whose number stands before it.
fn heard(claims: &[(u32, Claim)]) -> Frontier {
    let mut frontier = Frontier::new(rules(), 7);
    for teller in set(&claims.iter().map(|it| tellers(it.0)).collect::<Vec<_>>()) {
        frontier.learn(teller, 0, REACHABLE);
        take(&mut frontier, 0);
        frontier.finish(&teller, Outcome::Complete, Duration::ZERO);
    }
    for (teller, claim) in claims {
        tell(&mut frontier, *teller, &[*claim]);
    }
    frontier
}

/// Returns how many more are known then.
fn tell(frontier: &mut Frontier, teller: u32, claims: &[Claim]) -> usize {
    let n_known = frontier.n_known();
    told(frontier, teller, claims);
    frontier.n_known() - n_known
}

/// Returns what the store is to keep of it.
fn told(frontier: &mut Frontier, teller: u32, claims: &[Claim]) -> Vec<Learned> {
    let mut admitted = Vec::new();
    frontier.hear(&tellers(teller), claims, 0, NOW, &mut admitted);
    assert!(admitted.iter().all(|it| it.teller == Some(tellers(teller))));
    admitted
}

/// Has tellers with these numbers answer, so that they can tell.
fn learn_tellers(frontier: &mut Frontier, all: impl Iterator<Item = u32>) {
    for n in all {
        frontier.learn(tellers(n), 0, REACHABLE);
        take(frontier, 0);
        frontier.finish(&tellers(n), Outcome::Complete, Duration::ZERO);
    }
}

#[track_caller]
fn take(frontier: &mut Frontier, at_ms: u64) -> Task {
    match frontier.take_next(Duration::from_millis(at_ms)) {
        Next::Call(task) => task,
        other => panic!("{other:?}"),
    }
}

/// Takes everybody who can be called at once.
fn drain(frontier: &mut Frontier) -> Vec<PeerAddr> {
    let next = || match frontier.take_next(Duration::ZERO) {
        Next::Call(task) => Some(task.addr),
        Next::Wait(_) | Next::Nothing => None,
    };
    std::iter::from_fn(next).collect()
}

/// Calls everybody, one after the other, and returns how many calls that took.
fn call_all(frontier: &mut Frontier, mut end: impl FnMut(PeerAddr) -> Outcome) -> usize {
    let mut n_calls = 0;
    while let Next::Call(task) = frontier.take_next(SECOND) {
        n_calls += 1;
        frontier.finish(&task.addr, end(task.addr), SECOND);
    }
    n_calls
}

fn untrusted(frontier: &Frontier) -> u64 {
    let mut left_out = frontier.left_out();
    left_out
        .find(|(why, _)| *why == LeftOut::Untrusted)
        .unwrap()
        .1
}

/// A network of honest nodes who tell of each other and of dead ones, and of liars who tell of fakes.
struct World {
    n_honest: u32,
    n_liars: u32,
    /// Honest nodes, liars and dead ones.
    real: BTreeSet<PeerAddr>,
    told: BTreeMap<PeerAddr, Vec<Claim>>,
}

/// Fakes are numbered from here on.
const FIRST_FAKE: u32 = 100_000;
const N_SEEDS: u32 = 3;

impl World {
    fn new(seed: u64) -> World {
        let mut dice = fastrand::Rng::with_seed(seed);
        let (n_honest, n_liars, n_dead) = (dice.u32(20..120), dice.u32(0..8), dice.u32(0..300));
        let n_real = n_honest + n_liars + n_dead;
        let mut told = BTreeMap::new();
        for node in 0..n_honest {
            let n = dice.u32(5..60);
            let claims = (0..n).map(|_| claim(dice.u32(..n_real), dice.u32(..HOUR * 24 * 6)));
            told.insert(addr(node), claims.collect());
        }
        for liar in 0..n_liars {
            // Half of them are its own, half all liars tell.
            let own = FIRST_FAKE + 1_000 * (liar + 1);
            let fakes = (own..own + 300).chain(FIRST_FAKE..FIRST_FAKE + 300);
            let claims = fakes.map(|it| claim(it, dice.u32(..HOUR)));
            told.insert(addr(n_honest + liar), claims.collect());
        }
        World {
            n_honest,
            n_liars,
            real: (0..n_real).map(addr).collect(),
            told,
        }
    }

    /// Returns the honest nodes that a chain of honest claims leads to.
    fn findable(&self) -> BTreeSet<PeerAddr> {
        let honest: BTreeSet<_> = (0..self.n_honest).map(addr).collect();
        let mut found: BTreeSet<_> = (0..N_SEEDS).map(addr).collect();
        let mut new: Vec<_> = found.iter().copied().collect();
        while let Some(node) = new.pop() {
            let told = self.told[&node].iter().map(|it| it.addr);
            new.extend(told.filter(|it| honest.contains(it) && found.insert(*it)));
        }
        found
    }

    /// How a call ends; many nodes have full slots at first.
    fn outcome(&self, task: &Task) -> Outcome {
        let closes = match self.told.contains_key(&task.addr) {
            true => n_full(&task.addr),
            false => return Outcome::ConnectRefused,
        };
        match task.attempt <= closes {
            true => Outcome::ClosedBeforeVersion,
            false => Outcome::Complete,
        }
    }
}

/// How often a node hangs up before it has room.
fn n_full(addr: &PeerAddr) -> u16 {
    u16::from(addr.host.bytes()[2] % 3)
}

/// One crawl of a world, with everything that a store would keep of it.
struct Crawl<'a> {
    world: &'a World,
    frontier: Frontier,
    now: Duration,
    in_flight: Vec<Task>,
    dice: fastrand::Rng,
    learned: Vec<Learned>,
    visits: Vec<(Task, Outcome)>,
}

impl<'a> Crawl<'a> {
    fn new(world: &'a World, seed: u64) -> Crawl<'a> {
        let mut crawl = Crawl::empty(world, seed);
        for seed in 0..N_SEEDS {
            let (addr, hint) = (addr(seed), Hint::default());
            crawl.frontier.learn(addr, 0, hint);
            crawl.learned.extend(crawl.frontier.known().last());
        }
        crawl
    }

    fn empty(world: &'a World, seed: u64) -> Crawl<'a> {
        let mut dice = fastrand::Rng::with_seed(seed);
        let rules = Rules {
            max_in_flight: dice.usize(1..100),
            spacing: Duration::from_millis(100),
            ..rules()
        };
        Crawl {
            world,
            frontier: Frontier::new(rules, seed),
            now: Duration::ZERO,
            in_flight: Vec::new(),
            dice,
            learned: Vec::new(),
            visits: Vec::new(),
        }
    }

    /// Runs to the end, or at most until so many visits have taken place.
    fn run(&mut self, n_visits: usize) {
        while self.visits.len() < n_visits {
            self.now += Duration::from_millis(1);
            match self.frontier.take_next(self.now) {
                Next::Call(task) => {
                    let is_twice = self.in_flight.iter().any(|it| it.addr == task.addr);
                    assert!(!is_twice, "{task:?} twice at once");
                    self.in_flight.push(task);
                    if self.dice.bool() {
                        self.end_one();
                    }
                }
                Next::Wait(_) | Next::Nothing if !self.in_flight.is_empty() => self.end_one(),
                Next::Wait(until) => {
                    assert!(until > self.now);
                    self.now = until;
                }
                Next::Nothing => break,
            }
            self.check_counts();
        }
    }

    fn end_one(&mut self) {
        let which = self.dice.usize(..self.in_flight.len());
        let task = self.in_flight.swap_remove(which);
        if self.dice.u8(..10) == 0 {
            self.frontier.put_back(&task.addr);
            return;
        }
        let outcome = self.world.outcome(&task);
        self.frontier.finish(&task.addr, outcome, self.now);
        self.visits.push((task, outcome));
        if outcome.is_reachable() {
            let (claims, learned) = (&self.world.told[&task.addr], &mut self.learned);
            self.frontier
                .hear(&task.addr, claims, task.source, NOW, learned);
        }
    }

    fn check_counts(&self) {
        let it = &self.frontier;
        let untrusted = usize::try_from(untrusted(it)).unwrap();
        let sum = it.n_waiting() + it.n_in_flight() + it.n_done() + untrusted;
        assert_eq!(
            (it.n_known(), it.n_in_flight()),
            (sum, self.in_flight.len())
        );
        // Some have two rows, one for each of two tellers.
        let n_rows = it.n_known()..=2 * it.n_known();
        assert!(n_rows.contains(&self.learned.len()));
    }

    /// Begins again with what the store has, as after a power cut.
    fn resume(&self, seed: u64) -> Crawl<'a> {
        let mut crawl = Crawl::empty(self.world, seed);
        for learned in &self.learned {
            crawl.frontier.restore_learned(learned, NOW);
        }
        for (task, outcome) in &self.visits {
            let Task {
                addr,
                attempt,
                dialect,
                ..
            } = task;
            crawl
                .frontier
                .restore_visit(addr, *outcome, *attempt, *dialect);
        }
        crawl.learned.clone_from(&self.learned);
        crawl.visits.clone_from(&self.visits);
        crawl.check_counts();
        crawl
    }

    /// Returns how often each was called.
    fn calls(&self) -> BTreeMap<PeerAddr, u16> {
        let mut calls = BTreeMap::new();
        for (task, _) in &self.visits {
            *calls.entry(task.addr).or_insert(0) += 1;
        }
        calls
    }

    fn reachable(&self) -> BTreeSet<PeerAddr> {
        let reachable = self.visits.iter().filter(|(_, it)| it.is_reachable());
        reachable.map(|(task, _)| task.addr).collect()
    }
}
