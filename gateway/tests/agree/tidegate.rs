//! The command `tidegate`: this very program, if it is asked to be that. So it is never older than what it is compared with, and nothing
//! has to be built while tests run.

use std::process::{Command, Output, Stdio};

const ASKED: &str = "TIDEGATE_AGREE_AS_COMMAND";

/// Whether this process is to be the command.
pub(crate) fn is_asked_for() -> bool {
    std::env::var_os(ASKED).is_some()
}

/// Runs the command, which must succeed, and gives what it printed.
#[track_caller]
pub(crate) fn run(with: impl FnOnce(&mut Command)) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.env(ASKED, "1").stdin(Stdio::null());
    with(&mut command);
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}
