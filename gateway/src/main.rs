//! The program `tidegate-gateway`.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    tidegate_gateway::serve::cli::main()
}
