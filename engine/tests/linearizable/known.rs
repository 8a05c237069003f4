//! Keys that have a record of their own, or get one in the race: each key's calls have an order for themselves.

use crate::counts::Counts;
use crate::event::Event;
use crate::meeting::Meeting;
use crate::plans::{self, PlanSet};
use crate::race::Race;
use crate::rules::{OneKey, with_insertions};
use crate::script;
use crate::search::search;
use crate::smallest::smallest;
use crate::subject::Subject;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use std::fmt::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use tidegate::{Limiter, Nanos, PlanId};

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

/// A limiter with plans.
pub(crate) struct House<S> {
    subject: S,
    sets: Vec<(PlanSet, Vec<PlanId>)>,
}

impl<S: Subject> House<S> {
    fn new(seed: u64, subject: &impl Fn(Limiter) -> S) -> Self {
        let limiter = Limiter::builder()
            .capacity(CAPACITY)
            .max_threads(2)
            .huge_pages(false)
            .longest_reservation(Nanos::MAX)
            .build()
            .unwrap();
        let mut rng = SmallRng::seed_from_u64(seed);
        let drawn = (0..5).map(|number| plans::drawn(&mut rng, number));
        let sets = plans::chosen().into_iter().chain(drawn).map(|plans| {
            let ids = plans.iter().map(|plan| limiter.add_plan(plan).unwrap()).collect();
            (plans, ids)
        });
        let sets = sets.collect();
        Self { subject: subject(limiter), sets }
    }
}

/// Races histories and searches each for an order; says of the first that has none what is wrong with it.
pub(crate) fn run<S: Subject>(runs: Runs, subject: impl Fn(Limiter) -> S) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let mut done = 0;
    while done < runs.histories {
        let house = House::new(runs.seed + done, &subject);
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
fn race_together<S: Subject>(house: &House<S>, runs: Runs, first: u64, count: u64) -> Result<Counts, String> {
    let races: Vec<_> = (first..first + count)
        .map(|number| {
            let script = script::draw(runs.seed + number, house.sets.len(), runs.threads);
            let ids = &house.sets[script.set].1;
            Race::new(script, &house.subject, ids, number * 3)
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

/// Keys have nothing to do with each other, as long as each has a record: one search a key.
fn search_each_key<S: Subject>(race: &Race<'_, S>, plans: &PlanSet) -> Result<Counts, String> {
    let (mut counts, events) = (Counts::default(), race.events());
    for key in 0..race.script.keys {
        let events: Vec<_> = events.iter().filter(|event| event.key == key).copied().collect();
        let (first, seen) = (OneKey::new(plans), events.len());
        let events = with_insertions(plans, &events);
        let outcome = search(&first, &events);
        if outcome.order.is_none() {
            return Err(report(&first, plans, &events));
        }
        counts.count(&events, seen, &outcome);
    }
    Ok(counts)
}

/// A history without an order, as a person can follow it.
fn report(first: &OneKey<'_>, plans: &PlanSet, events: &[Event]) -> String {
    let mut text =
        "there is no order of these calls that the rules allow, whatever became of the others:\n".to_owned();
    for (number, plan) in plans.iter().enumerate() {
        writeln!(text, "plan {number}, {}", plans::text(plan)).unwrap();
    }
    smallest(first, events).iter().for_each(|event| writeln!(text, "{event}").unwrap());
    writeln!(text, "of all of these:").unwrap();
    events.iter().for_each(|event| writeln!(text, "{event}").unwrap());
    text
}
