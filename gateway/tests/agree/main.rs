//! One engine, three ways to it: what `tidegate simulate` and `tidegate replay` say of a limit is what a gateway does.
//!
//! A trace sent over HTTP is decided as `tidegate replay` decides it; clients fare before `tidegate-gateway serve` as `tidegate
//! simulate` says of the same scenario. `docs/gateway.md` tells how each is compared.

/// Real clients in real time, and the simulation of them.
mod clients;
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
/// What a run should come to, as the spread of simulated ones has it.
mod prediction;
/// `tidegate-gateway serve`.
mod program;
/// The scenario that is both simulated and run.
mod scenario;
/// The client that is an SDK.
mod sdk;
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
        trial("clients_fare_as_simulated", clients::fare_as_simulated),
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
