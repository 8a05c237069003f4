//! Confidence intervals of a quantile.
//!
//! A p99 from one sample is the least sure of all figures, and the mean's formula says nothing of it. From
//! independent values the ranks give an interval that holds for every distribution; values of one run are not
//! independent, and there each replication's quantile is one value.

use super::distributions::{MOST_EXACT_TRIALS, binomial, normal, normal_below};
use super::interval::{Interval, Level, Method};
use super::moments::Moments;

/// A quantile of independent values, between two of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ranks {
    /// The lower end; minus infinity if no value is surely low enough.
    pub low: f64,
    /// The sample's own quantile.
    pub estimate: f64,
    /// The upper end; infinite if no value is surely high enough, as for a p99 of a hundred values.
    pub high: f64,
    /// The probability that such an interval covers: at least the level, more as ranks are whole numbers. Exact for
    /// continuous distributions, and too low for others.
    pub coverage: f64,
    /// How many values there were.
    pub n: u64,
}

/// The quantile of a sample: the least value with at least this share of values at or below it, without
/// interpolation (Hyndman and Fan, *The American Statistician* 50, 1996, definition 1). `None` without a value,
/// if one is no number, or unless 0 < `share` < 1. O(n) time and memory.
///
/// ```
/// use tidegate_sim::statistics::quantile::quantile;
///
/// assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.5), Some(2.0));
/// ```
#[must_use]
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut values = fit(values, share)?;
    let rank = own_rank(share, values.len() as u64);
    at_rank(&mut values, rank)
}

/// The interval of a quantile of independent values by their ranks (Conover, *Practical Nonparametric
/// Statistics*, 3.2).
///
/// How many of n values are below the true quantile is binomial, so that the chance of it being between the
/// values of two ranks is known whatever the distribution. Exact up to 100,000 values, with the normal's ranks
/// above that.
///
/// `None` without a value, if one is no number, or unless 0 < `share` < 1. O(n) time and memory.
///
/// ```
/// use tidegate_sim::statistics::{interval::Level, quantile::by_ranks};
///
/// // The upper quartile of 16 values is between the 9th and the largest.
/// let times = [46.9, 47.2, 49.1, 56.5, 56.8, 59.2, 59.9, 63.2, 63.3, 63.4, 63.7, 64.1, 67.1, 67.7, 73.3, 78.5];
/// let quartile = by_ranks(&times, 0.75, Level::new(0.9).unwrap()).unwrap();
/// assert_eq!((quartile.low, quartile.high), (63.3, 78.5));
/// assert!(quartile.coverage > 0.9);
/// ```
#[must_use]
pub fn by_ranks(values: &[f64], share: f64, level: Level) -> Option<Ranks> {
    let mut values = fit(values, share)?;
    let n = values.len() as u64;
    let (below, above) = ranks(n, share, level);
    Some(Ranks {
        low: below.map_or(Some(f64::NEG_INFINITY), |rank| at_rank(&mut values, rank))?,
        estimate: at_rank(&mut values, own_rank(share, n))?,
        high: above.map_or(Some(f64::INFINITY), |rank| at_rank(&mut values, rank))?,
        coverage: coverage(n, share, below, above),
        n,
    })
}

/// The interval of a quantile by replications: Student's t over each one's own quantile.
///
/// A replication's quantile is off by a part that falls with its number of values and not with the number of
/// replications, so each wants many values beyond the quantile: 10,000 for a p99. `None` without a replication,
/// if one has no value or one that is not finite, or unless 0 < `share` < 1. O(all values).
///
/// ```
/// use tidegate_sim::statistics::{interval::Level, quantile::by_replications};
///
/// let runs = [[1.0, 2.0, 9.0], [1.0, 3.0, 9.0], [1.0, 4.0, 9.0]];
/// assert_eq!(by_replications(&runs, 0.5, Level::PERCENT_95).unwrap().centre, 3.0);
/// ```
#[must_use]
pub fn by_replications<R: AsRef<[f64]>>(replications: &[R], share: f64, level: Level) -> Option<Interval> {
    let quantiles: Option<Moments> =
        replications.iter().map(|replication| quantile(replication.as_ref(), share)).collect();
    Interval::of_moments(&quantiles?, level, Method::ReplicatedQuantiles)
}

/// The values to be sorted, if they and the share are fit for it.
fn fit(values: &[f64], share: f64) -> Option<Vec<f64>> {
    let fit = share > 0.0 && share < 1.0 && !values.is_empty() && !values.iter().any(|value| value.is_nan());
    fit.then(|| values.to_vec())
}

/// The least rank, from 1, with at least this share of n values at or below it.
fn own_rank(share: f64, n: u64) -> u64 {
    // .95 of 20 is 19, though the product may be a rounding above it.
    ((share * n as f64 * (1.0 - f64::EPSILON)).ceil() as u64).clamp(1, n)
}

/// The value of a rank from 1. In no order before, parted at that rank after.
fn at_rank(values: &mut [f64], rank: u64) -> Option<f64> {
    let place = usize::try_from(rank).ok()?.checked_sub(1).filter(|place| *place < values.len())?;
    Some(*values.select_nth_unstable_by(place, f64::total_cmp).1)
}

/// The highest rank that is too high, and the lowest that is too low, each with at most half of what the level
/// leaves; `None` where no rank will do.
fn ranks(n: u64, share: f64, level: Level) -> (Option<u64>, Option<u64>) {
    let tail = 1.0 - level.upper();
    let (low, high) = if n <= MOST_EXACT_TRIALS {
        // The value of rank r is above the quantile if fewer than r values are below it: P(B ≤ r − 1).
        let fewest = |enough: &dyn Fn(f64) -> bool| {
            let (mut from, mut to) = (0, n);
            while from < to {
                let middle = from + (to - from) / 2;
                if enough(binomial(middle, n, share)) { to = middle } else { from = middle + 1 }
            }
            from
        };
        (fewest(&|below| below > tail), fewest(&|below| below >= level.upper()) + 1)
    } else {
        let (middle, spread) = (share * n as f64, (share * (1.0 - share) * n as f64).sqrt());
        let reach = normal(level.upper()) * spread;
        ((middle - reach).floor().max(0.0) as u64, (middle + reach).ceil() as u64 + 1)
    };
    ((low > 0).then_some(low), (high <= n).then_some(high))
}

/// The probability that the quantile is between the values of these ranks.
fn coverage(n: u64, share: f64, low: Option<u64>, high: Option<u64>) -> f64 {
    let fewer_than = |rank: u64| {
        let most = rank.saturating_sub(1);
        if n <= MOST_EXACT_TRIALS {
            return binomial(most, n, share);
        }
        let spread = (share * (1.0 - share) * n as f64).sqrt();
        normal_below((most as f64 + 0.5 - share * n as f64) / spread)
    };
    high.map_or(1.0, fewer_than) - low.map_or(0.0, fewer_than)
}

#[cfg(test)]
mod tests {
    use super::super::seeded::Seeded;
    use super::*;
    use quickcheck::quickcheck;

    #[test]
    fn ranks_of_small_samples_are_those_of_the_tables() {
        let ranks = |n, share| ranks(n, share, Level::PERCENT_95);
        // The median of 10: (2, 9) covers in 1 − 22/1024; of 5: nothing below the extremes' 93.75%.
        assert_eq!(ranks(10, 0.5), (Some(2), Some(9)));
        assert!((coverage(10, 0.5, Some(2), Some(9)) - (1.0 - 22.0 / 1_024.0)).abs() < 1e-12);
        assert_eq!(ranks(5, 0.5), (None, None));
        assert_eq!(ranks(6, 0.5), (Some(1), Some(6)));
        assert_eq!(ranks(100, 0.99).1, None);
        // The largest is above the p99 with probability 1 − .99ⁿ, at least .975 from n 368 on.
        assert_eq!((ranks(367, 0.99).1, ranks(368, 0.99).1), (None, Some(368)));
    }

    #[test]
    fn exact_and_normal_ranks_meet() {
        for share in [0.01, 0.5, 0.95, 0.999] {
            let [exact, near] =
                [MOST_EXACT_TRIALS, MOST_EXACT_TRIALS + 1].map(|n| ranks(n, share, Level::PERCENT_95));
            let apart = |a: Option<u64>, b: Option<u64>| a.unwrap().abs_diff(b.unwrap());
            assert!(apart(exact.0, near.0) <= 2 && apart(exact.1, near.1) <= 2, "{exact:?} {near:?}");
            let covers = coverage(MOST_EXACT_TRIALS + 1, share, near.0, near.1);
            assert!((0.95..0.97).contains(&covers), "{covers} at {share}");
        }
    }

    #[test]
    fn intervals_cover_as_often_as_they_say() {
        for (n, share) in [(30_u32, 0.5), (500, 0.99)] {
            let truth = -(1.0_f64 - share).ln();
            let (mut covered, mut said) = (0, 0.0);
            for seed in 0..2_000 {
                let mut seeded = Seeded::new(seed);
                let values: Vec<f64> = (0..n).map(|_| seeded.exponential()).collect();
                let found = by_ranks(&values, share, Level::PERCENT_95).unwrap();
                covered += usize::from(found.low <= truth && truth <= found.high);
                said = found.coverage;
            }
            assert!(said >= 0.95);
            assert!((covered as f64 / 2_000.0 - said).abs() < 0.02, "{covered} of 2,000 for {said}");
        }
    }

    #[test]
    fn replications_give_the_quantile_of_a_queue_of_exponentials() {
        let runs: Vec<Vec<f64>> = (0..20)
            .map(|seed| {
                let mut seeded = Seeded::new(seed);
                (0..5_000).map(|_| seeded.exponential()).collect()
            })
            .collect();
        let p95 = by_replications(&runs, 0.95, Level::PERCENT_99).unwrap();
        assert!(p95.covers(20.0_f64.ln()) && p95.half_width < 0.1, "{p95}");
        assert_eq!((p95.n, p95.method), (20, Method::ReplicatedQuantiles));
    }

    #[test]
    fn what_has_no_quantile_has_none() {
        let level = Level::PERCENT_95;
        assert_eq!(quantile(&[], 0.5), None);
        for unfit in [0.0, 1.0, -1.0, 2.0, f64::NAN] {
            assert_eq!(quantile(&[1.0], unfit), None);
            assert_eq!(by_ranks(&[1.0], unfit, level), None);
        }
        assert_eq!(by_ranks(&[1.0, f64::NAN], 0.5, level), None);
        assert_eq!(by_replications::<Vec<f64>>(&[], 0.5, level), None);
        assert_eq!(by_replications(&[vec![1.0], vec![]], 0.5, level), None);
        let one = by_ranks(&[1.0], 0.5, level).unwrap();
        assert_eq!(
            (one.low, one.estimate, one.high, one.coverage),
            (f64::NEG_INFINITY, 1.0, f64::INFINITY, 1.0)
        );
        let values: Vec<f64> = (1..=20).map(f64::from).collect();
        assert_eq!((quantile(&values, 0.95), quantile(&values, 0.05)), (Some(19.0), Some(1.0)));
    }

    quickcheck! {
        fn an_interval_holds_its_estimate_and_its_level(values: Vec<i16>, share: f64) -> bool {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            by_ranks(&values, share.abs().fract(), Level::PERCENT_95).is_none_or(|found| {
                found.low <= found.estimate && found.estimate <= found.high && found.coverage >= 0.95 - 1e-9
            })
        }
    }
}
