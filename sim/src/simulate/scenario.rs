//! A validated scenario: what the kernel trusts.
//!
//! Files become [`Scenario`]s in two steps: `raw` gives each field its type, and `resolve`, with a room for each part, checks what
//! fields say of each other. Both refuse with file, line and field (`fault`).

mod arrivals;
mod bounds;
mod disturbances;
mod document;
mod fault;
mod files;
mod gateways;
mod names;
mod pools;
mod population;
mod raw;
mod resolve;
mod retry;
mod value;

pub(crate) use disturbances::{Disturbance, Spike};
pub(crate) use document::{Document, Setting};
use files::Files;
pub(crate) use gateways::{Gateways, Parts};
pub(crate) use value::Rate;

use super::draws::Draw;
use super::policy::{Policy, nanos};
use super::recorded::Recorded;
use super::tempo::Tempo;
use std::path::Path;
use std::sync::Arc;
use tidegate::config::GuardConfig;
use tidegate::{Nanos, Plan};
use tidegate_faults::{TomlError, TomlText};

/// What is simulated: a scenario that can be run.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// What the report calls it.
    pub(crate) name: String,
    /// The seed, if none is given on the command line.
    pub(crate) seed: u64,
    /// How much virtual time passes.
    pub(crate) duration: Nanos,
    /// Where on the UTC clock it begins: the day quota turns at midnight.
    pub(crate) start: Nanos,
    /// Whose calls arrive.
    pub(crate) populations: Vec<Population>,
    /// What serves the calls that are admitted; `None` serves all at once.
    pub(crate) backend: Option<BackendRules>,
    /// The guard's rules, if there is one.
    pub(crate) guard: Option<GuardConfig>,
    /// What happens on the way, in no order.
    pub(crate) script: Vec<Scripted>,
    /// When clients call more often, or less, than they do else.
    pub(crate) spikes: Vec<Spike>,
    /// Between which gateways their calls are divided.
    pub(crate) gateways: Gateways,
    /// Who says when the warm-up ends.
    pub(crate) warm_up: WarmUp,
}

/// Who says when the warm-up ends, which the script has as an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WarmUp {
    /// The scenario, if there is one at all.
    Given,
    /// A pilot, which has not run.
    ToBeFound,
    /// A pilot did.
    Found,
    /// A pilot could not: it was too short.
    NotFound,
}

/// What stands behind the limiter.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct BackendRules {
    /// So many calls are served at a time.
    pub(crate) servers: u32,
    /// So many wait at most; `None` for any number.
    pub(crate) queue: Option<u32>,
    /// How long a call takes besides its tokens, in seconds.
    pub(crate) service: Distribution,
    /// How fast a server makes tokens; `None` adds no time for them.
    pub(crate) tokens_per_second: Option<f64>,
    /// How much of a server's time a refusal takes.
    pub(crate) refusal: Nanos,
    /// The share of calls whose service ends in a failure.
    pub(crate) failure: f64,
    /// Whether a call fails if another has succeeded while it was served, as a conditional write does (optimistic
    /// concurrency).
    pub(crate) optimistic: bool,
}

impl BackendRules {
    /// How long a call of so many tokens takes a server.
    pub(crate) fn service_time(&self, tokens: u32, draw: impl FnOnce() -> Draw) -> Nanos {
        let making = self.tokens_per_second.map_or(0.0, |speed| f64::from(tokens) / speed);
        nanos(self.service.value(draw) + making)
    }
}

/// Something that happens at its time.
#[derive(Clone, Debug)]
pub(crate) struct Scripted {
    /// When, from the start.
    pub(crate) at: Nanos,
    /// What.
    pub(crate) what: Happening,
}

/// What may happen on the way.
#[derive(Clone, Debug)]
pub(crate) enum Happening {
    /// Counting starts over: what came before was warm-up.
    WarmedUp,
    /// The backend stops.
    Outage,
    /// It works again.
    Recovery,
    /// The keys of a population change to another plan.
    PlanChange {
        /// Which, by its place.
        population: usize,
        /// To this.
        plan: Box<Plan>,
    },
}

/// The shortest round trip: a client that retries at once must not stop the clock.
pub(crate) const MIN_ROUND_TRIP: Nanos = Nanos::new(100_000);

/// Clients that behave alike.
#[derive(Clone, Debug)]
pub(crate) struct Population {
    /// Its name, which no other has.
    pub(crate) name: String,
    /// The plan of each of its keys.
    pub(crate) plan: Plan,
    /// How many clients there are.
    pub(crate) clients: u32,
    /// How many of them share a key; the last key may have fewer.
    pub(crate) clients_per_key: u32,
    /// Which keys they call with: populations of one number share them.
    pub(crate) keys_of: u32,
    /// How many of them share an address; the last one may have fewer.
    pub(crate) clients_per_address: u32,
    /// Which addresses they call from: populations of one number share them.
    pub(crate) addresses_of: u32,
    /// When they call.
    pub(crate) arrivals: Arrivals,
    /// No call is begun before this time.
    pub(crate) from: Nanos,
    /// And none from this time on.
    pub(crate) until: Nanos,
    /// How its rate changes over time.
    pub(crate) tempo: Tempo,
    /// Tokens that a call really uses.
    pub(crate) tokens: Tokens,
    /// Tokens reserved for it; `None` reserves what it will use, or what a trace says.
    pub(crate) reserve: Option<u32>,
    /// How long its response takes besides its tokens, in seconds.
    pub(crate) stream: Distribution,
    /// How fast its tokens stream; `None` adds no time for them.
    pub(crate) tokens_per_second: Option<f64>,
    /// What they do after a 429.
    pub(crate) policy: Policy,
    /// The policy's name.
    pub(crate) policy_name: String,
    /// How long after its first attempt a call may be sent again; `None` for ever.
    pub(crate) patience: Option<Nanos>,
    /// From the sending of a call to the answer, but for the backend's time, in seconds.
    pub(crate) round_trip: Distribution,
    /// How long a client waits for the backend; `None` for ever.
    pub(crate) timeout: Option<Nanos>,
}

/// When clients call.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Arrivals {
    /// At random.
    Poisson {
        /// The rate of a client; the mean one, if they differ.
        rate: Rate,
        /// The standard deviation of the logarithm of a client's own rate; 0 if all have the same.
        spread: f64,
    },
    /// Evenly, each client from a random start.
    Paced(Rate),
    /// So many calls at once, again and again.
    Burst {
        /// Calls in a burst.
        calls: u32,
        /// From one burst to the next.
        every: Nanos,
        /// Whether all clients burst at the same instants.
        aligned: bool,
    },
    /// One call of every client, at one instant or about it, in seconds from the start.
    AtOnce(Distribution),
    /// One call at a time: the next a while after the last has ended, in seconds.
    Closed(Distribution),
    /// At random, at a rate that changes at random (Markov-modulated Poisson process), from each state to the next in a circle.
    Modulated {
        /// The states.
        states: Vec<State>,
        /// Whether all clients change at once, rather than each by itself.
        together: bool,
    },
    /// As a trace has it.
    Recorded {
        /// The trace.
        trace: Arc<Recorded>,
        /// Whether it begins anew when it has ended.
        repeat: bool,
    },
}

/// A state of modulated arrivals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct State {
    /// The rate of a client, in calls a second.
    pub(crate) rate: f64,
    /// How long it stays on average, in seconds.
    pub(crate) stay: f64,
}

impl Arrivals {
    /// Whether there is a rate that could change over time.
    pub(crate) fn have_rate(&self) -> bool {
        !matches!(self, Self::AtOnce(_))
    }
}

/// The tokens that calls use.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Tokens {
    /// Drawn from a distribution.
    Drawn(Distribution),
    /// Drawn from those of a trace's calls, each as likely.
    Sampled(Arc<[u32]>),
}

impl Tokens {
    /// The tokens that a draw stands for: the nearest whole number, so that the mean is the distribution's. Cutting the rest
    /// off would take half a token of every call.
    #[inline]
    pub(crate) fn value(&self, draw: impl FnOnce() -> Draw) -> u32 {
        match self {
            Self::Drawn(distribution) => (distribution.value(draw) + 0.5) as u32,
            Self::Sampled(sample) => sample[draw().below(sample.len() as u32) as usize],
        }
    }
}

/// How a quantity is distributed: tokens, or seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Distribution {
    /// Always the same.
    Constant(f64),
    /// Exponential, of this mean.
    Exponential(f64),
    /// Normal; what is below zero counts as that far above it.
    Normal {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        sd: f64,
    },
    /// Log-normal.
    LogNormal {
        /// Half are below.
        median: f64,
        /// The standard deviation of the logarithm.
        sigma: f64,
        /// Larger values count as this.
        max: f64,
    },
}

impl Default for Distribution {
    fn default() -> Self {
        Self::Constant(0.0)
    }
}

impl Distribution {
    /// The value that a draw stands for.
    #[inline]
    pub(crate) fn value(self, draw: impl FnOnce() -> Draw) -> f64 {
        match self {
            Self::Constant(value) => value,
            Self::Exponential(mean) => draw().exponential(mean),
            Self::Normal { mean, sd } => (mean + sd * draw().normal()).abs(),
            Self::LogNormal { median, sigma, max } => draw().log_normal(median, sigma).min(max),
        }
    }
}

impl Population {
    /// So many clients, from any first one that is a multiple of it, share keys and addresses with nobody but each other;
    /// `None` if that is only so of all.
    pub(crate) fn clients_apart(&self, has_guard: bool) -> Option<u32> {
        if !has_guard || self.clients_per_address == 1 {
            return Some(self.clients_per_key);
        }
        let (mut a, mut b) = (self.clients_per_key, self.clients_per_address);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        (self.clients_per_key / a).checked_mul(self.clients_per_address).filter(|apart| *apart < self.clients)
    }

    /// Whether each of its clients has turns of its own, rather than all together.
    pub(crate) fn has_own_turns(&self) -> bool {
        !matches!(self.arrivals, Arrivals::Poisson { .. } | Arrivals::Modulated { together: true, .. })
    }

    /// Whether a client's next call waits for the end of its last.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.arrivals, Arrivals::Closed(_))
    }

    /// How many keys it has.
    pub(crate) fn keys(&self) -> u32 {
        self.clients.div_ceil(self.clients_per_key)
    }
}

impl Scenario {
    /// The time over which totals are counted: all but the warm-up.
    pub(crate) fn measured(&self) -> Nanos {
        let warm_up = self.script.iter().find(|line| matches!(line.what, Happening::WarmedUp));
        self.duration - warm_up.map_or(Nanos::ZERO, |line| line.at)
    }

    /// Whether a population's calls can make a difference to another's.
    pub(crate) fn is_shared(&self) -> bool {
        let shares = |population: &Population, other: &Population| {
            population.keys_of == other.keys_of
                || self.guard.is_some() && population.addresses_of == other.addresses_of
        };
        let any =
            |(place, population)| self.populations[..place].iter().any(|other| shares(population, other));
        self.backend.is_some() || self.populations.iter().enumerate().any(any)
    }

    /// The scenario that runs when none is given.
    pub(crate) fn built_in() -> Result<Self, TomlError> {
        Self::parse("built-in scenario", include_str!("../../scenarios/default.toml"))
    }

    /// Reads a scenario from a file, and the scenarios that it extends. An error if one cannot be read, or says what it must not.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        Ok(Document::read(path)?.scenario()?)
    }

    /// Reads a scenario from a text; `file` is its name in errors. A text that names other files is refused: it has no place
    /// beside which they could be.
    pub fn parse(file: &str, text: &str) -> Result<Self, TomlError> {
        Self::resolved(file, text, Files::Nowhere)
    }

    fn resolved(file: &str, text: &str, files: Files<'_>) -> Result<Self, TomlError> {
        let text = TomlText::new(file, text);
        resolve::scenario(text.parse()?, files).map_err(|fault| fault.within(text))
    }
}
