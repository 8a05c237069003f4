//! No decision allocates, by a count of each thread's allocations.
//!
//! What the C library allocates for itself is not counted: see docs/no-surprises.md.

use super::Way;
use super::guard_ways::{self, Gate};
use super::ways::{self, World};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::thread;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call is passed on to the system's allocator as it came; counting touches a thread local without a
// destructor, which neither allocates nor fails.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's duties are the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of this thread while the work is done.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

/// Goes each way twice, and then once as the first thing that a thread does; counts each time.
fn nothing_is_allocated<On: Sync>(ways: &[Way<On>], on: &On) {
    let count = |name, way: fn(&On, u64), round| {
        assert_eq!(allocations(|| way(on, round)), 0, "{name}, round {round}");
    };
    for (round, (name, way)) in [0, 1].into_iter().flat_map(|round| ways.iter().map(move |way| (round, way)))
    {
        count(name, *way, round);
    }
    for (round, (name, way)) in (100..).step_by(10).zip(ways) {
        thread::scope(|scope| scope.spawn(|| count(name, *way, round)).join().unwrap());
    }
}

#[test]
fn an_allocation_is_counted() {
    assert_eq!(allocations(|| drop(vec![1])), 1);
}

#[test]
fn no_way_through_the_limiter_allocates() {
    nothing_is_allocated(ways::WAYS, &World::new());
}

#[test]
fn no_way_through_the_guard_allocates() {
    nothing_is_allocated(guard_ways::WAYS, &Gate::new());
}
