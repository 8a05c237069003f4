//! What a client's request meets first: the bound on its body's time, the layer, and on the way back the strip of usage.

use super::bodies::Bodies;
use super::forward::{AskedByUs, Forward, Forwarded, OwnBody, own_body};
use super::keys::{ApiKey, Digest};
use super::live::{State, StoredPlans};
use super::route::ByPath;
use super::trouble::Trouble;
use super::usage_strip::Stripped;
use super::waiting::{InTime, Intake};
use crate::answer::Answers;
use crate::body::{AnyClock, RequestBody, ResponseBody};
use crate::fields::{Fields, HeaderSet};
use crate::identity::{KeyOf, PeerAddress, TrustedProxies};
use crate::layer::Rules;
use crate::outcome::ByStatus;
use crate::service::{GivenBack, RateLimit};
use crate::tokens::{OpenAiUsage, TokenMeter};
use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, Request, Response, StatusCode, request};
use http_body_util::Either;
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tidegate::{Clock, Cost, LimitSet, Verdict};
use tower_service::Service;
use tracing::{Level, debug};

/// A response's body on its way to a client.
pub(crate) type FrontBody = Either<Stripped<ResponseBody<Forwarded, TokenMeter>>, OwnBody>;

/// What the gateway asks of requests. One meter reads the usage of either API.
pub(crate) type GatewayRules =
    Rules<ApiKey, StoredPlans, TrustedProxies, ByPath, OpenAiUsage, ByStatus, ByPath>;

/// What calls meet behind the front.
#[derive(Debug)]
pub(crate) enum Next {
    /// The layer, and the way on behind it.
    Limited(RateLimit<Forward, GatewayRules>),
    /// The way on alone.
    Unlimited(Forward),
}

impl Next {
    async fn call(
        &self,
        request: Request<InTime<Incoming>>,
    ) -> Response<ResponseBody<Forwarded, TokenMeter>> {
        // Forwarding is always ready, and does not fail.
        match self {
            Self::Limited(limited) => {
                let Ok(response) = limited.clone().call(request).await;
                response
            }
            Self::Unlimited(forward) => {
                let Ok(response) = forward.clone().call(request.map(RequestBody::unread)).await;
                response.map(|body| ResponseBody::passing(body, None))
            }
        }
    }
}

/// The way of all calls under one configuration.
pub(crate) struct Front {
    pub(crate) next: Next,
    pub(crate) answers: ByPath,
    pub(crate) state: Arc<State>,
    pub(crate) body_time: Duration,
    pub(crate) bodies: Bodies,
    /// Bytes of all bodies at a time.
    pub(crate) bodies_bytes: usize,
    pub(crate) clock: AnyClock,
    pub(crate) headers: HeaderSet,
}

impl Front {
    /// Answers a request.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        intake: &Intake,
    ) -> Response<FrontBody> {
        let (mut parts, body) = request.into_parts();
        let seen = tracing::enabled!(Level::DEBUG).then(|| Seen::new(&parts, &self.state, peer));
        parts.extensions.insert(PeerAddress(peer));
        let key = if let Next::Limited(_) = self.next { ApiKey.key(&parts) } else { None };
        if let Some(key) = key {
            // So that it is hashed once.
            parts.extensions.insert(key);
        }
        let shape = self.answers.shape(&parts);
        let room = self.bodies.room(self.bodies_bytes);
        parts.extensions.insert(room.clone());
        let body = InTime::new(body, self.body_time, room, intake.clone());
        // Who has no key that is known is told that first, and it is a strike, as with any other body.
        let is_known = |key: &Digest| self.state.now().keys.get(key).is_some();
        if is_encoded(&parts)
            && (key.as_ref().is_some_and(is_known) || matches!(self.next, Next::Unlimited(_)))
        {
            return Trouble::Encoded.response(shape).map(own);
        }
        let request = Request::from_parts(parts, body);
        let mut response = self.next.call(request).await;
        if response.extensions_mut().remove::<GivenBack>().is_some() {
            self.tell_again(key, response.headers_mut());
        }
        let response = match body_trouble(response.status(), intake) {
            Some(trouble) => trouble.response(shape).map(own),
            None => stripped(response),
        };
        if let Some(seen) = seen {
            seen.log(response.status());
        }
        response
    }

    /// Tells a key's limits as they stand now: what the response says of them is from before its call was given back.
    fn tell_again(&self, key: Option<Digest>, headers: &mut HeaderMap) {
        let live = self.state.now();
        let Some((key, known)) = key.and_then(|key| Some((key, live.keys.get(&key)?))) else { return };
        let (_, standing) = self.state.limiter.peek(&key, known.plan, Cost::default(), self.clock.now());
        Fields::new(self.headers, Verdict::Admit(LimitSet::EMPTY), &standing).insert_into(headers);
    }
}

/// Whether what a request asks for could not be read from its body.
fn is_encoded(request: &request::Parts) -> bool {
    let mut encodings = request.headers.get_all(CONTENT_ENCODING).iter();
    encodings.any(|encoding| !encoding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity"))
}

/// What was wrong with a request's body, if this is the layer's answer to that.
fn body_trouble(status: StatusCode, intake: &Intake) -> Option<Trouble> {
    if status != StatusCode::BAD_REQUEST {
        None
    } else if intake.is_late() {
        Some(Trouble::SlowBody)
    } else {
        intake.is_crowded().then_some(Trouble::Crowded)
    }
}

/// A body that the gateway writes, as one on its way to a client.
pub(crate) fn own(bytes: Bytes) -> FrontBody {
    Either::Right(own_body(bytes))
}

/// A response without the usage that its client did not ask for.
fn stripped(mut response: Response<ResponseBody<Forwarded, TokenMeter>>) -> Response<FrontBody> {
    let asked_by_us = response.extensions_mut().remove::<AskedByUs>().is_some();
    let strip = if asked_by_us { Stripped::new } else { Stripped::unchanged };
    response.map(|body| Either::Left(strip(body)))
}

/// What the log says of a request.
struct Seen {
    begun: Instant,
    peer: SocketAddr,
    method: http::Method,
    path: String,
    key: String,
}

impl Seen {
    fn new(request: &request::Parts, state: &State, peer: SocketAddr) -> Self {
        let known = ApiKey.key(request).and_then(|digest| Some(state.now().keys.get(&digest)?.name.clone()));
        Self {
            begun: Instant::now(),
            peer,
            method: request.method.clone(),
            path: request.uri.path().to_owned(),
            key: known.unwrap_or_default(),
        }
    }

    fn log(self, status: StatusCode) {
        let Self { begun, peer, method, path, key } = self;
        let elapsed = begun.elapsed().as_secs_f64();
        debug!(%peer, %method, path, key, status = status.as_u16(), seconds = elapsed, "answered");
    }
}
