//! Sends calls on to their upstreams, and what comes of them back.

use super::bodies::Room;
use super::client::Client;
use super::gateway::Limits;
use super::live::State;
use super::metrics::Metrics;
use super::passing;
use super::route::Destination;
use super::trouble::Trouble;
use super::usage_ask;
use super::waiting::Lively;
use crate::body::RequestBody;
use crate::identity::PeerAddress;
use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode, Version, request, response};
use http_body::Body;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tower_service::Service;

/// A response's body: the upstream's, or the gateway's own.
pub(crate) type Forwarded = Either<Lively<Incoming>, OwnBody>;
/// A body that the gateway writes.
pub(crate) type OwnBody = http_body_util::combinators::MapErr<Full<Bytes>, fn(Infallible) -> std::io::Error>;

/// A body of these bytes.
pub(crate) fn own_body(bytes: Bytes) -> OwnBody {
    Full::new(bytes).map_err(|never| match never {})
}

/// Marks a response whose usage the gateway asked for, and not its client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AskedByUs;

/// The service that calls upstreams. A clone for each call is one count.
#[derive(Clone, Debug)]
pub(crate) struct Forward(Arc<Upstreams>);

/// What it calls them with.
#[derive(Debug)]
pub(crate) struct Upstreams {
    pub(crate) state: Arc<State>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) client: Client,
    /// Usage that nobody counts is not asked for.
    pub(crate) limits: Limits,
    /// From a request's end to its response's begin.
    pub(crate) response_time: Duration,
    /// From one part of a response to the next.
    pub(crate) idle_time: Duration,
}

impl Forward {
    pub(crate) fn new(upstreams: Upstreams) -> Self {
        Self(Arc::new(upstreams))
    }
}

impl Upstreams {
    async fn forward<B: Body<Data = Bytes>>(&self, request: Request<RequestBody<B>>) -> Response<Forwarded> {
        let (mut parts, body) = request.into_parts();
        let room = parts.extensions.remove::<Room>();
        let destination = self.state.now().routes.find(parts.uri.path()).cloned();
        let shape = destination.as_ref().map_or(crate::Shape::OpenAi, |destination| destination.api.shape());
        if matches!(parts.method, Method::TRACE | Method::CONNECT) {
            // An upstream that answers `TRACE` says all fields it was called with: its key would be among them.
            return own(Trouble::Method.response(shape));
        }
        let Some(destination) = destination else { return own(Trouble::NoUpstream.response(shape)) };
        // The layer has read it whole: nothing is waited for.
        let Ok(body) = body.collect().await else { return own(Trouble::Broken.response(shape)) };
        let body = body.to_bytes();
        let asking = (self.limits == Limits::Kept).then(|| asking(&parts, &body)).flatten();
        let asked_by_us = asking.is_some();
        let body = asking.unwrap_or(body);
        let body = match room {
            // It is kept until the upstream has it.
            Some(room) if !body.is_empty() => room.around(body),
            _ => body,
        };
        let Some(request) = outgoing(parts, body, &destination) else {
            return own(Trouble::NoUpstream.response(shape));
        };
        match self.answer(request, &destination).await {
            Ok(response) => self.incoming(response, asked_by_us),
            Err(trouble) => own(trouble.response(shape)),
        }
    }

    async fn answer(
        &self,
        request: Request<Full<Bytes>>,
        destination: &Destination,
    ) -> Result<Response<Incoming>, Trouble> {
        let begin = Instant::now();
        let answer = tokio::time::timeout(self.response_time, self.client.request(request)).await;
        match &answer {
            Ok(Ok(response)) => self.metrics.upstream.responded(response.status(), begin.elapsed()),
            Ok(Err(_)) | Err(_) => self.metrics.upstream.failed(),
        }
        match answer {
            // No upgrade is asked for, so none is granted: of another protocol nothing could be counted.
            Ok(Ok(response)) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                tracing::warn!(
                    upstream = destination.name,
                    "it changed the protocol, which it was not asked to"
                );
                Err(Trouble::Broken)
            }
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => {
                let trouble = if error.is_connect() { Trouble::Unreachable } else { Trouble::Broken };
                tracing::warn!(upstream = destination.name, "{trouble:?}: {:#}", anyhow::Error::from(error));
                Err(trouble)
            }
            Err(_) => {
                tracing::warn!(upstream = destination.name, "no response in {:?}", self.response_time);
                Err(Trouble::Silent)
            }
        }
    }

    /// A response as it goes to the layer.
    fn incoming(&self, response: Response<Incoming>, asked_by_us: bool) -> Response<Forwarded> {
        let (mut parts, body) = response.into_parts();
        passing::to_client(&mut parts.headers);
        // In 1.0 a body without a length ends with the connection: one that breaks off would be taken for whole.
        parts.version = Version::HTTP_11;
        if asked_by_us && is_readable_stream(&parts) {
            parts.headers.remove(CONTENT_LENGTH);
            parts.extensions.insert(AskedByUs);
        }
        Response::from_parts(parts, Either::Left(Lively::new(body, self.idle_time)))
    }
}

/// The body with which a call asks for its usage, if it is one that must be asked for.
fn asking(parts: &request::Parts, body: &Bytes) -> Option<Bytes> {
    let is_asked = parts.method == Method::POST && usage_ask::is_asked_of(parts.uri.path());
    is_asked.then(|| usage_ask::ask(body)).flatten()
}

/// The call as it goes to the upstream.
fn outgoing(parts: request::Parts, body: Bytes, destination: &Destination) -> Option<Request<Full<Bytes>>> {
    let peer = parts.extensions.get::<PeerAddress>().copied();
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = parts.method;
    *request.uri_mut() = destination.uri(&parts.uri)?;
    *request.headers_mut() = parts.headers;
    passing::to_upstream(request.headers_mut(), destination, peer);
    Some(request)
}

fn is_readable_stream(response: &response::Parts) -> bool {
    let kind = response.headers.get(CONTENT_TYPE).map_or(&b""[..], |kind| kind.as_bytes());
    let is_stream = kind.get(..17).is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/event-stream"));
    is_stream && response.headers.get(CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity")
}

fn own(response: Response<Bytes>) -> Response<Forwarded> {
    response.map(|bytes| Either::Right(own_body(bytes)))
}

impl<B> Service<Request<RequestBody<B>>> for Forward
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Send,
{
    type Response = Response<Forwarded>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<RequestBody<B>>) -> Self::Future {
        let upstreams = self.0.clone();
        Box::pin(async move { Ok(upstreams.forward(request).await) })
    }
}
