//! Where a key that has no record gets one: a search of all places where it may stand, and an insertion that
//! no other thread makes too (see [`ticket`](super::ticket)).

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests;

use super::shard::Shard;
use super::slot::{Slot, Version};
use super::ticket::Ticket;
use super::words::Part;
use super::{Entry, Forgettable, Room, Search, Table};
use crate::clock::Timestamp;
use crate::record::{BACK_WORDS, Occupancy, Recent, Words, occupancy, pending, plan_of, tag_of, vacated};

/// A place that was come by.
struct Candidate<'a> {
    slot: Slot<'a>,
    version: Version,
    place: usize,
    was: Occupancy,
}

impl Table {
    /// Looks for a key in all places where it may stand; finds a free one on the way if it is not there.
    pub(super) fn search(
        &self,
        fingerprint: u64,
        tag: u64,
        at: Timestamp,
        forgettable: &impl Forgettable,
    ) -> Search<'_> {
        // Before the search: whoever inserts the key after this takes the ticket from us.
        let ticket = self.tickets.read(tag);
        let mut free = None;
        let mut forget_at = None;
        for place in self.area.places(fingerprint) {
            let slot = self.slots.at(place);
            let (version, front) = slot.front(&self.drafts);
            let was = occupancy(&front);
            let here = Candidate { slot, version, place, was };
            match was {
                Occupancy::Live if tag_of(front[0]) == tag => {
                    // It may have become another key's meanwhile.
                    let Some((version, words)) = self.record_at(slot, tag) else { return Search::Again };
                    return Search::Known { slot, version, words };
                }
                Occupancy::Pending if tag_of(front[0]) == tag => {
                    self.resolve(place);
                    return Search::Again;
                }
                Occupancy::Virgin => {
                    free = free.or(Some(here));
                    break;
                }
                _ if free.is_some() => {}
                Occupancy::Vacated => free = Some(here),
                Occupancy::Pending => {
                    // Its owner may be gone for good, and a place lost.
                    self.resolve(place);
                    return Search::Again;
                }
                Occupancy::Live => {
                    let when = *forget_at.get_or_insert_with(|| self.clock.follow(at));
                    if !when.finds_in_use(&Words { front, back: [0; BACK_WORDS] }) {
                        let Some(words) = self.whole_of(slot, version) else { return Search::Again };
                        if forgettable(&words, version.recent(), when) {
                            self.clock.reach(when);
                            free = Some(here);
                        }
                    }
                }
            }
        }
        // A place found live may be one that the ticket went to since it was read; a stamp of its old number would
        // then be taken for that insertion's.
        if self.tickets.read(tag) != ticket {
            return Search::Again;
        }
        match free {
            Some(Candidate { slot, version, place, was }) => {
                // Every insertion shows its time, also one that met no other key: or the first that does would be
                // believed whatever it shows.
                forget_at.get_or_insert_with(|| self.clock.follow(at));
                Search::Free { slot, version, room: Room { place, was, ticket } }
            }
            None => Search::Full,
        }
    }

    /// All words of a slot, if it still is in this version.
    fn whole_of(&self, slot: Slot<'_>, seen: Version) -> Option<Words> {
        let (version, words) = slot.read(&self.drafts);
        (version == seen).then_some(words)
    }

    /// Decides what becomes of a pending record: live, if its insertion was or still may be made, else nothing.
    fn resolve(&self, place: usize) {
        let slot = self.slots.at(place);
        let (version, words) = slot.read(&self.drafts);
        if occupancy(&words.front) != Occupancy::Pending {
            return;
        }
        let (tag, stamp) = (tag_of(words.front[0]), words.stamp());
        let ticket = self.tickets.read(tag);
        if ticket.number() == stamp {
            // It may still be made: if not by us, then by whoever takes the ticket first.
            self.complete_last(tag, ticket);
            self.take(tag, ticket, place);
        } else if ticket.last_stamp() == stamp && ticket.place() == place {
            self.make_live(slot, version, &words);
        } else {
            self.give_up(slot, version);
        }
    }

    /// Completes the insertion to which a ticket went last, so that the ticket may go on.
    fn complete_last(&self, tag: u64, ticket: Ticket) {
        let slot = self.slots.at(ticket.place());
        let (version, words) = slot.read(&self.drafts);
        if occupancy(&words.front) == Occupancy::Pending
            && words.stamp() == ticket.last_stamp()
            && self.tickets.is_same(tag, tag_of(words.front[0]))
        {
            self.make_live(slot, version, &words);
        }
    }

    /// Makes an insertion; whoever does counts it.
    fn take(&self, tag: u64, ticket: Ticket, place: usize) -> bool {
        let taken = self.tickets.take(tag, ticket, place);
        if taken {
            self.count(self.area.shard_of(place), Shard::count_inserted);
        }
        taken
    }

    /// Makes a pending record a fresh one that lives, unless that was done already.
    fn make_live(&self, slot: Slot<'_>, version: Version, pending: &Words) {
        let first = pending.front[0];
        let (words, recent) = self.fresh(tag_of(first), plan_of(first));
        let _ = slot.replace(version, Part::Whole, (&words, recent), &self.drafts);
    }

    /// Frees the place of a pending record that never will be made, unless that was done already.
    fn give_up(&self, slot: Slot<'_>, version: Version) {
        let _ = slot.replace(version, Part::Whole, (&vacated(), Recent::NOBODYS), &self.drafts);
    }
}

impl Entry<'_> {
    /// Stores the first record of a key, unless another thread was first, or has taken its place.
    pub(super) fn insert(&self, room: Room, words: &Words, recent: Recent) -> bool {
        let Some(waiting) = self.announce(room) else { return false };
        let taken = self.table.take(tag_of(waiting.front[0]), room.ticket, room.place);
        self.complete(room.place, taken, &waiting, (words, recent))
    }

    /// Writes the pending record into the place, if nobody has changed what is there.
    fn announce(&self, Room { place, was, ticket }: Room) -> Option<Words> {
        let table = self.table;
        let (tag, plan) = (tag_of(self.words.front[0]), plan_of(self.words.front[0]));
        table.complete_last(tag, ticket);
        let waiting = pending(tag, plan, ticket.number());
        if !self.slot.replace(self.version, Part::Whole, (&waiting, Recent::NOBODYS), &table.drafts) {
            return None;
        }
        if was == Occupancy::Live {
            table.count(table.area.shard_of(place), Shard::count_forgotten);
        }
        Some(waiting)
    }

    /// Replaces the pending record by the key's first one, if its ticket was taken.
    fn complete(
        &self,
        place: usize,
        taken: bool,
        waiting: &Words,
        (words, recent): (&Words, Recent),
    ) -> bool {
        let drafts = &self.table.drafts;
        let (version, found) = self.slot.read(drafts);
        if found != *waiting {
            // Another thread has resolved it.
            return false;
        }
        if taken {
            return self.slot.replace(version, Part::Whole, (words, recent), drafts);
        }
        // Not ours to take any more; but it may be that another took it to this very place.
        self.table.resolve(place);
        false
    }
}
