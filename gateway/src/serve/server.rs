//! A gateway that listens.

use super::config::Config;
use super::ending::{End, Ending};
use super::gateway::Gateway;
use super::listen;
use anyhow::Context;
use bytes::Bytes;
use http::{Method, Response, Uri};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::task::JoinHandle;

/// Pages of the gateway's own, which are answered before anything is limited.
pub trait Pages: Send + Sync + 'static {
    /// The page at an address; `None` if there is none, and the request is a call.
    fn page(&self, gateway: &Gateway, method: &Method, uri: &Uri) -> Option<Response<Bytes>>;
}

/// A gateway that listens. Dropped, it begins to end.
#[derive(Debug)]
pub struct Server {
    gateway: Arc<Gateway>,
    address: SocketAddr,
    end: End,
    ending: Ending,
    serving: JoinHandle<usize>,
}

impl Server {
    /// Begins to listen where the configuration says.
    pub async fn start(config: Config, pages: Option<Arc<dyn Pages>>) -> anyhow::Result<Self> {
        Self::start_with(Gateway::new(config)?, pages).await
    }

    /// Begins to listen where the gateway's configuration says.
    pub async fn start_with(gateway: Gateway, pages: Option<Arc<dyn Pages>>) -> anyhow::Result<Self> {
        let listen = gateway.config().listen;
        let gateway = Arc::new(gateway);
        let listener = listen::listener(listen).with_context(|| format!("cannot listen on {listen}"))?;
        let address = listener.local_addr()?;
        let (end, ending) = End::pair();
        let serving = tokio::spawn(listen::serve(listener, gateway.clone(), pages, ending.clone()));
        Ok(Self { gateway, address, end, ending, serving })
    }

    /// The gateway itself.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// Where it is reached.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Hears when it begins to end.
    pub fn ending(&self) -> Ending {
        self.ending.clone()
    }

    /// Takes no more connections, lets the responses under way end, and gives how many had to be cut off.
    pub async fn stop(self) -> anyhow::Result<usize> {
        self.end.begin();
        Ok(self.serving.await?)
    }
}
