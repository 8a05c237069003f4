//! The file's shape: every field with its type, none unknown.

use super::value::Rate;
use crate::trace::Format;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, IntoDeserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;
use tidegate::Nanos;
use tidegate::config::{GuardConfig, Plans, TimeSpan};
use toml::Spanned;

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(super) struct RawScenario {
    pub(super) extends: Option<Spanned<String>>,
    pub(super) name: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) seed: u64,
    pub(super) duration: Spanned<TimeSpan>,
    pub(super) start: Option<Spanned<String>>,
    pub(super) warm_up: Option<Spanned<RawWarmUp>>,
    #[serde(default)]
    pub(super) plans: Plans,
    pub(super) gateways: Option<Spanned<RawGateways>>,
    pub(super) backend: Option<Spanned<RawBackend>>,
    pub(super) guard: Option<Spanned<GuardConfig>>,
    #[serde(default)]
    pub(super) event: Vec<Spanned<RawEvent>>,
    pub(super) population: Spanned<Vec<Spanned<RawPopulation>>>,
}

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(super) struct RawBackend {
    pub(super) servers: Spanned<u32>,
    pub(super) queue: Option<u32>,
    pub(super) service: Option<Spanned<RawDistribution<TimeSpan>>>,
    pub(super) tokens_per_second: Option<Spanned<f64>>,
    pub(super) refusal: Option<TimeSpan>,
    pub(super) failure: Option<Spanned<f64>>,
    #[serde(default)]
    pub(super) optimistic: bool,
}

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(super) struct RawGateways {
    pub(super) weights: Spanned<Vec<f64>>,
    #[serde(default)]
    pub(super) limits: RawParts,
    #[serde(default)]
    pub(super) sticky: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawParts {
    #[default]
    Even,
    Proportional,
    Whole,
}

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(super) struct RawEvent {
    pub(super) at: Spanned<TimeSpan>,
    pub(super) outage: Option<Spanned<TimeSpan>>,
    pub(super) spike: Option<Spanned<f64>>,
    #[serde(rename = "for")]
    pub(super) lasts: Option<Spanned<TimeSpan>>,
    pub(super) population: Option<Spanned<String>>,
    pub(super) plan: Option<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(super) struct RawPopulation {
    pub(super) name: Spanned<String>,
    pub(super) plan: Spanned<String>,
    pub(super) clients: Option<Spanned<u32>>,
    pub(super) clients_per_key: Option<Spanned<u32>>,
    pub(super) keys: Option<String>,
    pub(super) clients_per_address: Option<Spanned<u32>>,
    pub(super) addresses: Option<String>,
    pub(super) arrivals: Spanned<RawArrivals>,
    pub(super) spread: Option<Spanned<f64>>,
    pub(super) load: Option<Spanned<f64>>,
    pub(super) from: Option<Spanned<TimeSpan>>,
    pub(super) until: Option<Spanned<TimeSpan>>,
    pub(super) tokens: Option<Spanned<RawTokens>>,
    pub(super) reserve: Option<Spanned<u64>>,
    pub(super) stream: Option<Spanned<RawDistribution<TimeSpan>>>,
    pub(super) tokens_per_second: Option<Spanned<f64>>,
    pub(super) retry: Spanned<RawRetry>,
    pub(super) patience: Option<TimeSpan>,
    pub(super) round_trip: Option<Spanned<RawDistribution<TimeSpan>>>,
    pub(super) timeout: Option<Spanned<TimeSpan>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum RawArrivals {
    Poisson(Rate),
    Paced(Rate),
    Burst(RawBurst),
    AtOnce(RawDistribution<TimeSpan>),
    Closed(RawClosed),
    Diurnal(RawDiurnal),
    Mmpp(RawMmpp),
    Trace(RawTrace),
}

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(super) struct RawDiurnal {
    pub(super) mean: Rate,
    pub(super) curve: Spanned<Vec<f64>>,
    pub(super) period: Option<Spanned<TimeSpan>>,
}

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(super) struct RawMmpp {
    pub(super) states: Spanned<Vec<RawState>>,
    #[serde(default)]
    pub(super) together: bool,
}

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(super) struct RawState {
    pub(super) rate: Option<Rate>,
    pub(super) stay: Spanned<TimeSpan>,
}

/// A trace's file, or a table with it.
#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(super) struct RawTrace {
    pub(super) file: Spanned<String>,
    pub(super) format: Option<Format>,
    #[serde(default)]
    pub(super) repeat: bool,
}

/// Tokens of a call: a distribution, or a trace's.
#[derive(Debug)]
pub(super) enum RawTokens {
    Distribution(RawDistribution<u64>),
    Trace(Spanned<String>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum RawTokensShape {
    Exponential(u64),
    Normal(RawNormal<u64>),
    LogNormal(RawLogNormal<u64>),
    Trace(Spanned<String>),
}

impl From<RawTokensShape> for RawTokens {
    fn from(shape: RawTokensShape) -> Self {
        let shape = match shape {
            RawTokensShape::Exponential(mean) => RawShape::Exponential(mean),
            RawTokensShape::Normal(normal) => RawShape::Normal(normal),
            RawTokensShape::LogNormal(log_normal) => RawShape::LogNormal(log_normal),
            RawTokensShape::Trace(file) => return Self::Trace(file),
        };
        Self::Distribution(RawDistribution::Shape(shape))
    }
}

/// A time, or that it is to be found.
#[derive(Debug)]
pub(super) enum RawWarmUp {
    Given(TimeSpan),
    Auto,
}

impl<'de> Deserialize<'de> for RawWarmUp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimeOrAuto;
        impl Visitor<'_> for TimeOrAuto {
            type Value = RawWarmUp;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time such as \"5min\", or \"auto\"")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<RawWarmUp, E> {
                match text {
                    "auto" => Ok(RawWarmUp::Auto),
                    _ => TimeSpan::deserialize(text.into_deserializer()).map(RawWarmUp::Given),
                }
            }
        }
        deserializer.deserialize_any(TimeOrAuto)
    }
}

impl<'de> Deserialize<'de> for RawTokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NumberOrTable;
        impl<'de> Visitor<'de> for NumberOrTable {
            type Value = RawTokens;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number, or a table with `exponential`, `normal`, `lognormal` or `trace`")
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<RawTokens, E> {
                let value = u64::deserialize(value.into_deserializer())?;
                Ok(RawTokens::Distribution(RawDistribution::Constant(value)))
            }
            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<RawTokens, A::Error> {
                RawTokensShape::deserialize(MapAccessDeserializer::new(table)).map(Into::into)
            }
        }
        deserializer.deserialize_any(NumberOrTable)
    }
}

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(super) struct RawBurst {
    pub(super) calls: u32,
    pub(super) every: TimeSpan,
    #[serde(default)]
    pub(super) aligned: bool,
}

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(super) struct RawClosed {
    pub(super) think: RawDistribution<TimeSpan>,
}

/// A plain value, or a table that names a distribution.
#[derive(Debug)]
pub(super) enum RawDistribution<V> {
    Constant(V),
    Shape(RawShape<V>),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum RawShape<V> {
    Exponential(V),
    Normal(RawNormal<V>),
    LogNormal(RawLogNormal<V>),
}

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(super) struct RawNormal<V> {
    pub(super) mean: V,
    pub(super) sd: V,
}

#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(super) struct RawLogNormal<V> {
    pub(super) median: V,
    pub(super) sigma: f64,
    pub(super) max: Option<V>,
}

/// A policy's name, or a table that gives it other numbers.
#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields)]
pub(super) struct RawRetryTable {
    pub(super) policy: Spanned<String>,
    pub(super) retries: Option<Spanned<u16>>,
    pub(super) delay: Option<Spanned<TimeSpan>>,
    pub(super) base: Option<Spanned<TimeSpan>>,
    pub(super) cap: Option<Spanned<TimeSpan>>,
    pub(super) jitter: Option<Spanned<TimeSpan>>,
    pub(super) deadline: Option<Spanned<TimeSpan>>,
    pub(super) method: Option<Spanned<RawMethod>>,
    pub(super) budget: Option<Spanned<RawBudget>>,
    pub(super) adaptive_throttling: Option<Spanned<RawThrottle>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum RawMethod {
    Get,
    Post,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum RawBudget {
    Finagle(RawFinagle),
    Envoy(RawEnvoy),
    Grpc(RawGrpc),
}

/// Finagle's defaults.
#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub(super) struct RawFinagle {
    pub(super) ttl: TimeSpan,
    pub(super) min_per_second: f64,
    pub(super) share: f64,
}

impl Default for RawFinagle {
    fn default() -> Self {
        Self { ttl: TimeSpan(Nanos::from_secs(10)), min_per_second: 10.0, share: 0.2 }
    }
}

/// Envoy's defaults.
#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub(super) struct RawEnvoy {
    pub(super) share: f64,
    pub(super) min_concurrency: u32,
}

impl Default for RawEnvoy {
    fn default() -> Self {
        Self { share: 0.2, min_concurrency: 3 }
    }
}

/// The numbers of gRPC's example (proposal A6).
#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub(super) struct RawGrpc {
    pub(super) max_tokens: f64,
    pub(super) ratio: f64,
}

impl Default for RawGrpc {
    fn default() -> Self {
        Self { max_tokens: 10.0, ratio: 0.1 }
    }
}

/// The numbers of the source.
#[derive(Debug, Deserialize)]
#[serde(remote = "Self", deny_unknown_fields, default)]
pub(super) struct RawThrottle {
    pub(super) k: f64,
    pub(super) window: TimeSpan,
}

impl Default for RawThrottle {
    fn default() -> Self {
        Self { k: 2.0, window: TimeSpan(Nanos::from_secs(120)) }
    }
}

#[derive(Debug)]
pub(super) enum RawRetry {
    Name(String),
    Table(Box<RawRetryTable>),
}

// Written out rather than derived as untagged, which would throw the place of an error within the table away.
impl<'de> Deserialize<'de> for RawRetry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameOrTable;
        impl<'de> Visitor<'de> for NameOrTable {
            type Value = RawRetry;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a retry policy, or a table with `policy` and its numbers")
            }
            fn visit_str<E: Error>(self, name: &str) -> Result<RawRetry, E> {
                Ok(RawRetry::Name(name.into()))
            }
            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<RawRetry, A::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(table))
                    .map(|table| RawRetry::Table(Box::new(table)))
            }
        }
        deserializer.deserialize_any(NameOrTable)
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for RawDistribution<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueOrTable<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for ValueOrTable<V> {
            type Value = RawDistribution<V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a time such as \"250ms\" (of tokens a whole number), or a table with `exponential`, `normal` or `lognormal`",
                )
            }
            fn visit_i64<E: Error>(self, value: i64) -> Result<Self::Value, E> {
                V::deserialize(value.into_deserializer()).map(RawDistribution::Constant)
            }
            fn visit_str<E: Error>(self, value: &str) -> Result<Self::Value, E> {
                V::deserialize(value.into_deserializer()).map(RawDistribution::Constant)
            }
            fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<Self::Value, A::Error> {
                Deserialize::deserialize(MapAccessDeserializer::new(table)).map(RawDistribution::Shape)
            }
        }
        deserializer.deserialize_any(ValueOrTable(PhantomData))
    }
}

/// What `derive` makes of a struct also reads a list, by the order of the fields, and calls anything else no `struct`, by its name in
/// this program. These are tables alone, and are called that.
macro_rules! tables {
    ($([$($generic:ident)?] $table:ty: $expected:literal,)*) => {$(
        impl<'de $(, $generic: Deserialize<'de>)?> Deserialize<'de> for $table {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Table<T>(PhantomData<T>);
                impl<'de $(, $generic: Deserialize<'de>)?> Visitor<'de> for Table<$table> {
                    type Value = $table;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<$table, A::Error> {
                        <$table>::deserialize(MapAccessDeserializer::new(fields))
                    }
                }
                deserializer.deserialize_map(Table(PhantomData))
            }
        }
    )*};
}

tables! {
    [] RawScenario: "a scenario: a table",
    [] RawBackend: "a table: `[backend]`",
    [] RawGateways: "a table: `[gateways]`",
    [] RawEvent: "a table: `[[event]]`",
    [] RawPopulation: "a table: `[[population]]`",
    [] RawDiurnal: "a table with `mean` and `curve`",
    [] RawMmpp: "a table with `states`",
    [] RawState: "a table with `rate` and `stay`",
    [] RawTrace: "a table with `file`",
    [] RawBurst: "a table with `calls` and `every`",
    [] RawClosed: "a table with `think`",
    [] RawRetryTable: "a table with `policy` and its numbers",
    [] RawFinagle: "a table with `ttl`, `min_per_second` and `share`",
    [] RawEnvoy: "a table with `share` and `min_concurrency`",
    [] RawGrpc: "a table with `max_tokens` and `ratio`",
    [] RawThrottle: "a table with `k` and `window`",
    [V] RawNormal<V>: "a table with `mean` and `sd`",
    [V] RawLogNormal<V>: "a table with `median` and `sigma`",
}
