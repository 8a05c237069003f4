//! What runs beside the proxy: each service a task that ends when the gateway does.

use super::ending::Ending;
use super::gateway::Gateway;
use std::pin::Pin;
use std::sync::Arc;

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
pub async fn all(_gateway: &Arc<Gateway>, _ending: &Ending) -> anyhow::Result<Vec<Service>> {
    Ok(Vec::new())
}
