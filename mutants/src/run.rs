//! One run of a program that holds tests, up to its first failure.

use crate::copy::Program;
use anyhow::{Context, Result};
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// What the tests said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// All of them passed.
    Passed,
    /// This one failed.
    Failed(String),
    /// The process died within this one.
    Died(String),
    /// This one did not end in time.
    Hung(String),
}

/// Memory of a process, in KiB: a mutant may ask for more and more.
const MEMORY: &str = "12000000";

/// The signal that a process gets when it has used up its time.
const OUT_OF_TIME: i32 = 24;

/// How long tests may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Of the processor: a loop that does not end uses it up.
    processor: Duration,
    /// Of the clock: threads that wait for each other use no processor.
    clock: Duration,
}

impl Limits {
    /// The limits of tests that take so long without a mutant.
    pub(crate) fn of(taken: Duration) -> Self {
        let processor = taken * 3 + Duration::from_secs(3);
        Self { processor, clock: processor * 4 + Duration::from_secs(30) }
    }

    /// What tests may take that show how long they take.
    pub(crate) fn of_baseline() -> Self {
        Self::of(Duration::from_secs(120))
    }
}

/// What is to be run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Task<'a> {
    pub(crate) program: &'a Program,
    /// The tests.
    pub(crate) names: &'a [&'a str],
    /// The engine's folder.
    pub(crate) engine: &'a Path,
    /// The mutant, 0 for none.
    pub(crate) mutant: u32,
    /// Where to write which sites were come by.
    pub(crate) trace: Option<&'a Path>,
    pub(crate) limits: Limits,
}

/// Runs tests, one after the other.
pub(crate) fn run(task: &Task<'_>) -> Result<Answer> {
    let seconds = task.limits.processor.as_secs().max(1).to_string();
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "ulimit -S -t \"$0\"; ulimit -v \"$1\"; ulimit -c 0; shift; exec \"$@\"",
            &seconds,
            MEMORY,
        ])
        .arg(&task.program.path)
        .arg("--exact")
        .args(task.names)
        .current_dir(task.engine)
        .env("TIDEGATE_MUTANT", task.mutant.to_string())
        .env("RUST_TEST_THREADS", "1")
        .env("RUST_BACKTRACE", "0")
        .env("LOOM_MAX_PREEMPTIONS", "2")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    if let Some(trace) = task.trace {
        command.env("TIDEGATE_MUTANT_TRACE", trace);
    }
    let mut child = command.spawn().context("a POSIX shell is needed to limit the time of a process")?;
    let said = listen(&mut child);
    let (answer, text) = follow(&said, Instant::now() + task.limits.clock);
    if let Some(answer) = answer {
        // It may have ended by itself.
        let _ = child.kill();
        child.wait()?;
        return Ok(answer);
    }
    Ok(answer_of(child.wait()?, &text))
}

/// Hands on what a process says, as it says it.
fn listen(child: &mut Child) -> Receiver<String> {
    let (send, said) = mpsc::channel();
    if let Some(mut output) = child.stdout.take() {
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                if send.send(String::from_utf8_lossy(&buffer[..length]).into_owned()).is_err() {
                    break;
                }
            }
        });
    }
    said
}

/// Listens until a test fails, the time is over, or nothing more is said.
fn follow(said: &Receiver<String>, end: Instant) -> (Option<Answer>, String) {
    let mut text = String::new();
    loop {
        match said.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(more) => text.push_str(&more),
            Err(RecvTimeoutError::Disconnected) => return (None, text),
            Err(RecvTimeoutError::Timeout) => return (Some(Answer::Hung(current(&text))), text),
        }
        if let Some(failed) = failed(&text) {
            return (Some(Answer::Failed(failed)), text);
        }
    }
}

fn answer_of(status: ExitStatus, text: &str) -> Answer {
    match status.signal() {
        Some(OUT_OF_TIME) => Answer::Hung(current(text)),
        Some(_) => Answer::Died(current(text)),
        None if status.success() => Answer::Passed,
        None => Answer::Failed(failed(text).unwrap_or_else(|| current(text))),
    }
}

/// The first test that failed.
fn failed(text: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with("test ") && line.ends_with("... FAILED"))?;
    Some(name_of(line))
}

/// The test that runs: the last one named, if nothing follows its name.
fn current(text: &str) -> String {
    let line = text.lines().rev().find(|line| line.starts_with("test "));
    line.filter(|line| line.ends_with("... ")).map_or_else(|| "no test".into(), name_of)
}

fn name_of(line: &str) -> String {
    line.trim_start_matches("test ").split(" ").next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_and_the_running_test_are_read_from_what_is_said() {
        let said = "\nrunning 3 tests\ntest a::b ... ok\ntest c::d - should panic ... FAILED\ntest e ... ";
        assert_eq!(failed(said).as_deref(), Some("c::d"));
        assert_eq!(current(said), "e");
        assert_eq!(failed("test a::b ... ok\n"), None);
        assert_eq!(current("test a::b ... ok\n"), "no test");
    }
}
