//! Connections to upstreams: kept alive, over TLS where the URL says so, and made in time.

use super::waiting::AnyError;
use anyhow::Context as _;
use bytes::Bytes;
use http::Uri;
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::crypto::CryptoProvider;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tower_service::Service;

/// Calls upstreams.
pub(crate) type Client = legacy::Client<InTime<HttpsConnector<HttpConnector>>, Full<Bytes>>;

/// Whether upstreams are reached over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// Some are: the system's root certificates are needed.
    Used,
    /// None is.
    Unused,
}

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(90);

/// From one question to the next whether the other end of a shared connection is still there.
const ALIVE: Duration = Duration::from_secs(30);

/// A client. An error if root certificates are needed, and the system has none.
pub(crate) fn client(connect_time: Duration, tls: Tls) -> anyhow::Result<Client> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_keepalive(Some(Duration::from_secs(60)));
    let connector = match tls {
        Tls::Used => with_roots(http)?,
        Tls::Unused => without_roots(http)?,
    };
    let client = legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .http2_adaptive_window(true)
        // A connection that many calls share must not be a dead one.
        .http2_keep_alive_interval(ALIVE)
        .build(InTime { connector, time: connect_time });
    Ok(client)
}

/// The one provider of cryptography that this program has.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn with_roots(http: HttpConnector) -> anyhow::Result<HttpsConnector<HttpConnector>> {
    let builder = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider());
    let builder = builder
        .context("an upstream has a URL of https, and the system's root certificates cannot be read")?;
    Ok(builder.https_or_http().enable_all_versions().wrap_connector(http))
}

fn without_roots(http: HttpConnector) -> anyhow::Result<HttpsConnector<HttpConnector>> {
    let none = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    let builder = HttpsConnectorBuilder::new().with_tls_config(none);
    Ok(builder.https_or_http().enable_all_versions().wrap_connector(http))
}

/// A connector that gives up: name, connection and TLS together must not take longer.
#[derive(Clone, Debug)]
pub(crate) struct InTime<C> {
    connector: C,
    time: Duration,
}

impl<C> Service<Uri> for InTime<C>
where
    C: Service<Uri, Error = AnyError>,
    C::Response: Send,
    C::Future: Send + 'static,
{
    type Response = C::Response;
    type Error = AnyError;
    type Future = Pin<Box<dyn Future<Output = Result<C::Response, AnyError>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), AnyError>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = tokio::time::timeout(self.time, self.connector.call(uri));
        Box::pin(async move { connecting.await? })
    }
}
