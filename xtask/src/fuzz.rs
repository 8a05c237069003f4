//! The fuzz targets: building them needs a C++ compiler, running them also cargo-fuzz and a nightly toolchain.

use crate::runner::{Failed, Outcome, Step, answers, root, skip};
use std::fs;
use std::time::Duration;

/// The fuzz targets are no members of the workspace: cargo-fuzz builds them with flags of its own.
pub(crate) const MANIFEST: &str = "fuzz/Cargo.toml";

/// Builds the targets, without the instrumentation: do they still fit the code they drive?
pub(crate) fn build() -> Outcome {
    let question = "Do the fuzz targets build?";
    // libFuzzer's own sources are compiled by the build of libfuzzer-sys.
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    if !answers(&compiler, &["--version"]) {
        return skip(question, &format!("there is no C++ compiler: `{compiler}` is not found"));
    }
    let args = ["build", "--manifest-path", MANIFEST, "--target-dir", "target/fuzz"];
    Step::cargo(question, &args).run()
}

/// Runs each target for a while, beginning with the seeds in the repository.
pub(crate) fn smoke(time: Duration) -> Outcome {
    let question = "Does no input that a fuzzer finds break a rule?";
    if !answers("cargo", &["fuzz", "--version"]) {
        return skip(question, "cargo-fuzz is not installed (`cargo install cargo-fuzz`)");
    }
    if !answers("cargo", &["+nightly", "--version"]) {
        return skip(question, "there is no nightly toolchain (`rustup toolchain install nightly`)");
    }
    for target in targets()? {
        let seeds = format!("fuzz/seeds/{target}");
        let corpus = format!("fuzz/corpus/{target}");
        fs::create_dir_all(root().join(&corpus))
            .map_err(|error| Failed { step: format!("{corpus}: {error}") })?;
        let limit = format!("-max_total_time={}", time.as_secs());
        Step::nightly(question, &["fuzz", "run", &target, &corpus, &seeds, "--", &limit]).run()?;
    }
    Ok(())
}

/// The targets, by the files that hold them.
fn targets() -> Result<Vec<String>, Failed> {
    let folder = root().join("fuzz/fuzz_targets");
    let files =
        fs::read_dir(&folder).map_err(|error| Failed { step: format!("{}: {error}", folder.display()) })?;
    let mut targets: Vec<_> = files
        .filter_map(|file| file.ok()?.file_name().to_str()?.strip_suffix(".rs").map(str::to_owned))
        .collect();
    targets.sort();
    Ok(targets)
}
