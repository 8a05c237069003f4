//! Plans of keys' own, as the admin API sets them: by the key's name, and, if a file is given for them, beyond a restart.
//!
//! The engine holds each such plan at its key, where a decision finds it; here is what the engine is told after a start, and again
//! when a change of the configuration defines a plan anew or gives a name another key. No call comes by here. Whoever changes
//! something holds one lock meanwhile, so that file, engine and configuration agree.

mod file;

use super::config::Config;
use super::keys::Digest;
use super::live::{Live, State};
use anyhow::{Context, bail};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tidegate::config::PlanConfig;
use tidegate::{Plan, PlanId, Timestamp};
use tracing::warn;

/// A plan of a key's own.
#[derive(Clone, Debug)]
pub enum OwnPlan {
    /// The plan of this name, as the configuration defines it.
    Named(String),
    /// Limits that no other key has.
    Limits {
        /// What they are.
        limits: PlanConfig,
        /// As they were given, for the file.
        given: toml::Table,
    },
}

impl OwnPlan {
    /// The plan in the engine, if its name is known there and there is room for it.
    pub(crate) fn find(&self, key: &str, live: &Live, state: &State) -> anyhow::Result<PlanId> {
        match self {
            Self::Named(plan) => {
                live.plans.get(plan).copied().with_context(|| format!("no plan is named `{plan}`"))
            }
            Self::Limits { limits, .. } => Ok(state.limiter.add_plan(&limits.build(key)?)?),
        }
    }
}

/// The plans of keys' own, by the keys' names.
#[derive(Debug)]
pub struct OwnPlans {
    path: Option<PathBuf>,
    kept: Mutex<Kept>,
}

/// What is changed under the lock.
#[derive(Debug, Default)]
pub struct Kept {
    plans: BTreeMap<String, OwnPlan>,
    /// What the engine has been told.
    told: BTreeMap<String, (Digest, PlanId)>,
}

/// Why a plan of a key's own is not set.
#[derive(Debug)]
pub enum Unset {
    /// There is no room for a record of the key.
    NoRoom,
    /// The file cannot be written; nothing has changed.
    Unwritten(anyhow::Error),
}

impl OwnPlans {
    /// The plans that a configuration's file holds; none if it names no file, or one that is still to be written. An error says what
    /// is wrong with it by line and field.
    pub fn read(config: &Config) -> anyhow::Result<Self> {
        let path = config.admin.as_ref().and_then(|admin| admin.plans_file.clone());
        // What a symbolic link leads to is replaced, and not the link.
        let path = path.map(|path| std::fs::canonicalize(&path).unwrap_or(path));
        let plans = match &path {
            Some(path) => file::read(path, &config.plans)?,
            None => BTreeMap::new(),
        };
        Ok(Self { path, kept: Mutex::new(Kept { plans, told: BTreeMap::new() }) })
    }

    /// Writes the file as it was read, so that one that cannot be written is told at the start.
    pub fn try_to_write(&self) -> anyhow::Result<()> {
        self.write(&self.lock().plans)
    }

    /// Keeps others from changing anything.
    pub fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a key a plan of its own from its next call on, or takes it back: in the engine and in the file, or in neither.
    pub fn set(
        &self,
        kept: &mut Kept,
        state: &State,
        key: (&str, Digest),
        own: Option<(OwnPlan, PlanId)>,
        at: Timestamp,
    ) -> Result<(), Unset> {
        let (name, digest) = key;
        let before = (kept.plans.remove(name), kept.told.remove(name));
        if let Some((own, plan)) = own {
            if !state.limiter.set_own_plan(&digest, plan, at) {
                kept.restore(name, before);
                return Err(Unset::NoRoom);
            }
            kept.plans.insert(name.to_owned(), own);
            kept.told.insert(name.to_owned(), (digest, plan));
        } else {
            state.limiter.clear_own_plan(&digest, at);
        }
        self.write(&kept.plans).map_err(|error| {
            match before.1 {
                // It has a record: there is room.
                Some((_, plan)) => _ = state.limiter.set_own_plan(&digest, plan, at),
                None => state.limiter.clear_own_plan(&digest, at),
            }
            kept.restore(name, before);
            Unset::Unwritten(error)
        })
    }

    fn write(&self, plans: &BTreeMap<String, OwnPlan>) -> anyhow::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        file::write(path, plans).with_context(|| format!("`admin.plans_file`: {}", path.display()))
    }
}

impl Kept {
    /// Whether these plans can be told under another configuration: one that a key has as its own must not be missing, or the
    /// gateway could not start with it again.
    pub fn check(&self, plans: &[Plan]) -> anyhow::Result<()> {
        for (key, own) in &self.plans {
            if let OwnPlan::Named(name) = own
                && !plans.iter().any(|plan| plan.name() == name)
            {
                bail!(
                    "`plans.{name}` is missing, and key `{key}` has it as a plan of its own (by the admin API)"
                );
            }
        }
        Ok(())
    }

    /// Tells the engine what it does not know yet under the configuration in force. An error is of the first key that has no room;
    /// the others are told.
    pub fn tell(&mut self, state: &State, at: Timestamp) -> anyhow::Result<()> {
        let live = state.live();
        let mut outcome = Ok(());
        for (name, own) in &self.plans {
            let now = live.keys.named(name).map(|(digest, _)| digest);
            if let Some((digest, _)) = self.told.get(name)
                && now != Some(*digest)
            {
                state.limiter.clear_own_plan(digest, at);
                self.told.remove(name);
            }
            let Some(digest) = now else {
                warn!(key = name, "a plan is kept for a key that the configuration does not have");
                continue;
            };
            let told = own.find(name, &live, state).and_then(|plan| {
                let is_told = self.told.get(name) == Some(&(digest, plan));
                anyhow::ensure!(
                    is_told || state.limiter.set_own_plan(&digest, plan, at),
                    "there is no room for a record of it; expected a larger `capacity`"
                );
                Ok(plan)
            });
            match told {
                Ok(plan) => _ = self.told.insert(name.clone(), (digest, plan)),
                Err(error) => {
                    outcome = outcome.and(Err(error.context(format!("key `{name}`: its own plan"))))
                }
            }
        }
        outcome
    }

    fn restore(&mut self, name: &str, (own, told): (Option<OwnPlan>, Option<(Digest, PlanId)>)) {
        self.plans.remove(name);
        self.told.remove(name);
        self.plans.extend(own.map(|own| (name.to_owned(), own)));
        self.told.extend(told.map(|told| (name.to_owned(), told)));
    }
}
