//! From the file's fields to a scenario: what fields say of each other.

use super::bounds::{MAX_CLIENTS, at_least, positive, seconds, share, within};
use super::fault::{Fault, Resolved};
use super::files::Files;
use super::pools::Pools;
use super::population::{Surroundings, plan, population, times};
use super::raw::{RawBackend, RawEvent, RawGateways, RawParts, RawPopulation, RawScenario, RawWarmUp};
use super::{
    BackendRules, Distribution, Gateways, Happening, Parts, Population, Scenario, Scripted, Spike, WarmUp,
};
use tidegate::config::{Plans, TimeSpan};
use tidegate::{Nanos, Plan};
use toml::Spanned;

/// 2026-01-01T00:00:00Z.
const DEFAULT_START: Nanos = Nanos::from_secs(1_767_225_600);
/// The most populations of a scenario.
const MAX_POPULATIONS: usize = 1_000;
/// The most gateways.
const MAX_GATEWAYS: usize = 100;

pub(super) fn scenario(raw: RawScenario, files: Files<'_>) -> Resolved<Scenario> {
    if let Some(extends) = &raw.extends {
        let problem = "it names a file beside the scenario's, and a text by itself has none";
        return Err(Fault::new(extends.span(), problem));
    }
    let plans = plans(&raw.plans)?;
    let duration = at_least(&raw.duration, Nanos::from_secs(1), "one second")?;
    let start = raw.start.map_or(Ok(DEFAULT_START), |start| start_time(&start))?;
    let (keys, addresses) = (Pools::default(), Pools::default());
    let mut around = Surroundings { plans: &plans, files, duration, start, keys, addresses };
    let mut populations = populations(raw.population, raw.backend.is_some(), &mut around)?;
    if let Some(guard) = &raw.guard {
        let tried = guard.get_ref().build();
        tried.map_err(|error| Fault::new(guard.span(), error.to_string()))?;
    }
    let backend = raw.backend.map(|raw| backend(raw.into_inner())).transpose()?;
    let (mut script, mut spikes) = (Vec::new(), Vec::new());
    let mut warm_up = WarmUp::Given;
    if let Some(raw) = &raw.warm_up {
        match raw.get_ref() {
            RawWarmUp::Auto => warm_up = WarmUp::ToBeFound,
            RawWarmUp::Given(TimeSpan(at)) if *at >= duration => {
                return Err(Fault::new(raw.span(), "the warm-up must end before the run, `duration`, does"));
            }
            RawWarmUp::Given(TimeSpan(at)) => {
                script.push(Scripted { at: *at, what: Happening::WarmedUp });
            }
        }
    }
    for raw in raw.event {
        let at = &raw.get_ref().at;
        if at.get_ref().0 >= duration {
            return Err(Fault::new(at.span(), "an event must lie before the end of the run, `duration`"));
        }
        match event(raw, &populations, &plans, backend.is_some())? {
            Set::Script(lines) => script.extend(lines),
            Set::Spike(spike) => spikes.push(spike),
        }
    }
    for (place, population) in populations.iter_mut().enumerate() {
        let of = |spike: &&Spike| spike.population.is_none_or(|population| population == place);
        population.tempo = population.tempo.clone().with_spikes(spikes.iter().filter(of));
    }
    let gateways = match raw.gateways {
        Some(raw) => gateways(&raw, &populations, &script)?,
        None => Gateways::default(),
    };
    let name = raw.name.unwrap_or_else(|| "unnamed scenario".into());
    let guard = raw.guard.map(Spanned::into_inner);
    let seed = raw.seed;
    Ok(Scenario {
        name,
        seed,
        duration,
        start,
        populations,
        backend,
        guard,
        script,
        spikes,
        gateways,
        warm_up,
    })
}

fn populations(
    raw: Spanned<Vec<Spanned<RawPopulation>>>,
    has_backend: bool,
    around: &mut Surroundings<'_>,
) -> Resolved<Vec<Population>> {
    if !(1..=MAX_POPULATIONS).contains(&raw.get_ref().len()) {
        let message = format!("expected 1 to {MAX_POPULATIONS} populations");
        return Err(Fault::new(raw.span(), message));
    }
    let mut populations: Vec<Population> = Vec::with_capacity(raw.get_ref().len());
    for raw in raw.into_inner() {
        let raw = raw.into_inner();
        if populations.iter().any(|other| other.name == *raw.name.get_ref()) {
            let name = raw.name.get_ref();
            let message = format!("a second population of the name `{name}`; names tell them apart");
            return Err(Fault::new(raw.name.span(), message));
        }
        if matches!(raw.name.get_ref().as_str(), "total" | "backend") {
            let message =
                "expected a name other than `total` and `backend`, which name the whole and the backend";
            return Err(Fault::new(raw.name.span(), message));
        }
        if has_backend {
            refuse_what_the_backend_says(&raw)?;
        }
        populations.push(population(raw, around)?);
    }
    Ok(populations)
}

/// Shares of the weights, and plans that can be divided by them.
fn gateways(
    raw: &Spanned<RawGateways>,
    populations: &[Population],
    script: &[Scripted],
) -> Resolved<Gateways> {
    let RawGateways { weights, limits, sticky } = raw.get_ref();
    let sum: f64 = weights.get_ref().iter().sum();
    let is_sound = weights.get_ref().iter().all(|weight| *weight > 0.0) && sum.is_finite();
    if !is_sound || !(1..=MAX_GATEWAYS).contains(&weights.get_ref().len()) {
        let expected = format!("expected 1 to {MAX_GATEWAYS} numbers above 0: a weight for each gateway");
        return Err(Fault::new(weights.span(), expected));
    }
    let mut passed = 0.0;
    let share_up_to = |weight: &f64| {
        passed += weight / sum;
        passed
    };
    let mut shares: Vec<f64> = weights.get_ref().iter().map(share_up_to).collect();
    shares.iter_mut().next_back().into_iter().for_each(|last| *last = 1.0);
    let parts = match limits {
        RawParts::Even => Parts::Even,
        RawParts::Proportional => Parts::Proportional,
        RawParts::Whole => Parts::Whole,
    };
    let gateways = Gateways { shares, parts, are_sticky: *sticky };
    let changed = script.iter().filter_map(|line| match &line.what {
        Happening::PlanChange { plan, .. } => Some(&**plan),
        _ => None,
    });
    for plan in populations.iter().map(|population| &population.plan).chain(changed) {
        for gateway in 0..gateways.count() {
            gateways.part_of(plan, gateway).map_err(|error| {
                let count = gateways.count();
                let problem =
                    format!("the plan `{}` cannot be divided among {count} gateways: {error}", plan.name());
                Fault::new(raw.span(), problem)
            })?;
        }
    }
    Ok(gateways)
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

/// What an event comes to.
enum Set {
    /// Things that happen; an outage is two.
    Script(Vec<Scripted>),
    /// A time in which the rate is another.
    Spike(Spike),
}

fn event(
    raw: Spanned<RawEvent>,
    populations: &[Population],
    plans: &[Plan],
    has_backend: bool,
) -> Resolved<Set> {
    let span = raw.span();
    let RawEvent { at, outage, spike, lasts, population, plan: name } = raw.into_inner();
    let at = at.get_ref().0;
    let place_of = |named: &Spanned<String>| {
        let known = || populations.iter().map(|population| population.name.as_str());
        known().position(|known| known == named.get_ref()).ok_or_else(|| {
            let message = format!("there is no population `{}`", named.get_ref());
            Fault::new(named.span(), message).suggesting(named.get_ref(), known())
        })
    };
    match (outage, spike, lasts, population, name) {
        (Some(outage), None, None, None, None) if !has_backend => {
            Err(Fault::new(outage.span(), "an outage is one of the `[backend]`, and there is none"))
        }
        (Some(outage), None, None, None, None) => Ok(Set::Script(vec![
            Scripted { at, what: Happening::Outage },
            Scripted { at: at + outage.get_ref().0, what: Happening::Recovery },
        ])),
        (None, None, None, Some(named), Some(name)) => {
            let (population, plan) = (place_of(&named)?, plan(&name, plans)?.into());
            Ok(Set::Script(vec![Scripted { at, what: Happening::PlanChange { population, plan } }]))
        }
        (None, Some(factor), Some(lasts), named, None) => {
            let population = named.as_ref().map(place_of).transpose()?;
            let has_rate = population.is_none_or(|place| populations[place].arrivals.have_rate());
            if let (Some(named), false) = (&named, has_rate) {
                let problem =
                    format!("`{}` calls `at-once`, without a rate that could rise", named.get_ref());
                return Err(Fault::new(named.span(), problem));
            }
            let until = at + lasts.get_ref().0;
            Ok(Set::Spike(Spike { from: at, until, factor: times(&factor)?, population }))
        }
        _ => Err(Fault::new(
            span,
            "expected an event of `outage`, of `spike` and `for` (and a `population`), or of `population` and `plan`",
        )),
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
