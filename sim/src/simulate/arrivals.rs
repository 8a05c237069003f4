//! When the clients of a group call.

use super::draws::{Draw, Draws, Purpose, exp};
use super::policy::nanos;
use super::scenario::{Arrivals, Distribution};
use std::ops::Range;
use tidegate::Nanos;

/// The arrivals of a group of clients.
///
/// A *source* is what has a turn in the pending set: each client by itself, or, where clients call at random, the
/// group as a whole, since the sum of Poisson streams is one whose next arrival is a client's with a chance in
/// proportion to its rate. So an idle Poisson client has no event.
pub(crate) struct Schedule<'a> {
    arrivals: &'a Arrivals,
    draws: Draws,
    first: u32,
    clients: u32,
    /// Turns so far of each source.
    turns: Vec<u64>,
    crowd: Crowd,
}

/// The clients of a group that call at random, as one source.
struct Crowd {
    /// The mean time from one arrival to the next, in seconds.
    mean_gap: f64,
    /// Where their rates differ: of each client, its rate and those of the clients before it together.
    rates: Vec<f64>,
}

/// A source's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Who calls, by number within the group.
    pub(crate) client: u32,
    /// How many calls at once.
    pub(crate) calls: u32,
    /// The source's next turn, if that does not wait for a call's end.
    pub(crate) next: Option<Nanos>,
}

impl<'a> Schedule<'a> {
    /// The arrivals of the clients of a range.
    pub(crate) fn new(arrivals: &'a Arrivals, draws: Draws, clients: &Range<u32>) -> Self {
        let count = clients.len() as u32;
        let crowd = Crowd::new(arrivals, draws, clients);
        let mut schedule =
            Self { arrivals, draws, first: clients.start, clients: count, turns: Vec::new(), crowd };
        schedule.turns = vec![0; schedule.sources().len()];
        schedule
    }

    /// The sources, by number.
    pub(crate) fn sources(&self) -> Range<u32> {
        match self.arrivals {
            Arrivals::Poisson { .. } => 0..1,
            _ => 0..self.clients,
        }
    }

    /// Whether a client's next call waits for the end of its last.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.arrivals, Arrivals::Closed(_))
    }

    /// A source's first turn.
    pub(crate) fn first(&self, source: u32) -> Nanos {
        match self.arrivals {
            Arrivals::Poisson { .. } => self.gap(0),
            Arrivals::Paced(rate) => self.phase(source, rate.due(1)),
            Arrivals::Burst { aligned: true, .. } => Nanos::ZERO,
            Arrivals::Burst { every, .. } => self.phase(source, *every),
            Arrivals::AtOnce(at) => {
                nanos(at.value(|| self.draws.draw(self.first + source, Purpose::Phase, 0)))
            }
            Arrivals::Closed(think) => self.think_time(*think, source, 0),
        }
    }

    /// Takes a source's turn.
    pub(crate) fn arrive(&mut self, source: u32, now: Nanos) -> Arrival {
        let turn = self.turns[source as usize];
        self.turns[source as usize] += 1;
        match self.arrivals {
            Arrivals::Poisson { .. } => Arrival {
                client: self.crowd.whose(self.draws.draw(self.first, Purpose::Whose, turn), self.clients),
                calls: 1,
                next: Some(now + self.gap(turn + 1)),
            },
            Arrivals::Paced(rate) => {
                // From the start, not from the last turn: rounding must not add up.
                let next = self.phase(source, rate.due(1)) + rate.due(turn + 1);
                Arrival { client: source, calls: 1, next: Some(next) }
            }
            Arrivals::Burst { calls, every, .. } => {
                Arrival { client: source, calls: *calls, next: Some(now + *every) }
            }
            Arrivals::AtOnce(_) | Arrivals::Closed(_) => Arrival { client: source, calls: 1, next: None },
        }
    }

    /// How long a client thinks before its `count`-th call, if it calls in a closed loop.
    pub(crate) fn think(&self, client: u32, count: u64) -> Option<Nanos> {
        match self.arrivals {
            Arrivals::Closed(think) => Some(self.think_time(*think, client, count)),
            _ => None,
        }
    }

    fn think_time(&self, think: Distribution, client: u32, count: u64) -> Nanos {
        nanos(think.value(|| self.draws.draw(self.first + client, Purpose::Arrival, count)))
    }

    /// From one arrival of the group to the next; at least a nanosecond, lest time stand still.
    fn gap(&self, count: u64) -> Nanos {
        nanos(self.draws.draw(self.first, Purpose::Arrival, count).exponential(self.crowd.mean_gap))
            .max(Nanos::new(1))
    }

    /// Where in its period a client starts.
    fn phase(&self, client: u32, period: Nanos) -> Nanos {
        let unit = self.draws.draw(self.first + client, Purpose::Phase, 0).unit();
        nanos(unit * period.as_secs_f64())
    }
}

impl Crowd {
    fn new(arrivals: &Arrivals, draws: Draws, clients: &Range<u32>) -> Self {
        let Arrivals::Poisson { rate, spread } = arrivals else {
            return Self { mean_gap: 0.0, rates: Vec::new() };
        };
        if *spread == 0.0 {
            let mean_gap = 1.0 / (rate.per_second() * clients.len() as f64);
            return Self { mean_gap, rates: Vec::new() };
        }
        // A log-normal factor of mean one.
        let factor = |client| {
            draws.draw(client, Purpose::Activity, 0).log_normal(exp(-spread * spread / 2.0), *spread)
        };
        let mut sum = 0.0;
        let add = |client| {
            sum += rate.per_second() * factor(client);
            sum
        };
        let rates: Vec<f64> = clients.clone().map(add).collect();
        Self { mean_gap: 1.0 / sum, rates }
    }

    /// The client that an arrival is of.
    fn whose(&self, draw: Draw, clients: u32) -> u32 {
        let Some(sum) = self.rates.last() else { return draw.below(clients) };
        let at = draw.unit() * sum;
        (self.rates.partition_point(|rates| *rates <= at) as u32).min(clients - 1)
    }
}
