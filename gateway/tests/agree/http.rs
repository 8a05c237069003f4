//! Calls, and what their responses say.

use crate::upstream::CALL;
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use std::net::SocketAddr;
use tidegate_gateway::serve::keys::Digest;

/// Calls a gateway.
#[derive(Clone)]
pub(crate) struct Caller {
    gateway: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
}

/// The key with which a name of a trace calls.
pub(crate) fn secret(name: &str) -> String {
    format!("sk-{name}")
}

/// A key as the configuration of a gateway has it.
pub(crate) fn key(name: &str, plan: &str) -> String {
    let sha256 = Digest::of(secret(name).as_bytes());
    format!("[[keys]]\nname = \"{name}\"\nsha256 = \"{sha256}\"\nplan = \"{plan}\"\n")
}

impl Caller {
    pub(crate) fn new(gateway: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self { gateway, client: Client::builder(TokioExecutor::new()).build(connector) }
    }

    /// A call of a key, whose response has begun when this ends.
    pub(crate) async fn begin(&self, key: &str, call: u64, body: String) -> Response<Incoming> {
        let request = Request::post(format!("http://{}/v1/chat/completions", self.gateway));
        let request = request.header("authorization", format!("Bearer {}", secret(key)));
        let request = request.header("content-type", "application/json").header(CALL, call.to_string());
        self.client.request(request.body(Full::from(body)).unwrap()).await.unwrap()
    }
}

/// A response's text.
pub(crate) async fn text(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A number in a field, if the field is there.
pub(crate) fn number(fields: &HeaderMap, name: &str) -> Option<u64> {
    fields.get(name).map(|value| value.to_str().unwrap().parse().unwrap())
}

/// Whether a call was let pass.
pub(crate) fn is_admitted(response: &Response<Incoming>) -> bool {
    match response.status() {
        StatusCode::OK => true,
        StatusCode::TOO_MANY_REQUESTS => false,
        other => panic!("{other}"),
    }
}

/// What a request without a bound costs, besides its length; set so that [`body`] can ask for few tokens.
pub(crate) const NO_DEFAULT: &str = "[tokens]\ndefault_answer = 0\n";

/// A body of which the gateway estimates just so many tokens: a bound on the answer, and one for every four bytes.
pub(crate) fn body(tokens: u64) -> String {
    /// Room for every bound.
    const LENGTH: u64 = 40;
    match tokens.checked_sub(LENGTH / 4) {
        Some(bound) => format!("{:40}", format!("{{\"max_tokens\":{bound}}}")),
        None => " ".repeat(tokens as usize * 4),
    }
}
