//! Loom models of one slot: replacing is atomic, reading is whole, and no draft is lost.

use super::draft::Drafts;
use super::slot::{Slot, Version};
use super::words::Change;
use crate::record::{HEAD_WORDS, Head, RING_WORDS, Record, Ring};
use loom::model::Builder;
use loom::sync::Arc;
use loom::thread;

/// What a writer adds one to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// All words of the head.
    Head,
    /// All words of head and ring.
    Whole,
}

/// The numbers in head and ring, each of which all words must tell, or the reading is torn.
fn read(slot: &Slot, drafts: &Drafts) -> (Version, u64, u64) {
    loop {
        let (version, head) = slot.read(drafts);
        let number = head.words()[0];
        assert_eq!(head.words(), &[number; HEAD_WORDS], "a torn head");
        if let Some(ring) = slot.ring(version, drafts) {
            assert_eq!(ring.words(), &[ring.words()[0]; RING_WORDS], "a torn ring");
            return (version, number, ring.words()[0]);
        }
        thread::yield_now();
    }
}

/// Adds one until no other thread comes between.
fn increment(slot: &Slot, drafts: &Drafts, part: Part) {
    loop {
        let (version, head, ring) = read(slot, drafts);
        let ring = if part == Part::Whole { ring + 1 } else { ring };
        let (head, ring) = (Head::from_words([head + 1; HEAD_WORDS]), Ring::from_words([ring; RING_WORDS]));
        let whole = Record { head, ring };
        // As `Entry::store_head` does: the head alone only where the ring is at home.
        let alone = part == Part::Head && !version.ring_in_draft();
        if slot.replace(version, if alone { Change::Head(&head) } else { Change::Whole(&whole) }, drafts) {
            return;
        }
    }
}

/// Each of the writers counts once, whatever comes between; meanwhile a reader sees nothing torn.
fn count(model: &Builder, drafts: usize, writers: &'static [Part], reads: bool) {
    model.check(move || {
        let shared = Arc::new((Slot::vacant(), Drafts::new(drafts)));
        let free = shared.1.free();
        let spawned = if reads { writers } else { &writers[1..] };
        let threads: Vec<_> = spawned
            .iter()
            .map(|part| {
                let shared = shared.clone();
                thread::spawn(move || increment(&shared.0, &shared.1, *part))
            })
            .collect();
        if reads {
            let (_, head, ring) = read(&shared.0, &shared.1);
            assert!(ring <= head && head <= writers.len() as u64);
        } else {
            increment(&shared.0, &shared.1, writers[0]);
        }
        threads.into_iter().for_each(|writer| writer.join().unwrap());
        let (_, head, ring) = read(&shared.0, &shared.1);
        let whole = writers.iter().filter(|part| **part == Part::Whole).count();
        assert_eq!((head, ring), (writers.len() as u64, whole as u64));
        assert_eq!(shared.1.free(), free, "a draft is lost");
    });
}

#[test]
fn two_writers_of_the_whole() {
    count(&Builder::new(), 2, &[Part::Whole, Part::Whole], false);
}

#[test]
fn two_writers_of_the_head() {
    count(&Builder::new(), 2, &[Part::Head, Part::Head], false);
}

#[test]
fn a_writer_of_the_head_against_one_of_the_whole() {
    count(&Builder::new(), 2, &[Part::Head, Part::Whole], false);
    count(&Builder::new(), 2, &[Part::Whole, Part::Head], false);
}

#[test]
fn two_writers_share_what_drafts_there_are() {
    count(&Builder::new(), 1, &[Part::Whole, Part::Head], false);
}

#[test]
fn a_reader_sees_nothing_torn() {
    count(&Builder::new(), 2, &[Part::Head, Part::Whole], true);
}

#[test]
fn three_writers_with_one_preemption() {
    let mut model = Builder::new();
    model.preemption_bound = Some(1);
    count(&model, 3, &[Part::Whole, Part::Head, Part::Whole], false);
}

#[test]
#[ignore = "takes hours: part of the deep run"]
fn three_writers() {
    count(&Builder::new(), 3, &[Part::Whole, Part::Head, Part::Whole], false);
}
