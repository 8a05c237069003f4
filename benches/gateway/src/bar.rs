//! What was asked, beside what was measured.

use crate::statistics::Median;
use std::fmt;

/// A ratio, and the most that it may be.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// What is compared with what.
    pub(crate) what: String,
    pub(crate) asked: f64,
    pub(crate) found: Median,
}

impl fmt::Display for Bar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, asked, found: Median { middle, low, high } } = self;
        let word = if middle <= asked { "met" } else { "missed" };
        write!(f, "bar 6: {word}: {what}: × {middle:.3} ({low:.3} to {high:.3}), asked {asked:.2}")?;
        if low <= asked && asked < high {
            f.write_str("; the interval has both")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_says_whether_it_is_met_and_how_surely() {
        let bar = |middle, low, high| {
            let found = Median { middle, low, high };
            Bar { what: "a".into(), asked: 1.02, found }.to_string()
        };
        assert_eq!(bar(1.01, 1.0, 1.02), "bar 6: met: a: × 1.010 (1.000 to 1.020), asked 1.02");
        assert_eq!(bar(1.05, 1.03, 1.06), "bar 6: missed: a: × 1.050 (1.030 to 1.060), asked 1.02");
        assert!(bar(1.01, 1.0, 1.03).ends_with("; the interval has both"));
        assert!(bar(1.03, 1.0, 1.04).starts_with("bar 6: missed") && bar(1.03, 1.0, 1.04).ends_with("both"));
    }
}
