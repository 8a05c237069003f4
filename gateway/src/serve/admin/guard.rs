//! Addresses that the guard has blocked.

use super::named::Named;
use super::problem::Problem;
use super::{Admin, apart, view};
use axum::Json;
use axum::extract::State as Shared;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use tidegate::Guard;
use tracing::info;

type Answer = Result<Json<Value>, Problem>;

impl Admin {
    fn guard(&self) -> Result<Arc<Guard>, Problem> {
        (self.guard)().ok_or_else(|| {
            Problem::unknown("guard", "there is none; expected `[guard]` in the configuration")
        })
    }
}

/// All that are blocked, the ones that stay so longest first.
pub(super) async fn blocks(Shared(admin): Shared<Arc<Admin>>) -> Answer {
    let guard = admin.guard()?;
    let at = admin.clock.now();
    // Looks at every slot.
    apart(move || {
        let mut blocks: Vec<_> = guard.blocks(at).collect();
        blocks.sort_by_key(|block| (std::cmp::Reverse(block.remaining), block.network.to_string()));
        let blocks = blocks.into_iter().map(|block| {
            json!({
                "network": block.network.to_string(),
                "remaining_seconds": view::seconds(block.remaining),
                "before": block.before,
            })
        });
        Json(json!({ "blocks": blocks.collect::<Vec<_>>() }))
    })
    .await
}

/// Ends the block of an address, and forgets that there was one.
pub(super) async fn lift(Shared(admin): Shared<Arc<Admin>>, Named(address): Named) -> Answer {
    let guard = admin.guard()?;
    let address = address_of(&address).ok_or_else(|| {
        let found = tidegate_faults::excerpt(&address);
        Problem::wrong(
            "address",
            format!("expected an address such as `203.0.113.9` or `2001:db8::1`, found `{found}`"),
        )
    })?;
    let lifted = guard.lift(address, admin.clock.now());
    info!(%address, lifted, "a block was to end");
    Ok(Json(json!({ "lifted": lifted })))
}

/// An address, which may be written as the network that is listed for it.
fn address_of(text: &str) -> Option<IpAddr> {
    let (address, length) =
        text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address: IpAddr = address.parse().ok()?;
    let listed = if address.is_ipv4() { "32" } else { "64" };
    length.is_none_or(|length| length == listed).then_some(address)
}
