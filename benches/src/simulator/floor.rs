//! What memory alone asks for: loads that wait for each other, all over as many bytes as the events take.

use rand::{RngExt as _, SeedableRng, rngs::SmallRng};
use std::hint::black_box;

/// A walk through cache lines, each of which names the next.
#[derive(Debug)]
pub struct Walk {
    lines: Vec<Line>,
    at: u32,
}

#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Line(u32);

/// Bytes of an event.
const EVENT: usize = 16;

impl Walk {
    /// Over the lines of so many events, each once before it comes to the first again.
    pub fn new(events: u32) -> Self {
        let count = (events as usize * EVENT / size_of::<Line>()).max(2);
        let mut lines: Vec<Line> = (0..count as u32).map(Line).collect();
        let mut random = SmallRng::seed_from_u64(1);
        // Sattolo's shuffle: one cycle through all.
        for last in (1..count).rev() {
            lines.swap(last, random.random_range(0..last));
        }
        Self { lines, at: 0 }
    }

    /// Takes so many steps.
    pub fn take_steps(&mut self, steps: u64) {
        for _ in 0..steps {
            self.at = self.lines[self.at as usize].0;
        }
        black_box(self.at);
    }
}
