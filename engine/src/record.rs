//! The rules as pure steps over a key's record: no atomics, no clock, no table.
//!
//! A [`Record`] is fourteen words and a fingerprint. A step copies it, brings the copy up to the time of the
//! call ([`Record::advance`]), and charges, refunds or converts it. Whoever calls a step stores the outcome in
//! one atomic exchange or throws it away (`table`), so R5 and R6 need no thought here: a record is always
//! the outcome of whole steps in some order.
//!
//! ```text
//! word 0      fingerprint of the key; 0 is a record that belongs to no key
//! word 1      time of the last change, in nanoseconds of the monotonic clock
//! word 2, 3   bucket pins: the moment at which nothing was owed and `charged` began to count
//! word 4      units in the window                       requests 25 bits | tokens 39 bits
//! word 5      units charged to the bucket since its pin requests 25 bits | tokens 39 bits
//! word 6      day number 20 bits | tokens in the day 44 bits
//! word 7–13   completed segments of the windows, by segment number modulo 7, as word 4
//! word 14     requests in the day 32 bits | plan 20 bits | own plan 1 bit | 11 bits unused
//! ```
//!
//! The current segment has no word: it holds what the window's total has beyond the completed ones. So an
//! admission changes totals alone, and the ring only when a segment turns or a refund reaches back.

mod bucket;
mod charge;
mod day;
mod packed;
mod plan_change;
mod settle;
mod status;
mod window;

pub use charge::{Denial, Verdict};
pub(crate) use packed::{day_max, window_max};
pub(crate) use settle::Charge;
pub use status::LimitStatus;

use crate::clock::Timestamp;
use crate::plan::{CompiledPlan, PlanId};
use crate::unit::Unit;
use packed::{Field, UnitFields};

/// Words of a record.
pub(crate) const WORDS: usize = 15;

const FINGERPRINT: usize = 0;
const LAST: usize = 1;
const PINS: usize = 2;
const TOTALS: usize = 4;
const CHARGED: usize = 5;
const DAY: usize = 6;
const RING: usize = 7;
const META: usize = 14;

/// Times are kept below 2⁶³ (292 years), so that differences of times survive wrapping. Later ones stand still there.
const MAX_TIME: u64 = u64::MAX >> 1;

/// Everything the limiter knows of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    words: [u64; WORDS],
}

impl Record {
    /// The record that stands for no key, as zeroed memory holds it.
    pub(crate) const VACANT: Self = Self { words: [0; WORDS] };

    /// A key that has used nothing.
    #[inline]
    pub(crate) fn fresh(fingerprint: u64, plan: PlanId) -> Self {
        let mut record = Self::VACANT;
        record.words[FINGERPRINT] = fingerprint;
        Field::PLAN.set(&mut record.words[META], u64::from(plan.0));
        record
    }

    #[inline]
    pub(crate) fn from_words(words: [u64; WORDS]) -> Self {
        Self { words }
    }

    #[inline]
    pub(crate) fn words(&self) -> &[u64; WORDS] {
        &self.words
    }

    #[inline]
    pub(crate) fn fingerprint(&self) -> u64 {
        self.words[FINGERPRINT]
    }

    /// The plan under which the record's state is expressed.
    #[inline]
    pub(crate) fn plan(&self) -> PlanId {
        PlanId(Field::PLAN.get(self.words[META]) as u32)
    }

    /// Whether the plan is the key's own, to be used whatever plan a call names.
    #[inline]
    pub(crate) fn has_own_plan(&self) -> bool {
        Field::OWN_PLAN.get(self.words[META]) != 0
    }

    pub(crate) fn set_own_plan(&mut self, own: bool) {
        Field::OWN_PLAN.set(&mut self.words[META], u64::from(own));
    }

    /// The time to which the record has been brought.
    #[inline]
    pub(crate) fn time(&self) -> u64 {
        self.words[LAST]
    }

    /// Brings the record to the time of a call, under the plan it is expressed in: segments turn, the
    /// bucket drains, the day turns. A time before the record's own leaves it where it is (R15).
    #[inline]
    pub(crate) fn advance(&mut self, plan: &CompiledPlan, at: Timestamp) {
        let from = self.time();
        let to = at.monotonic.get().min(MAX_TIME).max(from);
        for unit in Unit::ALL {
            let rules = plan.unit(unit);
            self.turn_window(unit, rules.grid.segment(from), rules.grid.segment(to));
            self.drain_bucket(unit, rules.window.as_ref(), to);
        }
        self.turn_day(at.unix);
        self.words[LAST] = to;
    }

    #[inline]
    fn get(&self, word: usize, unit: Unit) -> u64 {
        UnitFields::WINDOW.of(unit).get(self.words[word])
    }

    #[inline]
    fn set(&mut self, word: usize, unit: Unit, value: u64) {
        UnitFields::WINDOW.of(unit).set(&mut self.words[word], value);
    }
}
