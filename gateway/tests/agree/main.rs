//! One engine, two ways to it: what `tidegate replay` says of a limit is what a gateway does.
//!
//! A trace sent over HTTP is decided as `tidegate replay` decides it.

/// What `tidegate replay` decided.
mod decisions;
/// A trace over HTTP on a clock set by hand: every decision is that of `tidegate replay`.
mod exact;
/// A part of a trace over HTTP in real time, before the real program.
mod excerpt;
/// Calls, and what their responses say.
mod http;
/// How the segments of a running gateway's windows lie in time.
mod phase;
/// `tidegate-gateway serve`.
mod program;
/// The command `tidegate`.
mod tidegate;
/// Traces: real ones, and one made up.
mod trace;
/// An upstream that uses as many tokens as it is told.
mod upstream;

use libtest_mimic::{Arguments, Failed, Trial};
use std::process::ExitCode;

fn main() -> ExitCode {
    if tidegate::is_asked_for() {
        return tidegate_sim::cli::main();
    }
    let trials = vec![
        trial("a_made_up_trace_is_decided_as_replay_decides_it", exact::made_up),
        trial("an_access_log_is_decided_as_replay_decides_it", exact::access_log),
        trial("a_trace_with_tokens_is_decided_as_replay_decides_it", exact::tokens),
        trial("another_limit_is_not_decided_so", exact::another_limit),
        trial("a_trace_in_real_time_is_decided_as_replay_decides_it", excerpt::in_real_time),
    ];
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// A test that fails by a panic, on one thread: so it is told soonest of what it waits for.
fn trial<F: Future<Output = ()> + 'static>(name: &str, test: fn() -> F) -> Trial {
    Trial::test(name, move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(Failed::from)?.block_on(test());
        Ok(())
    })
}
