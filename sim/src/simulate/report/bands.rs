//! What replications have in common over time, and how far they lie apart.

use crate::simulate::measures::{Bin, Tally};
use crate::simulate::run::Replication;
use crate::statistics::quantile::quantile;

/// From so many replications on a band is of percentiles; the extremes of fewer are nearer to those than any estimate.
const ENOUGH: usize = 20;

/// A value for each place of an axis: of one run, or the middle of many with the band in which they lie.
#[derive(Clone, Debug)]
pub(super) struct Series {
    /// The value, or the median of the replications.
    pub(super) middle: Vec<f64>,
    /// From and to; `None` of a single run.
    pub(super) band: Option<Vec<(f64, f64)>>,
}

impl Series {
    /// A series of replications that have a value for each place.
    pub(super) fn new(replications: &[Vec<f64>]) -> Self {
        if let [one] = replications {
            return Self { middle: one.clone(), band: None };
        }
        let places = replications.iter().map(Vec::len).min().unwrap_or_default();
        let sorted = |place: usize| {
            let mut values: Vec<f64> = replications.iter().map(|values| values[place]).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let (middle, band) = (0..places).map(sorted).map(|values| (median(&values), ends(&values))).unzip();
        Self { middle, band: Some(band) }
    }

    /// Some count of a tally's intervals, a second.
    pub(super) fn rates(
        replications: &[Replication],
        of: impl Fn(&Replication) -> &Tally,
        count: fn(Bin) -> u64,
        bin_seconds: f64,
    ) -> Self {
        let rates = |tally: &Tally| tally.bins.iter().map(|bin| count(*bin) as f64 / bin_seconds).collect();
        Self::new(&replications.iter().map(|replication| rates(of(replication))).collect::<Vec<_>>())
    }

    /// The highest value, of the band if there is one.
    pub(super) fn highest(&self) -> f64 {
        let tops = self.band.iter().flatten().map(|(_, high)| *high);
        self.middle.iter().copied().chain(tops).fold(0.0, f64::max)
    }
}

/// The middle of sorted values.
fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    match sorted {
        [] => 0.0,
        _ if sorted.len().is_multiple_of(2) => f64::midpoint(sorted[middle - 1], sorted[middle]),
        _ => sorted[middle],
    }
}

/// Between which of sorted values the band lies.
fn ends(sorted: &[f64]) -> (f64, f64) {
    if sorted.len() < ENOUGH {
        return sorted.first().copied().zip(sorted.last().copied()).unwrap_or_default();
    }
    let at = |share| quantile(sorted, share).unwrap_or_default();
    (at(0.05), at(0.95))
}

/// What a chart of so many replications shows, for its caption; `None` of a single run.
pub(super) fn explained(replications: usize) -> Option<String> {
    let band = match replications {
        0 | 1 => return None,
        _ if replications < ENOUGH => "from the lowest of them to the highest",
        _ => "from the 5th to the 95th percentile of them",
    };
    Some(format!("Line: the median of {replications} replications; band: {band}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_band_is_of_several_and_says_which() {
        let one = Series::new(&[vec![1.0, 2.0]]);
        assert!(one.band.is_none() && one.middle == [1.0, 2.0] && explained(1).is_none());
        let few = Series::new(&[vec![1.0, 2.0], vec![3.0, 2.0], vec![8.0, 2.0]]);
        assert_eq!((few.middle.as_slice(), few.highest()), ([3.0, 2.0].as_slice(), 8.0));
        assert_eq!(few.band.unwrap(), [(1.0, 8.0), (2.0, 2.0)]);
        let many: Vec<Vec<f64>> = (0..101).map(|value| vec![f64::from(value)]).collect();
        let many = Series::new(&many).band.unwrap()[0];
        assert!((many.0 - 5.0).abs() <= 1.0 && (many.1 - 95.0).abs() <= 1.0, "{many:?}");
    }
}
