//! The admin API: what operators ask of a running gateway, and tell it.
//!
//! JSON over HTTP on a loopback address. Whoever asks must show the token of the configuration, but for health and metrics, in
//! which nothing is told of any key. Nothing here is on the way of a call: all of it goes by the engine's public operations,
//! while others decide. `docs/operators.md` lists the paths.

mod guard;
mod keys;
mod named;
mod problem;
mod token;
mod totals;
mod view;

pub use token::Token;

use super::live::{Live, State};
use super::metrics::{GuardNow, Metrics};
use super::own_plans::OwnPlans;
use axum::Router;
use axum::extract::{DefaultBodyLimit, State as Shared};
use axum::http::header::CONTENT_TYPE;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use problem::Problem;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tidegate::Clock;
use tokio::net::TcpListener;

/// The most bytes of a request's body.
const MOST_BYTES: usize = 64 << 10;

/// What the API works on.
pub struct Admin {
    /// The engine, and the configuration in force.
    pub state: Arc<State>,
    /// Plans of keys' own.
    pub own: Arc<OwnPlans>,
    /// The guard in force.
    pub guard: GuardNow,
    /// The clock of the gateway's decisions.
    pub clock: Arc<dyn Clock + Send + Sync>,
    /// What Prometheus reads.
    pub metrics: Arc<Metrics>,
    /// What operators must show.
    pub token: Token,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Admin {
    fn live(&self) -> Arc<Live> {
        self.state.live()
    }
}

/// Answers on a listener until `shutdown` comes about; requests under way are answered still.
pub async fn serve(
    listener: TcpListener,
    admin: Arc<Admin>,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let serving = axum::serve(listener, router(admin.clone())).with_graceful_shutdown(shutdown).into_future();
    tokio::select! {
        ended = serving => ended,
        never = fade(&admin) => match never {},
    }
}

/// Keeps the list of the keys denied most to the last minutes.
async fn fade(admin: &Admin) -> Infallible {
    let mut minutes = tokio::time::interval(Duration::from_secs(60));
    // The first is now.
    minutes.tick().await;
    loop {
        minutes.tick().await;
        admin.state.limiter.fade_denied();
    }
}

/// The paths, as a service.
pub fn router(admin: Arc<Admin>) -> Router {
    let guarded = Router::new()
        .route("/keys/{name}", get(keys::standing))
        .route("/keys/{name}/plan", put(keys::set_plan).delete(keys::clear_plan))
        .route("/keys/{name}/reset", post(keys::reset))
        .route("/dry-run", post(keys::dry_run))
        .route("/usage", get(totals::usage))
        .route("/top", get(totals::top))
        .route("/configuration", get(totals::configuration))
        .route("/blocks", get(guard::blocks))
        .route("/blocks/{address}", delete(guard::lift))
        .fallback(no_such_path)
        .layer(from_fn_with_state(admin.clone(), token::require));
    let open = Router::new()
        .route("/healthz", get(|| async { "alive\n" }))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics));
    open.merge(guarded)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(admin)
}

async fn no_such_path() -> Problem {
    Problem::unknown("path", "expected one of /keys/{name}, /usage, /top, /blocks, /dry-run, /configuration")
}

async fn no_such_method() -> Problem {
    Problem::method()
}

/// It is asked here only while the gateway serves: once it is to end, nobody listens.
async fn ready(Shared(admin): Shared<Arc<Admin>>) -> Response {
    match admin.live().generation {
        0 => Problem::unavailable("configuration", "none is in force yet").into_response(),
        _ => "ready\n".into_response(),
    }
}

async fn metrics(Shared(admin): Shared<Arc<Admin>>) -> Response {
    // Walks the guard's tables.
    let text = apart(move || admin.metrics.text()).await;
    match text {
        Ok(Ok(text)) => ([(CONTENT_TYPE, Metrics::CONTENT_TYPE)], text).into_response(),
        _ => Problem::failed("metrics").into_response(),
    }
}

/// Runs what takes a while where no call has to wait for it.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::failed("request"))
}
