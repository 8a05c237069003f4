//! Limits with known answers.

use super::case::{Answer, Case, Expected, Measure};
use super::queues::OPEN;
use crate::simulate::{Measured, Runs, Scenario, measure};
use crate::statistics::interval::{Interval, Level};
use crate::statistics::queues::{bucket_loss, erlang_b, segmented_window_loss};
use anyhow::Context;

/// The share of calls denied, of clients that do not retry.
const LOSS: Measure = |found: &Measured| Some(found.total().denied_share());

/// Poisson calls of clients that do not retry, each with a key of its own.
fn scenario(limits: &str, clients: u32, rate: f64, hours: u32, warm_up: u32) -> String {
    format!(
        "duration = \"{hours}h\"\nwarm_up = \"{warm_up}s\"\n{limits}\
         [[population]]\nname = \"calls\"\nplan = \"limited\"\nclients = {clients}\nretry = \"none\"\nround_trip = \"100us\"\n\
         arrivals = {{ poisson = \"{rate:.6}/s\" }}\n"
    )
}

/// A bucket of so many that refills one a second: the window would need as many calls more.
fn bucket(capacity: u32) -> String {
    format!(
        "[[plans.limited.limits]]\nunit = \"requests\"\namount = 1\nwindow = \"1s\"\nburst = {}.0\n",
        capacity - 1
    )
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (rate, capacity, loss, hours) in
        [(0.8, 5, 0.03529, 15), (1.0, 10, 0.05085, 12), (1.2, 10, 0.1709, 3), (2.0, 10, 0.5000, 2)]
    {
        cases.push(Case::Simulated {
            set_up: format!("bucket alone: ρ {rate}, B {capacity}"),
            scenario: scenario(&bucket(capacity), 30, rate, hours, 600),
            expected: vec![Expected {
                name: "loss",
                measure: LOSS,
                value: loss,
                within: 0.01,
                sampled: false,
            }],
        });
    }
    for (rate, loss, hours) in [(100.0, 0.07570, 60), (120.0, 0.1963, 20)] {
        cases.push(Case::Simulated {
            // A place that is held for the window's length is a server that is busy for so long.
            set_up: format!("window alone, exact log: 100 a W, a {rate}"),
            scenario: format!(
                "duration = \"{hours}h\"\nwarm_up = \"600s\"\n[backend]\nservers = 100\nqueue = 0\nservice = \"60s\"\n{OPEN}\
                 [[population]]\nname = \"calls\"\nplan = \"open\"\nclients = 1000\nretry = \"none\"\nround_trip = \"100us\"\n\
                 arrivals = {{ poisson = \"{:.6}/s\" }}\n",
                rate / 60.0 / 1000.0
            ),
            expected: vec![Expected {
                name: "loss",
                measure: |found| found.backend().map(|backend| backend.loss),
                value: loss,
                within: 0.01,
                sampled: false,
            }],
        });
    }
    cases.push(Case::Computed {
        set_up: "window in segments and bucket: 100 a W, C 100, a 100".into(),
        rows: window,
    });
    cases
}

/// A window that counts in segments holds a place for W to W + W/7, so that it loses more than an exact log and no more than
/// one of W + W/7; the bucket beside it adds what it loses alone, at most.
fn window(seed: u64, threads: usize) -> anyhow::Result<Vec<Answer>> {
    let plan =
        "[[plans.limited.limits]]\nunit = \"requests\"\namount = 100\nwindow = \"1min\"\nburst = 0.0\n";
    let scenario = Scenario::parse("window", &scenario(plan, 30, 100.0 / 60.0, 20, 600))?;
    let losses: Vec<f64> =
        measure(&scenario, Runs { seed, first: 0, replications: 20, threads, is_quiet: true })?
            .iter()
            .filter_map(LOSS)
            .collect();
    let found = Interval::of_mean(&losses, Level::PERCENT_99).context("losses of calls")?;
    let loss = |load: f64| erlang_b(100, load).context("a load of Erlang's");
    let bucket = bucket_loss(100, 1.0).context("a load of a bucket")?;
    let (low, high) = (loss(100.0)?.max(bucket), loss(100.0 * 8.0 / 7.0)? + bucket);
    let formula = segmented_window_loss(100, 100.0, 7).context("a load of a window")?;
    Ok(vec![
        Answer {
            measure: "loss, between those of an exact log and of W + W/7 with the bucket's".into(),
            expected: format!("{low:.4} to {high:.4}"),
            found: found.centre,
            holds: found.low() >= low && found.high() <= high,
        },
        Answer {
            measure: format!("that over Erlang B(N, a(1 + 1/2n)) = {formula:.4}; told, not judged"),
            expected: "–".into(),
            found: found.centre / formula,
            holds: true,
        },
    ])
}
