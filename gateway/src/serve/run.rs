//! `tidegate-gateway serve`.

use super::admin::Token;
use super::config::Config;
use super::descriptors;
use super::logs::Logs;
use super::own_plans::OwnPlans;
use super::reload::Reloader;
use super::route::Routes;
use super::server::Server;
use super::services::{self, Service};
use super::signals::asked_to_end;
use anyhow::Context;
use clap::Args;
use std::path::PathBuf;
use tokio::task::JoinSet;
use tracing::{info, warn};

/// Runs the gateway that a configuration file describes.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The configuration: a TOML file. It is read again when it changes, and on SIGHUP.
    config: PathBuf,
    /// Says whether the file could be used, and ends.
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    logs: Logs,
}

impl Serve {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        if self.check {
            let config = Config::read(&self.config)?;
            println!("{}: {}", self.config.display(), summary(&config));
            // Where a file is checked its keys need not be known, nor what was set where it is used.
            if let Err(error) = starts_here(&config) {
                eprintln!("tidegate-gateway: it would not start here: {error:#}");
            }
            return Ok(());
        }
        self.logs.begin();
        let runtime = runtime()?;
        // A signal that comes while it starts is heard when it has: else it would be killed, and by one that asks it to read its file.
        let (asked, reloader) = {
            let _within = runtime.enter();
            (asked_to_end(), Reloader::new(self.config.clone()))
        };
        let config = Config::read(&self.config)?;
        runtime.block_on(serve(config, reloader, asked))
    }
}

/// Whether what the configuration only names is there.
fn starts_here(config: &Config) -> anyhow::Result<()> {
    Routes::new(&config.upstreams)?;
    OwnPlans::read(config)?;
    config.admin.as_ref().map(|admin| Token::read(&admin.token_file)).transpose()?;
    Ok(())
}

/// What the program's tasks run on.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.enable_all().build().context("no threads to run on")
}

/// A configuration in one line.
fn summary(config: &Config) -> String {
    let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    let guard = if config.guard.is_some() { "a guard" } else { "no guard" };
    let admin = config.admin.as_ref().map(|admin| format!(", admin on {}", admin.listen));
    let envoy = config.envoy.as_ref().map(|envoy| format!(", Envoy on {}", envoy.listen));
    format!(
        "good: listens on {}, {}, {}, {}, {guard}{}{}",
        config.listen,
        count(config.keys.len(), "key"),
        count(config.plans.len(), "plan"),
        count(config.upstreams.len(), "upstream"),
        admin.unwrap_or_default(),
        envoy.unwrap_or_default()
    )
}

async fn serve(config: Config, reloader: Reloader, asked: impl Future<Output = ()>) -> anyhow::Result<()> {
    descriptors::raise(config.bounds.connections);
    let server = Server::start(config, None).await?;
    let mut beside = JoinSet::new();
    let reloading = reloader.run(server.gateway().clone(), server.ending());
    beside.spawn(async move {
        reloading.await;
        Ok(())
    });
    for service in services::all(server.gateway(), &server.ending()).await? {
        beside.spawn(named(service));
    }
    info!(address = %server.address(), "serves");
    let failed = tokio::select! {
        () = asked => None,
        failed = failure(&mut beside) => Some(failed),
    };
    info!("takes no more calls; those under way may end");
    match server.stop().await? {
        0 => info!("ended"),
        cut_off => warn!(cut_off, "ended; some connections had to be cut off"),
    }
    failed.map_or(Ok(()), Err)
}

async fn named(Service { name, task }: Service) -> anyhow::Result<()> {
    task.await.context(name)
}

/// Waits for the first service that fails.
async fn failure(beside: &mut JoinSet<anyhow::Result<()>>) -> anyhow::Error {
    while let Some(ended) = beside.join_next().await {
        match ended {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return error,
            Err(error) => return error.into(),
        }
    }
    std::future::pending().await
}
