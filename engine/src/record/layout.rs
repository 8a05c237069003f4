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
use crate::plan::PlanId;
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

/// Whether the record with this head decides a call that names `plan` under the plan it is expressed in.
#[inline]
pub(crate) fn is_decided_as_it_stands(head: &[u64; HEAD_WORDS], plan: PlanId) -> bool {
    plan_of(head[IDENTITY]) == plan || OWN_PLAN.get(head[STANDS]) != 0
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

/// The head words that the shortcut of [`Recent`] reads, in its terms.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a>(pub(super) &'a [u64; HEAD_WORDS]);

impl View<'_> {
    #[inline]
    pub(super) fn until(self) -> u64 {
        UNTIL.get(self.0[STANDS])
    }

    /// How long before `until` a bucket was pinned.
    #[inline]
    pub(super) fn pin_back(self, unit: Unit) -> u64 {
        PIN_BACK.get(self.0[PINS + unit as usize])
    }

    #[inline]
    pub(super) fn total(self, unit: Unit) -> u64 {
        Counts(self.0[TOTALS]).of(unit)
    }

    #[inline]
    pub(super) fn charged(self, unit: Unit) -> u64 {
        Counts(self.0[CHARGED]).of(unit)
    }

    #[inline]
    pub(super) fn day_used(self, tail: u64, unit: Unit) -> u64 {
        match unit {
            Unit::Requests => DAY_REQUESTS.get(tail),
            Unit::Tokens => {
                DAY_TOKENS_HIGH.get(self.0[PINS]) << DAY_TOKENS_LOW.bits() | DAY_TOKENS_LOW.get(tail)
            }
        }
    }

    #[inline]
    pub(super) fn grids(self) -> u64 {
        GRIDS.get(self.0[PINS + 1])
    }
}

impl Head {
    /// The head as its words and the bits beside them say; `tail` is the first word of the tail.
    #[inline]
    pub(crate) fn from_words(head: &[u64; HEAD_WORDS], tail: u64, recent: Recent) -> Self {
        let view = View(head);
        let mut read = Self {
            tag: TAG.get(head[IDENTITY]),
            plan: plan_of(head[IDENTITY]),
            own_plan: OWN_PLAN.get(head[STANDS]) != 0,
            until: view.until().max(1),
            now: 0,
            pins: Unit::ALL.map(|unit| view.until().wrapping_sub(view.pin_back(unit))),
            totals: Counts(head[TOTALS]),
            charged: Counts(head[CHARGED]),
            day: recent.day(),
            day_used: Unit::ALL.map(|unit| view.day_used(tail, unit)),
            grids: view.grids(),
        };
        recent.fold_into(&mut read);
        read
    }

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
    #[inline]
    pub(crate) fn from_words(words: &Words, recent: Recent) -> Self {
        let segments = std::array::from_fn(|segment| Counts(words.tail[1 + segment]));
        Self { head: Head::from_words(&words.head, words.tail[0], recent), ring: Ring { segments } }
    }

    /// The record's words, and the bits that stand beside them.
    #[inline]
    pub(crate) fn to_words(self) -> (Words, Recent) {
        let (head, day) = self.head.words();
        let tail = std::array::from_fn(|word| match word {
            0 => day,
            _ => self.ring.segments[word - 1].0,
        });
        (Words { head, tail }, Recent::none(self.head.day, self.head.now))
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
            let (words, recent) = record.to_words();
            let back = Record::from_words(&words, recent);
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
