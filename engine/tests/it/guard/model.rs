//! R13 as a sequential model of plain numbers, for a guard of these rules. The guard is compared with it here and by a
//! fuzzer.

use std::collections::HashMap;
use tidegate::guard::{Builder, Guard, Mark};
use tidegate::{Nanos, Timestamp};

/// Calls come in the middle of a tick of the guard's promises, and every span of time is a whole number of the guard's
/// units, so that nothing is rounded.
pub(crate) const TICK: u64 = 1 << 24;

const TOLERANCE: u64 = 20;
const DRAIN: u64 = 30 * TICK;
const LEEWAY: u64 = 6 * TICK;
/// 100 ms and the rest of a tick.
const TOGETHER: u64 = 7 * TICK;
const BURST_DRAIN: u64 = DRAIN / 32 * 25;
const BURST: u64 = 16;
pub(crate) const FIRST: u64 = 1 << 35;
const LONGEST: u64 = 1 << 38;
const FORGIVENESS: u64 = 1 << 42;

/// A guard of these rules, with room for few.
pub(crate) fn builder() -> Builder {
    Guard::builder()
        .addresses(64)
        .pairs(64)
        .tolerance(TOLERANCE as u32)
        .drain(Nanos::new(DRAIN))
        .leeway(Nanos::new(LEEWAY))
        .first_block(Nanos::new(FIRST))
        .longest_block(Nanos::new(LONGEST))
        .forgiveness(Nanos::new(FORGIVENESS))
}

/// The middle of a tick.
pub(crate) fn at(tick: u64) -> Timestamp {
    Timestamp { monotonic: Nanos::new(tick * TICK + TICK / 2), unix: Nanos::ZERO }
}

/// What is known of one address with a key.
#[derive(Clone, Copy, Default)]
struct Pair {
    opened: u64,
    promised: u64,
    strikes: Strikes,
}

/// When all strikes that stand have drained.
#[derive(Clone, Copy, Default)]
struct Strikes {
    slow: u64,
    burst: u64,
}

/// What is known of one address.
#[derive(Clone, Copy, Default)]
struct Block {
    begin: u64,
    end: u64,
    before: Option<u32>,
}

/// What the guard should know of addresses and keys, by number.
#[derive(Default)]
pub(crate) struct Model {
    pairs: HashMap<(u8, u8), Pair>,
    blocks: HashMap<u8, Block>,
    /// Strikes against an address itself.
    strikes: HashMap<u8, Strikes>,
}

/// What a call or a strike is marked as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Said {
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

impl From<Mark> for Said {
    fn from(mark: Mark) -> Self {
        match mark {
            Mark::Kept => Self::Kept,
            Mark::Strike { standing } => Self::Strike(standing.into()),
            Mark::Blocked(blocked) => Self::Blocked(blocked.remaining.get()),
        }
    }
}

impl Strikes {
    /// One strike more: `None` if it is one of too many at once, else how many stand, or that it is one too many.
    fn add(&mut self, now: u64) -> Option<Result<u64, ()>> {
        add(&mut self.burst, now, BURST_DRAIN, BURST)?;
        Some(add(&mut self.slow, now, DRAIN, TOLERANCE).ok_or(()))
    }
}

impl Model {
    /// A call is denied and told to wait.
    pub(crate) fn denied(&mut self, from: u8, key: u8, wait: u64, at: Timestamp) -> Said {
        let now = at.monotonic.get();
        let pair = self.pairs.entry((from, key)).or_default();
        if pair.promised <= now + LEEWAY {
            if wait > LEEWAY {
                (pair.opened, pair.promised) = (now, now + wait);
            }
            return Said::Kept;
        }
        pair.promised = pair.promised.min(now + wait);
        if now < pair.opened + TOGETHER {
            return Said::Kept;
        }
        let added = pair.strikes.add(now);
        self.said(from, added, now)
    }

    /// A strike against an address itself.
    pub(crate) fn strike(&mut self, from: u8, at: Timestamp) -> Said {
        let now = at.monotonic.get();
        let added = self.strikes.entry(from).or_default().add(now);
        self.said(from, added, now)
    }

    fn said(&mut self, from: u8, added: Option<Result<u64, ()>>, now: u64) -> Said {
        match added {
            None => Said::Kept,
            Some(Ok(standing)) => Said::Strike(standing),
            Some(Err(())) => Said::Blocked(self.offend(from, now)),
        }
    }

    /// How long an address is blocked still, and how many blocks that follows.
    pub(crate) fn blocked(&self, from: u8, at: Timestamp) -> Option<(u64, u32)> {
        let (now, block) = (at.monotonic.get(), self.blocks.get(&from)?);
        (now < block.end).then(|| (block.end - now, block.before.unwrap_or(0)))
    }

    /// Ends a block and forgets it, and the strikes against the address itself.
    pub(crate) fn lift(&mut self, from: u8, at: Timestamp) -> bool {
        let was_blocked = self.blocked(from, at).is_some();
        self.blocks.remove(&from);
        self.strikes.remove(&from);
        was_blocked
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
