//! Insertions of which others come between the steps: a thread that is stalled is one that has called but the first of the
//! functions that it would call.

use super::*;
use crate::plan::PlanId;
use crate::record::Record;
use crate::table::tests::{
    PATH, at, beside, fingerprint, insert, key, never, nth, occupancy_at, place_of, put, record, room_for,
    table, words_at,
};

#[test]
fn a_record_is_judged_by_the_words_that_its_replacement_goes_by() {
    let table = table(4, 3);
    let words = insert(&table, 0, PlanId(0));
    let slot = table.slots.at(PATH[0]);
    let seen = slot.at_home().unwrap();
    assert_eq!(table.whole_of(slot, seen), Some(words));
    assert!(slot.charge(seen, beside(7)));
    assert_eq!(table.whole_of(slot, seen), None, "it was charged meanwhile");
}

/// Two threads have found two places for one key.
#[test]
fn of_two_insertions_of_a_key_one_is_made() {
    let table = table(4, 3);
    insert(&table, 0, PlanId(0));
    let (ours, our_room) = room_for(&table, 9);
    put(&table, PATH[0], &vacated());
    let (theirs, their_room) = room_for(&table, 9);
    assert_ne!(our_room.place, their_room.place);
    let words = record(nth(9), PlanId(2), 5);
    assert!(theirs.store(&words, beside(5)));
    assert!(!ours.store(&record(nth(9), PlanId(2), 6), beside(6)));
    assert_eq!(occupancy_at(&table, our_room.place), Occupancy::Vacated, "its place is given up");
    let entry = table.entry(key(9), PlanId(2), at(0), never);
    assert_eq!((entry.is_new(), entry.words, entry.recent), (false, words, beside(5)));
    let keys: u64 = table.occupancy().map(|shard| shard.keys).sum();
    assert_eq!(keys, 2, "one is counted, beside the one that was there");
    assert!(!ours.store(&words, beside(5)) && !theirs.store(&words, beside(5)), "once");
}

#[test]
fn an_insertion_that_stalled_is_made_by_whoever_looks_for_the_key() {
    let table = table(4, 3);
    let (stalled, room) = room_for(&table, 9);
    let waiting = stalled.announce(room).unwrap();
    assert_eq!(waiting, pending(nth(9), PlanId(2), room.ticket.number()));
    assert_eq!(words_at(&table, room.place), waiting);
    assert!(stalled.announce(room).is_none(), "the place is not what it was");
    let entry = table.entry(key(9), PlanId(0), at(0), never);
    let fresh = Record::fresh(nth(9), PlanId(2), at(0)).to_closed_words();
    assert_eq!((entry.is_new(), entry.words, entry.recent), (false, fresh.0, fresh.1));
    let told = table.occupancy().next().unwrap();
    assert_eq!((told.keys, told.forgotten), (1, 0));
    // Who stalled finds the ticket taken, and leaves the record alone.
    let taken = table.take(nth(9), room.ticket, room.place);
    assert!(!taken);
    let words = record(nth(9), PlanId(2), 3);
    assert!(!stalled.complete(room.place, taken, &waiting, (&words, beside(3))));
    assert_eq!((words_at(&table, room.place), table.occupancy().next().unwrap().keys), (fresh.0, 1));
}

#[test]
fn an_insertion_that_stalled_once_it_was_made_is_completed_and_not_again() {
    let table = table(4, 3);
    let (stalled, room) = room_for(&table, 9);
    let waiting = stalled.announce(room).unwrap();
    assert!(table.take(nth(9), room.ticket, room.place));
    let entry = table.entry(key(9), PlanId(0), at(0), never);
    let charged = record(nth(9), PlanId(2), 4);
    assert!(!entry.is_new() && entry.store(&charged, beside(4)));
    let words = record(nth(9), PlanId(2), 3);
    assert!(!stalled.complete(room.place, true, &waiting, (&words, beside(3))));
    assert_eq!(words_at(&table, room.place), charged, "what was charged meanwhile stands");
    assert_eq!(table.occupancy().next().unwrap().keys, 1);
}

#[test]
fn an_insertion_that_lost_its_ticket_gives_up_its_place() {
    let table = table(4, 3);
    let (stalled, room) = room_for(&table, 9);
    let waiting = stalled.announce(room).unwrap();
    // A key of the same ticket, at home elsewhere.
    assert!(table.take(nth(9) + 1_024, room.ticket, 0));
    let taken = table.take(nth(9), room.ticket, room.place);
    assert!(!stalled.complete(room.place, taken, &waiting, (&record(nth(9), PlanId(2), 3), beside(3))));
    assert_eq!(words_at(&table, room.place), vacated());
    assert_eq!(table.slots.at(room.place).at_home().unwrap().recent(), Recent::NOBODYS);
    assert!(room_for(&table, 9).1.place == room.place);
}

#[test]
fn what_becomes_of_a_pending_record_its_ticket_tells() {
    use Occupancy::{Live, Vacated};
    let (place, tag) = (6, nth(9));
    // The ticket's number is 2, and it went from 1 to that place, or to another.
    for (last_place, stamp, expected, keys) in [
        (place, 2, Live, 1),
        (place, 1, Live, 0),
        (place, 0, Vacated, 0),
        (place, 3, Vacated, 0),
        (3, 2, Live, 1),
        (3, 1, Vacated, 0),
        (3, 0, Vacated, 0),
    ] {
        let table = table(4, 3);
        assert!([0, last_place].into_iter().all(|to| table.tickets.take(tag, table.tickets.read(tag), to)));
        put(&table, place, &pending(tag, PlanId(1), stamp));
        table.resolve(place);
        if stamp == 2 {
            // Now it is made; whoever comes next completes it.
            assert_eq!(occupancy_at(&table, place), Occupancy::Pending);
            table.resolve(place);
        }
        let words = words_at(&table, place);
        assert_eq!(occupancy(&words.front), expected, "{last_place} {stamp}");
        if expected == Live {
            assert_eq!(words, Record::fresh(tag, PlanId(1), at(0)).to_closed_words().0);
        }
        // Whoever takes a ticket counts the insertion.
        let taken = table.tickets.read(tag);
        assert_eq!((taken.number(), table.occupancy().next().unwrap().keys), (2 + keys, keys));
        assert_eq!(taken.place(), if stamp == 2 { place } else { last_place });
    }
}

#[test]
fn a_record_that_lives_or_is_nobodys_is_not_resolved() {
    for stamp in [0, 1, 7] {
        let table = table(4, 3);
        assert!(table.tickets.take(nth(9), table.tickets.read(nth(9)), 6));
        let mut live = record(nth(9), PlanId(1), 5);
        live.back[BACK_WORDS - 1] = stamp;
        for words in [live, vacated()] {
            put(&table, 6, &words);
            table.resolve(6);
            table.complete_last(nth(9), table.tickets.read(nth(9)));
            let number = table.tickets.read(nth(9)).number();
            assert_eq!((words_at(&table, 6), number), (words, 1), "{stamp}");
        }
    }
}

/// The insertion to which a ticket went last is complete before the ticket goes on, or it would be taken for one that
/// was never made.
#[test]
fn the_last_insertion_is_completed_before_the_next_one_of_its_ticket() {
    let table = table(4, 3);
    let (stalled, room) = room_for(&table, 9);
    let waiting = stalled.announce(room).unwrap();
    assert!(table.take(nth(9), room.ticket, room.place));
    let (tag, other) = (nth(9) + 1_024, fingerprint(0, nth(9) + 1_024));
    let entry = table.entry(other, PlanId(0), at(0), never);
    assert!(entry.is_new() && occupancy_at(&table, room.place) == Occupancy::Pending);
    assert!(entry.store(&record(tag, PlanId(0), 1), beside(1)));
    let fresh = Record::fresh(nth(9), PlanId(2), at(0)).to_closed_words().0;
    assert_eq!(words_at(&table, room.place), fresh);
    assert!(!stalled.complete(room.place, true, &waiting, (&record(nth(9), PlanId(2), 3), beside(3))));
    assert!(!table.entry(key(9), PlanId(0), at(0), never).is_new());
}

#[test]
fn a_pending_record_that_is_resolved_lets_the_last_insertion_of_its_ticket_be_completed_too() {
    let table = table(4, 3);
    let (tag, other) = (nth(9), nth(9) + 1_024);
    assert!(table.tickets.take(tag, table.tickets.read(tag), 6));
    put(&table, 6, &pending(tag, PlanId(1), 0));
    put(&table, 3, &pending(other, PlanId(2), 1));
    table.resolve(3);
    table.resolve(3);
    for (place, tag, plan) in [(6, tag, PlanId(1)), (3, other, PlanId(2))] {
        assert_eq!(words_at(&table, place), Record::fresh(tag, plan, at(0)).to_closed_words().0);
    }
}

/// What stands where a ticket went last may be a later insertion's, of that ticket or of another.
#[test]
fn a_later_insertion_is_not_taken_for_the_last_one() {
    for (tag, stamp, expected) in [
        (nth(9), 0, Occupancy::Live),
        (nth(9) + 1_024, 0, Occupancy::Live),
        (nth(9), 1, Occupancy::Pending),
        (nth(8), 0, Occupancy::Pending),
        (nth(8), 1, Occupancy::Pending),
    ] {
        let table = table(4, 3);
        assert!(table.tickets.take(nth(9), table.tickets.read(nth(9)), 6));
        put(&table, 6, &pending(tag, PlanId(1), stamp));
        table.complete_last(nth(9), table.tickets.read(nth(9)));
        assert_eq!(occupancy_at(&table, 6), expected, "{tag} {stamp}");
    }
}

#[test]
fn a_search_resolves_its_own_keys_record_and_those_that_are_in_its_way() {
    let find = |table: &Table| match table.search(key(9), nth(9), at(0), &never) {
        Search::Known { slot, .. } => Ok(place_of(table, slot).unwrap()),
        Search::Free { room, .. } => Err(room.place),
        Search::Full => panic!("there is room"),
        Search::Again => Err(usize::MAX),
    };
    let again = Err(usize::MAX);
    // One of the same key, behind a place that is free.
    let table_of = |tag| {
        let table = table(4, 3);
        put(&table, PATH[0], &vacated());
        put(&table, PATH[1], &pending(tag, PlanId(1), 0));
        table
    };
    let table = table_of(nth(9));
    assert_eq!((find(&table), find(&table), find(&table)), (again, again, Ok(PATH[1])));
    // One of another key there is left alone.
    let table = table_of(nth(8));
    assert_eq!((find(&table), occupancy_at(&table, PATH[1])), (Err(PATH[0]), Occupancy::Pending));
    // But not where there may be no other place.
    put(&table, PATH[0], &record(nth(7), PlanId(0), 1));
    assert_eq!((find(&table), occupancy_at(&table, PATH[1])), (again, Occupancy::Pending));
    assert_eq!((find(&table), occupancy_at(&table, PATH[1])), (again, Occupancy::Live));
    assert_eq!(find(&table), Err(PATH[2]));
    // One that was never made leaves its place.
    put(&table, PATH[1], &pending(nth(8), PlanId(1), 5));
    assert_eq!((find(&table), find(&table)), (again, Err(PATH[1])));
}
