//! What a gateway goes by now: swapped as a whole when its configuration changes.
//!
//! The counts are the engine's and outlive every change: a plan that is defined anew is another plan of the engine, to which its keys
//! move with their next call (R9), and a key whose plan stays is not touched.

use super::config::{Config, Upstream};
use super::keys::{ApiKey, Digest, Keys, Known};
use super::route::Routes;
use crate::identity::PlanOf;
use anyhow::Context;
use arc_swap::ArcSwap;
use http::request::Parts;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tidegate::{Limiter, Plan, PlanId};

/// The configuration as calls see it.
#[derive(Debug)]
pub struct Live {
    /// Counted from 1; each accepted change is another.
    pub generation: u64,
    /// The keys.
    pub keys: Keys,
    /// Where calls go.
    pub upstreams: Vec<Upstream>,
    /// Which of them a call goes to.
    pub routes: Routes,
    /// The plans in force, by name.
    pub plans: HashMap<String, PlanId>,
}

/// The engine, and the configuration that it works under.
#[derive(Debug)]
pub struct State {
    /// The engine, whose counts outlive every change.
    pub limiter: Arc<Limiter>,
    live: ArcSwap<Live>,
    /// Plans that the engine has been given, so that none is given twice.
    given: parking::Given,
    generations: AtomicU64,
}

/// A short list behind a lock that no call takes: only changes of the configuration do.
mod parking {
    use std::sync::Mutex;
    use tidegate::{Plan, PlanId};

    #[derive(Debug, Default)]
    pub(super) struct Given(Mutex<Vec<(Plan, PlanId)>>);

    impl Given {
        pub(super) fn find_or<E>(
            &self,
            plan: &Plan,
            add: impl FnOnce() -> Result<PlanId, E>,
        ) -> Result<PlanId, E> {
            let mut given = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            if let Some((_, id)) = given.iter().find(|(known, _)| known == plan) {
                return Ok(*id);
            }
            let id = add()?;
            given.push((plan.clone(), id));
            Ok(id)
        }
    }
}

/// So many plans, old ones included, an engine is given room for.
const MOST_PLANS: usize = 4_096;

impl State {
    /// An engine for a configuration, and that in force. An error if there is no room for it.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let limiter = Limiter::builder()
            .capacity(config.capacity)
            .max_plans(MOST_PLANS)
            .build()
            .with_context(|| format!("an engine for {} keys cannot be made", config.capacity))?;
        let empty = Live {
            generation: 0,
            keys: Keys::default(),
            upstreams: Vec::new(),
            routes: Routes::default(),
            plans: HashMap::new(),
        };
        let state = Self {
            limiter: Arc::new(limiter),
            live: ArcSwap::from_pointee(empty),
            given: parking::Given::default(),
            generations: AtomicU64::new(0),
        };
        state.change(config)?;
        Ok(state)
    }

    /// Puts a configuration in force; calls under way end as they began. An error changes nothing.
    pub fn change(&self, config: &Config) -> anyhow::Result<u64> {
        let routes = Routes::new(&config.upstreams)?;
        let mut plans = HashMap::new();
        for plan in &config.plans {
            plans.insert(plan.name().to_owned(), self.plan(plan)?);
        }
        let mut keys = Keys::default();
        for key in &config.keys {
            let plan = *plans.get(&key.plan).with_context(|| format!("no plan is named `{}`", key.plan))?;
            keys.add(key.digest, Known { name: key.name.clone(), plan_name: key.plan.clone(), plan });
        }
        // Ordering: changes are one at a time; the number rides on nothing else.
        let generation = self.generations.fetch_add(1, Ordering::Relaxed) + 1;
        let upstreams = config.upstreams.clone();
        self.live.store(Arc::new(Live { generation, keys, upstreams, routes, plans }));
        Ok(generation)
    }

    fn plan(&self, plan: &Plan) -> anyhow::Result<PlanId> {
        self.given.find_or(plan, || self.limiter.add_plan(plan)).with_context(|| {
            format!(
                "plan `{}`: the engine has been given {MOST_PLANS} plans since it began; restart it",
                plan.name()
            )
        })
    }

    /// What is in force now, to look at and let go of: unlike [`live`](Self::live) it writes to nothing that threads share.
    pub(crate) fn now(&self) -> arc_swap::Guard<Arc<Live>> {
        self.live.load()
    }

    /// What is in force now.
    pub fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }
}

/// The plans of stored keys, as they are now.
#[derive(Clone, Debug)]
pub struct StoredPlans(pub Arc<State>);

impl PlanOf<ApiKey> for StoredPlans {
    fn plan(&self, _request: &Parts, key: &Digest) -> Option<PlanId> {
        self.0.now().keys.get(key).map(|known| known.plan)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate::{Cost, Nanos, Timestamp};

    fn config(plan: &str, requests: u32) -> Config {
        let digest = Digest::of(b"key");
        Config::parse(
            "t.toml",
            &format!(
                "listen = \"127.0.0.1:1\"\n[[keys]]\nname = \"k\"\nsha256 = \"{digest}\"\nplan = \"{plan}\"\n\
                 [plans.gold]\nrequests_per_minute = {requests}\nburst = 0.0\n[upstreams.o]\nurl = \"http://h\"\napi = \"openai\"\n"
            ),
        )
        .unwrap()
    }

    #[test]
    fn usage_outlives_a_change() {
        let state = State::new(&config("gold", 10)).unwrap();
        let at = Timestamp::both(Nanos::from_secs(1_700_000_000));
        let digest = Digest::of(b"key");
        let admitted = || {
            let plan = state.live().keys.get(&digest).unwrap().plan;
            (0..100).filter(|_| state.limiter.check(&digest, plan, Cost::REQUEST, at).is_admitted()).count()
        };
        assert_eq!(admitted(), 10);
        assert_eq!(state.change(&config("gold", 25)).unwrap(), 2);
        assert_eq!(admitted(), 15);
        // The same again is the same plan: nothing is granted anew.
        state.change(&config("gold", 10)).unwrap();
        assert_eq!(admitted(), 0);
        state.change(&config("free", 10)).unwrap();
        assert_eq!(state.live().keys.named("k").unwrap().1.plan_name, "free");
    }
}
