//! Where a key's record stands, how it is found, and what it is told by.

use super::*;
use crate::record::{BACK_WORDS, FRONT_WORDS, pending, plan_of, vacated};

const HOUR: u64 = 3_600;

pub(super) fn at(secs: u64) -> Timestamp {
    Timestamp::both(Nanos::from_secs(secs))
}

/// A table of one shard, of twice as many places as there are keys.
pub(super) fn table(keys: usize, plans: usize) -> Table {
    Table::new(keys, plans, 2, false, Nanos::ZERO).unwrap()
}

/// The fingerprint of a key by its home in a table of eight places, and by its tag.
pub(super) fn fingerprint(home: u64, tag: u64) -> u64 {
    assert!(home < 8 && (FIRST_FINGERPRINT..1 << TAG_BITS).contains(&tag));
    home << 61 | tag << 4
}

/// The tag of the nth key. Each has another ticket.
pub(super) fn nth(number: u64) -> u64 {
    FIRST_FINGERPRINT + 10 + number
}

/// In the order in which a key at home in place 5 of eight tries them.
pub(super) const PATH: [usize; 8] = [5, 4, 7, 6, 1, 0, 3, 2];

/// The nth of the keys that are all at home in place 5.
pub(super) fn key(number: u64) -> u64 {
    fingerprint(5, nth(number))
}

pub(super) fn never(_: &Words, _: Recent, _: ForgetAt) -> bool {
    false
}

fn not_asked(words: &Words, _: Recent, _: ForgetAt) -> bool {
    panic!("{words:?} is none to forget")
}

/// A record of a tag and a plan, and else of this number.
pub(super) fn record(tag: u64, plan: PlanId, number: u64) -> Words {
    let mut words = Record::fresh(tag, plan, at(0)).to_closed_words().0;
    words.front[1] = number;
    for (at, word) in words.back.iter_mut().enumerate() {
        *word = 100 * number + at as u64;
    }
    words
}

pub(super) fn beside(number: u64) -> Recent {
    Recent::from_halves(number, number)
}

/// Inserts the nth key under a plan, with its number in the record.
pub(super) fn insert(table: &Table, number: u64, plan: PlanId) -> Words {
    let entry = table.entry(key(number), plan, at(0), never);
    assert!(entry.is_new() && !entry.is_shared());
    let words = record(nth(number), plan, number + 1);
    assert!(entry.store(&words, beside(number + 1)));
    words
}

/// Writes words into a place, whatever is there.
pub(super) fn put(table: &Table, place: usize, words: &Words) {
    let slot = table.slots.at(place);
    let (version, _) = slot.read(&table.drafts);
    assert!(slot.replace(version, Part::Whole, (words, beside(1)), &table.drafts));
}

pub(super) fn words_at(table: &Table, place: usize) -> Words {
    table.slots.at(place).read(&table.drafts).1
}

pub(super) fn occupancy_at(table: &Table, place: usize) -> Occupancy {
    occupancy(&words_at(table, place).front)
}

/// A place that an insertion of the nth key may take, as a search has found it.
pub(super) fn room_for(table: &Table, number: u64) -> (Entry<'_>, Room) {
    let entry = table.entry(key(number), PlanId(2), at(0), never);
    let Kind::New(room) = entry.kind else { panic!("{entry:?}") };
    (entry, room)
}

/// Where a key's slot is.
pub(super) fn place_of(table: &Table, slot: Slot<'_>) -> Option<usize> {
    (0..table.slots.len()).find(|place| std::ptr::eq(table.slots.at(*place).front, slot.front))
}

#[test]
fn a_table_has_room_for_its_keys_in_shards_of_a_size() {
    for (keys, shards, keys_each, slots_each) in [
        (1, 1, 1, 4),
        (2, 1, 2, 4),
        (3, 1, 3, 8),
        (6, 1, 6, 12),
        (1_000, 1, 1_000, 2_000),
        (8_191, 1, 8_191, 16_384),
        (8_192, 2, 4_096, 8_192),
        (12_289, 4, 3_073, 6_148),
        (65_535, 16, 4_096, 8_192),
        (65_536, 16, 4_096, 5_040),
        (100_000, 16, 6_250, 7_688),
        (1_000_000, 16, 62_500, 76_876),
        (1_000_003, 16, 62_501, 76_880),
    ] {
        let table = table(keys, 3);
        let built = (table.shards.len(), table.keys_per_shard, table.slots.len());
        assert_eq!(built, (shards, keys_each, shards * slots_each), "{keys} keys");
        assert_eq!(table.overflow.len(), 3);
        assert_eq!(table.occupancy().map(|shard| shard.capacity).sum::<u64>(), (shards * keys_each) as u64);
        // All that is in use is in use for a while at the most.
        assert_eq!((table.claimed_drafts(), table.drafts.free()), (0, 4));
    }
    // A ticket tells all places apart of a table of the most keys.
    assert_eq!((Table::MAX_KEYS, ticket::MAX_PLACES), (1 << 31, 1 << 32));
    assert!(Table::new(0, 3, 1, false, Nanos::ZERO).is_none());
    assert!(Table::new(1, 0, 1, false, Nanos::ZERO).is_none());
}

#[test]
fn a_tag_is_38_bits_and_none_of_an_overflow_record() {
    assert_eq!((FIRST_FINGERPRINT, TAG_BITS), (2_097_152, 38));
    for (bits, expected) in [
        (0, FIRST_FINGERPRINT),
        (1, FIRST_FINGERPRINT + 1),
        (FIRST_FINGERPRINT - 1, 2 * FIRST_FINGERPRINT - 1),
        (FIRST_FINGERPRINT, FIRST_FINGERPRINT),
        (FIRST_FINGERPRINT + 1, FIRST_FINGERPRINT + 1),
        ((1 << 38) - 1, (1 << 38) - 1),
        (1 << 38, FIRST_FINGERPRINT),
        (3 << 37, 1 << 37),
    ] {
        // The lowest four chose the shard.
        assert_eq!([tag(bits << 4), tag(bits << 4 | 15)], [expected; 2], "{bits}");
    }
    assert!(crate::record::MAX_PLANS < FIRST_FINGERPRINT as usize);
}

#[test]
fn a_key_is_found_by_a_first_look_wherever_it_stands() {
    let table = table(4, 3);
    for (number, place) in (0..).zip(PATH) {
        assert!(table.find(key(number)).is_none());
        let words = insert(&table, number, PlanId(1));
        let found = table.find(key(number)).unwrap();
        assert_eq!(place_of(&table, found.slot), Some(place));
        assert_eq!((found.words(), found.recent()), (words, beside(number + 1)));
        assert!((0..FRONT_WORDS).all(|at| found.front(at) == words.front[at]));
        assert!((0..BACK_WORDS).all(|at| found.back(at) == words.back[at]));
    }
    let places = (0..8).map(|number| place_of(&table, table.find(key(number)).unwrap().slot).unwrap());
    assert!(places.eq(PATH));
    assert!(table.find(key(8)).is_none());
    assert!(table.find(fingerprint(0, nth(8))).is_none());
}

/// A line that is asked for in vain costs little, one that is not asked for a miss.
#[cfg(target_arch = "x86_64")]
#[test]
fn what_a_decision_will_read_is_asked_for_early() {
    use super::memory::asked::within;
    let table = table(4, 3);
    for number in 0..4 {
        insert(&table, number, PlanId(0));
    }
    let address = |place: usize| std::ptr::from_ref(table.slots.at(place).front) as usize;
    assert_eq!(within(|| table.prefetch(key(0))), [address(PATH[0])], "its home, for one of many");
    let back = std::ptr::from_ref(table.slots.at(PATH[0]).back) as usize;
    let whole = within(|| table.prefetch_whole(key(0)));
    assert_eq!(whole, [address(PATH[0]), back, back + 95], "its home, with all that stands there");
    for number in 0..4 {
        let looks = within(|| _ = table.find(key(number)));
        assert_eq!(looks, [address(PATH[2])], "the other line of the pair, while the first is looked at");
        let back = std::ptr::from_ref(table.slots.at(PATH[number as usize]).back) as usize;
        let rest = within(|| table.find(key(number)).unwrap().prefetch_rest());
        assert_eq!(rest[1..], [back, back + 95], "both ends of what a first look leaves alone");
    }
}

#[test]
fn no_search_goes_beyond_a_place_that_was_never_used() {
    let table = table(4, 3);
    put(&table, PATH[3], &record(nth(0), PlanId(0), 1));
    assert!(table.find(key(0)).is_none());
    assert!(table.entry(key(0), PlanId(0), at(0), not_asked).is_new());
    for place in &PATH[..2] {
        put(&table, *place, &vacated());
    }
    assert!(table.find(key(0)).is_none());
    put(&table, PATH[2], &vacated());
    assert!(table.find(key(0)).is_some());
    assert!(!table.entry(key(0), PlanId(0), at(0), not_asked).is_new());
}

#[test]
fn what_is_found_is_the_keys_own_record_and_one_that_counts() {
    let table = table(4, 3);
    insert(&table, 0, PlanId(0));
    let slot = table.slots.at(PATH[0]);
    // The word that a first look went by was another's a moment ago.
    assert!(Table::found(slot, nth(0)).is_some() && Table::found(slot, nth(1)).is_none());
    assert!(table.record_at(slot, nth(0)).is_some() && table.record_at(slot, nth(1)).is_none());
    let waiting = table.slots.at(PATH[1]);
    put(&table, PATH[1], &pending(nth(1), PlanId(0), 7));
    assert!(table.record_at(waiting, nth(1)).is_none());
}

/// The words at home are the key's still, but what counts is another's that is in a draft.
#[test]
fn a_first_look_is_not_believed_where_another_record_counts() {
    let table = table(4, 3);
    insert(&table, 0, PlanId(0));
    let slot = table.slots.at(PATH[0]);
    let (seen, _) = slot.read(&table.drafts);
    let others = record(nth(1), PlanId(0), 9);
    assert!(slot.publish(seen, Part::Whole, (&others, beside(9)), &table.drafts).is_some());
    assert!(table.find(key(0)).is_none());
    assert!(table.entry(key(0), PlanId(0), at(0), not_asked).is_new());
    assert_eq!(table.claimed_drafts(), 1, "until its copier has brought it home");
    let other = table.entry(key(1), PlanId(0), at(0), not_asked);
    assert!(!other.is_new() && other.seen().is_none());
    assert_eq!((other.words, other.recent.halves()), (others, (0, 9)));
}

#[test]
fn a_call_of_a_known_key_shows_no_time_and_asks_for_no_other_key() {
    let table = table(4, 3);
    for number in 0..8 {
        insert(&table, number, PlanId(0));
    }
    for number in (0..8).chain(0..8) {
        let entry = table.entry(key(number), PlanId(0), at(1_000_000), not_asked);
        assert_eq!(entry.words, record(nth(number), PlanId(0), number + 1));
        assert_eq!(entry.recent, beside(number + 1));
    }
    assert_eq!(table.clock.follow(at(1_000_000)).at, at(HOUR));
}

#[test]
fn each_insertion_shows_its_time_once() {
    for present in [0, 3] {
        let table = table(4, 3);
        (0..present).for_each(|number| _ = insert(&table, number, PlanId(0)));
        let _ = table.entry(key(7), PlanId(0), at(10), never);
        let _ = table.entry(key(7), PlanId(0), at(1_000_000), never);
        // An hour, and four.
        assert_eq!(table.clock.follow(at(1_000_000)).at, at(10 + 5 * HOUR));
    }
}

#[test]
fn only_a_known_keys_record_at_home_has_a_state_that_a_first_look_may_find() {
    let table = table(4, 3);
    assert!(room_for(&table, 0).0.seen().is_none());
    let words = insert(&table, 0, PlanId(0));
    insert(&table, 1, PlanId(0));
    let states = [0, 1].map(|number| {
        let (found, entry) =
            (table.find(key(number)).unwrap(), table.entry(key(number), PlanId(0), at(0), never));
        let (low, high) = found.version.halves();
        let place = table.slots.at(PATH[number as usize]).front;
        let seen = Seen { low, high, identity: found.front(0), place: std::ptr::from_ref(place) as u64 };
        assert_eq!((found.seen(), entry.seen()), (Some(seen), Some(seen)));
        seen
    });
    assert_ne!(states[0], states[1]);
    let found = table.find(key(0)).unwrap();
    assert!(found.charge(beside(7)));
    assert_eq!((found.seen(), found.charge(beside(8))), (None, false));
    let again = table.find(key(0)).unwrap();
    assert_eq!((again.recent(), again.words()), (beside(7), words));
    assert!(again.seen().is_some() && again.seen() != Some(states[0]));
    let slot = again.slot;
    assert!(slot.publish(again.version, Part::Head, (&words, beside(9)), &table.drafts).is_some());
    let entry = table.entry(key(0), PlanId(0), at(0), never);
    assert_eq!((entry.seen(), entry.is_new(), entry.is_shared()), (None, false, false));
    let shared = table.entry(1, PlanId(0), at(0), never);
    assert_eq!((shared.seen(), shared.is_new(), shared.is_shared()), (None, false, true));
}

#[test]
fn a_record_is_stored_once_from_what_was_read() {
    let table = table(4, 3);
    let words = insert(&table, 0, PlanId(0));
    let entry = table.entry(key(0), PlanId(0), at(0), never);
    let (mut head, mut ring) = (words, words);
    head.back[0] = 77;
    ring.back[BACK_WORDS - 1] = 78;
    assert!(entry.store(&head, beside(5)) && !entry.store(&ring, beside(6)));
    let entry = table.entry(key(0), PlanId(0), at(0), never);
    assert_eq!((entry.words, entry.recent), (head, beside(5)));
    assert!(entry.store(&ring, beside(6)) && !entry.store(&ring, beside(6)));
    let entry = table.entry(key(0), PlanId(0), at(0), never);
    assert_eq!((entry.words, entry.recent), (ring, beside(6)));
    assert_eq!(table.claimed_drafts(), 0);
}

#[test]
fn a_ring_that_has_not_changed_is_not_written() {
    let table = table(4, 3);
    let mut words = insert(&table, 0, PlanId(0));
    let drafts = (1..=4).map(|tag| table.drafts.words(draft::DraftId::from_tag(tag).unwrap()).back);
    drafts.clone().for_each(|back| back.store(&[99; BACK_WORDS]));
    let is_untouched =
        || drafts.clone().all(|back| back.load()[CHANGING_WORDS..] == [99; BACK_WORDS - CHANGING_WORDS]);
    words.back[CHANGING_WORDS - 1] += 1;
    assert!(table.entry(key(0), PlanId(0), at(0), never).store(&words, beside(1)) && is_untouched());
    words.back[CHANGING_WORDS] += 1;
    assert!(table.entry(key(0), PlanId(0), at(0), never).store(&words, beside(1)) && !is_untouched());
    assert_eq!(words_at(&table, PATH[0]), words);
}

#[test]
fn keys_without_room_share_a_record_by_plan() {
    let table = table(2, 3);
    for place in 0..4 {
        put(&table, place, &record(nth(place as u64), PlanId(0), 1));
    }
    for (plan, number) in [(2, 20), (0, 30), (1, 40)] {
        let stranger = table.entry(key(number), PlanId(plan), at(0), never);
        assert!(stranger.is_shared() && !stranger.is_new());
        let fresh = Record::fresh(u64::from(plan) + 1, PlanId(plan), at(0)).to_closed_words();
        assert_eq!((stranger.words, stranger.recent), fresh);
        let words = record(u64::from(plan) + 1, PlanId(plan), number);
        assert!(stranger.store(&words, beside(number)));
        let other = table.entry(key(number + 1), PlanId(plan), at(0), never);
        assert_eq!((other.words, other.recent, other.is_shared()), (words, beside(number), true));
        let by_name = table.entry(u64::from(plan) + 1, PlanId(9), at(0), never);
        assert_eq!((by_name.words, by_name.version, by_name.is_shared()), (words, other.version, true));
    }
    let told: Vec<_> = table.occupancy().map(|shard| (shard.overflowed, shard.keys)).collect();
    assert_eq!(told, [(6, 0)], "only keys that found no room are counted");
    let plan_by_name = |name| plan_of(table.entry(name, PlanId(9), at(0), never).words.front[0]).0;
    let named = [0, 1, 2, 3, 4, FIRST_FINGERPRINT - 1];
    assert_eq!(named.map(plan_by_name), [0, 0, 1, 2, 2, 2], "the last one for what names none");
    assert_eq!(table.records().count(), 4, "shared records are no key's");
    let first = table.entry(FIRST_FINGERPRINT, PlanId(1), at(0), never);
    assert_eq!(first.words.front[1], 40, "this is a key's, for which there is no room");
    assert_eq!(table.occupancy().next().unwrap().overflowed, 7);
}

#[test]
fn what_lives_is_listed() {
    let table = table(4, 3);
    assert_eq!(table.records().count(), 0);
    let words = [0, 1, 2].map(|number| insert(&table, number, PlanId(1)));
    put(&table, PATH[1], &vacated());
    put(&table, PATH[3], &pending(nth(3), PlanId(0), 0));
    assert!(table.find(key(2)).unwrap().charge(beside(9)));
    let mut listed: Vec<_> = table.records().collect();
    listed.sort_by_key(|(words, _)| words.front[0]);
    assert_eq!(listed, [(words[0], beside(1)), (words[2], beside(9))]);
}

/// The first record of a key counts as soon as it is written, though its copier may be stalled.
#[test]
fn what_lives_in_a_draft_alone_is_listed_too() {
    let table = table(4, 3);
    let (slot, words) = (table.slots.at(3), record(nth(0), PlanId(0), 1));
    assert!(
        slot.publish(slot.read(&table.drafts).0, Part::Whole, (&words, beside(1)), &table.drafts).is_some()
    );
    assert_eq!(slot.first_word(), 0);
    assert!(table.records().map(|(words, _)| words).eq([words]));
}

#[test]
fn a_key_takes_the_first_place_on_its_path_that_is_nobodys() {
    let table = table(4, 3);
    (0..4).for_each(|number| _ = insert(&table, number, PlanId(0)));
    for place in [PATH[1], PATH[3]] {
        put(&table, place, &vacated());
    }
    let (entry, room) = room_for(&table, 9);
    assert_eq!(
        (room.place, room.was, place_of(&table, entry.slot)),
        (PATH[1], Occupancy::Vacated, Some(PATH[1]))
    );
    assert!(entry.store(&record(nth(9), PlanId(0), 1), beside(1)));
    assert_eq!(room_for(&table, 10).1.place, PATH[3]);
    put(&table, PATH[3], &record(nth(11), PlanId(0), 1));
    let (_, room) = room_for(&table, 12);
    assert_eq!((room.place, room.was), (PATH[4], Occupancy::Virgin));
}

#[test]
fn a_key_that_may_be_forgotten_gives_way_and_one_in_use_is_not_asked_for() {
    let table = table(2, 3);
    for (place, until) in [(3, 2_000), (2, 500), (1, 400), (0, 2_000)] {
        put(&table, place, &record(nth(place as u64), PlanId(0), Nanos::from_secs(until).get()));
    }
    // Of four places, this key's path is 3, 2, 1, 0.
    let (stranger, time) = (3 << 62 | nth(9) << 4, at(1_000));
    assert!(table.entry(stranger, PlanId(0), at(300), not_asked).is_shared());
    let asked = std::cell::RefCell::new(Vec::new());
    let entry = table.entry(stranger, PlanId(1), time, |words: &Words, recent: Recent, when: ForgetAt| {
        assert_eq!((recent, when.at, when.longest_reservation), (beside(1), time, Nanos::ZERO));
        asked.borrow_mut().push(tag_of(words.front[0]));
        *words == record(nth(1), PlanId(0), Nanos::from_secs(400).get())
    });
    assert_eq!(asked.into_inner(), [nth(2), nth(1)]);
    let Kind::New(room) = entry.kind else { panic!("{entry:?}") };
    assert_eq!((room.place, room.was), (1, Occupancy::Live));
    let fresh = Record::fresh(nth(9), PlanId(1), time).to_closed_words();
    assert_eq!((entry.words, entry.recent), fresh, "it begins where another was forgotten");
    assert!(entry.store(&entry.words, entry.recent));
    let told = table.occupancy().next().unwrap();
    assert_eq!((told.forgotten, told.keys, told.overflowed), (1, 0, 1), "one for another");
    assert_eq!(words_at(&table, 1), fresh.0);
}

#[test]
fn a_place_is_searched_for_once_more_if_the_ticket_went_on_meanwhile() {
    let table = table(4, 3);
    insert(&table, 0, PlanId(0));
    let rounds = std::cell::Cell::new(0);
    let entry = table.entry(key(9), PlanId(0), at(1_000), |_: &Words, _: Recent, _: ForgetAt| {
        rounds.set(rounds.get() + 1);
        // Another thread inserts a key of the same ticket; once.
        if rounds.get() == 1 {
            let (tag, other) = (nth(9) + 1_024, fingerprint(0, nth(9) + 1_024));
            let entry = table.entry(other, PlanId(0), at(0), never);
            assert!(entry.store(&record(tag, PlanId(0), 1), beside(1)));
        }
        false
    });
    assert!(entry.is_new());
    assert_eq!(rounds.get(), 2);
}
