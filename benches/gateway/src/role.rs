//! What this program does as a process that another of it began.

use crate::upstream;
use anyhow::Context;
use clap::{Subcommand, ValueEnum};
use std::io::Read;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use tidegate_gateway::serve::config::Config;
use tidegate_gateway::serve::gateway::Gateway;
use tidegate_gateway::serve::server::Server;
use tidegate_gateway::serve::services;

/// A process of its own.
#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Role {
    /// The upstream that all gateways stand before.
    #[command(hide = true)]
    Upstream {
        /// Where it listens.
        listen: SocketAddr,
        /// Milliseconds from one event of a stream to the next.
        pause: u64,
    },
    /// Tidegate's gateway.
    #[command(hide = true)]
    Gateway {
        /// Its configuration.
        config: PathBuf,
        /// Whether it has its layer.
        layer: Layer,
    },
}

/// Whether a gateway has its layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Layer {
    /// As it is delivered.
    With,
    /// The proxy alone.
    Without,
}

impl Role {
    /// Runs until the process is ended, or the one that began it has ended.
    pub(crate) fn play(self) -> anyhow::Result<()> {
        end_with_parent();
        raise_open_files();
        match self {
            Self::Upstream { listen, pause } => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(upstream::serve(listen, Duration::from_millis(pause)))
            }
            Self::Gateway { config, layer } => {
                // As `tidegate-gateway serve` runs where there is one core.
                let mut runtime = tokio::runtime::Builder::new_multi_thread();
                runtime.worker_threads(1).enable_all().build()?.block_on(gateway(config, layer))
            }
        }
    }
}

async fn gateway(config: PathBuf, layer: Layer) -> anyhow::Result<()> {
    let config = Config::read(&config)?;
    let gateway = match layer {
        Layer::With => Gateway::new(config)?,
        Layer::Without => Gateway::without_limits(config)?,
    };
    let server = Server::of(gateway, None).await?;
    for service in services::all(server.gateway(), &server.ending()).await? {
        tokio::spawn(service.task);
    }
    std::future::pending().await
}

/// Ends this process when its input ends.
fn end_with_parent() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}

/// Takes as many open files as may be had. Gives how many.
#[cfg(unix)]
pub(crate) fn raise_open_files() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
pub(crate) fn raise_open_files() -> Option<u64> {
    None
}

/// This program, to be begun in a role.
pub(crate) fn this_program() -> anyhow::Result<std::process::Command> {
    let program = std::env::current_exe().context("this program's own path")?;
    Ok(std::process::Command::new(program))
}
