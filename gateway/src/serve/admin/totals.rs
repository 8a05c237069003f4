//! All keys together: what they used, which stand out, what is configured.

use super::problem::Problem;
use super::{Admin, apart, view};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State as Shared};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tidegate::{Cost, KeyFingerprint, LimitId, PerLimit};

type Answer = Result<Json<Value>, Problem>;

/// The most keys of one answer.
const MOST_KEYS: usize = 1_000;

/// A page of keys.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    count: Option<usize>,
    /// Names after this one, in their order.
    #[serde(default)]
    after: String,
}

fn count(asked: Option<usize>, otherwise: usize) -> Result<usize, Problem> {
    match asked.unwrap_or(otherwise) {
        count @ 1..=MOST_KEYS => Ok(count),
        _ => Err(Problem::wrong("count", format!("expected 1 to {MOST_KEYS}"))),
    }
}

/// Sums, and how stored keys stand, by name.
pub(super) async fn usage(
    Shared(admin): Shared<Arc<Admin>>,
    page: Result<Query<Page>, QueryRejection>,
) -> Answer {
    let Query(Page { count: asked, after }) = page?;
    let count = count(asked, 100)?;
    apart(move || Ok(Json(admin.usage(count, &after)))).await?
}

impl Admin {
    fn usage(&self, count: usize, after: &str) -> Value {
        let (live, limiter, at) = (self.live(), &self.state.limiter, self.clock.now());
        let mut page = BTreeMap::new();
        for (digest, known) in live.keys.iter().filter(|(_, known)| known.name.as_str() > after) {
            page.insert(known.name.as_str(), (digest, known));
            // One more, to know whether there are more.
            if page.len() > count + 1 {
                page.pop_last();
            }
        }
        let more = page.len() > count;
        let keys: Vec<Value> = page
            .values()
            .take(count)
            .map(|(digest, known)| {
                view::key(known, &limiter.peek(*digest, known.plan, Cost::default(), at).1)
            })
            .collect();
        let next = keys.last().filter(|_| more).map(|last| last["name"].clone());
        let observed = limiter.observed();
        json!({
            "decisions": {
                "admitted": observed.admitted,
                "denied": by_limit(&observed.denied),
                "never": by_limit(&observed.never),
                "shadow_denied": by_limit(&observed.shadowed),
            },
            "reservations": {
                "settled": observed.settled,
                "cancelled": observed.cancelled,
                "open": observed.unsettled(),
            },
            "records": {
                "keys": limiter.keys(),
                "capacity": limiter.occupancy().map(|shard| shard.capacity).sum::<u64>(),
                "overflowed": limiter.overflowed(),
            },
            "keys": keys,
            "next": next,
        })
    }
}

fn by_limit(counts: &PerLimit) -> Value {
    let name = |limit: LimitId| format!("{}_{}", limit.unit(), if limit.is_day() { "day" } else { "window" });
    counts.iter().map(|(limit, count)| (name(limit), count.into())).collect::<serde_json::Map<_, _>>().into()
}

/// How many keys to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Most {
    count: Option<usize>,
}

/// The keys with the most in their windows, and those denied most.
pub(super) async fn top(
    Shared(admin): Shared<Arc<Admin>>,
    most: Result<Query<Most>, QueryRejection>,
) -> Answer {
    let Query(Most { count: asked }) = most?;
    let count = count(asked, 10)?;
    // Walks the whole table.
    apart(move || Ok(Json(admin.top(count)))).await?
}

impl Admin {
    fn top(&self, count: usize) -> Value {
        let limiter = &self.state.limiter;
        let hottest = limiter.hottest(count, self.clock.now());
        let denied = limiter.most_denied(count);
        let listed = hottest.iter().map(|hot| hot.key).chain(denied.iter().map(|denied| denied.key));
        let names = self.names(listed);
        let name = |key: &KeyFingerprint| names.get(key).and_then(Option::as_deref);
        let hottest = hottest.iter().map(|hot| {
            json!({
                "fingerprint": hot.key.to_string(),
                "name": name(&hot.key),
                "requests": hot.requests,
                "tokens": hot.tokens,
            })
        });
        let denied = denied.iter().map(|denied| {
            json!({
                "fingerprint": denied.key.to_string(),
                "name": name(&denied.key),
                "denied_at_least": denied.at_least,
                "denied_at_most": denied.at_most,
            })
        });
        json!({ "hottest": hottest.collect::<Vec<_>>(), "most_denied": denied.collect::<Vec<_>>() })
    }

    /// Names of stored keys, by what the engine knows them by. Keys that only Envoy's descriptors name have none.
    fn names(&self, listed: impl Iterator<Item = KeyFingerprint>) -> HashMap<KeyFingerprint, Option<String>> {
        let mut names: HashMap<_, Option<String>> = listed.map(|key| (key, None)).collect();
        for (digest, known) in self.live().keys.iter() {
            if let Some(name) = names.get_mut(&self.state.limiter.fingerprint_of(digest)) {
                *name = Some(known.name.clone());
            }
        }
        names
    }
}

/// What is in force, without any secret.
pub(super) async fn configuration(Shared(admin): Shared<Arc<Admin>>) -> Json<Value> {
    let live = admin.live();
    let by_name: BTreeMap<_, _> = live.plans.iter().collect();
    let plans = by_name.values().filter_map(|plan| admin.state.limiter.plan(**plan)).map(view::plan);
    let upstreams = live.upstreams.iter().map(|upstream| &upstream.name);
    Json(json!({
        "generation": live.generation,
        "keys": live.keys.len(),
        "plans": plans.collect::<Vec<_>>(),
        "upstreams": upstreams.collect::<Vec<_>>(),
        "has_guard": (admin.guard)().is_some(),
    }))
}
