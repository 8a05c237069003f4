//! Calls that wait: for their next attempt, for a server, or for the end of their response.

use super::events::EventSet;
use tidegate::{Nanos, Reservation};

/// A call that has not succeeded yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Whose crowd it is of, by number within the world.
    pub(crate) crowd: u16,
    /// Attempts after the first.
    pub(crate) retries: u16,
    /// Whose it is, by number within the crowd.
    pub(crate) client: u32,
    /// The how-manieth call of its client.
    pub(crate) number: u32,
    /// The tokens it will use.
    pub(crate) tokens: u64,
    /// When its first attempt was decided.
    pub(crate) started: Nanos,
    /// The wait before its last attempt.
    pub(crate) previous: Nanos,
}

/// An admitted call whose response streams.
#[derive(Debug)]
pub(crate) struct Streaming {
    /// Whose crowd it is of, by number within the world.
    pub(crate) crowd: u16,
    /// Whose it is, by number within the crowd.
    pub(crate) client: u32,
    /// The tokens it uses.
    pub(crate) tokens: u64,
    /// What it was charged.
    pub(crate) reservation: Reservation,
}

/// An admitted call that is with the backend.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) call: Call,
    /// What it was charged.
    pub(crate) reservation: Reservation,
    /// When it came there.
    pub(crate) arrived: Nanos,
    /// How much of a server's time it needs.
    pub(crate) service: Nanos,
    /// So many calls had succeeded when its service began, if that decides on it.
    pub(crate) seen: u64,
}

#[derive(Debug)]
enum Slot {
    Vacant,
    Waiting(Call),
    Streaming(Streaming),
    /// With the backend; whether its client's timeout is an event to come, which then names this slot.
    Sent(Sent, bool),
    /// With the backend, but its client waits no longer.
    Abandoned(Sent),
    /// Served; its timeout is still to come.
    Expiring,
}

/// The waiting calls of a world, by the number that events name them by. Numbers are used again.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    slots: Vec<Slot>,
    vacant: Vec<u32>,
}

/// More calls wait at once than can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyCalls;

/// What a client makes of the end of its call's service.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) sent: Sent,
    /// Whether its client has waited for it.
    pub(crate) in_time: bool,
}

impl Calls {
    /// The most calls of a world that may wait at once: half a gigabyte of them, with their events.
    pub(crate) const MAX: u32 = 1 << 22;

    /// Keeps a call until its next attempt.
    pub(crate) fn wait(&mut self, call: Call) -> Result<u32, TooManyCalls> {
        self.insert(Slot::Waiting(call))
    }

    /// Keeps a call until its response ends.
    pub(crate) fn stream(&mut self, call: Streaming) -> Result<u32, TooManyCalls> {
        self.insert(Slot::Streaming(call))
    }

    /// Keeps a call until it is served, and until its timeout if that is an event.
    pub(crate) fn send(&mut self, sent: Sent, is_timed: bool) -> Result<u32, TooManyCalls> {
        self.insert(Slot::Sent(sent, is_timed))
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

    /// A call that the backend does not take, for which no timeout has been planned.
    pub(crate) fn take_back(&mut self, number: u32) -> Option<Sent> {
        match self.take(number) {
            Slot::Sent(sent, _) => Some(sent),
            _ => None,
        }
    }

    /// The call whose service ends.
    pub(crate) fn served(&mut self, number: u32) -> Option<Served> {
        let slot = self.slots.get_mut(number as usize)?;
        let (sent, in_time, rest) = match std::mem::replace(slot, Slot::Vacant) {
            Slot::Sent(sent, true) => (sent, true, Slot::Expiring),
            Slot::Sent(sent, false) => (sent, true, Slot::Vacant),
            Slot::Abandoned(sent) => (sent, false, Slot::Vacant),
            _ => return None,
        };
        match rest {
            Slot::Vacant => self.vacant.push(number),
            rest => *slot = rest,
        }
        Some(Served { sent, in_time })
    }

    /// The call whose client's timeout has come, if it still waits for it. The backend still has it.
    pub(crate) fn timed_out(&mut self, number: u32) -> Option<Call> {
        let slot = self.slots.get_mut(number as usize)?;
        match std::mem::replace(slot, Slot::Vacant) {
            Slot::Sent(sent, _) => {
                let call = sent.call;
                *slot = Slot::Abandoned(sent);
                Some(call)
            }
            _ => {
                self.vacant.push(number);
                None
            }
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
