//! How much of a run's beginning is not yet its steady state.
//!
//! MSER-5 (White, Cobb and Spratt, *A comparison of five steady-state truncation heuristics for simulation*,
//! WSC 2000): the series is taken in means of five, and cut where the rest has the least squared standard
//! error, Σ(y − ȳ)²/(n − d)² over the n − d means after the first d. To cut more takes away bias while the
//! beginning is unlike the rest, and then only values.
//!
//! Two things are settled here that the statistic leaves to chance. It is itself an estimate, with a relative
//! standard error of √(2/(n − d)); of the cuts that are within one of the least, the earliest is taken, for the
//! others drop values for no gain that can be seen. (The least alone cuts a ramp of 100 before 900 values of
//! uniform noise too late in 31% of 1,000 series, by up to 90 values.) And the last tenth is no place to cut:
//! what is left may agree by chance.

use super::moments::Moments;

/// How many samples make one mean.
const BATCH: usize = 5;
/// One part in so many, at the end, is no place to cut.
const UNCUT: usize = 10;

/// Where a series is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Drop this many samples at the front, a multiple of five; what is left is at least half.
    At(usize),
    /// The best cut would be in the second half: the run is too short to have left its warm-up (Franklin and White,
    /// *Stationarity tests and MSER-5*, WSC 2008).
    TooShort,
}

/// The cut of a series, in samples. `None` of fewer than two fives of samples (nothing can be compared), or if
/// a value is not finite or too large to be squared. O(n) time and memory.
///
/// ```
/// use tidegate_sim::statistics::warm_up::{Cut, mser_5};
///
/// let filling_up = (0..50).map(|second| f64::from(second) * 2.0);
/// let steady = (0..450).map(|second| if second % 2 == 0 { 101.0 } else { 99.0 });
/// let queue: Vec<f64> = filling_up.chain(steady).collect();
/// assert_eq!(mser_5(&queue), Some(Cut::At(50)));
/// ```
#[must_use]
pub fn mser_5(series: &[f64]) -> Option<Cut> {
    if !series.iter().all(|value| value.is_finite()) {
        return None;
    }
    let (fives, _) = series.as_chunks::<BATCH>();
    let statistics = squared_errors(fives)?;
    let places = statistics.len() - (statistics.len() / UNCUT).max(1);
    let candidates = || statistics.iter().take(places).enumerate();
    let (best, least) = candidates().min_by(|(_, a), (_, b)| a.total_cmp(b))?;
    let as_good = least * (1.0 + (2.0 / (statistics.len() - best) as f64).sqrt());
    let (cut, _) = candidates().find(|(_, statistic)| **statistic <= as_good)?;
    Some(if cut * 2 <= statistics.len() { Cut::At(cut * BATCH) } else { Cut::TooShort })
}

/// The statistic of each cut, in means of five. `None` of fewer than two, or if they are too large to be squared.
fn squared_errors(fives: &[[f64; BATCH]]) -> Option<Vec<f64>> {
    // From the back, so that the rest grows by one mean at a time.
    let (mut rest, mut errors) = (Moments::default(), Vec::with_capacity(fives.len()));
    for five in fives.iter().rev() {
        rest.push(five.iter().sum::<f64>() / BATCH as f64);
        let left = rest.count() as f64;
        errors.push(rest.variance().unwrap_or(0.0) * (left - 1.0) / (left * left));
    }
    // What spoils a part of the rest spoils the whole.
    rest.variance()?;
    errors.reverse();
    Some(errors)
}

#[cfg(test)]
mod tests {
    use super::super::seeded::Seeded;
    use super::*;
    use quickcheck::quickcheck;

    fn ramp_then(noise: impl FnMut() -> f64) -> Vec<f64> {
        let ramp = (0..100).map(|sample| 100.0 - f64::from(sample));
        ramp.chain(std::iter::repeat_with(noise).take(900)).collect()
    }

    #[test]
    fn a_ramp_is_cut_at_its_end_whatever_the_noise() {
        let mut sign = 0.1;
        let alternating = ramp_then(|| {
            sign = -sign;
            sign
        });
        assert_eq!(mser_5(&alternating), Some(Cut::At(100)));
        for seed in 0..200 {
            let mut seeded = Seeded::new(seed);
            assert_eq!(mser_5(&ramp_then(|| seeded.within(0.1))), Some(Cut::At(100)), "uniform, seed {seed}");
            let coins = ramp_then(|| 0.1_f64.copysign(seeded.within(1.0)));
            assert_eq!(mser_5(&coins), Some(Cut::At(100)), "two-valued, seed {seed}");
            let normal = ramp_then(|| 0.1 * seeded.normal());
            assert_eq!(mser_5(&normal), Some(Cut::At(100)), "normal, seed {seed}");
        }
    }

    #[test]
    fn a_steady_series_is_hardly_cut() {
        assert_eq!(mser_5(&[3.0; 500]), Some(Cut::At(0)));
        let cuts = (0..200).filter(|seed| {
            let series: Vec<f64> = Seeded::new(*seed).autoregressive(0.5).take(1_000).collect();
            mser_5(&series) == Some(Cut::At(0))
        });
        let uncut = cuts.count();
        assert!(uncut > 180, "{uncut} of 200");
    }

    #[test]
    fn a_decay_is_cut_where_it_sinks_into_the_noise() {
        for seed in 0..100 {
            let mut seeded = Seeded::new(seed);
            let series: Vec<f64> =
                (0..2_000).map(|sample| 50.0 * (-f64::from(sample) / 50.0).exp() + seeded.normal()).collect();
            let Some(Cut::At(cut)) = mser_5(&series) else { panic!("seed {seed}") };
            // 50·exp(−cut/50) is between 4.1 and 0.1 standard deviations of the noise there.
            assert!((125..=310).contains(&cut), "{cut}, seed {seed}");
        }
    }

    #[test]
    fn a_run_that_never_settles_is_too_short() {
        let climbing: Vec<f64> = (0..1_000).map(f64::from).collect();
        assert_eq!(mser_5(&climbing), Some(Cut::TooShort));
        let turned_late: Vec<f64> = (0..1_000).map(|sample| f64::from(u8::from(sample >= 700))).collect();
        assert_eq!(mser_5(&turned_late), Some(Cut::TooShort));
    }

    #[test]
    fn what_cannot_be_compared_has_no_cut() {
        assert_eq!((mser_5(&[]), mser_5(&[1.0; 9])), (None, None));
        assert_eq!(mser_5(&[1.0; 10]), Some(Cut::At(0)));
        for unfit in [f64::NAN, f64::INFINITY, f64::MAX] {
            assert_eq!(mser_5(&[&[1.0; 20][..], &[unfit; 5]].concat()), None);
        }
    }

    quickcheck! {
        fn a_cut_leaves_at_least_half(series: Vec<i16>) -> bool {
            let series: Vec<f64> = series.into_iter().map(f64::from).collect();
            match mser_5(&series) {
                Some(Cut::At(cut)) => cut % BATCH == 0 && cut * 2 <= series.len(),
                Some(Cut::TooShort) => true,
                None => series.len() < 2 * BATCH,
            }
        }

        fn unit_and_sign_do_not_matter(series: Vec<i16>) -> bool {
            let plain: Vec<f64> = series.iter().map(|value| f64::from(*value)).collect();
            // A power of two, so that nothing is rounded differently.
            let other: Vec<f64> = plain.iter().map(|value| value * 4.0).collect();
            let turned: Vec<f64> = plain.iter().map(|value| -value).collect();
            mser_5(&plain) == mser_5(&other) && mser_5(&plain) == mser_5(&turned)
        }
    }
}
