//! What became of an admitted call, as its settle sees it (R7).

use http::StatusCode;
use http::response::Parts;

/// How a call is settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The upstream did not take it up: all is given back, its request too.
    Cancelled,
    /// The upstream took it up and made nothing of it: its tokens are given back.
    Unused,
    /// It used what its response says; if that says nothing, what was estimated.
    AsUsed,
}

/// Reads a response's outcome.
pub trait OutcomeOf: Send + Sync + 'static {
    /// The outcome of a response that has begun.
    fn outcome(&self, response: &Parts) -> Outcome;
}

/// By the status: 429, 502, 503 and 504 were not taken up; other errors used nothing; all else used what it says.
///
/// A service that fails without a response has not taken the call up either.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ByStatus;

impl OutcomeOf for ByStatus {
    fn outcome(&self, response: &Parts) -> Outcome {
        match response.status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Outcome::Cancelled,
            status if status.is_client_error() || status.is_server_error() => Outcome::Unused,
            _ => Outcome::AsUsed,
        }
    }
}
