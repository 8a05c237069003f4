//! What share of calls is served within a time: the curve of one run, or of many on common times.

use super::bands::Series;
use super::charts::Reach;
use crate::simulate::measures::Tally;
use plotters::style::RGBColor;

/// Times of a curve of many runs.
const TIMES: i32 = 120;

/// The curve of a population in each replication.
pub(super) fn of(colour: RGBColor, tallies: &[&Tally]) -> Reach {
    let runs: Vec<Vec<(f64, f64)>> = tallies.iter().map(|tally| served(tally)).collect();
    if let [one] = runs.as_slice() {
        let (times, shares) = one.iter().copied().unzip();
        return Reach { colour, times, shares: Series::new(&[shares]) };
    }
    let times = common(&runs);
    let shares: Vec<Vec<f64>> = runs.iter().map(|run| at(run, &times)).collect();
    Reach { colour, times, shares: Series::new(&shares) }
}

/// The share of calls served within each time, in per cent. Points closer than half a per cent in time are one.
fn served(tally: &Tally) -> Vec<(f64, f64)> {
    let mut served = 0;
    let mut points: Vec<(f64, f64)> = Vec::new();
    for value in tally.wait.iter_recorded() {
        served += value.count_since_last_iteration();
        let time = value.value_iterated_to() as f64 / 1e6;
        let share = served as f64 / tally.calls as f64 * 100.0;
        match points.last_mut() {
            Some(last) if time < last.0 * 1.005 => last.1 = share,
            _ => points.push((time, share)),
        }
    }
    points
}

/// Times from the first of all runs to the last, each by the same factor after the one before.
fn common(runs: &[Vec<(f64, f64)>]) -> Vec<f64> {
    let (first, last) = ends(runs.iter().flatten().map(|(time, _)| *time));
    if first > last {
        return Vec::new();
    }
    let step = libm::pow(last / first, 1.0 / f64::from(TIMES - 1));
    // Times are told to the half of a per cent: what lies that near has been reached.
    (0..TIMES).map(|place| first * step.powi(place) * 1.005).collect()
}

/// The share at each of these times.
fn at(run: &[(f64, f64)], times: &[f64]) -> Vec<f64> {
    let mut points = run.iter().peekable();
    let mut share = 0.0;
    let at = |time: &f64| {
        while let Some((_, reached)) = points.next_if(|(at, _)| at <= time) {
            share = *reached;
        }
        share
    };
    times.iter().map(at).collect()
}

/// From the first time of some curves to the last.
pub(super) fn span<'a>(curves: impl IntoIterator<Item = &'a Reach>) -> (f64, f64) {
    let (first, last) = ends(curves.into_iter().flat_map(|curve| curve.times.iter().copied()));
    (first.min(1.0), last.max(1.0))
}

fn ends(times: impl Iterator<Item = f64>) -> (f64, f64) {
    times.fold((f64::MAX, f64::MIN), |(first, last), time| (first.min(time), last.max(time)))
}
