//! Which header fields go through, in either direction.

use super::route::Destination;
use crate::identity::PeerAddress;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName,
    HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};

/// Fields that are about one connection and end with it (RFC 9110, 7.6.1).
const OF_A_CONNECTION: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// What an upstream says of the limits of the account that it is called with: no business of the gateway's clients, who have
/// limits of their own.
const OF_THE_ACCOUNT: [&str; 3] = ["x-ratelimit-", "anthropic-ratelimit-", "ratelimit"];

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

fn remove_of_connection(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect();
    for name in OF_A_CONNECTION.iter().chain(&named) {
        headers.remove(name);
    }
}

/// Makes a client's fields those of a call to the upstream.
pub(crate) fn to_upstream(headers: &mut HeaderMap, destination: &Destination, peer: Option<PeerAddress>) {
    remove_of_connection(headers);
    // The host is the upstream's, and the length that of the body as it goes on: the client writes both.
    headers.remove(HOST);
    headers.remove(CONTENT_LENGTH);
    // The gateway has said `100 Continue` by itself, and sends the body unasked.
    headers.remove(EXPECT);
    // What is compressed does not say what it used.
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    if let Some(credential) = &destination.credential {
        headers.remove(AUTHORIZATION);
        headers.remove(X_API_KEY);
        headers.insert(credential.field.clone(), credential.value.clone());
    }
    if let Some(PeerAddress(address)) = peer
        && let Ok(address) = HeaderValue::from_str(&address.ip().to_canonical().to_string())
    {
        headers.append(X_FORWARDED_FOR, address);
    }
}

/// Makes an upstream's fields those of a response to the client.
pub(crate) fn to_client(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        // Of the two the length is the wrong one (RFC 9112, 6.3): the body would be cut there.
        headers.remove(CONTENT_LENGTH);
    }
    remove_of_connection(headers);
    let of_account = |name: &HeaderName| OF_THE_ACCOUNT.iter().any(|start| name.as_str().starts_with(start));
    let names: Vec<HeaderName> = headers.keys().filter(|name| of_account(name)).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}
