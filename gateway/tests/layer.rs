//! The layer around a service: who passes, what responses say, and that every call is settled once.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full, StreamBody};
use std::convert::Infallible;
use std::sync::Arc;
use tidegate::{
    Burst, Cost, Guard, Limit, LimitId, Limiter, ManualClock, Nanos, Plan, PlanId, Timestamp, Unit,
};
use tidegate_gateway::identity::{BearerToken, OnePlan, Peer, PeerAddress};
use tidegate_gateway::tokens::{OpenAiCost, OpenAiUsage};
use tidegate_gateway::{RateLimitLayer, Shape};
use tower::{Layer, Service, ServiceExt, service_fn};

const START: Timestamp = Timestamp::both(Nanos::from_secs(1_700_000_000));

/// A limiter with 10,000 tokens and 100 requests a minute.
struct Setup {
    limiter: Arc<Limiter>,
    plan: PlanId,
    clock: Arc<ManualClock>,
}

impl Setup {
    fn new() -> Self {
        let limiter = Arc::new(Limiter::builder().capacity(100).build().unwrap());
        let plan = Plan::builder("p")
            .limit(Limit::per_minute(Unit::Requests, 100).with_burst(Burst::NONE))
            .limit(Limit::per_minute(Unit::Tokens, 10_000).with_burst(Burst::NONE))
            .build()
            .unwrap();
        let plan = limiter.add_plan(&plan).unwrap();
        Self { limiter, plan, clock: Arc::new(ManualClock::new(START)) }
    }

    /// Requests and tokens that the key has used.
    fn used(&self, key: &str) -> (u64, u64) {
        let (_, standing) = self.limiter.peek(key.as_bytes(), self.plan, Cost::default(), START);
        let used = |limit| standing.status(limit).map_or(0, |status| status.limit - status.remaining);
        (used(LimitId::RequestsWindow), used(LimitId::TokensWindow))
    }
}

fn request(key: &str, body: &str) -> Request<Full<Bytes>> {
    let builder = Request::builder().uri("/v1/chat/completions");
    let builder =
        if key.is_empty() { builder } else { builder.header("authorization", format!("Bearer {key}")) };
    builder.body(Full::from(Bytes::from(body.to_owned()))).unwrap()
}

/// A service that answers so, whatever it is asked.
macro_rules! service {
    ($setup:expr, $answer:expr) => {{
        let layer = RateLimitLayer::builder($setup.limiter.clone(), BearerToken, OnePlan($setup.plan))
            .tokens(OpenAiCost::default(), OpenAiUsage::default())
            .clock($setup.clock.clone())
            .build();
        layer.layer(service_fn($answer))
    }};
}

fn json(status: u16, body: &'static str) -> Response<Full<Bytes>> {
    Response::builder()
        .status(status)
        .header("content-type", "application/json")
        .body(Full::from(body))
        .unwrap()
}

async fn text<B: Body<Data = Bytes>>(response: Response<B>) -> String
where
    B::Error: std::fmt::Debug,
{
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

const ASK: &str = r#"{"messages":[],"max_tokens":1000}"#;
/// What it is charged: the answer's bound, and a token for four bytes.
const CHARGED: u64 = 1_000 + 9;

#[tokio::test]
async fn a_call_is_charged_and_settled_by_its_usage() {
    let setup = Setup::new();
    let service =
        service!(setup, |_| async { Ok::<_, Infallible>(json(200, r#"{"usage":{"total_tokens":77}}"#)) });
    let response = service.oneshot(request("k", ASK)).await.unwrap();
    assert_eq!(response.headers()["x-ratelimit-remaining"], "99");
    assert_eq!(setup.used("k"), (1, CHARGED));
    assert_eq!(text(response).await, r#"{"usage":{"total_tokens":77}}"#);
    assert_eq!(setup.used("k"), (1, 77));
}

#[tokio::test]
async fn what_says_nothing_of_its_usage_is_settled_by_estimate() {
    let setup = Setup::new();
    let service = service!(setup, |_| async { Ok::<_, Infallible>(json(200, "{}")) });
    text(service.oneshot(request("k", ASK)).await.unwrap()).await;
    assert_eq!(setup.used("k"), (1, CHARGED));
    assert_eq!(setup.limiter.observed().settled, 1);
}

#[tokio::test]
async fn what_the_upstream_refused_is_given_back() {
    for (status, requests) in [(503, 0), (429, 0), (502, 0), (500, 1), (400, 1)] {
        let setup = Setup::new();
        let service = service!(setup, move |_| async move { Ok::<_, Infallible>(json(status, "{}")) });
        text(service.oneshot(request("k", ASK)).await.unwrap()).await;
        assert_eq!(setup.used("k"), (requests, 0), "{status}");
    }
}

#[tokio::test]
async fn a_service_that_fails_has_not_taken_the_call_up() {
    let setup = Setup::new();
    let service = service!(setup, |_| async { Err::<Response<Full<Bytes>>, _>("no connection") });
    assert_eq!(service.oneshot(request("k", ASK)).await.err(), Some("no connection"));
    assert_eq!((setup.used("k"), setup.limiter.observed().cancelled), ((0, 0), 1));
}

/// A stream of events, of which the last ones may never be asked for.
fn stream(
    chunks: &'static [&'static str],
) -> Response<StreamBody<impl futures_util::Stream<Item = Result<Frame<Bytes>, &'static str>>>> {
    let frames = chunks.iter().map(|chunk| match *chunk {
        "broken" => Err("broken"),
        chunk => Ok(Frame::data(Bytes::from_static(chunk.as_bytes()))),
    });
    Response::builder()
        .header("content-type", "text/event-stream")
        .body(StreamBody::new(futures_util::stream::iter(frames)))
        .unwrap()
}

const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"total_tokens\":55}}\n\n";

#[tokio::test]
async fn a_stream_settles_when_it_ends_breaks_or_is_dropped() {
    // All of it is read: by its usage.
    let setup = Setup::new();
    let service = service!(setup, |_| async {
        Ok::<_, Infallible>(stream(&["data: {}\n\n", USAGE, "data: [DONE]\n\n"]))
    });
    service.oneshot(request("k", ASK)).await.unwrap().into_body().collect().await.unwrap();
    assert_eq!((setup.used("k"), setup.limiter.observed().settled), ((1, 55), 1));

    // It breaks before its usage: by estimate.
    let setup = Setup::new();
    let service = service!(setup, |_| async { Ok::<_, Infallible>(stream(&["data: {}\n\n", "broken"])) });
    assert!(service.oneshot(request("k", ASK)).await.unwrap().into_body().collect().await.is_err());
    assert_eq!((setup.used("k"), setup.limiter.observed().settled), ((1, CHARGED), 1));

    // It breaks after it: by it.
    let setup = Setup::new();
    let service = service!(setup, |_| async { Ok::<_, Infallible>(stream(&[USAGE, "broken"])) });
    assert!(service.oneshot(request("k", ASK)).await.unwrap().into_body().collect().await.is_err());
    assert_eq!(setup.used("k"), (1, 55));

    // Its client goes away.
    let setup = Setup::new();
    let service = service!(setup, |_| async { Ok::<_, Infallible>(stream(&["data: {}\n\n", USAGE])) });
    let mut body = Box::pin(service.oneshot(request("k", ASK)).await.unwrap().into_body());
    assert!(body.frame().await.is_some());
    drop(body);
    assert_eq!((setup.used("k"), setup.limiter.observed().settled), ((1, CHARGED), 1));
}

/// gRPC tells a status without a message in the header alone, whose frame must end the stream: clients in C++, Python and Go else say
/// "unknown" of an error of the service's own, and of every refusal.
#[tokio::test]
async fn a_response_without_a_body_ends_with_its_header() {
    let setup = Setup::new();
    let service = service!(setup, |_| async { Ok::<_, Infallible>(Response::new(Full::<Bytes>::default())) });
    let response = service.oneshot(request("k", ASK)).await.unwrap();
    assert!(response.body().is_end_stream());
    assert_eq!((setup.used("k"), setup.limiter.observed().settled), ((1, CHARGED), 1));

    let layer = RateLimitLayer::builder(setup.limiter.clone(), BearerToken, OnePlan(setup.plan));
    let service = layer
        .answers(Shape::Grpc)
        .build()
        .layer(service_fn(|_| async { Ok::<_, Infallible>(json(200, "{}")) }));
    let refused = service.oneshot(request("", "")).await.unwrap();
    assert_eq!(refused.headers()["grpc-status"], "16");
    assert!(refused.body().is_end_stream());
    assert_eq!(text(refused).await, "");
}

/// R11: on 429 the fields describe the limit that denied. With a second layer they would say that there is room.
#[tokio::test]
async fn a_denial_tells_of_the_layer_that_denied() {
    let (outer, inner) = (Setup::new(), Setup::new());
    let plan = inner.limiter.add_plan(&Plan::builder("one").requests_per_minute(1).build().unwrap()).unwrap();
    let layer = |setup: &Setup, plan| {
        RateLimitLayer::builder(setup.limiter.clone(), BearerToken, OnePlan(plan))
            .clock(setup.clock.clone())
            .build()
    };
    let service = service_fn(|_| async { Ok::<_, Infallible>(json(200, "{}")) });
    let service = layer(&outer, outer.plan).layer(layer(&inner, plan).layer(service));
    let told = |response: &Response<_>| {
        ["x-ratelimit-limit", "x-ratelimit-remaining"]
            .map(|name| response.headers()[name].to_str().unwrap().to_owned())
    };
    let passed = service.clone().oneshot(request("k", "")).await.unwrap();
    assert_eq!((passed.status(), told(&passed)), (StatusCode::OK, ["100", "99"].map(str::to_owned)));
    let denied = service.oneshot(request("k", "")).await.unwrap();
    let expected = (StatusCode::TOO_MANY_REQUESTS, ["1", "0"].map(str::to_owned));
    assert_eq!((denied.status(), told(&denied)), expected);
    assert_eq!(outer.used("k"), (1, 0), "what went no further is given back");
}

#[tokio::test]
async fn a_client_that_goes_away_before_the_answer_stays_charged() {
    let setup = Setup::new();
    let service = service!(setup, |_| std::future::pending::<Result<Response<Full<Bytes>>, Infallible>>());
    let mut future = Box::pin(service.oneshot(request("k", ASK)));
    assert!(futures_util::poll!(&mut future).is_pending());
    assert_eq!(setup.limiter.observed().settled, 0);
    drop(future);
    assert_eq!((setup.used("k"), setup.limiter.observed().settled), ((1, CHARGED), 1));
}

#[tokio::test]
async fn a_denied_call_is_answered_here_and_charged_nothing() {
    let setup = Setup::new();
    let service = service!(setup, |_| async { Ok::<_, Infallible>(json(200, "{}")) });
    for _ in 0..9 {
        assert_eq!(service.clone().oneshot(request("k", ASK)).await.unwrap().status(), 200);
    }
    let denied = service.clone().oneshot(request("k", ASK)).await.unwrap();
    assert_eq!(denied.status(), StatusCode::TOO_MANY_REQUESTS);
    let (seconds, millis) = (&denied.headers()["retry-after"], &denied.headers()["retry-after-ms"]);
    let millis: u64 = millis.to_str().unwrap().parse().unwrap();
    assert_eq!(seconds.to_str().unwrap().parse::<u64>().unwrap(), millis.div_ceil(1_000));
    assert_eq!(setup.used("k"), (9, 9 * CHARGED));
    let body: serde_json::Value = serde_json::from_str(&text(denied).await).unwrap();
    assert_eq!(body["error"]["type"], "tokens");
    // In the announced time there is room.
    setup.clock.advance(Nanos::from_millis(millis));
    assert_eq!(service.oneshot(request("k", ASK)).await.unwrap().status(), 200);
}

#[tokio::test]
async fn requests_without_a_key_and_bodies_too_long_go_no_further() {
    let setup = Setup::new();
    let layer = RateLimitLayer::builder(setup.limiter.clone(), BearerToken, OnePlan(setup.plan))
        .tokens(OpenAiCost { body_limit: 100, ..OpenAiCost::default() }, OpenAiUsage::default())
        .answers(Shape::Anthropic)
        .build();
    let service = layer.layer(service_fn(|request: Request<_>| async move {
        let body: http_body_util::Collected<Bytes> = BodyExt::collect(request.into_body()).await?;
        Ok::<_, Infallible>(Response::new(Full::from(body.to_bytes())))
    }));
    assert_eq!(service.clone().oneshot(request("", ASK)).await.unwrap().status(), 401);
    let long = service.clone().oneshot(request("k", &"x".repeat(101))).await.unwrap();
    assert_eq!(long.status(), 413);
    let body: serde_json::Value = serde_json::from_str(&text(long).await).unwrap();
    assert_eq!((&body["type"], &body["error"]["type"]), (&"error".into(), &"request_too_large".into()));
    assert_eq!(setup.used("k"), (0, 0));
    // What was read for its cost arrives whole.
    assert_eq!(text(service.oneshot(request("k", ASK)).await.unwrap()).await, ASK);
}

#[tokio::test]
async fn a_client_that_does_not_heed_429_is_blocked() {
    let setup = Setup::new();
    let guard =
        Arc::new(Guard::builder().tolerance(5).drain(Nanos::from_secs(10)).status(403).build().unwrap());
    let layer = RateLimitLayer::builder(setup.limiter.clone(), BearerToken, OnePlan(setup.plan))
        .guard(guard, Peer)
        .clock(setup.clock.clone())
        .build();
    let mut service = layer.layer(service_fn(|_| async { Ok::<_, Infallible>(json(200, "{}")) }));
    let mut statuses = Vec::new();
    for _ in 0..140 {
        let mut request = request("k", "");
        request.extensions_mut().insert(PeerAddress("192.0.2.7:4000".parse().unwrap()));
        let response = service.ready().await.unwrap().call(request).await.unwrap();
        statuses.push(response.status().as_u16());
        // Long after it has heard of the first refusal, and before its time.
        setup.clock.advance(Nanos::from_millis(if statuses.contains(&429) { 150 } else { 1 }));
    }
    assert_eq!(statuses[..100], [200; 100]);
    assert!(statuses[100..].contains(&429) && statuses.ends_with(&[403]), "{:?}", &statuses[100..]);
}
