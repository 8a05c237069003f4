//! Count, mean and variance of values as they come.

/// Count, mean and sum of squared deviations of a stream: 24 bytes however long it is.
///
/// By Welford's recurrence (*Technometrics* 4, 1962), which unlike the sum of squares loses no digits where the
/// mean is large beside the spread; two are joined as Chan, Golub and LeVeque do (*The American Statistician*
/// 37, 1983).
///
/// ```
/// use tidegate_sim::statistics::moments::Moments;
///
/// let waits: Moments = [2.0, 4.0, 6.0].into_iter().collect();
/// assert_eq!((waits.count(), waits.mean(), waits.variance()), (3, Some(4.0), Some(4.0)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
}

impl Moments {
    /// Adds a value. One that is not finite spoils mean and variance for good. O(1).
    pub fn push(&mut self, value: f64) {
        self.count += 1;
        let from_old = value - self.mean;
        self.mean += from_old / self.count as f64;
        self.squares += from_old * (value - self.mean);
    }

    /// Adds the values of another stream. O(1).
    pub fn merge(&mut self, other: &Self) {
        let count = self.count + other.count;
        if count == 0 {
            return;
        }
        let apart = other.mean - self.mean;
        let (ours, theirs) = (self.count as f64, other.count as f64);
        let share = theirs / count as f64;
        self.mean += apart * share;
        self.squares += other.squares + apart * apart * ours * share;
        self.count = count;
    }

    /// How many values there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their mean, in their unit. `None` without a value, or if it is not finite.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0 && self.mean.is_finite()).then_some(self.mean)
    }

    /// Their sample variance, with n − 1, in their unit squared. `None` of fewer than two values, or if it is
    /// not finite.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        let freedom = self.count.checked_sub(1).filter(|freedom| *freedom > 0)?;
        let variance = self.squares / freedom as f64;
        // A product of two roundings may fall a hair below zero.
        variance.is_finite().then_some(variance.max(0.0))
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut moments = Self::default();
        values.into_iter().for_each(|value| moments.push(value));
        moments
    }
}

impl<'a> FromIterator<&'a f64> for Moments {
    fn from_iter<I: IntoIterator<Item = &'a f64>>(values: I) -> Self {
        values.into_iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    #[test]
    fn few_or_unfit_values_have_no_moments() {
        let of = |values: &[f64]| values.iter().collect::<Moments>();
        assert_eq!((of(&[]).mean(), of(&[]).variance()), (None, None));
        assert_eq!((of(&[3.0]).mean(), of(&[3.0]).variance()), (Some(3.0), None));
        assert_eq!(of(&[3.0; 9]).variance(), Some(0.0));
        for unfit in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!((of(&[1.0, unfit, 1.0]).mean(), of(&[1.0, unfit, 1.0]).variance()), (None, None));
        }
    }

    #[test]
    fn a_large_mean_hides_no_variance() {
        let values: Moments = [4.0, 7.0, 13.0, 16.0].iter().map(|value| 1e9 + value).collect();
        assert_eq!(values.variance(), Some(30.0));
    }

    quickcheck! {
        fn parts_join_to_the_whole(first: Vec<i16>, second: Vec<i16>) -> bool {
            let of = |values: &[i16]| values.iter().map(|value| f64::from(*value)).collect::<Moments>();
            let mut joined = of(&first);
            joined.merge(&of(&second));
            let whole = of(&[first, second].concat());
            let near = |a: Option<f64>, b: Option<f64>| match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
                (a, b) => a == b,
            };
            joined.count() == whole.count()
                && near(joined.mean(), whole.mean())
                && near(joined.variance(), whole.variance())
        }
    }
}
