//! The service that a layer makes of another.

use crate::answer::{Answers, Refusal, Shape};
use crate::body::{RequestBody, Reserved, ResponseBody, Settling};
use crate::fields::Fields;
use crate::identity::{AddressOf, KeyOf, PlanOf};
use crate::layer::{Parts, Rules, Shared};
use crate::outcome::{Outcome, OutcomeOf};
use crate::tokens::{CostOf, UsageOf};
use bytes::{Bytes, BytesMut};
use http::{Request, Response, request, response};
use http_body::Body;
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tidegate::guard::{Answer, Mark};
use tidegate::{Decision, Timestamp};
use tower_service::Service;

/// A service whose calls are limited.
pub struct RateLimit<S, T> {
    service: S,
    shared: Arc<Shared<T>>,
}

impl<S, T> RateLimit<S, T> {
    pub(crate) fn new(service: S, shared: Arc<Shared<T>>) -> Self {
        Self { service, shared }
    }
}

impl<S: Clone, T> Clone for RateLimit<S, T> {
    fn clone(&self) -> Self {
        Self { service: self.service.clone(), shared: self.shared.clone() }
    }
}

impl<S: std::fmt::Debug, T> std::fmt::Debug for RateLimit<S, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RateLimit").field("service", &self.service).finish_non_exhaustive()
    }
}

/// A call that goes on: what it was charged, and what its response will say.
struct Passage {
    reserved: Reserved,
    /// The tokens that were reserved.
    estimate: u64,
    fields: Fields,
}

/// Marks a response whose call was given back, or a part of it, after its fields were made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GivenBack;

/// Marks a layer's own response that tells of the limit which denied: a layer further out has limits of its own, which did not.
#[derive(Clone, Copy, Debug)]
struct LimitTold;

/// A call that does not, as it is answered.
struct Refused {
    refusal: Refusal,
    shape: Shape,
    fields: Fields,
}

impl<T: Parts> Shared<T> {
    /// Asks the guard, first thing.
    fn blocked(&self, request: &request::Parts, at: Timestamp) -> Option<Refused> {
        let guard = self.guard.as_ref()?;
        let address = self.rules.rules().address.address(request)?;
        match guard.check(address, at) {
            Answer::Pass => None,
            Answer::Blocked(block) => Some(self.refused(request, Refusal::Blocked(block))),
        }
    }

    /// Looks at what can be said of a request before its body is read, so that nobody without a key makes the service keep a body in
    /// memory, and none is read that is too long anyway.
    fn unfit(
        &self,
        request: &request::Parts,
        body: &impl Body,
        most: usize,
        at: Timestamp,
    ) -> Option<Refused> {
        if body.is_end_stream() {
            return None;
        }
        let Rules { key, plan, .. } = self.rules.rules();
        let Some(key) = key.key(request) else { return Some(self.stranger(request, Refusal::NoKey, at)) };
        if plan.plan(request, &key).is_none() {
            return Some(self.stranger(request, Refusal::UnknownKey, at));
        }
        let is_too_long = body.size_hint().lower() > most as u64;
        is_too_long.then(|| self.refused(request, Refusal::BodyTooLarge(most)))
    }

    /// Decides. Neither waits nor allocates but for header fields.
    fn decide(&self, request: &request::Parts, body: &[u8], at: Timestamp) -> Result<Passage, Refused> {
        let Rules { key, plan, cost, .. } = self.rules.rules();
        let Some(key) = key.key(request) else { return Err(self.stranger(request, Refusal::NoKey, at)) };
        let Some(plan) = plan.plan(request, &key) else {
            return Err(self.stranger(request, Refusal::UnknownKey, at));
        };
        let cost = cost.cost(request, body);
        let (decision, standing) = self.limiter.check_with_standing(&key, plan, cost, at);
        let fields = Fields::new(self.headers, decision.verdict(), &standing);
        let verdict = decision.verdict();
        if let Decision::Admitted(admission) = decision {
            let reserved = admission.reservation.held(self.limiter.clone(), self.clock.clone());
            return Ok(Passage { reserved, estimate: cost.tokens, fields });
        }
        if let (Some(guard), Some(address)) = (&self.guard, self.rules.rules().address.address(request)) {
            let _: Mark = guard.observe(address, &key, verdict, at);
        }
        let name = |limit| standing.limit_name(limit).unwrap_or_default().to_owned();
        let refusal = Refusal::of(verdict, name).unwrap_or(Refusal::UnknownKey);
        Err(Refused { fields, ..self.refused(request, refusal) })
    }

    /// A request without a valid key is a strike against its address: it may be someone who tries keys.
    fn stranger(&self, request: &request::Parts, refusal: Refusal, at: Timestamp) -> Refused {
        if let (Some(guard), Some(address)) = (&self.guard, self.rules.rules().address.address(request)) {
            let _: Mark = guard.strike(address, at);
        }
        self.refused(request, refusal)
    }

    fn refused(&self, request: &request::Parts, refusal: Refusal) -> Refused {
        Refused { refusal, shape: self.rules.rules().answers.shape(request), fields: Fields::default() }
    }

    /// A response on its way back: with its fields, and a body that settles its call.
    fn respond<B: Body>(
        &self,
        response: Response<B>,
        Passage { reserved, estimate, fields }: Passage,
    ) -> Response<ResponseBody<B, Meter<T>>> {
        let (mut parts, body): (response::Parts, B) = response.into_parts();
        if parts.extensions.get::<LimitTold>().is_none() {
            fields.insert_into(&mut parts.headers);
        }
        let settling = match self.rules.rules().outcome.outcome(&parts) {
            Outcome::Cancelled => {
                reserved.cancel();
                parts.extensions.insert(GivenBack);
                None
            }
            Outcome::Unused => {
                reserved.settle(0);
                parts.extensions.insert(GivenBack);
                None
            }
            Outcome::AsUsed => {
                Some(Settling::new(reserved, estimate, self.rules.rules().usage.meter(&parts)))
            }
        };
        Response::from_parts(parts, ResponseBody::passing(body, settling))
    }
}

/// What reads the responses of rules.
type Meter<T> = <<T as Parts>::Usage as UsageOf>::Meter;

impl Refused {
    fn response<B, M: crate::tokens::Meter>(self) -> Response<ResponseBody<B, M>> {
        let tells = !self.fields.is_empty();
        let mut response = self.refusal.response(self.shape, self.fields);
        if tells {
            response.extensions_mut().insert(LimitTold);
        }
        response.map(ResponseBody::answer)
    }
}

impl<S, T, B, ResB> Service<Request<B>> for RateLimit<S, T>
where
    S: Service<Request<RequestBody<B>>, Response = Response<ResB>> + Clone,
    T: Parts,
    B: Body<Data = Bytes>,
    ResB: Body<Data = Bytes>,
{
    type Response = Response<ResponseBody<ResB, Meter<T>>>;
    type Error = S::Error;
    type Future = ResponseFuture<S, T, B>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (parts, body) = request.into_parts();
        let shared = self.shared.clone();
        // The one that was made ready is the one to be called.
        let next = self.service.clone();
        let service = std::mem::replace(&mut self.service, next);
        let at = shared.clock.now();
        let state = if let Some(refused) = shared.blocked(&parts, at) {
            State::Refused { refused: Some(refused) }
        } else if let Some(most) = shared.rules.rules().cost.body_limit() {
            match shared.unfit(&parts, &body, most, at) {
                Some(refused) => State::Refused { refused: Some(refused) },
                None => {
                    let (parts, service) = (Some(parts), Some(service));
                    State::Reading {
                        body,
                        reading: Reading { parts, service, read: Gathered::default(), most },
                    }
                }
            }
        } else {
            match shared.decide(&parts, &[], at) {
                Ok(passage) => State::calling(service, parts, RequestBody::unread(body), passage),
                Err(refused) => State::Refused { refused: Some(refused) },
            }
        };
        ResponseFuture { shared, state }
    }
}

/// A request whose body is being read.
struct Reading<S> {
    parts: Option<request::Parts>,
    service: Option<S>,
    read: Gathered,
    most: usize,
}

/// Parts of a body. One by itself, as most are, is not copied.
#[derive(Default)]
struct Gathered {
    first: Bytes,
    all: BytesMut,
}

impl Gathered {
    fn len(&self) -> usize {
        self.first.len() + self.all.len()
    }

    fn push(&mut self, part: Bytes) {
        if self.len() == 0 {
            self.first = part;
        } else {
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
            self.all.extend_from_slice(&part);
        }
    }

    fn take(&mut self) -> Bytes {
        if self.all.is_empty() { std::mem::take(&mut self.first) } else { self.all.split().freeze() }
    }
}

pin_project! {
    /// The future of a [`RateLimit`]'s response.
    pub struct ResponseFuture<S, T, B>
    where
        S: Service<Request<RequestBody<B>>>,
    {
        shared: Arc<Shared<T>>,
        #[pin]
        state: State<S, B>,
    }
}

pin_project! {
    #[project = StateProjection]
    #[project_replace = StateReplaced]
    enum State<S, B>
    where
        S: Service<Request<RequestBody<B>>>,
    {
        Refused { refused: Option<Refused> },
        Reading { #[pin] body: B, reading: Reading<S> },
        Calling { #[pin] future: S::Future, passage: Option<Passage> },
    }
}

impl<S, B> State<S, B>
where
    S: Service<Request<RequestBody<B>>>,
{
    fn calling(mut service: S, parts: request::Parts, body: RequestBody<B>, passage: Passage) -> Self {
        let future = service.call(Request::from_parts(parts, body));
        Self::Calling { future, passage: Some(passage) }
    }
}

/// Reads on; `None` while more is to come, then whether the body was taken whole.
fn poll_body<S, B: Body<Data = Bytes>>(
    mut body: Pin<&mut B>,
    reading: &mut Reading<S>,
    context: &mut Context<'_>,
) -> Poll<Result<Bytes, Refusal>> {
    loop {
        match ready!(body.as_mut().poll_frame(context)) {
            None => return Poll::Ready(Ok(reading.read.take())),
            Some(Err(_)) => return Poll::Ready(Err(Refusal::BodyBroken)),
            Some(Ok(frame)) => {
                let Ok(data) = frame.into_data() else { continue };
                if data.len() > reading.most - reading.read.len() {
                    return Poll::Ready(Err(Refusal::BodyTooLarge(reading.most)));
                }
                reading.read.push(data);
            }
        }
    }
}

impl<S, T, B, ResB> Future for ResponseFuture<S, T, B>
where
    S: Service<Request<RequestBody<B>>, Response = Response<ResB>>,
    T: Parts,
    B: Body<Data = Bytes>,
    ResB: Body<Data = Bytes>,
{
    type Output = Result<Response<ResponseBody<ResB, Meter<T>>>, S::Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            let next = match this.state.as_mut().project() {
                StateProjection::Refused { refused } => {
                    let refused = refused.take().expect("a future is not polled after it is ready");
                    return Poll::Ready(Ok(refused.response()));
                }
                StateProjection::Calling { future, passage } => {
                    let response = ready!(future.poll(context));
                    let passage = passage.take().expect("a future is not polled after it is ready");
                    return Poll::Ready(match response {
                        Ok(response) => Ok(this.shared.respond(response, passage)),
                        Err(error) => {
                            passage.reserved.cancel();
                            Err(error)
                        }
                    });
                }
                StateProjection::Reading { body, reading } => {
                    let read = ready!(poll_body(body, reading, context));
                    let (Some(parts), Some(service)) = (reading.parts.take(), reading.service.take()) else {
                        unreachable!("it was read just now, once")
                    };
                    let decided = match read {
                        Ok(bytes) => {
                            let at = this.shared.clock.now();
                            this.shared.decide(&parts, &bytes, at).map(|passage| (bytes, passage))
                        }
                        Err(refusal) => Err(this.shared.refused(&parts, refusal)),
                    };
                    match decided {
                        Ok((bytes, passage)) => {
                            State::calling(service, parts, RequestBody::read(bytes), passage)
                        }
                        Err(refused) => State::Refused { refused: Some(refused) },
                    }
                }
            };
            this.state.as_mut().project_replace(next);
        }
    }
}
