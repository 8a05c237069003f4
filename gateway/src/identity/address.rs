//! The address of a request's client.

use super::AddressOf;
use http::HeaderName;
use http::request::Parts;
use std::net::{IpAddr, SocketAddr};
use tidegate::guard::Network;

/// No addresses: for services without a guard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Nowhere;

impl AddressOf for Nowhere {
    fn address(&self, _request: &Parts) -> Option<IpAddr> {
        None
    }
}

/// The other end of a request's connection, which a server puts among the request's extensions.
///
/// The servers of others have types of their own for it. Where it is `ConnectInfo` of axum, read that:
///
/// ```
/// use axum::extract::ConnectInfo;
/// use std::net::{IpAddr, SocketAddr};
/// use tidegate_gateway::AddressOf;
///
/// struct AxumPeer;
///
/// impl AddressOf for AxumPeer {
///     fn address(&self, request: &http::request::Parts) -> Option<IpAddr> {
///         request.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip())
///     }
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// The other end of the connection: for services that clients reach without a proxy in between.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peer;

impl AddressOf for Peer {
    fn address(&self, request: &Parts) -> Option<IpAddr> {
        request.extensions.get::<PeerAddress>().map(|PeerAddress(address)| address.ip())
    }
}

/// The client behind proxies that are trusted: of the addresses that a field such as `x-forwarded-for` names, the last one, from right
/// to left, that is no trusted proxy's. What stands left of it was written by the client itself and is not believed; where the
/// connection's own peer is no trusted proxy, nothing of the field is.
#[derive(Clone, Debug)]
pub struct TrustedProxies {
    field: HeaderName,
    networks: Vec<Network>,
}

impl TrustedProxies {
    /// Proxies of these networks, which add the address of who called them to the end of `x-forwarded-for`.
    pub fn new(networks: impl IntoIterator<Item = Network>) -> Self {
        Self { field: HeaderName::from_static("x-forwarded-for"), networks: networks.into_iter().collect() }
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.networks.iter().any(|network| network.contains(address))
    }
}

impl AddressOf for TrustedProxies {
    fn address(&self, request: &Parts) -> Option<IpAddr> {
        let mut client = Peer.address(request)?;
        let lines = request.headers.get_all(&self.field).iter();
        // Several lines of one field are one list (RFC 9110, 5.3); it is read from its end.
        let named = lines.rev().flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for name in named {
            if !self.trusts(client) {
                break;
            }
            match parse(name) {
                Some(address) => client = address,
                // A trusted proxy wrote something that is no address: who called it stays unknown, and the proxy answers for it.
                None => break,
            }
        }
        Some(client)
    }
}

/// An address, perhaps with a port or in brackets.
fn parse(name: &[u8]) -> Option<IpAddr> {
    let name = std::str::from_utf8(name.trim_ascii()).ok()?;
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    bare.parse().ok().or_else(|| name.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn address(peer: &str, lines: &[&str]) -> String {
        let trusted =
            TrustedProxies::new(["10.0.0.0/8", "2001:db8::/32"].map(|network| network.parse().unwrap()));
        let builder = Request::builder();
        let builder = lines.iter().fold(builder, |builder, line| builder.header("x-forwarded-for", *line));
        let mut parts = builder.body(()).unwrap().into_parts().0;
        parts.extensions.insert(PeerAddress(SocketAddr::new(peer.parse().unwrap(), 1)));
        trusted.address(&parts).unwrap().to_string()
    }

    #[test]
    fn the_last_address_that_no_trusted_proxy_has_is_the_clients() {
        assert_eq!(address("10.0.0.1", &["1.1.1.1, 2.2.2.2"]), "2.2.2.2");
        assert_eq!(address("10.0.0.1", &["1.1.1.1, 2.2.2.2, 10.9.9.9"]), "2.2.2.2");
        assert_eq!(address("10.0.0.1", &["1.1.1.1", "2.2.2.2, 10.9.9.9"]), "2.2.2.2");
        assert_eq!(address("10.0.0.1", &["[2600::1]:443"]), "2600::1");
        assert_eq!(address("2001:db8::7", &["3.3.3.3:99"]), "3.3.3.3");
        assert_eq!(address("10.0.0.1", &["10.0.0.2, 10.0.0.3"]), "10.0.0.2");
        assert_eq!(address("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_a_client_writes_itself_is_not_believed() {
        assert_eq!(address("9.9.9.9", &["1.1.1.1"]), "9.9.9.9");
        assert_eq!(address("10.0.0.1", &["1.1.1.1, 9.9.9.9"]), "9.9.9.9");
        assert_eq!(address("10.0.0.1", &["1.1.1.1, unknown, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(address("10.0.0.1", &["1.1.1.1, ,"]), "10.0.0.1");
    }

    #[test]
    fn without_a_peer_there_is_no_address() {
        let parts = Request::builder().header("x-forwarded-for", "1.1.1.1").body(()).unwrap().into_parts().0;
        assert_eq!(TrustedProxies::new([]).address(&parts), None);
        assert_eq!(Nowhere.address(&parts), None);
    }
}
