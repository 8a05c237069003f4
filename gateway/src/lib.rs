//! Tidegate where traffic passes: a [tower](https://docs.rs/tower) layer that limits the calls of a service.
//!
//! [`RateLimitLayer`] stands in front of any HTTP service (axum, hyper, tonic). For each request it finds out whose it is
//! ([`KeyOf`]), under which plan ([`PlanOf`]), from where ([`AddressOf`]) and what it will cost ([`CostOf`]); it asks the engine,
//! answers 429 itself or lets the request pass with the headers of R11, and settles the call when its response has ended, failed or
//! was dropped, exactly once ([`UsageOf`] reads what it really used).
//!
//! The decision itself neither waits nor allocates; what is allocated are the response's header fields.
#![forbid(unsafe_code)]

mod answer;
mod body;
#[cfg(feature = "serve")]
pub mod envoy;
mod fields;
pub mod identity;
mod layer;
mod outcome;
#[cfg(feature = "serve")]
pub mod serve;
mod service;
pub mod tokens;

pub use answer::{Answers, Refusal, Shape};
pub use body::{RequestBody, ResponseBody};
pub use fields::HeaderSet;
pub use identity::{AddressOf, KeyOf, PlanOf};
pub use layer::{Builder, RateLimitLayer};
pub use outcome::{ByStatus, Outcome, OutcomeOf};
pub use service::{RateLimit, ResponseFuture};
pub use tokens::{CostOf, Meter, UsageOf};
