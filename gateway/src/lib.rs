//! Tidegate where traffic passes: a [tower](https://docs.rs/tower) layer that limits the calls of a service.
//!
//! [`RateLimitLayer`] stands in front of any HTTP service (axum, hyper, tonic). For each request it finds out whose it is
//! ([`KeyOf`]), under which plan ([`PlanOf`]), from where ([`AddressOf`]) and what it will cost ([`CostOf`]); it asks the engine,
//! answers 429 itself or lets the request pass with the headers of R11, and settles the call when its response has ended, failed or
//! was dropped, exactly once ([`UsageOf`] reads what it really used).
//!
//! The decision itself neither waits nor allocates; what is allocated are the response's header fields.
//!
//! # Where it stands
//!
//! - *Requests without a key* are told 401 and are strikes for a guard, those of browsers that ask for permission first (`OPTIONS`, for CORS)
//!   too: what answers them stands outside of the layer. Where some paths need no key, the layer goes on the routes that do
//!   (`route_layer` of axum).
//! - *A timeout* outside of it drops the call, which stays charged by its estimate: nobody knows what the service has done. One inside
//!   is an error of the service, and the call is given back.
//! - *Retries* outside are calls of their own, each with a decision; retries inside are one call.
//! - *Two layers*, one for keys and one for networks perhaps: a call that the inner one denies is given back by the outer one, and tells of the
//!   inner one's limit. Of a call that passes both, the outer one's fields are told where they have the same names.
//! - *gRPC* has status 200 for errors too, so that for [`ByStatus`] they are calls like any other. An [`OutcomeOf`] of your own can read
//!   `grpc-status`, which stands in the header of a response without a message. [`Shape::Grpc`] has refusals told as gRPC does.
//!
//! The kinds of a layer's parts are in the type of [`RateLimitLayer`]: [`Rules`] spells them out, [`Parts`] stands for them where they do
//! not matter.
//!
//! ```
//! use tidegate_gateway::identity::{BearerToken, OnePlan};
//! use tidegate_gateway::{Parts, RateLimitLayer, Rules};
//!
//! struct App {
//!     layer: RateLimitLayer<Rules<BearerToken, OnePlan>>,
//! }
//!
//! struct AnyApp<T: Parts> {
//!     layer: RateLimitLayer<T>,
//! }
//! ```
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
pub use layer::{Builder, Parts, RateLimitLayer, Rules};
pub use outcome::{ByStatus, Outcome, OutcomeOf};
pub use service::{RateLimit, ResponseFuture};
pub use tokens::{CostOf, Meter, UsageOf};
