//! One key: how it stands, its own plan, a call of it that is not made.

use super::problem::{Problem, parse};
use super::{Admin, view};
use crate::serve::keys::{Digest, Known};
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State as Shared};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use tidegate::config::PlanConfig;
use tidegate::{Cost, PlanId};
use tracing::info;

type Answer = Result<Json<Value>, Problem>;
type Body = Result<Bytes, BytesRejection>;

impl Admin {
    /// What is known of a key.
    fn key(&self, field: &str, name: &str) -> Result<(Digest, Known), Problem> {
        let live = self.live();
        match live.keys.named(name) {
            Some((digest, known)) => Ok((digest, known.clone())),
            None => {
                let known = live.keys.iter().map(|(_, known)| known.name.as_str());
                Err(Problem::unknown_name(field, "key", name, known))
            }
        }
    }

    fn view(&self, digest: &Digest, known: &Known) -> Value {
        let (_, standing) = self.state.limiter.peek(digest, known.plan, Cost::default(), self.clock.now());
        view::key(known, &standing)
    }
}

pub(super) async fn standing(Shared(admin): Shared<Arc<Admin>>, Path(name): Path<String>) -> Answer {
    let (digest, known) = admin.key("name", &name)?;
    Ok(Json(admin.view(&digest, &known)))
}

/// A plan by its name, or limits of the key's own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OwnPlan {
    plan: Option<String>,
    limits: Option<PlanConfig>,
}

impl Admin {
    fn own_plan(&self, name: &str, asked: &OwnPlan) -> Result<PlanId, Problem> {
        let expected = || {
            Problem::wrong(
                "plan",
                "expected either `plan`, a name, or `limits`, such as \
             { \"requests_per_minute\": 500 }",
            )
        };
        match asked {
            OwnPlan { plan: Some(plan), limits: None } => {
                let live = self.live();
                live.plans.get(plan).copied().ok_or_else(|| {
                    Problem::unknown_name("plan", "plan", plan, live.plans.keys().map(String::as_str))
                })
            }
            OwnPlan { plan: None, limits: Some(limits) } => {
                let plan = limits.build(name).map_err(|error| {
                    let path: Vec<_> = error.path().iter().skip(2).map(ToString::to_string).collect();
                    Problem::wrong(format!("limits.{}", path.join(".")), error.to_string())
                })?;
                let no_room = |full: tidegate::PlansFull| Problem::unavailable("limits", full.to_string());
                self.state.limiter.add_plan(&plan).map_err(no_room)
            }
            _ => Err(expected()),
        }
    }
}

/// The plan holds from the key's next call on, until it is taken back or the gateway starts anew.
pub(super) async fn set_plan(
    Shared(admin): Shared<Arc<Admin>>,
    Path(name): Path<String>,
    body: Body,
) -> Answer {
    let (digest, known) = admin.key("name", &name)?;
    let plan = admin.own_plan(&name, &parse(body)?)?;
    if !admin.state.limiter.set_own_plan(&digest, plan, admin.clock.now()) {
        let message = "there is no room for a record of this key's own; expected a larger `capacity`";
        return Err(Problem::unavailable("name", message));
    }
    let view = admin.view(&digest, &known);
    info!(key = name, plan = %view["plan"]["in_force"], "a key has a plan of its own");
    Ok(Json(view))
}

pub(super) async fn clear_plan(Shared(admin): Shared<Arc<Admin>>, Path(name): Path<String>) -> Answer {
    let (digest, known) = admin.key("name", &name)?;
    admin.state.limiter.clear_own_plan(&digest, admin.clock.now());
    info!(key = name, "a key has no plan of its own");
    Ok(Json(admin.view(&digest, &known)))
}

pub(super) async fn reset(Shared(admin): Shared<Arc<Admin>>, Path(name): Path<String>) -> Answer {
    let (digest, known) = admin.key("name", &name)?;
    let had_record = admin.state.limiter.reset(&digest, admin.clock.now());
    info!(key = name, had_record, "a key's usage was forgotten");
    let mut view = admin.view(&digest, &known);
    // Without a record of its own it has used nothing that could be told from others' use.
    view["reset"] = had_record.into();
    Ok(Json(view))
}

/// A call that is not made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct DryRun {
    /// The key's name.
    key: String,
    #[serde(default = "one")]
    requests: u64,
    #[serde(default)]
    tokens: u64,
}

fn one() -> u64 {
    1
}

/// What a call would be told now. Nothing is charged, and no place in line is taken.
pub(super) async fn dry_run(Shared(admin): Shared<Arc<Admin>>, body: Body) -> Answer {
    let DryRun { key, requests, tokens } = parse(body)?;
    let (digest, known) = admin.key("key", &key)?;
    let cost = Cost { requests, tokens };
    let (verdict, standing) = admin.state.limiter.peek(&digest, known.plan, cost, admin.clock.now());
    let mut said = view::verdict(verdict, &standing);
    said["key"] = json!(view::key(&known, &standing));
    Ok(Json(said))
}
