//! The scenario that is both simulated and run.

use serde::{Deserialize, Deserializer};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tidegate::config::TimeSpan;

/// What real clients have to know of the scenario. A field that they do not know how to follow is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    #[serde(rename = "name")]
    _name: String,
    #[serde(deserialize_with = "time")]
    pub(crate) duration: Duration,
    /// As the gateway takes them.
    pub(crate) plans: toml::Table,
    #[serde(rename = "population")]
    pub(crate) populations: Vec<Population>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Population {
    pub(crate) name: String,
    pub(crate) plan: String,
    pub(crate) clients: usize,
    pub(crate) clients_per_key: usize,
    pub(crate) arrivals: Arrivals,
    pub(crate) retry: Retry,
    /// What the simulation takes it for until it has been measured.
    #[serde(rename = "round_trip")]
    _round_trip: String,
}

/// When a client calls.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Arrivals {
    /// Evenly, from a random phase: the time from one call to the next.
    #[serde(deserialize_with = "rate")]
    Paced(Duration),
    /// One call at a time.
    Closed { think: Think },
}

/// The time from a call's end to the next.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Think {
    #[serde(deserialize_with = "time")]
    Exponential(Duration),
}

/// What a client does after a denial.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Retry {
    Named(String),
    Changed { policy: String, retries: u32 },
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    TimeSpan::deserialize(deserializer).map(|TimeSpan(time)| Duration::from_nanos(time.get()))
}

/// `0.9/s`, as the time between two.
fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    let rate = text.strip_suffix("/s").and_then(|rate| rate.parse::<f64>().ok());
    let rate = rate.ok_or_else(|| serde::de::Error::custom("expected a rate in calls a second"))?;
    Ok(Duration::from_secs_f64(1.0 / rate))
}

/// Where it is.
pub(crate) fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(1).unwrap().join("sim/scenarios/real-clients.toml")
}

impl Scenario {
    pub(crate) fn read() -> Self {
        toml::from_str(&std::fs::read_to_string(file()).unwrap()).unwrap()
    }

    /// The window of all its limits.
    pub(crate) fn window(&self) -> Duration {
        let mut windows = self.plans.values().map(|plan| plan["limits"][0]["window"].as_str().unwrap());
        let window = windows.next().unwrap();
        assert!(windows.all(|other| other == window), "plans with several windows");
        Duration::from_nanos(TimeSpan::parse(window).unwrap().0.get())
    }

    /// The plans as text.
    pub(crate) fn plans(&self) -> String {
        toml::to_string(&toml::Table::from_iter([("plans".to_owned(), self.plans.clone().into())])).unwrap()
    }
}

impl Population {
    /// The key with which a client calls.
    pub(crate) fn key(&self, client: usize) -> String {
        format!("{}-{}", self.name, client / self.clients_per_key)
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.clients).step_by(self.clients_per_key).map(|client| self.key(client))
    }
}
