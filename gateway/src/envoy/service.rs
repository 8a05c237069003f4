//! The service as gRPC calls it.

use super::answer;
use super::decide;
use super::overrides::Overrides;
use super::rules::Rules;
use super::wire::{Code, RateLimitRequest, RateLimitResponse};
use crate::serve::live::State;
use crate::serve::metrics::{EnvoyCode, Metrics};
use arc_swap::ArcSwap;
use std::convert::Infallible;
use std::future::Ready;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use tidegate::Clock;
use tonic::body::Body;
use tonic::codegen::StdError;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower_service::Service;

/// What answers `ShouldRateLimit`.
#[derive(Clone)]
pub struct RateLimitService {
    shared: Arc<Shared>,
}

struct Shared {
    state: Arc<State>,
    rules: Arc<ArcSwap<Rules>>,
    /// They outlive the rules, since the engine's plans do.
    overrides: Overrides,
    clock: Arc<dyn Clock + Send + Sync>,
    metrics: Arc<Metrics>,
}

impl std::fmt::Debug for RateLimitService {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RateLimitService").field("rules", &self.shared.rules).finish_non_exhaustive()
    }
}

/// The most descriptors of one request: each is a decision, and a worker decides them all at once.
const MOST_DESCRIPTORS: usize = 256;
/// The most bytes of a request.
const MOST_BYTES: usize = 4 << 20;

impl RateLimitService {
    /// A service that decides with the engine of a state, by the rules of the moment.
    pub fn new(
        state: Arc<State>,
        rules: Arc<ArcSwap<Rules>>,
        clock: Arc<dyn Clock + Send + Sync>,
        metrics: Arc<Metrics>,
    ) -> Self {
        let overrides = Overrides::default();
        Self { shared: Arc::new(Shared { state, rules, overrides, clock, metrics }) }
    }

    /// Decides a request. An error for one that says too little, or too much.
    pub fn should_rate_limit(&self, request: &RateLimitRequest) -> Result<RateLimitResponse, Status> {
        let Shared { state, rules, overrides, clock, metrics } = &*self.shared;
        let answered = (|| {
            check(request)?;
            let (rules, live) = (rules.load(), state.now());
            let answers = decide::decide(&state.limiter, &rules, overrides, &live.keys, request, clock.now());
            let unmatched = answers.iter().filter(|answer| answer.matched.is_none()).count();
            if unmatched > 0 {
                metrics.envoy.unmatched(unmatched as u64);
            }
            Ok(answer::response(&rules, &answers))
        })();
        metrics.envoy.answered(match &answered {
            Ok(response) if response.overall_code == i32::from(Code::OverLimit) => EnvoyCode::OverLimit,
            Ok(_) => EnvoyCode::Ok,
            Err(_) => EnvoyCode::Error,
        });
        answered
    }
}

fn check(request: &RateLimitRequest) -> Result<(), Status> {
    if request.domain.is_empty() {
        return Err(Status::invalid_argument("`domain`: expected the name of a domain, found none"));
    }
    match request.descriptors.len() {
        0 => Err(Status::invalid_argument("`descriptors`: expected at least one, found none")),
        1..=MOST_DESCRIPTORS => Ok(()),
        found => Err(Status::invalid_argument(format!(
            "`descriptors`: expected at most {MOST_DESCRIPTORS}, found {found}"
        ))),
    }
}

impl NamedService for RateLimitService {
    const NAME: &'static str = "envoy.service.ratelimit.v3.RateLimitService";
}

/// The one method.
const SHOULD_RATE_LIMIT: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";

/// One call, and whether its message could be read.
struct Call<'a> {
    service: &'a RateLimitService,
    was_read: &'a AtomicBool,
}

impl UnaryService<RateLimitRequest> for Call<'_> {
    type Response = RateLimitResponse;
    type Future = Ready<Result<Response<RateLimitResponse>, Status>>;

    fn call(&mut self, request: Request<RateLimitRequest>) -> Self::Future {
        // Ordering: Relaxed; the flag is read by the same task, when this has returned.
        self.was_read.store(true, Ordering::Relaxed);
        std::future::ready(self.service.should_rate_limit(request.get_ref()).map(Response::new))
    }
}

impl<B> Service<http::Request<B>> for RateLimitService
where
    B: http_body::Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<StdError> + Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        if request.uri().path() != SHOULD_RATE_LIMIT {
            return Box::pin(std::future::ready(Ok(Status::unimplemented("no such method").into_http())));
        }
        let service = self.clone();
        Box::pin(async move {
            let codec = ProstCodec::<RateLimitResponse, RateLimitRequest>::default();
            let mut grpc = Grpc::new(codec).max_decoding_message_size(MOST_BYTES);
            let was_read = AtomicBool::new(false);
            let response = grpc.unary(Call { service: &service, was_read: &was_read }, request).await;
            // Ordering: Relaxed, as where it is set.
            if !was_read.load(Ordering::Relaxed) {
                service.shared.metrics.envoy.answered(EnvoyCode::Error);
            }
            Ok(response)
        })
    }
}
