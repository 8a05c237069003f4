//! Models of one slot, for loom and for shuttle: replacing is atomic, reading is whole, and no draft is lost.

use super::draft::Drafts;
use super::slot::{Back, Front, Slot, Version};
use super::words::Part;
use crate::record::{BACK_WORDS, CHANGING_WORDS, FRONT_WORDS, Recent, Words};
use crate::sync::model::{Arc, check_with, let_words_tear, thread};

/// What a writer adds one to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Adds {
    /// The count beside the words.
    Recent,
    /// All words but the ring's.
    Head,
    /// All words.
    Whole,
}

struct Shared {
    front: Front,
    back: Back,
    drafts: Drafts,
}

impl Shared {
    fn slot(&self) -> Slot<'_> {
        Slot { front: &self.front, back: &self.back }
    }
}

/// What stands beside the words, as a number: the lowest bits of the high half, which a replacement clears.
fn beside(recent: Recent) -> u64 {
    recent.halves().1
}

/// What the words count, all but the ring's alike and the ring's alike or the reading is torn, and what is beside them.
fn read(shared: &Shared) -> (Version, u64, u64, u64) {
    let (version, words) = shared.slot().read(&shared.drafts);
    let (head, ring) = (words.front[0], words.back[CHANGING_WORDS]);
    assert_eq!(words.front, [head; FRONT_WORDS], "a torn front");
    assert_eq!(words.back[..CHANGING_WORDS], [head; CHANGING_WORDS], "a back of another front");
    assert_eq!(words.back[CHANGING_WORDS..], [ring; BACK_WORDS - CHANGING_WORDS], "a torn ring");
    (version, head, ring, beside(version.recent()))
}

/// Adds one until no other thread comes between. What stands beside the words goes into the head with the next
/// replacement.
fn increment(shared: &Shared, adds: Adds) {
    loop {
        let (version, head, ring, recent) = read(shared);
        let stored = if adds == Adds::Recent && version.is_at_home() {
            shared.slot().charge(version, Recent::from_halves(0, recent + 1))
        } else {
            let ring = if adds == Adds::Whole { ring + 1 } else { ring };
            let mut words = Words { front: [head + recent + 1; FRONT_WORDS], back: [ring; BACK_WORDS] };
            words.back[..CHANGING_WORDS].fill(head + recent + 1);
            let part = if adds == Adds::Whole { Part::Whole } else { Part::Head };
            shared.slot().replace(version, part, (&words, Recent::from_halves(0, 0)), &shared.drafts)
        };
        if stored {
            return;
        }
    }
}

/// Each of the writers counts once, whatever comes between; meanwhile a reader sees nothing torn. Three writers
/// find words whole, or the model would not end.
fn count(drafts: usize, writers: &'static [Adds], reads: bool) {
    count_with(None, drafts, writers, reads);
}

fn count_with(preemptions: Option<usize>, drafts: usize, writers: &'static [Adds], reads: bool) {
    if writers.len() < 3 {
        let_words_tear();
    }
    check_with(preemptions, move || {
        let shared =
            Arc::new(Shared { front: Front::vacant(), back: Back::vacant(), drafts: Drafts::new(drafts) });
        let free = shared.drafts.free();
        let spawned = if reads { writers } else { &writers[1..] };
        let threads: Vec<_> = spawned
            .iter()
            .map(|adds| {
                let shared = shared.clone();
                thread::spawn(move || increment(&shared, *adds))
            })
            .collect();
        if reads {
            let (_, head, ring, recent) = read(&shared);
            assert!(ring <= head && head + recent <= writers.len() as u64);
        } else {
            increment(&shared, writers[0]);
        }
        threads.into_iter().for_each(|writer| writer.join().unwrap());
        let (_, head, ring, recent) = read(&shared);
        let whole = writers.iter().filter(|adds| **adds == Adds::Whole).count();
        assert_eq!((head + recent, ring), (writers.len() as u64, whole as u64));
        assert_eq!(shared.drafts.free(), free, "a draft is lost");
    });
}

#[test]
fn two_writers_of_the_whole() {
    count(2, &[Adds::Whole, Adds::Whole], false);
}

#[test]
fn two_writers_of_the_head() {
    count(2, &[Adds::Head, Adds::Head], false);
}

#[test]
fn a_writer_of_the_head_against_one_of_the_whole() {
    count(2, &[Adds::Head, Adds::Whole], false);
    count(2, &[Adds::Whole, Adds::Head], false);
}

#[test]
fn a_charge_beside_the_words_against_one() {
    count(2, &[Adds::Recent, Adds::Recent], false);
}

#[test]
fn a_charge_beside_the_words_against_a_replacement() {
    count(2, &[Adds::Recent, Adds::Whole], false);
    count(2, &[Adds::Head, Adds::Recent], false);
}

#[test]
fn two_writers_share_what_drafts_there_are() {
    count(1, &[Adds::Whole, Adds::Head], false);
}

#[test]
fn a_reader_sees_nothing_torn() {
    count(2, &[Adds::Head, Adds::Whole], true);
}

#[test]
fn a_reader_sees_charges_of_the_words_they_belong_to() {
    count(2, &[Adds::Recent, Adds::Whole], true);
}

#[test]
fn three_writers_with_one_preemption() {
    count_with(Some(1), 3, &[Adds::Whole, Adds::Recent, Adds::Head], false);
}

/// More than loom can follow: five writers who share two drafts, so that some wait for one, and a reader.
#[cfg(tidegate_shuttle)]
#[test]
fn five_writers_and_a_reader_share_two_drafts() {
    count(1, &[Adds::Whole, Adds::Recent, Adds::Head, Adds::Whole, Adds::Recent], true);
}

/// What the last look is for: a reader that leaves it out sees words of two versions. If that were not found, no other
/// of these models would say anything of torn words. (loom runs this one once: it remembers the last access to an atomic
/// alone, and the writer's own look at the pair hides the reader's from its swap.)
#[cfg(tidegate_shuttle)]
#[test]
#[should_panic(expected = "words of two versions")]
fn a_reader_that_does_not_look_again_sees_torn_words() {
    check_with(None, || {
        let shared =
            Arc::new(Shared { front: Front::vacant(), back: Back::vacant(), drafts: Drafts::new(2) });
        let theirs = shared.clone();
        let writer = thread::spawn(move || increment(&theirs, Adds::Whole));
        if shared.slot().at_home().is_some() {
            let words = shared.slot().words_at_home();
            assert_eq!(words.back, [words.front[0]; BACK_WORDS], "words of two versions");
        }
        writer.join().unwrap();
    });
}

#[test]
#[ignore = "takes hours: part of the deep run"]
fn three_writers() {
    count(3, &[Adds::Whole, Adds::Recent, Adds::Head], false);
}
