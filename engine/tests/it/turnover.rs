//! R14 in the long run: all keys of a full table are others every day, and each gets a record of its own.

use std::time::Instant;
use tidegate::{Cost, Limiter, Nanos, Plan, Timestamp};

const DAY: Nanos = Nanos::DAY;

/// Lets as many keys as there is capacity for come once on each of so many days, other keys each day; gives how many
/// of the last day had no record of their own, and the nanoseconds that a call took on it.
fn turn_over(capacity: u64, days: u64) -> (u64, f64) {
    let limiter = Limiter::builder().capacity(capacity as usize).seed(1).huge_pages(false).build().unwrap();
    let pro = limiter.add_plan(&Plan::pro()).unwrap();
    let mut last = (0, 0.0);
    for day in 0..days {
        let (before, start) = (limiter.overflowed(), Instant::now());
        for key in 0..capacity {
            // Through the day, from six in the morning to six in the evening.
            let time = Nanos::new(DAY.get() * day + DAY.get() / 4 + DAY.get() / 2 / capacity * key);
            let at = Timestamp::both(Nanos::from_secs(1_700_006_400) + time);
            assert!(limiter.check(&(day, key), pro, Cost::tokens(1), at).is_admitted());
        }
        last = (limiter.overflowed() - before, start.elapsed().as_nanos() as f64 / capacity as f64);
    }
    // There are two places a key at most, or four.
    let forgotten: u64 = limiter.occupancy().map(|shard| shard.forgotten).sum();
    assert!(forgotten + (2 * capacity).max(4) >= capacity * days);
    last
}

#[test]
fn every_key_of_a_full_table_gets_a_record_day_after_day() {
    for capacity in [1, 10, 1_000, 20_000] {
        let (overflowed, _) = turn_over(capacity, 6);
        assert_eq!(overflowed, 0, "of {capacity} keys");
    }
}

#[test]
#[ignore = "takes minutes in a debug build: cargo test --release -p tidegate --test it turnover -- --ignored --nocapture"]
fn every_key_of_a_large_table_does_but_few() {
    for days in [1, 2, 5, 10] {
        let (overflowed, nanos) = turn_over(1_000_000, days);
        println!("day {days}: {overflowed} of 1,000,000 keys overflowed; {nanos:.0} ns a new key");
        assert!(overflowed < 100);
    }
}
