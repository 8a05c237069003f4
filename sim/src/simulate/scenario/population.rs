//! From a `[[population]]` to one that can be run.

use super::arrivals::{Called, arrivals, tokens};
use super::bounds::{MAX_CLIENTS, MAX_TOKENS, at_least, positive, seconds, within};
use super::fault::{Fault, Resolved};
use super::files::Files;
use super::names;
use super::pools::Pools;
use super::raw::{RawDistribution, RawPopulation};
use super::retry::retry;
use super::{Distribution, MIN_ROUND_TRIP, Population};
use crate::simulate::tempo::Tempo;
use tidegate::config::TimeSpan;
use tidegate::{Nanos, Plan};
use tidegate_faults::excerpt;
use toml::Spanned;

const DEFAULT_ROUND_TRIP: Distribution = Distribution::Constant(0.05);
/// Nobody calls more than so many times as often as said.
const MAX_LOAD: f64 = 1_000.0;

/// What populations are resolved against.
pub(super) struct Surroundings<'a> {
    pub(super) plans: &'a [Plan],
    pub(super) files: Files<'a>,
    /// How long the run is.
    pub(super) duration: Nanos,
    /// Where on the UTC clock it begins.
    pub(super) start: Nanos,
    pub(super) keys: Pools,
    pub(super) addresses: Pools,
}

pub(super) fn population(raw: RawPopulation, around: &mut Surroundings<'_>) -> Resolved<Population> {
    names::of_a_population(&raw.name)?;
    let asked = raw.clients.as_ref().map(|clients| within(clients, 1, MAX_CLIENTS, "clients")).transpose()?;
    let Called { arrivals, curve, clients: recorded } = arrivals(raw.arrivals, raw.spread, asked, around)?;
    let clients = recorded
        .or(asked)
        .ok_or_else(|| Fault::new(raw.name.span(), "missing field `clients`: how many clients there are"))?;
    let to_one = |sharing: &Option<Spanned<u32>>, what: &str| match sharing {
        Some(sharing) => within(sharing, 1, clients, &format!("clients to {what}, as many as there are")),
        None => Ok(1),
    };
    let load = match &raw.load {
        Some(span) if !arrivals.have_rate() => {
            return Err(Fault::new(span.span(), "calls that come `at-once` have no rate, so no `load`"));
        }
        Some(load) => times(load)?,
        None => 1.0,
    };
    let (policy_name, policy) = retry(raw.retry)?;
    let from = match &raw.from {
        Some(from) if from.get_ref().0 == around.duration => {
            return Err(Fault::new(
                from.span(),
                "expected a time before the end of the run, `duration`, or nobody ever calls",
            ));
        }
        Some(from) => within_run(from, around.duration)?,
        None => Nanos::ZERO,
    };
    let until = match &raw.until {
        Some(until) if until.get_ref().0 <= from => {
            let problem = format!(
                "expected a time after `from`, {from}, or nobody ever calls; found {}",
                until.get_ref().0
            );
            return Err(Fault::new(until.span(), problem));
        }
        Some(until) => within_run(until, around.duration)?,
        None => around.duration,
    };
    Ok(Population {
        plan: plan(&raw.plan, around.plans)?,
        keys_of: around.keys.number(raw.keys, raw.name.get_ref()),
        addresses_of: around.addresses.number(raw.addresses, raw.name.get_ref()),
        name: raw.name.into_inner(),
        clients,
        clients_per_key: to_one(&raw.clients_per_key, "a key")?,
        clients_per_address: to_one(&raw.clients_per_address, "an address")?,
        arrivals,
        from,
        until,
        tempo: Tempo::new(load, curve, around.duration),
        tokens: tokens(raw.tokens, around.files)?,
        reserve: raw.reserve.as_ref().map(reserve).transpose()?,
        stream: raw.stream.map_or(Ok(Distribution::Constant(0.0)), seconds)?,
        tokens_per_second: raw.tokens_per_second.map(positive).transpose()?,
        policy,
        policy_name,
        patience: raw.patience.map(|patience| patience.0),
        round_trip: raw.round_trip.map_or(Ok(DEFAULT_ROUND_TRIP), round_trip)?,
        timeout: match &raw.timeout {
            Some(timeout) => Some(at_least(timeout, MIN_ROUND_TRIP, "\"100us\"")?),
            None => None,
        },
    })
}

/// How many times as often.
pub(super) fn times(value: &Spanned<f64>) -> Resolved<f64> {
    let found = *value.get_ref();
    if found > 0.0 && found <= MAX_LOAD {
        return Ok(found);
    }
    Err(Fault::new(value.span(), format!("expected a number above 0 and up to {MAX_LOAD}, found {found}")))
}

fn reserve(tokens: &Spanned<u64>) -> Resolved<u32> {
    let found = *tokens.get_ref();
    u32::try_from(found).ok().filter(|found| f64::from(*found) <= MAX_TOKENS).ok_or_else(|| {
        Fault::new(tokens.span(), format!("expected at most {MAX_TOKENS:.0} tokens, found {found}"))
    })
}

/// A time that is not after the run's end.
pub(super) fn within_run(time: &Spanned<TimeSpan>, duration: Nanos) -> Resolved<Nanos> {
    let found = time.get_ref().0;
    if found <= duration {
        return Ok(found);
    }
    Err(Fault::new(time.span(), format!("expected a time within the run of {duration}, found {found}")))
}

/// A client that retries at once must not stop the clock; of what is drawn the shortest counts as that ([`Population`]).
fn round_trip(raw: Spanned<RawDistribution<TimeSpan>>) -> Resolved<Distribution> {
    if let RawDistribution::Constant(TimeSpan(time)) = raw.get_ref()
        && *time < MIN_ROUND_TRIP
    {
        return Err(Fault::new(raw.span(), format!("expected at least \"100us\", found {time}")));
    }
    seconds(raw)
}

/// The plan of a name.
pub(super) fn plan(name: &Spanned<String>, plans: &[Plan]) -> Resolved<Plan> {
    let known = || plans.iter().map(Plan::name);
    plans.iter().find(|plan| plan.name() == name.get_ref()).cloned().ok_or_else(|| {
        let list = known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        Fault::new(name.span(), format!("unknown plan `{}`, expected one of {list}", excerpt(name.get_ref())))
            .suggesting(name.get_ref(), known())
    })
}
