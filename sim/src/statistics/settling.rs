//! When a disturbance is over.

use super::moments::Moments;

/// The values that count as settled, ends included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    /// The least.
    pub low: f64,
    /// The most.
    pub high: f64,
}

impl Band {
    /// So many standard deviations about the mean of the series before the disturbance. `None` of fewer than
    /// two samples, if one is not finite, or if `deviations` is negative or no number.
    ///
    /// Without noise before, the band is the level alone; widen it with [`Band::at_least`] then. O(n).
    #[must_use]
    pub fn of_before(before: &[f64], deviations: f64) -> Option<Self> {
        let moments: Moments = before.iter().collect();
        let (mean, width) = (moments.mean()?, moments.variance()?.sqrt() * deviations);
        (width >= 0.0).then_some(Self { low: mean - width, high: mean + width })
    }

    /// The same band, but not narrower than this share of its middle's size to either side.
    #[must_use]
    pub fn at_least(self, share: f64) -> Self {
        let middle = f64::midpoint(self.low, self.high);
        let width = (self.high - middle).max(middle.abs() * share);
        Self { low: middle - width, high: middle + width }
    }

    /// Whether a value counts as settled; what is no number does not.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

/// When a series was back, counted in samples from the disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settling {
    /// From this sample on it was within the band for as long as was asked: 0 if it never left.
    After(usize),
    /// It was not, for as long as it was seen.
    Censored {
        /// How many samples that was: the settling time is at least this less the hold.
        seen: usize,
    },
}

/// The settling time of the series that begins with the disturbance: the first sample from which on `hold` samples in
/// succession, at least one, are within the band. O(n).
///
/// A visit to the band shorter than the hold does not count, nor does one that the end of the series cuts
/// short. To ask that it stays for good, pass what is left as hold. A time is the number of samples times what
/// a sample stands for.
///
/// ```
/// use tidegate_sim::statistics::settling::{Band, Settling, settling_time};
///
/// let band = Band::of_before(&[9.0, 10.0, 11.0, 10.0], 3.0).unwrap();
/// let retries = [95.0, 60.0, 11.0, 30.0, 12.0, 10.0, 9.0];
/// assert_eq!(settling_time(&retries, band, 3), Settling::After(4));
/// assert_eq!(settling_time(&retries, band, 4), Settling::Censored { seen: 7 });
/// ```
#[must_use]
pub fn settling_time(since: &[f64], band: Band, hold: usize) -> Settling {
    let mut held = 0;
    for (sample, value) in since.iter().enumerate() {
        held = if band.holds(*value) { held + 1 } else { 0 };
        if held >= hold.max(1) {
            return Settling::After(sample + 1 - held);
        }
    }
    Settling::Censored { seen: since.len() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    const BAND: Band = Band { low: -1.0, high: 1.0 };

    #[test]
    fn a_series_settles_where_it_comes_to_stay() {
        assert_eq!(settling_time(&[0.0; 5], BAND, 5), Settling::After(0));
        assert_eq!(settling_time(&[9.0, 1.0, -1.0], BAND, 2), Settling::After(1));
        assert_eq!(settling_time(&[9.0, 0.0, 9.0, 0.0, 0.0], BAND, 2), Settling::After(3));
        assert_eq!(settling_time(&[9.0, 0.0], BAND, 0), Settling::After(1));
    }

    #[test]
    fn one_that_does_not_is_censored() {
        assert_eq!(settling_time(&[], BAND, 0), Settling::Censored { seen: 0 });
        assert_eq!(settling_time(&[9.0; 4], BAND, 1), Settling::Censored { seen: 4 });
        assert_eq!(settling_time(&[9.0, 0.0, 0.0], BAND, 3), Settling::Censored { seen: 3 });
        assert_eq!(settling_time(&[f64::NAN, f64::INFINITY], BAND, 1), Settling::Censored { seen: 2 });
    }

    #[test]
    fn a_band_comes_of_what_was_before() {
        assert_eq!(Band::of_before(&[1.0, 3.0, 5.0], 1.0), Some(Band { low: 1.0, high: 5.0 }));
        assert_eq!(Band::of_before(&[5.0, 5.0], 3.0), Some(Band { low: 5.0, high: 5.0 }));
        assert_eq!(Band { low: 5.0, high: 5.0 }.at_least(0.2), Band { low: 4.0, high: 6.0 });
        assert_eq!(Band { low: 3.0, high: 7.0 }.at_least(0.2), Band { low: 3.0, high: 7.0 });
        assert_eq!(Band::of_before(&[1.0], 1.0), None);
        for unfit in [f64::NAN, -1.0] {
            assert_eq!(Band::of_before(&[1.0, 2.0], unfit), None);
        }
        assert_eq!(Band::of_before(&[1.0, f64::NAN], 1.0), None);
    }

    quickcheck! {
        fn the_answer_is_the_first_that_holds(since: Vec<i8>, hold: u8) -> bool {
            let (band, hold) = (Band { low: -60.0, high: 60.0 }, usize::from(hold % 6));
            let since: Vec<f64> = since.into_iter().map(f64::from).collect();
            let first = since.windows(hold.max(1)).position(|run| run.iter().all(|value| band.holds(*value)));
            settling_time(&since, band, hold) == first.map_or(Settling::Censored { seen: since.len() }, Settling::After)
        }
    }
}
