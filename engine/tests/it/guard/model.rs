//! The guard against a sequential model of plain numbers, in random histories of calls and times.

use super::address;
use quickcheck::QuickCheck;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use tidegate::guard::{Guard, Mark};
use tidegate::{Nanos, Timestamp};

/// Calls come in the middle of a tick of the guard's promises, and every span of time is a whole number of the guard's
/// units, so that nothing is rounded.
const TICK: u64 = 1 << 24;

const TOLERANCE: u64 = 20;
const DRAIN: u64 = 30 * TICK;
const LEEWAY: u64 = 6 * TICK;
/// 100 ms and the rest of a tick.
const TOGETHER: u64 = 7 * TICK;
const BURST_DRAIN: u64 = DRAIN / 32 * 25;
const BURST: u64 = 16;
const FIRST: u64 = 1 << 35;
const LONGEST: u64 = 1 << 38;
const FORGIVENESS: u64 = 1 << 42;

/// What is known of one address with a key.
#[derive(Clone, Copy, Default)]
struct Pair {
    opened: u64,
    promised: u64,
    /// When all that stands has drained.
    strikes: u64,
    burst: u64,
}

/// What is known of one address.
#[derive(Clone, Copy, Default)]
struct Block {
    begin: u64,
    end: u64,
    before: Option<u32>,
}

#[derive(Default)]
struct Model {
    pairs: HashMap<(u8, u8), Pair>,
    blocks: HashMap<u8, Block>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Kept,
    Strike(u64),
    Blocked(u64),
}

/// One more in what drains at `drained`; how much stands then, unless that is too much.
fn add(drained: &mut u64, now: u64, drain: u64, room: u64) -> Option<u64> {
    let standing = drained.saturating_sub(now) + drain;
    (standing <= room * drain).then(|| {
        *drained = now + standing;
        standing.div_ceil(drain)
    })
}

impl Model {
    fn denied(&mut self, from: u8, key: u8, wait: u64, now: u64) -> Said {
        let pair = self.pairs.entry((from, key)).or_default();
        if pair.promised <= now + LEEWAY {
            if wait > LEEWAY {
                (pair.opened, pair.promised) = (now, now + wait);
            }
            return Said::Kept;
        }
        pair.promised = pair.promised.min(now + wait);
        if now < pair.opened + TOGETHER || add(&mut pair.burst, now, BURST_DRAIN, BURST).is_none() {
            return Said::Kept;
        }
        match add(&mut pair.strikes, now, DRAIN, TOLERANCE) {
            Some(standing) => Said::Strike(standing),
            None => Said::Blocked(self.offend(from, now)),
        }
    }

    fn offend(&mut self, from: u8, now: u64) -> u64 {
        let block = self.blocks.entry(from).or_default();
        if now >= block.end {
            let before =
                block.before.filter(|_| now < block.begin + FORGIVENESS).map_or(0, |before| before + 1);
            *block =
                Block { begin: now, end: now + (FIRST << before.min(10)).min(LONGEST), before: Some(before) };
        }
        block.end - now
    }
}

/// Blocks longer than the first, over all histories: they must reach what they compare.
static GROWN: AtomicU64 = AtomicU64::new(0);

#[test]
fn random_histories_end_as_in_the_model() {
    fn holds(steps: Vec<(u8, u8, u16)>) -> bool {
        let guard = Guard::builder()
            .addresses(64)
            .pairs(64)
            .tolerance(TOLERANCE as u32)
            .drain(Nanos::new(DRAIN))
            .leeway(Nanos::new(LEEWAY))
            .first_block(Nanos::new(FIRST))
            .longest_block(Nanos::new(LONGEST))
            .forgiveness(Nanos::new(FORGIVENESS))
            .build()
            .unwrap();
        let (mut model, mut now) = (Model::default(), (1 << 20) * TICK + TICK / 2);
        // Each step is a run of calls, so that runs of strikes are long enough for blocks.
        let mut calls = steps.iter().flat_map(|step| std::iter::repeat_n(step, 1 + usize::from(step.1 >> 3)));
        calls.all(|(who, wait, gap)| {
            // Mostly short gaps, some of seconds, some of an hour.
            now += TICK
                * match gap % 256 {
                    0 => 200_000,
                    1..8 => u64::from(*gap) % 1_000,
                    _ => u64::from(*gap) % 6,
                };
            let (from, key, wait) = (who % 2, who / 3 % 2, u64::from(wait % 8) * 60 * TICK);
            let at = Timestamp { monotonic: Nanos::new(now), unix: Nanos::ZERO };
            let said = match guard.denied(address(&format!("192.0.2.{from}")), &key, Nanos::new(wait), at) {
                Mark::Kept => Said::Kept,
                Mark::Strike { standing } => Said::Strike(u64::from(standing)),
                Mark::Blocked(blocked) => Said::Blocked(blocked.remaining.get()),
            };
            if matches!(said, Said::Blocked(remaining) if remaining > FIRST) {
                GROWN.fetch_add(1, Ordering::Relaxed);
            }
            said == model.denied(from, key, wait, now)
        })
    }
    QuickCheck::new().tests(1_000).quickcheck(holds as fn(Vec<(u8, u8, u16)>) -> bool);
    let grown = GROWN.load(Ordering::Relaxed);
    assert!(grown > 100, "{grown} blocks that grew");
}
