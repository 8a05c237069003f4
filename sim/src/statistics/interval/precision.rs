//! How many replications a wanted half-width takes.

use super::{Interval, Level, Method};
use crate::statistics::distributions::student_t;
use crate::statistics::moments::Moments;

/// A wanted half-width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    wanted: f64,
    of: Of,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Of {
    Unit,
    Mean,
}

impl Precision {
    /// At most `half_width`, in the unit of the values; `None` unless it is positive and finite.
    #[must_use]
    pub fn absolute(half_width: f64) -> Option<Self> {
        (half_width > 0.0 && half_width.is_finite()).then_some(Self { wanted: half_width, of: Of::Unit })
    }

    /// An estimate within this share of the true mean, 0.01 for one per cent; `None` unless 0 < `share` < 1.
    ///
    /// An estimate is within γ of the true mean where the half-width is at most γ/(1 + γ) of the estimate (Law,
    /// 9.4.1), and that is what is asked for.
    #[must_use]
    pub fn relative(share: f64) -> Option<Self> {
        (share > 0.0 && share < 1.0).then_some(Self { wanted: share / (1.0 + share), of: Of::Mean })
    }

    /// The widest half-width that will do about this mean, in its unit.
    fn half_width(self, mean: f64) -> f64 {
        match self.of {
            Of::Unit => self.wanted,
            Of::Mean => self.wanted * mean.abs(),
        }
    }

    /// Whether an interval is as narrow as wanted.
    #[must_use]
    pub fn is_reached_by(self, interval: &Interval) -> bool {
        interval.half_width <= self.half_width(interval.centre)
    }

    /// The second stage of two: how many replications in all are expected to reach this precision, from a pilot of at
    /// least two (better ten). At least the pilot's own number.
    ///
    /// The smallest i with t(i − 1)·√(S²/i) within the half-width, with mean and S² of the pilot (Law,
    /// *Simulation Modeling and Analysis*, 9.4.1). The pilot's variance is an estimate, so check the outcome
    /// with [`Precision::is_reached_by`]. `None` if the pilot has no variance to tell, its mean is 0 where a
    /// share of it is wanted, or more than 2⁵³ would be needed. O(log n).
    ///
    /// ```
    /// use tidegate_sim::statistics::interval::{Level, Precision};
    ///
    /// let pilot = [9.0, 11.0, 10.0, 10.5, 9.5].iter().collect();
    /// let half = Precision::absolute(0.25).unwrap();
    /// assert_eq!(half.replications(&pilot, Level::PERCENT_95), Some(41));
    /// ```
    #[must_use]
    pub fn replications(self, pilot: &Moments, level: Level) -> Option<u64> {
        let (variance, wanted) = (pilot.variance()?, self.half_width(pilot.mean()?));
        let enough = |n: u64| student_t(level, n.saturating_sub(1)) * (variance / n as f64).sqrt() <= wanted;
        // The half-width falls with n: first a number that is enough, by doubling, then the least, by halving.
        let (mut few, mut many) = (pilot.count(), pilot.count());
        while !enough(many) {
            if many > 1 << 52 {
                return None;
            }
            (few, many) = (many, many * 2);
        }
        while few + 1 < many {
            let middle = few + (many - few) / 2;
            if enough(middle) { many = middle } else { few = middle }
        }
        Some(many)
    }
}

/// Replications one after another until the interval is narrow enough.
///
/// The sequential procedure of Law, 9.4.1 (Chow and Robbins, *Annals of Mathematical Statistics* 36, 1965).
/// Looking again and again makes it likely to stop where chance made the variance small, so it covers a little
/// less often than it says unless there is a floor under the number of replications: ten or more.
///
/// ```
/// use tidegate_sim::statistics::interval::{Level, Precision, StopRule};
/// use tidegate_sim::statistics::moments::Moments;
///
/// let rule = StopRule { precision: Precision::relative(0.1).unwrap(), level: Level::PERCENT_95, at_least: 10 };
/// let mut so_far = Moments::default();
/// let interval = (0..).find_map(|replication| {
///     so_far.push(20.0 + f64::from(replication * 7 % 5)); // in earnest: a run with this replication's seed
///     rule.reached(&so_far)
/// });
/// assert_eq!(interval.unwrap().n, 10);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StopRule {
    /// How narrow the interval is to be.
    pub precision: Precision,
    /// Its level.
    pub level: Level,
    /// The fewest replications; two are made in any case.
    pub at_least: u64,
}

impl StopRule {
    /// The interval, if these replications are enough; `None` while another is needed. Values that are not finite are
    /// never enough, so a caller bounds the replications. O(1).
    #[must_use]
    pub fn reached(&self, so_far: &Moments) -> Option<Interval> {
        if so_far.count() < self.at_least.max(2) {
            return None;
        }
        let interval = Interval::of_moments(so_far, self.level, Method::Replications)?;
        self.precision.is_reached_by(&interval).then_some(interval)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::seeded::Seeded;
    use quickcheck::quickcheck;

    #[test]
    fn a_pilot_of_unfit_or_equal_values_has_a_defined_answer() {
        let [absolute, relative] = [Precision::absolute(0.1).unwrap(), Precision::relative(0.1).unwrap()];
        let of = |precision: Precision, values: &[f64]| {
            precision.replications(&values.iter().collect(), Level::PERCENT_95)
        };
        assert_eq!((of(absolute, &[]), of(absolute, &[1.0])), (None, None));
        assert_eq!(of(absolute, &[1.0, f64::NAN]), None);
        assert_eq!((of(absolute, &[1.0; 4]), of(relative, &[1.0; 4])), (Some(4), Some(4)));
        assert_eq!((of(relative, &[-1.0, 1.0]), of(absolute, &[-1e150, 1e150])), (None, None));
        for unfit in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!((Precision::absolute(unfit), Precision::relative(unfit)), (None, None));
        }
    }

    #[test]
    fn a_relative_precision_holds_of_the_true_mean() {
        // At 9% of an estimate of 1.1, the true mean may be 1.0: within 10% of it, and no further.
        let interval = |half_width| {
            let (centre, n, method, level) = (1.1, 10, Method::Replications, Level::PERCENT_95);
            Interval { centre, half_width, n, method, level }
        };
        let tenth = Precision::relative(0.1).unwrap();
        assert!(tenth.is_reached_by(&interval(0.099_999)));
        assert!(!tenth.is_reached_by(&interval(0.100_001)));
    }

    #[test]
    fn a_sequence_stops_when_it_is_narrow_enough_and_covers() {
        let precision = Precision::absolute(0.3).unwrap();
        let rule = StopRule { precision, level: Level::PERCENT_95, at_least: 10 };
        let covered = (0..1_000).filter(|seed| {
            let (mut seeded, mut so_far) = (Seeded::new(*seed), Moments::default());
            let stopped = (0..10_000).find_map(|_| {
                so_far.push(seeded.normal());
                rule.reached(&so_far)
            });
            stopped.is_some_and(|interval| interval.covers(0.0))
        });
        let covered = covered.count();
        assert!((920..=970).contains(&covered), "{covered} of 1,000");
    }

    quickcheck! {
        fn the_number_of_replications_is_the_least(pilot: Vec<i16>, half_width: u8) -> bool {
            let pilot: Moments = pilot.into_iter().map(f64::from).collect();
            let (wanted, level) = (f64::from(half_width) + 1.0, Level::PERCENT_95);
            let Some(n) = Precision::absolute(wanted).and_then(|wanted| wanted.replications(&pilot, level)) else {
                return pilot.count() < 2;
            };
            let at = |n: u64| student_t(level, n - 1) * (pilot.variance().unwrap() / n as f64).sqrt();
            at(n) <= wanted && (n == pilot.count() || at(n - 1) > wanted)
        }
    }
}
