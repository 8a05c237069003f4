//! The search for the largest number that meets a target, where larger ones are worse.
//!
//! The number is doubled until the target is missed, and then the bracket is halved.

/// How far the search has come.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Bracket {
    /// The largest number that meets the target.
    pub(super) met: Option<f64>,
    /// The smallest that does not.
    pub(super) missed: Option<f64>,
}

/// What is searched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Range {
    /// The smallest number; above 0.
    pub(super) from: f64,
    /// The largest.
    pub(super) to: f64,
    /// The bracket is narrowed to this share of the number.
    pub(super) within: f64,
    /// Whether only whole numbers are meant.
    pub(super) is_whole: bool,
}

impl Bracket {
    /// The next number to be tried; `None` when the bracket is narrow enough.
    pub(super) fn next(self, range: Range) -> Option<f64> {
        match (self.met, self.missed) {
            (None, None) => Some(range.from),
            (None, Some(_)) => None,
            (Some(met), None) => (met < range.to).then(|| (met * 2.0).min(range.to)),
            (Some(met), Some(missed)) => {
                let least = if range.is_whole { 1.0 } else { 0.0 };
                let middle = met + (missed - met) / 2.0;
                let middle = if range.is_whole { middle.floor() } else { middle };
                // Of numbers so near that there is none between them the bracket is as narrow as it gets.
                let is_between = middle > met && middle < missed;
                (is_between && missed - met > (met * range.within).max(least)).then_some(middle)
            }
        }
    }

    /// A number was tried.
    pub(super) fn note(&mut self, number: f64, is_met: bool) {
        *(if is_met { &mut self.met } else { &mut self.missed }) = Some(number);
    }

    /// About how many more are to be tried, once the bracket has both ends.
    pub(super) fn left(self, range: Range) -> Option<u32> {
        let (met, missed) = self.met.zip(self.missed)?;
        let least = if range.is_whole { 1.0 } else { 0.0 };
        let halvings = libm::log2((missed - met) / (met * range.within).max(least)).ceil();
        Some(halvings.clamp(0.0, 64.0) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    /// The bracket, and how many numbers were tried.
    fn found(range: Range, capacity: f64) -> (Bracket, u32) {
        let (mut bracket, mut tried) = (Bracket::default(), 0);
        while let Some(number) = bracket.next(range) {
            assert!((range.from..=range.to).contains(&number) && tried < 100);
            bracket.note(number, number <= capacity);
            tried += 1;
        }
        (bracket, tried)
    }

    quickcheck! {
        /// Whatever the capacity: it lies in the bracket, which is as narrow as is wanted, and few numbers are tried.
        fn the_capacity_lies_in_the_bracket(capacity: u32, from: u32, more: u32, is_whole: bool) -> bool {
            let (capacity, from) = (f64::from(capacity % 1_000_000), f64::from(from % 1_000 + 1));
            let to = from + f64::from(more % 1_000_000);
            let (Bracket { met, missed }, tried) = found(Range { from, to, within: 0.01, is_whole }, capacity);
            let least = if is_whole { 1.0 } else { 0.0 };
            let narrow = met.zip(missed).is_none_or(|(met, missed)| missed - met <= (met * 0.01).max(least));
            met.is_none_or(|met| met <= capacity)
                && missed.is_none_or(|missed| missed > capacity)
                && (met.is_some() || capacity < from)
                && (missed.is_some() || capacity >= to)
                && narrow
                && tried <= 60
        }
    }

    #[test]
    fn fractions_are_searched_too() {
        let range = Range { from: 0.25, to: 8.0, within: 0.001, is_whole: false };
        let (bracket, tried) = found(range, 1.2345);
        assert!(bracket.met.unwrap() <= 1.2345 && bracket.missed.unwrap() - bracket.met.unwrap() < 0.0013);
        assert!(tried < 20 && bracket.left(range) == Some(0));
        assert_eq!(Bracket { met: Some(1.0), missed: Some(2.0) }.left(range), Some(10));
    }
}
