//! A validated scenario: what the kernel trusts.
//!
//! Files become [`Scenario`]s in two steps: `raw` gives each field its type, and `resolve` checks what fields say of each
//! other. Both refuse with file, line and field (`fault`).

mod fault;
mod raw;
mod resolve;
mod value;

pub(crate) use value::Rate;

use super::draws::Draw;
use super::policy::Policy;
use crate::toml_text::{self, TomlError, TomlText};
use std::path::Path;
use tidegate::{Nanos, Plan};

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
}

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
    /// When they call.
    pub(crate) arrivals: Arrivals,
    /// Tokens that a call really uses.
    pub(crate) tokens: Distribution,
    /// Tokens reserved for it; `None` reserves what it will use.
    pub(crate) reserve: Option<u64>,
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
    /// From the sending of a call to the answer.
    pub(crate) round_trip: Nanos,
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
    /// One call of every client at one instant.
    AtOnce(Nanos),
    /// One call at a time: the next a while after the last has ended, in seconds.
    Closed(Distribution),
}

/// How a quantity is distributed: tokens, or seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Distribution {
    /// Always the same.
    Constant(f64),
    /// Exponential, of this mean.
    Exponential(f64),
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

impl Distribution {
    /// The value that a draw stands for.
    #[inline]
    pub(crate) fn value(self, draw: impl FnOnce() -> Draw) -> f64 {
        match self {
            Self::Constant(value) => value,
            Self::Exponential(mean) => draw().exponential(mean),
            Self::LogNormal { median, sigma, max } => draw().log_normal(median, sigma).min(max),
        }
    }
}

impl Population {
    /// How many keys it has.
    pub(crate) fn keys(&self) -> u32 {
        self.clients.div_ceil(self.clients_per_key)
    }
}

impl Scenario {
    /// The scenario that runs when none is given.
    pub(crate) fn built_in() -> Result<Self, TomlError> {
        Self::parse("built-in scenario", include_str!("../../scenarios/default.toml"))
    }

    /// Reads a scenario from a file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let text = toml_text::read(path)?;
        Ok(Self::parse(&path.display().to_string(), &text)?)
    }

    /// Reads a scenario from a text; `file` is its name in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, TomlError> {
        let text = TomlText::new(file, text);
        resolve::scenario(text.parse()?).map_err(|fault| fault.within(text))
    }
}
