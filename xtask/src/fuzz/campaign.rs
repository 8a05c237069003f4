//! Running targets side by side, one on each core, and what came of it.

use super::report::{Report, table};
use crate::runner::{Failed, Outcome, Step, root};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;
use std::{io, iter, thread};

/// Targets that are run, each for a while, beginning with its seeds and with what earlier runs found.
#[derive(Debug)]
pub(super) struct Campaign {
    pub(super) targets: Vec<String>,
    pub(super) each: Duration,
    /// Whether with AddressSanitizer, which takes six times as long an execution and looks at the memory.
    pub(super) address_sanitizer: bool,
}

/// Flags of libFuzzer. More bytes only take longer. No input takes a second, but a busy machine may stand for a minute.
const FLAGS: [&str; 4] = ["-max_len=4096", "-timeout=300", "-print_final_stats=1", "-verbosity=1"];

impl Campaign {
    pub(super) const QUESTION: &str = "Does no input that a fuzzer finds break a rule?";

    /// Builds the targets, runs them, and prints a table.
    pub(super) fn run(&self) -> Outcome {
        self.build()?;
        let folder = self.folder_of_programs()?;
        let cores = thread::available_parallelism().map_or(1, usize::from);
        println!(
            "\n== {}\n   {} targets, {} s each, {cores} at a time; logs in {LOGS}",
            Self::QUESTION,
            self.targets.len(),
            self.each.as_secs()
        );
        let waiting = Mutex::new(self.targets.iter());
        let next = || waiting.lock().ok()?.next();
        let reports: Vec<_> = thread::scope(|scope| {
            let worker =
                || iter::from_fn(next).map(|target| self.run_target(target, &folder)).collect::<Vec<_>>();
            let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
            workers.into_iter().flat_map(|worker| worker.join().unwrap_or_default()).collect()
        });
        let mut reports = reports.into_iter().collect::<Result<Vec<_>, _>>()?;
        reports.sort_by(|one, other| one.target.cmp(&other.target));
        println!("\n{}", table(&reports));
        match reports.iter().find(|report| report.finding.is_some()) {
            None => Ok(()),
            Some(report) => Err(Failed { step: format!("fuzz target {}", report.target) }),
        }
    }

    fn build(&self) -> Outcome {
        let sanitizer = if self.address_sanitizer { "address" } else { "none" };
        let args = ["fuzz", "build", "--sanitizer", sanitizer, "--target-dir", self.target_folder()];
        Step::nightly("Do the fuzz targets build with libFuzzer's instrumentation?", &args).run()
    }

    /// Builds with other flags do not replace each other.
    fn target_folder(&self) -> &'static str {
        if self.address_sanitizer { "fuzz/target/address" } else { "fuzz/target" }
    }

    /// Where cargo puts what it builds for the very machine, whose name it is told.
    fn folder_of_programs(&self) -> Result<PathBuf, Failed> {
        let output = Command::new("rustc").args(["+nightly", "-vV"]).env_remove("RUSTUP_TOOLCHAIN").output();
        let text =
            output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        match text.lines().find_map(|line| line.strip_prefix("host: ")) {
            Some(host) => Ok(root().join(self.target_folder()).join(host).join("release")),
            None => Err(Failed { step: "rustc +nightly -vV".into() }),
        }
    }

    fn run_target(&self, target: &str, programs: &Path) -> Result<Report, Failed> {
        let log = root().join(LOGS).join(format!("{target}.log"));
        let status = self
            .fuzz(target, programs, &log)
            .map_err(|error| Failed { step: format!("fuzz target {target}: {error}") })?;
        let text =
            fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
        let report = Report::read(target, status.success(), &text);
        println!("   {report}");
        Ok(report)
    }

    fn fuzz(&self, target: &str, programs: &Path, log: &Path) -> io::Result<ExitStatus> {
        let [corpus, seeds, artifacts] =
            ["corpus", "seeds", "artifacts"].map(|kind| format!("fuzz/{kind}/{target}"));
        for folder in [&corpus, &seeds, &artifacts, &LOGS.to_owned()] {
            fs::create_dir_all(root().join(folder))?;
        }
        let mut command = Command::new(programs.join(target));
        command.current_dir(root()).args(FLAGS).stdin(Stdio::null());
        command.arg(format!("-max_total_time={}", self.each.as_secs()));
        command.arg(format!("-artifact_prefix={artifacts}/"));
        let words = format!("fuzz/dictionaries/{target}.dict");
        if root().join(&words).exists() {
            command.arg(format!("-dict={words}"));
        }
        let log = File::create(log)?;
        command.args([corpus, seeds]).stdout(log.try_clone()?).stderr(log).status()
    }
}

const LOGS: &str = "fuzz/target/logs";
