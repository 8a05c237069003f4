//! One queue on several simulators: customers come at random, 0.8 of them in the time in which the one server serves one on
//! average, at random too (M/M/1). Its mean number in the system is 4 (Kleinrock, *Queueing Systems I*, 1975).

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;
use tidegate_sim::simulate::{Scenario, speed};

/// What a simulator made of the queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Found {
    /// The mean number in the system.
    pub in_system: f64,
    /// Seconds that the run took.
    pub seconds: f64,
}

/// The mean number in the system in theory.
pub const IN_SYSTEM: f64 = 4.0;

/// The others, from the Python Package Index: what each is called there and which version, and its program.
pub const OTHERS: [Other; 3] = [
    Other { name: "simpy", version: "4.1.2", program: include_str!("queue/with_simpy.py"), share: 0.02 },
    Other { name: "ciw", version: "3.2.7", program: include_str!("queue/with_ciw.py"), share: 0.01 },
    Other { name: "cimba", version: "0.9.6", program: include_str!("queue/with_cimba.py"), share: 1.0 },
];

/// Another simulator.
#[derive(Clone, Copy, Debug)]
pub struct Other {
    /// Its package.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
    program: &'static str,
    /// The share of all customers that it serves in about the time in which the fastest serve all.
    pub share: f64,
}

impl Found {
    /// Events a second, in millions: each customer comes and is served.
    pub fn millions(self, customers: u64) -> f64 {
        2.0 * customers as f64 / self.seconds / 1e6
    }

    /// Whether the number in the system is what it should be. With n customers its relative standard error is about
    /// √(2·(1 + ρ)/(n·(1 − ρ)²·ρ)), near 10.6/√n at ρ = 0.8 (Whitt, *Planning queueing simulations*, 1989); four of them.
    pub fn is_right(self, customers: u64) -> bool {
        (self.in_system / IN_SYSTEM - 1.0).abs() < 4.0 * 10.6 / (customers as f64).sqrt()
    }
}

/// The queue on this simulator, a limiter without limits in its loop. In one world, which runs on one thread.
pub fn here(customers: u64) -> anyhow::Result<Found> {
    let text = format!(
        r#"
        duration = "{}s"
        [backend]
        servers = 1
        service = {{ exponential = "1s" }}
        [[population]]
        name = "customers"
        plan = "enterprise"
        clients = 1
        arrivals = {{ poisson = "0.8/s" }}
        retry = "none"
        "#,
        customers * 10 / 8
    );
    let scenario = Scenario::parse("the queue", &text)?;
    let began = Instant::now();
    let outcome = speed::whole(&scenario, 1)?;
    let seconds = began.elapsed().as_secs_f64();
    let outcome: serde_json::Value = serde_json::from_str(&outcome)?;
    let in_system = outcome["backend"]["in_system"].as_f64();
    Ok(Found { in_system: in_system.ok_or_else(|| anyhow::anyhow!("no number in the system"))?, seconds })
}

/// Python with the other simulators' packages.
#[derive(Clone, Debug)]
pub struct Python {
    folder: PathBuf,
}

/// Why another simulator was not run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped(String);

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "skipped: {}", self.0)
    }
}

impl Python {
    /// A virtual environment in a folder, made if it is not there.
    pub fn in_folder(folder: &Path) -> Result<Self, Skipped> {
        let python = Self { folder: folder.to_owned() };
        if !python.program().exists() {
            run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        }
        Ok(python)
    }

    fn program(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    /// Installs a simulator's package.
    pub fn install(&self, other: &Other) -> Result<(), Skipped> {
        let package = format!("{}=={}", other.name, other.version);
        let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", &package];
        run(Command::new(self.program()).args(pip)).map(|_| ())
    }

    /// Runs the queue on another simulator.
    pub fn run(&self, other: &Other, customers: u64) -> Result<Found, Skipped> {
        let file = self.folder.join(format!("with_{}.py", other.name));
        fs::write(&file, other.program).map_err(|error| Skipped(format!("{}: {error}", file.display())))?;
        let said = run(Command::new(self.program()).arg(&file).arg(customers.to_string()))?;
        let numbers: Vec<f64> = said.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        match numbers[..] {
            [in_system, seconds] => Ok(Found { in_system, seconds }),
            _ => Err(Skipped(format!("{} said {said:?}", other.name))),
        }
    }
}

/// What a command prints, if it succeeds.
fn run(command: &mut Command) -> Result<String, Skipped> {
    let name = command.get_program().display().to_string();
    let output = command.output().map_err(|error| Skipped(format!("{name}: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let why = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it failed");
    Err(Skipped(why.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_as_long_as_it_should_be() {
        let found = here(200_000).unwrap();
        assert!(found.is_right(200_000), "{found:?}");
    }

    #[test]
    fn what_cannot_be_run_is_skipped_with_the_reason() {
        let skipped = run(&mut Command::new("no-such-program-anywhere")).unwrap_err();
        assert!(skipped.to_string().starts_with("skipped: no-such-program-anywhere: "), "{skipped}");
    }
}
