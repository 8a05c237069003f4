//! The layer in axum: ten calls a minute for each key, one request as expensive as another.
//!
//! ```console
//! $ cargo run -p tidegate-gateway --example axum
//! $ for i in $(seq 13); do curl -i 127.0.0.1:3000/ -H 'Authorization: Bearer any'; done
//! ```

use axum::Router;
use axum::routing::get;
use std::sync::Arc;
use tidegate::{Limiter, Plan};
use tidegate_gateway::identity::{BearerToken, OnePlan};
use tidegate_gateway::{HeaderSet, RateLimitLayer};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let limiter = Arc::new(Limiter::builder().capacity(100_000).build()?);
    let plan = limiter.add_plan(&Plan::builder("ten").requests_per_minute(10).build()?)?;
    let layer = RateLimitLayer::builder(limiter, BearerToken, OnePlan(plan))
        .headers(HeaderSet { ietf: true, ..HeaderSet::default() })
        .build();

    let routes = Router::new().route("/", get(async || "The tide comes in.\n")).layer(layer);
    let listener = TcpListener::bind("127.0.0.1:3000").await?;
    println!("http://{}", listener.local_addr()?);
    axum::serve(listener, routes).await?;
    Ok(())
}
