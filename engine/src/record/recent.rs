//! The shortcut of an ordinary admission: to charge without writing the record.
//!
//! While no segment and no day turns and no plan changes, all that an admission does to a record is to take
//! room in the windows and the days, and to charge the buckets, which it pins anew where they are full.
//! [`Recent`] holds just that, in bits that stand beside the slot's version, so that one swap charges every
//! limit and finds out that nothing else has changed. What was taken is folded into the record whenever the
//! whole is read.
//!
//! The room of a unit is what its window and its day have when the words are written, or the most that can be
//! told if that is less: as both follow from the words and the plan, so does what has been taken of it.
//!
//! A bucket that was not full at any call since the words were written goes on counting from the pin in the
//! words. One that was has its pin here; both buckets share it. Where they would need two, the call goes the
//! long way and writes the record, as does any call that finds no room, so that this file has no rule of its
//! own: `admit` says yes only where the steps over the whole record do, and leaves what they leave.

use super::Head;
use super::layout::Glance;
use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::packed::Field;
use crate::plan::{CompiledPlan, QuickRule, QuickRules};
use crate::unit::{Cost, Unit};

/// Low: how long before `until` the shared pin lies, less one; requests charged since; whether each bucket has
/// its pin there.
const PIN_BACK: Field = Field::lowest(33);
const REQUESTS_SINCE_PIN: Field = PIN_BACK.followed_by(8);
const REQUESTS_PINNED: Field = REQUESTS_SINCE_PIN.followed_by(1);
const TOKENS_PINNED: Field = REQUESTS_PINNED.followed_by(1);
const BOTH_PINNED: u64 = REQUESTS_PINNED.word(1) | TOKENS_PINNED.word(1);

/// High: tokens charged since the pin, room for tokens and for requests, the day's number. Above either room
/// stands a bit that is set as long as nothing has been taken beyond it; where both are clear, no call is
/// charged here.
const TOKENS_SINCE_PIN: Field = Field::lowest(19);
const TOKEN_ROOM: Field = TOKENS_SINCE_PIN.followed_by(19);
const TOKENS_OPEN: Field = TOKEN_ROOM.followed_by(1);
const REQUEST_ROOM: Field = TOKENS_OPEN.followed_by(8);
const REQUESTS_OPEN: Field = REQUEST_ROOM.followed_by(1);
const DAY: Field = REQUESTS_OPEN.followed_by(16);
const OPEN: u64 = TOKENS_OPEN.word(1) | REQUESTS_OPEN.word(1);

/// What was charged since a record's words were written, and the number of its day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Recent {
    low: u64,
    high: u64,
}

/// The most room that can be told.
const fn most_room(unit: Unit) -> u64 {
    match unit {
        Unit::Requests => REQUEST_ROOM.max(),
        Unit::Tokens => TOKEN_ROOM.max(),
    }
}

/// Whether there are bits for so many units.
#[inline]
fn fits(units: Cost) -> bool {
    const SHORTER: u32 = TOKEN_ROOM.bits() - REQUEST_ROOM.bits();
    units.requests | units.tokens >> SHORTER <= REQUEST_ROOM.max()
}

/// The room that windows and days have for more of a unit; `None` if more than all of it is taken, so that not
/// even a call that asks for nothing finds some.
#[inline]
fn room_of(head: &Head, plan: &CompiledPlan, unit: Unit) -> Option<u64> {
    let rule = &plan.quick().units[unit as usize];
    let in_window = rule.ceiling.checked_sub(head.totals.of(unit))?;
    let in_day = rule.day.checked_sub(head.day_used(unit))?;
    Some(in_window.min(in_day).min(most_room(unit)))
}

impl Recent {
    /// Bits of the low half that are in use; the others are the version's.
    pub(crate) const LOW_BITS: u32 = 43;
    /// A pin is told apart within so many nanoseconds before `until`.
    pub(super) const REACH: u64 = 1 << 33;
    /// The last day that can be told, in the year 2149.
    pub(super) const MAX_DAY: u64 = DAY.max();

    /// Nothing charged, and nothing to be charged, on a day. The bits of the shared pin, which mean nothing then,
    /// are filled with the time at which the words were written: so a swap that is late by a whole round of
    /// versions fails all the same, unless the clock stood still.
    #[inline]
    pub(super) fn closed(day: u64, now: u64) -> Self {
        Self { low: PIN_BACK.word(now), high: DAY.word(day) }
    }

    /// Nothing taken of the room that a record in a plan has.
    #[inline]
    pub(super) fn open(head: &Head, plan: &CompiledPlan) -> Self {
        let closed = Self::closed(head.day, head.now);
        let [Some(requests), Some(tokens)] = Unit::ALL.map(|unit| room_of(head, plan, unit)) else {
            return closed;
        };
        let high = closed.high | OPEN | REQUEST_ROOM.word(requests) | TOKEN_ROOM.word(tokens);
        Self { high, ..closed }.with_pin_of(head)
    }

    /// With the pin that both buckets of a record share, if they do and there are bits for what was charged since:
    /// then no call need look at the one in the words.
    #[inline]
    fn with_pin_of(self, head: &Head) -> Self {
        let [pin, other] = head.pins;
        let (back, charged) = (head.segment_time().wrapping_sub(pin), head.charged);
        let since = Cost { requests: charged.of(Unit::Requests), tokens: charged.of(Unit::Tokens) };
        if pin != other || back > PIN_BACK.max() || !fits(since) {
            return self;
        }
        let low = BOTH_PINNED | PIN_BACK.word(back) | REQUESTS_SINCE_PIN.word(since.requests);
        Self { low, high: self.high | TOKENS_SINCE_PIN.word(since.tokens) }
    }

    /// Closed, as in a record of nobody.
    pub(crate) const NOBODYS: Self = Self { low: 0, high: 0 };

    /// From the halves in which it stands. Higher bits of the low half are none of its own.
    #[inline]
    pub(crate) fn from_halves(low: u64, high: u64) -> Self {
        Self { low: low & ((1 << Self::LOW_BITS) - 1), high }
    }

    #[inline]
    pub(crate) fn halves(self) -> (u64, u64) {
        (self.low, self.high)
    }

    #[inline]
    pub(super) fn day(self) -> u64 {
        DAY.get(self.high)
    }

    #[inline]
    fn room(self, unit: Unit) -> u64 {
        match unit {
            Unit::Requests => REQUEST_ROOM.get(self.high),
            Unit::Tokens => TOKEN_ROOM.get(self.high),
        }
    }

    /// What has been taken of the room that a record had when its words were written, as this head says.
    #[inline]
    fn taken(self, head: &Head, plan: &CompiledPlan, unit: Unit) -> u64 {
        // Where nothing was left to take, it is closed.
        room_of(head, plan, unit).unwrap_or_default().saturating_sub(self.room(unit))
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

    /// Adds to a record just read from its words what was charged since.
    #[inline]
    pub(super) fn fold_into(self, head: &mut Head, plan: &CompiledPlan) {
        if self.high & OPEN != OPEN {
            return;
        }
        for unit in Unit::ALL {
            let taken = self.taken(head, plan, unit);
            head.totals.add(unit, taken);
            head.charge_day(unit, taken);
            if self.is_pinned(unit) {
                head.pins[unit as usize] = head.until.wrapping_sub(PIN_BACK.get(self.low) + 1);
                head.charged.set(unit, self.since_pin(unit));
            } else {
                head.charged.add(unit, taken);
            }
        }
    }

    /// Charges a call to a record with this head, if it is an ordinary one: the same segments and day, room in
    /// every limit, and counts that fit here.
    #[inline]
    pub(crate) fn admit(
        self,
        head: impl Glance,
        plan: &CompiledPlan,
        cost: Cost,
        at: Timestamp,
    ) -> Option<Self> {
        let (until, now) = (head.until(), at.monotonic.get());
        if now >= until || at.unix.get() >= (self.day() + 1) * Nanos::DAY.get() || !fits(cost) {
            return None;
        }
        // More than there is of a room takes the bit above it too.
        let left = self.high.wrapping_sub(REQUEST_ROOM.word(cost.requests) | TOKEN_ROOM.word(cost.tokens));
        if self.high & left & OPEN != OPEN {
            return None;
        }
        // Negative: `now` lies before `until`.
        let past = now.wrapping_sub(until);
        match self.pins_narrowly(plan.quick(), cost, past) {
            Some(true) => self.pinned(left, (true, true), cost, past),
            Some(false) => self.kept(left, cost),
            None => self.admit_widely(head, left, plan, cost, past),
        }
    }

    /// Whether a call pins both buckets, being full at its time, or neither, as far as the narrow numbers tell. They do
    /// not where a bucket still counts from the pin in the words, where only one is full, or has no room.
    #[inline]
    fn pins_narrowly(self, plan: &QuickRules, cost: Cost, past: u64) -> Option<bool> {
        let [of_requests, of_tokens] = &plan.units;
        // The call's time may lie before the pin, which wraps to a long time since. Where it is a window since, the
        // bucket is full or its pin moves on.
        let elapsed = past.wrapping_add(PIN_BACK.get(self.low) + 1);
        if self.low & BOTH_PINNED != BOTH_PINNED || elapsed >= plan.narrow_reach {
            return None;
        }
        let requests = self.since_pin(Unit::Requests);
        let tokens = self.since_pin(Unit::Tokens);
        // Less than 2³³ has elapsed, and no product wraps. Without a window limit both are nothing, and it is full.
        let requests_full = of_requests.is_paid_narrowly(elapsed, requests);
        let tokens_full = of_tokens.is_paid_narrowly(elapsed, tokens);
        if requests_full & tokens_full {
            return Some(true);
        }
        let have_room =
            requests + cost.requests <= of_requests.ceiling && tokens + cost.tokens <= of_tokens.ceiling;
        let keep = !(requests_full & of_requests.has_window) & !(tokens_full & of_tokens.has_window);
        (keep & have_room).then_some(false)
    }

    /// The same where a bucket still counts from the pin in the words, or the numbers are large.
    #[inline(never)]
    fn admit_widely(
        self,
        head: impl Glance,
        left: u64,
        plan: &CompiledPlan,
        cost: Cost,
        past: u64,
    ) -> Option<Self> {
        let [of_requests, of_tokens] = &plan.quick().units;
        let requests = self.bucket(head, Unit::Requests, plan, cost.requests, past);
        let tokens = self.bucket(head, Unit::Tokens, plan, cost.tokens, past);
        let pins = match (of_requests.has_window, of_tokens.has_window) {
            (true, true) => (requests?, tokens?),
            // A unit without a window limit has no bucket: what stands here for it means nothing.
            (true, false) => (requests?, requests?),
            (false, true) => (tokens?, tokens?),
            (false, false) => (false, false),
        };
        match pins {
            (false, false) => self.kept(left, cost),
            // One pin is all there is: the bucket that keeps its own must have it in the words.
            (true, false) if self.is_pinned(Unit::Tokens) => None,
            (false, true) if self.is_pinned(Unit::Requests) => None,
            pins => self.pinned(left, pins, cost, past),
        }
    }

    /// Whether a call pins a bucket, being full at the time of the call; `None` if it has no room, or needs more
    /// than that.
    #[inline]
    fn bucket(
        self,
        head: impl Glance,
        unit: Unit,
        plan: &CompiledPlan,
        cost: u64,
        past: u64,
    ) -> Option<bool> {
        let rule = &plan.quick().units[unit as usize];
        let (back, charged) = if self.is_pinned(unit) {
            (PIN_BACK.get(self.low) + 1, self.since_pin(unit))
        } else {
            let stored = head.head(self.day());
            let taken = self.taken(&stored, plan, unit);
            (head.pin_back(unit), stored.charged.of(unit) + taken)
        };
        // Nothing to tell of a call whose time lies before the pin.
        let elapsed = back.checked_sub(past.wrapping_neg())?;
        let refilled = u128::from(elapsed) * u128::from(rule.amount);
        if refilled >= u128::from(charged) * u128::from(rule.window) {
            // A cost of more than C found no room in the window.
            return Some(true);
        }
        let excess = (charged + cost).saturating_sub(rule.ceiling);
        let has_room = u128::from(excess) * u128::from(rule.window) <= refilled;
        (elapsed < rule.window && has_room).then_some(false)
    }

    /// Charged, and the buckets that are full pinned at the time of the call, if that is within reach.
    #[inline]
    fn pinned(self, left: u64, pins: (bool, bool), cost: Cost, past: u64) -> Option<Self> {
        let back = !past;
        let flags = REQUESTS_PINNED.word(pins.0.into()) | TOKENS_PINNED.word(pins.1.into());
        let low = flags | PIN_BACK.word(back) | REQUESTS_SINCE_PIN.word(cost.requests);
        let high = left >> TOKENS_SINCE_PIN.bits() << TOKENS_SINCE_PIN.bits() | cost.tokens;
        (back <= PIN_BACK.max()).then_some(Self { low, high })
    }

    /// Charged since the pins that there are; `None` if there are no bits for so much.
    #[inline]
    fn kept(self, left: u64, cost: Cost) -> Option<Self> {
        let more = |unit: Unit| if self.is_pinned(unit) { self.since_pin(unit) + cost.of(unit) } else { 0 };
        let since = Cost { requests: more(Unit::Requests), tokens: more(Unit::Tokens) };
        let mut kept = Self { high: left, ..self };
        REQUESTS_SINCE_PIN.set(&mut kept.low, since.requests);
        TOKENS_SINCE_PIN.set(&mut kept.high, since.tokens);
        fits(since).then_some(kept)
    }

    /// The charge that [`admit`](Self::admit) makes on a record with this head, as long as the head is that.
    #[inline]
    pub(crate) fn charge_made(self, head: impl Glance, cost: Cost) -> super::Charge {
        super::Charge {
            time: head.until() - 1,
            day: self.day(),
            grids: head.grids(),
            plan: head.plan(),
            cost,
        }
    }

    /// Another's of which only the high half is known, with bits of the time of this one: any time will do. Nothing
    /// was charged yet, and its buckets count from the pins in its words, since a shared one stood in the low half.
    #[inline]
    pub(crate) fn timed_for(self, other: Self) -> Self {
        Self { low: PIN_BACK.word(PIN_BACK.get(self.low)), high: other.high }
    }
}

impl QuickRule {
    /// Whether what has been refilled in a time within reach pays for what was charged; of a narrow plan.
    #[inline]
    pub(super) fn is_paid_narrowly(&self, elapsed: u64, charged: u64) -> bool {
        elapsed * self.narrow_amount >= charged * self.narrow_window
    }
}

#[cfg(test)]
mod tests;
