//! Whose a request is: its key, the key's plan, the client's address.

mod address;
mod key;
mod plan;

pub use address::{Nowhere, Peer, PeerAddress, TrustedProxies};
pub use key::{BearerToken, Header, PathSegment};
pub use plan::OnePlan;

use http::request::Parts;
use std::hash::Hash;
use std::net::IpAddr;
use tidegate::PlanId;

/// By what a request is counted.
///
/// Runs on every request, before the decision: it should look and not compute, and it must not wait.
pub trait KeyOf: Send + Sync + 'static {
    /// The key; usually a part of the request.
    type Key<'r>: Hash;

    /// The request's key; `None` if it has none, which is answered with 401.
    fn key<'r>(&self, request: &'r Parts) -> Option<Self::Key<'r>>;
}

/// The plan that a key is on now.
pub trait PlanOf<K: KeyOf>: Send + Sync + 'static {
    /// The plan's name in the engine; `None` for a key that is not known, which is answered with 401.
    fn plan(&self, request: &Parts, key: &K::Key<'_>) -> Option<PlanId>;
}

/// Where a request comes from, for the guard.
pub trait AddressOf: Send + Sync + 'static {
    /// The client's address; `None` if it is not known: the guard then has no say.
    fn address(&self, request: &Parts) -> Option<IpAddr>;
}
