//! How a record stands in words.
//!
//! ```text
//! head 0      plan 20 bits | tag 44 bits; tag 0 is nobody's record
//! head 1      own plan 1 bit | until 63 bits; until 0 is a record that does not count yet
//! head 2      high bits of the tokens in the day, 8 | how long before `until` the requests' bucket was pinned, 56
//! head 3      changes of grid 8 bits                | the same of the tokens' bucket, 56
//! head 4      units in the windows
//! head 5      units charged to the buckets since their pins
//! tail 0      low bits of the tokens in the day, 34 | requests in the day 30
//! tail 1 – 7  completed segments of the windows, by segment number modulo 7
//! ```
//!
//! Beside the words, with the version of the slot, stand the day's number and what was charged since the words
//! were written: see [`Recent`].

use super::{Head, RING_WORDS, Recent, Record, Ring};
use crate::packed::{Counts, DAY_REQUESTS, DAY_TOKENS_LOW, Field};
use crate::plan::{CompiledPlan, PlanId};
use crate::unit::Unit;

/// What an ordinary admission reads: as many words as stand in one cache line with the control word.
pub(crate) const HEAD_WORDS: usize = 6;
/// What it mostly does not.
pub(crate) const TAIL_WORDS: usize = 1 + RING_WORDS;

/// Bits of a key's fingerprint that its record keeps.
pub(crate) const TAG_BITS: u32 = TAG.bits();

const TAG: Field = Field::lowest(44);
const PLAN: Field = TAG.followed_by(20);
const UNTIL: Field = Field::lowest(63);
const OWN_PLAN: Field = UNTIL.followed_by(1);
const PIN_BACK: Field = Field::lowest(56);
const DAY_TOKENS_HIGH: Field = PIN_BACK.followed_by(crate::packed::DAY_TOKENS_HIGH_BITS);
pub(super) const GRIDS: Field = PIN_BACK.followed_by(8);

const IDENTITY: usize = 0;
const STANDS: usize = 1;
const PINS: usize = 2;
const TOTALS: usize = 4;
const CHARGED: usize = 5;

/// A record's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) head: [u64; HEAD_WORDS],
    pub(crate) tail: [u64; TAIL_WORDS],
}

/// Whose record begins with this word.
#[inline]
pub(crate) fn tag_of(first: u64) -> u64 {
    TAG.get(first)
}

/// The plan of the record that begins with this word.
#[inline]
pub(crate) fn plan_of(first: u64) -> PlanId {
    PlanId(PLAN.get(first) as u32)
}

/// Whose a place is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occupancy {
    /// Nobody's, ever: no search for a key goes beyond it.
    Virgin,
    /// Nobody's any more.
    Vacated,
    /// A key's whose insertion has not been agreed on yet.
    Pending,
    /// A key's.
    Live,
}

/// What the head of a place says.
#[inline]
pub(crate) fn occupancy(head: &[u64; HEAD_WORDS]) -> Occupancy {
    match (TAG.get(head[IDENTITY]) != 0, UNTIL.get(head[STANDS]) != 0) {
        (false, false) => Occupancy::Virgin,
        (false, true) => Occupancy::Vacated,
        (true, false) => Occupancy::Pending,
        (true, true) => Occupancy::Live,
    }
}

/// A record that does not count yet, with the stamp by which it will be known whether it is to.
pub(crate) fn pending(tag: u64, plan: PlanId, stamp: u64) -> Words {
    let mut words = Words { head: [0; HEAD_WORDS], tail: [0; TAIL_WORDS] };
    words.head[IDENTITY] = TAG.word(tag) | PLAN.word(plan.0.into());
    words.tail[TAIL_WORDS - 1] = stamp;
    words
}

impl Words {
    /// The stamp of a pending record.
    pub(crate) fn stamp(&self) -> u64 {
        self.tail[TAIL_WORDS - 1]
    }
}

/// Nobody's record, in a place that was somebody's.
pub(crate) fn vacated() -> Words {
    let mut words = Words { head: [0; HEAD_WORDS], tail: [0; TAIL_WORDS] };
    // Any plan tells it from a place that was never used at a first look.
    words.head[IDENTITY] = PLAN.word(1);
    words.head[STANDS] = UNTIL.word(1);
    words
}

/// The words of a head that can be read one by one.
pub(crate) trait Glance: Copy {
    /// A word of the head.
    fn word(self, at: usize) -> u64;

    /// The first word of the tail.
    fn day_word(self) -> u64;

    #[inline]
    fn plan(self) -> PlanId {
        plan_of(self.word(IDENTITY))
    }

    /// Whether it decides a call that names `plan` under the plan it is expressed in.
    #[inline]
    fn is_decided_as_it_stands(self, plan: PlanId) -> bool {
        self.plan() == plan || self.has_own_plan()
    }

    #[inline]
    fn has_own_plan(self) -> bool {
        OWN_PLAN.get(self.word(STANDS)) != 0
    }

    /// A time after the record's last change.
    #[inline]
    fn until(self) -> u64 {
        UNTIL.get(self.word(STANDS))
    }

    /// How long before `until` a bucket was pinned.
    #[inline]
    fn pin_back(self, unit: Unit) -> u64 {
        PIN_BACK.get(self.word(PINS + unit as usize))
    }

    /// How often the windows have moved to another grid.
    #[inline]
    fn grids(self) -> u64 {
        GRIDS.get(self.word(PINS + 1))
    }

    /// Units counted in the day, beside those that [`Recent`] tells.
    #[inline]
    fn day_used(self, unit: Unit) -> u64 {
        let low = self.day_word();
        match unit {
            Unit::Requests => DAY_REQUESTS.get(low),
            Unit::Tokens => {
                DAY_TOKENS_HIGH.get(self.word(PINS)) << DAY_TOKENS_LOW.bits() | DAY_TOKENS_LOW.get(low)
            }
        }
    }

    /// All that the words of the head say, on this day.
    #[inline]
    fn head(self, day: u64) -> Head {
        Head {
            tag: TAG.get(self.word(IDENTITY)),
            plan: self.plan(),
            own_plan: self.has_own_plan(),
            until: self.until().max(1),
            now: 0,
            pins: Unit::ALL.map(|unit| self.until().wrapping_sub(self.pin_back(unit))),
            totals: Counts(self.word(TOTALS)),
            charged: Counts(self.word(CHARGED)),
            day,
            day_used: Unit::ALL.map(|unit| self.day_used(unit)),
            grids: self.grids(),
        }
    }
}

impl Glance for &Words {
    #[inline]
    fn word(self, at: usize) -> u64 {
        self.head[at]
    }

    #[inline]
    fn day_word(self) -> u64 {
        self.tail[0]
    }
}

impl Head {
    /// The words of the head, the last of which is the first of the tail. The day's number is not among them.
    #[inline]
    fn words(&self) -> ([u64; HEAD_WORDS], u64) {
        let [requests, tokens] = self.day_used;
        let pin = |unit: Unit| PIN_BACK.word(self.until.wrapping_sub(self.pins[unit as usize]));
        let high = tokens >> DAY_TOKENS_LOW.bits();
        let head = [
            TAG.word(self.tag) | PLAN.word(self.plan.0.into()),
            UNTIL.word(self.until) | OWN_PLAN.word(self.own_plan.into()),
            pin(Unit::Requests) | DAY_TOKENS_HIGH.word(high),
            pin(Unit::Tokens) | GRIDS.word(self.grids),
            self.totals.0,
            self.charged.0,
        ];
        (head, DAY_REQUESTS.word(requests) | DAY_TOKENS_LOW.word(tokens))
    }
}

impl Record {
    /// The record that stands in these words, expressed in this plan, and what was charged beside them.
    #[inline]
    pub(crate) fn from_words(words: &Words, recent: Recent, plan: &CompiledPlan) -> Self {
        let mut head = words.head(recent.day());
        recent.fold_into(&mut head, plan);
        Self { head, ring: Ring { segments: std::array::from_fn(|segment| Counts(words.tail[1 + segment])) } }
    }

    /// The record's words, and what is to stand beside them: calls may be charged there under this plan.
    #[inline]
    pub(crate) fn to_words(self, plan: &CompiledPlan) -> (Words, Recent) {
        (self.words(), Recent::open(&self.head, plan))
    }

    /// The same where nothing may be charged before the record is written again.
    pub(crate) fn to_closed_words(self) -> (Words, Recent) {
        (self.words(), Recent::closed(self.head.day, self.head.now))
    }

    #[inline]
    fn words(&self) -> Words {
        let (head, day) = self.head.words();
        let tail = std::array::from_fn(|word| match word {
            0 => day,
            _ => self.ring.segments[word - 1].0,
        });
        Words { head, tail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packed::{day_max, window_max};
    use quickcheck::quickcheck;

    quickcheck! {
        fn a_record_comes_back_from_its_words(
            identity: (u64, u32, bool),
            until: u64,
            pins: (u64, u64),
            counts: (u64, u64),
            day: (u16, u8),
            used: (u64, u64)
        ) -> bool {
            let (tag, plan, own) = identity;
            let (day, grids) = day;
            let until = (until >> 1).max(1);
            let pin = |back: u64| until.wrapping_sub(back & PIN_BACK.max());
            let record = Record {
                head: Head {
                    tag: tag & TAG.max(),
                    plan: PlanId(plan & 0xf_ffff),
                    own_plan: own,
                    until,
                    now: 0,
                    pins: [pin(pins.0), pin(pins.1)],
                    totals: Counts(counts.0),
                    charged: Counts(counts.1),
                    day: day.into(),
                    day_used: [used.0 % (day_max(Unit::Requests) + 1), used.1 % (day_max(Unit::Tokens) + 1)],
                    grids: grids.into(),
                },
                ring: Ring { segments: std::array::from_fn(|at| Counts(counts.0.rotate_left(at as u32))) },
            };
            let (free, closed) = (CompiledPlan::new(crate::plan::Plan::free()), record.to_closed_words());
            let (words, recent) = record.to_words(&free);
            let back = Record::from_words(&words, recent, &free);
            assert_eq!(closed.0, words);
            format!("{back:?}") == format!("{record:?}")
        }
    }

    #[test]
    fn a_pin_reaches_back_over_the_longest_window_and_a_segment() {
        let longest = crate::plan::Span::MAX_WINDOW.get();
        assert!(longest + longest / 7 + Recent::REACH < PIN_BACK.max());
        assert!(window_max(Unit::Tokens) < 1 << 39);
    }
}
