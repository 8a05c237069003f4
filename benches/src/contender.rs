//! What all contenders can do.

use crate::keys::Keys;
use std::hint::black_box;

/// Whether a caller waits for one decision before it knows the next key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Keys are known ahead, so that the processor may overlap one decision with the next: a busy gateway.
    Stream,
    /// The next key depends on the last answer: a lone decision's latency.
    Lone,
}

/// One thread's calls: which keys, how many, and how they follow each other.
#[derive(Clone, Debug)]
pub struct Course {
    /// Where the keys come from.
    pub keys: Keys,
    /// How many calls.
    pub calls: u64,
    /// How they follow each other.
    pub pace: Pace,
    /// The number of the first call; a contender that is given its time makes it from the call's number.
    pub first_call: u64,
}

/// Something that decides for a key whether a call may be made.
pub trait Contender: Sync {
    /// As the tables print it.
    fn name(&self) -> &'static str;

    /// Decides for one call and says whether it is admitted. `call` counts this thread's calls.
    fn decide(&self, key: u64, call: u64) -> bool;

    /// Makes every key known, so that no measurement pays for a first call.
    fn meet(&self, population: u64) {
        for key in 0..population {
            black_box(self.decide(key, 0));
        }
    }

    /// Makes the calls of a course and says how many were admitted.
    ///
    /// A provided method, so that each contender gets a loop of its own with [`decide`](Self::decide) inlined, also behind a
    /// `dyn Contender`.
    fn run(&self, course: &mut Course) -> u64 {
        let Course { ref mut keys, calls, pace, first_call } = *course;
        let mut admitted = 0;
        let mut answer = 0;
        for call in first_call..first_call + calls {
            let yes = u64::from(self.decide(keys.deal_after(answer), call));
            admitted += yes;
            // Zero whatever the answer, and `black_box` keeps that from the compiler.
            answer = if pace == Pace::Lone { black_box(yes) & black_box(0) } else { 0 };
        }
        course.first_call += calls;
        admitted
    }
}
