//! Calls over connections that are kept alive, by one thread: each when it is due, or each after the one before.
//!
//! A call that is due and finds no connection free waits, and its latency is taken from when it was due: what a server that stands
//! still does to the calls of that time is counted in each of them.

mod alarm;
mod answer;
mod connection;
mod fleet;
mod schedule;

use hdrhistogram::Histogram;

pub(crate) use connection::Connection;
pub(crate) use fleet::{Fleet, Measured, Target};
pub(crate) use schedule::Schedule;

/// A histogram of nanoseconds, three digits each. What is longer than its end is counted there.
pub(crate) fn histogram() -> Histogram<u64> {
    const END: u64 = 100_000_000_000;
    Histogram::new_with_bounds(1, END, 3).expect("these bounds are possible")
}
