//! `tidegate simulate`.

/// Arguments of `tidegate simulate`.
#[derive(Debug, Default, clap::Args)]
pub struct Args {}

/// Runs the command.
pub fn run(_args: &Args) -> anyhow::Result<()> {
    Ok(())
}
