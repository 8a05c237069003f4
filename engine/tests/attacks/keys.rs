//! Keys of any bytes and length.

use crate::{Scale, attack, chance, figure, moment, rate, resident};
use std::collections::HashSet;
use std::hash::Hash;
use std::time::Instant;
use tidegate::{Cost, Limit, Limiter, Plan, PlanId, Unit};

/// A limiter whose keys have one call each: a key's second call is denied.
fn once_each() -> (Limiter, PlanId) {
    let limiter = Limiter::builder().capacity(100_000).seed(3).build().unwrap();
    let plan = Plan::builder("once").limit(Limit::day(Unit::Requests, 1)).build().unwrap();
    let plan = limiter.add_plan(&plan).unwrap();
    (limiter, plan)
}

fn is_new<K: Hash + ?Sized>((limiter, plan): &(Limiter, PlanId), key: &K) -> bool {
    limiter.check(key, *plan, Cost::REQUEST, moment(0)).is_admitted()
}

attack!(keys_that_differ_in_one_byte_anywhere);
/// Of every length up to past a NUL, and in each place of a long key.
fn keys_that_differ_in_one_byte_anywhere(scale: Scale) {
    let once = once_each();
    let mut keys = HashSet::new();
    for len in 0..200 {
        // Nothing but NULs, and a difference after them.
        keys.extend([
            vec![0; len],
            [vec![0; len], vec![1]].concat(),
            [vec![0; len], b"\0a".to_vec()].concat(),
        ]);
    }
    let long = chance(0).to_le_bytes().repeat(32);
    keys.extend((0..long.len()).map(|place| {
        let mut key = long.clone();
        key[place] ^= 1;
        key
    }));
    let differ = keys.iter().filter(|key| is_new(&once, key.as_slice())).count();
    let again = keys.iter().filter(|key| is_new(&once, key.as_slice())).count();
    figure("keys, records", format!("{}, {}", keys.len(), once.0.keys()));
    assert_eq!((differ, again, once.0.keys()), (keys.len(), 0, keys.len() as u64));

    let mut large = vec![b'k'; 1 << 20];
    let count = scale.of(8, 2_000);
    let (start, before) = (Instant::now(), resident());
    for number in 0..count {
        // The last bytes differ, and before them a NUL.
        large[(1 << 20) - 9..].copy_from_slice(&[&[0], &number.to_le_bytes()[..]].concat());
        assert!(is_new(&once, large.as_slice()) && !is_new(&once, large.as_slice()));
    }
    rate("calls with a key of 1 MiB", 2 * count, start);
    match (before, resident()) {
        (Some(before), Some(after)) => {
            // New records take up pages of the table; the keys together have `count` MiB.
            let grown = after.saturating_sub(before);
            figure("new keys' bytes, growth of the resident size, KiB", format!("{}, {grown}", count << 10));
            assert!(matches!(scale, Scale::Quick) || grown < count << 10 >> 5, "{grown} KiB");
        }
        _ => figure("resident size", "skipped: no /proc"),
    }
    assert_eq!(once.0.keys(), keys.len() as u64 + count);
}

attack!(keys_of_many_types);
/// A key is what `Hash` makes of it, as in a map: borrowed or owned is the same key, text and bytes are two.
fn keys_of_many_types(_: Scale) {
    for text in ["", "\0", "key", "key\0", "key\0more", "schlüssel"] {
        let once = once_each();
        assert!(is_new(&once, text), "{text:?}");
        assert!(
            !is_new(&once, &text)
                && !is_new(&once, &text.to_owned())
                && !is_new(&once, &Box::<str>::from(text))
        );
        assert!(is_new(&once, text.as_bytes()), "bytes are another key than text: {text:?}");
        assert!(!is_new(&once, &text.as_bytes().to_vec()));
        assert!(is_new(&once, &("tenant", text)), "a part of a key is another key");
        assert_eq!(once.0.keys(), 3);
    }
    // Parts end where they end.
    let once = once_each();
    for parts in [("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", ""), ("a\0", "bc"), ("a", "\0bc")] {
        assert!(is_new(&once, &parts), "{parts:?}");
    }
}
