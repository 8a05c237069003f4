//! Plans and the guard's rules as configuration files spell them.
//!
//! [`Plans`] and its parts are for `serde`: they can be fields of a program's own configuration, in any
//! format. Each number is checked as it is read, so that the format's error points to its place; what only the whole plan shows is
//! found by [`Plans::build`], whose [`ConfigError`] has the path of the field. [`GuardConfig`] is the section of a
//! [guard](crate::guard).
//!
//! ```
//! use tidegate::config::Plans;
//!
//! #[derive(serde::Deserialize)]
//! struct Config {
//!     plans: Plans,
//! }
//!
//! let config: Config = toml::from_str(
//!     r#"
//!     [plans.gold]
//!     requests_per_minute = 5_000
//!     tokens_per_minute = 50_000_000
//!     burst = 0.5
//!
//!     [[plans.trial.limits]]
//!     unit = "requests"
//!     amount = 10
//!     window = "1h"
//!     mode = "shadow"
//!     "#,
//! )?;
//! let plans = config.plans.build()?;
//! assert_eq!(plans[0].name(), "gold");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod field;
mod guard;
mod table;
mod time_span;

use crate::plan::{Burst, Limit, Mode, Plan, PlanError, Span};
use crate::unit::Unit;
pub use field::{Amount, LimitName};
pub use guard::GuardConfig;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use table::{Fields, table};
pub use time_span::TimeSpan;

/// Plans by name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Plans(pub BTreeMap<String, PlanConfig>);

/// One plan: the common limits by name, any others as a list.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct PlanConfig {
    /// A sliding window of one minute for requests.
    pub requests_per_minute: Option<Amount>,
    /// A sliding window of one minute for tokens.
    pub tokens_per_minute: Option<Amount>,
    /// A quota of tokens for the UTC day.
    pub tokens_per_day: Option<Amount>,
    /// The burst fraction of all windows of the plan that give none of their own; 0.20 if not set.
    #[serde(default, deserialize_with = "field::burst")]
    pub burst: Option<Burst>,
    /// Whether denials give places in line, for keys that many workers share; `false` if not set.
    #[serde(default)]
    pub slotted_hints: bool,
    /// Further limits.
    #[serde(default)]
    pub limits: Vec<LimitConfig>,
}

/// One limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub struct LimitConfig {
    /// What it counts: `requests` or `tokens`.
    #[serde(deserialize_with = "field::unit")]
    pub unit: Unit,
    /// L: so many units in a window.
    pub amount: Amount,
    /// How long the window is, as a [`TimeSpan`] is written: `500ms`, `60s`, `15min`, `1h30m`; or `day`, the UTC day.
    #[serde(deserialize_with = "field::span")]
    pub window: Span,
    /// The burst fraction; the plan's if not set. Without effect on a day.
    #[serde(default, deserialize_with = "field::burst")]
    pub burst: Option<Burst>,
    /// `enforce` or `shadow`; `enforce` if not set.
    #[serde(default, deserialize_with = "field::mode")]
    pub mode: Mode,
    /// Its name in answers and headers; made of unit and window if not set.
    pub name: Option<LimitName>,
}

impl Plans {
    /// The plans, in order of their names; or the first thing that is wrong with one of them.
    pub fn build(&self) -> Result<Vec<Plan>, ConfigError> {
        self.0.iter().map(|(name, plan)| plan.build(name)).collect()
    }
}

impl PlanConfig {
    /// The plan, under the name given.
    pub fn build(&self, name: &str) -> Result<Plan, ConfigError> {
        let mut builder = Plan::builder(name).slotted_hints(self.slotted_hints);
        let mut before: Vec<Limit> = Vec::new();
        for (field, limit) in self.all_limits() {
            let refused = |problem| ConfigError { plan: name.into(), field: field.clone(), problem };
            // Alone first, so that an error is about this limit and its place is known.
            Plan::builder(name).limit(limit.clone()).build().map_err(|error| refused(error.into()))?;
            if before.iter().any(|other| other.id() != limit.id() && other.name() == limit.name()) {
                return Err(refused(Problem::SameName(limit.name().to_string())));
            }
            if before.iter().any(|other| other.id() == limit.id()) {
                let twice = PlanError::Twice { plan: name.into(), field: limit.name() };
                return Err(refused(twice.into()));
            }
            before.push(limit.clone());
            builder = builder.limit(limit);
        }
        builder.build().map_err(|error| ConfigError {
            plan: name.into(),
            field: Vec::new(),
            problem: error.into(),
        })
    }

    /// Every limit with its path within the plan.
    fn all_limits(&self) -> impl Iterator<Item = (Vec<PathPart>, Limit)> {
        let burst = self.burst.unwrap_or_default();
        let named = [
            (
                "requests_per_minute",
                self.requests_per_minute.map(|l| Limit::per_minute(Unit::Requests, l.get())),
            ),
            ("tokens_per_minute", self.tokens_per_minute.map(|l| Limit::per_minute(Unit::Tokens, l.get()))),
            ("tokens_per_day", self.tokens_per_day.map(|q| Limit::day(Unit::Tokens, q.get()))),
        ];
        let named = named.into_iter().filter_map(move |(field, limit)| {
            Some((vec![PathPart::Name(field.into())], limit?.with_burst(burst)))
        });
        let listed = self.limits.iter().enumerate().map(move |(place, limit)| {
            (vec![PathPart::Name("limits".into()), PathPart::Place(place)], limit.limit(burst))
        });
        named.chain(listed)
    }
}

impl LimitConfig {
    /// The limit, with the plan's burst if it has none of its own.
    fn limit(&self, burst: Burst) -> Limit {
        let limit = match self.window {
            Span::Window(window) => Limit::window(self.unit, self.amount.get(), window),
            Span::Day => Limit::day(self.unit, self.amount.get()),
        };
        let limit = limit.with_burst(self.burst.unwrap_or(burst)).with_mode(self.mode);
        match &self.name {
            Some(name) => limit.with_name(name.as_str()),
            None => limit,
        }
    }
}

impl<'de> Fields<'de> for PlanConfig {
    const EXPECTED: &'static str = "a plan: a table with limits such as `requests_per_minute`";
    fn fields<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for PlanConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        table(deserializer)
    }
}

impl<'de> Fields<'de> for LimitConfig {
    const EXPECTED: &'static str = "a limit: a table with `unit`, `amount` and `window`";
    fn fields<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::deserialize(deserializer)
    }
}

impl<'de> Deserialize<'de> for LimitConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        table(deserializer)
    }
}

/// A plan that cannot be made, and where in the configuration the reason stands.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigError {
    plan: String,
    /// The path within the plan.
    field: Vec<PathPart>,
    problem: Problem,
}

#[derive(Clone, Debug, PartialEq)]
enum Problem {
    Plan(PlanError),
    SameName(String),
}

impl From<PlanError> for Problem {
    fn from(error: PlanError) -> Self {
        Self::Plan(error)
    }
}

/// A step on the way to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPart {
    /// A name in a table.
    Name(String),
    /// A place in a list, from 0.
    Place(usize),
}

impl fmt::Display for PathPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Place(place) => write!(f, "{place}"),
        }
    }
}

impl ConfigError {
    /// The path to the field at fault where [`Plans`] is called `plans`: `plans`, the plan's name, and so on.
    pub fn path(&self) -> Vec<PathPart> {
        let plan = [PathPart::Name("plans".into()), PathPart::Name(self.plan.clone())];
        plan.into_iter().chain(self.field.iter().cloned()).collect()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.problem {
            Problem::Plan(error) => error.fmt(f),
            Problem::SameName(name) => write!(
                f,
                "plan `{}`: two limits are called `{name}`; answers could not tell which of them denied",
                self.plan
            ),
        }
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests;
