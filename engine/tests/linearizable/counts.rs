//! What the histories were: how many raced, and how hard an order was to find.

use crate::event::Event;
use crate::search::Outcome;
use std::fmt;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) histories: u64,
    /// Histories in which a key found no room.
    pub(crate) left_out: u64,
    pub(crate) forgotten: u64,
    /// Histories of one key: each is searched for itself.
    pub(crate) searched: u64,
    pub(crate) events: u64,
    /// Of the searched, those in which two threads' calls overlapped.
    pub(crate) overlapping: u64,
    /// Events that overlapped one of another thread.
    pub(crate) overlapping_events: u64,
    /// Of the searched, those in whose order a call comes after one that was given a later time.
    pub(crate) crossed: u64,
    /// Of the searched, those that are refused in the order in which the calls ended.
    pub(crate) reordered: u64,
    /// Insertions seen before the call that made them.
    pub(crate) early_insertions: u64,
    pub(crate) tried: u64,
    pub(crate) refused: u64,
    pub(crate) most_tried: u64,
}

impl Counts {
    /// Counts a history for which an order was found.
    pub(crate) fn count(&mut self, events: &[Event], seen: usize, outcome: &Outcome) {
        // Beyond those that were seen there are only moments of insertions.
        self.early_insertions +=
            outcome.order.iter().flatten().filter(|event| **event >= seen).count() as u64;
        let (order, events) =
            (outcome.order.iter().flatten().filter(|event| **event < seen), &events[..seen]);
        let overlaps = |event: &Event| {
            events.iter().any(|other| other.thread != event.thread && other.span.overlaps(event.span))
        };
        let overlapping = events.iter().filter(|event| overlaps(event)).count() as u64;
        self.searched += 1;
        self.events += events.len() as u64;
        self.overlapping += u64::from(overlapping > 0);
        self.overlapping_events += overlapping;
        self.reordered += u64::from(outcome.refused > 0);
        self.tried += outcome.tried;
        self.refused += outcome.refused;
        self.most_tried = self.most_tried.max(outcome.tried);
        let order = order.map(|event| &events[*event]);
        let is_before = |(one, next): (&Event, &Event)| next.at.monotonic < one.at.monotonic;
        self.crossed += u64::from(order.clone().zip(order.skip(1)).any(is_before));
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.histories += other.histories;
        self.left_out += other.left_out;
        self.forgotten += other.forgotten;
        self.searched += other.searched;
        self.events += other.events;
        self.overlapping += other.overlapping;
        self.overlapping_events += other.overlapping_events;
        self.crossed += other.crossed;
        self.reordered += other.reordered;
        self.early_insertions += other.early_insertions;
        self.tried += other.tried;
        self.refused += other.refused;
        self.most_tried = self.most_tried.max(other.most_tried);
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figures = [
            ("histories", self.histories),
            ("left out, since a key found no room", self.left_out),
            ("keys forgotten", self.forgotten),
            ("searched, a key each", self.searched),
            ("operations", self.events),
            ("operations that overlapped another thread's", self.overlapping_events),
            ("searched with such an overlap", self.overlapping),
            ("whose order is not that of the times given", self.crossed),
            ("whose order is not that in which calls ended", self.reordered),
            ("insertions seen before their call was decided", self.early_insertions),
            ("operations tried as the next one", self.tried),
            ("of these refused", self.refused),
            ("most tried in one search", self.most_tried),
        ];
        figures.iter().try_for_each(|(what, count)| writeln!(f, "  {what:<46} {count:>12}"))
    }
}
