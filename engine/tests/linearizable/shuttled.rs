//! The scripts of [`script`](crate::script) under shuttle: every atomic operation of the engine is a step, and which
//! thread takes the next one is drawn from a seed.
//!
//! `TIDEGATE_SCHEDULES` sets how many orders each test draws, `TIDEGATE_SEED` the first seed; a failure names its own.
//! Every history has a script of its own. What is not in it: orders that a processor's store buffers make, since to
//! shuttle each operation is as if `SeqCst`.

use crate::counts::Counts;
use crate::house::{House, Size};
use crate::known::{search_crowded, search_each_key};
use crate::number;
use crate::race::Race;
use crate::script;
use crate::subject::Subject;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tidegate::{Limiter, Nanos};

/// Histories of one seed: the scheduler of few changes of thread learns from the first how long they are.
const OF_A_SEED: usize = 20;
/// Drafts for one thread: the others go by shared ones, or wait for one.
const ROOMY: Size = Size { keys: 2, threads: 1, kept: Nanos::MAX };

type Found = Mutex<Result<Counts, String>>;

/// Plays histories, each given its number; what they were, or the first that has no order.
pub(crate) fn run(
    schedules: u64,
    play: impl Fn(u64) -> Result<Counts, String> + Copy + Send + Sync + 'static,
) -> Result<Counts, String> {
    let first = number("TIDEGATE_SEED").unwrap_or(1);
    let schedules = number("TIDEGATE_SCHEDULES").unwrap_or(schedules);
    let found = Arc::new(Found::new(Ok(Counts::default())));
    for seed in first..first + schedules.div_ceil(OF_A_SEED as u64) {
        if seed % 2 == 0 {
            schedule(RandomScheduler::new_from_seed(seed, OF_A_SEED), seed, play, &found);
        } else {
            schedule(PctScheduler::new_from_seed(seed, 4, OF_A_SEED), seed, play, &found);
        }
        if found.lock().unwrap().is_err() {
            break;
        }
    }
    Arc::try_unwrap(found).expect("no thread is left").into_inner().unwrap()
}

fn schedule(
    scheduler: impl Scheduler + 'static,
    seed: u64,
    play: impl Fn(u64) -> Result<Counts, String> + Copy + Send + Sync + 'static,
    found: &Arc<Found>,
) {
    let mut config = Config::new();
    (config.silence_warnings, config.stack_size) = (true, 1 << 18);
    let (found, number) = (found.clone(), AtomicU64::new(seed * OF_A_SEED as u64));
    Runner::new(scheduler, config).run(move || {
        if found.lock().unwrap().is_err() {
            return;
        }
        let history = number.fetch_add(1, Ordering::Relaxed);
        let played = play(history);
        let mut found = found.lock().unwrap();
        match (&mut *found, played) {
            (Ok(counts), Ok(of_one)) => counts.add(&of_one),
            (_, Err(why)) => {
                let again = format!("TIDEGATE_SEED={seed} TIDEGATE_SCHEDULES={OF_A_SEED}");
                *found = Err(format!("history {history} ({again}): {why}"));
            }
            (Err(_), Ok(_)) => {}
        }
    });
}

/// A history of keys that find room.
pub(crate) fn roomy<S: Subject + Send + 'static>(
    history: u64,
    threads: usize,
    subject: impl Fn(Limiter) -> S,
) -> Result<Counts, String> {
    let house = House::new(history, ROOMY, &subject);
    let script = script::draw_repeatably(history, house.sets.len(), threads);
    let race = Race::new(script, Arc::new(house), 0);
    search_each_key(&raced(race, threads))
}

/// A history of keys that race for places.
fn crowded(history: u64, threads: usize) -> Result<Counts, String> {
    let house = House::new(history, Size::CROWDED, &|limiter| limiter);
    let script = script::draw_crowded(history, house.sets.len(), threads);
    search_crowded(&raced(Race::new(script, Arc::new(house), 0), threads))
}

fn raced<S: Subject + Send + 'static>(race: Race<S>, threads: usize) -> Arc<Race<S>> {
    let race = Arc::new(race);
    race.begin();
    let running: Vec<_> = (1..threads)
        .map(|thread| {
            let race = race.clone();
            shuttle::thread::spawn(move || race.run(thread))
        })
        .collect();
    race.run(0);
    running.into_iter().for_each(|thread| thread.join().unwrap());
    race.end();
    race
}

fn check(
    schedules: u64,
    play: impl Fn(u64) -> Result<Counts, String> + Copy + Send + Sync + 'static,
) -> Counts {
    let counts = run(schedules, play).unwrap_or_else(|why| panic!("{why}"));
    println!("{counts}");
    assert!(counts.overlapping > 0, "shuttle lets calls overlap: {counts}");
    counts
}

#[test]
fn three_threads_do_what_one_could() {
    check(4_000, |history| roomy(history, 3, |limiter| limiter));
}

#[test]
fn four_threads_do_what_one_could() {
    check(4_000, |history| roomy(history, 4, |limiter| limiter));
}

#[test]
fn five_threads_do_what_one_could() {
    check(2_000, |history| roomy(history, 5, |limiter| limiter));
}

#[test]
fn three_threads_do_so_where_keys_are_forgotten() {
    let counts = check(2_000, |history| crowded(history, 3));
    assert!(counts.forgotten > 0 && counts.left_out * 10 < counts.histories, "{counts}");
}

#[test]
fn four_threads_do_so_where_keys_are_forgotten() {
    let counts = check(2_000, |history| crowded(history, 4));
    assert!(counts.forgotten > 0 && counts.left_out * 10 < counts.histories, "{counts}");
}
