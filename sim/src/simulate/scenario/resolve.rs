//! From the file's fields to a scenario: what fields say of each other.

use super::fault::Fault;
use super::pools::Pools;
use super::raw::{
    RawArrivals, RawBackend, RawBurst, RawDistribution, RawEvent, RawPopulation, RawRetry, RawRetryTable,
    RawScenario, RawShape,
};
use super::{
    Arrivals, BackendRules, Distribution, Happening, MIN_ROUND_TRIP, Population, Scenario, Scripted,
};
use crate::simulate::policy::{Backoff, Hints, NAMES, Policy, named};
use std::ops::Range;
use tidegate::config::{Plans, TimeSpan};
use tidegate::{Nanos, Plan};
use toml::Spanned;

/// The most clients of a population, and the most calls of a burst.
const MAX_CLIENTS: u32 = 10_000_000;
const DEFAULT_ROUND_TRIP: Distribution = Distribution::Constant(0.05);
/// 2026-01-01T00:00:00Z.
const DEFAULT_START: Nanos = Nanos::from_secs(1_767_225_600);
/// The most tokens of a call.
const MAX_TOKENS: f64 = 1e9;

/// The most populations of a scenario.
const MAX_POPULATIONS: usize = 1_000;

type Resolved<T> = Result<T, Fault>;

pub(super) fn scenario(raw: RawScenario) -> Resolved<Scenario> {
    let plans = plans(&raw.plans)?;
    let duration = at_least(&raw.duration, Nanos::from_secs(1), "one second")?;
    let mut populations: Vec<Population> = Vec::with_capacity(raw.population.get_ref().len());
    if raw.population.get_ref().is_empty() {
        return Err(Fault::new(raw.population.span(), "expected at least one population"));
    }
    if raw.population.get_ref().len() > MAX_POPULATIONS {
        let message = format!("expected at most {MAX_POPULATIONS} populations");
        return Err(Fault::new(raw.population.span(), message));
    }
    let (mut keys, mut addresses) = (Pools::default(), Pools::default());
    let has_backend = raw.backend.is_some();
    for raw in raw.population.into_inner() {
        let name = raw.get_ref().name.clone();
        if populations.iter().any(|other| other.name == *name.get_ref()) {
            let message =
                format!("a second population of the name `{}`; names tell them apart", name.get_ref());
            return Err(Fault::new(name.span(), message));
        }
        let raw = raw.into_inner();
        if has_backend {
            refuse_what_the_backend_says(&raw)?;
        }
        populations.push(population(raw, &plans, (&mut keys, &mut addresses))?);
    }
    if let Some(guard) = &raw.guard {
        let tried = guard.get_ref().build();
        tried.map_err(|error| Fault::new(guard.span(), error.to_string()))?;
    }
    let backend = raw.backend.map(|raw| backend(raw.into_inner())).transpose()?;
    let mut script = Vec::new();
    if let Some(warm_up) = &raw.warm_up {
        let at = warm_up.get_ref().0;
        if at >= duration {
            return Err(Fault::new(warm_up.span(), "the warm-up must end before the run, `duration`, does"));
        }
        script.push(Scripted { at, what: Happening::WarmedUp });
    }
    for raw in raw.event {
        let at = &raw.get_ref().at;
        if at.get_ref().0 >= duration {
            return Err(Fault::new(at.span(), "an event must lie before the end of the run, `duration`"));
        }
        script.extend(event(raw, &populations, &plans, backend.is_some())?);
    }
    let start = raw.start.map_or(Ok(DEFAULT_START), |start| start_time(&start))?;
    let name = raw.name.unwrap_or_else(|| "unnamed scenario".into());
    let guard = raw.guard.map(Spanned::into_inner);
    Ok(Scenario { name, seed: raw.seed, duration, start, populations, backend, guard, script })
}

/// A backend says how long a response takes; what a population says of that would be read by nobody.
fn refuse_what_the_backend_says(raw: &RawPopulation) -> Resolved<()> {
    let spans = [
        ("stream", raw.stream.as_ref().map(Spanned::span)),
        ("tokens_per_second", raw.tokens_per_second.as_ref().map(Spanned::span)),
    ];
    match spans.into_iter().find_map(|(field, span)| Some((field, span?))) {
        None => Ok(()),
        Some((field, span)) => Err(Fault::new(
            span,
            format!(
                "with a `[backend]`, its `service` and `tokens_per_second` say how long a response takes; leave `{field}` out"
            ),
        )),
    }
}

fn backend(raw: RawBackend) -> Resolved<BackendRules> {
    Ok(BackendRules {
        servers: within(&raw.servers, 1, MAX_CLIENTS, "servers")?,
        queue: raw.queue,
        service: raw.service.map_or(Ok(Distribution::default()), seconds)?,
        tokens_per_second: raw.tokens_per_second.map(positive).transpose()?,
        refusal: raw.refusal.map_or(Nanos::ZERO, |time| time.0),
        failure: raw.failure.map_or(Ok(0.0), share)?,
        optimistic: raw.optimistic,
    })
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

/// What an event comes to: an outage is two things that happen.
fn event(
    raw: Spanned<RawEvent>,
    populations: &[Population],
    plans: &[Plan],
    has_backend: bool,
) -> Resolved<Vec<Scripted>> {
    let span = raw.span();
    let RawEvent { at, outage, population, plan: name } = raw.into_inner();
    let at = at.get_ref().0;
    match (outage, population, name) {
        (Some(outage), None, None) if !has_backend => {
            Err(Fault::new(outage.span(), "an outage is one of the `[backend]`, and there is none"))
        }
        (Some(outage), None, None) => Ok(vec![
            Scripted { at, what: Happening::Outage },
            Scripted { at: at + outage.get_ref().0, what: Happening::Recovery },
        ]),
        (None, Some(named), Some(name)) => {
            let known = || populations.iter().map(|population| population.name.as_str());
            let population = known().position(|known| known == named.get_ref()).ok_or_else(|| {
                let message = format!("there is no population `{}`", named.get_ref());
                Fault::new(named.span(), message).suggesting(named.get_ref(), known())
            })?;
            Ok(vec![Scripted {
                at,
                what: Happening::PlanChange { population, plan: plan(&name, plans)?.into() },
            }])
        }
        _ => Err(Fault::new(span, "expected an event of either `outage`, or `population` and `plan`")),
    }
}

/// The built-in plans, and the scenario's own, which may define one of those anew.
fn plans(own: &Plans) -> Resolved<Vec<Plan>> {
    let mut plans = Plan::built_in().to_vec();
    for plan in own.build().map_err(|error| Fault::at_path(error.path(), error.to_string()))? {
        match plans.iter_mut().find(|known| known.name() == plan.name()) {
            Some(known) => *known = plan,
            None => plans.push(plan),
        }
    }
    Ok(plans)
}

fn start_time(text: &Spanned<String>) -> Resolved<Nanos> {
    let time: Option<jiff::Timestamp> = text.get_ref().parse().ok();
    time.and_then(|time| u64::try_from(time.as_nanosecond()).ok()).map(Nanos::new).ok_or_else(|| {
        Fault::new(
            text.span(),
            format!(
                "{:?} is no time since 1970; expected RFC 3339, such as \"2026-01-01T09:00:00Z\"",
                text.get_ref()
            ),
        )
    })
}

fn population(
    raw: RawPopulation,
    plans: &[Plan],
    (keys, addresses): (&mut Pools, &mut Pools),
) -> Resolved<Population> {
    let clients = within(&raw.clients, 1, MAX_CLIENTS, "clients")?;
    let clients_per_key = match &raw.clients_per_key {
        Some(sharing) => within(sharing, 1, clients, "clients to a key, as many as there are")?,
        None => 1,
    };
    let clients_per_address = match &raw.clients_per_address {
        Some(sharing) => within(sharing, 1, clients, "clients to an address, as many as there are")?,
        None => 1,
    };
    let (policy_name, policy) = retry(raw.retry)?;
    Ok(Population {
        plan: plan(&raw.plan, plans)?,
        keys_of: keys.number(raw.keys, raw.name.get_ref()),
        addresses_of: addresses.number(raw.addresses, raw.name.get_ref()),
        name: raw.name.into_inner(),
        clients,
        clients_per_key,
        clients_per_address,
        arrivals: arrivals(raw.arrivals, raw.spread)?,
        tokens: raw.tokens.map_or(Ok(Distribution::Constant(0.0)), tokens)?,
        reserve: raw.reserve,
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

fn plan(name: &Spanned<String>, plans: &[Plan]) -> Resolved<Plan> {
    let known = || plans.iter().map(Plan::name);
    plans.iter().find(|plan| plan.name() == name.get_ref()).cloned().ok_or_else(|| {
        let list = known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        Fault::new(name.span(), format!("unknown plan `{}`, expected one of {list}", name.get_ref()))
            .suggesting(name.get_ref(), known())
    })
}

fn arrivals(raw: Spanned<RawArrivals>, spread: Option<Spanned<f64>>) -> Resolved<Arrivals> {
    let span = raw.span();
    let raw = raw.into_inner();
    if let (Some(spread), false) = (&spread, matches!(raw, RawArrivals::Poisson(_))) {
        return Err(Fault::new(spread.span(), "only `poisson` arrivals have a `spread`"));
    }
    Ok(match raw {
        RawArrivals::Poisson(rate) => {
            let spread = spread.map(|spread| sigma(*spread.get_ref(), &spread.span(), "spread"));
            Arrivals::Poisson { rate, spread: spread.transpose()?.unwrap_or(0.0) }
        }
        RawArrivals::Paced(rate) => Arrivals::Paced(rate),
        RawArrivals::AtOnce(at) => Arrivals::AtOnce(distribution(at, &span, |at| at.0.as_secs_f64())?),
        RawArrivals::Closed(closed) => {
            Arrivals::Closed(distribution(closed.think, &span, |think| think.0.as_secs_f64())?)
        }
        RawArrivals::Burst(RawBurst { calls, every, aligned }) => {
            if !(1..=MAX_CLIENTS).contains(&calls) {
                return Err(Fault::new(
                    span,
                    format!("`calls` must be from 1 to {MAX_CLIENTS}, found {calls}"),
                ));
            }
            if every.0 < Nanos::from_millis(1) {
                return Err(Fault::new(span, "`every` must be at least \"1ms\""));
            }
            Arrivals::Burst { calls, every: every.0, aligned }
        }
    })
}

/// The standard deviation of a logarithm.
fn sigma(found: f64, span: &Range<usize>, field: &str) -> Resolved<f64> {
    if (0.0..=5.0).contains(&found) {
        return Ok(found);
    }
    Err(Fault::new(span.clone(), format!("`{field}` must be from 0 to 5, found {found}")))
}

fn tokens(raw: Spanned<RawDistribution<u64>>) -> Resolved<Distribution> {
    let span = raw.span();
    distribution(raw.into_inner(), &span, |tokens| *tokens as f64)
}

fn seconds(raw: Spanned<RawDistribution<TimeSpan>>) -> Resolved<Distribution> {
    let span = raw.span();
    distribution(raw.into_inner(), &span, |span| span.0.as_secs_f64())
}

fn distribution<V>(
    raw: RawDistribution<V>,
    span: &Range<usize>,
    number: impl Fn(&V) -> f64,
) -> Resolved<Distribution> {
    let distribution = match raw {
        RawDistribution::Constant(value) => Distribution::Constant(number(&value)),
        RawDistribution::Shape(RawShape::Exponential(mean)) => Distribution::Exponential(number(&mean)),
        RawDistribution::Shape(RawShape::Normal(shape)) => {
            Distribution::Normal { mean: number(&shape.mean), sd: number(&shape.sd) }
        }
        RawDistribution::Shape(RawShape::LogNormal(shape)) => {
            let sigma = sigma(shape.sigma, span, "sigma")?;
            let max = shape.max.as_ref().map_or(MAX_TOKENS, &number);
            Distribution::LogNormal { median: number(&shape.median), sigma, max }
        }
    };
    let (Distribution::Constant(scale)
    | Distribution::Exponential(scale)
    | Distribution::Normal { mean: scale, .. }
    | Distribution::LogNormal { median: scale, .. }) = distribution;
    if scale > MAX_TOKENS {
        return Err(Fault::new(span.clone(), format!("must be at most {MAX_TOKENS:.0}, found {scale}")));
    }
    Ok(distribution)
}

fn retry(raw: Spanned<RawRetry>) -> Resolved<(String, Policy)> {
    let span = raw.span();
    match raw.into_inner() {
        RawRetry::Name(name) => {
            let policy = policy(&name, span)?;
            Ok((name, policy))
        }
        RawRetry::Table(table) => {
            let mut policy = policy(table.policy.get_ref(), table.policy.span())?;
            adjust(&mut policy, &table)?;
            Ok((table.policy.into_inner(), policy))
        }
    }
}

fn policy(name: &str, span: Range<usize>) -> Resolved<Policy> {
    named(name).ok_or_else(|| {
        let list = NAMES.map(|name| format!("`{name}`")).join(", ");
        Fault::new(span, format!("unknown retry policy `{name}`, expected one of {list}"))
            .suggesting(name, NAMES)
    })
}

/// Gives a policy the table's numbers; refuses those that it has no use for.
fn adjust(policy: &mut Policy, table: &RawRetryTable) -> Resolved<()> {
    let name = table.policy.get_ref();
    let useless = |field: &str, span| Fault::new(span, format!("the policy `{name}` has no `{field}`"));
    if let Some(retries) = &table.retries {
        policy.retries = *retries.get_ref();
    }
    if let Some(delay) = &table.delay {
        match &mut policy.backoff {
            Backoff::Exponential { base, cap, .. } if name == "fixed" => {
                (*base, *cap) = (secs(delay), secs(delay));
            }
            _ => return Err(useless("delay", delay.span())),
        }
    }
    for (field, value) in [("base", &table.base), ("cap", &table.cap)] {
        let Some(value) = value else { continue };
        if matches!(name.as_str(), "none" | "immediate" | "fixed") {
            return Err(useless(field, value.span()));
        }
        let (Backoff::Exponential { base, cap, .. } | Backoff::Decorrelated { base, cap }) =
            &mut policy.backoff;
        *(if field == "base" { base } else { cap }) = secs(value);
    }
    if let Some(more) = &table.jitter {
        match &mut policy.hints {
            Hints::Honoured { jitter, .. } => *jitter = secs(more),
            Hints::Ignored => return Err(useless("jitter", more.span())),
        }
    }
    Ok(())
}

fn secs(span: &Spanned<TimeSpan>) -> f64 {
    span.get_ref().0.as_secs_f64()
}

fn within(value: &Spanned<u32>, min: u32, max: u32, what: &str) -> Resolved<u32> {
    let found = *value.get_ref();
    if (min..=max).contains(&found) {
        return Ok(found);
    }
    Err(Fault::new(value.span(), format!("expected {min} to {max} {what}, found {found}")))
}

fn share(value: Spanned<f64>) -> Resolved<f64> {
    let found = *value.get_ref();
    if (0.0..=1.0).contains(&found) {
        return Ok(found);
    }
    Err(Fault::new(value.span(), format!("expected a share from 0 to 1, found {found}")))
}

fn positive(value: Spanned<f64>) -> Resolved<f64> {
    let found = *value.get_ref();
    if found > 0.0 && found <= MAX_TOKENS {
        return Ok(found);
    }
    Err(Fault::new(
        value.span(),
        format!("expected a number above 0 and up to {MAX_TOKENS:.0}, found {found}"),
    ))
}

fn at_least(span: &Spanned<TimeSpan>, min: Nanos, shown: &str) -> Resolved<Nanos> {
    let found = span.get_ref().0;
    if found >= min {
        return Ok(found);
    }
    Err(Fault::new(span.span(), format!("expected at least {shown}, found {found}")))
}
