//! Tidegate in Pingora: a proxy before an API in OpenAI's form, whose keys have requests and tokens a minute.
//!
//! ```console
//! $ cargo run --manifest-path examples/pingora/Cargo.toml -- 127.0.0.1:8000    # an upstream, over plain HTTP
//! $ curl -i 127.0.0.1:6188/v1/chat/completions -H 'Authorization: Bearer any' -d '{"max_tokens": 50, "messages": []}'
//! ```
//!
//! Pingora calls a proxy at each step of a request. Three of them ask Tidegate:
//!
//! - [`request_filter`](ProxyHttp::request_filter) decides, and answers 429 with `retry-after` itself;
//! - [`response_filter`](ProxyHttp::response_filter) adds the fields of the key's limits, and reads from the status whether the
//!   upstream took the call up;
//! - [`response_body_filter`](ProxyHttp::response_body_filter) reads the `usage` that goes by, and settles with it.
//!
//! The reservation is in the context that Pingora keeps for each request. However that ends (an upstream that breaks off, a
//! client that leaves), the context is dropped, and with it the reservation is settled by its estimate; none leaks.
//!
//! The estimate is by the request's length, since Pingora has not read its body yet when it asks: what a call may cost at most is
//! not known before its response has told.

use async_trait::async_trait;
use bytes::Bytes;
use http::HeaderName;
use pingora::prelude::*;
use pingora::proxy::FailToProxy;
use serde_json::json;
use std::sync::Arc;
use tidegate::headers::{ietf_policy, ietf_rate_limit};
use tidegate::{
    Clock, Cost, Decision, Held, Limiter, Plan, PlanId, RateLimitHeaders, Standing, SystemClock, Verdict,
};
use tidegate_gateway::identity::BearerToken;
use tidegate_gateway::tokens::{OpenAiUsage, TokenMeter};
use tidegate_gateway::{ByStatus, KeyOf, Meter, Outcome, OutcomeOf, UsageOf};

/// Tokens charged for an answer, until its response tells how many they were.
const ANSWER: u64 = 1_024;

/// Bytes of a request that make about a token.
const BYTES_A_TOKEN: u64 = 4;

/// The proxy.
struct Limited {
    upstream: String,
    limiter: Arc<Limiter>,
    plan: PlanId,
    clock: Arc<SystemClock>,
}

/// The fields of a response that tell of its key's limits.
type Fields = Vec<(&'static str, String)>;

/// A call that was admitted.
struct Call {
    fields: Fields,
    /// Settles by estimate if it is dropped.
    reserved: Held<Arc<Limiter>, Arc<SystemClock>>,
    /// The tokens that were reserved.
    estimate: u64,
    /// Once its response has begun.
    meter: Option<TokenMeter>,
}

/// What is kept of a request; nothing of one that was not admitted, or is settled.
type Context = Option<Call>;

impl Limited {
    fn new(upstream: String) -> std::result::Result<Self, Box<dyn std::error::Error>> {
        let limiter = Arc::new(Limiter::builder().capacity(100_000).build()?);
        let plan = Plan::builder("small").requests_per_minute(5).tokens_per_minute(20_000).build()?;
        let plan = limiter.add_plan(&plan)?;
        Ok(Self { upstream, limiter, plan, clock: Arc::new(SystemClock::new()) })
    }

    /// Decides a request with a key; the call, or the fields of a denial.
    fn decide(&self, key: &[u8], cost: Cost) -> std::result::Result<Call, Fields> {
        let (decision, standing) = self.limiter.check_with_standing(key, self.plan, cost, self.clock.now());
        let fields = fields(decision.verdict(), &standing);
        match decision {
            Decision::Admitted(admission) => {
                let reserved = admission.reservation.held(self.limiter.clone(), self.clock.clone());
                Ok(Call { fields, reserved, estimate: cost.tokens, meter: None })
            }
            Decision::Denied(_) | Decision::Never(_) => Err(fields),
        }
    }
}

/// What a response tells: the requests left in the fields that most clients read, the tokens too in those of the IETF's draft.
fn fields(verdict: Verdict, standing: &Standing<'_>) -> Fields {
    let own = RateLimitHeaders::new(verdict, standing);
    let own = own.iter().flat_map(RateLimitHeaders::fields).map(|(name, value)| (name, value.to_string()));
    let ietf = [
        ("ratelimit-policy", ietf_policy(standing).to_string()),
        ("ratelimit", ietf_rate_limit(standing).to_string()),
    ];
    own.chain(ietf).collect()
}

/// What a request is charged before its response tells.
fn estimate(request: &RequestHeader) -> Cost {
    let length = request.headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    Cost::tokens(length.unwrap_or(0u64).div_ceil(BYTES_A_TOKEN).saturating_add(ANSWER))
}

fn insert(header: &mut ResponseHeader, fields: Fields) -> Result<()> {
    fields
        .into_iter()
        .try_for_each(|(name, value)| header.insert_header(HeaderName::from_static(name), value))
}

/// Answers in the upstream's place.
async fn answer(session: &mut Session, status: u16, fields: Fields, code: &str, message: &str) -> Result<()> {
    let kind = match status {
        429 => "requests",
        500.. => "server_error",
        _ => "invalid_request_error",
    };
    let body = json!({ "error": { "message": message, "type": kind, "param": null, "code": code } });
    let body = body.to_string();
    let mut header = ResponseHeader::build(status, Some(fields.len() + 2))?;
    header.insert_header("content-type", "application/json")?;
    header.insert_header("content-length", body.len())?;
    insert(&mut header, fields)?;
    session.write_response_header(Box::new(header), false).await?;
    session.write_response_body(Some(body.into()), true).await
}

impl Call {
    /// Settles with what has gone by: told, or at least passed, or else by estimate.
    fn settle(self) {
        let estimate = self.estimate;
        let told = self.meter.as_ref().and_then(Meter::tokens);
        let passed = self.meter.as_ref().map(Meter::at_least).filter(|passed| *passed > estimate);
        if let Some(tokens) = told.or(passed) {
            self.reserved.settle(tokens);
        }
    }
}

#[async_trait]
impl ProxyHttp for Limited {
    type CTX = Context;

    fn new_ctx(&self) -> Context {
        None
    }

    async fn request_filter(&self, session: &mut Session, call: &mut Context) -> Result<bool> {
        // Pingora's headers are those of the crate `http` underneath, which Tidegate's parts read.
        let request = session.req_header();
        let Some(key) = BearerToken.key(request) else {
            answer(session, 401, Vec::new(), "invalid_api_key", "No API key was given.").await?;
            return Ok(true);
        };
        match self.decide(key, estimate(request)) {
            Ok(admitted) => {
                *call = Some(admitted);
                Ok(false)
            }
            Err(fields) => {
                answer(session, 429, fields, "rate_limit_exceeded", "Rate limit reached.").await?;
                Ok(true)
            }
        }
    }

    async fn upstream_peer(&self, _: &mut Session, _: &mut Context) -> Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(&self.upstream, false, String::new())))
    }

    async fn upstream_request_filter(
        &self,
        _: &mut Session,
        request: &mut RequestHeader,
        _: &mut Context,
    ) -> Result<()> {
        // What is compressed does not say what it used.
        request.insert_header("accept-encoding", "identity")
    }

    async fn response_filter(
        &self,
        _: &mut Session,
        response: &mut ResponseHeader,
        call: &mut Context,
    ) -> Result<()> {
        let Some(admitted) = call else { return Ok(()) };
        insert(response, std::mem::take(&mut admitted.fields))?;
        match ByStatus.outcome(response) {
            Outcome::AsUsed => admitted.meter = OpenAiUsage::default().meter(response),
            Outcome::Unused => call.take().into_iter().for_each(|call| call.reserved.settle(0)),
            Outcome::Cancelled => call.take().into_iter().for_each(|call| call.reserved.cancel()),
        }
        Ok(())
    }

    fn response_body_filter(
        &self,
        _: &mut Session,
        body: &mut Option<Bytes>,
        ends: bool,
        call: &mut Context,
    ) -> Result<Option<std::time::Duration>> {
        if let (Some(meter), Some(body)) = (call.as_mut().and_then(|call| call.meter.as_mut()), body) {
            meter.pass(body);
        }
        if ends && let Some(call) = call.take() {
            call.settle();
        }
        Ok(None)
    }

    async fn fail_to_proxy(&self, session: &mut Session, error: &Error, call: &mut Context) -> FailToProxy {
        let code = match (error.etype(), error.esource()) {
            (HTTPStatus(code), _) => *code,
            (_, ErrorSource::Upstream) => 502,
            // Nobody is there to be answered.
            (_, ErrorSource::Downstream) => 0,
            (_, ErrorSource::Internal | ErrorSource::Unset) => 500,
        };
        match call.take() {
            // The upstream has not taken it up.
            Some(call) if session.response_written().is_none() && code != 0 => call.reserved.cancel(),
            // It broke off, or the client left.
            Some(call) => call.settle(),
            None => {}
        }
        if code != 0 && session.response_written().is_none() {
            let told =
                answer(session, code, Vec::new(), "upstream_error", "The upstream did not answer.").await;
            // An error: the client is gone.
            let _ = told;
        }
        FailToProxy { error_code: code, can_reuse_downstream: false }
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let upstream =
        std::env::args().nth(1).ok_or("expected the upstream's address, such as 127.0.0.1:8000")?;
    let mut server = Server::new(None)?;
    server.bootstrap();
    let mut proxy = http_proxy_service(&server.configuration, Limited::new(upstream)?);
    proxy.add_tcp("127.0.0.1:6188");
    println!("http://127.0.0.1:6188");
    server.add_service(proxy);
    server.run_forever()
}
