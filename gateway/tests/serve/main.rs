//! The gateway on loopback, before an upstream that only pretends.

/// Attacks, and upstreams that lie: nothing is left behind.
mod attacks;
/// That it ends when it should, and lets what is under way end first.
mod ending;
/// What clients send that they should not.
mod hostile;
/// Load from curl, wrk and hey.
mod load;
/// Who passes, what is sent on, and what responses say.
mod passing;
/// Another configuration while it runs.
mod reloading;
/// A gateway, its upstream, and a client.
mod setup;
/// Streams: settled to the token, whatever becomes of them.
mod streams;
/// Upstreams that do not do what they should.
mod upstreams;
