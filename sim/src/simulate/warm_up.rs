//! The warm-up of a scenario that leaves it to be found: MSER-5 on a pilot replication.
//!
//! The pilot has draws of its own, those of a replication with a number that no other has, so that the cut depends on the
//! scenario and the seed alone: it is the same for every replication, among others or alone, on any number of threads.

use super::grid::Grid;
use super::measures::Bin;
use super::run::{Runs, run};
use super::scenario::{Happening, Scenario, Scripted, WarmUp};
use crate::statistics::warm_up::{Cut, mser_5};
use std::borrow::Cow;
use tidegate::Nanos;

/// The pilot's number: replications are numbered from 0, up to fewer.
const PILOT: u32 = u32::MAX;

/// The scenario with a warm-up in its script, if it leaves that to be found.
pub(crate) fn found(scenario: &Scenario, seed: u64, threads: usize) -> anyhow::Result<Cow<'_, Scenario>> {
    if scenario.warm_up != WarmUp::ToBeFound {
        return Ok(Cow::Borrowed(scenario));
    }
    let pilot = run(scenario, Runs { seed, first: PILOT, replications: 1, threads, is_quiet: true })?;
    let grid = Grid::new(scenario);
    let until = scenario.disturbances().iter().map(|one| one.at).min().unwrap_or(scenario.duration);
    let (cut, is_enough) = cut(undisturbed(&pilot.all.total.series, grid.fine, until));
    let at = Nanos::new(grid.fine.get().saturating_mul(cut as u64));
    let mut scenario = scenario.clone();
    scenario.warm_up = if is_enough { WarmUp::Found } else { WarmUp::NotFound };
    if at > Nanos::ZERO {
        scenario.script.push(Scripted { at, what: Happening::WarmedUp });
    }
    Ok(Cow::Owned(scenario))
}

/// The intervals up to the first disturbance.
fn undisturbed(series: &[Bin], fine: Nanos, until: Nanos) -> &[Bin] {
    let whole = (until.get() / fine.get()) as usize;
    &series[..whole.min(series.len())]
}

/// How many intervals to leave out, and whether that is enough: the latest cut of attempts, of successes, and of the calls that
/// are under way. Where one finds none the half is left out.
fn cut(series: &[Bin]) -> (usize, bool) {
    let mut under_way = 0.0;
    let waiting = series.iter().map(|bin| {
        under_way += bin.calls as f64 - (bin.succeeded + bin.lost) as f64;
        under_way
    });
    let all = [
        waiting.collect::<Vec<f64>>(),
        series.iter().map(|bin| bin.offered() as f64).collect(),
        series.iter().map(|bin| bin.succeeded as f64).collect(),
    ];
    let mut cuts = all.iter().map(|values| match mser_5(values) {
        Some(Cut::At(samples)) => Some(samples),
        Some(Cut::TooShort) | None => None,
    });
    let latest = cuts.try_fold(0, |latest, cut| Some(latest.max(cut?)));
    latest.map_or((series.len() / 2, false), |latest| (latest, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bin(calls: u64, succeeded: u64) -> Bin {
        Bin { calls, succeeded, ..Bin::default() }
    }

    /// A queue fills up over the first hundred intervals; from then on as many go as come.
    #[test]
    fn the_latest_of_the_cuts_counts() {
        let filling = std::iter::repeat_n(bin(10, 5), 100);
        let steady = (0..900).map(|interval| bin(10, if interval % 2 == 0 { 9 } else { 11 }));
        let series: Vec<Bin> = filling.chain(steady).collect();
        assert_eq!(cut(&series), (100, true));
    }

    #[test]
    fn what_never_settles_is_cut_in_half_and_said_so() {
        let series: Vec<Bin> = (0..200).map(|_| bin(10, 5)).collect();
        assert_eq!(cut(&series), (100, false));
        assert_eq!(cut(&series[..3]), (1, false), "nothing can be compared");
    }
}
