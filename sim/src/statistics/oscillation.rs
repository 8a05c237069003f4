//! How much of a series swings at a given period.
//!
//! A limit with a window can set the pace of all who wait for it: denied together, told the same time, back
//! together. What gives that away is a swing of the load at the window's period.

use super::interval::Level;
use super::moments::Moments;
use std::f64::consts::TAU;

/// What a series shows at one period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Oscillation {
    /// The amplitude of the sine wave of that period, in the unit of the series: half of its swing.
    pub amplitude: f64,
    /// The share of the series' variance that this wave makes: 0 to 1. A pulse has waves at a half, a third, …
    /// of its period too, and less than all of its variance at the first.
    pub share_of_variance: f64,
    /// How many samples were looked at: whole periods, the last ones.
    pub samples: usize,
}

impl Oscillation {
    /// What a series, one sample at equal intervals, shows at a period of so many samples. Of the front is left
    /// out what makes no whole period, or the rest would leak into the measure.
    ///
    /// `None` if the period is not above 2 samples (Nyquist's limit), if the series does not hold it twice,
    /// does not vary, or has a value that is not finite or too large to be squared. O(n), by Goertzel's
    /// recurrence (*American Mathematical Monthly* 65, 1958) on what differs from the mean; its rounding grows
    /// with the square of the number of samples at very long periods, so periods up to some 10⁵ samples are
    /// safe.
    ///
    /// ```
    /// use std::f64::consts::TAU;
    /// use tidegate_sim::statistics::{interval::Level, oscillation::Oscillation};
    ///
    /// let load: Vec<f64> = (0..600).map(|second| 50.0 + 20.0 * (TAU * f64::from(second) / 60.0).sin()).collect();
    /// let at_the_window = Oscillation::new(&load, 60.0).unwrap();
    /// assert!((at_the_window.amplitude - 20.0).abs() < 1e-6);
    /// assert!(at_the_window.is_significant(Level::PERCENT_99));
    /// assert!(!Oscillation::new(&load, 40.0).unwrap().is_significant(Level::PERCENT_99));
    /// ```
    #[must_use]
    pub fn new(series: &[f64], period: f64) -> Option<Self> {
        // A hair more, for a series of whole periods whose quotient is rounded down.
        let periods = (series.len() as f64 / period + 1e-9).floor();
        if !(period > 2.0 && periods >= 2.0) {
            return None;
        }
        let samples = ((periods * period).round() as usize).min(series.len());
        let whole = series.get(series.len() - samples..)?;
        let moments: Moments = whole.iter().collect();
        let (mean, variance) = (moments.mean()?, moments.variance()?);
        let n = samples as f64;
        let power = goertzel(whole.iter().map(|value| value - mean), TAU / period);
        // A wave of amplitude a has |X| = a·n/2 and variance a²/2.
        let amplitude = 2.0 * power.max(0.0).sqrt() / n;
        let share = amplitude * amplitude / 2.0 / (variance * (n - 1.0) / n);
        share.is_finite().then(|| Self { amplitude, share_of_variance: share.min(1.0), samples })
    }

    /// The probability that a series without memory shows as large a share at a period named beforehand: (1 −
    /// share) to the power of (n − 3)/2, exact for normal values and a whole number of samples (Fisher,
    /// *Proceedings of the Royal Society* A 125, 1929, whose test is of the largest share among all periods).
    #[must_use]
    pub fn chance(&self) -> f64 {
        libm::pow(1.0 - self.share_of_variance, (self.samples as f64 - 3.0).max(0.0) / 2.0)
    }

    /// Whether the swing is more than a series without memory shows, in all but 1 − level of cases. A series
    /// *with* memory has more than its part at long periods without swinging: then ask for a large
    /// [share](Self::share_of_variance) besides, and for a positive
    /// [autocorrelation](super::autocorrelation::autocorrelation) at the period with a negative one at half of
    /// it.
    #[must_use]
    pub fn is_significant(&self, level: Level) -> bool {
        self.chance() < 1.0 - level.get()
    }
}

/// |Σ xₜ·exp(−iωt)|², with ω in radians a sample.
fn goertzel(values: impl Iterator<Item = f64>, omega: f64) -> f64 {
    let twice = 2.0 * libm::cos(omega);
    let (last, before) =
        values.fold((0.0, 0.0), |(last, before), value| (value + twice * last - before, last));
    last * last + before * before - twice * last * before
}

#[cfg(test)]
mod tests {
    use super::super::seeded::Seeded;
    use super::*;
    use quickcheck::quickcheck;

    fn wave(samples: usize, period: f64, amplitude: f64, phase: f64) -> Vec<f64> {
        (0..samples).map(|sample| amplitude * (TAU * sample as f64 / period + phase).sin()).collect()
    }

    #[test]
    fn a_wave_has_its_amplitude_at_its_period_alone() {
        for (samples, period, phase) in [(600, 60.0, 0.0), (617, 60.0, 1.0), (1_000, 2.5, 0.5), (7, 3.0, 2.0)]
        {
            let found = Oscillation::new(&wave(samples, period, 5.0, phase), period).unwrap();
            assert!((found.amplitude - 5.0).abs() < 1e-6, "{found:?}");
            assert!((found.share_of_variance - 1.0).abs() < 1e-6, "{found:?}");
        }
        let elsewhere = Oscillation::new(&wave(600, 60.0, 5.0, 0.3), 50.0).unwrap();
        assert!(elsewhere.share_of_variance < 1e-12, "{elsewhere:?}");
        let unwhole = Oscillation::new(&wave(1_000, 31.7, 5.0, 0.3), 31.7).unwrap();
        assert!((unwhole.amplitude - 5.0).abs() < 0.1, "{unwhole:?}");
    }

    #[test]
    fn the_shares_of_all_periods_make_the_whole() {
        let mut seeded = Seeded::new(3);
        let series: Vec<f64> = (0..101).map(|_| seeded.normal()).collect();
        let share =
            |waves: u32| Oscillation::new(&series, 101.0 / f64::from(waves)).unwrap().share_of_variance;
        // Two waves at least, so the first share is what is missing.
        let without_first: f64 = (2..=50).map(share).sum();
        let n = 101.0;
        let mean = series.iter().sum::<f64>() / n;
        let all: f64 = series.iter().map(|value| (value - mean).powi(2)).sum();
        let first = 2.0 * goertzel(series.iter().map(|value| value - mean), TAU / n) / n / all;
        assert!((first + without_first - 1.0).abs() < 1e-9, "{first} {without_first}");
    }

    #[test]
    fn noise_is_significant_as_rarely_as_said() {
        let found = (0..2_000).filter(|seed| {
            let mut seeded = Seeded::new(*seed);
            let series: Vec<f64> = (0..120).map(|_| seeded.normal()).collect();
            Oscillation::new(&series, 10.0).unwrap().is_significant(Level::PERCENT_95)
        });
        let found = found.count();
        // A hundred expected, four standard errors are 39.
        assert!((61..=139).contains(&found), "{found} of 2,000");
    }

    #[test]
    fn a_pulse_each_window_is_found_under_noise() {
        let mut seeded = Seeded::new(5);
        let pulses: Vec<f64> =
            (0..600).map(|second| f64::from(u8::from(second % 60 < 10)) + 0.5 * seeded.normal()).collect();
        let found = Oscillation::new(&pulses, 60.0).unwrap();
        assert!(found.is_significant(Level::PERCENT_99) && found.share_of_variance > 0.1, "{found:?}");
    }

    #[test]
    fn what_cannot_swing_does_not() {
        let series = wave(100, 10.0, 1.0, 0.0);
        for period in [f64::NAN, f64::INFINITY, 0.0, -10.0, 2.0, 51.0] {
            assert_eq!(Oscillation::new(&series, period), None);
        }
        assert_eq!(Oscillation::new(&[], 10.0), None);
        assert_eq!(Oscillation::new(&[4.0; 100], 10.0), None);
        for unfit in [f64::NAN, f64::INFINITY, f64::MAX] {
            assert_eq!(Oscillation::new(&[&series[..], &[unfit]].concat(), 10.0), None);
        }
    }

    quickcheck! {
        fn a_share_is_a_share(series: Vec<f64>, period: f64) -> bool {
            let period = 2.0 + period.abs() % 10.0;
            Oscillation::new(&series, period).is_none_or(|found| {
                (0.0..=1.0).contains(&found.share_of_variance) && (0.0..=1.0).contains(&found.chance())
            })
        }
    }
}
