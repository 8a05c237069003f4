//! One key: how it stands, its own plan, a call of it that is not made.

use super::named::Named;
use super::problem::{Problem, parse};
use super::{Admin, apart, view};
use crate::serve::keys::{Digest, Known};
use crate::serve::own_plans::{OwnPlan, Unset};
use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::extract::rejection::BytesRejection;
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

pub(super) async fn standing(Shared(admin): Shared<Arc<Admin>>, Named(name): Named) -> Answer {
    let (digest, known) = admin.key("name", &name)?;
    Ok(Json(admin.view(&digest, &known)))
}

/// A plan by its name, or limits of the key's own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with `plan` or `limits`")]
struct Asked {
    plan: Option<String>,
    limits: Option<PlanConfig>,
}

/// The same as it was written.
#[derive(Debug, Deserialize)]
struct Given {
    limits: Option<Value>,
}

/// What a body asks for.
fn asked(body: &Body) -> Result<OwnPlan, Problem> {
    match parse(body)? {
        Asked { plan: Some(plan), limits: None } => Ok(OwnPlan::Named(plan)),
        Asked { plan: None, limits: Some(limits) } => {
            let Given { limits: given } = parse(body)?;
            let given = toml::Table::try_from(without_nulls(given.unwrap_or_default()));
            let given = given.map_err(|error| Problem::wrong("limits", error.to_string()))?;
            Ok(OwnPlan::Limits { limits, given })
        }
        _ => {
            let expected =
                "expected either `plan`, a name, or `limits`, such as { \"requests_per_minute\": 500 }";
            Err(Problem::wrong("plan", expected))
        }
    }
}

/// A field that is null is one that is not given; TOML has no such thing.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields = fields.into_iter().filter(|(_, value)| !value.is_null());
            Value::Object(fields.map(|(name, value)| (name, without_nulls(value))).collect())
        }
        Value::Array(values) => values.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

impl Admin {
    /// The plan in the engine that a key is to have.
    fn own_plan(&self, name: &str, own: &OwnPlan) -> Result<PlanId, Problem> {
        let live = self.live();
        match own {
            OwnPlan::Named(plan) if !live.plans.contains_key(plan) => {
                Err(Problem::unknown_name("plan", "plan", plan, live.plans.keys().map(String::as_str)))
            }
            OwnPlan::Limits { limits, .. } => {
                limits.build(name).map_err(|error| {
                    let path: Vec<_> = error.path().iter().skip(2).map(ToString::to_string).collect();
                    Problem::wrong(format!("limits.{}", path.join(".")), error.to_string())
                })?;
                own.find(name, &live, &self.state)
                    .map_err(|error| Problem::unavailable("limits", error.to_string()))
            }
            OwnPlan::Named(_) => own.find(name, &live, &self.state).map_err(|_| Problem::failed("plan")),
        }
    }

    /// Gives a key a plan of its own, or takes it back; how it stands then. Writes a file.
    fn set_own(&self, name: &str, own: Option<OwnPlan>) -> Result<Value, Problem> {
        // The configuration does not change meanwhile.
        let mut kept = self.own.lock();
        let (digest, known) = self.key("name", name)?;
        let own = match own {
            Some(own) => {
                let plan = self.own_plan(name, &own)?;
                Some((own, plan))
            }
            None => None,
        };
        let set = self.own.set(&mut kept, &self.state, (name, digest), own, self.clock.now());
        set.map_err(|unset| match unset {
            Unset::NoRoom => {
                let message = "there is no room for a record of this key's own; expected a larger `capacity`";
                Problem::unavailable("name", message)
            }
            Unset::Unwritten(error) => {
                tracing::error!(key = name, "{error:#}");
                Problem::unwritten(&error)
            }
        })?;
        Ok(self.view(&digest, &known))
    }
}

/// The plan holds from the key's next call on, until it is taken back; if it is kept in a file, beyond a restart.
pub(super) async fn set_plan(Shared(admin): Shared<Arc<Admin>>, Named(name): Named, body: Body) -> Answer {
    admin.key("name", &name)?;
    let own = asked(&body)?;
    apart(move || {
        let view = admin.set_own(&name, Some(own))?;
        info!(key = name, plan = %view["plan"]["in_force"], "a key has a plan of its own");
        Ok(Json(view))
    })
    .await?
}

pub(super) async fn clear_plan(Shared(admin): Shared<Arc<Admin>>, Named(name): Named) -> Answer {
    apart(move || {
        let view = admin.set_own(&name, None)?;
        info!(key = name, "a key has no plan of its own");
        Ok(Json(view))
    })
    .await?
}

pub(super) async fn reset(Shared(admin): Shared<Arc<Admin>>, Named(name): Named) -> Answer {
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
#[serde(deny_unknown_fields, expecting = "an object with `key`, and perhaps `requests` and `tokens`")]
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
    let DryRun { key, requests, tokens } = parse(&body)?;
    let (digest, known) = admin.key("key", &key)?;
    let cost = Cost { requests, tokens };
    let (verdict, standing) = admin.state.limiter.peek(&digest, known.plan, cost, admin.clock.now());
    let mut said = view::verdict(verdict, &standing);
    said["key"] = json!(view::key(&known, &standing));
    Ok(Json(said))
}
