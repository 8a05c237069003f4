//! Whether a figure moves over time, or only back and forth.

use serde::Serialize;

/// How a figure changed over a run.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Drift {
    /// The median of the first quarter of the samples.
    pub(super) first: f64,
    /// The median of the last quarter.
    pub(super) last: f64,
    /// Theil's and Sen's slope, the median of the slopes between all pairs of samples: change an hour.
    pub(super) per_hour: f64,
    /// Its 95% interval, after Sen (1968). Samples are taken as independent, which neighbours are not quite: the
    /// true interval is wider.
    pub(super) interval: (f64, f64),
}

/// Slopes are taken between at most so many points; more samples are put together by medians.
const POINTS: usize = 1_000;

impl Drift {
    /// Of a figure at times in seconds, of which the first fifth is left out: until then the table fills, and its memory
    /// is used for the first time.
    /// `None` of fewer than eight.
    pub(super) fn of(points: &[(f64, f64)]) -> Option<Self> {
        let points = &points[points.len() / 5..];
        if points.len() < 8 {
            return None;
        }
        let quarter = points.len() / 4;
        let value = |points: &[(f64, f64)]| median(points.iter().map(|(_, value)| *value).collect());
        let (slope, low, high) = slope(&thinned(points));
        Some(Self {
            first: value(&points[..quarter]),
            last: value(&points[points.len() - quarter..]),
            per_hour: slope * 3_600.0,
            interval: (low * 3_600.0, high * 3_600.0),
        })
    }
}

fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let each = points.len().div_ceil(POINTS);
    let together = |points: &[(f64, f64)]| {
        let (times, values) = points.iter().copied().unzip();
        (median(times), median(values))
    };
    points.chunks(each).map(together).collect()
}

/// The median slope and the ends of its 95% interval.
fn slope(points: &[(f64, f64)]) -> (f64, f64, f64) {
    let later = |at: usize| points[at + 1..].iter().map(move |point| (points[at], *point));
    let mut slopes: Vec<_> = (0..points.len())
        .flat_map(later)
        .filter(|((from, _), (to, _))| to > from)
        .map(|((from, before), (to, after))| (after - before) / (to - from))
        .collect();
    slopes.sort_unstable_by(f64::total_cmp);
    let (points, pairs) = (points.len() as f64, slopes.len() as f64);
    // Kendall's statistic has this variance where nothing changes.
    let spread = 1.96 * (points * (points - 1.0) * (2.0 * points + 5.0) / 18.0).sqrt();
    let at = |rank: f64| slopes[(rank.max(0.0) as usize).min(slopes.len() - 1)];
    (at(pairs / 2.0), at((pairs - spread) / 2.0), at((pairs + spread) / 2.0))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noise that repeats, from −1 to 1.
    fn noise(at: usize) -> f64 {
        (super::super::cast::mixed(at as u64) >> 40) as f64 / f64::from(1 << 23) - 1.0
    }

    fn run(value: impl Fn(usize) -> f64) -> Drift {
        let points: Vec<_> = (0..720).map(|at| (5.0 * at as f64, value(at))).collect();
        Drift::of(&points).unwrap()
    }

    #[test]
    fn a_figure_that_grows_is_told_from_one_that_swings() {
        let still = run(|at| 100.0 + 10.0 * noise(at));
        assert!(still.interval.0 < 0.0 && still.interval.1 > 0.0, "{still:?}");
        let grows = run(|at| 100.0 + at as f64 / 72.0 + 10.0 * noise(at));
        assert!(grows.interval.0 > 0.0 && grows.interval.0 < 10.0 && grows.interval.1 > 10.0, "{grows:?}");
        assert!(grows.last > grows.first, "{grows:?}");
    }

    #[test]
    fn a_few_wild_samples_are_no_drift() {
        let wild = run(|at| if at % 50 == 49 { 1e9 * at as f64 } else { 100.0 + noise(at) });
        assert!(wild.interval.0 < 0.0 && wild.interval.1 > 0.0 && wild.per_hour.abs() < 1.0, "{wild:?}");
    }

    #[test]
    fn a_line_is_its_own_slope_however_long() {
        let points: Vec<_> = (0..10_000).map(|at| (f64::from(at), f64::from(3 * at))).collect();
        let drift = Drift::of(&points).unwrap();
        assert!((drift.per_hour - 10_800.0).abs() < 1e-6, "{drift:?}");
        assert!(Drift::of(&points[..9]).is_some_and(|drift| drift.per_hour > 0.0));
        assert!(Drift::of(&points[..7]).is_none());
    }
}
