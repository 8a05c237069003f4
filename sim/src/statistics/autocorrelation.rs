//! How much a series resembles itself some steps later.

use super::distributions::normal;
use super::interval::Level;
use super::moments::Moments;

/// The autocorrelation at a lag, in samples: 1 at lag 0, about 0 for a series without memory, towards 1 at the
/// period of a swing and towards −1 at half of it.
///
/// The usual estimate with the whole series' mean and variance (Box and Jenkins, *Time Series Analysis*,
/// 2.1.5), which stays within ±1. `None` if the series is not longer than the lag, does not vary, or has a
/// value that is not finite or too large to be squared. O(n).
///
/// ```
/// use tidegate_sim::statistics::autocorrelation::autocorrelation;
///
/// let swings: Vec<f64> = (0..100).map(|second| f64::from(second % 4)).collect();
/// assert!((autocorrelation(&swings, 4).unwrap() - 0.96).abs() < 1e-12);
/// ```
#[must_use]
pub fn autocorrelation(series: &[f64], lag: usize) -> Option<f64> {
    let moments: Moments = series.iter().collect();
    let (mean, variance) = (moments.mean()?, moments.variance()?);
    let later = series.get(lag..).filter(|later| !later.is_empty())?;
    let products: f64 = series.iter().zip(later).map(|(early, late)| (early - mean) * (late - mean)).sum();
    let all = variance * (series.len() - 1) as f64;
    (all > 0.0).then(|| (products / all).clamp(-1.0, 1.0)).filter(|correlation| correlation.is_finite())
}

/// What the autocorrelation of a series without memory, of so many samples, keeps within ± with the level's
/// probability: z/√n (Bartlett, *Journal of the Royal Statistical Society* B 8, 1946), for lags much shorter
/// than the series. Infinite of no samples.
///
/// ```
/// use tidegate_sim::statistics::{autocorrelation::white_noise_bound, interval::Level};
///
/// assert!((white_noise_bound(100, Level::PERCENT_95) - 0.196).abs() < 1e-4);
/// ```
#[must_use]
pub fn white_noise_bound(samples: usize, level: Level) -> f64 {
    normal(level.upper()) / (samples as f64).sqrt()
}

/// Von Neumann's test that a series has no memory: its ratio, and how far that is from what chance gives.
///
/// The ratio is of the mean squared difference of neighbours to the variance (*Annals of Mathematical Statistics* 12,
/// 1941): about 2 without memory, less where neighbours are alike. Turned round, 1 − ratio/2 is the lag-1
/// autocorrelation but for the two ends, which are where it differs from [`autocorrelation`] and where its
/// distribution is the better known: about normal with variance (n − 2)/(n² − 1) for n ≥ 8.
///
/// ```
/// use tidegate_sim::statistics::autocorrelation::VonNeumann;
///
/// let climbing: Vec<f64> = (0..20).map(f64::from).collect();
/// let test = VonNeumann::new(&climbing).unwrap();
/// assert!(test.correlation > 0.9 && test.z > 4.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VonNeumann {
    /// 1 − ratio/2: the lag-1 correlation.
    pub correlation: f64,
    /// The same in standard errors: above 1.28 in one series of ten without memory.
    pub z: f64,
}

impl VonNeumann {
    /// Tests a series. `None` of fewer than three values, if they do not vary, or if one is not finite or too
    /// large to be squared. O(n).
    #[must_use]
    pub fn new(series: &[f64]) -> Option<Self> {
        let n = series.len() as f64;
        let variance = series.iter().collect::<Moments>().variance()?;
        if series.len() < 3 || variance == 0.0 {
            return None;
        }
        let steps: f64 = series.iter().zip(series.iter().skip(1)).map(|(a, b)| (b - a) * (b - a)).sum();
        let correlation = 1.0 - steps / (2.0 * variance * (n - 1.0));
        let z = correlation * ((n * n - 1.0) / (n - 2.0)).sqrt();
        (correlation.is_finite() && z.is_finite()).then_some(Self { correlation, z })
    }
}

#[cfg(test)]
mod tests {
    use super::super::seeded::Seeded;
    use super::*;
    use quickcheck::quickcheck;

    #[test]
    fn an_autoregressive_series_has_its_correlations() {
        let series: Vec<f64> = Seeded::new(1).autoregressive(0.9).take(100_000).collect();
        for (lag, expected) in [(0, 1.0), (1, 0.9), (2, 0.81), (10, 0.9_f64.powi(10))] {
            let found = autocorrelation(&series, lag).unwrap();
            assert!((found - expected).abs() < 0.03, "{found} at {lag}");
        }
        let neighbours = VonNeumann::new(&series).unwrap().correlation;
        assert!((neighbours - 0.9).abs() < 0.01, "{neighbours}");
    }

    #[test]
    fn series_without_memory_stay_within_their_bounds() {
        let (mut outside, mut alike) = (0, 0);
        for seed in 0..2_000 {
            let mut seeded = Seeded::new(seed);
            let series: Vec<f64> = (0..60).map(|_| seeded.normal()).collect();
            let bound = white_noise_bound(60, Level::PERCENT_95);
            outside += usize::from(autocorrelation(&series, 3).unwrap().abs() > bound);
            alike += usize::from(VonNeumann::new(&series).unwrap().z > 1.2816);
        }
        // One in twenty, less a little as the estimate is drawn to zero; one in ten.
        assert!((60..=120).contains(&outside), "{outside} of 2,000");
        assert!((150..=250).contains(&alike), "{alike} of 2,000");
    }

    #[test]
    fn what_cannot_be_correlated_has_none() {
        assert_eq!(autocorrelation(&[], 0), None);
        assert_eq!(autocorrelation(&[1.0, 2.0], 2), None);
        assert_eq!(autocorrelation(&[1.0, 2.0], usize::MAX), None);
        assert_eq!(autocorrelation(&[5.0; 9], 1), None);
        assert_eq!(autocorrelation(&[1.0, f64::NAN, 2.0], 1), None);
        assert_eq!(VonNeumann::new(&[1.0, 2.0]), None);
        assert_eq!(VonNeumann::new(&[5.0; 9]), None);
        assert_eq!(VonNeumann::new(&[1.0, 2.0, f64::INFINITY]), None);
        assert_eq!(white_noise_bound(0, Level::PERCENT_95), f64::INFINITY);
    }

    quickcheck! {
        fn a_correlation_is_within_one(series: Vec<f64>, lag: usize) -> bool {
            autocorrelation(&series, lag % 20).is_none_or(|correlation| correlation.abs() <= 1.0)
        }
    }
}
