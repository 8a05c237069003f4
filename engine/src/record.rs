//! The rules as pure steps over a key's record: no atomics, no clock, no table.
//!
//! A [`Record`] is a [`Head`] of eight words and a [`Ring`] of seven. A step copies it, brings the copy up
//! to the time of the call, and charges, refunds or converts it. Whoever calls a step stores the outcome in
//! one atomic exchange or throws it away (`table`), so R5 and R6 need no thought here: a record is always
//! the outcome of whole steps in some order. While no segment turns, a call needs the head alone.
//!
//! ```text
//! head 0      fingerprint of the key; 0 is a record that belongs to no key
//! head 1      time of the last change, in nanoseconds of the monotonic clock
//! head 2, 3   bucket pins: the moment at which nothing was owed and `charged` began to count
//! head 4      units in the window                       requests 25 bits | tokens 39 bits
//! head 5      units charged to the bucket since its pin requests 25 bits | tokens 39 bits
//! head 6      day number 20 bits | tokens in the day 44 bits
//! head 7      changes of grid 11 bits | own plan 1 bit | plan 20 bits | requests in the day 32 bits
//! ring        completed segments of the windows, by segment number modulo 7, as head 4
//! ```
//!
//! The current segment has no word: it holds what the window's total has beyond the completed ones. So an
//! admission changes the head, and the ring only when a segment turns or a refund reaches back.

mod bucket;
mod charge;
mod day;
mod plan_change;
mod settle;
mod status;
mod window;

pub use charge::{Denial, Verdict};
pub(crate) use settle::Charge;
pub use status::LimitStatus;

use crate::clock::Timestamp;
use crate::packed::{Field, UnitFields};
use crate::plan::{CompiledPlan, PlanId, SEGMENTS};
use crate::unit::Unit;

/// Words of a head.
pub(crate) const HEAD_WORDS: usize = 8;
/// Words of a ring: one for each completed segment that still counts.
pub(crate) const RING_WORDS: usize = SEGMENTS as usize;

const FINGERPRINT: usize = 0;
const LAST: usize = 1;
const PINS: usize = 2;
const TOTALS: usize = 4;
const CHARGED: usize = 5;
const DAY: usize = 6;
const META: usize = 7;

/// Times are kept below 2⁶³ (292 years), so that differences of times survive wrapping. Later ones stand
/// still there.
const MAX_TIME: u64 = u64::MAX >> 1;

/// What an ordinary decision reads and writes of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    words: [u64; HEAD_WORDS],
}

/// The completed segments of both windows, packed as the totals are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ring {
    words: [u64; RING_WORDS],
}

/// Everything the limiter knows of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) head: Head,
    pub(crate) ring: Ring,
}

impl Head {
    /// A key that has used nothing.
    #[inline]
    pub(crate) fn fresh(fingerprint: u64, plan: PlanId) -> Self {
        let mut words = [0; HEAD_WORDS];
        words[FINGERPRINT] = fingerprint;
        Field::PLAN.set(&mut words[META], u64::from(plan.0));
        Self { words }
    }

    #[inline]
    pub(crate) fn from_words(words: [u64; HEAD_WORDS]) -> Self {
        Self { words }
    }

    #[inline]
    pub(crate) fn words(&self) -> &[u64; HEAD_WORDS] {
        &self.words
    }

    /// Whose record it is; 0 for nobody's.
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

    /// The record's time when a call at `at` is decided: not before its last change (R15).
    #[inline]
    fn time_at(&self, at: Timestamp) -> u64 {
        at.monotonic.get().min(MAX_TIME).max(self.time())
    }

    /// Whether a call at `at` finds the windows in the segments in which the record left them, so that it
    /// needs no ring.
    #[inline]
    pub(crate) fn same_segments(&self, plan: &CompiledPlan, at: Timestamp) -> bool {
        let (from, to) = (self.time(), self.time_at(at));
        plan.grids().all(|grid| grid.same_segment(from, to))
    }

    /// Brings buckets, day and time to the time of a call, under the plan the record is expressed in. The
    /// windows must be in the segments of that time.
    #[inline]
    pub(crate) fn advance(&mut self, plan: &CompiledPlan, at: Timestamp) {
        let to = self.time_at(at);
        for unit in Unit::ALL {
            self.drain_bucket(unit, plan.unit(unit).window.as_ref(), to);
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

impl Ring {
    #[inline]
    pub(crate) fn from_words(words: [u64; RING_WORDS]) -> Self {
        Self { words }
    }

    #[inline]
    pub(crate) fn words(&self) -> &[u64; RING_WORDS] {
        &self.words
    }
}

impl Record {
    /// Brings the record to the time of a call, under the plan it is expressed in: segments turn, the
    /// bucket drains, the day turns. A time before the record's own leaves it where it is (R15).
    pub(crate) fn advance(&mut self, plan: &CompiledPlan, at: Timestamp) {
        let (from, to) = (self.head.time(), self.head.time_at(at));
        for unit in Unit::ALL {
            let grid = &plan.unit(unit).grid;
            self.turn_window(unit, grid.segment(from), grid.segment(to));
        }
        self.head.advance(plan, at);
    }
}
