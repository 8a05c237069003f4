//! Who gets how much, and who ought to.
//!
//! Jain's index says in one number how even shares are; the smallest share and the Lorenz curve say who pays
//! for it, which no single number does. [`max_min_shares`] says what a fair system would have given.

mod max_min;

pub use max_min::{max_min_shares, weighted_max_min_shares};

/// Amounts by client, sorted and counted: its size is that of the different amounts, not of the clients.
///
/// ```
/// use tidegate_sim::statistics::fairness::Shares;
///
/// let shares = Shares::new([1.0, 2.0, 3.0, 4.0, 5.0]).unwrap();
/// assert!((shares.jain() - 9.0 / 11.0).abs() < 1e-12);
/// assert!((shares.smallest() - 1.0 / 3.0).abs() < 1e-12);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Shares {
    /// Different amounts, as parts of the largest, from the least on, each with its clients.
    clients_by_amount: Vec<(f64, u64)>,
    clients: f64,
    sum: f64,
}

impl Shares {
    /// The shares of clients that got these amounts. `None` without a client, if an amount is negative or not
    /// finite, or if all are 0: nothing was shared. O(n log n).
    #[must_use]
    pub fn new(amounts: impl IntoIterator<Item = f64>) -> Option<Self> {
        Self::counted(amounts.into_iter().map(|amount| (amount, 1)))
    }

    /// The same, where so many clients each got an amount.
    #[must_use]
    pub fn counted(amounts: impl IntoIterator<Item = (f64, u64)>) -> Option<Self> {
        let mut all: Vec<(f64, u64)> = amounts.into_iter().filter(|(_, clients)| *clients > 0).collect();
        if !all.iter().all(|(amount, _)| amount.is_finite() && *amount >= 0.0) {
            return None;
        }
        all.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let largest = all.last().map(|(amount, _)| *amount).filter(|largest| *largest > 0.0)?;
        all.dedup_by(|(amount, clients), (kept, of_kept)| {
            let same = amount == kept;
            *of_kept = if same { of_kept.saturating_add(*clients) } else { *of_kept };
            same
        });
        // Parts of the largest, so that squares neither overflow nor vanish; equal amounts stay exactly equal.
        all.iter_mut().for_each(|(amount, _)| *amount /= largest);
        let clients = all.iter().map(|(_, clients)| *clients as f64).sum();
        let sum = all.iter().map(|(amount, clients)| amount * *clients as f64).sum();
        Some(Self { clients_by_amount: all, clients, sum })
    }

    /// Jain's index (Σx)²/(n·Σx²): 1 if all have the same, 1/n if one has everything (Jain, Chiu and Hawe, *A
    /// quantitative measure of fairness*, DEC-TR-301, 1984). O(different amounts).
    #[must_use]
    pub fn jain(&self) -> f64 {
        let squares: f64 =
            self.clients_by_amount.iter().map(|(amount, clients)| amount * amount * *clients as f64).sum();
        self.sum / self.clients * (self.sum / squares)
    }

    /// What the client with the least has, as a part of an equal share: 1 if all have the same, 0 if one has
    /// nothing. O(1).
    #[must_use]
    pub fn smallest(&self) -> f64 {
        self.clients_by_amount.first().map_or(0.0, |(amount, _)| amount * self.clients / self.sum)
    }

    /// What the client has below whom this share of clients are, as a part of an equal share: at .01, the p1
    /// share. `None` unless 0 ≤ `of_clients` ≤ 1. O(different amounts).
    #[must_use]
    pub fn at(&self, of_clients: f64) -> Option<f64> {
        if !(0.0..=1.0).contains(&of_clients) {
            return None;
        }
        // A hair less, since a product such as .07·100 is rounded up.
        let wanted = of_clients * self.clients * (1.0 - f64::EPSILON);
        let mut so_far = 0.0;
        let reached = self.clients_by_amount.iter().find(|(_, clients)| {
            so_far += *clients as f64;
            so_far >= wanted
        });
        reached.or(self.clients_by_amount.last()).map(|(amount, _)| amount * self.clients / self.sum)
    }

    /// The share that 99 of 100 clients have at least, as a part of an equal share.
    #[must_use]
    pub fn p1(&self) -> f64 {
        self.at(0.01).unwrap_or(0.0)
    }

    /// The Lorenz curve: for each different amount the share of clients that have it or less, and what share of
    /// everything these have together; from (0, 0) to (1, 1). O(different amounts).
    #[must_use]
    pub fn lorenz(&self) -> Vec<(f64, f64)> {
        let (mut poorest, mut theirs) = (0.0, 0.0);
        let points = self.clients_by_amount.iter().map(|(amount, clients)| {
            poorest += *clients as f64;
            theirs += amount * *clients as f64;
            (poorest / self.clients, theirs / self.sum)
        });
        std::iter::once((0.0, 0.0)).chain(points).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    #[track_caller]
    fn assert_jain(amounts: impl IntoIterator<Item = f64>, expected: f64) {
        let jain = Shares::new(amounts).unwrap().jain();
        assert!((jain - expected).abs() < 1e-9, "{jain}");
    }

    #[test]
    fn jain_has_its_known_values() {
        assert_jain([7.3; 20], 1.0);
        assert_jain((0..10).map(|client| f64::from(client == 3) * 5.0), 0.1);
        assert_jain((1..=5).map(f64::from), 225.0 / 275.0);
        let (ones, tens) = (std::iter::repeat_n(1.0, 95), std::iter::repeat_n(10.0, 5));
        assert_jain(ones.chain(tens), 145.0 * 145.0 / (100.0 * 595.0));
        assert_jain([1e300; 7], 1.0);
        assert_jain([1e-300, 0.0], 0.5);
    }

    #[test]
    fn counted_clients_are_as_single_ones() {
        let counted = Shares::counted([(10.0, 5), (1.0, 90), (3.0, 0), (1.0, 5)]);
        let single = Shares::new(std::iter::repeat_n(1.0, 95).chain(std::iter::repeat_n(10.0, 5)));
        assert_eq!(counted, single);
        assert!(counted.is_some());
    }

    #[test]
    fn the_poorest_are_seen() {
        let shares = Shares::counted([(0.0, 1), (1.0, 1), (2.0, 198)]).unwrap();
        let equal = 397.0 / 200.0;
        assert_eq!((shares.smallest(), shares.at(0.005)), (0.0, Some(0.0)));
        assert!((shares.p1() - 1.0 / equal).abs() < 1e-12);
        assert!((shares.at(1.0).unwrap() - 2.0 / equal).abs() < 1e-12);
        assert_eq!((shares.at(1.1), shares.at(f64::NAN)), (None, None));
        let shares = Shares::new([1.0, 3.0]).unwrap();
        assert_eq!(shares.lorenz(), [(0.0, 0.0), (0.5, 0.25), (1.0, 1.0)]);
    }

    #[test]
    fn nothing_shared_has_no_shares() {
        for unfit in [vec![], vec![0.0, 0.0], vec![1.0, -1.0], vec![1.0, f64::NAN], vec![f64::INFINITY]] {
            assert_eq!(Shares::new(unfit), None);
        }
        assert_eq!(Shares::counted([(1.0, 0)]), None);
    }

    quickcheck! {
        fn indices_are_within_their_bounds(amounts: Vec<u16>) -> bool {
            let n = amounts.len() as f64;
            Shares::new(amounts.into_iter().map(f64::from)).is_none_or(|shares| {
                let (jain, smallest) = (shares.jain(), shares.smallest());
                jain >= 1.0 / n - 1e-12
                    && jain <= 1.0 + 1e-12
                    && (0.0..=1.0 + 1e-12).contains(&smallest)
                    && smallest <= shares.p1()
                    && shares.lorenz().iter().all(|(poorest, theirs)| *theirs <= *poorest + 1e-12)
            })
        }
    }
}
