//! Confidence intervals of a mean from independent replications.
//!
//! A replication is a whole run with a seed of its own, and gives one value: a mean wait, a share of calls
//! lost. The values of n replications are independent and alike however much the calls within a run depend on
//! one another, so that Student's t holds for their mean, exactly if they are normal and closely if they are
//! means of many calls.

mod paired;
mod precision;

pub use paired::Paired;
pub use precision::{Precision, StopRule};

use super::distributions::student_t;
use super::moments::Moments;
use std::fmt;

/// The probability with which an interval is to cover the true value: above 0, below 1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Level(f64);

impl Level {
    /// Nineteen intervals of twenty cover.
    pub const PERCENT_95: Self = Self(0.95);
    /// Ninety-nine intervals of a hundred cover.
    pub const PERCENT_99: Self = Self(0.99);

    /// This level; `None` unless 0 < `probability` < 1.
    #[must_use]
    pub fn new(probability: f64) -> Option<Self> {
        (probability > 0.0 && probability < 1.0).then_some(Self(probability))
    }

    /// The probability.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    /// The probability below the upper end, where as much lies above an interval as below it.
    pub(super) fn upper(self) -> f64 {
        0.5 + self.0 / 2.0
    }
}

/// How an interval was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Student's t over the values of independent replications.
    Replications,
    /// Student's t over the differences of replications run in pairs with common random numbers.
    PairedReplications,
    /// Student's t over the means of so many batches of one run.
    BatchMeans {
        /// Batches, after joining.
        batches: u64,
    },
    /// Student's t over each replication's quantile.
    ReplicatedQuantiles,
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replications => formatter.write_str("replications"),
            Self::PairedReplications => formatter.write_str("paired replications"),
            Self::BatchMeans { batches } => write!(formatter, "means of {batches} batches"),
            Self::ReplicatedQuantiles => formatter.write_str("quantiles of replications"),
        }
    }
}

/// A confidence interval: `centre` ± `half_width`, in the unit of the values.
///
/// ```
/// use tidegate_sim::statistics::interval::{Interval, Level};
///
/// // Law, Simulation Modeling and Analysis, example 4.26: ten observations, a 90% interval.
/// let observed = [1.20, 1.50, 1.68, 1.89, 0.95, 1.49, 1.58, 1.55, 0.50, 1.09];
/// let interval = Interval::of_mean(&observed, Level::new(0.9).unwrap()).unwrap();
/// assert_eq!(interval.to_string(), "1.343 ± 0.2373 (90%, n 10, replications)");
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The estimate.
    pub centre: f64,
    /// How far it goes on either side: 0 if the values do not vary, infinite if there is but one.
    pub half_width: f64,
    /// How many values it comes from.
    pub n: u64,
    /// How it was found.
    pub method: Method,
    /// How often such an interval covers.
    pub level: Level,
}

impl Interval {
    /// The interval of the mean of independent replications, one value each. `None` without a value, or where one is
    /// not finite or too large to be squared. O(n).
    #[must_use]
    pub fn of_mean(replications: &[f64], level: Level) -> Option<Self> {
        Self::of_moments(&replications.iter().collect(), level, Method::Replications)
    }

    /// The same from count, mean and variance. O(1).
    #[must_use]
    pub fn of_moments(moments: &Moments, level: Level, method: Method) -> Option<Self> {
        let (n, centre) = (moments.count(), moments.mean()?);
        let half_width = match n {
            1 => f64::INFINITY,
            _ => student_t(level, n - 1) * (moments.variance()? / n as f64).sqrt(),
        };
        Some(Self { centre, half_width, n, method, level })
    }

    /// The lower end.
    #[must_use]
    pub fn low(&self) -> f64 {
        self.centre - self.half_width
    }

    /// The upper end.
    #[must_use]
    pub fn high(&self) -> f64 {
        self.centre + self.half_width
    }

    /// Whether a value lies within, ends included.
    #[must_use]
    pub fn covers(&self, value: f64) -> bool {
        (value - self.centre).abs() <= self.half_width
    }

    /// The half-width as a share of the centre's size. `None` if the centre is 0.
    #[must_use]
    pub fn relative_half_width(&self) -> Option<f64> {
        (self.centre != 0.0).then(|| self.half_width / self.centre.abs())
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (centre, half_width) = (Digits(self.centre), Digits(self.half_width));
        let (percent, n, method) = (Digits(self.level.get() * 100.0), self.n, self.method);
        write!(formatter, "{centre} ± {half_width} ({percent}%, n {n}, {method})")
    }
}

/// Four digits that count, which is more than an interval of replications knows.
struct Digits(f64);

impl fmt::Display for Digits {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = libm::log10(self.0.abs()).floor();
        let decimals = if magnitude.is_finite() { (3.0 - magnitude).clamp(0.0, 12.0) as i32 } else { 0 };
        let scale = 10_f64.powi(decimals);
        let rounded = (self.0 * scale).round() / scale;
        write!(formatter, "{}", if rounded.is_finite() { rounded } else { self.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::super::seeded::Seeded;
    use super::*;
    use quickcheck::quickcheck;

    #[test]
    fn few_equal_or_unfit_values_have_a_defined_answer() {
        let of = |values: &[f64]| Interval::of_mean(values, Level::PERCENT_95);
        assert_eq!(of(&[]), None);
        for unfit in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX] {
            assert_eq!(of(&[1.0, unfit]), None);
        }
        assert_eq!(of(&[f64::NAN]), None);
        let one = of(&[7.0]).unwrap();
        assert_eq!((one.centre, one.half_width), (7.0, f64::INFINITY));
        assert!(one.covers(-1e300));
        let equal = of(&[7.0; 5]).unwrap();
        assert_eq!((equal.centre, equal.half_width, equal.n), (7.0, 0.0, 5));
        assert!(equal.covers(7.0) && !equal.covers(7.1));
        assert_eq!(of(&[-1.0, 1.0]).unwrap().relative_half_width(), None);
    }

    #[test]
    fn a_level_is_a_probability_between_none_and_all() {
        for unfit in [0.0, 1.0, -0.5, 95.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Level::new(unfit), None);
        }
        assert_eq!(Level::new(0.95), Some(Level::PERCENT_95));
    }

    #[test]
    fn intervals_cover_as_often_as_they_say() {
        for level in [Level::new(0.8).unwrap(), Level::PERCENT_95] {
            let covered = (0..4_000).filter(|seed| {
                let mut seeded = Seeded::new(*seed);
                let values: Vec<f64> = (0..5).map(|_| seeded.normal()).collect();
                Interval::of_mean(&values, level).unwrap().covers(0.0)
            });
            let (share, level) = (covered.count() as f64 / 4_000.0, level.get());
            // Four standard errors of 4,000 trials.
            let within = 4.0 * (level * (1.0 - level) / 4_000.0).sqrt();
            assert!((share - level).abs() < within, "{share} of {level}");
        }
    }

    quickcheck! {
        fn any_values_have_an_ordered_interval_or_none(values: Vec<f64>, level: f64) -> bool {
            let level = Level::new(level.abs().fract()).unwrap_or(Level::PERCENT_99);
            Interval::of_mean(&values, level).is_none_or(|interval| {
                interval.half_width >= 0.0 && interval.centre.is_finite() && interval.covers(interval.centre)
            })
        }

        fn a_higher_level_is_no_narrower(values: Vec<i32>) -> bool {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let at = |level| Interval::of_mean(&values, level).map(|interval| interval.half_width);
            at(Level::PERCENT_99) >= at(Level::PERCENT_95)
        }
    }
}
