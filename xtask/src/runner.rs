//! Running one step: says which question it answers, and what failed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// A step that did not succeed.
#[derive(Debug)]
pub(crate) struct Failed {
    /// The command, as a person would type it.
    pub(crate) step: String,
}

pub(crate) type Outcome = Result<(), Failed>;

/// The workspace's folder, wherever `cargo x` was called from.
pub(crate) fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// A command run in the workspace's folder.
#[derive(Debug)]
pub(crate) struct Step {
    question: &'static str,
    command: Command,
    shown: String,
}

impl Step {
    /// A step with cargo; `question` is what it answers.
    pub(crate) fn cargo(question: &'static str, args: &[&str]) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Self::of(question, Command::new(cargo), format!("cargo {}", args.join(" ")), args)
    }

    /// A step with the nightly toolchain's cargo, which rustup finds.
    pub(crate) fn nightly(question: &'static str, args: &[&str]) -> Self {
        let mut command = Command::new("cargo");
        command.arg("+nightly").env_remove("RUSTUP_TOOLCHAIN");
        Self::of(question, command, format!("cargo +nightly {}", args.join(" ")), args)
    }

    fn of(question: &'static str, mut command: Command, shown: String, args: &[&str]) -> Self {
        command.args(args).current_dir(root());
        Self { question, command, shown }
    }

    /// The same step with a variable of its environment set.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self.shown = format!("{name}='{value}' {}", self.shown);
        self
    }

    /// The same step without a variable of its environment.
    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs the step and waits for its end.
    pub(crate) fn run(mut self) -> Outcome {
        println!("\n== {}\n   {}", self.question, self.shown);
        let start = Instant::now();
        self.finish()?;
        println!("   held, {:.0} s", start.elapsed().as_secs_f64());
        Ok(())
    }

    /// Runs the step and says nothing of its own on standard output, which is the step's alone: a program may read it.
    pub(crate) fn run_silently(mut self) -> Outcome {
        eprintln!("== {}\n   {}", self.question, self.shown);
        self.finish()
    }

    /// Runs a step that must fail, and say this.
    pub(crate) fn run_and_find(mut self, report: &str) -> Outcome {
        println!("\n== {}\n   {}", self.question, self.shown);
        let failed = |why: &str| Failed { step: format!("{} ({why})", self.shown) };
        let output = self.command.output().map_err(|error| failed(&error.to_string()))?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        if output.status.success() || !said.contains(report) {
            println!("{said}");
            return Err(failed(&format!("it should have failed with \"{report}\"")));
        }
        println!("   found: {report}");
        Ok(())
    }

    fn finish(&mut self) -> Outcome {
        match self.command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failed { step: format!("{} ({status})", self.shown) }),
            Err(error) => Err(Failed { step: format!("{}: {error}", self.shown) }),
        }
    }
}

/// The names of all that a folder of the workspace holds, in order.
pub(crate) fn names_in(folder: &str) -> Result<Vec<String>, Failed> {
    let entries =
        fs::read_dir(root().join(folder)).map_err(|error| Failed { step: format!("{folder}: {error}") })?;
    let mut names: Vec<_> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// Whether a program is there and answers.
pub(crate) fn answers(program: &str, args: &[&str]) -> bool {
    // Outside of the toolchain that runs us: `cargo +nightly` must reach rustup.
    let output = Command::new(program).args(args).env_remove("RUSTUP_TOOLCHAIN").output();
    output.is_ok_and(|output| output.status.success())
}

/// A step that cannot be done here, and why: no failure.
pub(crate) fn skip(question: &str, reason: &str) -> Outcome {
    println!("\n== {question}\n   skipped: {reason}");
    Ok(())
}
