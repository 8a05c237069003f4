//! What one side makes and the other takes, piece by piece, without waiting for each other as long as some are on their way.

use super::AHEAD;
use crossbeam_utils::CachePadded;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};

/// Looks for the next piece before a thread sleeps: some tens of microseconds, which is what a slice takes. Waking it takes as
/// long.
const LOOKS: u32 = 1_000;

/// Pieces of work on their way from one thread to another, numbered from 0.
///
/// Piece n lies in place n mod [`AHEAD`]. It is filled there, published, and read there. Whoever fills the place again knows that
/// it was read: the sides answer each piece with one of their own, and are never further apart than there are
/// places. So nobody ever waits for a lock; it is there to say so without `unsafe`.
#[derive(Debug, Default)]
pub(super) struct Lane<T> {
    places: [CachePadded<Mutex<T>>; AHEAD],
    /// So many pieces were published.
    published: CachePadded<AtomicU64>,
    /// No others will be.
    is_closed: AtomicBool,
}

/// The side that fills a lane.
///
/// It closes the lane when it is done, or has died: nobody waits for it then.
#[derive(Debug)]
pub(super) struct Filling<'a, T> {
    lane: &'a Lane<T>,
    /// Who waits at the other end.
    reader: Thread,
}

impl<T> Lane<T> {
    /// The place of a piece.
    pub(super) fn place(&self, number: u64) -> MutexGuard<'_, T> {
        // A thread that panicked leaves half a piece, which is published to nobody.
        self.places[number as usize % AHEAD].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to fill it for a thread.
    pub(super) fn fill_for(&self, reader: Thread) -> Filling<'_, T> {
        Filling { lane: self, reader }
    }

    /// Waits for a piece; whether it comes.
    pub(super) fn wait(&self, number: u64) -> bool {
        let mut looks = 0;
        while !self.is_there(number) {
            // Ordering: Acquire for the Release in `Filling::drop`: what was published before is seen by the look after.
            if self.is_closed.load(Ordering::Acquire) {
                return self.is_there(number);
            }
            looks += 1;
            if looks < LOOKS {
                spin_loop();
            } else {
                // Whoever publishes, or closes, wakes this thread after that, or lets this return at once.
                thread::park();
            }
        }
        true
    }

    fn is_there(&self, number: u64) -> bool {
        // Ordering: Acquire for the Release in `Filling::publish`.
        self.published.load(Ordering::Acquire) > number
    }
}

impl<T> Filling<'_, T> {
    /// Hands over the next piece, which has been filled.
    pub(super) fn publish(&self, number: u64) {
        // Ordering: Release for the Acquire in `is_there`, although the lock alone would show what is in the place.
        self.lane.published.store(number + 1, Ordering::Release);
        self.reader.unpark();
    }
}

impl<T> Drop for Filling<'_, T> {
    fn drop(&mut self) {
        // Ordering: Release for the Acquire in `Lane::wait`.
        self.lane.is_closed.store(true, Ordering::Release);
        self.reader.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_in_their_order_and_then_no_more() {
        let (lane, back) = (Lane::<u64>::default(), Lane::<u64>::default());
        let main = thread::current();
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                let filling = lane.fill_for(main);
                for number in 0..1_000 {
                    if number >= AHEAD as u64 {
                        assert!(back.wait(number - AHEAD as u64));
                    }
                    *lane.place(number) = number * 3;
                    filling.publish(number);
                }
            });
            let filling = back.fill_for(other.thread().clone());
            for number in 0..1_000 {
                assert!(lane.wait(number));
                assert_eq!(*lane.place(number), number * 3);
                filling.publish(number);
            }
            assert!(!lane.wait(1_000));
        });
    }

    #[test]
    fn who_has_died_is_not_waited_for() {
        let lane = Lane::<u64>::default();
        let main = thread::current();
        thread::scope(|scope| {
            let dies = || {
                let _filling = lane.fill_for(main);
                panic!("as it should");
            };
            let other = scope.spawn(dies);
            assert!(!lane.wait(0));
            assert!(other.join().is_err());
        });
    }
}
