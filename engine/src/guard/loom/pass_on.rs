//! Slots of the table: one passes on while a thread of its old owner writes, one is wanted by two.

use crate::guard::table::{Owner, Table, Word, Worth};
use crate::sync::model::{Arc, check, thread};

/// An owner whose hash is its number: its tag is that, and its home the first slot.
fn owner(id: u64) -> Owner {
    Owner::new(id, id)
}

/// Writes a payload for an owner, in a slot that it makes its own if need be, where others are worth so much; whether it
/// was written.
fn set(table: &Table, id: u64, payload: u64, others: Worth) -> bool {
    let view = table.claim(owner(id), Worth::Much, owner, |_| others);
    view.and_then(|view| view.update(Word::STRIKES, |_| (payload, ()))).is_some()
}

/// Two slots with two owners. A third takes the first's while that one's thread adds one to its word, which it may have
/// found before: the third's word stands.
#[test]
fn the_old_owners_thread_writes_nothing_over_the_new_owners_word() {
    check(|| {
        let table = Arc::new(Table::new(1).unwrap());
        assert!(set(&table, 1, 10, Worth::Much) && set(&table, 2, 20, Worth::Much));
        let (ours, theirs) = (table.clone(), table.clone());
        // loom lets the first one spawned run first, and the other see what it will of that.
        let new = thread::spawn(move || assert!(set(&ours, 3, 30, Worth::Nothing)));
        let old = thread::spawn(move || {
            let view = theirs.find(owner(1));
            view.and_then(|view| view.update(Word::STRIKES, |payload| (payload + 1, payload)))
        });
        new.join().unwrap();
        let found = old.join().unwrap();
        assert!(matches!(found, None | Some(10)), "{found:?}");
        assert_eq!(table.find(owner(3)).unwrap().read(Word::STRIKES), 30, "{found:?}");
    });
}

/// Two new owners and two slots that nobody had: each gets one, though both may want the same first.
#[test]
fn who_comes_second_to_a_slot_takes_the_next() {
    check(|| {
        let table = Arc::new(Table::new(1).unwrap());
        let theirs = table.clone();
        let other = thread::spawn(move || set(&theirs, 1, 10, Worth::Much));
        assert!(set(&table, 2, 20, Worth::Much));
        assert!(other.join().unwrap());
        let found = [1, 2].map(|id| table.find(owner(id)).map(|view| view.read(Word::STRIKES)));
        assert_eq!(found, [Some(10), Some(20)]);
    });
}
