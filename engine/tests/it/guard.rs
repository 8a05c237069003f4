//! R13: what the guard does to clients that heed a 429, to those that do not read it, and to attackers.

/// Strike, drain, block, escalation, forgiveness, allow-list, on a manual clock.
mod behaviour;
/// What released clients do on a 429, by name.
mod clients;
/// Every one of them for a day.
mod days;
/// Many addresses, many keys, hostile input, many threads.
mod floods;
/// Against the model, in random histories.
mod histories;
/// A sequential model with plain numbers.
#[expect(dead_code, reason = "what only the fuzzer asks of it")]
mod model;

use std::net::IpAddr;
use tidegate::guard::{Answer, Guard, Mark};
use tidegate::{Nanos, Timestamp};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// So many milliseconds after a moment on the clock.
fn millis(millis: u64) -> Timestamp {
    Timestamp::both(Nanos::from_secs(1_000_000) + Nanos::from_millis(millis))
}

fn secs(secs: u64) -> Timestamp {
    millis(secs * 1_000)
}

/// A client that calls every so often from `from` on, heeding nothing, always told to come back after `wait`; until it
/// is blocked, or a minute has passed. How long that took.
fn hammer(guard: &Guard, client: IpAddr, wait: Nanos, every: u64, from: u64) -> Option<Nanos> {
    let mut at = from;
    while at < from + 60_000 {
        if let Mark::Blocked(_) = guard.denied(client, "key", wait, millis(at)) {
            return Some(Nanos::from_millis(at - from));
        }
        assert_eq!(guard.check(client, millis(at)), Answer::Pass);
        at += every;
    }
    None
}
