//! Tidegate's gateway, from this program's own code.

use super::request::{OPEN, SPENT};
use crate::role::{Layer, this_program};
use anyhow::Context;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use tidegate_gateway::serve::keys::Digest;

/// The gateway with two keys: what each is allowed is far from a call, on either side.
pub(super) fn command(
    listen: SocketAddr,
    upstream: SocketAddr,
    layer: Layer,
    folder: &Path,
) -> anyhow::Result<Command> {
    let file = folder.join("gateway.toml");
    fs::write(&file, config(listen, upstream))?;
    let layer = clap::ValueEnum::to_possible_value(&layer).context("a value with a name")?;
    let mut command = this_program()?;
    command.arg("gateway").arg(file).arg(layer.get_name());
    Ok(command)
}

/// The configuration of all measured gateways.
pub(crate) fn config(listen: SocketAddr, upstream: SocketAddr) -> String {
    let (open, spent) = (Digest::of(OPEN.as_bytes()), Digest::of(SPENT.as_bytes()));
    format!(
        r#"
listen = "{listen}"
[plans.open]
requests_per_minute = 10_000_000
tokens_per_minute = 100_000_000_000
tokens_per_day = 1_000_000_000_000
[plans.spent]
requests_per_minute = 1
burst = 0.0
[[keys]]
name = "open"
sha256 = "{open}"
plan = "open"
[[keys]]
name = "spent"
sha256 = "{spent}"
plan = "spent"
[upstreams.mock]
url = "http://{upstream}"
api = "openai"
"#
    )
}
