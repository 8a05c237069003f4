//! Loom models of one slot: replacing is atomic, reading is whole, and no draft is lost.

use super::draft::Drafts;
use super::slot::Slot;
use crate::record::{Record, WORDS};
use loom::sync::Arc;
use loom::thread;

/// A record all of whose words tell its number, so that a torn one shows.
fn numbered(number: u64) -> Record {
    Record::from_words([number; WORDS])
}

fn number(record: Record) -> u64 {
    let number = record.fingerprint();
    assert_eq!(record, numbered(number), "a torn record");
    number
}

/// Adds one to the record until no other thread comes between.
fn increment(slot: &Slot, drafts: &Drafts) {
    loop {
        let (version, record) = slot.read(drafts);
        if slot.replace(version, &numbered(number(record) + 1), drafts) {
            return;
        }
    }
}

fn count_with(threads: usize, drafts: usize, reads: bool) {
    count_within(loom::model::Builder::new(), threads, drafts, reads);
}

fn count_within(model: loom::model::Builder, threads: usize, drafts: usize, reads: bool) {
    model.check(move || {
        let shared = Arc::new((Slot::vacant(), Drafts::new(drafts)));
        let writers: Vec<_> = (1..threads)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || increment(&shared.0, &shared.1))
            })
            .collect();
        if reads {
            let (_, record) = shared.0.read(&shared.1);
            assert!(number(record) < threads as u64);
        } else {
            increment(&shared.0, &shared.1);
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        let written = if reads { threads - 1 } else { threads };
        assert_eq!(number(shared.0.read(&shared.1).1), written as u64);
        assert_eq!(shared.1.free(), drafts, "a draft is lost");
    });
}

#[test]
fn two_writers_both_count() {
    count_with(2, 2, false);
}

#[test]
fn two_writers_share_one_draft() {
    count_with(2, 1, false);
}

#[test]
fn a_reader_never_sees_a_torn_record() {
    count_with(3, 2, true);
}

#[test]
fn three_writers_all_count_with_one_preemption() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(1);
    count_within(model, 3, 3, false);
}

#[test]
#[ignore = "takes hours: part of the deep run"]
fn three_writers_all_count() {
    count_with(3, 3, false);
}
