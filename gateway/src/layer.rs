//! The layer, and what it is made of.

use crate::answer::{Answers, Shape};
use crate::body::AnyClock;
use crate::fields::HeaderSet;
use crate::identity::{AddressOf, KeyOf, Nowhere, PlanOf};
use crate::outcome::{ByStatus, OutcomeOf};
use crate::service::RateLimit;
use crate::tokens::{CostOf, EachRequest, NoUsage, UsageOf};
use std::sync::Arc;
use tidegate::{Clock, Guard, Limiter, SystemClock};
use tower_layer::Layer;

/// What a layer asks of a request: whose it is, what it costs, what it has used.
#[derive(Clone, Debug)]
pub struct Rules<K, P, A = Nowhere, C = EachRequest, U = NoUsage, O = ByStatus, R = Shape> {
    pub(crate) key: K,
    pub(crate) plan: P,
    pub(crate) address: A,
    pub(crate) cost: C,
    pub(crate) usage: U,
    pub(crate) outcome: O,
    pub(crate) answers: R,
}

/// The kinds of parts that rules consist of, under one name.
pub trait Parts: Send + Sync + 'static {
    /// By what requests are counted.
    type Key: KeyOf;
    /// Their plans.
    type Plan: PlanOf<Self::Key>;
    /// Their addresses.
    type Address: AddressOf;
    /// Their cost.
    type Cost: CostOf;
    /// What their responses say of it.
    type Usage: UsageOf;
    /// What became of them.
    type Outcome: OutcomeOf;
    /// How refusals are answered.
    type Answers: Answers;

    /// The rules themselves.
    #[expect(clippy::type_complexity, reason = "the one place that spells all parts out")]
    fn rules(
        &self,
    ) -> &Rules<Self::Key, Self::Plan, Self::Address, Self::Cost, Self::Usage, Self::Outcome, Self::Answers>;
}

impl<K, P, A, C, U, O, R> Parts for Rules<K, P, A, C, U, O, R>
where
    K: KeyOf,
    P: PlanOf<K>,
    A: AddressOf,
    C: CostOf,
    U: UsageOf,
    O: OutcomeOf,
    R: Answers,
{
    type Key = K;
    type Plan = P;
    type Address = A;
    type Cost = C;
    type Usage = U;
    type Outcome = O;
    type Answers = R;

    fn rules(&self) -> &Self {
        self
    }
}

/// What services made by one layer share.
pub(crate) struct Shared<T> {
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) guard: Option<Arc<Guard>>,
    pub(crate) clock: AnyClock,
    pub(crate) headers: HeaderSet,
    pub(crate) rules: T,
}

/// Limits the calls of the service that it stands before.
///
/// ```
/// use std::convert::Infallible;
/// use std::sync::Arc;
/// use bytes::Bytes;
/// use http::{Request, Response, StatusCode};
/// use http_body_util::Full;
/// use tidegate::{Limiter, Plan};
/// use tidegate_gateway::{RateLimitLayer, identity::{BearerToken, OnePlan}};
/// use tower::{Layer, ServiceExt, service_fn};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let limiter = Arc::new(Limiter::builder().capacity(1_000).build()?);
/// let plan = limiter.add_plan(&Plan::builder("three").requests_per_minute(3).build()?)?;
/// let layer = RateLimitLayer::builder(limiter, BearerToken, OnePlan(plan)).build();
/// let hello = service_fn(|_| async { Ok::<_, Infallible>(Response::new(Full::from("hello"))) });
/// let service = layer.layer(hello);
///
/// let request = || Request::builder().header("authorization", "Bearer sk-1").body(Full::<Bytes>::default());
/// for remaining in ["2", "1", "0"] {
///     let response = service.clone().oneshot(request()?).await?;
///     assert_eq!(response.headers()["x-ratelimit-remaining"], remaining);
/// }
/// let denied = service.oneshot(request()?).await?;
/// assert_eq!(denied.status(), StatusCode::TOO_MANY_REQUESTS);
/// # Ok(())
/// # }
/// ```
pub struct RateLimitLayer<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Clone for RateLimitLayer<T> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<T> std::fmt::Debug for RateLimitLayer<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RateLimitLayer").field("headers", &self.shared.headers).finish_non_exhaustive()
    }
}

impl<S, T> Layer<S> for RateLimitLayer<T> {
    type Service = RateLimit<S, T>;

    fn layer(&self, service: S) -> RateLimit<S, T> {
        RateLimit::new(service, self.shared.clone())
    }
}

impl RateLimitLayer<()> {
    /// A layer that counts by a key under its plan; what else it does is chosen on the builder.
    pub fn builder<K: KeyOf, P: PlanOf<K>>(
        limiter: Arc<Limiter>,
        key: K,
        plan: P,
    ) -> Builder<K, P, Nowhere, EachRequest, NoUsage, ByStatus, Shape> {
        Builder {
            limiter,
            guard: None,
            clock: Arc::new(SystemClock::new()),
            headers: HeaderSet::default(),
            rules: Rules {
                key,
                plan,
                address: Nowhere,
                cost: EachRequest,
                usage: NoUsage,
                outcome: ByStatus,
                answers: Shape::default(),
            },
        }
    }
}

/// Makes a [`RateLimitLayer`].
pub struct Builder<K, P, A, C, U, O, R> {
    limiter: Arc<Limiter>,
    guard: Option<Arc<Guard>>,
    clock: AnyClock,
    headers: HeaderSet,
    rules: Rules<K, P, A, C, U, O, R>,
}

impl<K, P, A, C, U, O, R> std::fmt::Debug for Builder<K, P, A, C, U, O, R> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("headers", &self.headers).finish_non_exhaustive()
    }
}

impl<K, P, A, C, U, O, R> Builder<K, P, A, C, U, O, R> {
    /// A guard that turns away addresses which do not heed a 429; `address` says where requests come from.
    pub fn guard<N: AddressOf>(
        self,
        guard: impl Into<Option<Arc<Guard>>>,
        address: N,
    ) -> Builder<K, P, N, C, U, O, R> {
        let Self {
            limiter,
            clock,
            headers,
            rules: Rules { key, plan, cost, usage, outcome, answers, .. },
            ..
        } = self;
        let rules = Rules { key, plan, address, cost, usage, outcome, answers };
        Builder { limiter, guard: guard.into(), clock, headers, rules }
    }

    /// What requests cost, and what their responses say that they used.
    pub fn tokens<N: CostOf, M: UsageOf>(self, cost: N, usage: M) -> Builder<K, P, A, N, M, O, R> {
        let Self {
            limiter,
            guard,
            clock,
            headers,
            rules: Rules { key, plan, address, outcome, answers, .. },
        } = self;
        let rules = Rules { key, plan, address, cost, usage, outcome, answers };
        Builder { limiter, guard, clock, headers, rules }
    }

    /// What became of a call by its response.
    pub fn outcome<N: OutcomeOf>(self, outcome: N) -> Builder<K, P, A, C, U, N, R> {
        let Self {
            limiter,
            guard,
            clock,
            headers,
            rules: Rules { key, plan, address, cost, usage, answers, .. },
        } = self;
        let rules = Rules { key, plan, address, cost, usage, outcome, answers };
        Builder { limiter, guard, clock, headers, rules }
    }

    /// The form of what the layer answers itself.
    pub fn answers<N: Answers>(self, answers: N) -> Builder<K, P, A, C, U, O, N> {
        let Self {
            limiter,
            guard,
            clock,
            headers,
            rules: Rules { key, plan, address, cost, usage, outcome, .. },
        } = self;
        let rules = Rules { key, plan, address, cost, usage, outcome, answers };
        Builder { limiter, guard, clock, headers, rules }
    }

    /// Which header fields responses get.
    pub fn headers(self, headers: HeaderSet) -> Self {
        Self { headers, ..self }
    }

    /// Where the time comes from; the system's clock if not set.
    pub fn clock(self, clock: Arc<dyn Clock + Send + Sync>) -> Self {
        Self { clock, ..self }
    }

    /// The layer.
    pub fn build(self) -> RateLimitLayer<Rules<K, P, A, C, U, O, R>> {
        let Self { limiter, guard, clock, headers, rules } = self;
        RateLimitLayer { shared: Arc::new(Shared { limiter, guard, clock, headers, rules }) }
    }
}
