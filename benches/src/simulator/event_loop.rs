//! The simulator's whole loop at so many pending events, the engine in it.
//!
//! A client that calls one call at a time has one event to come, whatever it does: its next call, or the end of its
//! service. So as many clients as are wanted, each with a key of its own, and a server for each, hold the pending set
//! at that size. The engine decides each call under three limits and settles it when it has been served.

use tidegate_sim::simulate::Scenario;

/// How often a client calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Ten calls within one segment of a key's window.
    Fast,
    /// A call in about ten seconds: a key's window turns a segment at most calls.
    Slow,
}

/// So many clients.
pub fn scenario(clients: u32, pace: Pace) -> Scenario {
    let (think, service) = match pace {
        Pace::Fast => ("400ms", "400ms"),
        Pace::Slow => ("5s", "5s"),
    };
    let text = format!(
        r#"
        duration = "400d"
        [plans.wide]
        requests_per_minute = 10000
        tokens_per_minute = 1000000000
        tokens_per_day = 1000000000000
        [backend]
        servers = {clients}
        service = {{ exponential = "{service}" }}
        [[population]]
        name = "clients"
        plan = "wide"
        clients = {clients}
        arrivals = {{ closed = {{ think = {{ exponential = "{think}" }} }} }}
        tokens = 100
        reserve = 300
        retry = "none"
        "#
    );
    Scenario::parse("the benchmark's scenario", &text).expect("the simulator takes what it is made for")
}
