//! The keyed hash by which records are found.

use ahash::RandomState;

/// A hash keyed by a seed, or by the system if there is none.
///
/// ahash has four keys, and its hash of an integer uses two of them. Were a seed but one of the four, integers that
/// collide under a seed would fall together under others too.
pub(crate) fn hasher(seed: Option<u64>) -> RandomState {
    let Some(seed) = seed else { return RandomState::new() };
    let [first, second, third, fourth] = keys(seed);
    RandomState::with_seeds(first, second, third, fourth)
}

/// Four keys made of one seed.
fn keys(seed: u64) -> [u64; 4] {
    let start = mix(mix(seed));
    std::array::from_fn(|place| mix(start.wrapping_add(place as u64)))
}

/// A step of splitmix64: a bijection in which every bit of the number bears on every bit of the result.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// Vectors of splitmix64 as its author gives it out: the same seed finds the same places in every version.
    #[test]
    fn the_hash_of_a_seed_stays_what_it_is() {
        assert_eq!(mix(0), 0xe220_a839_7b1d_cdaf);
        assert_eq!(mix(1_234_567), 6_457_827_717_110_365_317);
        assert_eq!(mix(1_234_567 + 0x9e37_79b9_7f4a_7c15), 3_203_168_211_198_807_973);
        let start = mix(mix(7));
        assert_eq!(keys(7), [0, 1, 2, 3].map(|place| mix(start + place)));
    }

    #[test]
    fn a_hash_of_a_seed_has_its_keys_in_order_and_one_without_a_seed_is_nobodys() {
        let hash = |hasher: RandomState| hasher.hash_one("key");
        let [first, second, third, fourth] = keys(7);
        assert_eq!(hash(hasher(Some(7))), hash(RandomState::with_seeds(first, second, third, fourth)));
        let all: HashSet<_> = [Some(7), Some(8), None, None].map(|seed| hash(hasher(seed))).into();
        assert_eq!(all.len(), 4);
    }

    /// The seed was found by going its two steps back.
    #[test]
    fn keys_go_on_where_numbers_begin_again() {
        let seed = 0x1fdb_8480_7c8b_c327;
        assert_eq!(mix(mix(seed)), u64::MAX);
        assert_eq!(keys(seed), [u64::MAX, 0, 1, 2].map(mix));
    }

    #[test]
    fn no_two_seeds_share_a_key() {
        let all: Vec<_> = (0..1_000).flat_map(keys).collect();
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
    }
}
