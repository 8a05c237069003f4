//! Tickets: what makes one insertion of a key, and not two.
//!
//! Places are used again, so two threads that insert one key may find it different places. Both must draw the
//! same ticket first, and only one of them gets it: an insertion
//!
//! 1. reads the key's ticket, then searches all places where the key may stand, and finds none;
//! 2. sees to it that the insertion to which the ticket went last is complete;
//! 3. writes a pending record into a place, stamped with the ticket's number;
//! 4. moves the ticket on to the next number and to that place, which is the moment of the insertion;
//! 5. makes the record live.
//!
//! If the ticket has moved on meanwhile, step 4 fails, and the place is given up. Whoever comes upon a pending
//! record can tell by the ticket what is to become of it: as long as its number is the stamp, the insertion may
//! still be made, and anyone may make it; if the ticket went from the stamp to that place, it was made, and
//! anyone may complete it; else it never will be. A ticket serves many keys. That they wait for nobody, and
//! lose at most to one who has inserted, makes it lock-free.

use crate::packed::Field;
use crate::sync::{Ordering, Typed};
use bytemuck::Zeroable;

/// Tickets of a table.
const TICKETS: usize = if cfg!(any(tidegate_loom, tidegate_shuttle)) { 1 } else { 1_024 };

/// The place, and the number above it.
const PLACE: Field = Field::lowest(32);
const NUMBER: Field = PLACE.followed_by(32);

/// The most places that a ticket can tell apart.
pub(super) const MAX_PLACES: usize = 1 << 32;

/// A ticket as it was read. It would have to go to 2³² insertions between two reads to be mistaken for itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(super) struct Ticket(u64);

// SAFETY: `Ticket` is `repr(transparent)` over `u64`, for which all zeroes are a value.
unsafe impl Zeroable for Ticket {}
// SAFETY: `Ticket` is `repr(transparent)` over `u64`, which has no padding, is valid for every bit pattern
// and holds no pointer; it is `Copy` and `'static`.
unsafe impl bytemuck::Pod for Ticket {}

impl Ticket {
    /// The stamp of an insertion that means to take it.
    pub(super) fn number(self) -> u64 {
        NUMBER.get(self.0)
    }

    /// The place of the insertion to which it went last; any place, if it never did.
    pub(super) fn place(self) -> usize {
        PLACE.get(self.0) as usize
    }

    /// The stamp of the insertion to which it went last.
    pub(super) fn last_stamp(self) -> u64 {
        NUMBER.get(self.0.wrapping_sub(NUMBER.word(1)))
    }

    fn taken_to(mut self, place: usize) -> Self {
        let next = self.number() + 1;
        NUMBER.set(&mut self.0, next);
        PLACE.set(&mut self.0, place as u64);
        self
    }
}

#[derive(Debug)]
pub(super) struct Tickets(Box<[Typed<Ticket>; TICKETS]>);

impl Tickets {
    pub(super) fn new() -> Self {
        Self(Box::new(std::array::from_fn(|_| Typed::new(Ticket::zeroed()))))
    }

    fn of(&self, tag: u64) -> &Typed<Ticket> {
        // Any key of one tag has one ticket.
        &self.0[tag as usize % TICKETS]
    }

    /// Whether two tags have one ticket.
    pub(super) fn is_same(&self, tag: u64, other: u64) -> bool {
        std::ptr::eq(self.of(tag), self.of(other))
    }

    pub(super) fn read(&self, tag: u64) -> Ticket {
        // Ordering: Acquire, partner `take`: who reads that an insertion was made sees its pending record, and what
        // was found before it.
        self.of(tag).load(Ordering::Acquire)
    }

    /// Makes an insertion: takes the ticket to a place, if nobody has taken it since it was read.
    pub(super) fn take(&self, tag: u64, seen: Ticket, place: usize) -> bool {
        // Ordering: Release, partner `read`, publishes the pending record, and what the last holder did: `read` acquired
        // that with the number that is swapped. Relaxed on failure: nothing is used.
        let next = seen.taken_to(place);
        self.of(tag).compare_exchange(seen, next, Ordering::Release, Ordering::Relaxed).is_ok()
    }
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;

    /// A ticket that is about to be taken under this number.
    fn numbered(number: u64) -> Ticket {
        Ticket(NUMBER.word(number) | PLACE.word(77))
    }

    #[test]
    fn a_ticket_that_was_taken_tells_by_which_stamp_and_to_which_place() {
        for number in [0, 1, 2, (1 << 32) - 2, (1 << 32) - 1] {
            for place in [0, 1, MAX_PLACES - 1] {
                let taken = numbered(number).taken_to(place);
                assert_eq!((taken.last_stamp(), taken.place()), (number, place));
                assert_eq!(taken.number(), (number + 1) % (1 << 32));
            }
        }
    }

    #[test]
    fn a_ticket_is_taken_once_from_each_number() {
        let (tickets, tag) = (Tickets::new(), 5);
        let first = tickets.read(tag);
        assert_eq!(first.number(), 0);
        assert!(tickets.take(tag, first, 3));
        assert!(!tickets.take(tag, first, 4) && !tickets.take(tag, first, 3));
        let second = tickets.read(tag);
        assert_eq!((second.number(), second.place()), (1, 3));
        assert!(tickets.take(tag, second, 3));
        assert_eq!(tickets.read(tag).last_stamp(), 1);
    }

    #[test]
    fn tags_have_tickets_of_their_own_but_for_each_1024th() {
        let (tickets, tag) = (Tickets::new(), 1 << 30);
        assert!(tickets.take(tag, tickets.read(tag), 9));
        assert!((0..3_000).all(|other| tickets.is_same(tag, other) == (other % 1_024 == 0)));
        assert!((0..3_000).all(|other| (tickets.read(other).number() == 1) == (other % 1_024 == 0)));
    }
}
