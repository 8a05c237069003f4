//! When the clients of a group call.

use super::draws::{Draw, Draws, Purpose, exp};
use super::policy::nanos;
use super::recorded::{Charge, Recorded, RecordedCall};
use super::scenario::{Arrivals, Distribution, Population, State};
use std::ops::Range;
use tidegate::Nanos;

/// The arrivals of a group of clients.
///
/// A *source* is what has a turn in the pending set: each client by itself, or, where clients call at random, the
/// group as a whole, since the sum of Poisson streams is one whose next arrival is a client's with a chance in
/// proportion to its rate. So an idle Poisson client has no event.
pub(crate) struct Schedule<'a> {
    population: &'a Population,
    draws: Draws,
    first: u32,
    clients: u32,
    /// Turns so far of each source; where calls change between rates, draws so far.
    turns: Vec<u64>,
    crowd: Crowd,
    /// Where calls change between rates: the state of each source.
    modulations: Vec<Modulation>,
    /// Where a trace is replayed: which copies of its next call are still to be made.
    copies: Vec<Copies>,
}

/// The clients of a group that call at random, as one source.
struct Crowd {
    /// The mean time from one arrival to the next, in seconds.
    mean_gap: f64,
    /// Where their rates differ: of each client, its rate and those of the clients before it together.
    rates: Vec<f64>,
}

/// The state of a source that changes between rates.
#[derive(Clone, Copy, Debug)]
struct Modulation {
    state: usize,
    until: Nanos,
    changes: u64,
}

/// Copies of a trace's call that are made in its place.
#[derive(Clone, Copy, Debug, Default)]
struct Copies {
    made: u32,
    of: u32,
}

/// A source's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    /// Who calls, by number within the group.
    pub(crate) client: u32,
    /// How many calls at once.
    pub(crate) calls: u32,
    /// The tokens of each, if a trace says so.
    pub(crate) charge: Option<Charge>,
    /// The source's next turn, if that does not wait for a call's end.
    pub(crate) next: Option<Nanos>,
}

/// Draws that all clients of a population have in common are of this one, which no population has.
const EVERYONE: u32 = u32::MAX;
/// No time between two turns of a source, lest time stand still.
const LEAST_GAP: Nanos = Nanos::new(1);

impl<'a> Schedule<'a> {
    /// The arrivals of the clients of a range.
    pub(crate) fn new(population: &'a Population, draws: Draws, clients: &Range<u32>) -> Self {
        let mut schedule = Self {
            population,
            draws,
            first: clients.start,
            clients: clients.len() as u32,
            turns: Vec::new(),
            crowd: Crowd::new(&population.arrivals, draws, clients),
            modulations: Vec::new(),
            copies: Vec::new(),
        };
        let sources = schedule.sources().len();
        if counts_turns(&population.arrivals) {
            schedule.turns = vec![0; sources];
        }
        match &population.arrivals {
            Arrivals::Modulated { states, .. } => {
                schedule.modulations =
                    schedule.sources().map(|source| schedule.first_modulation(states, source)).collect();
            }
            Arrivals::Recorded { .. } => schedule.copies = vec![Copies::default(); sources],
            _ => {}
        }
        schedule
    }

    /// The sources, by number.
    pub(crate) fn sources(&self) -> Range<u32> {
        if self.population.has_own_turns() { 0..self.clients } else { 0..1 }
    }

    /// Bytes that a client of a population takes up here.
    pub(crate) fn bytes_of_a_client(population: &Population) -> u64 {
        let of_source = match &population.arrivals {
            Arrivals::Modulated { .. } => size_of::<u64>() + size_of::<Modulation>(),
            Arrivals::Recorded { .. } => size_of::<u64>() + size_of::<Copies>(),
            arrivals if counts_turns(arrivals) => size_of::<u64>(),
            _ => 0,
        };
        let rate = matches!(population.arrivals, Arrivals::Poisson { spread, .. } if spread > 0.0);
        (if population.has_own_turns() {
            of_source
        } else if rate {
            size_of::<f64>()
        } else {
            0
        }) as u64
    }

    /// Reads what a source's turn will need, and gives what of it comes to hand.
    #[inline]
    pub(crate) fn touch(&self, source: u32) -> u64 {
        self.turns.get(source as usize).copied().unwrap_or(0)
    }

    /// A source's first turn; `None` if it has none.
    pub(crate) fn first(&mut self, source: u32) -> Option<Nanos> {
        let population = self.population;
        let (from, tempo) = (population.from, &population.tempo);
        let first = match &population.arrivals {
            Arrivals::Poisson { .. } => tempo.after(from, self.gap(0)).max(from + LEAST_GAP),
            Arrivals::Modulated { states, .. } => self.modulated(states, source, from),
            Arrivals::Paced(rate) => tempo.after(from, self.phase(source, rate.due(1))),
            Arrivals::Burst { aligned: true, .. } => from,
            Arrivals::Burst { every, .. } => tempo.after(from, self.phase(source, *every)),
            Arrivals::AtOnce(at) => {
                from + nanos(at.value(|| self.draws.draw(self.first + source, Purpose::Phase, 0)))
            }
            Arrivals::Closed(think) => tempo.after(from, self.think_time(*think, source, 0)),
            Arrivals::Recorded { trace, repeat } => return self.recorded(trace, *repeat, source),
        };
        self.in_time(first)
    }

    /// Takes a source's turn.
    pub(crate) fn arrive(&mut self, source: u32, now: Nanos) -> Arrival {
        let population = self.population;
        let tempo = &population.tempo;
        let turn = self.turns.get(source as usize).copied().unwrap_or(0);
        let (mut client, mut count, mut charge) = (source, 1, None);
        self.turns.get_mut(source as usize).into_iter().for_each(|turns| *turns += 1);
        let next = match &population.arrivals {
            Arrivals::Poisson { .. } => {
                client = self.crowd.whose(self.draws.draw(self.first, Purpose::Whose, turn), self.clients);
                tempo.after(now, self.gap(turn + 1)).max(now + LEAST_GAP)
            }
            Arrivals::Modulated { states, together } => {
                if *together {
                    client = self.draws.draw(self.first, Purpose::Whose, turn).below(self.clients);
                }
                self.modulated(states, source, now)
            }
            // From the start, not from the last turn: rounding must not add up.
            Arrivals::Paced(rate) if tempo.steady() == Some(1.0) => {
                population.from + self.start(source, rate.due(1)) + rate.due(turn + 1)
            }
            Arrivals::Paced(rate) => tempo.after(now, rate.due(1).as_secs_f64()).max(now + LEAST_GAP),
            Arrivals::Burst { calls, every, .. } => {
                count = *calls;
                tempo.after(now, every.as_secs_f64()).max(now + LEAST_GAP)
            }
            Arrivals::AtOnce(_) | Arrivals::Closed(_) => {
                return Arrival { client, calls: 1, charge, next: None };
            }
            Arrivals::Recorded { trace, repeat } => {
                self.turns[source as usize] = turn;
                charge = Some(self.call_of(trace, source).charge);
                self.copies[source as usize].made += 1;
                let next = self.recorded(trace, *repeat, source).map(|next| next.max(now));
                return Arrival { client, calls: 1, charge, next };
            }
        };
        Arrival { client, calls: count, charge, next: self.in_time(next) }
    }

    /// A time, if the population still calls then.
    fn in_time(&self, time: Nanos) -> Option<Nanos> {
        (time < self.population.until).then_some(time)
    }

    /// When a client calls for the `count`-th time, if it calls in a closed loop and is done with its last call at a time.
    pub(crate) fn next_turn(&self, client: u32, count: u64, done: Nanos) -> Option<Nanos> {
        let Arrivals::Closed(think) = self.population.arrivals else { return None };
        self.in_time(self.population.tempo.after(done, self.think_time(think, client, count)))
    }

    /// Whether a client's next call waits for the end of its last.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.population.arrivals, Arrivals::Closed(_))
    }

    /// In seconds at the mean rate.
    fn think_time(&self, think: Distribution, client: u32, count: u64) -> f64 {
        think.value(|| self.draws.draw(self.first + client, Purpose::Arrival, count))
    }

    /// From one arrival of the group to the next, in seconds at the mean rate.
    fn gap(&self, count: u64) -> f64 {
        self.draws.draw(self.first, Purpose::Arrival, count).exponential(self.crowd.mean_gap)
    }

    /// Where in its period a client starts.
    fn phase(&self, client: u32, period: Nanos) -> f64 {
        self.draws.draw(self.first + client, Purpose::Phase, 0).unit() * period.as_secs_f64()
    }

    /// The same as time.
    fn start(&self, client: u32, period: Nanos) -> Nanos {
        nanos(self.phase(client, period))
    }

    /// Whose draws decide on the state of a source.
    fn whose_state(&self, source: u32) -> u32 {
        match self.population.arrivals {
            Arrivals::Modulated { together: true, .. } => EVERYONE,
            _ => self.first + source,
        }
    }

    /// The state in which a source is found at some time, and for how long still: by the share of time that each takes, and, since
    /// stays are exponential, as long as a whole one.
    fn first_modulation(&self, states: &[State], source: u32) -> Modulation {
        let whose = self.whose_state(source);
        let all: f64 = states.iter().map(|state| state.stay).sum();
        let mut at = self.draws.draw(whose, Purpose::State, 0).unit() * all;
        let mut is_passed = |state: &State| {
            at -= state.stay;
            at >= 0.0
        };
        let state = states.iter().take_while(|state| is_passed(state)).count().min(states.len() - 1);
        let stay = self.draws.draw(whose, Purpose::State, 1).exponential(states[state].stay);
        Modulation { state, until: self.population.from + nanos(stay), changes: 1 }
    }

    /// The next call of a source that changes between rates: what is left of a state is tried first, and, as the exponential
    /// distribution has no memory, the next state anew.
    fn modulated(&mut self, states: &[State], source: u32, now: Nanos) -> Nanos {
        let mut since = now;
        let callers = if self.sources().len() == 1 { f64::from(self.clients) } else { 1.0 };
        loop {
            let phase = self.modulations[source as usize];
            let rate = states[phase.state].rate * callers;
            if rate > 0.0 {
                let turn = &mut self.turns[source as usize];
                *turn += 1;
                let gap =
                    self.draws.draw(self.first + source, Purpose::Arrival, *turn).exponential(1.0 / rate);
                let next = self.population.tempo.after(since, gap).max(since + LEAST_GAP);
                if next <= phase.until {
                    return next;
                }
            }
            since = phase.until;
            if since >= self.population.until {
                return Nanos::MAX;
            }
            let state = (phase.state + 1) % states.len();
            let draw = self.draws.draw(self.whose_state(source), Purpose::State, phase.changes + 1);
            let until = since + nanos(draw.exponential(states[state].stay)).max(LEAST_GAP);
            self.modulations[source as usize] = Modulation { state, until, changes: phase.changes + 1 };
        }
    }

    /// The call of the trace at which a source is.
    fn call_of(&self, trace: &'a Recorded, source: u32) -> RecordedCall {
        let calls = trace.of(self.first + source);
        calls[(self.turns[source as usize] % calls.len() as u64) as usize]
    }

    /// When a source next makes a copy of a call of the trace, at which it then stands. A call is made as often as the tempo
    /// is at its time, on average; further copies come between it and the trace's next call.
    fn recorded(&mut self, trace: &'a Recorded, repeat: bool, source: u32) -> Option<Nanos> {
        let length = trace.of(self.first + source).len() as u64;
        let place = source as usize;
        loop {
            if length == 0 || !repeat && self.turns[place] >= length {
                return None;
            }
            let turn = self.turns[place];
            let (call, round) = (self.call_of(trace, source), turn / length);
            let began = Nanos::new(trace.length().get().saturating_mul(round));
            let time = self.population.from + began + call.at;
            self.in_time(time)?;
            let draw = |purpose, count| self.draws.draw(self.first + source, purpose, count);
            if self.copies[place].of == 0 {
                let times = self.population.tempo.at(time);
                let more = draw(Purpose::Arrival, turn).unit() < times.fract();
                self.copies[place] = Copies { made: 0, of: times as u32 + u32::from(more) };
            }
            let Copies { made, of } = self.copies[place];
            if made < of {
                if made == 0 {
                    return Some(time);
                }
                let unit = draw(Purpose::Phase, turn << 20 | u64::from(made)).unit();
                let share = (f64::from(made - 1) + unit) / f64::from(of - 1);
                return self.in_time(time + nanos(call.gap.as_secs_f64() * share));
            }
            self.copies[place] = Copies::default();
            self.turns[place] += 1;
        }
    }
}

/// Whether anything depends on how many turns a source has had.
fn counts_turns(arrivals: &Arrivals) -> bool {
    !matches!(arrivals, Arrivals::Burst { .. } | Arrivals::AtOnce(_) | Arrivals::Closed(_))
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
