//! How what clients got compares with what was fair, given what each of them wanted.
//!
//! That all get the same is fair only where all want the same. So a client's successes are held against its max–min fair
//! share of what all got together: a client that wants little and gets it has its share, however small.

use crate::statistics::fairness::{Shares, weighted_max_min_shares};
use std::collections::BTreeMap;

/// How many clients wanted so many calls and got so many of them. Its size is that of the different pairs, not of the clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Satisfaction {
    clients: BTreeMap<(u32, u32), u64>,
}

/// How fair that is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Fairness {
    /// Jain's index of what clients got over their fair shares.
    pub(crate) jain: f64,
    /// The least of these ratios.
    pub(crate) least: f64,
    /// The ratio that 99 of 100 clients have at least.
    pub(crate) p1: f64,
}

impl Satisfaction {
    /// Counts one client, if it wanted anything.
    pub(crate) fn note(&mut self, wanted: u32, got: u32) {
        if wanted > 0 {
            *self.clients.entry((wanted, got)).or_default() += 1;
        }
    }

    /// Counts the clients of another part.
    pub(crate) fn add(&mut self, other: &Self) {
        for (pair, clients) in &other.clients {
            *self.clients.entry(*pair).or_default() += clients;
        }
    }

    /// How fair it is; `None` if nobody got anything.
    pub(crate) fn fairness(&self) -> Option<Fairness> {
        let total = |of: fn(&(u32, u32)) -> u32| {
            self.clients.iter().map(move |(pair, clients)| f64::from(of(pair)) * *clients as f64)
        };
        let got: f64 = total(|(_, got)| *got).sum();
        if got == 0.0 {
            return None;
        }
        // Clients that want the same are one that wants as much as all of them, of their weight together.
        let demands: Vec<f64> = total(|(wanted, _)| *wanted).collect();
        let weights: Vec<f64> = self.clients.values().map(|clients| *clients as f64).collect();
        let fair = weighted_max_min_shares(&demands, &weights, got)?;
        let mut ratios: Vec<(f64, u64)> = total(|(_, got)| *got)
            .zip(fair)
            .zip(self.clients.values())
            .map(|((got, fair), clients)| (got / fair, *clients))
            .collect();
        ratios.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let jain = Shares::counted(ratios.iter().copied())?.jain();
        Some(Fairness { jain, least: ratios.first()?.0, p1: percentile(&ratios)? })
    }
}

/// What 99 of 100 have at least, of values from the least on, each with its clients.
fn percentile(values: &[(f64, u64)]) -> Option<f64> {
    let wanted = values.iter().map(|(_, clients)| *clients).sum::<u64>().div_ceil(100);
    let mut so_far = 0;
    let reached = values.iter().find(|(_, clients)| {
        so_far += clients;
        so_far >= wanted
    });
    reached.map(|(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    fn of(clients: impl IntoIterator<Item = (u32, u32)>) -> Satisfaction {
        let mut all = Satisfaction::default();
        clients.into_iter().for_each(|(wanted, got)| all.note(wanted, got));
        all
    }

    #[track_caller]
    fn assert_fairness(clients: &[(u32, u32)], jain: f64, least: f64, p1: f64) {
        let found = of(clients.iter().copied()).fairness().unwrap();
        for (found, expected) in [(found.jain, jain), (found.least, least), (found.p1, p1)] {
            assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
        }
    }

    #[test]
    fn who_wants_little_and_gets_it_has_its_share() {
        assert_fairness(&[(1, 1), (100, 50), (100, 50)], 1.0, 1.0, 1.0);
        // Of 10 for wants of 2, 4, 5 and 5 fair is 2, 8/3, 8/3 and 8/3.
        let third = 3.0 / 8.0;
        let ratios = [1.0, 4.0 * third, 3.0 * third, third];
        let (sum, squares) = ratios.iter().fold((0.0, 0.0), |(sum, squares), x| (sum + x, squares + x * x));
        let clients = [(2, 2), (4, 4), (5, 3), (5, 1)];
        assert_fairness(&clients, sum * sum / (4.0 * squares), third, third);
    }

    #[test]
    fn who_wants_nothing_is_not_counted_and_who_gets_nothing_is() {
        assert_fairness(&[(0, 0), (4, 4)], 1.0, 1.0, 1.0);
        assert_fairness(&[(4, 0), (4, 4)], 0.5, 0.0, 0.0);
        assert_eq!(of([(0, 0), (4, 0)]).fairness(), None);
    }

    #[test]
    fn the_worst_of_a_hundred_and_the_second_are_told_apart() {
        let of_so_many = |clients| of((0..clients).map(|client| (10, if client == 0 { 5 } else { 10 })));
        let p1 = |clients| of_so_many(clients).fairness().unwrap().p1;
        assert!(p1(100) < 0.6 && p1(101) > 0.9, "the second is the first that 99 % of 101 are not below");
    }

    quickcheck! {
        fn parts_add_up_in_any_order(first: Vec<(u8, u8)>, second: Vec<(u8, u8)>) -> bool {
            let pairs = |part: &[(u8, u8)]| of(part.iter().map(|(wanted, got)| ((*wanted).into(), (*got).into())));
            let (mut one, mut other) = (pairs(&first), pairs(&second));
            one.add(&pairs(&second));
            other.add(&pairs(&first));
            one == other && one == pairs(&[first, second].concat())
        }

        fn max_min_shares_are_fair(wants: Vec<u8>, level: u8) -> bool {
            let clients = || wants.iter().map(|wanted| (u32::from(*wanted), u32::from((*wanted).min(level))));
            let any = clients().any(|(_, got)| got > 0);
            of(clients()).fairness().map_or(!any, |found| {
                (found.jain - 1.0).abs() < 1e-9 && (found.least - 1.0).abs() < 1e-9
            })
        }
    }
}
