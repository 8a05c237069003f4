//! Models of what single orderings are for: each fails if one of them is weaker.

use super::draft::Drafts;
use super::slot::{Back, Front, Slot, Version};
use super::ticket::Tickets;
use super::words::Part;
use crate::plan::PlanId;
use crate::record::{BACK_WORDS, FRONT_WORDS, Occupancy, Recent, Words, occupancy, pending};
use crate::sync::model::{Arc, check_with, let_words_tear, thread};

/// Two slots and their drafts.
struct Shared {
    slots: [(Front, Back); 2],
    drafts: Drafts,
}

impl Shared {
    fn new(drafts: usize) -> Self {
        let slots = std::array::from_fn(|_| (Front::vacant(), Back::vacant()));
        Self { slots, drafts: Drafts::new(drafts) }
    }

    fn slot(&self, place: usize) -> Slot<'_> {
        let (front, back) = &self.slots[place];
        Slot { front, back }
    }

    /// Replaces the record of a slot by one of this number.
    fn replace(&self, place: usize, seen: Version, number: u64) -> bool {
        let (words, recent) = numbered(number);
        self.slot(place).replace(seen, Part::Whole, (&words, recent), &self.drafts)
    }
}

/// Words that are all this number, and what stands beside them too.
fn numbered(number: u64) -> (Words, Recent) {
    (Words { front: [number; FRONT_WORDS], back: [number; BACK_WORDS] }, Recent::from_halves(0, number))
}

/// The number beside the words of a version.
fn beside(version: Version) -> u64 {
    version.recent().halves().1
}

/// A charge that succeeds was worked out from the words of the version that it charges, not from older ones.
#[test]
fn a_charge_is_worked_out_from_the_words_that_it_charges() {
    let_words_tear();
    check_with(None, || {
        let shared = Arc::new(Shared::new(2));
        let theirs = shared.clone();
        let writer = thread::spawn(move || {
            let (seen, _) = theirs.slot(0).read(&theirs.drafts);
            let _ = theirs.replace(0, seen, 1);
        });
        let charger = thread::spawn(move || {
            let Some(seen) = shared.slot(0).at_home() else { return };
            let words = shared.slot(0).words_at_home();
            if shared.slot(0).charge(seen, Recent::from_halves(0, 2 + beside(seen))) {
                assert_eq!(words, numbered(beside(seen)).0);
            }
        });
        writer.join().unwrap();
        charger.join().unwrap();
    });
}

/// A draft is used again, for another slot, while a reader of the first one reads it: the reader looks again.
///
/// The first slot's record stands in that draft; its copier brings it home and releases the draft.
fn a_draft_is_used_again_under_a_reader(is_private: bool, read: fn(&Shared) -> u64) {
    let_words_tear();
    check_with(None, move || {
        let shared = Arc::new(Shared::new(1));
        let held = (!is_private).then(|| shared.drafts.claim());
        let (seen, _) = shared.slot(0).read(&shared.drafts);
        let (words, recent) = numbered(1);
        let (version, part) =
            shared.slot(0).publish(seen, Part::Whole, (&words, recent), &shared.drafts).unwrap();
        let (copiers, readers) = (shared.clone(), shared.clone());
        let copier = thread::spawn(move || {
            let (words, recent) = numbered(1);
            copiers.slot(0).bring_home(version, part, (&words, recent), &copiers.drafts);
        });
        let reader = thread::spawn(move || assert_eq!(read(&readers), 1));
        let (other, _) = shared.slot(1).read(&shared.drafts);
        assert!(shared.replace(1, other, 9));
        copier.join().unwrap();
        reader.join().unwrap();
        held.into_iter().for_each(|draft| shared.drafts.release(draft));
        assert_eq!(shared.drafts.free(), 2, "a draft is lost");
    });
}

/// The number of the first slot's record, of which each word that is read is that.
fn read_whole(shared: &Shared) -> u64 {
    let (version, words) = shared.slot(0).read(&shared.drafts);
    assert_eq!(words, numbered(beside(version)).0);
    beside(version)
}

/// The same of a reader of the front alone.
fn read_front(shared: &Shared) -> u64 {
    let (version, front) = shared.slot(0).front(&shared.drafts);
    assert_eq!(front, numbered(beside(version)).0.front);
    beside(version)
}

#[test]
fn a_private_draft_is_used_again_under_a_reader() {
    a_draft_is_used_again_under_a_reader(true, read_whole);
}

#[test]
fn a_shared_draft_is_used_again_under_a_reader() {
    a_draft_is_used_again_under_a_reader(false, read_whole);
}

#[test]
fn a_draft_is_used_again_under_a_reader_of_the_front() {
    a_draft_is_used_again_under_a_reader(true, read_front);
}

/// Who reads that a ticket was taken sees the pending record of the insertion that took it.
#[test]
fn who_sees_a_ticket_taken_sees_what_it_was_taken_for() {
    const TAG: u64 = 1 << 30;
    let_words_tear();
    check_with(None, || {
        let shared = Arc::new((Shared::new(2), Tickets::new()));
        let theirs = shared.clone();
        // loom lets the first one spawned run first, and the other see what it will of that.
        let inserter = thread::spawn(move || {
            let (records, tickets) = &*theirs;
            let ticket = tickets.read(TAG);
            let (seen, _) = records.slot(0).read(&records.drafts);
            let waiting = pending(TAG, PlanId(0), ticket.number());
            let written =
                records.slot(0).replace(seen, Part::Whole, (&waiting, Recent::NOBODYS), &records.drafts);
            assert!(written && tickets.take(TAG, ticket, 0));
        });
        let reader = thread::spawn(move || {
            let (records, tickets) = &*shared;
            if tickets.read(TAG).number() == 1 {
                let (_, front) = records.slot(0).front(&records.drafts);
                assert_eq!(occupancy(&front), Occupancy::Pending);
            }
        });
        inserter.join().unwrap();
        reader.join().unwrap();
    });
}
