//! A gateway as it runs: what outlives a change of the configuration, and what is made anew by it.

use super::client::{Client, Tls, client};
use super::config::{Admin, Bounds, Config};
use super::forward::{Forward, Upstreams};
use super::front::{Front, FrontBody, Next};
use super::live::{State, StoredPlans};
use super::metrics::Metrics;
use super::own_plans::OwnPlans;
use super::route::ByPath;
use super::waiting::Intake;
use crate::body::AnyClock;
use crate::envoy::Rules;
use crate::identity::TrustedProxies;
use crate::layer::RateLimitLayer;
use crate::serve::keys::ApiKey;
use crate::tokens::OpenAiUsage;
use anyhow::Context;
use arc_swap::{ArcSwap, ArcSwapOption};
use http::{Request, Response};
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tidegate::config::TimeSpan;
use tidegate::{Clock, Guard, SystemClock};
use tower_layer::Layer;

/// All that a running gateway has, to be shared with whatever else runs beside it.
pub struct Gateway {
    /// The engine, and the keys and plans that are in force.
    pub state: Arc<State>,
    /// The clock of all decisions.
    pub clock: AnyClock,
    /// What Prometheus reads.
    pub metrics: Arc<Metrics>,
    /// The rules for Envoy's descriptors that are in force.
    pub rules: Arc<ArcSwap<Rules>>,
    /// Plans of keys' own, as operators set them.
    pub own: Arc<OwnPlans>,
    guard: Arc<ArcSwapOption<Guard>>,
    limits: Limits,
    fixed: Fixed,
    way: ArcSwap<Way>,
    /// Held by whoever changes the configuration; no call takes it.
    changing: Mutex<()>,
}

/// Whether calls are limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    Kept,
    LeftOut,
}

/// The way that calls take under one configuration.
struct Way {
    config: Arc<Config>,
    client: Client,
    front: Front,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("state", &self.state).finish_non_exhaustive()
    }
}

/// A span of time as timers take it.
pub(crate) fn time(TimeSpan(span): TimeSpan) -> Duration {
    Duration::from_nanos(span.get())
}

impl Gateway {
    /// A gateway that goes by a configuration, and by the system's clock. An error if something that it needs is not there.
    pub fn new(config: Config) -> anyhow::Result<Self> {
        Self::with(config, Arc::new(SystemClock::new()), Limits::Kept)
    }

    /// The same by another clock. Only decisions go by it: how long something may take is the system's time.
    pub fn with_clock(config: Config, clock: AnyClock) -> anyhow::Result<Self> {
        Self::with(config, clock, Limits::Kept)
    }

    /// The same proxy without the layer: it limits nobody and asks for no key. For measuring what the layer takes; no
    /// configuration leads here.
    pub fn without_limits(config: Config) -> anyhow::Result<Self> {
        Self::with(config, Arc::new(SystemClock::new()), Limits::LeftOut)
    }

    fn with(config: Config, clock: AnyClock, limits: Limits) -> anyhow::Result<Self> {
        let state = Arc::new(State::new(&config)?);
        let own = OwnPlans::read(&config)?;
        own.lock().tell(&state, clock.now())?;
        own.try_to_write()?;
        let guard = Arc::new(ArcSwapOption::new(guard(&config)?));
        let guard_now = guard.clone();
        let guard_now = Arc::new(move || guard_now.load_full());
        let metrics = Arc::new(Metrics::new(state.clone(), guard_now, clock.clone()));
        metrics.configuration.taken_over(state.live().generation);
        let rules = Arc::new(ArcSwap::from_pointee(rules(&config, &state)?));
        let client = client(time(config.bounds.connect_time), tls(&config))?;
        let fixed = Fixed::of(&config);
        let way = Way::new(Arc::new(config), limits, guard.load_full(), client, &state, &clock, &metrics);
        let way = ArcSwap::from_pointee(way);
        let own = Arc::new(own);
        Ok(Self { state, clock, metrics, rules, own, guard, limits, fixed, way, changing: Mutex::new(()) })
    }

    /// Goes by another configuration from the next call on. What was used stays used; an error changes nothing.
    ///
    /// Gives what holds only from the next start on, and what was lost, in words.
    pub fn change(&self, config: Config) -> anyhow::Result<Vec<String>> {
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.way.load_full();
        let mut words = self.fixed.not_as_in(&config);
        let now_guard = self.guard.load_full();
        let guard = if now.config.guard == config.guard {
            now_guard
        } else {
            if now_guard.is_some() {
                words.push("`guard` has changed: blocks and strikes so far are forgotten".into());
            }
            guard(&config)?
        };
        let same_client = now.config.bounds.connect_time == config.bounds.connect_time
            && (tls(&config) == Tls::Unused || tls(&now.config) == Tls::Used);
        let client = if same_client {
            now.client.clone()
        } else {
            client(time(config.bounds.connect_time), tls(&config))?
        };
        let rules = rules(&config, &self.state)?;
        let mut own = self.own.lock();
        own.check(&config.plans)?;
        let generation = self.state.change(&config)?;
        if let Err(error) = own.tell(&self.state, self.clock.now()) {
            words.push(format!("{error:#}"));
        }
        drop(own);
        self.rules.store(Arc::new(rules));
        self.guard.store(guard.clone());
        let (config, state) = (Arc::new(config), &self.state);
        let way = Way::new(config, self.limits, guard, client, state, &self.clock, &self.metrics);
        self.way.store(Arc::new(way));
        self.metrics.configuration.taken_over(generation);
        Ok(words)
    }

    /// The configuration that is in force.
    pub fn config(&self) -> Arc<Config> {
        self.way.load().config.clone()
    }

    /// The guard, if there is one now.
    pub fn guard(&self) -> Option<Arc<Guard>> {
        self.guard.load_full()
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.way.load().config.bounds.clone()
    }

    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        intake: &Intake,
    ) -> Response<FrontBody> {
        // Held until the response has begun, whatever is put in force meanwhile.
        let way = self.way.load_full();
        way.front.answer(request, peer, intake).await
    }
}

impl Way {
    fn new(
        config: Arc<Config>,
        limits: Limits,
        guard: Option<Arc<Guard>>,
        client: Client,
        state: &Arc<State>,
        clock: &AnyClock,
        metrics: &Arc<Metrics>,
    ) -> Self {
        let Bounds { body_bytes, bodies_bytes, body_time, response_time, idle_time, .. } =
            config.bounds.clone();
        let by_path = ByPath::new(state.clone(), body_bytes, config.tokens);
        let forward = Forward::new(Upstreams {
            state: state.clone(),
            metrics: metrics.clone(),
            client: client.clone(),
            limits,
            response_time: time(response_time),
            idle_time: time(idle_time),
        });
        let layer = || {
            RateLimitLayer::builder(state.limiter.clone(), ApiKey, StoredPlans(state.clone()))
                .guard(guard, TrustedProxies::new(config.trusted.iter().copied()))
                .tokens(by_path.clone(), OpenAiUsage { most: config.tokens.most })
                .answers(by_path.clone())
                .headers(config.headers)
                .clock(clock.clone())
                .build()
        };
        let next = match limits {
            Limits::Kept => Next::Limited(layer().layer(forward)),
            Limits::LeftOut => Next::Unlimited(forward),
        };
        let front = Front {
            next,
            answers: by_path,
            state: state.clone(),
            body_time: time(body_time),
            bodies: metrics.bodies.clone(),
            bodies_bytes,
            clock: clock.clone(),
            headers: config.headers,
        };
        Self { config, client, front }
    }
}

fn guard(config: &Config) -> anyhow::Result<Option<Arc<Guard>>> {
    let guard = config.guard.as_ref().map(|guard| guard.build()).transpose().context("`guard`")?;
    Ok(guard.map(Arc::new))
}

/// The rules for Envoy that a configuration has; none if it has no such service.
fn rules(config: &Config, state: &State) -> anyhow::Result<Rules> {
    match &config.envoy {
        Some(envoy) => Rules::new(envoy, &config.plans, config.headers, &state.limiter).context("`envoy`"),
        None => Ok(Rules::default()),
    }
}

fn tls(config: &Config) -> Tls {
    let uses = config.upstreams.iter().any(|upstream| upstream.url.scheme_str() == Some("https"));
    if uses { Tls::Used } else { Tls::Unused }
}

/// What a running gateway cannot change: it stays as it began, whatever was read since.
#[derive(Debug)]
struct Fixed {
    listen: SocketAddr,
    capacity: usize,
    admin: Option<Admin>,
    /// Where Envoy reaches the service for it.
    envoy_listen: Option<SocketAddr>,
    connections: usize,
}

impl Fixed {
    fn of(config: &Config) -> Self {
        Self {
            listen: config.listen,
            capacity: config.capacity,
            admin: config.admin.clone(),
            envoy_listen: config.envoy.as_ref().map(|envoy| envoy.listen),
            connections: config.bounds.connections,
        }
    }

    /// In words, what a configuration has otherwise.
    fn not_as_in(&self, config: &Config) -> Vec<String> {
        let next = Self::of(config);
        [
            ("listen", self.listen != next.listen),
            ("capacity", self.capacity != next.capacity),
            ("admin", self.admin != next.admin),
            ("envoy.listen", self.envoy_listen != next.envoy_listen),
            ("bounds.connections", self.connections != next.connections),
        ]
        .into_iter()
        .filter(|(_, changed)| *changed)
        .map(|(field, _)| format!("`{field}` has changed: that holds from the next start on"))
        .collect()
    }
}
