//! How evenly successes fall on clients.

use std::collections::BTreeMap;

/// How many clients had how many successes. Its size is that of the different counts, not of the clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shares {
    clients_by_successes: BTreeMap<u32, u64>,
}

impl Shares {
    /// Counts one client.
    pub(crate) fn note(&mut self, successes: u32) {
        *self.clients_by_successes.entry(successes).or_default() += 1;
    }

    /// Counts the clients of another part.
    pub(crate) fn add(&mut self, other: &Self) {
        for (successes, clients) in &other.clients_by_successes {
            *self.clients_by_successes.entry(*successes).or_default() += clients;
        }
    }

    /// Jain's index (Σx)² / (n·Σx²): 1 if all have the same, 1/n if one has everything. `None` if nobody has
    /// anything.
    pub(crate) fn jain(&self) -> Option<f64> {
        let (mut clients, mut sum, mut squares) = (0_u128, 0_u128, 0_u128);
        for (successes, count) in &self.clients_by_successes {
            let (successes, count) = (u128::from(*successes), u128::from(*count));
            clients += count;
            sum += successes * count;
            squares += successes * successes * count;
        }
        // Sums of integers are exact, so only the division rounds.
        (sum > 0).then(|| sum as f64 / clients as f64 * (sum as f64 / squares as f64))
    }

    /// The fewest successes that any client had.
    pub(crate) fn least(&self) -> Option<u32> {
        self.clients_by_successes.keys().next().copied()
    }

    /// The mean of successes a client.
    pub(crate) fn mean(&self) -> f64 {
        let clients: u64 = self.clients_by_successes.values().sum();
        self.total() as f64 / clients.max(1) as f64
    }

    /// The Lorenz curve: the share of all successes that the poorest share of clients have, from (0, 0) to (1, 1).
    pub(crate) fn lorenz(&self) -> Vec<(f64, f64)> {
        let clients: u64 = self.clients_by_successes.values().sum();
        let total = self.total();
        let (mut poorest, mut theirs) = (0, 0);
        let points = self.clients_by_successes.iter().map(|(successes, count)| {
            poorest += count;
            theirs += u64::from(*successes) * count;
            (poorest as f64 / clients as f64, theirs as f64 / total.max(1) as f64)
        });
        std::iter::once((0.0, 0.0)).chain(points).collect()
    }

    fn total(&self) -> u64 {
        self.clients_by_successes.iter().map(|(successes, count)| u64::from(*successes) * count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(successes: impl IntoIterator<Item = u32>) -> Shares {
        let mut shares = Shares::default();
        successes.into_iter().for_each(|successes| shares.note(successes));
        shares
    }

    #[track_caller]
    fn assert_jain(successes: impl IntoIterator<Item = u32>, expected: f64) {
        let jain = shares(successes).jain().unwrap();
        assert!((jain - expected).abs() < 1e-9, "{jain}");
    }

    #[test]
    fn jain_has_its_known_values() {
        assert_jain([7; 20], 1.0);
        assert_jain((0..10).map(|client| u32::from(client == 3) * 5), 0.1);
        assert_jain(1..=5, 225.0 / 275.0);
        let (ones, tens) = (std::iter::repeat_n(1, 95), std::iter::repeat_n(10, 5));
        assert_jain(ones.chain(tens), 145.0 * 145.0 / (100.0 * 595.0));
        assert_eq!(shares([0, 0]).jain(), None);
    }

    #[test]
    fn the_order_of_clients_and_parts_does_not_matter() {
        let mut first = shares([1, 5, 5]);
        first.add(&shares([0, 1]));
        assert_eq!(first, shares([5, 1, 0, 5, 1]));
        assert_eq!((first.least(), first.mean()), (Some(0), 2.4));
    }

    #[test]
    fn a_lorenz_curve_runs_below_the_diagonal() {
        assert_eq!(shares([1, 3]).lorenz(), [(0.0, 0.0), (0.5, 0.25), (1.0, 1.0)]);
        assert_eq!(shares([4, 4, 4]).lorenz(), [(0.0, 0.0), (1.0, 1.0)]);
    }
}
