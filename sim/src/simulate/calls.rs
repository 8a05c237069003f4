//! Calls that wait: for their next attempt, or for the end of their response.

use super::events::EventSet;
use tidegate::{Nanos, Reservation};

/// A call that has not been admitted yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    /// Whose it is, by number within the group.
    pub(crate) client: u32,
    /// The how-manieth call of its client.
    pub(crate) number: u32,
    /// The tokens it will use.
    pub(crate) tokens: u64,
    /// When its first attempt was decided.
    pub(crate) started: Nanos,
    /// The wait before its last attempt.
    pub(crate) previous: Nanos,
    /// Attempts after the first.
    pub(crate) retries: u16,
}

/// An admitted call whose response streams.
#[derive(Debug)]
pub(crate) struct Streaming {
    /// Whose it is, by number within the group.
    pub(crate) client: u32,
    /// The tokens it uses.
    pub(crate) tokens: u64,
    /// What it was charged.
    pub(crate) reservation: Reservation,
}

#[derive(Debug)]
enum Slot {
    Vacant,
    Waiting(Call),
    Streaming(Streaming),
}

/// The waiting calls of a group, by the number that events name them by. Numbers are used again.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    slots: Vec<Slot>,
    vacant: Vec<u32>,
}

/// More calls wait at once than can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyCalls;

impl Calls {
    /// The most calls of a group that may wait at once: a quarter of a gigabyte of them, with their events.
    pub(crate) const MAX: u32 = 1 << 22;

    /// Keeps a call until its next attempt.
    pub(crate) fn wait(&mut self, call: Call) -> Result<u32, TooManyCalls> {
        self.insert(Slot::Waiting(call))
    }

    /// Keeps a call until its response ends.
    pub(crate) fn stream(&mut self, call: Streaming) -> Result<u32, TooManyCalls> {
        self.insert(Slot::Streaming(call))
    }

    /// The call to be tried again.
    pub(crate) fn take_waiting(&mut self, number: u32) -> Option<Call> {
        match self.take(number) {
            Slot::Waiting(call) => Some(call),
            _ => None,
        }
    }

    /// The call whose response ends.
    pub(crate) fn take_streaming(&mut self, number: u32) -> Option<Streaming> {
        match self.take(number) {
            Slot::Streaming(call) => Some(call),
            _ => None,
        }
    }

    fn take(&mut self, number: u32) -> Slot {
        self.vacant.push(number);
        std::mem::replace(&mut self.slots[number as usize], Slot::Vacant)
    }

    fn insert(&mut self, slot: Slot) -> Result<u32, TooManyCalls> {
        const { assert!(Self::MAX <= EventSet::TARGETS) };
        if let Some(number) = self.vacant.pop() {
            self.slots[number as usize] = slot;
            return Ok(number);
        }
        let number = self.slots.len() as u32;
        if number >= Self::MAX {
            return Err(TooManyCalls);
        }
        self.slots.push(slot);
        Ok(number)
    }
}
