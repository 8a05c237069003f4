//! How a record stands in words.
//!
//! ```text
//! front 0      plan 18 bits | changes of grid 8 bits | tag 38 bits; tag 0 is nobody's record
//! front 1      own plan 1 bit | until 63 bits; until 0 is a record that does not count yet
//! back 0       high bits of the tokens in the day, 8 | how long before `until` the requests' bucket was pinned, 56
//! back 1       the same of the tokens' bucket, 56
//! back 2       units in the windows
//! back 3       units charged to the buckets since their pins
//! back 4       low bits of the tokens in the day, 34 | requests in the day 30
//! back 5 – 11  completed segments of the windows, by segment number modulo 7
//! ```
//!
//! Beside the words, with the version of the slot, stand the day's number and what was charged since the words
//! were written: see [`Recent`].

use super::{Head, RING_WORDS, Recent, Record, Ring};
use crate::packed::{Counts, DAY_REQUESTS, DAY_TOKENS_LOW, Field};
use crate::plan::{CompiledPlan, PlanId};
use crate::unit::Unit;

/// What an ordinary admission reads: with the control pair of a slot it is half a cache line.
pub(crate) const FRONT_WORDS: usize = 2;
/// What it does not.
pub(crate) const BACK_WORDS: usize = CHANGING_WORDS + RING_WORDS;
/// Of those, the ones that change though no segment turns; the others are the ring's.
pub(crate) const CHANGING_WORDS: usize = 5;

/// Bits of a key's fingerprint that its record keeps.
pub(crate) const TAG_BITS: u32 = TAG.bits();

const TAG: Field = Field::lowest(38);
pub(super) const GRIDS: Field = TAG.followed_by(8);
const PLAN: Field = GRIDS.followed_by(18);
const UNTIL: Field = Field::lowest(63);
const OWN_PLAN: Field = UNTIL.followed_by(1);
const PIN_BACK: Field = Field::lowest(56);
const DAY_TOKENS_HIGH: Field = PIN_BACK.followed_by(crate::packed::DAY_TOKENS_HIGH_BITS);

/// The most plans that records can tell apart.
pub(crate) const MAX_PLANS: usize = 1 << PLAN.bits();

/// Words of the front.
const IDENTITY: usize = 0;
const STANDS: usize = 1;
/// Words of the back.
const PINS: usize = 0;
const TOTALS: usize = 2;
const CHARGED: usize = 3;
const DAY: usize = 4;

/// A record's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    pub(crate) front: [u64; FRONT_WORDS],
    pub(crate) back: [u64; BACK_WORDS],
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

/// What the front of a place says.
#[inline]
pub(crate) fn occupancy(front: &[u64; FRONT_WORDS]) -> Occupancy {
    match (TAG.get(front[IDENTITY]) != 0, UNTIL.get(front[STANDS]) != 0) {
        (false, false) => Occupancy::Virgin,
        (false, true) => Occupancy::Vacated,
        (true, false) => Occupancy::Pending,
        (true, true) => Occupancy::Live,
    }
}

/// A record that does not count yet, with the stamp by which it will be known whether it is to.
pub(crate) fn pending(tag: u64, plan: PlanId, stamp: u64) -> Words {
    let mut words = Words { front: [0; FRONT_WORDS], back: [0; BACK_WORDS] };
    words.front[IDENTITY] = TAG.word(tag) | PLAN.word(plan.0.into());
    words.back[BACK_WORDS - 1] = stamp;
    words
}

impl Words {
    /// The stamp of a pending record.
    pub(crate) fn stamp(&self) -> u64 {
        self.back[BACK_WORDS - 1]
    }
}

/// Nobody's record, in a place that was somebody's.
pub(crate) fn vacated() -> Words {
    // Any plan tells it from a place that was never used at a first look.
    Words { front: [PLAN.word(1), UNTIL.word(1)], back: [0; BACK_WORDS] }
}

/// A record's words, read one by one.
pub(crate) trait Glance: Copy {
    /// A word of the front.
    fn front(self, at: usize) -> u64;

    /// A word of the back.
    fn back(self, at: usize) -> u64;

    #[inline]
    fn plan(self) -> PlanId {
        plan_of(self.front(IDENTITY))
    }

    /// Whether it decides a call that names `plan` under the plan it is expressed in.
    #[inline]
    fn is_decided_as_it_stands(self, plan: PlanId) -> bool {
        self.plan() == plan || self.has_own_plan()
    }

    #[inline]
    fn has_own_plan(self) -> bool {
        OWN_PLAN.get(self.front(STANDS)) != 0
    }

    /// A time after the record's last change.
    #[inline]
    fn until(self) -> u64 {
        UNTIL.get(self.front(STANDS))
    }

    /// How long before `until` a bucket was pinned.
    #[inline]
    fn pin_back(self, unit: Unit) -> u64 {
        PIN_BACK.get(self.back(PINS + unit as usize))
    }

    /// How often the windows have moved to another grid.
    #[inline]
    fn grids(self) -> u64 {
        GRIDS.get(self.front(IDENTITY))
    }

    /// Units counted in the day, beside those that [`Recent`] tells.
    #[inline]
    fn day_used(self, unit: Unit) -> u64 {
        let low = self.back(DAY);
        match unit {
            Unit::Requests => DAY_REQUESTS.get(low),
            Unit::Tokens => {
                DAY_TOKENS_HIGH.get(self.back(PINS)) << DAY_TOKENS_LOW.bits() | DAY_TOKENS_LOW.get(low)
            }
        }
    }

    /// All that the words say but the ring, on this day.
    #[inline]
    fn head(self, day: u64) -> Head {
        Head {
            tag: TAG.get(self.front(IDENTITY)),
            plan: self.plan(),
            own_plan: self.has_own_plan(),
            until: self.until().max(1),
            now: 0,
            pins: Unit::ALL.map(|unit| self.until().wrapping_sub(self.pin_back(unit))),
            totals: Counts(self.back(TOTALS)),
            charged: Counts(self.back(CHARGED)),
            day,
            day_used: Unit::ALL.map(|unit| self.day_used(unit)),
            grids: self.grids(),
        }
    }
}

impl Glance for &Words {
    #[inline]
    fn front(self, at: usize) -> u64 {
        self.front[at]
    }

    #[inline]
    fn back(self, at: usize) -> u64 {
        self.back[at]
    }
}

impl Record {
    /// The record that stands in these words, expressed in this plan, and what was charged beside them.
    #[inline]
    pub(crate) fn from_words(words: &Words, recent: Recent, plan: &CompiledPlan) -> Self {
        let mut head = words.head(recent.day());
        recent.fold_into(&mut head, plan);
        Self {
            head,
            ring: Ring {
                segments: std::array::from_fn(|segment| Counts(words.back[CHANGING_WORDS + segment])),
            },
        }
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
        let head = &self.head;
        let [requests, tokens] = head.day_used;
        let [requests_back, tokens_back] = head.pins.map(|pin| PIN_BACK.word(head.until.wrapping_sub(pin)));
        let front = [
            TAG.word(head.tag) | GRIDS.word(head.grids) | PLAN.word(head.plan.0.into()),
            UNTIL.word(head.until) | OWN_PLAN.word(head.own_plan.into()),
        ];
        let changing = [
            requests_back | DAY_TOKENS_HIGH.word(tokens >> DAY_TOKENS_LOW.bits()),
            tokens_back,
            head.totals.0,
            head.charged.0,
            DAY_REQUESTS.word(requests) | DAY_TOKENS_LOW.word(tokens),
        ];
        let back = std::array::from_fn(|at| match changing.get(at) {
            Some(word) => *word,
            None => self.ring.segments[at - CHANGING_WORDS].0,
        });
        Words { front, back }
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
                    plan: PlanId(plan % MAX_PLANS as u32),
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
    fn no_bit_is_unused_and_there_are_as_many_plans_and_tags_as_documented() {
        let full = |fields: &[Field]| fields.iter().map(|field| field.word(u64::MAX)).sum::<u64>();
        for fields in [&[TAG, GRIDS, PLAN][..], &[UNTIL, OWN_PLAN], &[PIN_BACK, DAY_TOKENS_HIGH]] {
            assert_eq!(full(fields), u64::MAX, "{fields:?}");
        }
        assert_eq!((MAX_PLANS, TAG_BITS, GRIDS.max()), (262_144, 38, 255), "`docs/rules.md`");
        assert_eq!((UNTIL.max(), PIN_BACK.bits()), (super::super::MAX_TIME + 1, 56));
    }

    #[test]
    fn a_place_is_told_by_its_front() {
        let virgin = Words { front: [0; FRONT_WORDS], back: [0; BACK_WORDS] };
        assert_eq!(occupancy(&virgin.front), Occupancy::Virgin);
        let vacated = vacated();
        assert_eq!((occupancy(&vacated.front), tag_of(vacated.front[0])), (Occupancy::Vacated, 0));
        assert_ne!(vacated.front[0], virgin.front[0], "a search looks at the first word first");
        assert_eq!(vacated.back, virgin.back);
        for (tag, plan, stamp) in [(1, 0, 0), (TAG.max(), MAX_PLANS as u32 - 1, u64::MAX), (7, 5, 3)] {
            let pending = pending(tag, PlanId(plan), stamp);
            assert_eq!((tag_of(pending.front[0]), plan_of(pending.front[0])), (tag, PlanId(plan)));
            assert_eq!((occupancy(&pending.front), pending.stamp()), (Occupancy::Pending, stamp));
            assert_eq!(pending.back[..BACK_WORDS - 1], virgin.back[..BACK_WORDS - 1]);
            let at = crate::clock::Timestamp::both(crate::nanos::Nanos::ZERO);
            let (live, _) = Record::fresh(tag, PlanId(plan), at).to_closed_words();
            assert_eq!((occupancy(&live.front), tag_of(live.front[0])), (Occupancy::Live, tag));
        }
    }

    /// What is read while a place changes hands is thrown away, but it must not end a thread before that.
    #[test]
    fn a_record_that_does_not_count_yet_has_a_time() {
        let pending = pending(1, PlanId(0), 9);
        assert_eq!((pending.until(), pending.head(0).segment_time()), (0, 0));
    }

    #[test]
    fn a_record_decides_under_its_plan_or_under_one_of_its_own() {
        let at = crate::clock::Timestamp::both(crate::nanos::Nanos::ZERO);
        let decides = |own_plan, named| {
            let mut record = Record::fresh(1, PlanId(3), at);
            record.head.own_plan = own_plan;
            record.to_closed_words().0.is_decided_as_it_stands(PlanId(named))
        };
        assert_eq!([decides(false, 3), decides(false, 4)], [true, false]);
        assert_eq!([decides(true, 3), decides(true, 4)], [true, true]);
    }

    #[test]
    fn a_pin_reaches_back_over_the_longest_window_and_a_segment() {
        let longest = crate::plan::Span::MAX_WINDOW.get();
        assert!(longest + longest / 7 + Recent::REACH < PIN_BACK.max());
        assert!(window_max(Unit::Tokens) < 1 << 39);
    }
}
