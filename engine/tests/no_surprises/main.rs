//! No decision allocates or calls the system, on any way through it. (That none can panic, `cargo x panics` tells.)
//!
//! A binary of its own, because it counts the allocations of its process.

/// Nothing is allocated: a counting allocator.
mod allocations;
/// Every way through the guard.
mod guard_ways;
/// Nothing is asked of the system: a filter that kills who does.
#[cfg(target_os = "linux")]
mod system_calls;
/// Every way through the limiter.
mod ways;

/// A way through the engine: its name, and a function that goes it. Each asserts that it went that way. Ways are gone
/// any number of times on one engine, each time in a later round.
type Way<On> = (&'static str, fn(&On, round: u64));
