//! What a request will cost, and what it did cost: tokens as the APIs of language models count them.

mod anthropic;
mod openai;
mod scan;
mod usage;

pub use anthropic::{AnthropicCost, AnthropicUsage};
pub use openai::{OpenAiCost, OpenAiUsage};
pub use usage::TokenMeter;

use http::request::Parts;
use http::response;
use tidegate::Cost;

/// What a request is charged before it goes on.
pub trait CostOf: Send + Sync + 'static {
    /// The most bytes of the body that are read first; `None` leaves the body alone. A longer one is answered with 413.
    fn body_limit(&self) -> Option<usize>;

    /// The cost. The body is empty where it is left alone.
    fn cost(&self, request: &Parts, body: &[u8]) -> Cost;
}

/// One request, without tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EachRequest;

impl CostOf for EachRequest {
    fn body_limit(&self) -> Option<usize> {
        None
    }

    fn cost(&self, _request: &Parts, _body: &[u8]) -> Cost {
        Cost::REQUEST
    }
}

/// How a response says what its request used.
pub trait UsageOf: Send + Sync + 'static {
    /// What reads it.
    type Meter: Meter;

    /// A meter for a response; `None` if this one says nothing of it, and the estimate stays.
    fn meter(&self, response: &response::Parts) -> Option<Self::Meter>;
}

/// Reads a response's body as it passes.
pub trait Meter: Send + 'static {
    /// A part of the body.
    fn pass(&mut self, bytes: &[u8]);

    /// The tokens that the request used, as far as the body has told; `None` if it has not.
    fn tokens(&self) -> Option<u64>;

    /// So many it must have used, by what has passed. If the body breaks off before it tells, it is charged no less than this.
    fn at_least(&self) -> u64 {
        0
    }
}

/// Nothing is read: what was charged stays charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoUsage;

impl UsageOf for NoUsage {
    type Meter = Unread;

    fn meter(&self, _response: &response::Parts) -> Option<Unread> {
        None
    }
}

/// The meter of [`NoUsage`], of which there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {}

impl Meter for Unread {
    fn pass(&mut self, _bytes: &[u8]) {
        match *self {}
    }

    fn tokens(&self) -> Option<u64> {
        match *self {}
    }
}
