//! Calls that wait: at the gateway for a server or for the end of their response, with their clients for the next attempt.

use super::events::{Class, EventSet};
use super::recorded::Charge;
use tidegate::{Nanos, Reservation};

/// A call that has not succeeded yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    /// Whose crowd it is of, by number within the world.
    pub(crate) crowd: u16,
    /// Attempts after the first.
    pub(crate) retries: u16,
    /// Whether the last one was refused with a 429.
    pub(crate) was_too_many: bool,
    /// What became of its last attempt.
    pub(crate) cause: Cause,
    /// Whose it is, by number within the crowd.
    pub(crate) client: u32,
    /// The how-manieth call of its client.
    pub(crate) number: u32,
    /// The tokens it reserves, and those that it will use.
    pub(crate) charge: Charge,
    /// When its first attempt was decided.
    pub(crate) started: Nanos,
    /// The wait before its last attempt.
    pub(crate) previous: Nanos,
}

/// Why a call is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A limit denied it, and its client comes when it likes.
    Denied,
    /// A limit denied it, and its client comes no sooner than it was told.
    Heeded,
    /// The guard blocked it.
    Blocked,
    /// The backend turned it away.
    TurnedAway,
    /// Its service failed.
    Failed,
    /// It took too long.
    TimedOut,
    /// Its client held it back.
    HeldBack,
}

impl Cause {
    /// All, in order.
    pub(crate) const ALL: [Self; 7] = [
        Self::Denied,
        Self::Heeded,
        Self::Blocked,
        Self::TurnedAway,
        Self::Failed,
        Self::TimedOut,
        Self::HeldBack,
    ];
}

impl Call {
    /// The same, with what became of its last attempt.
    pub(crate) fn because(self, cause: Cause) -> Self {
        Self { cause, ..self }
    }
}

/// An admitted call whose response streams.
#[derive(Debug)]
pub(crate) struct Streaming {
    /// Whose crowd it is of, by number within the world.
    pub(crate) crowd: u16,
    /// Whose it is, by number within the crowd.
    pub(crate) client: u32,
    /// The tokens it uses.
    pub(crate) tokens: u32,
    /// The gateway that it was charged at.
    pub(crate) gateway: u8,
    /// What it was charged.
    pub(crate) reservation: Reservation,
}

/// An admitted call that is with the backend.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) call: Call,
    /// What it was charged.
    pub(crate) reservation: Reservation,
    /// The gateway that it was charged at.
    pub(crate) gateway: u8,
    /// When it came there.
    pub(crate) arrived: Nanos,
    /// How much of a server's time it needs.
    pub(crate) service: Nanos,
    /// So many calls had succeeded when its service began, if that decides on it.
    pub(crate) seen: u64,
}

/// A call that was sent to the backend, and what its client makes of it.
#[derive(Debug)]
enum AtBackend {
    /// It waits; whether its timeout is an event to come, which then names this place.
    Awaited(Sent, bool),
    /// It waits no longer.
    Abandoned(Sent),
    /// It has its answer; its timeout is still to come.
    Expiring,
}

/// The calls that wait at the gateway, by the numbers that events name them by: those at the backend have numbers of their
/// own, since they take more room.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    streaming: Places<Streaming>,
    at_backend: Places<AtBackend>,
}

/// The calls that wait for their next attempt, by the numbers that events name them by.
#[derive(Debug, Default)]
pub(crate) struct Retries {
    calls: Places<Call>,
    /// Those whose next attempt has not been heard of. Attempts may be made ready before their time, which must not show in
    /// how many calls wait.
    waiting: u32,
}

/// More calls wait at once than can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooManyCalls;

/// A call whose service has ended.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) sent: Sent,
    /// Whether its client has waited for it.
    pub(crate) in_time: bool,
}

impl Calls {
    /// The most calls of a world that may wait at once for each of these: half a gigabyte, with their events.
    pub(crate) const MAX: u32 = 1 << 22;

    /// Bytes of a call that waits.
    pub(crate) fn bytes_of_a_call(at_backend: bool) -> u64 {
        (if at_backend {
            size_of::<Option<AtBackend>>()
        } else {
            size_of::<Option<Call>>().max(size_of::<Option<Streaming>>())
        }) as u64
    }

    /// Reads what an event of a class will need of a call, and gives what of it comes to hand: a call takes two cache lines.
    #[inline]
    pub(crate) fn touch(&self, class: Class, number: u32) -> u64 {
        match class {
            Class::Settle => self.streaming.get(number).map_or(0, Streaming::touch),
            Class::Served | Class::Timeout => self.at_backend.get(number).map_or(0, AtBackend::touch),
            _ => 0,
        }
    }

    /// Whose call an event of a class is about: its crowd, and which of its clients.
    #[inline]
    pub(crate) fn whose(&self, class: Class, number: u32) -> Option<(u16, u32)> {
        match class {
            Class::Settle => self.streaming.get(number).map(|call| (call.crowd, call.client)),
            Class::Served | Class::Timeout => self.at_backend.get(number).and_then(AtBackend::whose),
            _ => None,
        }
    }

    /// Keeps a call until its response ends.
    pub(crate) fn stream(&mut self, call: Streaming) -> Result<u32, TooManyCalls> {
        self.streaming.insert(call)
    }

    /// Keeps a call until it is served, and until its timeout if that is an event.
    pub(crate) fn send(&mut self, sent: Sent, is_timed: bool) -> Result<u32, TooManyCalls> {
        self.at_backend.insert(AtBackend::Awaited(sent, is_timed))
    }

    /// The call whose response ends.
    pub(crate) fn take_streaming(&mut self, number: u32) -> Option<Streaming> {
        self.streaming.take(number)
    }

    /// A call that the backend does not take, for which no timeout has been planned.
    pub(crate) fn take_back(&mut self, number: u32) -> Option<Sent> {
        match self.at_backend.take(number)? {
            AtBackend::Awaited(sent, _) => Some(sent),
            AtBackend::Abandoned(_) | AtBackend::Expiring => None,
        }
    }

    /// The call whose service ends.
    pub(crate) fn served(&mut self, number: u32) -> Option<Served> {
        match self.at_backend.take(number)? {
            AtBackend::Awaited(sent, is_timed) => {
                if is_timed {
                    self.at_backend.put_back(number, AtBackend::Expiring);
                }
                Some(Served { sent, in_time: true })
            }
            AtBackend::Abandoned(sent) => Some(Served { sent, in_time: false }),
            AtBackend::Expiring => None,
        }
    }

    /// The call whose client's timeout has come, if it still waits for it. The backend still has it.
    pub(crate) fn timed_out(&mut self, number: u32) -> Option<Call> {
        match self.at_backend.take(number)? {
            AtBackend::Awaited(sent, _) => {
                let call = sent.call;
                self.at_backend.put_back(number, AtBackend::Abandoned(sent));
                Some(call)
            }
            AtBackend::Abandoned(_) | AtBackend::Expiring => None,
        }
    }
}

impl Retries {
    /// Keeps a call until its next attempt.
    pub(crate) fn wait(&mut self, call: Call) -> Result<u32, TooManyCalls> {
        if self.waiting >= Calls::MAX {
            return Err(TooManyCalls);
        }
        self.waiting += 1;
        self.calls.insert(call)
    }

    /// The call to be tried again.
    pub(crate) fn take(&mut self, number: u32) -> Option<Call> {
        self.calls.take(number)
    }

    /// A call that was taken has been tried again.
    pub(crate) fn note_retried(&mut self) {
        self.waiting -= 1;
    }

    /// Whose call it is: its crowd, and which of its clients.
    #[inline]
    pub(crate) fn whose(&self, number: u32) -> Option<(u16, u32)> {
        self.calls.get(number).map(|call| (call.crowd, call.client))
    }

    /// Reads what its next attempt will need, and gives what of it comes to hand.
    #[inline]
    pub(crate) fn touch(&self, number: u32) -> u64 {
        self.calls.get(number).map_or(0, |call| u64::from(call.client) ^ call.previous.get())
    }
}

impl Streaming {
    /// Reads its lines.
    #[inline]
    fn touch(&self) -> u64 {
        u64::from(self.client) ^ self.reservation.cost().tokens
    }
}

impl AtBackend {
    fn whose(&self) -> Option<(u16, u32)> {
        match self {
            Self::Awaited(sent, _) | Self::Abandoned(sent) => Some((sent.call.crowd, sent.call.client)),
            Self::Expiring => None,
        }
    }

    /// Reads its lines.
    #[inline]
    fn touch(&self) -> u64 {
        match self {
            Self::Awaited(sent, _) | Self::Abandoned(sent) => {
                u64::from(sent.call.client) ^ sent.seen ^ sent.reservation.cost().tokens
            }
            Self::Expiring => 0,
        }
    }
}

/// Places by number; numbers are used again.
#[derive(Debug)]
struct Places<T> {
    places: Vec<Option<T>>,
    vacant: Vec<u32>,
}

impl<T> Default for Places<T> {
    fn default() -> Self {
        Self { places: Vec::new(), vacant: Vec::new() }
    }
}

impl<T> Places<T> {
    fn insert(&mut self, value: T) -> Result<u32, TooManyCalls> {
        const { assert!(Calls::MAX <= EventSet::TARGETS) };
        if let Some(number) = self.vacant.pop() {
            self.places[number as usize] = Some(value);
            return Ok(number);
        }
        let number = self.places.len() as u32;
        if number >= Calls::MAX {
            return Err(TooManyCalls);
        }
        self.places.push(Some(value));
        Ok(number)
    }

    fn get(&self, number: u32) -> Option<&T> {
        self.places.get(number as usize)?.as_ref()
    }

    /// Makes a place vacant.
    fn take(&mut self, number: u32) -> Option<T> {
        let taken = self.places.get_mut(number as usize)?.take();
        if taken.is_some() {
            self.vacant.push(number);
        }
        taken
    }

    /// Fills the place that was made vacant just now.
    fn put_back(&mut self, number: u32, value: T) {
        let vacated = self.vacant.pop();
        debug_assert_eq!(vacated, Some(number), "nothing has happened since");
        self.places[number as usize] = Some(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate::{Cost, Decision, Limiter, Plan, Timestamp};

    fn sent(number: u32) -> Sent {
        let limiter = Limiter::builder().capacity(10).build().unwrap();
        let plan = limiter.add_plan(&Plan::builder("open").build().unwrap()).unwrap();
        let at = Timestamp::both(Nanos::from_secs(1_000_000));
        let Decision::Admitted(admission) = limiter.check("key", plan, Cost::tokens(1), at) else {
            unreachable!("without a limit")
        };
        let call = Call {
            crowd: 0,
            retries: 0,
            was_too_many: false,
            cause: Cause::Denied,
            client: 0,
            number,
            charge: Charge { reserved: 1, used: 1 },
            started: Nanos::ZERO,
            previous: Nanos::ZERO,
        };
        Sent {
            call,
            reservation: admission.reservation,
            gateway: 0,
            arrived: Nanos::ZERO,
            service: Nanos::ZERO,
            seen: 0,
        }
    }

    #[test]
    fn a_place_is_kept_for_a_timeout_that_is_still_to_come() {
        let mut calls = Calls::default();
        let first = calls.send(sent(1), true).unwrap();
        assert!(calls.served(first).is_some_and(|served| served.in_time));
        let second = calls.send(sent(2), true).unwrap();
        assert_ne!(first, second, "the timeout would be taken for the second's");
        assert_eq!(calls.timed_out(first), None);
        assert_eq!(calls.send(sent(3), false), Ok(first));
    }

    #[test]
    fn what_nobody_waits_for_is_served_all_the_same() {
        let mut calls = Calls::default();
        let number = calls.send(sent(7), true).unwrap();
        assert_eq!(calls.timed_out(number).map(|call| call.number), Some(7));
        assert!(calls.served(number).is_some_and(|served| !served.in_time && served.sent.call.number == 7));
        assert!(calls.served(number).is_none());
        assert_eq!(calls.send(sent(8), false), Ok(number));
    }
}
