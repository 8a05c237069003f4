//! What someone may try who wants a limiter to forget, to slow down, or to admit too much; and that it does not.
//!
//! Each attack is two tests: `quick`, in every run of the tests, and `full`, by `cargo x attacks`, which prints the
//! figures of `docs/attacks.md`. Both assert the same facts. Times are printed and never asserted.

/// A batch is its calls one by one.
mod batches;
/// Clocks that stand, go back and jump, one without the other.
mod clocks;
/// Keys made to collide by who knows a seed.
mod collisions;
/// Costs and settles at the ends of what numbers hold.
mod costs;
/// Unknown keys in numbers, against known ones and against one's own record.
mod floods;
/// Keys of any bytes and length.
mod keys;
/// Plans until there is room for no more.
mod plans;
/// Threads on one key.
mod races;

use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;
use tidegate::{Cost, LimitId, Limiter, Nanos, PlanId, Timestamp};

/// How large an attack is.
#[derive(Clone, Copy)]
enum Scale {
    Quick,
    Full,
}

impl Scale {
    /// The number of this scale.
    fn of(self, quick: u64, full: u64) -> u64 {
        match self {
            Self::Quick => quick,
            Self::Full => full,
        }
    }
}

/// Makes two tests of an attack.
macro_rules! attack {
    ($name:ident) => {
        mod $name {
            #[test]
            fn quick() {
                super::$name(crate::Scale::Quick);
            }

            #[test]
            #[ignore = "minutes, and memory: `cargo x attacks`"]
            fn full() {
                crate::alone(concat!(module_path!(), ": "), || super::$name(crate::Scale::Full));
            }
        }
    };
}
use attack;

/// Runs an attack while no other of full size runs: one would show in the other's times and memory.
fn alone(name: &str, attack: impl FnOnce()) {
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    println!("\n{}", name.trim_start_matches("attacks::").trim_end_matches("::full: "));
    attack();
}

/// Prints a figure.
fn figure(what: &str, value: impl Display) {
    println!("  {what:<58} {value:>16}");
}

/// Prints how many of something happened in each second since a start.
fn rate(what: &str, count: u64, start: Instant) {
    figure(what, format!("{:.2} million/s", count as f64 / start.elapsed().as_secs_f64() / 1e6));
}

/// The resident size of this process in KiB, where the system tells.
fn resident() -> Option<u64> {
    // The second number of `statm`, in KiB instead of pages, whose size would have to be asked for.
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok())
}

/// Compares the resident size with that of before: at full size, where no other test runs, within a hundredth.
fn check_resident(scale: Scale, before: Option<u64>) {
    let (Some(before), Some(after)) = (before, resident()) else {
        return figure("resident size", "skipped: no /proc");
    };
    figure("resident before, MiB", format!("{:.2}", before as f64 / 1024.0));
    figure("resident after, MiB", format!("{:.2}", after as f64 / 1024.0));
    figure("change, %", format!("{:+.3}", (after as f64 / before as f64 - 1.0) * 100.0));
    if matches!(scale, Scale::Full) {
        assert!(after <= before + before / 100, "{before} KiB became {after} KiB");
    }
}

/// A number that looks like chance, and is the same in each run.
fn chance(number: u64) -> u64 {
    mix(number.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

/// A step of splitmix64.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// Some time of some day: the same for both clocks.
fn moment(nanos: u64) -> Timestamp {
    Timestamp::both(Nanos::from_secs(1_000_000) + Nanos::new(nanos))
}

/// What is left of a limit of a key, looked at without a charge.
fn remaining(
    limiter: &Limiter,
    key: &(impl std::hash::Hash + ?Sized),
    plan: PlanId,
    limit: LimitId,
    at: Timestamp,
) -> u64 {
    let (_, standing) = limiter.peek(key, plan, Cost::default(), at);
    standing.status(limit).expect("a limit of the plan").remaining
}
