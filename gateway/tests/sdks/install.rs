//! Where the SDKs are found, or installed, and how the scripts are run with them.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::process::Command;

/// Looking for the SDKs and installing them takes seconds where it works at all.
const PATIENCE: Duration = Duration::from_secs(120);
/// For all checks of an SDK, which take ten seconds.
const FOR_CHECKS: Duration = Duration::from_secs(60);

/// What runs a script with the SDKs that it has.
pub(crate) struct Runner {
    program: PathBuf,
    script: PathBuf,
}

impl Runner {
    /// Whether the script succeeded, and what it said.
    pub(crate) async fn run(&self, sdk: &str, environment: &[(&str, String)]) -> (bool, String) {
        let mut command = Command::new(&self.program);
        command.arg(&self.script).arg(sdk).envs(environment.iter().map(|(name, value)| (name, value)));
        // Loopback is reached without a proxy, whatever is set here.
        for proxy in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            command.env_remove(proxy);
        }
        match within(FOR_CHECKS, output(&mut command)).await {
            Ok(Output { status, stdout, stderr }) => {
                let [said, errors] = [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
                (status.success(), said + &errors)
            }
            Err(why) => (false, why),
        }
    }
}

/// The SDKs for Python, in an environment of their own.
pub(crate) async fn python() -> Result<Runner, String> {
    within(PATIENCE, find_python()).await
}

/// The SDKs for Node.
pub(crate) async fn node() -> Result<Runner, String> {
    within(PATIENCE, find_node()).await
}

async fn find_python() -> Result<Runner, String> {
    let own = folder("sdks-python");
    let python = own.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdks/checks.py");
    let has_both = || async { good(Command::new(&python).args(["-c", "import anthropic, openai"])).await };
    if has_both().await.is_err() {
        good(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&own)).await?;
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]);
        install.args(["--retries", "1", "--only-binary", ":all:", "openai", "anthropic"]);
        good(&mut install).await?;
        has_both().await?;
    }
    Ok(Runner { program: python, script })
}

/// The folder has the script too, since it looks for the SDKs from where it is.
async fn find_node() -> Result<Runner, String> {
    let own = folder("sdks-node");
    let node = PathBuf::from("node");
    good(Command::new(&node).arg("--version")).await?;
    std::fs::create_dir_all(&own).map_err(|error| error.to_string())?;
    let script = own.join("checks.mjs");
    std::fs::write(&script, include_str!("checks.mjs")).map_err(|error| error.to_string())?;
    let has_both = || async {
        let import = "await import('openai'); await import('@anthropic-ai/sdk')";
        let mut command = Command::new(&node);
        command.args(["--input-type=module", "--eval", import]).current_dir(&own);
        good(&mut command).await
    };
    if has_both().await.is_err() {
        let mut install = Command::new("npm");
        install.args([
            "install",
            "--loglevel=error",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--fetch-retries=1",
        ]);
        install.arg("--prefix").arg(&own).args(["openai@latest", "@anthropic-ai/sdk@latest"]);
        good(&mut install).await?;
        has_both().await?;
    }
    Ok(Runner { program: node, script })
}

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// Runs what must succeed.
async fn good(command: &mut Command) -> Result<(), String> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let Output { status, stderr, .. } = output(command).await?;
    if status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&stderr).into_owned();
    let first = errors.lines().find(|line| line.to_lowercase().contains("error"));
    Err(format!("{name} failed: {}", first.or(errors.lines().last()).unwrap_or("it says nothing")))
}

async fn output(command: &mut Command) -> Result<Output, String> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    output.map_err(|error| format!("{name}: {error}"))
}

/// What is under way then is killed.
async fn within<T>(time: Duration, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let late = |_| format!("it did not end within {} s", time.as_secs());
    tokio::time::timeout(time, work).await.map_err(late)?
}
