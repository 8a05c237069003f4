//! The guard against a sequential model of plain numbers, in random histories of calls and times.

use super::address;
use quickcheck::QuickCheck;
use std::collections::HashMap;
use tidegate::guard::{Guard, Mark};
use tidegate::{Nanos, Timestamp};

const DRAIN: u64 = 500;
const TOLERANCE: u64 = 4;
const LEEWAY: u64 = 100;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// What is known of one address with a key, in milliseconds.
#[derive(Clone, Copy, Default)]
struct Pair {
    opened: u64,
    promised: Option<u64>,
    /// When all that stands has drained.
    drained: u64,
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

impl Model {
    fn denied(&mut self, from: u8, key: u8, wait: u64, now: u64) -> Said {
        let pair = self.pairs.entry((from, key)).or_default();
        let own = now + wait;
        let Some(promised) = pair.promised.filter(|promised| *promised > now + LEEWAY) else {
            (pair.opened, pair.promised) = (now, Some(own));
            return Said::Kept;
        };
        pair.promised = Some(own.min(promised));
        if now < pair.opened + 100 {
            return Said::Kept;
        }
        let standing = pair.drained.max(now) + DRAIN - now;
        if standing > TOLERANCE * DRAIN {
            return Said::Blocked(self.offend(from, now));
        }
        pair.drained = now + standing;
        Said::Strike(standing.div_ceil(DRAIN))
    }

    fn offend(&mut self, from: u8, now: u64) -> u64 {
        let block = self.blocks.entry(from).or_default();
        if now >= block.end {
            let before = block.before.filter(|_| now < block.begin + HOUR).map_or(0, |before| before + 1);
            let length = (30_000 << before.min(20)).min(15 * MINUTE);
            *block = Block { begin: now, end: now + length, before: Some(before) };
        }
        block.end - now
    }
}

/// Times are kept apart from the bounds of the guard's ticks: waits are whole ticks long, and calls come in the
/// middle of a tick of 2²⁴ ns, in steps of whole ticks.
#[test]
fn random_histories_end_as_in_the_model() {
    const TICK: u64 = 1 << 24;
    fn holds(steps: Vec<(u8, u8, u16)>) -> bool {
        let guard = Guard::builder()
            .addresses(64)
            .pairs(64)
            .tolerance(TOLERANCE as u32)
            .drain(Nanos::from_millis(DRAIN))
            .build()
            .unwrap();
        let (mut model, mut ticks) = (Model::default(), 1_000_000_u64);
        steps.iter().all(|(who, wait, gap)| {
            // Mostly short gaps, some of minutes and hours.
            ticks += if gap % 64 == 0 { u64::from(*gap) * 4 } else { u64::from(gap % 40) };
            let (from, key, wait) = (who % 3, who / 3 % 2, u64::from(wait % 8) * 60);
            let now = Nanos::new(ticks * TICK + TICK / 2);
            let at = Timestamp { monotonic: now, unix: Nanos::ZERO };
            let mark = guard.denied(address(&format!("192.0.2.{from}")), &key, Nanos::new(wait * TICK), at);
            let millis = |ticks: u64| ticks * TICK / 1_000_000;
            let expected = model.denied(from, key, millis(wait), millis(ticks));
            let near = |left: u64, right: u64| left.abs_diff(right) <= 20;
            match (mark, expected) {
                (Mark::Kept, Said::Kept) => true,
                (Mark::Strike { standing }, Said::Strike(expected)) => {
                    u64::from(standing).abs_diff(expected) <= 1
                }
                (Mark::Blocked(blocked), Said::Blocked(left)) => {
                    near(blocked.remaining.as_millis_ceil(), left)
                }
                // Strikes are rounded by the model to a millisecond, and so may be one more or less at the brim.
                (Mark::Blocked(_), Said::Strike(TOLERANCE))
                | (Mark::Strike { standing: 4 }, Said::Blocked(_)) => false,
                _ => false,
            }
        })
    }
    QuickCheck::new().tests(2_000).quickcheck(holds as fn(Vec<(u8, u8, u16)>) -> bool);
}
