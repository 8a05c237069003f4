//! What is under load, and how it is set up.

use super::cast::plans;
use super::control::Control;
use super::shared::SharedKeys;
use crate::probe::Probes;
use anyhow::Context;
use serde::Serialize;
use std::time::Duration;
use tidegate::{Guard, Limiter, Nanos, Plan, PlanId};

/// What to run. The program's `--help` says more of each.
#[derive(Clone, Debug, Serialize)]
pub struct Settings {
    /// How long.
    pub length: Duration,
    /// Between two samples.
    pub interval: Duration,
    /// Room for so many keys.
    pub keys: usize,
    /// Worker threads.
    pub threads: usize,
    /// Decisions a second of all workers together.
    pub rate: u64,
    /// How many times as fast as the wall clock time goes.
    pub speed: u32,
    /// In so many days of the fast clock every one of the many keys is replaced by a new one.
    pub turnover_days: u64,
    /// Of everything that is drawn.
    pub seed: u64,
    /// So many settles are made one unit wrong, each a millionth settle: the run must then fail.
    pub planted: bool,
}

impl Settings {
    /// How many of the many keys are called at any time. Those that left stay until they may be forgotten, a day
    /// and a half later at most: with the hottest they are a quarter of all, and there is room for them.
    pub(super) fn population(&self) -> u64 {
        self.keys as u64 * 13 / 20
    }

    /// How many keys are called most, by Zipf's law.
    pub(super) fn hot(&self) -> u64 {
        self.keys as u64 / 40
    }
}

/// The limiter, the guard, and what stands beside them.
#[derive(Debug)]
pub(super) struct House {
    pub(super) limiter: Limiter,
    pub(super) guard: Guard,
    pub(super) plans: Vec<(Plan, PlanId)>,
    pub(super) probes: Probes,
    pub(super) control: Control,
    pub(super) shared: SharedKeys,
}

impl House {
    pub(super) fn new(settings: &Settings) -> anyhow::Result<Self> {
        let limiter = Limiter::builder()
            .capacity(settings.keys)
            // No watched key is so long without a call, so that none is forgotten behind its ledger's back.
            .longest_reservation(Nanos::from_secs(12 * 3_600))
            .build()
            .context("the limiter")?;
        let plans = plans();
        let probes = Probes::new(&limiter, &plans)?;
        let plans = plans
            .into_iter()
            .map(|plan| limiter.add_plan(&plan).map(|id| (plan, id)))
            .collect::<Result<Vec<_>, _>>()?;
        // Strikes stand for long, as the clock is fast: with the default of 80 ms nobody would be blocked.
        let guard = Guard::builder().drain(Nanos::MINUTE).build().context("the guard")?;
        let shared = SharedKeys::new(settings.threads);
        Ok(Self { limiter, guard, plans, probes, control: Control::new(), shared })
    }
}
