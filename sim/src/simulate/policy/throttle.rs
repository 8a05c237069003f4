//! Adaptive throttling: a client that is refused much holds back a part of its own attempts.
//!
//! With `requests` made and `accepts` answered well in the last while, an attempt is held back with the probability
//! max(0, (requests − k·accepts)/(requests + 1)) (Beyer, Jones, Petoff and Murphy, *Site Reliability Engineering*, 2016, ch. 21).

use tidegate::Nanos;

/// The rule.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Throttle {
    /// So many attempts are made for one that is accepted before any is held back.
    pub(crate) k: f64,
    /// The last while.
    pub(crate) window: Nanos,
}

/// Parts of the window; they end one by one.
const SLICES: usize = 10;

/// What a client remembers.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    requests: [u32; SLICES],
    accepts: [u32; SLICES],
    /// The number of the slice that fills.
    at: u64,
}

impl Throttle {
    /// Counts an attempt, and tells the probability with which it is held back.
    pub(crate) fn requests(self, history: &mut History, now: Nanos) -> f64 {
        let slice = self.slide(history, now);
        let sum = |counts: &[u32; SLICES]| counts.iter().map(|count| f64::from(*count)).sum::<f64>();
        let (requests, accepts) = (sum(&history.requests), sum(&history.accepts));
        history.requests[slice] += 1;
        ((requests - self.k * accepts) / (requests + 1.0)).max(0.0)
    }

    /// An attempt was answered well.
    pub(crate) fn accepts(self, history: &mut History, now: Nanos) {
        let slice = self.slide(history, now);
        history.accepts[slice] += 1;
    }

    fn slide(self, history: &mut History, now: Nanos) -> usize {
        let slice = (u128::from(now.get()) * SLICES as u128 / u128::from(self.window.get().max(1))) as u64;
        for passed in (history.at + 1..=slice).take(SLICES) {
            let place = (passed % SLICES as u64) as usize;
            (history.requests[place], history.accepts[place]) = (0, 0);
        }
        history.at = slice;
        (slice % SLICES as u64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Throttle = Throttle { k: 2.0, window: Nanos::from_secs(120) };

    #[test]
    fn who_is_accepted_holds_nothing_back() {
        let mut history = History::default();
        for second in 0..1_000 {
            assert_eq!(RULE.requests(&mut history, Nanos::from_secs(second)), 0.0);
            RULE.accepts(&mut history, Nanos::from_secs(second));
        }
    }

    #[test]
    fn who_is_refused_holds_back_more_and_more_until_it_is_forgotten() {
        let mut history = History::default();
        let chances: Vec<f64> = (0..4).map(|_| RULE.requests(&mut history, Nanos::from_secs(5))).collect();
        assert_eq!(chances, [0.0, 0.5, 2.0 / 3.0, 0.75]);
        RULE.accepts(&mut history, Nanos::from_secs(6));
        // Four requests, one accepted.
        assert_eq!(RULE.requests(&mut history, Nanos::from_secs(7)), 0.4);
        assert_eq!(RULE.requests(&mut history, Nanos::from_secs(119)), 0.5);
        assert_eq!(RULE.requests(&mut history, Nanos::from_secs(1_000)), 0.0);
    }
}
