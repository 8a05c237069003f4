//! What all contenders can do.

use crate::system::wait_for_what_began;
use std::hint::black_box;
use std::ops::Range;
use tidegate::Nanos;

/// Whether a call may begin before the one before it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// It may: keys are known ahead, and the processor overlaps one decision with the next. A busy gateway.
    Stream,
    /// It may not: a lone decision's latency.
    Lone,
}

/// One thread's calls.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    /// The key of each call.
    pub keys: &'a [u32],
    /// How calls follow each other.
    pub pace: Pace,
    /// The time of the first call, since the contender began; those that are given their time go by it.
    pub start: Nanos,
    /// How much later each call is than the one before.
    pub step: Nanos,
}

/// Something that decides for a key whether a call may be made.
pub trait Contender: Send + Sync {
    /// As the benches print it.
    fn name(&self) -> &'static str;

    /// Decides for one call at a time since the contender began, and says whether it is admitted.
    fn decide(&self, key: u64, time: Nanos) -> bool;

    /// Makes keys known, so that no measurement pays for a first call.
    fn meet(&self, keys: Range<u64>) {
        for key in keys {
            black_box(self.decide(key, Nanos::ZERO));
        }
    }

    /// Makes the calls of a course and says how many were admitted.
    ///
    /// A provided method, so that each contender gets a loop of its own with [`decide`](Self::decide) inlined, also
    /// behind a `dyn Contender`.
    fn run(&self, course: &Course<'_>) -> u64 {
        let Course { keys, pace, start: mut time, step } = *course;
        let mut admitted = 0;
        for &key in keys {
            admitted += u64::from(self.decide(key.into(), time));
            time = time + step;
            if pace == Pace::Lone {
                wait_for_what_began();
            }
        }
        admitted
    }
}
