//! Addresses to listen on, as a configuration gives them.

use serde::de::Error;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;

/// Where something listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListenAddress(pub(crate) SocketAddr);

impl ListenAddress {
    /// Reads one for a field that holds the address itself.
    pub(crate) fn socket_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
        Self::deserialize(deserializer).map(|Self(address)| address)
    }
}

impl<'de> Deserialize<'de> for ListenAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| {
            D::Error::custom(format!(
                "expected an address and a port, such as `127.0.0.1:8080` or `[::]:8080`, found `{text}`"
            ))
        })
    }
}
