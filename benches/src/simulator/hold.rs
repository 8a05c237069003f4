//! The hold model (Jones, *An empirical comparison of priority-queue and event-set implementations*, 1986): a set of events as
//! large as it is, of which the first is taken and another is added, an exponential time later.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;
use tidegate::Nanos;
use tidegate_sim::simulate::speed::{HeapAlone, Pending};

/// Pending events, in the order of their times.
pub trait EventSet: Default {
    /// Adds an event.
    fn schedule(&mut self, time: Nanos, target: u32);
    /// Takes the first.
    fn take(&mut self) -> Option<(Nanos, u32)>;
}

impl EventSet for Pending {
    #[inline]
    fn schedule(&mut self, time: Nanos, target: u32) {
        self.schedule(time, target);
    }

    #[inline]
    fn take(&mut self) -> Option<(Nanos, u32)> {
        self.take()
    }
}

impl EventSet for HeapAlone {
    #[inline]
    fn schedule(&mut self, time: Nanos, target: u32) {
        self.schedule(time, target);
    }

    #[inline]
    fn take(&mut self) -> Option<(Nanos, u32)> {
        self.take()
    }
}

/// The standard library's heap, of what its users would put there: 16 bytes, a time and a number.
#[derive(Debug, Default)]
pub struct StandardHeap(BinaryHeap<Reverse<(u64, u32)>>);

impl EventSet for StandardHeap {
    #[inline]
    fn schedule(&mut self, time: Nanos, target: u32) {
        self.0.push(Reverse((time.get(), target)));
    }

    #[inline]
    fn take(&mut self) -> Option<(Nanos, u32)> {
        self.0.pop().map(|Reverse((time, target))| (Nanos::new(time), target))
    }
}

/// The hold model on one set.
#[derive(Debug)]
pub struct Hold<S> {
    set: S,
    increments: Increments,
}

impl<S: EventSet> Hold<S> {
    /// So many events, which have all been taken twice.
    pub fn new(pending: u32) -> Self {
        let mut hold = Self { set: S::default(), increments: Increments::new() };
        for target in 0..pending {
            hold.set.schedule(hold.increments.next(), target);
        }
        hold.take_turns(u64::from(pending) * 2);
        hold
    }

    /// So many times, takes the first event and adds it again.
    pub fn take_turns(&mut self, times: u64) {
        let mut seen = 0_u32;
        for _ in 0..times {
            let Some((now, target)) = self.set.take() else { break };
            seen ^= target;
            self.set.schedule(now + self.increments.next(), target);
        }
        black_box(seen);
    }
}

/// Exponential times of a mean of one second, drawn beforehand.
#[derive(Debug)]
struct Increments {
    times: Box<[Nanos]>,
    place: usize,
}

/// So many that they repeat in another order than the events.
const DRAWN: usize = (1 << 16) - 15;

impl Increments {
    fn new() -> Self {
        use rand::{SeedableRng, rngs::SmallRng};
        use rand_distr::{Distribution, Exp1};
        let mut random = SmallRng::seed_from_u64(1);
        let time = |seconds: f64| Nanos::new((seconds * 1e9) as u64);
        let times = (0..DRAWN).map(|_| time(Exp1.sample(&mut random))).collect();
        Self { times, place: 0 }
    }

    #[inline]
    fn next(&mut self) -> Nanos {
        self.place = if self.place + 1 == DRAWN { 0 } else { self.place + 1 };
        self.times[self.place]
    }
}
