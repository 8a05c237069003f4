//! Ctrl-C: whole replications are kept, and are what they would have been.
#![cfg(unix)]

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

const SCENARIO: &str = "duration = \"10min\"\n[[population]]\nname = \"p\"\nplan = \"free\"\nclients = 600\n\
                        arrivals = { poisson = \"25/min\" }\nretry = \"documented\"\n";

fn tidegate(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    command.args(arguments).current_dir(directory).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs until it is interrupted, a while after it has begun to listen for that.
fn interrupted(directory: &Path, arguments: &[&str], after: Duration) -> Output {
    let mut child = tidegate(directory, arguments).spawn().unwrap();
    while !catches_interrupts(child.id()) && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(after);
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    child.wait_with_output().unwrap()
}

/// Whether a process has a handler of SIGINT, the second of the signals, as the system tells. Where it does not tell: yes, after a
/// while.
fn catches_interrupts(process: u32) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{process}/status")) else {
        std::thread::sleep(Duration::from_secs(2));
        return true;
    };
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 2 != 0)
}

#[test]
fn replications_that_are_done_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("s.toml"), SCENARIO).unwrap();
    let simulate = ["simulate", "s.toml", "--json", "--threads", "2"];
    // How long one takes here, so that some are done and many are not.
    let began = std::time::Instant::now();
    assert!(
        tidegate(directory.path(), &[&simulate[..], &["--replications", "4"]].concat())
            .output()
            .unwrap()
            .status
            .success()
    );
    let mut wait = began.elapsed();
    let output = loop {
        let many = [&simulate[..], &["--replications", "10000"]].concat();
        let output = interrupted(directory.path(), &many, wait);
        // Beside other work it may not have got to the end of one.
        if !output.stdout.is_empty() || wait > Duration::from_secs(60) {
            break output;
        }
        wait *= 2;
    };
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stderr).contains("stopping; what is done is kept"));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let done = found["scenario"]["replications"].as_u64().unwrap();
    assert!(
        (1..10_000).contains(&done) && found["scenario"]["interrupted_of"] == 10_000,
        "{}",
        found["scenario"]
    );
    assert!(directory.path().join("report.html").exists());
    // The same as if only so many had been asked for.
    let whole = tidegate(directory.path(), &[&simulate[..], &["--replications", &done.to_string()]].concat());
    let mut whole: Value = serde_json::from_slice(&{ whole }.output().unwrap().stdout).unwrap();
    whole["scenario"]["interrupted_of"] = 10_000.into();
    assert_eq!(whole, found);
}

#[test]
fn before_the_first_there_is_nothing_to_keep() {
    let directory = tempfile::tempdir().unwrap();
    let endless = SCENARIO.replace("10min", "400d");
    std::fs::write(directory.path().join("s.toml"), endless).unwrap();
    let output = interrupted(directory.path(), &["simulate", "s.toml"], Duration::from_millis(500));
    assert_eq!(output.status.code(), Some(130));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("interrupted before enough was done to tell anything"), "{told}");
    assert!(output.stdout.is_empty() && !directory.path().join("report.html").exists());
}
