//! The two sides of a world on two threads: conservative windows.
//!
//! An attempt that follows from an answer comes no sooner than the [lookahead](super::lookahead) after it. So the clients' side,
//! once it has heard of all up to a time, knows all attempts of as long after that. It hands them over in slices of
//! time; the gateway's side works on one slice while the clients' side hears the answers of one before and makes one
//! ready that comes after:
//!
//! ```text
//! clients    makes ready 0 1 2 3   hears 0, makes 4   hears 1, makes 5   …
//! gateway                      0                  1                  2
//! ```
//!
//! Each side has the events of its own classes, in the order that they have on one thread: the gateway's are scheduled by
//! nothing but what the gateway does, in its order; retries and the turns of closed loops by answers, which are heard in the
//! order in which they were given; other arrivals by those before. So every side handles the same events in the same order
//! as one thread does, however long the slices are and wherever threads wait: not a byte depends on it.

mod lane;
#[cfg(test)]
mod tests;

use super::answer::{Answer, Outside};
use super::calls::{Call, TooManyCalls};
use super::clients::Clients;
use super::events::{Class, Event, EventSet};
use super::provider::Provider;
use crate::interrupt;
use lane::Lane;
use std::hint::black_box;
use std::panic::resume_unwind;
use std::thread::{self, Thread};
use tidegate::Nanos;

/// Slices that may be on their way: the lookahead is so many of them. With two, each waits for the slower one of every pair; with
/// more they are shorter, and a slice that has much to do on one side is made up for by the next.
const AHEAD: usize = 4;
/// A slice is cut short after so many attempts, so that it stays in the cache, and bursts take no more memory.
const MOST_ATTEMPTS: usize = 4_096;
/// Events of a slice that are worth a second thread: with 150 both are two thirds faster than one, with 50 a twentieth, with 13
/// they are slower. Twice as many are asked for to begin with.
const FULL: u64 = 64;
/// The engine's record is asked for so many attempts before it is needed.
const SOON: usize = 8;
/// So many slices are looked at together.
const SLICES_A_LOOK: u64 = 256;

/// Attempts of a slice of time, in their order.
#[derive(Debug, Default)]
struct Attempts {
    calls: Vec<(Nanos, Call)>,
    /// All that come before this time are here, or were; of this time itself some may be.
    until: Nanos,
}

/// What became of them, and whatever else happened at the gateway up to then, in order.
type Answers = Vec<(Nanos, Answer)>;

/// What is on its way between the sides.
#[derive(Debug, Default)]
struct Lanes {
    attempts: Lane<Attempts>,
    answers: Lane<Answers>,
}

/// Bytes of what may be on its way: an attempt has two answers at most within its slice, and as many calls end there.
pub(super) const BYTES: u64 =
    (AHEAD * MOST_ATTEMPTS) as u64 * (size_of::<(Nanos, Call)>() + 3 * size_of::<(Nanos, Answer)>()) as u64;

/// Whether so many events in so long a time are enough for two threads.
pub(super) fn is_worth_it(events: u64, passed: Nanos, lookahead: Nanos) -> bool {
    let slices = passed.get() / slice(lookahead).get().max(1) + 1;
    events / slices >= FULL * 2
}

fn slice(lookahead: Nanos) -> Nanos {
    Nanos::new(lookahead.get() / AHEAD as u64)
}

/// Runs both sides, from the first of these events on, until the end or until too little happens for two threads. Gives the events
/// that are to come then.
pub(super) fn run(
    provider: &mut Provider<'_>,
    clients: &mut Clients<'_>,
    mut events: EventSet,
    lookahead: Nanos,
    end: Nanos,
) -> Result<EventSet, TooManyCalls> {
    let Some(until) = events.first() else { return Ok(events) };
    let scheduled = events.scheduled();
    let (gateways, of_clients) = events.split();
    let lanes = Lanes::default();
    let ahead = Ahead {
        clients,
        events: of_clients,
        slice: slice(lookahead),
        until,
        end,
        is_worth_it: true,
        is_last: false,
    };
    let own = thread::current();
    let (gateways, of_clients) = thread::scope(|scope| {
        let clients = scope.spawn(|| ahead.run(&lanes, own));
        let gateways = run_provider(provider, gateways, &lanes, clients.thread().clone());
        (gateways, clients.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    Ok(gateways?.join(of_clients?, scheduled))
}

/// The gateway's side.
fn run_provider(
    provider: &mut Provider<'_>,
    mut events: EventSet,
    lanes: &Lanes,
    clients: Thread,
) -> Result<EventSet, TooManyCalls> {
    let filling = lanes.answers.fill_for(clients);
    let mut number = 0;
    while lanes.attempts.wait(number) {
        work_on(provider, &lanes.attempts.place(number), &mut events, &mut lanes.answers.place(number))?;
        filling.publish(number);
        number += 1;
    }
    Ok(events)
}

/// Works on a slice.
fn work_on(
    provider: &mut Provider<'_>,
    attempts: &Attempts,
    events: &mut EventSet,
    answers: &mut Answers,
) -> Result<(), TooManyCalls> {
    answers.clear();
    let mut outside = Written { events, answers };
    for (place, (now, call)) in attempts.calls.iter().enumerate() {
        if let Some((_, later)) = attempts.calls.get(place + SOON) {
            provider.prefetch((later.crowd, later.client));
        }
        // At one instant the gateway's events come before attempts.
        pass_to(provider, *now + Nanos::new(1), &mut outside)?;
        provider.decide(*call, *now, &mut outside)?;
    }
    pass_to(provider, attempts.until, &mut outside)
}

/// Handles the gateway's events that come before a time.
#[inline]
fn pass_to(provider: &mut Provider<'_>, until: Nanos, outside: &mut Written<'_>) -> Result<(), TooManyCalls> {
    loop {
        if outside.events.fetch_many() {
            let touched = outside.events.coming().map(|event| provider.touch(event));
            black_box(touched.fold(0, |seen, touched| seen ^ touched));
            outside
                .events
                .coming()
                .filter_map(|event| provider.whose(event))
                .for_each(|of| provider.prefetch(of));
        }
        let Some(event) = outside.events.next_before(until) else { return Ok(()) };
        provider.handle(event, outside)?;
    }
}

/// The clients are elsewhere, and will read what they are told.
struct Written<'w> {
    events: &'w mut EventSet,
    answers: &'w mut Answers,
}

impl Outside for Written<'_> {
    #[inline]
    fn plan(&mut self, time: Nanos, class: Class, target: u32) {
        self.events.schedule(time, class, target);
    }

    #[inline]
    fn hear(&mut self, answer: Answer, now: Nanos) -> Result<(), TooManyCalls> {
        self.answers.push((now, answer));
        Ok(())
    }
}

/// The clients' side.
struct Ahead<'w, 'a> {
    clients: &'w mut Clients<'a>,
    events: EventSet,
    /// The length of a slice.
    slice: Nanos,
    /// Attempts were made ready up to here.
    until: Nanos,
    /// The run's end.
    end: Nanos,
    /// Whether enough happens in a slice.
    is_worth_it: bool,
    /// Whether the slice made ready last is the last.
    is_last: bool,
}

impl Ahead<'_, '_> {
    fn run(mut self, lanes: &Lanes, gateways: Thread) -> Result<EventSet, TooManyCalls> {
        let filling = lanes.attempts.fill_for(gateways);
        let (mut made, mut number, mut heard) = (0, 0, 0);
        loop {
            while !self.is_last && made < number + AHEAD as u64 {
                self.make_ready(&mut lanes.attempts.place(made));
                filling.publish(made);
                made += 1;
            }
            // If the other side has failed, it tells why.
            if number == made || !lanes.answers.wait(number) {
                return Ok(self.events);
            }
            heard += self.hear(&lanes.answers.place(number))?;
            number += 1;
            if number.is_multiple_of(SLICES_A_LOOK) {
                self.is_worth_it = heard >= FULL * SLICES_A_LOOK;
                heard = 0;
            }
        }
    }

    /// Hears of a slice; gives how many answers there were.
    fn hear(&mut self, answers: &Answers) -> Result<u64, TooManyCalls> {
        for (now, answer) in answers {
            self.clients.hear(*answer, *now, &mut self.events)?;
        }
        Ok(answers.len() as u64)
    }

    /// Makes the next slice ready.
    fn make_ready(&mut self, attempts: &mut Attempts) {
        attempts.calls.clear();
        self.until = self.fill((self.until + self.slice).min(self.end), &mut attempts.calls);
        attempts.until = self.until;
        self.is_last = self.until == self.end || !self.is_worth_it || interrupt::is_asked();
    }

    /// Attempts up to a time, or to an earlier one that is given, if they are many.
    fn fill(&mut self, until: Nanos, calls: &mut Vec<(Nanos, Call)>) -> Nanos {
        while let Some(event) = self.events.next_before(until) {
            self.attempt(event, calls);
            if calls.len() >= MOST_ATTEMPTS {
                return event.time;
            }
        }
        until
    }

    fn attempt(&mut self, event: Event, calls: &mut Vec<(Nanos, Call)>) {
        let Event { time: now, class, target } = event;
        if class == Class::Retry {
            calls.extend(self.clients.retry(target).map(|call| (now, call)));
            return;
        }
        let begun = self.clients.arrive(target, now, &mut self.events);
        calls.extend((0..begun.calls).map(|_| (now, self.clients.begin(&begun, now))));
    }
}
