//! The shortcut of an ordinary admission: to charge without writing the record.
//!
//! While no segment and no day turns and no plan changes, all that an admission does to a record is to add:
//! to the windows, to the day, and to the buckets, which it pins anew where they are full. [`Recent`] holds
//! just that, in bits that stand beside the slot's version, so that one swap charges every limit and finds
//! out that nothing else has changed. What it adds is folded into the record whenever the whole is read.
//!
//! A bucket that was not full at any call since the words were written goes on counting from the pin in the
//! words. One that was has its pin here; both buckets share it. Where they would need two, the call goes the
//! long way and writes the record, as does any call that finds no room, so that this file has no rule of its
//! own: `admit` says yes only where the steps over the whole record do, and leaves what they leave.

use super::layout::{HEAD_WORDS, View};
use super::{Head, MAX_TIME};
use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::packed::Field;
use crate::plan::{CompiledPlan, QuickRule};
use crate::unit::{Cost, Unit};

/// Low: how long before `until` the shared pin lies, requests charged since, whether each bucket has its pin
/// there.
const PIN_BACK: Field = Field::lowest(33);
const REQUESTS_SINCE_PIN: Field = PIN_BACK.followed_by(8);
const REQUESTS_PINNED: Field = REQUESTS_SINCE_PIN.followed_by(1);
const TOKENS_PINNED: Field = REQUESTS_PINNED.followed_by(1);

/// High: units charged since the words were written, tokens charged since the pin, the day's number.
const TOKENS: Field = Field::lowest(20);
const TOKENS_SINCE_PIN: Field = TOKENS.followed_by(20);
const REQUESTS: Field = TOKENS_SINCE_PIN.followed_by(8);
const DAY: Field = REQUESTS.followed_by(16);

/// What was charged since a record's words were written, and the number of its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recent {
    low: u64,
    high: u64,
}

/// Whether there are bits for so many units.
#[inline]
fn fits(units: Cost) -> bool {
    const SHORTER: u32 = TOKENS.bits() - REQUESTS.bits();
    units.requests | units.tokens >> SHORTER <= REQUESTS.max()
}

impl Recent {
    /// Bits of the low half that are in use; the others are the version's.
    pub(crate) const LOW_BITS: u32 = 43;
    /// A pin is told apart within so many nanoseconds before `until`.
    pub(super) const REACH: u64 = 1 << 33;
    /// The last day that can be told, in the year 2149.
    pub(super) const MAX_DAY: u64 = DAY.max();

    /// Nothing charged, on a day. The bits of the shared pin, which mean nothing then, are filled with the
    /// time at which the words were written: so a swap that is late by a whole round of versions fails all
    /// the same, unless the clock stood still.
    #[inline]
    pub(super) fn none(day: u64, now: u64) -> Self {
        Self { low: PIN_BACK.word(now), high: DAY.word(day) }
    }

    /// From the halves in which it stands. Higher bits of the low half are none of its own.
    #[inline]
    pub(crate) fn from_halves(low: u64, high: u64) -> Self {
        Self { low: low & ((1 << Self::LOW_BITS) - 1), high }
    }

    #[inline]
    pub(crate) fn halves(self) -> (u64, u64) {
        (self.low, self.high)
    }

    /// The same on another's day.
    #[inline]
    pub(crate) fn on_day_of(self, other: Self) -> Self {
        Self { high: DAY.word(other.day()), ..self }
    }

    #[inline]
    pub(super) fn day(self) -> u64 {
        DAY.get(self.high)
    }

    #[inline]
    fn units(self, unit: Unit) -> u64 {
        match unit {
            Unit::Requests => REQUESTS.get(self.high),
            Unit::Tokens => TOKENS.get(self.high),
        }
    }

    #[inline]
    fn since_pin(self, unit: Unit) -> u64 {
        match unit {
            Unit::Requests => REQUESTS_SINCE_PIN.get(self.low),
            Unit::Tokens => TOKENS_SINCE_PIN.get(self.high),
        }
    }

    #[inline]
    fn is_pinned(self, unit: Unit) -> bool {
        match unit {
            Unit::Requests => REQUESTS_PINNED.get(self.low) != 0,
            Unit::Tokens => TOKENS_PINNED.get(self.low) != 0,
        }
    }

    /// The shared pin.
    #[inline]
    fn pin(self, until: u64) -> u64 {
        until.wrapping_sub(PIN_BACK.get(self.low) + 1)
    }

    /// Adds to a record read from its words what was charged since.
    #[inline]
    pub(super) fn fold_into(self, head: &mut Head) {
        for unit in Unit::ALL {
            let units = self.units(unit);
            head.totals.add(unit, units);
            head.charge_day(unit, units);
            if self.is_pinned(unit) {
                head.pins[unit as usize] = self.pin(head.until);
                head.charged.set(unit, self.since_pin(unit));
            } else {
                head.charged.add(unit, units);
            }
        }
    }

    /// Charges a call to a record that stands in these words, if it is an ordinary one: the same segments and
    /// day, room in every limit, and counts that fit here. `tail` gives the first word of the tail, if it is
    /// needed.
    #[inline]
    pub(crate) fn admit(
        self,
        head: &[u64; HEAD_WORDS],
        tail: impl FnOnce() -> u64,
        plan: &CompiledPlan,
        cost: Cost,
        at: Timestamp,
    ) -> Option<Self> {
        let (view, now) = (View(head), at.monotonic.get());
        let until = view.until();
        if now >= until || at.unix.get() >= (self.day() + 1) * Nanos::DAY.get() || !fits(cost) {
            return None;
        }
        let charged = Cost {
            requests: REQUESTS.get(self.high) + cost.requests,
            tokens: TOKENS.get(self.high) + cost.tokens,
        };
        let [of_requests, of_tokens] = plan.quick();
        if !fits(charged)
            || view.total(Unit::Requests) + charged.requests > of_requests.ceiling
            || view.total(Unit::Tokens) + charged.tokens > of_tokens.ceiling
        {
            return None;
        }
        if plan.has_day() {
            let tail = tail();
            if view.day_used(tail, Unit::Requests) + charged.requests > of_requests.day
                || view.day_used(tail, Unit::Tokens) + charged.tokens > of_tokens.day
            {
                return None;
            }
        }
        // Negative: `now` lies before `until`.
        let past = now.wrapping_sub(until);
        let requests = self.bucket(view, Unit::Requests, of_requests, cost.requests, past);
        let tokens = self.bucket(view, Unit::Tokens, of_tokens, cost.tokens, past);
        let (pins_requests, pins_tokens) = match (of_requests.has_window, of_tokens.has_window) {
            (true, true) => (requests?, tokens?),
            // A unit without a window limit has no bucket: what stands here for it means nothing.
            (true, false) => (requests?, requests?),
            (false, true) => (tokens?, tokens?),
            (false, false) => (false, false),
        };
        let high = DAY.word(self.day()) | REQUESTS.word(charged.requests) | TOKENS.word(charged.tokens);
        if pins_requests || pins_tokens {
            // One pin is all there is: the bucket that keeps its own must have it in the words.
            let keeps_other = !pins_requests && self.is_pinned(Unit::Requests)
                || !pins_tokens && self.is_pinned(Unit::Tokens);
            let back = !past;
            if keeps_other || back > PIN_BACK.max() {
                return None;
            }
            let flags = REQUESTS_PINNED.word(pins_requests.into()) | TOKENS_PINNED.word(pins_tokens.into());
            let low = flags | PIN_BACK.word(back) | REQUESTS_SINCE_PIN.word(cost.requests);
            return Some(Self { low, high: high | TOKENS_SINCE_PIN.word(cost.tokens) });
        }
        let requests = REQUESTS_SINCE_PIN.get(self.low) + cost.requests;
        let tokens = TOKENS_SINCE_PIN.get(self.high) + cost.tokens;
        let mut low = self.low;
        // Neither is more than was charged in all.
        REQUESTS_SINCE_PIN.set(&mut low, requests);
        Some(Self { low, high: high | TOKENS_SINCE_PIN.word(tokens) })
    }

    /// Whether a call pins a bucket, being full at the time of the call; `None` if it has no room, or needs more
    /// than that.
    #[inline]
    fn bucket(self, view: View<'_>, unit: Unit, rule: &QuickRule, cost: u64, past: u64) -> Option<bool> {
        let (back, charged) = if self.is_pinned(unit) {
            (PIN_BACK.get(self.low) + 1, self.since_pin(unit))
        } else {
            (view.pin_back(unit), view.charged(unit) + self.units(unit))
        };
        let elapsed = past.wrapping_add(back);
        if elapsed > MAX_TIME {
            // The call's time lies before the pin.
            return None;
        }
        let refilled = u128::from(elapsed) * u128::from(rule.amount);
        if refilled >= u128::from(charged) * u128::from(rule.window) {
            // A cost of more than C found no room in the window.
            return Some(true);
        }
        let excess = (charged + cost).saturating_sub(rule.ceiling);
        let has_room = excess == 0 || u128::from(excess) * u128::from(rule.window) <= refilled;
        (elapsed < rule.window && has_room).then_some(false)
    }

    /// The charge that [`admit`](Self::admit) made on a record in these words.
    #[inline]
    pub(crate) fn charge_made(self, head: &[u64; HEAD_WORDS], cost: Cost) -> super::Charge {
        let view = View(head);
        super::Charge {
            time: view.until() - 1,
            day: self.day(),
            grids: view.grids(),
            plan: super::plan_of(head[0]),
            cost,
        }
    }
}
