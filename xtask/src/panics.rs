//! Whether a decision can panic, allocate or lock: the machine code is asked.

use crate::runner::{Failed, Outcome, Step, skip};
use std::path::Path;

/// Builds the decisions as a program that does not unwind, and reads its code.
pub(crate) fn check() -> Outcome {
    let question = "Can a decision panic, allocate, lock or call the system?";
    if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        return skip(question, "machine code is read of Linux programs for x86-64");
    }
    let built = "target/panics";
    let args = ["build", "--profile", "abort", "-p", "tidegate-entries", "--target-dir", built];
    // Flags for other runs would give other code than that of a release.
    Step::cargo(question, &args).without_env("RUSTFLAGS").run()?;
    let program = Path::new(built).join("abort/tidegate-entries");
    let program =
        program.to_str().ok_or_else(|| Failed { step: format!("{}: no text", program.display()) })?;
    Step::cargo(question, &["run", "--quiet", "-p", "tidegate-panics", "--", program]).run()
}
