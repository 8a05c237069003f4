//! Histories of real threads.

use crate::counts::Counts;
use crate::house::{House, Size};
use crate::known::{search_crowded, search_each_key};
use crate::meeting::Meeting;
use crate::number;
use crate::race::Race;
use crate::script;
use crate::subject::Subject;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tidegate::{Limiter, Nanos};

/// Histories that are raced one after the other before they are searched.
const TOGETHER: u64 = 256;
const CROWDED_TOGETHER: u64 = 32;
/// Histories of one limiter, of three keys at most.
const OF_ONE_LIMITER: u64 = 64 * TOGETHER;
const ROOMY: Size = Size { keys: 3 * OF_ONE_LIMITER as usize, threads: 2, kept: Nanos::MAX };

/// How many histories of which threads.
#[derive(Clone, Copy)]
pub(crate) struct Runs {
    pub(crate) histories: u64,
    pub(crate) threads: usize,
    pub(crate) seed: u64,
}

/// Races histories and searches each for an order; says of the first that has none what is wrong with it.
pub(crate) fn run<S: Subject + Send>(runs: Runs, subject: impl Fn(Limiter) -> S) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let mut done = 0;
    while done < runs.histories {
        let house = Arc::new(House::new(runs.seed + done, ROOMY, &subject));
        let until = runs.histories.min(done + OF_ONE_LIMITER);
        while done < until {
            let together = done..until.min(done + TOGETHER);
            done = together.end;
            let race = |number| {
                let script = script::draw(runs.seed + number, house.sets.len(), runs.threads);
                Race::new(script, house.clone(), number * 3)
            };
            counts.add(&race_together(runs, together, race, search_each_key)?);
        }
    }
    Ok(counts)
}

/// The same where keys race for places, each time in a limiter of its own.
fn run_crowded(runs: Runs) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let mut done = 0;
    while done < runs.histories {
        let together = done..runs.histories.min(done + CROWDED_TOGETHER);
        done = together.end;
        let race = |number| {
            let house = House::new(runs.seed + number, Size::CROWDED, &|limiter| limiter);
            let script = script::draw_crowded(runs.seed + number, house.sets.len(), runs.threads);
            Race::new(script, Arc::new(house), 0)
        };
        counts.add(&race_together(runs, together, race, search_crowded)?);
    }
    Ok(counts)
}

/// Some histories: raced one after the other by all threads, then searched.
fn race_together<S: Subject + Send>(
    runs: Runs,
    numbers: Range<u64>,
    race: impl Fn(u64) -> Race<S>,
    search: fn(&Race<S>) -> Result<Counts, String>,
) -> Result<Counts, String> {
    let first = runs.seed + numbers.start;
    let races: Vec<_> = numbers.map(race).collect();
    races.iter().for_each(Race::begin);
    let meeting = Meeting::of(runs.threads);
    let (found, stop) = (Mutex::new(Ok(Counts::default())), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for thread in 0..runs.threads {
            let (races, meeting, found, stop) = (&races, &meeting, &found, &stop);
            scope.spawn(move || {
                for race in races {
                    meeting.leave_together();
                    race.run(thread);
                }
                meeting.wait();
                for (number, race) in races.iter().enumerate().skip(thread).step_by(runs.threads) {
                    if stop.load(Ordering::Relaxed) {
                        return;
                    }
                    race.end();
                    let searched =
                        search(race).map_err(|why| format!("history {}: {why}", first + number as u64));
                    stop.fetch_or(searched.is_err(), Ordering::Relaxed);
                    let mut found = found.lock().unwrap();
                    match (&mut *found, searched) {
                        (Ok(counts), Ok(of_one)) => counts.add(&of_one),
                        (Ok(_), Err(why)) => *found = Err(why),
                        (Err(_), _) => {}
                    }
                }
            });
        }
    });
    found.into_inner().unwrap()
}

/// So many histories of so many threads, unless the environment says otherwise.
fn runs(histories: u64, threads: usize) -> Runs {
    Runs {
        histories: number("TIDEGATE_HISTORIES").unwrap_or(histories),
        seed: number("TIDEGATE_SEED").unwrap_or(1),
        threads,
    }
}

/// One test after the other: threads that are to race within a call need processors of their own.
fn alone(histories: impl FnOnce() -> Result<Counts, String>) -> Counts {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let counts = histories().unwrap_or_else(|why| panic!("{why}"));
    println!("{counts}");
    assert!(counts.overlapping > 0, "no two calls overlapped: nothing was tried");
    counts
}

#[test]
fn two_threads_do_what_one_could() {
    alone(|| run(runs(3_000, 2), |limiter| limiter));
}

#[test]
fn three_threads_do_what_one_could() {
    alone(|| run(runs(3_000, 3), |limiter| limiter));
}

#[test]
fn four_threads_do_what_one_could() {
    alone(|| run(runs(3_000, 4), |limiter| limiter));
}

#[test]
fn two_threads_do_so_where_keys_are_forgotten() {
    let counts = alone(|| run_crowded(runs(500, 2)));
    assert!(counts.forgotten > 0 && counts.left_out * 10 < counts.histories, "{counts}");
}

#[test]
fn three_threads_do_so_where_keys_are_forgotten() {
    let counts = alone(|| run_crowded(runs(500, 3)));
    assert!(counts.forgotten > 0 && counts.left_out * 10 < counts.histories, "{counts}");
}
