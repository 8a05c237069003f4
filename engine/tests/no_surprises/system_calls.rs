//! No decision calls the system: each way is gone in a forked process that the kernel kills at any system call but the
//! last.
//!
//! A page that is touched for the first time is no system call, nor is a read of the clock through the vDSO.

use super::Way;
use super::guard_ways::{self, Gate};
use super::ways::{self, World};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;
use tidegate::{Clock, Nanos, SystemClock};

/// How a forked process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// By itself, with all done.
    Done,
    /// The filter could not be set.
    NoFilter,
    /// The kernel killed it for a system call.
    Killed,
    /// Otherwise, with this status.
    Otherwise(i32),
}

/// Exit codes that say no more than themselves.
const DONE: i64 = 0;
const NO_FILTER: i64 = 77;

/// A filter that lets a process do nothing but end; `None` where the machine's kind is not known to it.
fn nothing_but_the_end() -> Option<BpfProgram> {
    let arch = std::env::consts::ARCH.try_into().ok()?;
    let rules = BTreeMap::from([(libc::SYS_exit, Vec::new())]);
    let filter = SeccompFilter::new(rules, SeccompAction::KillProcess, SeccompAction::Allow, arch).ok()?;
    filter.try_into().ok()
}

/// Does some work in a process of its own under the filter.
fn under(filter: &BpfProgram, work: impl FnOnce()) -> Ended {
    // SAFETY: the child goes on in this function alone, on the one thread that it has, and ends in it. It works on
    // memory that is a copy of ours; a lock that another of our threads held is held there for ever, but the work takes
    // none, or would be killed for waiting.
    let child = unsafe { libc::fork() };
    if child == 0 {
        let code = if apply_filter(filter).is_ok() {
            work();
            DONE
        } else {
            NO_FILTER
        };
        // SAFETY: a system call without memory, which does not return. `exit` of the library would be another one.
        unsafe { libc::syscall(libc::SYS_exit, code) };
    }
    assert!(child > 0, "no process could be forked");
    let mut status = 0;
    // SAFETY: the child is ours, and `status` is a place for its status.
    let waited = unsafe { libc::waitpid(child, &mut status, 0) };
    assert_eq!(waited, child);
    if libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSYS {
        return Ended::Killed;
    }
    match (libc::WIFEXITED(status), i64::from(libc::WEXITSTATUS(status))) {
        (true, DONE) => Ended::Done,
        (true, NO_FILTER) => Ended::NoFilter,
        _ => Ended::Otherwise(status),
    }
}

/// The filter, if this system has it and it kills: each of these processes does a thing that it must not.
fn filter_that_kills() -> Option<BpfProgram> {
    let skipped = |why| println!("skipped: {why}");
    let Some(filter) = nothing_but_the_end() else {
        skipped("no filter is known for this kind of machine");
        return None;
    };
    match under(&filter, || ()) {
        Ended::NoFilter => {
            skipped("this system lets no process filter its system calls");
            return None;
        }
        ended => assert_eq!(ended, Ended::Done),
    }
    // SAFETY: neither touches memory.
    let asks = || _ = black_box(unsafe { libc::getpid() });
    assert_eq!(under(&filter, asks), Ended::Killed, "getpid");
    // SAFETY: as above.
    let waits = || _ = black_box(unsafe { libc::sched_yield() });
    assert_eq!(under(&filter, waits), Ended::Killed, "sched_yield");
    let allocates = || _ = black_box(Vec::<u8>::with_capacity(1 << 30));
    assert_eq!(under(&filter, allocates), Ended::Killed, "an allocation that the system must give");
    let panics = || _ = black_box([0; 4].get(black_box(4)).unwrap());
    assert_eq!(under(&filter, panics), Ended::Killed, "a panic, which writes");
    Some(filter)
}

/// Goes each way in a process of its own. This thread has gone none before: so the first that has a number to take, a
/// stripe to count in and a draft to write in is seen too.
fn nothing_is_called<On>(ways: &[Way<On>], on: &On) {
    let Some(filter) = filter_that_kills() else { return };
    for (name, way) in ways {
        assert_eq!(under(&filter, || way(on, 0)), Ended::Done, "{name}");
    }
    // Again with all that the ways before have left.
    for (name, way) in ways {
        way(on, 1);
        assert_eq!(under(&filter, || way(on, 2)), Ended::Done, "{name}, again");
    }
}

#[test]
fn no_way_through_the_limiter_calls_the_system() {
    nothing_is_called(ways::WAYS, &World::new());
}

#[test]
fn no_way_through_the_guard_calls_the_system() {
    nothing_is_called(guard_ways::WAYS, &Gate::new());
}

/// The system's clock, long enough to ask for the wall time anew some times.
#[test]
fn the_systems_clock_is_read_without_a_call() {
    let Some(filter) = filter_that_kills() else { return };
    let source = std::fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    let source = source.unwrap_or_default();
    // What the kernel can read without being called, as its vDSO does; with others it must be.
    if !["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"].contains(&source.trim()) {
        println!("skipped: the kernel's clock is `{}`, which is not read by the vDSO", source.trim());
        return;
    }
    let clock = SystemClock::new();
    let work = || {
        let (start, before) = (clock.now().monotonic, Instant::now());
        let refreshed_thrice = Nanos::new(3 * SystemClock::WALL_REFRESH.get());
        while clock.now().monotonic < start + refreshed_thrice {}
        black_box(before.elapsed());
    };
    assert_eq!(under(&filter, work), Ended::Done);
}
