//! Envoy's rate limit service, version 3: Envoy asks, the engine decides.
//!
//! A request names a domain and has descriptors, each a list of keys and values. [Rules](config::RuleConfig) say which plan a
//! descriptor is counted under. `docs/envoy.md` tells how to set up both sides.

mod answer;
pub mod config;
mod decide;
mod overrides;
mod rules;
mod service;
pub mod wire;

pub use rules::Rules;
pub use service::RateLimitService;

use std::time::Duration;
use tokio::net::TcpListener;
use tonic::server::NamedService;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

/// Calls of one connection at a time.
const MOST_STREAMS: u32 = 1_024;

/// Answers on a listener until `shutdown` comes about; calls under way are answered still.
///
/// The health service of gRPC answers beside it, for Envoy's own health checks.
pub async fn serve(
    listener: TcpListener,
    service: RateLimitService,
    shutdown: impl Future<Output = ()>,
) -> Result<(), tonic::transport::Error> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status(RateLimitService::NAME, tonic_health::ServingStatus::Serving).await;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder()
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .max_concurrent_streams(Some(MOST_STREAMS))
        // After a pause of this program longer than Envoy's `timeout`, all that were open come at once, reset already. That is no
        // attack, and to close the connection for it would cost the calls that still wait.
        .http2_max_pending_accept_reset_streams(Some(MOST_STREAMS as usize))
        .http2_max_header_list_size(Some(16 << 10))
        .add_service(health_service)
        .add_service(service)
        .serve_with_incoming_shutdown(incoming, shutdown)
        .await
}
