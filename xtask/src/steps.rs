//! The steps, each with the question it answers.

use crate::runner::{Outcome, Step, answers, skip};
use crate::{fuzz, panics};

/// All that must hold before a change is shared.
pub(crate) fn test() -> Outcome {
    format()?;
    lint()?;
    tests()?;
    documentation()?;
    example_pingora()?;
    loom(Some(2))?;
    shuttle(None)?;
    panics::check()?;
    fuzz::test()?;
    println!("\nAll held.");
    Ok(())
}

fn format() -> Outcome {
    Step::cargo("Is the code laid out as rustfmt does it?", &["fmt", "--all", "--check"]).run()?;
    let apart = |manifest| ["fmt", "--check", "--manifest-path", manifest];
    Step::cargo("The fuzz targets too?", &apart(fuzz::MANIFEST)).run()?;
    Step::cargo("And the example for Pingora?", &apart(PINGORA)).run()
}

fn lint() -> Outcome {
    let args = ["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"];
    Step::cargo("Does clippy find nothing?", &args).run()
}

fn tests() -> Outcome {
    Step::cargo("Do all tests hold?", &["test", "--workspace", "--all-features"]).run()
}

fn documentation() -> Outcome {
    let args = ["doc", "--workspace", "--no-deps", "--all-features"];
    Step::cargo("Is the documentation whole, every link alive?", &args)
        .env("RUSTDOCFLAGS", "-D warnings")
        .run()
}

/// No member of the workspace: whoever builds that needs no cmake.
const PINGORA: &str = "examples/pingora/Cargo.toml";

/// Builds the example for Pingora, or says that it cannot be here.
pub(crate) fn example_pingora() -> Outcome {
    let question = "Does the example for Pingora build?";
    if !answers("cmake", &["--version"]) {
        return skip(question, "there is no cmake, with which Pingora builds a zlib in C");
    }
    let args = ["build", "--manifest-path", PINGORA, "--target-dir", "target/example-pingora"];
    Step::cargo(question, &args).run()
}

/// Runs the engine's loom models; every interleaving if `preemptions` is `None`.
///
/// The models are unit tests beside the code they check, in modules named `loom…`. A target folder of their own
/// keeps the flag from rebuilding everything else.
pub(crate) fn loom(preemptions: Option<u32>) -> Outcome {
    let question = match preemptions {
        Some(_) => "Do the protocols hold under every interleaving with few preemptions?",
        None => "Do the protocols hold under every interleaving? (hours)",
    };
    let args =
        ["test", "--profile", "models", "-p", "tidegate", "--lib", "--target-dir", "target/loom", "loom"];
    let step = Step::cargo(question, &args).env("RUSTFLAGS", "--cfg tidegate_loom");
    match preemptions {
        Some(bound) => step.env("LOOM_MAX_PREEMPTIONS", &bound.to_string()),
        None => step.without_env("LOOM_MAX_PREEMPTIONS"),
    }
    .run()
}

/// Runs the models and the histories of threads under shuttle: as many orders of each as the tests say, or as are asked
/// for.
pub(crate) fn shuttle(schedules: Option<u64>) -> Outcome {
    let question = "Do the protocols hold in orders drawn at random, of more threads and longer programs?";
    let args = ["test", "--profile", "models", "-p", "tidegate", "--lib", "--test", "linearizable"];
    let step =
        Step::cargo(question, &[&args[..], &["--target-dir", "target/shuttle", "--"], &SHUTTLED].concat())
            .env("RUSTFLAGS", "--cfg tidegate_shuttle");
    match schedules {
        Some(schedules) => step.env("TIDEGATE_SCHEDULES", &schedules.to_string()),
        None => step.without_env("TIDEGATE_SCHEDULES"),
    }
    .run()
}

/// Parts of the names of tests that mean something under shuttle.
const SHUTTLED: [&str; 3] = ["loom", "shuttled", "faulty"];

/// Tries mutants of the engine.
pub(crate) fn mutants(arguments: &[&str]) -> Outcome {
    let mut args = vec!["run", "--release", "-p", "tidegate-mutants", "--"];
    args.extend(arguments);
    Step::cargo("Does a test see every change of the engine?", &args).run_silently()
}

/// Runs the criterion benches, or those whose names contain `filter`.
pub(crate) fn bench(filter: Option<&str>) -> Outcome {
    let mut args = vec!["bench", "-p", "tidegate-benches", "--bench", "decision"];
    if let Some(filter) = filter {
        args.extend(["--", filter]);
    }
    Step::cargo("How long does a decision take?", &args).run()
}

/// Runs the attacks on the engine in full size, or those whose names contain `name`.
pub(crate) fn attacks(name: Option<&str>) -> Outcome {
    let mut args = vec!["test", "--release", "-p", "tidegate", "--test", "attacks", "--"];
    args.extend(["--ignored", "--nocapture", "--test-threads=1"]);
    args.extend(name);
    Step::cargo("Does the engine hold under attack, and what does that cost?", &args).run()
}

/// Runs so many operations on the engine and on an exact account of each key side by side.
pub(crate) fn conservation(arguments: &[&str]) -> Outcome {
    endurance("Is any unit lost or made up?", "conservation", arguments)
}

/// Runs the soak.
pub(crate) fn soak(arguments: &[&str]) -> Outcome {
    endurance("Does memory grow, do decisions get slower, is a unit lost, in hours?", "soak", arguments)
}

fn endurance(question: &'static str, program: &str, arguments: &[&str]) -> Outcome {
    let mut args = vec!["run", "--release", "-p", "tidegate-endurance", "--bin", program, "--"];
    args.extend(arguments);
    Step::cargo(question, &args).run_silently()
}

/// Prints the comparison, as a table or as JSON lines.
pub(crate) fn compare(arguments: &[&str]) -> Outcome {
    let mut args = vec!["run", "--release", "-p", "tidegate-benches", "--bin", "compare", "--"];
    args.extend(arguments);
    Step::cargo("How long does a decision take, beside others?", &args).run_silently()
}

/// Prints how fast the gateway is.
pub(crate) fn bench_gateway(arguments: &[&str]) -> Outcome {
    let mut args = vec!["run", "--release", "-p", "tidegate-bench-gateway", "--"];
    args.extend(arguments);
    Step::cargo("How fast is the gateway?", &args).run_silently()
}

/// Prints how fast the simulator is.
pub(crate) fn bench_sim(arguments: &[&str]) -> Outcome {
    let mut args = vec!["run", "--release", "-p", "tidegate-benches", "--bin", "simulator", "--"];
    args.extend(arguments);
    Step::cargo("How fast is the simulator?", &args).run_silently()
}
