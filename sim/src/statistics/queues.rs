//! What theory says: closed forms and solved chains beside which a simulation can be held.
//!
//! Rates are in any unit of time, times in the same unit; a load is an arrival rate over a service rate.
//! Parameters are checked once, where a queue is made; what is asked of it then always has an answer.

mod birth_death;
mod bucket;
mod erlang;
mod multi_server;
mod retries;
mod single_server;

pub use bucket::bucket_loss;
pub use erlang::{erlang_b, segmented_window_loss};
pub use multi_server::{MachineRepair, Mmck};
pub use retries::{RetryStorm, attempts};
pub use single_server::{Md1, Mm1};

/// A rate or a time: positive and finite.
fn positive(value: f64) -> bool {
    value > 0.0 && value.is_finite()
}

/// Asserts that a value agrees with a printed one, to the digits printed.
#[cfg(test)]
#[track_caller]
fn assert_printed(found: f64, printed: &str) {
    let decimals = printed.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let expected: f64 = printed.parse().unwrap();
    // Half of the last digit, and a hair for values that end in a five.
    let within = 0.5 * 10_f64.powi(-(decimals as i32)) * (1.0 + 1e-9);
    assert!((found - expected).abs() <= within, "found {found}, printed {printed}");
}
