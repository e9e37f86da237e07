//! What a race shows, in a few words.

use crate::contest::{Standing, ratio};
use crate::strategy::Strategy;

/// From this ratio of two times on, one is called quicker than the other: less is chance.
const CLEARLY: f64 = 1.15;

/// Says what `standings` show; `with_work` where every call had work for the CPU behind it.
pub fn verdict(standings: &[Standing], with_work: bool) -> String {
    let reached = |it: &Standing| it.lap.n_reached();
    if standings.iter().all(|it| reached(it) == 0) {
        return "Nobody answered, so this shows nothing.".to_owned();
    }
    let mut sentences = Vec::new();
    let (least, most) = (
        standings.iter().map(reached).min(),
        standings.iter().map(reached).max(),
    );
    if least != most {
        let each: Vec<_> = standings
            .iter()
            .map(|it| format!("{} {}", it.lap.strategy, reached(it)))
            .collect();
        sentences.push(format!(
            "They did not reach as many nodes ({}), so compare their times with care.",
            each.join(", ")
        ));
    }
    sentences.extend(of_the_loop(standings, with_work));
    if with_work {
        sentences.extend(of_work(standings));
    }
    if sentences.is_empty() {
        sentences.push(
            "With `serial` among the strategies there is something to compare with.".to_owned(),
        );
    }
    sentences.join(" ")
}

/// What the loop's time was spent on, and who did better.
fn of_the_loop(standings: &[Standing], with_work: bool) -> Option<String> {
    let serial = standing(standings, Strategy::Serial)?;
    let others = || {
        standings
            .iter()
            .filter(|it| it.lap.strategy != Strategy::Serial)
    };
    let least = others().map(wall).min()?;
    let ahead = ratio(wall(serial), least);
    if ahead < CLEARLY {
        return Some("Nobody was clearly quicker than the loop.".to_owned());
    }
    // Who is behind by less than is clear is named as well.
    let quickest = others().filter(|it| ratio(wall(it), least) < CLEARLY);
    let names: Vec<_> = quickest.map(|it| it.lap.strategy.name()).collect();
    let were = match names.as_slice() {
        [one] => format!("{one} was the quickest"),
        several => format!("{} were the quickest", listed(several)),
    };
    let ahead = format!("{were}, {ahead:.1} times as fast as the loop");
    Some(match with_work {
        true => format!("{ahead}."),
        false => format!(
            "{ahead}, which spent {} of its calls waiting: what counts is how many calls wait at the same time, not \
             how many cores there are.",
            percent(serial.waiting_share())
        ),
    })
}

/// Writes `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// What work for the CPU does to tasks on one thread, and what helps.
fn of_work(standings: &[Standing]) -> Option<String> {
    let here = standing(standings, Strategy::Tasks)?;
    let apart = standing(standings, Strategy::TasksAndPool)?;
    let ahead = ratio(wall(here), wall(apart));
    Some(match ahead >= CLEARLY {
        true => format!(
            "Work queues up on the one thread of the tasks: with `spawn_blocking` it moves to {} others, {ahead:.1} times \
             as fast.",
            apart.n_threads - 1
        ),
        false => "To move the work away from the one thread of the tasks (`spawn_blocking`) made no clear difference: there is \
                  too little of it, or no core is free for it."
            .to_owned(),
    })
}

fn standing(standings: &[Standing], strategy: Strategy) -> Option<&Standing> {
    standings.iter().find(|it| it.lap.strategy == strategy)
}

fn wall(standing: &Standing) -> u64 {
    standing.lap.usage.wall_us
}

/// Writes a share so that almost all is not all.
fn percent(share: f64) -> String {
    match share * 100.0 {
        most if most > 99.9 => "more than 99.9 %".to_owned(),
        other => format!("{other:.1} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lap::Lap;
    use crate::measure::Usage;
    use crate::times::CallTimes;
    use proto::PeerAddr;

    #[test]
    fn all_the_time_is_waiting() {
        check(
            &[
                (Strategy::Serial, 8_000, 2),
                (Strategy::Threads, 1_100, 2),
                (Strategy::Pool, 2_000, 2),
                (Strategy::Tasks, 1_000, 2),
            ],
            false,
            "threads and tasks were the quickest, 8.0 times as fast as the loop, which spent 90.0 % of its calls waiting: what \
             counts is how many calls wait at the same time, not how many cores there are.",
        );
    }

    #[test]
    fn work_queues_up_on_one_thread() {
        check(
            &[
                (Strategy::Serial, 8_000, 2),
                (Strategy::Threads, 2_000, 2),
                (Strategy::Tasks, 4_000, 2),
                (Strategy::TasksAndPool, 2_100, 2),
            ],
            true,
            "threads and tasks_and_pool were the quickest, 4.0 times as fast as the loop. Work queues up on the one \
             thread of the tasks: with `spawn_blocking` it moves to 2 others, 1.9 times as fast.",
        );
    }

    #[test]
    fn who_did_not_do_the_same_is_named() {
        check(
            &[(Strategy::Serial, 1_000, 2), (Strategy::Pool, 950, 1)],
            false,
            "They did not reach as many nodes (serial 2, pool 1), so compare their times with care. Nobody was clearly \
             quicker than the loop.",
        );
    }

    #[test]
    fn without_a_loop_or_an_answer_little_can_be_said() {
        let alone = "With `serial` among the strategies there is something to compare with.";
        check(&[(Strategy::Pool, 950, 2)], false, alone);
        let nobody = "Nobody answered, so this shows nothing.";
        check(&[(Strategy::Serial, 950, 0)], true, nobody);
    }

    /// Says what laps of two calls show that took so many microseconds and reached so many nodes.
    #[track_caller]
    fn check(laps: &[(Strategy, u64, usize)], with_work: bool, expected: &str) {
        let standings: Vec<_> = laps.iter().map(|it| standing_of(*it)).collect();
        assert_eq!(verdict(&standings, with_work), expected);
    }

    fn standing_of((strategy, wall_us, n_reached): (Strategy, u64, usize)) -> Standing {
        let addr = PeerAddr::new(std::net::Ipv4Addr::LOCALHOST, 1);
        let call = |n| CallTimes {
            ended_us: 1_000,
            ..CallTimes::unmade(
                &addr,
                0,
                0,
                if n < n_reached {
                    "complete"
                } else {
                    "version_timeout"
                },
            )
        };
        let usage = Usage {
            wall_us,
            cpu_us: 200,
            ..Usage::default()
        };
        let hands = strategy.hands(2, 2, 2);
        Standing {
            walls_us: vec![wall_us],
            lap: Lap {
                strategy,
                calls: (0..2).map(call).collect(),
                usage,
            },
            n_threads: hands.n_threads,
            n_processes: hands.n_processes,
            speed_up: None,
        }
    }
}
