//! The SDKs of OpenAI and Anthropic, for Python and for Node, against `tidegate-gateway serve` before an upstream that only pretends.
//!
//! The SDKs are the newest ones, in a folder under `target/`; those that were installed before are used again. Where Python,
//! Node or the SDKs are not to be had, the tests say so and pass.

#[path = "sdks/install.rs"]
mod install;
#[path = "sdks/program.rs"]
mod program;

use install::Runner;
use program::Program;
use std::io::Write;

/// What the scripts check, as they call it.
const CHECKS: [&str; 6] = ["waits", "streams", "day", "upgrade_by_api", "upgrade_by_file", "errors"];

/// Runs a language's checks with both SDKs at once, each before a gateway of its own.
async fn check(language: &str, installed: Result<Runner, String>) {
    let runner = match installed {
        Ok(runner) => runner,
        Err(why) => {
            // Past the harness, which keeps what passing tests print to itself.
            let _ =
                writeln!(std::io::stderr(), "skipped: there are no SDKs for {language} to call with: {why}");
            return;
        }
    };
    tokio::join!(check_one(&runner, "openai"), check_one(&runner, "anthropic"));
}

async fn check_one(runner: &Runner, sdk: &str) {
    let program = Program::start().await;
    let (succeeded, said) = runner.run(sdk, &program.environment()).await;
    println!("{said}");
    assert!(succeeded, "{sdk}: {said}");
    for check in CHECKS {
        let line = said.lines().find(|line| line.starts_with(&format!("{check}: ")));
        assert!(line.is_some(), "{sdk}, {check}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdks_for_python_get_along_with_the_gateway() {
    check("Python", install::python().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdks_for_node_get_along_with_the_gateway() {
    check("Node", install::node().await).await;
}
