//! What runs beside the proxy: each service a task that ends when the gateway does.

use super::admin::{Admin, Token};
use super::config;
use super::ending::Ending;
use super::gateway::Gateway;
use crate::envoy::RateLimitService;
use anyhow::Context;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use tokio::net::TcpListener;
use tracing::info;

/// A service that runs beside the proxy.
pub struct Service {
    /// What the log calls it.
    pub name: &'static str,
    /// Runs until the end begins; an error ends the gateway.
    pub task: Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>,
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The services that a gateway's configuration asks for. Each has begun to listen when this returns, so that an address that is
/// taken is told at the start.
pub async fn all(gateway: &Arc<Gateway>, ending: &Ending) -> anyhow::Result<Vec<Service>> {
    let config = gateway.config();
    let mut services = Vec::new();
    if let Some(config) = &config.admin {
        services.push(admin(config, gateway, ending.clone()).await?);
    }
    if let Some(config) = &config.envoy {
        services.push(envoy(config.listen, gateway, ending.clone()).await?);
    }
    Ok(services)
}

async fn admin(
    config: &config::Admin,
    gateway: &Arc<Gateway>,
    mut ending: Ending,
) -> anyhow::Result<Service> {
    let token = Token::read(&config.token_file)?;
    let listener = listener("admin.listen", config.listen).await?;
    let guard = gateway.clone();
    let admin = Admin {
        state: gateway.state.clone(),
        own: gateway.own.clone(),
        guard: Arc::new(move || guard.guard()),
        clock: gateway.clock.clone(),
        metrics: gateway.metrics.clone(),
        token,
    };
    let serving = super::admin::serve(listener, Arc::new(admin), async move { ending.begun().await });
    Ok(Service { name: "the admin API", task: Box::pin(async move { Ok(serving.await?) }) })
}

async fn envoy(listen: SocketAddr, gateway: &Arc<Gateway>, mut ending: Ending) -> anyhow::Result<Service> {
    let listener = listener("envoy.listen", listen).await?;
    let Gateway { state, rules, clock, metrics, .. } = &**gateway;
    let service = RateLimitService::new(state.clone(), rules.clone(), clock.clone(), metrics.clone());
    let serving = crate::envoy::serve(listener, service, async move { ending.begun().await });
    Ok(Service { name: "the service for Envoy", task: Box::pin(async move { Ok(serving.await?) }) })
}

async fn listener(field: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("`{field}`: cannot listen on {address}"))?;
    info!(%address, "listens for `{field}`");
    Ok(listener)
}
