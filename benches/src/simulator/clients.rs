//! How much memory a run of many registered clients takes.

use crate::memory;
use std::fmt;
use std::process::Command;
use tidegate_sim::simulate::{Scenario, speed};

/// What the clients have to do with each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Clients {
    /// Nothing: many small worlds.
    Apart,
    /// A backend, and one of a hundred calls in the time.
    SharedIdle,
    /// A backend, and half of them call in the time.
    SharedHalf,
    /// A backend, and 95 of a hundred call in the time.
    SharedBusy,
}

impl Clients {
    /// From the least to the most.
    pub const ALL: [Self; 4] = [Self::Apart, Self::SharedIdle, Self::SharedHalf, Self::SharedBusy];

    /// So many of them: an hour, in which some of them call.
    pub fn scenario(self, clients: u32) -> Scenario {
        let (rate, backend) = match self {
            Self::Apart => ("0.1/h", ""),
            Self::SharedIdle => ("0.01/h", BACKEND),
            Self::SharedHalf => ("0.7/h", BACKEND),
            Self::SharedBusy => ("3/h", BACKEND),
        };
        let text = format!(
            r#"
            duration = "1h"
            {backend}
            [[population]]
            name = "clients"
            plan = "free"
            clients = {clients}
            arrivals = {{ poisson = "{rate}" }}
            tokens = 100
            reserve = 300
            retry = "documented"
            "#
        );
        Scenario::parse("the benchmark's scenario", &text).expect("the simulator takes what it is made for")
    }
}

const BACKEND: &str = r#"
            [backend]
            servers = 100_000
            service = "500ms"
"#;

impl fmt::Display for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Apart => "nothing shared, one in ten calls",
            Self::SharedIdle => "a shared backend, one in a hundred calls",
            Self::SharedHalf => "a shared backend, half of them",
            Self::SharedBusy => "a shared backend, 95 of a hundred call",
        })
    }
}

/// Runs the clients in this process and gives the most bytes that it ever held. `None` where the system does not tell.
pub fn run_here(which: Clients, clients: u32) -> anyhow::Result<Option<u64>> {
    speed::whole(&which.scenario(clients), 1)?;
    Ok(memory::most_held())
}

/// The same in a process of its own: this program, told to.
pub fn run_apart(which: Clients, clients: u32) -> anyhow::Result<Option<u64>> {
    use clap::ValueEnum as _;
    let name = which.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let output = Command::new(std::env::current_exe()?)
        .args(["--weigh", &name, "--clients", &clients.to_string()])
        .output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
}
