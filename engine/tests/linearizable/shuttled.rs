//! The scripts of [`script`](crate::script) under shuttle: every atomic operation of the engine is a step, and which
//! thread takes the next one is drawn from a seed.
//!
//! `TIDEGATE_SCHEDULES` sets how many orders each test draws, `TIDEGATE_SEED` the first seed; a failure names its own.
//! Every history has a script of its own. What is not in it: orders that a processor's store buffers make, since to
//! shuttle each operation is as if `SeqCst`.

use crate::counts::Counts;
use crate::house::House;
use crate::known::search_each_key;
use crate::number;
use crate::race::Race;
use crate::script;
use crate::subject::Subject;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tidegate::Limiter;

/// Histories of one seed: the scheduler of few changes of thread learns from the first how long they are.
const OF_A_SEED: usize = 20;

/// Plays histories of so many threads; what they were, or the first that has no order.
fn run<S>(schedules: u64, threads: usize, subject: fn(Limiter) -> S) -> Result<Counts, String>
where
    S: Subject + Send + 'static,
{
    let first = number("TIDEGATE_SEED").unwrap_or(1);
    let schedules = number("TIDEGATE_SCHEDULES").unwrap_or(schedules);
    let found = Arc::new(Mutex::new(Ok(Counts::default())));
    for seed in first..first + schedules.div_ceil(OF_A_SEED as u64) {
        if seed % 2 == 0 {
            play(RandomScheduler::new_from_seed(seed, OF_A_SEED), seed, threads, subject, &found);
        } else {
            play(PctScheduler::new_from_seed(seed, 4, OF_A_SEED), seed, threads, subject, &found);
        }
        if found.lock().unwrap().is_err() {
            break;
        }
    }
    Arc::try_unwrap(found).expect("no thread is left").into_inner().unwrap()
}

fn play<S>(
    scheduler: impl Scheduler + 'static,
    seed: u64,
    threads: usize,
    subject: fn(Limiter) -> S,
    found: &Arc<Mutex<Result<Counts, String>>>,
) where
    S: Subject + Send + 'static,
{
    let mut config = Config::new();
    (config.silence_warnings, config.stack_size) = (true, 1 << 18);
    let (found, number) = (found.clone(), AtomicU64::new(seed * OF_A_SEED as u64));
    Runner::new(scheduler, config).run(move || {
        if found.lock().unwrap().is_err() {
            return;
        }
        let history = number.fetch_add(1, Ordering::Relaxed);
        // Drafts for one thread: the others must wait or go by shared ones.
        let house = Arc::new(House::new(history, 2, 1, &subject));
        let played = one(&house, history, threads);
        let mut found = found.lock().unwrap();
        match (&mut *found, played) {
            (Ok(counts), Ok(of_one)) => counts.add(&of_one),
            (_, Err(why)) => *found = Err(format!("TIDEGATE_SEED={seed}, history {history}: {why}")),
            (Err(_), Ok(_)) => {}
        }
    });
}

fn one<S: Subject + Send + 'static>(
    house: &Arc<House<S>>,
    history: u64,
    threads: usize,
) -> Result<Counts, String> {
    let script = script::draw_repeatably(history, house.sets.len(), threads);
    let set = script.set;
    let race = Arc::new(Race::new(script, house.clone(), 0));
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
    let mut counts = search_each_key(&race, &house.sets[set].0)?;
    counts.histories = 1;
    Ok(counts)
}

fn check(schedules: u64, threads: usize) {
    let counts = run(schedules, threads, |limiter| limiter).unwrap_or_else(|why| panic!("{why}"));
    println!("{threads} threads under shuttle\n{counts}");
    assert!(counts.overlapping * 2 > counts.searched, "shuttle lets most overlap: {counts}");
}

#[test]
fn three_threads_do_what_one_could() {
    check(400, 3);
}

#[test]
fn four_threads_do_what_one_could() {
    check(400, 4);
}

#[test]
fn five_threads_do_what_one_could() {
    check(200, 5);
}
