//! No decision allocates. A binary of its own, because it counts every allocation of its process's thread.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use tidegate::guard::Guard;
use tidegate::{Cost, Decision, Limiter, Nanos, Plan, Timestamp};

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

#[test]
fn nothing_is_allocated_from_the_first_call_to_the_last() {
    assert_eq!(allocations(|| drop(vec![1])), 1, "the count works");
    let limiter = Limiter::builder().capacity(1_000).build().unwrap();
    let (free, pro) = (limiter.add_plan(&Plan::free()).unwrap(), limiter.add_plan(&Plan::pro()).unwrap());
    let slotted = Plan::builder("slotted").requests_per_minute(2).slotted_hints(true).build().unwrap();
    let slotted = limiter.add_plan(&slotted).unwrap();
    let work = || {
        for call in 0..10_000_u64 {
            let at = Timestamp::both(Nanos::from_millis(300 * call));
            let key = call % 700;
            let plan = if call % 11 == 0 { pro } else { free };
            match limiter.check(&key, plan, Cost::tokens(call % 9_000), at) {
                Decision::Admitted(admission) if call % 3 == 0 => {
                    limiter.settle(admission.reservation, call, at)
                }
                Decision::Admitted(admission) if call % 3 == 1 => limiter.cancel(admission.reservation, at),
                Decision::Admitted(_) | Decision::Denied(_) | Decision::Never(_) => {}
            }
            let _ = limiter.check_with_standing("busy", plan, Cost::REQUEST, at);
            let _ = limiter.peek(&key, free, Cost::REQUEST, at);
            let _ = limiter.check("workers", slotted, Cost::REQUEST, at);
            limiter.change_plan("mover", plan, at);
            if call % 1_000 == 0 {
                limiter.fade_denied();
            }
        }
    };
    assert_eq!(allocations(work), 0);
    assert!(
        limiter.observed().denied.total() > 1_000 && !limiter.most_denied(1).is_empty(),
        "it was counted"
    );
}

#[test]
fn the_guard_allocates_nothing_either() {
    let allowed = "192.0.2.0/24".parse().unwrap();
    let guard = Guard::builder().addresses(256).pairs(256).tolerance(2).allow([allowed]).build().unwrap();
    let work = || {
        for call in 0..20_000_u32 {
            let at = Timestamp::both(Nanos::from_millis(50 * u64::from(call)));
            let address = IpAddr::V4(Ipv4Addr::from(0xc000_0200 | (call % 700)));
            let _ = guard.check(address, at);
            let _ = guard.denied(address, &(call % 3), Nanos::from_secs(60), at);
            for _ in 0..4 {
                let _ = guard.strike(address, at);
            }
            if call % 1_000 == 0 {
                guard.lift(address, at);
                guard.blocks(at).for_each(drop);
                let _ = guard.statistics(at);
            }
        }
    };
    assert_eq!(allocations(work), 0);
    assert!(guard.statistics(Timestamp::both(Nanos::ZERO)).blocks > 0);
}
