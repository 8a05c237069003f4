//! Retries with known answers.

use super::case::{Answer, Case, Expected, Measure};
use super::queues::OPEN;
use crate::simulate::{Measured, Runs, Scenario, measure};

/// Attempts that a call takes.
const ATTEMPTS: Measure = |found: &Measured| Some(found.total().offered as f64 / found.total().calls as f64);
/// Attempts of all clients together.
const CALLS: Measure = |found: &Measured| Some(found.total().offered as f64);
/// When the last client has its answer.
const TIME: Measure = |found: &Measured| found.total().seconds_to_success_most;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (failure, attempts) in [(0.1, 1.111), (0.5, 1.875), (0.9, 3.439)] {
        cases.push(Case::Simulated {
            set_up: format!("an attempt fails with p {failure}, 3 retries"),
            scenario: format!(
                "duration = \"1h\"\nwarm_up = \"1min\"\n[backend]\nservers = 1000\nservice = \"10ms\"\nfailure = {failure}\n{OPEN}\
                 [[population]]\nname = \"calls\"\nplan = \"open\"\nclients = 1000\nround_trip = \"1ms\"\n\
                 retry = {{ policy = \"immediate\", retries = 3 }}\narrivals = {{ poisson = \"0.01/s\" }}\n"
            ),
            expected: vec![Expected { name: "attempts", measure: ATTEMPTS, value: attempts, within: 0.005, sampled: false }],
        });
    }
    for (name, retry, calls, time) in [
        ("none", "policy = \"immediate\"", 2417.0, 2.03),
        ("exponential", "policy = \"exponential\", base = \"10ms\", cap = \"2s\"", 1859.0, 63.3),
        ("equal jitter", "policy = \"equal-jitter\", base = \"10ms\", cap = \"2s\"", 811.0, 6.45),
        ("full jitter", "policy = \"full-jitter\", base = \"10ms\", cap = \"2s\"", 795.0, 4.94),
        ("decorrelated", "policy = \"decorrelated-jitter\", base = \"5ms\", cap = \"2s\"", 1003.0, 4.68),
    ] {
        cases.push(Case::Simulated {
            set_up: format!("optimistic concurrency, 100 clients, backoff {name}"),
            // A hop takes |N(10, 2)| ms; to read the version and to write it take one there and one back each. The first is
            // that of the first read.
            scenario: format!(
                "duration = \"10min\"\n[backend]\nservers = 100\noptimistic = true\n\
                 service = {{ normal = {{ mean = \"20ms\", sd = \"2828427ns\" }} }}\n{OPEN}\
                 [[population]]\nname = \"writers\"\nplan = \"open\"\nclients = 100\narrivals = {{ at-once = {{ normal = {{ mean = \"10ms\", sd = \"2ms\" }} }} }}\n\
                 round_trip = {{ normal = {{ mean = \"20ms\", sd = \"2828427ns\" }} }}\n\
                 retry = {{ {retry}, retries = 65535 }}\n"
            ),
            expected: vec![
                Expected { name: "calls", measure: CALLS, value: calls, within: 0.02, sampled: true },
                Expected { name: "time", measure: TIME, value: time, within: 0.05, sampled: true },
            ],
        });
    }
    for (jitter, calls) in [("0s", 472.0), ("100ms", 158.0), ("1s", 19.5), ("5s", 4.8), ("20s", 2.1)] {
        cases.push(Case::Simulated {
            set_up: format!("1,000 clients on 50/s, told the next free token, plus U(0, {jitter})"),
            scenario: format!(
                "duration = \"5min\"\n[[plans.fifty.limits]]\nunit = \"requests\"\namount = 1\nwindow = \"20ms\"\nburst = 10.0\n\
                 [[population]]\nname = \"herd\"\nplan = \"fifty\"\nclients = 1000\nclients_per_key = 1000\n\
                 arrivals = {{ at-once = \"0s\" }}\nround_trip = \"100us\"\n\
                 retry = {{ policy = \"retry-after\", retries = 65535, jitter = \"{jitter}\" }}\n"
            ),
            expected: vec![Expected {
                name: "calls a client",
                measure: |found| Some(found.total().offered as f64 / 1000.0),
                value: calls,
                within: 0.05,
                sampled: true,
            }],
        });
    }
    for (set_up, rows) in [
        (
            "μ 300, 1 retry, κ 1",
            (|seed, threads| edge(300.0, 1, 1.0, seed, threads))
                as fn(u64, usize) -> anyhow::Result<Vec<Answer>>,
        ),
        ("μ 1000, 3 retries, κ .5", |seed, threads| edge(1000.0, 3, 0.5, seed, threads)),
        ("μ 300, 1 retry, κ 0", |seed, threads| edge(300.0, 1, 0.0, seed, threads)),
    ] {
        cases
            .push(Case::Computed { set_up: format!("a stuck state beside the healthy one: {set_up}"), rows });
    }
    cases
}

/// Whether the backend stays stuck after a herd has come, just above the load at which it can, and heals just below.
fn edge(capacity: f64, retries: u32, cost: f64, seed: u64, threads: usize) -> anyhow::Result<Vec<Answer>> {
    // With κ 0 no load below μ can be stuck.
    let most_work = (0..=1_000).map(|p| work(f64::from(p) / 1_000.0, retries, cost)).fold(0.0, f64::max);
    let edge = capacity / most_work;
    let loads = if most_work > 1.0 {
        vec![(edge * 0.97, false), (edge * 1.03, true)]
    } else {
        vec![(capacity * 0.97, false)]
    };
    let mut answers = Vec::new();
    for (load, stuck) in loads {
        let scenario = Scenario::parse("the edge", &herd(load, capacity, retries, cost))?;
        let served = measure(&scenario, Runs { seed, first: 0, replications: 4, threads, is_quiet: true })?
            .iter()
            .map(|found| found.total().success_share)
            .collect::<Vec<_>>();
        let found = served.iter().sum::<f64>() / served.len() as f64;
        answers.push(Answer {
            measure: format!("calls served an hour after a herd, λ {load:.1}"),
            expected: if stuck { "stuck: below 0.5" } else { "healed: above 0.95" }.into(),
            found,
            holds: served.iter().all(|served| if stuck { *served < 0.5 } else { *served > 0.95 }),
        });
    }
    Ok(answers)
}

/// The work that a call makes, in good calls, where an attempt is refused with probability `p`.
fn work(p: f64, retries: u32, cost: f64) -> f64 {
    let refusals: f64 = (1..=retries as i32 + 1).map(|attempt| p.powi(attempt)).sum();
    1.0 - p.powi(retries as i32 + 1) + cost * refusals
}

/// Calls to a server with a short queue, among which a herd comes; counted is what happens an hour later.
fn herd(load: f64, capacity: f64, retries: u32, cost: f64) -> String {
    let (service, refusal) = (1e9 / capacity, cost * 1e9 / capacity);
    format!(
        "duration = \"70min\"\nwarm_up = \"60min\"\n[backend]\nservers = 1\nqueue = 10\nservice = \"{service:.0}ns\"\n\
         refusal = \"{refusal:.0}ns\"\n{OPEN}\
         [[population]]\nname = \"calls\"\nplan = \"open\"\nclients = 1000\nround_trip = \"1ms\"\n\
         arrivals = {{ poisson = \"{:.6}/s\" }}\nretry = {{ policy = \"immediate\", retries = {retries} }}\n\
         [[population]]\nname = \"herd\"\nplan = \"open\"\nclients = {}\nround_trip = \"1ms\"\n\
         arrivals = {{ at-once = \"1min\" }}\nretry = {{ policy = \"immediate\", retries = {retries} }}\n",
        load / 1000.0,
        (capacity * 30.0) as u32,
    )
}
