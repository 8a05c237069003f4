//! What is computed rather than simulated, beside its known values; and what pairs of runs have in common.

use super::case::{Answer, Case};
use super::queues;
use crate::simulate::{Draws, Purpose, Runs, Scenario, measure};
use crate::statistics::batch_means::BatchMeans;
use crate::statistics::fairness::{Shares, max_min_shares};
use crate::statistics::interval::{Level, Paired};
use crate::statistics::warm_up::{Cut, mser_5};
use anyhow::Context;

type Rows = fn(u64, usize) -> anyhow::Result<Vec<Answer>>;

pub(super) fn cases() -> Vec<Case> {
    let cases: [(&str, Rows); 5] = [
        ("Jain's index", jain),
        ("max-min shares of 10", max_min),
        ("MSER-5, a ramp of 100, then ±.1 for 900", mser),
        ("AR(1), φ .9, 1,000 series", autoregressive),
        ("common random numbers, M/M/1, μ 1 against 1.05", common_random_numbers),
    ];
    cases.map(|(set_up, rows)| Case::Computed { set_up: set_up.into(), rows }).into()
}

fn jain(_: u64, _: usize) -> anyhow::Result<Vec<Answer>> {
    let cases: [(&str, Vec<f64>, f64); 4] = [
        ("equal", vec![3.0; 7], 1.0),
        ("1 of 10", [vec![5.0], vec![0.0; 9]].concat(), 0.1),
        ("1..5", vec![1.0, 2.0, 3.0, 4.0, 5.0], 225.0 / 275.0),
        ("95 at 1 with 5 at 10", [vec![1.0; 95], vec![10.0; 5]].concat(), 145.0 * 145.0 / 59_500.0),
    ];
    let answer = |(name, amounts, expected): (&str, Vec<f64>, f64)| {
        let shares = Shares::new(amounts).context("amounts that can be shared")?;
        Ok(Answer::equal(name, expected, shares.jain(), 1e-9))
    };
    cases.into_iter().map(answer).collect()
}

fn max_min(_: u64, _: usize) -> anyhow::Result<Vec<Answer>> {
    let shares = max_min_shares(&[2.0, 2.6, 4.0, 5.0], 10.0).context("demands that can be met")?;
    let expected = [2.0, 2.6, 2.7, 2.7];
    let names = ["of a demand of 2", "of 2.6", "of 4", "of 5"];
    let rows = names.into_iter().zip(expected).zip(shares);
    Ok(rows.map(|((name, expected), found)| Answer::equal(name, expected, found, 1e-9)).collect())
}

fn mser(_: u64, _: usize) -> anyhow::Result<Vec<Answer>> {
    let ramp = (0..100).map(|place| f64::from(100 - place));
    let rest = (0..900).map(|place| if place % 2 == 0 { 0.1 } else { -0.1 });
    let cut = match mser_5(&ramp.chain(rest).collect::<Vec<_>>()) {
        Some(Cut::At(cut)) => cut as f64,
        _ => f64::NAN,
    };
    Ok(vec![Answer::equal("cut", 100.0, cut, 0.0)])
}

fn autoregressive(seed: u64, _: usize) -> anyhow::Result<Vec<Answer>> {
    let covered = (0..1_000)
        .filter(|number| {
            let mut means = BatchMeans::default();
            series(seed, *number).take(10_000).for_each(|value| means.push(value));
            means.interval(Level::PERCENT_95).is_ok_and(|interval| interval.covers(0.0))
        })
        .count();
    let share = covered as f64 / 10.0;
    Ok(vec![Answer {
        measure: "95% intervals that cover, %".into(),
        expected: "93 to 97".into(),
        found: share,
        holds: (93.0..=97.0).contains(&share),
    }])
}

/// A first-order autoregressive series about 0, φ .9, begun in its steady state.
fn series(seed: u64, number: u32) -> impl Iterator<Item = f64> {
    const PHI: f64 = 0.9;
    let draws = Draws::new(seed, number, "AR(1)");
    let mut value = draws.draw(0, Purpose::Phase, 0).normal() / (1.0 - PHI * PHI).sqrt();
    (0..).map(move |count| {
        value = PHI * value + draws.draw(0, Purpose::Arrival, count).normal();
        value
    })
}

fn common_random_numbers(seed: u64, threads: usize) -> anyhow::Result<Vec<Answer>> {
    let times = |service: &str| -> anyhow::Result<Vec<f64>> {
        let scenario = Scenario::parse("M/M/1", &queues::single_server(service))?;
        let found = measure(&scenario, Runs { seed, first: 0, replications: 40, threads, is_quiet: true })?;
        Ok(found.iter().filter_map(queues::W).collect())
    };
    let pairs = Paired::new(&times("1s")?, &times("952380952ns")?, Level::PERCENT_95).context("pairs")?;
    let ratio = pairs.variance_ratio.context("differences that vary")?;
    Ok(vec![Answer {
        measure: "variance of the difference, independent over paired".into(),
        expected: "above 5".into(),
        found: ratio,
        holds: ratio > 5.0,
    }])
}
