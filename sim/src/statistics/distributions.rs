//! Quantiles of Student's t and of the normal, and the binomial distribution, from `statrs`, kept to where it
//! is right.

use super::interval::Level;
use statrs::distribution::{Binomial, ContinuousCDF, DiscreteCDF, Normal, StudentsT};

/// Up to here Student's t comes from the inverse of the incomplete beta function. `statrs` 0.19.1 computes that by a
/// continued fraction of at most 140 terms: right to 10⁻¹² here, wrong in the eighth digit at 5,000 degrees
/// of freedom, by a sixth at ten million, and without end at a thousand million.
const MOST_EXACT_FREEDOM: u64 = 1_000;

/// Up to here the binomial distribution is right to 10⁻⁹, for the same reason.
pub(super) const MOST_EXACT_TRIALS: u64 = 100_000;

/// The t that a variable of so many degrees of freedom keeps within ±t with the level's probability; infinite without
/// a degree of freedom.
pub(super) fn student_t(level: Level, freedom: u64) -> f64 {
    if freedom == 0 {
        return f64::INFINITY;
    }
    if freedom > MOST_EXACT_FREEDOM {
        return expanded_t(normal(level.upper()), freedom as f64);
    }
    let upper = level.upper();
    StudentsT::new(0.0, 1.0, freedom as f64)
        .map_or(f64::INFINITY, |student| as_everywhere(student.inverse_cdf(upper)))
}

/// Abramowitz and Stegun, *Handbook of Mathematical Functions*, 26.7.5: the next term is below 10⁻¹⁰ of the
/// quantile from a thousand degrees on, for any level up to .999999.
fn expanded_t(z: f64, freedom: f64) -> f64 {
    let square = z * z;
    let first = z * (square + 1.0) / 4.0;
    let second = z * ((5.0 * square + 16.0) * square + 3.0) / 96.0;
    let third = z * (((3.0 * square + 19.0) * square + 17.0) * square - 15.0) / 384.0;
    z + (first + (second + third / freedom) / freedom) / freedom
}

/// The value that a standard normal variable stays below with this probability, which is held within 0..=1.
pub(super) fn normal(probability: f64) -> f64 {
    as_everywhere(Normal::standard().inverse_cdf(probability.clamp(0.0, 1.0)))
}

/// The probability that a standard normal variable stays below this value.
pub(super) fn normal_below(value: f64) -> f64 {
    as_everywhere(Normal::standard().cdf(value))
}

/// The probability of at most `successes` in so many trials, up to [`MOST_EXACT_TRIALS`]; 1 where there is no such
/// distribution.
pub(super) fn binomial(successes: u64, trials: u64, probability: f64) -> f64 {
    Binomial::new(probability, trials).map_or(1.0, |binomial| as_everywhere(binomial.cdf(successes)))
}

/// Rounded to eleven digits: `statrs` takes logarithms from the platform, whose last bits differ from one machine to the next, and
/// is right to about as many.
fn as_everywhere(value: f64) -> f64 {
    // Both ways are exact to the last bit.
    format!("{value:.10e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    #[track_caller]
    fn assert_t(level: f64, freedom: u64, expected: f64) {
        let found = student_t(Level::new(level).unwrap(), freedom);
        assert!((found / expected - 1.0).abs() < 1e-9, "{found} for {expected}");
    }

    #[test]
    fn student_t_is_right_on_both_sides_of_the_border() {
        // From SciPy 1.17.1, stats.t.ppf.
        let table = [
            (0.95, 1, 12.706_204_736_174_694),
            (0.99, 1, 63.656_741_162_871_526),
            (0.9, 2, 2.919_985_580_353_724),
            (0.95, 7, 2.364_624_251_592_784),
            (0.99, 19, 2.860_934_606_464_979),
            (0.95, 31, 2.039_513_446_396_408),
            (0.95, 1_000, 1.962_339_080_826_408),
            (0.99, 1_000, 2.580_754_698_065_951),
            (0.95, 1_001, 1.962_336_705_280_88),
            (0.99, 1_001, 2.580_749_768_750_525),
            (0.999, 1_001, 3.300_272_876_066_04),
            (0.95, 100_000, 1.959_987_707_534_609),
            (0.99, 1_000_000_000, 2.575_829_308_465_448),
        ];
        for (level, freedom, expected) in table {
            assert_t(level, freedom, expected);
        }
    }

    #[test]
    fn no_freedom_tells_nothing() {
        assert_eq!(student_t(Level::PERCENT_95, 0), f64::INFINITY);
    }

    quickcheck! {
        fn t_falls_with_freedom_towards_the_normal(freedom: u32) -> bool {
            let at = |freedom| student_t(Level::PERCENT_95, freedom);
            let freedom = u64::from(freedom % 3_000) + 1;
            at(freedom) > at(freedom + 1) && at(freedom + 1) > normal(Level::PERCENT_95.upper())
        }
    }
}
