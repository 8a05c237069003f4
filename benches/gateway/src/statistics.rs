//! The middle of rounds, and how sure it is.

/// A median, and an interval that holds it with at least 95% confidence, whatever the distribution: from one order statistic to its
/// counterpart (the sign test's). Below six rounds no interval is that sure: the whole range is given then.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Median {
    pub(crate) middle: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Median {
    /// `None` of nothing.
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let last = values.len().checked_sub(1)?;
        let middle = (values[last / 2] + values[values.len() / 2]) / 2.0;
        let left_out = left_out(values.len());
        Some(Self { middle, low: values[left_out], high: values[last - left_out] })
    }

    /// Of the quotients of two rows, round by round.
    pub(crate) fn of_ratios(over: &[f64], under: &[f64]) -> Option<Self> {
        Self::of(over.iter().zip(under).map(|(over, under)| over / under))
    }
}

/// How many values at either end lie outside of the interval: as many as the median is beyond in at most 2.5% of all cases.
fn left_out(values: usize) -> usize {
    let mut term = 0.5_f64.powi(i32::try_from(values).unwrap_or(i32::MAX));
    let mut beyond = 0.0;
    for count in 0..values {
        beyond += term;
        if beyond > 0.025 {
            return count.saturating_sub(1);
        }
        term *= (values - count) as f64 / (count + 1) as f64;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_the_middle() {
        let middle = |values: &[f64]| Median::of(values.iter().copied()).map(|median| median.middle);
        assert_eq!(middle(&[]), None);
        assert_eq!(middle(&[7.0]), Some(7.0));
        assert_eq!(middle(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(middle(&[4.0, 1.0, 2.0, 9.0]), Some(3.0));
        assert_eq!(
            Median::of_ratios(&[2.0, 9.0, 4.0], &[1.0, 3.0, 4.0]).map(|ratio| ratio.middle),
            Some(2.0)
        );
    }

    /// As in the tables of the sign test.
    #[test]
    fn the_interval_is_that_of_the_sign_test() {
        let left_out = [1, 5, 6, 8, 9, 11, 12, 15, 20, 25, 31, 40, 50].map(left_out);
        assert_eq!(left_out, [0, 0, 0, 0, 1, 1, 2, 3, 5, 7, 9, 13, 17]);
    }
}
