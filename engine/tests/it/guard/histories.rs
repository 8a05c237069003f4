//! The guard against its sequential model, in random histories of calls and times.

use super::address;
use super::model::{FIRST, Model, Said, TICK, at, builder};
use quickcheck::QuickCheck;
use std::sync::atomic::{AtomicU64, Ordering};
use tidegate::Nanos;

/// Blocks longer than the first, over all histories: they must reach what they compare.
static GROWN: AtomicU64 = AtomicU64::new(0);

#[test]
fn random_histories_end_as_in_the_model() {
    fn holds(steps: Vec<(u8, u8, u16)>) -> bool {
        let guard = builder().build().unwrap();
        let (mut model, mut tick) = (Model::default(), 1 << 20);
        // Each step is a run of calls, so that runs of strikes are long enough for blocks.
        let mut calls = steps.iter().flat_map(|step| std::iter::repeat_n(step, 1 + usize::from(step.1 >> 3)));
        calls.all(|(who, wait, gap)| {
            // Mostly short gaps, some of seconds, some of an hour.
            tick += match gap % 256 {
                0 => 200_000,
                1..8 => u64::from(*gap) % 1_000,
                _ => u64::from(*gap) % 6,
            };
            let (from, key, wait) = (who % 2, who / 3 % 2, u64::from(wait % 8) * 60 * TICK);
            let client = address(&format!("192.0.2.{from}"));
            let said = Said::from(guard.denied(client, &key, Nanos::new(wait), at(tick)));
            if matches!(said, Said::Blocked(remaining) if remaining > FIRST) {
                GROWN.fetch_add(1, Ordering::Relaxed);
            }
            said == model.denied(from, key, wait, at(tick))
        })
    }
    QuickCheck::new().tests(1_000).quickcheck(holds as fn(Vec<(u8, u8, u16)>) -> bool);
    let grown = GROWN.load(Ordering::Relaxed);
    assert!(grown > 100, "{grown} blocks that grew");
}
