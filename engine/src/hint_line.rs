//! Places in line: when to come back, for plans with slotted hints (R10s).
//!
//! A denial writes nothing to its key's record. The last place given to a key's waiters stands here, in a
//! **lane**: one word, chosen by a hash of key and limit, that holds a time of the monotonic clock. Each denial
//! moves it on by one emission interval and tells the caller that time. A lane is never looked at to decide a
//! call, so nothing that happens to it can admit or deny anyone.
//!
//! **A line ends.** A place that is more than the [horizon](Wait) beyond the exact time is not given: the line
//! begins anew at the exact time. Those who never come back, because they gave up or because they hammer and heed
//! no hint, take places too: a client that sends 20 calls a second to a limit of 20 a minute adds a minute to the
//! line in every second. Beginning anew, such a line spreads its waiters over the horizon instead of
//! gathering all of them at its end, and once the hammering stops, nobody waits longer than the horizon for
//! places that nobody uses.
//!
//! **Two keys in one lane** are given places behind each other's, or, where one of them finds the other's place
//! beyond its own horizon, places that were given before. Never before the exact time, and never beyond the horizon. Of
//! m other keys that have waiters at that moment, one shares a given key's lane with a probability below
//! m/65,536: 1.5 % for a thousand.

#[cfg(all(test, any(tidegate_loom, tidegate_shuttle)))]
mod loom;
#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests;

use crate::nanos::Nanos;
use crate::plan::WindowRule;
use crate::sync::{AtomicU64, Ordering};
use crate::unit::LimitId;
use crate::zeroed;

/// 512 KiB, of which the system gives pages as lanes come into use.
#[cfg(not(any(tidegate_loom, tidegate_shuttle)))]
const LANE_BITS: u32 = 16;
#[cfg(any(tidegate_loom, tidegate_shuttle))]
const LANE_BITS: u32 = 1;

/// The last places given, by key and limit.
#[derive(Debug)]
pub(crate) struct HintLines {
    lanes: Box<[AtomicU64; 1 << LANE_BITS]>,
}

/// What a denied call waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    /// R10: after so long the call would be admitted if nothing else arrived.
    exact: Nanos,
    /// The time in which the limit makes room for one such call.
    interval: Nanos,
    /// How far beyond the exact time places are given.
    horizon: Nanos,
}

impl Wait {
    /// The shortest line, apart from the interval of its last place. The retries of many clients at a limit of so
    /// many a second must find places for longer than a window: with a horizon of one window, 1,000 workers at
    /// 50 a second need 11 calls each, with a minute 2. More would be of little use: most of the SDKs take no hint beyond one or
    /// two minutes.
    const SHORTEST_LINE: Nanos = Nanos::MINUTE;

    /// The wait of a call of so many units that a window limit denies until `exact` from now.
    ///
    /// The interval is c·W/L, rounded up. A call without units, which waits until a debt is paid, counts as one unit, so that
    /// each waiter has a place of its own. The horizon is the longer of W and a minute, and one interval: at least one more
    /// place is always to be had.
    pub(crate) fn new(rule: &WindowRule, units: u64, exact: Nanos) -> Self {
        // Below 2⁹⁴ for all that a plan may ask: c ≤ C < 2³⁹, W < 2⁵⁵; and the quotient is at most 11·W.
        let scaled = u128::from(units.max(1)) * u128::from(rule.window.get());
        let interval = u64::try_from(scaled.div_ceil(u128::from(rule.amount.get()))).unwrap_or(u64::MAX);
        let (interval, window) = (Nanos::new(interval), Nanos::new(rule.window.get()));
        Self { exact, interval, horizon: window.max(Self::SHORTEST_LINE) + interval }
    }

    /// The place after the last one given, at a time of the same clock.
    fn place_after(&self, last: Nanos, now: Nanos) -> Nanos {
        let exact = now + self.exact;
        let next = last + self.interval;
        let nobody_waits = last <= now;
        if nobody_waits || next - exact > self.horizon { exact } else { next.max(exact) }
    }
}

impl HintLines {
    /// Lines without waiters. `None` if the system does not give the memory.
    pub(crate) fn new() -> Option<Self> {
        Some(Self { lanes: zeroed::words(1 << LANE_BITS)?.try_into().ok()? })
    }

    /// Gives the next place in the line of a key at a limit: how long the caller should wait from `now` on. From the exact
    /// wait to the horizon beyond it.
    ///
    /// Of calls that race for a place each gets one of its own: a swap fails only if another's succeeded.
    pub(crate) fn next(&self, fingerprint: u64, limit: LimitId, now: Nanos, wait: Wait) -> Nanos {
        let lane = self.lane(fingerprint, limit);
        // Ordering: Relaxed throughout; the word is all there is, no other data rides on it.
        let mut last = lane.load(Ordering::Relaxed);
        loop {
            let place = wait.place_after(Nanos::new(last), now);
            match lane.compare_exchange_weak(last, place.get(), Ordering::Relaxed, Ordering::Relaxed) {
                // Where the clock's end cuts the place short, the exact wait is still the truth.
                Ok(_) => return wait.exact.max(place - now),
                Err(newer) => last = newer,
            }
        }
    }

    /// The lane of a key and a limit. A key's four limits have lanes apart.
    fn lane(&self, fingerprint: u64, limit: LimitId) -> &AtomicU64 {
        /// 2⁶⁴ divided by the golden ratio: multiplied by it, the low bits of small numbers, which name the
        /// overflow records, reach the top ones too.
        const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
        let hash = (fingerprint ^ (limit as u64) << 62).wrapping_mul(GOLDEN);
        &self.lanes[(hash >> (u64::BITS - LANE_BITS)) as usize]
    }
}
