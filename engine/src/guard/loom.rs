//! Loom models of the guard: every interleaving, within loom's bounds, of two threads on the code that ships.
//!
//! They run under `--cfg tidegate_loom` (`cargo x loom`).

mod block;
mod forget;
mod pass_on;
mod strike;

use super::{Guard, Mark};
use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::sync::model::{Arc, thread};
use std::net::{IpAddr, Ipv4Addr};

/// A guard with two slots for addresses and two for pairs, that tolerates so many strikes. Nothing drains
/// within the times of these models but what they wait for.
fn guard(tolerance: u32) -> Arc<Guard> {
    let builder = Guard::builder().addresses(1).pairs(1).tolerance(tolerance).drain(Nanos::from_secs(1));
    Arc::new(builder.seed(1).build().unwrap())
}

fn address(last: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(192, 0, 2, last))
}

fn secs(secs: u64) -> Timestamp {
    Timestamp::both(Nanos::from_secs(1_000_000 + secs))
}

/// A denied call that is told to wait a minute.
fn denied(guard: &Guard, address: IpAddr, at: Timestamp) -> Mark {
    guard.denied(address, "key", Nanos::MINUTE, at)
}

/// Runs both closures in threads of their own, each with the guard; gives what they answer.
fn race<A: Send + 'static, B: Send + 'static>(
    guard: &Arc<Guard>,
    left: impl FnOnce(&Guard) -> A + Send + 'static,
    right: impl FnOnce(&Guard) -> B + Send + 'static,
) -> (A, B) {
    let theirs = guard.clone();
    let thread = thread::spawn(move || right(&theirs));
    let ours = left(guard);
    (ours, thread.join().unwrap())
}
