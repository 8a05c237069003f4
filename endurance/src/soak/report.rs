//! What a run comes to: what drifted, what was lost.

use super::drift::Drift;
use super::house::Settings;
use super::sample::Sample;
use super::{cast, graph};
use serde::Serialize;
use std::fmt;
use tidegate_benches::machine::Machine;

/// The first line of the output.
#[derive(Debug, Serialize)]
pub(super) struct Header<'a> {
    machine: String,
    settings: &'a Settings,
    plans: usize,
}

impl<'a> Header<'a> {
    pub(super) fn new(settings: &'a Settings) -> Self {
        Self { machine: Machine::here().to_string(), settings, plans: cast::plans().len() }
    }
}

/// A finished or interrupted run.
#[derive(Debug)]
pub struct Outcome {
    threads: usize,
    samples: Vec<Sample>,
}

impl Outcome {
    pub(super) fn of(settings: &Settings, samples: Vec<Sample>) -> anyhow::Result<Self> {
        anyhow::ensure!(!samples.is_empty(), "there is no sample");
        Ok(Self { threads: settings.threads, samples })
    }

    /// Units and calls that are not where the accounts have them.
    pub fn errors(&self) -> u64 {
        self.samples.last().map_or(0, |sample| sample.errors.sum())
    }

    /// The graph, as SVG text.
    pub fn graph(&self) -> anyhow::Result<String> {
        graph::draw(&self.samples)
    }

    fn drift(&self, figure: impl Fn(&Sample) -> f64) -> Option<Drift> {
        let points: Vec<_> = self.samples.iter().map(|sample| (sample.seconds, figure(sample))).collect();
        Drift::of(&points)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MEBIBYTE: f64 = 1_048_576.0;
        let Some(last) = self.samples.last() else { return f.write_str("no sample") };
        writeln!(f, "{}", Machine::here())?;
        writeln!(
            f,
            "{:.0} s by the wall, {:.1} days by the fast clock, {} threads, {} samples\n\
             decisions   {} ({} admitted, {} denied), {} settled, {} cancelled\n\
             keys        {} known, {} forgotten for others; {} calls without a record of their own\n\
             guard       {} blocks, {} addresses on record, {} not tracked for want of room",
            last.seconds,
            last.days,
            self.threads,
            self.samples.len(),
            last.admitted + last.denied,
            last.admitted,
            last.denied,
            last.settled,
            last.cancelled,
            last.keys,
            last.forgotten,
            last.overflowed,
            last.blocks,
            last.guard_addresses,
            last.guard_untracked,
        )?;
        let mut line = |name: &str, unit: &str, drift: Option<Drift>| match drift {
            None => writeln!(f, "{name:<22} too few samples to tell a drift"),
            Some(Drift { first, last, per_hour, interval: (low, high) }) => writeln!(
                f,
                "{name:<22} {first:9.1} → {last:9.1} {unit}   {per_hour:+9.2} an hour, 95%: {low:+.2} to {high:+.2}"
            ),
        };
        line("resident size", "MiB", self.drift(|sample| sample.resident_bytes as f64 / MEBIBYTE))?;
        line("p99.9 of a decision", "ns", self.drift(|sample| sample.decisions.p99_9 as f64))?;
        line("p99.9 of the control", "ns", self.drift(|sample| sample.control.p99_9 as f64))?;
        line(
            "ratio of the two",
            "",
            self.drift(|sample| sample.decisions.p99_9 as f64 / sample.control.p99_9.max(1) as f64),
        )?;
        line("p50 of a decision", "ns", self.drift(|sample| sample.decisions.p50 as f64))?;
        let errors = last.errors;
        write!(
            f,
            "errors      {} in {} comparisons: {} watched keys, {} shared keys, {} keys that came, {} meetings' counts",
            errors.sum(),
            last.checks,
            errors.watched,
            errors.shared,
            errors.arrivals,
            errors.counts,
        )
    }
}
