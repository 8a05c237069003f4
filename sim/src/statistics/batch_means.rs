//! Confidence intervals of a steady-state mean from one long run.
//!
//! Neighbouring calls of a run depend on one another, so that the spread of single values tells nothing of how
//! sure their mean is. The means of batches long enough are as good as independent, and take the place of
//! replications (Law, *Simulation Modeling and Analysis*, 9.5.3). The question is how long is enough.
//!
//! **The procedure.** The run is kept as fewer than 1,024 batches of equal length; whenever there would be
//! more, neighbours are joined and batches are twice as long from then on. At the end neighbours are joined
//! until von Neumann's test no longer finds their means alike at the 10% level (Fishman, *Management Science*
//! 24, 1978). To pass that test once among several is partly luck, and what is left of the correlation below
//! its notice still makes intervals too narrow. So they are then joined fourfold again, as Law and Carson
//! (*Operations Research* 27, 1979) test many batches and use fewer: at least 8, at most 64. Student's t over
//! these gives the interval.
//!
//! **What it keeps.** Of 1,000 first-order autoregressive series with coefficient .9, 10,000 values each, 940
//! have a 95% interval that covers, 51 one that does not, and 9 are told to be too short. Where values are both
//! skewed and alike over hundreds of others it takes longer: of 1,000 runs of waits in an M/M/1 queue at
//! ρ = .8, those of 10,000 calls cover in 91% of the 939 that have an interval, those of 100,000 in 95% of 995.

use super::autocorrelation::VonNeumann;
use super::distributions::student_t;
use super::interval::{Interval, Level, Method};
use super::moments::Moments;
use std::fmt;

/// 8 KiB of sums.
const MOST_KEPT: usize = 1_024;
/// Fewer batches than this make von Neumann's test blind.
const FEWEST_TESTED: usize = 16;
/// How many tested batches make one of the interval's, if at least [`FEWEST_USED`] are left; else half as many do.
const JOINED: usize = 4;
/// Fewer batches make intervals wide and of a width that changes much from run to run.
const FEWEST_USED: usize = 8;
/// More give the interval next to nothing: t(63) is 2% above the normal quantile.
const MOST_USED: usize = 64;
/// One series in ten without memory is above it.
const ALIKE_FROM: f64 = 1.2816;

/// A run's values in batches, in bounded memory.
///
/// ```
/// use tidegate_sim::statistics::batch_means::BatchMeans;
/// use tidegate_sim::statistics::interval::Level;
///
/// let mut waits = BatchMeans::default();
/// for call in 0..10_000_u32 {
///     waits.push(f64::from(call.wrapping_mul(2_654_435_761) >> 16) / 65_536.0);
/// }
/// let interval = waits.interval(Level::PERCENT_95)?;
/// assert!(interval.covers(0.5) && interval.half_width < 0.01);
/// # Ok::<(), tidegate_sim::statistics::batch_means::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BatchMeans {
    /// Sums of full batches, in order.
    sums: Vec<f64>,
    /// How many values a full batch has.
    length: u64,
    /// The sum of the batch that is filling, and its number of values.
    filling: (f64, u64),
    all: Moments,
}

/// Why a run has no interval.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// A value was not finite, or too large to be squared. A longer run does not help.
    NotFinite,
    /// Fewer values than the 16 that the test needs. A longer run helps.
    TooFew {
        /// How many there were.
        values: u64,
    },
    /// The longest batches of which there are 16 still are alike. A run several times as long helps, unless the
    /// process has no steady state.
    Alike {
        /// How many batches were tested last.
        batches: usize,
        /// How many values each had.
        length: u64,
        /// The lag-1 correlation of their means.
        correlation: f64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFinite => formatter.write_str("a value is not finite, or too large to be squared"),
            Self::TooFew { values } => {
                write!(formatter, "{values} values are too few: at least {FEWEST_TESTED}")
            }
            Self::Alike { batches, length, correlation } => write!(
                formatter,
                "the run is too short: the means of {batches} batches of {length} values are still alike \
                 (correlation {correlation:.2})"
            ),
        }
    }
}

impl std::error::Error for Error {}

impl Default for BatchMeans {
    fn default() -> Self {
        Self { sums: Vec::new(), length: 1, filling: (0.0, 0), all: Moments::default() }
    }
}

impl BatchMeans {
    /// Adds the next value of a run that is past its warm-up: that of a call, or the mean over one of equal
    /// intervals of time. O(1), amortised.
    pub fn push(&mut self, value: f64) {
        self.all.push(value);
        let (sum, values) = (self.filling.0 + value, self.filling.1 + 1);
        if values < self.length {
            self.filling = (sum, values);
            return;
        }
        self.filling = (0.0, 0);
        self.sums.push(sum);
        if self.sums.len() == MOST_KEPT {
            self.sums = joined(&self.sums, 2);
            self.length *= 2;
        }
    }

    /// How many values there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.all.count()
    }

    /// The interval of the steady-state mean, in the unit of the values; its `n` counts the values, all of
    /// which make its centre. O(1): there are fewer than 1,024 batches.
    ///
    /// # Errors
    ///
    /// If the run is too short, or has a value that is not finite.
    pub fn interval(&self, level: Level) -> Result<Interval, Error> {
        let n = self.count();
        if n < FEWEST_TESTED as u64 {
            return Err(Error::TooFew { values: n });
        }
        let (Some(centre), Some(spread)) = (self.all.mean(), self.all.variance()) else {
            return Err(Error::NotFinite);
        };
        // Nothing varies, so nothing is alike by chance either; the test would have no answer.
        let tested = if spread > 0.0 { self.unalike()? } else { 1 };
        let enough = self.sums.len() / (tested * JOINED) >= FEWEST_USED;
        let mut by = tested * if enough { JOINED } else { JOINED / 2 };
        while self.sums.len() / by > MOST_USED {
            by *= 2;
        }
        let means = joined(&self.sums, by);
        let length = (self.length as f64) * by as f64;
        let of_sums = means.iter().collect::<Moments>().variance().ok_or(Error::NotFinite)?;
        // The variance of a mean falls with its number of values, so that of a batch gives that of the whole.
        let variance = of_sums / length / n as f64;
        let batches = means.len() as u64;
        let half_width = student_t(level, batches.saturating_sub(1)) * variance.sqrt();
        Ok(Interval { centre, half_width, n, method: Method::BatchMeans { batches }, level })
    }

    /// How many kept batches make one whose mean is not seen to be like its neighbours': a power of two.
    fn unalike(&self) -> Result<usize, Error> {
        let mut by = 1;
        loop {
            let tested = joined(&self.sums, by);
            // Sums that do not vary at all show no likeness.
            let Some(test) = VonNeumann::new(&tested).filter(|test| test.z > ALIKE_FROM) else {
                return Ok(by);
            };
            if self.sums.len() / (by * 2) < FEWEST_TESTED {
                let length = self.length * by as u64;
                return Err(Error::Alike { batches: tested.len(), length, correlation: test.correlation });
            }
            by *= 2;
        }
    }
}

/// The sums of so many neighbours each. What is left over is at the front, where a warm-up cut too short would be.
fn joined(sums: &[f64], by: usize) -> Vec<f64> {
    let mut joined: Vec<f64> = sums.rchunks_exact(by).map(|batch| batch.iter().sum()).collect();
    joined.reverse();
    joined
}

#[cfg(test)]
mod tests {
    use super::super::seeded::Seeded;
    use super::*;
    use quickcheck::quickcheck;

    fn run(values: impl IntoIterator<Item = f64>) -> BatchMeans {
        let mut run = BatchMeans::default();
        values.into_iter().for_each(|value| run.push(value));
        run
    }

    /// Of so many runs: how many have an interval, and how many of those cover.
    fn coverage<I: Iterator<Item = f64>>(
        runs: u64,
        length: usize,
        mean: f64,
        process: impl Fn(Seeded) -> I,
    ) -> (usize, usize) {
        let intervals: Vec<Interval> = (0..runs)
            .filter_map(|seed| run(process(Seeded::new(seed)).take(length)).interval(Level::PERCENT_95).ok())
            .collect();
        (intervals.len(), intervals.iter().filter(|interval| interval.covers(mean)).count())
    }

    #[test]
    fn intervals_of_autoregressive_runs_keep_their_word() {
        // Debug builds take fewer, whose share strays by 1.1 points to either side: bounds wider by that.
        let (runs, least, most) =
            if cfg!(debug_assertions) { (400, 0.92, 0.98) } else { (1_000, 0.93, 0.97) };
        let (told, covered) = coverage(runs, 10_000, 0.0, |seeded| seeded.autoregressive(0.9));
        assert!(told as u64 * 50 >= runs * 49, "{told} of {runs}");
        // A run without an interval counts as one that does not cover.
        let share = covered as f64 / runs as f64;
        assert!((least..=most).contains(&share), "{covered} of {runs}");
    }

    /// `cargo test --release -p tidegate-sim --lib batch_means -- --ignored --nocapture`
    #[test]
    #[ignore = "a table for the module's documentation, no test"]
    fn coverage_of_other_processes() {
        for length in [1_000, 10_000, 100_000] {
            for coefficient in [0.0, 0.5, 0.9, 0.99] {
                let (told, covered) =
                    coverage(1_000, length, 0.0, |seeded| seeded.autoregressive(coefficient));
                println!("AR(1) {coefficient}, {length} values: {covered} of {told}");
            }
            let (told, covered) = coverage(1_000, length, 4.0, waits);
            println!("M/M/1 waits at ρ .8, {length} values: {covered} of {told}");
        }
    }

    /// Lindley's recurrence for an M/M/1 queue, λ .8, μ 1, whose mean wait is 4, begun where an arrival finds it.
    fn waits(mut seeded: Seeded) -> impl Iterator<Item = f64> {
        let mut wait = if seeded.unit() < 0.8 { seeded.exponential() / 0.2 } else { 0.0 };
        std::iter::repeat_with(move || {
            let now = wait;
            wait = (wait + seeded.exponential() - seeded.exponential() / 0.8).max(0.0);
            now
        })
    }

    #[test]
    fn runs_that_tell_nothing_say_why() {
        let of = |values: &[f64]| run(values.iter().copied()).interval(Level::PERCENT_95);
        assert_eq!(of(&[]), Err(Error::TooFew { values: 0 }));
        assert_eq!(of(&[1.0; 15]), Err(Error::TooFew { values: 15 }));
        assert_eq!(of(&[f64::NAN; 40]), Err(Error::NotFinite));
        assert_eq!(of(&[f64::MAX, -f64::MAX].repeat(40)), Err(Error::NotFinite));
        let constant = of(&[7.0; 100]).unwrap();
        assert_eq!((constant.centre, constant.half_width, constant.n), (7.0, 0.0, 100));
        let climbing: Vec<f64> = (0..5_000).map(f64::from).collect();
        let error = of(&climbing).unwrap_err();
        assert!(matches!(error, Error::Alike { batches: 19, length: 256, .. }), "{error}");
        assert!(error.to_string().starts_with("the run is too short: the means of 19 batches"), "{error}");
    }

    quickcheck! {
        fn memory_is_bounded_and_nothing_is_lost(values: u16) -> bool {
            let run = run((0..values).map(f64::from));
            let kept: f64 = run.sums.iter().sum();
            let all = f64::from(values) * (f64::from(values) - 1.0) / 2.0;
            run.sums.len() < MOST_KEPT && (kept + run.filling.0 - all).abs() < 1e-3
        }

        fn any_run_has_an_answer(values: Vec<f64>, again: u8) -> bool {
            let interval = run(values.repeat(usize::from(again))).interval(Level::PERCENT_95);
            interval.map_or(true, |interval| interval.half_width >= 0.0 && interval.centre.is_finite())
        }
    }
}
