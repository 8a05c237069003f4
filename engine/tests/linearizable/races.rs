//! Histories of real threads.

use crate::counts::Counts;
use crate::house::House;
use crate::known::search_each_key;
use crate::meeting::Meeting;
use crate::number;
use crate::race::Race;
use crate::script;
use crate::subject::Subject;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tidegate::Limiter;

/// Histories that are raced one after the other before they are searched.
const TOGETHER: u64 = 256;
/// Histories of one limiter, of three keys at most.
const OF_ONE_LIMITER: u64 = 64 * TOGETHER;
const CAPACITY: usize = 3 * OF_ONE_LIMITER as usize;

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
        let house = Arc::new(House::new(runs.seed + done, CAPACITY, 2, &subject));
        let until = runs.histories.min(done + OF_ONE_LIMITER);
        while done < until {
            let together = TOGETHER.min(until - done);
            counts.add(&race_together(&house, runs, done, together)?);
            done += together;
        }
    }
    counts.histories = done;
    Ok(counts)
}

/// Some histories: raced one after the other by all threads, then searched.
fn race_together<S: Subject + Send>(
    house: &Arc<House<S>>,
    runs: Runs,
    first: u64,
    count: u64,
) -> Result<Counts, String> {
    let races: Vec<_> = (first..first + count)
        .map(|number| {
            let script = script::draw(runs.seed + number, house.sets.len(), runs.threads);
            Race::new(script, house.clone(), number * 3)
        })
        .collect();
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
                    let searched = search_each_key(race, &house.sets[race.script.set].0)
                        .map_err(|why| format!("history {}: {why}", runs.seed + first + number as u64));
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

#[test]
fn two_threads_do_what_one_could() {
    known(2);
}

#[test]
fn three_threads_do_what_one_could() {
    known(3);
}

#[test]
fn four_threads_do_what_one_could() {
    known(4);
}

fn known(threads: usize) {
    // One after the other: two threads that race need two processors.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let counts = run(runs(3_000, threads), |limiter| limiter).unwrap_or_else(|why| panic!("{why}"));
    println!("{threads} threads\n{counts}");
    assert!(counts.overlapping > 0, "no two calls overlapped: nothing was tried");
}
