//! How evenly successes fall on clients.

use crate::statistics::fairness::Shares;
use std::collections::BTreeMap;

/// How many clients had how many successes. Its size is that of the different counts, not of the clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Successes {
    clients_by_successes: BTreeMap<u32, u64>,
}

impl Successes {
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

    /// What they come to as shares; `None` if nobody has any.
    pub(crate) fn shares(&self) -> Option<Shares> {
        Shares::counted(
            self.clients_by_successes.iter().map(|(successes, clients)| (f64::from(*successes), *clients)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn successes(of_each: impl IntoIterator<Item = u32>) -> Successes {
        let mut all = Successes::default();
        of_each.into_iter().for_each(|successes| all.note(successes));
        all
    }

    #[test]
    fn the_order_of_clients_and_parts_does_not_matter() {
        let mut first = successes([1, 5, 5]);
        first.add(&successes([0, 1]));
        assert_eq!(first, successes([5, 1, 0, 5, 1]));
        let shares = first.shares().unwrap();
        assert!(shares.smallest() == 0.0 && (shares.jain() - 144.0 / 260.0).abs() < 1e-12);
        assert_eq!(successes([0, 0]).shares(), None);
    }
}
