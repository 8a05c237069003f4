//! A gateway, its upstream, and a client.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use std::time::{Duration, Instant};
use tidegate::{Cost, LimitId};
use tidegate_gateway::serve::config::Config;
use tidegate_gateway::serve::keys::Digest;
use tidegate_gateway::serve::mock::{Mock, Pace};
use tidegate_gateway::serve::server::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What the upstream gives at most, in tokens.
pub(crate) const TOKENS: u64 = 12;

/// Two keys: `sk-one` has 100 requests and 10,000 tokens a minute, without a burst; `sk-two` more than any test uses.
pub(crate) fn config(listen: &str, mock: &str, more: &str) -> String {
    let [one, two] = ["sk-one", "sk-two"].map(|key| Digest::of(key.as_bytes()));
    format!(
        r#"
listen = "{listen}"

[[keys]]
name = "one"
sha256 = "{one}"
plan = "small"

[[keys]]
name = "two"
sha256 = "{two}"
plan = "large"

[plans.small]
requests_per_minute = 100
tokens_per_minute = 10_000
burst = 0.0

[plans.large]
requests_per_minute = 1_000
tokens_per_minute = 10_000_000
burst = 0.0

[upstreams.openai]
url = "{mock}"
api = "openai"

[upstreams.anthropic]
url = "{mock}"
api = "anthropic"
{more}"#
    )
}

pub(crate) const ANY_PORT: &str = "127.0.0.1:0";

pub(crate) struct Setup {
    pub(crate) mock: Mock,
    pub(crate) server: Server,
    pub(crate) client: Client<HttpConnector, Full<Bytes>>,
}

/// A response that has come whole.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }

    pub(crate) fn field(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {:?}", self.headers)).to_str().unwrap()
    }
}

impl Setup {
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// With more lines in its configuration.
    pub(crate) async fn with(more: &str) -> Self {
        Self::paced(more, Duration::ZERO).await
    }

    /// With a pause between the tokens of a stream.
    pub(crate) async fn paced(more: &str, pause: Duration) -> Self {
        let mock = Mock::start(Pace { tokens: TOKENS, pause }).await.unwrap();
        let text = config(ANY_PORT, &mock.url(), more);
        Self { server: server(&text).await, mock, client: client() }
    }

    /// Without an upstream that answers: calls go to this address.
    pub(crate) async fn before(address: &str, more: &str) -> Self {
        let mock = Mock::start(Pace { tokens: TOKENS, pause: Duration::ZERO }).await.unwrap();
        let text = config(ANY_PORT, address, more);
        Self { server: server(&text).await, mock, client: client() }
    }

    /// A call as OpenAI's clients make it.
    pub(crate) async fn chat(&self, key: &str, body: &str) -> Reply {
        whole(self.begin("/v1/chat/completions", &[("authorization", &format!("Bearer {key}"))], body).await)
            .await
    }

    /// A call as Anthropic's clients make it.
    pub(crate) async fn message(&self, key: &str, body: &str) -> Reply {
        whole(self.begin("/v1/messages", &[("x-api-key", key)], body).await).await
    }

    /// A call whose response has begun.
    pub(crate) async fn begin(&self, path: &str, fields: &[(&str, &str)], body: &str) -> Response<Incoming> {
        let builder =
            Request::builder().method(Method::POST).uri(format!("http://{}{path}", self.server.address()));
        let builder = fields.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
        let request = builder.body(Full::from(body.to_owned())).unwrap();
        self.client.request(request).await.unwrap()
    }

    /// Requests and tokens that a key has used.
    pub(crate) fn used(&self, key: &str) -> (u64, u64) {
        let gateway = self.server.gateway();
        let digest = Digest::of(key.as_bytes());
        let plan = gateway.state.live().keys.get(&digest).unwrap().plan;
        let (_, standing) = gateway.state.limiter.peek(&digest, plan, Cost::default(), gateway.clock.now());
        let used = |limit| standing.status(limit).map_or(0, |status| status.limit - status.remaining);
        (used(LimitId::RequestsWindow), used(LimitId::TokensWindow))
    }

    /// Calls that were admitted, settled, cancelled.
    pub(crate) fn counted(&self) -> (u64, u64, u64) {
        let observed = self.server.gateway().state.limiter.observed();
        (observed.admitted, observed.settled, observed.cancelled)
    }

    /// Says something over a connection of its own, and gives what comes back until it is closed.
    pub(crate) async fn say(&self, text: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(text.as_bytes()).await.unwrap();
        heard(stream).await
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.server.address()).await.unwrap()
    }
}

/// What comes until a connection is closed.
pub(crate) async fn heard(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

pub(crate) async fn server(text: &str) -> Server {
    Server::start(Config::parse("t.toml", text).unwrap(), None).await.unwrap()
}

fn client() -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).build_http()
}

/// A response's rest.
pub(crate) async fn whole(response: Response<Incoming>) -> Reply {
    let (parts, body) = response.into_parts();
    let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
    Reply { status: parts.status, headers: parts.headers, text }
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let begun = Instant::now();
    async move {
        while !holds() {
            assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

/// A request's body: words, and a bound on the answer.
pub(crate) fn ask(more: &str) -> String {
    format!(r#"{{"messages":[{{"role":"user","content":"two words"}}],"max_tokens":100{more}}}"#)
}

/// What the upstream says that such a request used: its two words, and the answer.
pub(crate) const USED: u64 = 2 + TOKENS;
