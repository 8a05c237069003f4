//! Hours of mixed load on millions of keys, with the clock running fast: does memory grow, does a decision get slower,
//! is a unit lost?
//!
//! Worker threads call at a given rate (`worker`). Every few seconds all of them stop for a moment, in which each
//! key that all may call is brought to account (`shared`) and a `sample` is taken. At the end `drift` says what
//! changed over time, and `graph` draws it.

mod cast;
mod clock;
mod control;
mod drift;
mod ending;
mod graph;
mod house;
mod report;
mod sample;
mod shared;
mod watched;
mod worker;

pub use house::Settings;
pub use report::Outcome;

use anyhow::Context;
use clock::FastClock;
use house::House;
use sample::{Sample, Sampler};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};
use tidegate::Timestamp;
use worker::{Report, Worker};

/// Where the workers and the thread that takes the samples meet.
#[derive(Debug)]
struct Meeting {
    /// The workers are to come.
    called: AtomicBool,
    /// And not to go on afterwards.
    over: AtomicBool,
    barrier: Barrier,
    /// The time at the meeting, later than any that a worker has shown.
    at: RwLock<Timestamp>,
    reports: Mutex<Vec<Report>>,
}

/// Runs the soak until its time is over or `interrupted` is set. Each sample is written to `lines` when it is taken.
pub fn run(settings: &Settings, interrupted: &AtomicBool, lines: &mut dyn Write) -> anyhow::Result<Outcome> {
    let house = House::new(settings)?;
    let clock = FastClock::start(settings.speed);
    let meeting = Meeting {
        called: AtomicBool::new(false),
        over: AtomicBool::new(false),
        barrier: Barrier::new(settings.threads + 1),
        at: RwLock::new(clock.now()),
        reports: Mutex::default(),
    };
    let mut workers: Vec<_> =
        (0..settings.threads).map(|number| Worker::new(&house, settings, clock, number)).collect();
    thread::scope(|scope| {
        for worker in &mut workers {
            scope.spawn(|| worker.settle_in());
        }
    });
    eprintln!("soak: {} keys are known after {:.0} s", house.limiter.keys(), clock.elapsed().as_secs_f64());
    writeln!(lines, "{}", serde_json::to_string(&report::Header::new(settings))?)?;
    let samples = thread::scope(|scope| {
        for worker in &mut workers {
            let meeting = &meeting;
            scope.spawn(move || worker.run(meeting));
        }
        let samples = lead(&house, settings, clock, &meeting, interrupted, lines);
        if samples.is_err() {
            meet(&meeting, clock, true, |_, _| ());
        }
        samples
    })?;
    Outcome::of(settings, samples)
}

/// Calls the meetings and takes the samples.
fn lead(
    house: &House,
    settings: &Settings,
    clock: FastClock,
    meeting: &Meeting,
    interrupted: &AtomicBool,
    lines: &mut dyn Write,
) -> anyhow::Result<Vec<Sample>> {
    let start = Instant::now();
    let (mut sampler, mut samples) = (Sampler::new(), Vec::new());
    loop {
        let due = start + settings.interval * (samples.len() as u32 + 1);
        while Instant::now() < due && !interrupted.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(20).min(due.saturating_duration_since(Instant::now())));
        }
        let over = start.elapsed() >= settings.length || interrupted.load(Ordering::Relaxed);
        let sample =
            meet(meeting, clock, over, |at, reports| sampler.take(house, start.elapsed(), at, reports));
        let written = serde_json::to_string(&sample).map_err(Into::into).and_then(|line| {
            writeln!(lines, "{line}").and_then(|()| lines.flush()).context("cannot write the samples")
        });
        sample.print();
        samples.push(sample);
        if over {
            written?;
            return Ok(samples);
        }
        written?;
    }
}

/// Has the workers come together, bring the shared keys to account, and wait while their reports are read.
fn meet<T>(
    meeting: &Meeting,
    clock: FastClock,
    over: bool,
    read: impl FnOnce(Timestamp, Vec<Report>) -> T,
) -> T {
    meeting.over.store(over, Ordering::Relaxed);
    meeting.called.store(true, Ordering::Relaxed);
    meeting.barrier.wait();
    let at = clock.now();
    *meeting.at.write().unwrap_or_else(PoisonError::into_inner) = at;
    meeting.called.store(false, Ordering::Relaxed);
    meeting.barrier.wait();
    // The workers make their calls on the shared keys and leave their reports.
    meeting.barrier.wait();
    let reports = std::mem::take(&mut *meeting.reports.lock().unwrap_or_else(PoisonError::into_inner));
    let read = read(at, reports);
    meeting.barrier.wait();
    read
}
