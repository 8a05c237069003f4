//! What one key used of one unit.

use super::{Terms, WindowTerms};
use std::collections::BTreeMap;
use tidegate::Unit;

/// n of R3.
const SEGMENTS: u128 = 7;

/// The window by segments, the bucket as a fraction, the day.
#[derive(Clone, Debug, Default)]
pub(super) struct Account {
    /// Units by the segment in which they were admitted; none that does not count.
    segments: BTreeMap<u128, u128>,
    /// Units taken off segments that nobody said when they were charged: a refund may find so many less.
    given_back: u128,
    /// Units owed to the bucket, times W, at the time `since`.
    owed: u128,
    since: u128,
    day_used: u128,
}

fn segment(time: u128, length: u128) -> u128 {
    time * SEGMENTS / length
}

/// The first nanosecond of a segment.
fn start(segment: u128, length: u128) -> u128 {
    (segment * length).div_ceil(SEGMENTS)
}

/// The first nanosecond at which a segment counts no more: all of it is older than the window.
fn expiry(segment: u128, length: u128) -> u128 {
    start(segment + SEGMENTS + 1, length)
}

impl Account {
    pub(super) fn is_blank(&self) -> bool {
        self.segments.is_empty() && self.owed == 0 && self.day_used == 0
    }

    pub(super) fn day_used(&self) -> u128 {
        self.day_used
    }

    pub(super) fn owed(&self) -> u128 {
        self.owed
    }

    pub(super) fn in_window(&self) -> u128 {
        self.segments.values().sum()
    }

    pub(super) fn begin_day(&mut self) {
        self.day_used = 0;
    }

    pub(super) fn advance(&mut self, window: Option<&WindowTerms>, length: u128, now: u128) {
        let current = segment(now, length);
        while let Some(oldest) = self.segments.first_entry()
            && oldest.key() + SEGMENTS < current
        {
            oldest.remove();
        }
        // A unit without a window limit owes nothing.
        self.owed = window.map_or(0, |w| self.owed.saturating_sub((now - self.since) * w.amount));
        self.since = now;
    }

    pub(super) fn charge(&mut self, window: Option<&WindowTerms>, length: u128, now: u128, units: u128) {
        if units > 0 {
            *self.segments.entry(segment(now, length)).or_default() += units;
        }
        self.day_used += units;
        let Some(window) = window else { return };
        self.owed += units * window.length;
        let full = window.ceiling * window.length;
        // A limit in shadow owes no more than C (R12); what is above is let go in whole units.
        if !window.enforced && self.owed > full {
            self.owed -= (self.owed - full).div_ceil(window.length) * window.length;
        }
    }

    pub(super) fn refund_day(&mut self, units: u128) {
        self.day_used = self.day_used.saturating_sub(units);
    }

    pub(super) fn refund_bucket(&mut self, window: Option<&WindowTerms>, units: u128) {
        self.owed = window.map_or(0, |window| self.owed.saturating_sub(units * window.length));
    }

    pub(super) fn refund_window(&mut self, length: u128, charged: u128, units: u128) {
        let charged_in = segment(charged, length);
        if let Some(held) = self.segments.get_mut(&charged_in) {
            let missing = units.saturating_sub(*held);
            assert!(missing <= self.given_back, "what was charged is there to be given back");
            *held -= units - missing;
            if *held == 0 {
                self.segments.remove(&charged_in);
            }
        }
    }

    /// Takes units off the oldest segments, as far as there are any.
    pub(super) fn give_back_to_window(&mut self, units: u128) {
        let mut left = units;
        while left > 0
            && let Some(mut oldest) = self.segments.first_entry()
        {
            let back = left.min(*oldest.get());
            *oldest.get_mut() -= back;
            left -= back;
            if *oldest.get() == 0 {
                oldest.remove();
            }
        }
        self.given_back += units - left;
    }

    /// Nothing was ever used.
    pub(super) fn forget(&mut self) {
        self.segments.clear();
        (self.owed, self.day_used) = (0, 0);
    }

    /// R9.
    pub(super) fn move_to(&mut self, from: &Terms, to: &Terms, unit: Unit, now: u128) {
        let (old, new) = (from.length(unit), to.length(unit));
        if old != new {
            let mut moved = BTreeMap::new();
            for (at, units) in std::mem::take(&mut self.segments) {
                let last = (start(at + 1, old) - 1).min(now);
                *moved.entry(segment(last, new)).or_default() += units;
            }
            moved.retain(|at, _| at + SEGMENTS >= segment(now, new));
            self.segments = moved;
        }
        self.owe_under(from.window(unit), to.window(unit));
    }

    /// R9: what is owed stays owed in units. Of a unit that has been refilled in part, that part is kept as the time in
    /// which the new limit refills it, in whole nanoseconds.
    fn owe_under(&mut self, from: Option<&WindowTerms>, to: Option<&WindowTerms>) {
        let (Some(from), Some(to)) = (from, to) else {
            self.owed = 0;
            return;
        };
        if (from.amount, from.length) == (to.amount, to.length) {
            return;
        }
        let units = self.owed.div_ceil(from.length);
        let part = units * from.length - self.owed;
        let head_start = part * to.length / (from.length * to.amount);
        self.owed = (units * to.length).saturating_sub(head_start * to.amount);
    }

    /// How long until so many units, at most C, have room.
    pub(super) fn room_in(&self, terms: &WindowTerms, units: u128, now: u128) -> u128 {
        let mut total = self.in_window();
        let mut segments = self.segments.iter();
        let mut window = 0;
        while total + units > terms.ceiling {
            let Some((at, leaving)) = segments.next() else { break };
            total -= leaving;
            window = expiry(*at, terms.length) - now;
        }
        let beyond = (self.owed + units * terms.length).saturating_sub(terms.ceiling * terms.length);
        window.max(beyond.div_ceil(terms.amount))
    }

    /// Units that are admitted now without the burst.
    pub(super) fn remaining(&self, terms: &WindowTerms) -> u128 {
        let room = (terms.ceiling * terms.length).saturating_sub(self.owed) / terms.length;
        terms.amount.saturating_sub(self.in_window()).min(room)
    }

    /// How long until no unit is counted.
    pub(super) fn empty_in(&self, length: u128, now: u128) -> u128 {
        self.segments.last_key_value().map_or(0, |(newest, _)| expiry(*newest, length) - now)
    }

    /// How long until all of L remains.
    pub(super) fn whole_in(&self, terms: &WindowTerms, now: u128) -> u128 {
        let burst = (terms.ceiling - terms.amount) * terms.length;
        self.empty_in(terms.length, now).max(self.owed.saturating_sub(burst).div_ceil(terms.amount))
    }
}
