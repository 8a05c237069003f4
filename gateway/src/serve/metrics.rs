//! What Prometheus reads: the engine's counts, the guard's, and what the program's parts tell.
//!
//! No metric has a label per key: how many series there are depends on the code alone. The engine counts what it decides itself, and
//! is only asked when somebody reads; the handles here are for what it does not see. `docs/operators.md` lists them all.

mod engine;

use super::bodies::Bodies;
use super::live::State;
use engine::{EngineCounts, GuardCounts};
use http::StatusCode;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};
use tidegate::{Clock, Guard};

/// Gives the guard that is in force, if there is one; another configuration may have another.
pub type GuardNow = Arc<dyn Fn() -> Option<Arc<Guard>> + Send + Sync>;

/// All metrics, and the handles by which they are told.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Calls to upstreams.
    pub upstream: Upstream,
    /// Bodies of requests.
    pub bodies: Bodies,
    /// Changes of the configuration.
    pub configuration: Configuration,
    /// Requests of Envoy.
    pub envoy: Envoy,
}

impl Metrics {
    /// Metrics of a gateway with this engine, and the guard of the moment.
    pub fn new(state: Arc<State>, guard: GuardNow, clock: Arc<dyn Clock + Send + Sync>) -> Self {
        let mut registry = Registry::with_prefix("tidegate");
        let upstream = Upstream::registered(&mut registry);
        let bodies = Bodies::registered(&mut registry);
        let configuration = Configuration::registered(&mut registry);
        let envoy = Envoy::registered(&mut registry);
        registry.register_collector(Box::new(EngineCounts(state)));
        registry.register_collector(Box::new(GuardCounts { guard, clock }));
        Self { registry, upstream, bodies, configuration, envoy }
    }

    /// What the text is, for `Content-Type`.
    pub const CONTENT_TYPE: &'static str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// All of them in OpenMetrics text. Walks the guard's tables.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

type Labels = [(&'static str, &'static str); 1];

/// One counter for each value of a label, made once, so that counting looks nothing up.
fn counters<const N: usize>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    label: &'static str,
    values: [&'static str; N],
) -> [Counter; N] {
    let family: Family<Labels, Counter> = Family::default();
    registry.register(name, help, family.clone());
    values.map(|value| family.get_or_create(&[(label, value)]).clone())
}

/// Calls to upstreams.
#[derive(Debug)]
pub struct Upstream {
    classes: [Counter; 6],
    seconds: Histogram,
}

impl Upstream {
    fn registered(registry: &mut Registry) -> Self {
        let classes = counters(
            registry,
            "upstream_responses",
            "Calls to upstreams, by the class of their response's status; error: there was no response",
            "class",
            ["1xx", "2xx", "3xx", "4xx", "5xx", "error"],
        );
        // From 1 ms to 131 s in 18 steps of double: no mean hides a stream that begins after a minute.
        let seconds = Histogram::new(exponential_buckets(0.001, 2.0, 18));
        let help = "Time from a request's end to the begin of the upstream's response";
        registry.register_with_unit("upstream_response_time", help, Unit::Seconds, seconds.clone());
        Self { classes, seconds }
    }

    /// An upstream has begun to respond.
    pub fn responded(&self, status: StatusCode, after: Duration) {
        // Statuses are from 100 to 999; what is beyond 599 is as good as a failure.
        let class = usize::from(status.as_u16() / 100).clamp(1, 5) - 1;
        self.classes[class].inc();
        self.seconds.observe(after.as_secs_f64());
    }

    /// An upstream was not reached, or broke off before it responded.
    pub fn failed(&self) {
        self.classes[5].inc();
    }
}

/// Changes of the configuration.
#[derive(Debug)]
pub struct Configuration {
    generation: Gauge,
    changed: Gauge<f64, AtomicU64>,
    is_good: Gauge,
    refused: Counter,
}

impl Configuration {
    fn registered(registry: &mut Registry) -> Self {
        let this = Self {
            generation: Gauge::default(),
            changed: Gauge::default(),
            is_good: Gauge::default(),
            refused: Counter::default(),
        };
        registry.register(
            "configuration_generation",
            "Number of the configuration in force, counted from 1",
            this.generation.clone(),
        );
        registry.register_with_unit(
            "configuration_last_reload_success_timestamp",
            "When the configuration in force was taken over, in Unix time",
            Unit::Seconds,
            this.changed.clone(),
        );
        registry.register(
            "configuration_last_reload_successful",
            "Whether the configuration that was read last is in force",
            this.is_good.clone(),
        );
        registry.register(
            "configuration_reloads_refused",
            "Configurations that were read and found wrong; the one before stayed in force",
            this.refused.clone(),
        );
        this
    }

    /// A configuration is in force.
    pub fn taken_over(&self, generation: u64) {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.generation.set(i64::try_from(generation).unwrap_or(i64::MAX));
        self.changed.set(since_1970.as_secs_f64());
        self.is_good.set(1);
    }

    /// A configuration was wrong, and the one before stays.
    pub fn refused(&self) {
        self.refused.inc();
        self.is_good.set(0);
    }
}

/// Requests of Envoy.
#[derive(Debug)]
pub struct Envoy {
    codes: [Counter; 3],
    unmatched: Counter,
}

/// How a request of Envoy was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvoyCode {
    /// `OK`.
    Ok,
    /// `OVER_LIMIT`.
    OverLimit,
    /// With an error: it was not understood.
    Error,
}

impl Envoy {
    fn registered(registry: &mut Registry) -> Self {
        let codes = counters(
            registry,
            "envoy_requests",
            "Requests of Envoy's rate limit filter, by the answer",
            "code",
            ["ok", "over_limit", "error"],
        );
        let unmatched = Counter::default();
        registry.register(
            "envoy_unmatched_descriptors",
            "Descriptors that no rule was for",
            unmatched.clone(),
        );
        Self { codes, unmatched }
    }

    /// A request was answered.
    pub fn answered(&self, code: EnvoyCode) {
        self.codes[code as usize].inc();
    }

    /// Of a request's descriptors no rule was for so many.
    pub fn unmatched(&self, descriptors: u64) {
        self.unmatched.inc_by(descriptors);
    }
}
