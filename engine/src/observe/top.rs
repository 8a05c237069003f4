//! The largest of many, in one pass.

use super::KeyFingerprint;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A key with much in its windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HotKey {
    /// Requests in its window.
    pub requests: u64,
    /// Tokens in its window.
    pub tokens: u64,
    /// The key.
    pub key: KeyFingerprint,
}

/// The `k` largest items, the largest first, in memory for `k` of them.
///
/// Where items are in a total order, the answer depends on the order of the walk in nothing.
pub(crate) fn top_k<T: Ord>(items: impl IntoIterator<Item = T>, k: usize) -> Vec<T> {
    let mut largest = BinaryHeap::new();
    for item in items {
        if largest.len() < k {
            largest.push(Reverse(item));
        } else if let Some(mut smallest) = largest.peek_mut()
            && smallest.0 < item
        {
            *smallest = Reverse(item);
        }
    }
    largest.into_sorted_vec().into_iter().map(|Reverse(item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    quickcheck! {
        fn they_are_those_that_sorting_finds(items: Vec<(u8, u64)>, k: usize) -> bool {
            let k = k % 20;
            let mut sorted = items.clone();
            sorted.sort_unstable_by_key(|item| Reverse(*item));
            sorted.truncate(k);
            top_k(items, k) == sorted
        }
    }

    /// Of what an order does not tell apart: keys of the same count, where only counts are compared.
    #[test]
    fn of_equals_the_first_that_came_is_kept() {
        #[derive(Debug)]
        struct Counted(u64, &'static str);
        impl PartialEq for Counted {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }
        impl Eq for Counted {}
        impl PartialOrd for Counted {
            fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
                Some(self.cmp(other))
            }
        }
        impl Ord for Counted {
            fn cmp(&self, other: &Self) -> std::cmp::Ordering {
                self.0.cmp(&other.0)
            }
        }
        let largest = top_k([Counted(1, "less"), Counted(5, "first"), Counted(5, "second")], 1);
        assert_eq!(largest[0].1, "first");
    }

    #[test]
    fn more_than_there_are_is_all_there_are() {
        assert_eq!(top_k([3, 1, 2], usize::MAX), [3, 2, 1]);
        assert!(top_k([3, 1, 2], 0).is_empty());
    }
}
