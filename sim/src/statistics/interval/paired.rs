//! Comparing two set-ups replication by replication.

use super::{Interval, Level, Method};
use crate::statistics::moments::Moments;

/// What two set-ups differ by, where replication i of both was run with the same random numbers.
///
/// What chance does to one it then does to the other, so that it cancels in the difference (common random
/// numbers; Law, *Simulation Modeling and Analysis*, 11.2).
///
/// ```
/// use tidegate_sim::statistics::interval::{Level, Paired};
///
/// let (plain, jittered) = ([10.0, 14.0, 12.0, 16.0], [9.0, 12.5, 11.0, 14.5]);
/// let paired = Paired::new(&plain, &jittered, Level::PERCENT_95).unwrap();
/// assert_eq!(paired.difference.centre, 1.25);
/// assert!(paired.variance_ratio.unwrap() > 100.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paired {
    /// The interval of the mean of first minus second, in the unit of the values. If it does not hold 0, the two
    /// differ.
    pub difference: Interval,
    /// The variance that the difference would have with independent replications, over the one that it has: how
    /// many times as many independent ones would tell as much. 1 if nothing varies, infinite if only the
    /// differences do not. `None` of a single pair.
    pub variance_ratio: Option<f64>,
}

impl Paired {
    /// Compares replication by replication. `None` without a pair, if one side has more, or where a value is not
    /// finite or too large to be squared. O(n).
    #[must_use]
    pub fn new(first: &[f64], second: &[f64], level: Level) -> Option<Self> {
        if first.len() != second.len() {
            return None;
        }
        let differences: Moments = first.iter().zip(second).map(|(first, second)| first - second).collect();
        let difference = Interval::of_moments(&differences, level, Method::PairedReplications)?;
        // Infinity minus a number was seen above; what remains are variances that overflow.
        let variance = |values: &[f64]| values.iter().collect::<Moments>().variance();
        let variance_ratio = match (variance(first), variance(second), differences.variance()) {
            (Some(first), Some(second), Some(paired)) => Some(ratio(first + second, paired)),
            _ if first.len() == 1 => None,
            _ => return None,
        };
        Some(Self { difference, variance_ratio })
    }
}

fn ratio(independent: f64, paired: f64) -> f64 {
    if independent == paired { 1.0 } else { independent / paired }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    #[test]
    fn degenerate_pairs_have_a_defined_answer() {
        let ratio = |first: &[f64], second: &[f64]| {
            Paired::new(first, second, Level::PERCENT_95).map(|paired| paired.variance_ratio)
        };
        assert_eq!(ratio(&[], &[]), None);
        assert_eq!(ratio(&[1.0, 2.0], &[1.0]), None);
        assert_eq!(ratio(&[1.0, f64::NAN], &[1.0, 2.0]), None);
        assert_eq!(ratio(&[1.0, f64::INFINITY], &[1.0, f64::INFINITY]), None);
        assert_eq!(ratio(&[1.0, 1e200], &[1.0, 1e200]), None);
        assert_eq!(ratio(&[1.0], &[2.0]), Some(None));
        assert_eq!(ratio(&[1.0, 1.0], &[2.0, 2.0]), Some(Some(1.0)));
        assert_eq!(ratio(&[1.0, 2.0], &[2.0, 3.0]), Some(Some(f64::INFINITY)));
    }

    #[test]
    fn common_random_numbers_pay_in_a_queue() {
        // Lindley's recurrence for two M/M/1 queues, λ .8, μ 1 and 1.05, with the same draws.
        use crate::statistics::seeded::Seeded;
        let mean_wait = |seed, rate: f64| {
            let (mut seeded, mut wait, mut sum) = (Seeded::new(seed), 0.0_f64, 0.0);
            for _ in 0..2_000 {
                let (service, gap) = (seeded.exponential() / rate, seeded.exponential() / 0.8);
                wait = (wait + service - gap).max(0.0);
                sum += wait;
            }
            sum / 2_000.0
        };
        let [slow, fast] =
            [1.0, 1.05].map(|rate| (0..40).map(|seed| mean_wait(seed, rate)).collect::<Vec<_>>());
        let paired = Paired::new(&slow, &fast, Level::PERCENT_95).unwrap();
        assert!(paired.variance_ratio.unwrap() > 5.0, "{paired:?}");
        assert!(paired.difference.low() > 0.0);
    }

    quickcheck! {
        fn the_difference_turns_with_the_sides(pairs: Vec<(i16, i16)>) -> bool {
            let (first, second): (Vec<_>, Vec<_>) =
                pairs.into_iter().map(|(first, second)| (f64::from(first), f64::from(second))).unzip();
            let there = Paired::new(&first, &second, Level::PERCENT_95);
            let back = Paired::new(&second, &first, Level::PERCENT_95);
            there.map(|paired| -paired.difference.centre) == back.map(|paired| paired.difference.centre)
                && there.map(|paired| paired.difference.half_width)
                    == back.map(|paired| paired.difference.half_width)
        }
    }
}
