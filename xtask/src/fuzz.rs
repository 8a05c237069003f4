//! The fuzz targets: building them, and running them with libFuzzer's instrumentation.

mod campaign;
mod report;

use crate::runner::{Failed, Outcome, Step, answers, names_in, skip};
use campaign::Campaign;
use std::time::Duration;

/// The fuzz targets are no members of the workspace: cargo-fuzz builds them with flags of its own.
pub(crate) const MANIFEST: &str = "fuzz/Cargo.toml";

pub(crate) const SMOKE: Duration = Duration::from_secs(15);
const HOUR: Duration = Duration::from_secs(3_600);

/// Runs each target for a quarter of a minute, or, where the tools for that are missing, builds them.
pub(crate) fn test() -> Outcome {
    match missing_tool() {
        None => smoke(SMOKE),
        Some(missing) => {
            skip(Campaign::QUESTION, missing)?;
            build()
        }
    }
}

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

/// Runs all targets, each for so long.
pub(crate) fn smoke(each: Duration) -> Outcome {
    match missing_tool() {
        None => Campaign { targets: targets()?, each, address_sanitizer: false }.run(),
        Some(missing) => skip(Campaign::QUESTION, missing),
    }
}

/// Runs the targets that are named, or all, as the arguments say. `None` for arguments that say nothing.
pub(crate) fn run(arguments: &[&str]) -> Option<Outcome> {
    let (mut named, mut each, mut address_sanitizer) = (Vec::new(), HOUR, false);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match *word {
            "--minutes" => {
                each = Duration::try_from_secs_f64(words.next()?.parse::<f64>().ok()? * 60.0).ok()?
            }
            "--address-sanitizer" => address_sanitizer = true,
            word if word.starts_with('-') => return None,
            word => named.push(word.to_owned()),
        }
    }
    Some(run_named(named, each, address_sanitizer))
}

fn run_named(named: Vec<String>, each: Duration, address_sanitizer: bool) -> Outcome {
    let all = targets()?;
    if let Some(unknown) = named.iter().find(|name| !all.contains(name)) {
        return Err(Failed { step: format!("`{unknown}` is no fuzz target; there are {}", all.join(", ")) });
    }
    if let Some(missing) = missing_tool() {
        return Err(Failed { step: format!("{}: {missing}", Campaign::QUESTION) });
    }
    let targets = if named.is_empty() { all } else { named };
    Campaign { targets, each, address_sanitizer }.run()
}

/// What running the targets lacks.
fn missing_tool() -> Option<&'static str> {
    if !answers("cargo", &["fuzz", "--version"]) {
        return Some("cargo-fuzz is not installed (`cargo install cargo-fuzz`)");
    }
    if !answers("cargo", &["+nightly", "--version"]) {
        return Some("there is no nightly toolchain (`rustup toolchain install nightly`)");
    }
    None
}

/// The targets, by the files that hold them.
fn targets() -> Result<Vec<String>, Failed> {
    let files = names_in("fuzz/fuzz_targets")?;
    Ok(files.iter().filter_map(|file| file.strip_suffix(".rs").map(str::to_owned)).collect())
}
