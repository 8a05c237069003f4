//! From the fields that say when clients call, and with how many tokens.

use super::bounds::{MAX_CLIENTS, distribution, sigma};
use super::fault::{Fault, Resolved};
use super::files::Files;
use super::population::Surroundings;
use super::raw::{RawArrivals, RawBurst, RawDiurnal, RawMmpp, RawTokens, RawTrace};
use super::{Arrivals, Distribution, State, Tokens};
use crate::simulate::tempo::Curve;
use std::ops::Range;
use std::sync::Arc;
use tidegate::Nanos;
use toml::Spanned;

/// When clients call, and what comes with it.
pub(super) struct Called {
    pub(super) arrivals: Arrivals,
    /// How their rate changes over the day.
    pub(super) curve: Option<Curve>,
    /// How many they are, where a trace says so.
    pub(super) clients: Option<u32>,
}

impl From<Arrivals> for Called {
    fn from(arrivals: Arrivals) -> Self {
        Self { arrivals, curve: None, clients: None }
    }
}

/// The most values of a curve: one a minute of a day.
const MAX_KNOTS: usize = 1_440;
/// The most states of modulated arrivals.
const MAX_STATES: usize = 100;
/// No state or period is shorter.
const LEAST_TIME: Nanos = Nanos::from_millis(1);

pub(super) fn arrivals(
    raw: Spanned<RawArrivals>,
    spread: Option<Spanned<f64>>,
    clients: Option<u32>,
    around: &Surroundings<'_>,
) -> Resolved<Called> {
    let span = raw.span();
    let raw = raw.into_inner();
    if let (Some(spread), false) = (&spread, matches!(raw, RawArrivals::Poisson(_) | RawArrivals::Diurnal(_)))
    {
        return Err(Fault::new(spread.span(), "only `poisson` and `diurnal` arrivals have a `spread`"));
    }
    let spread = spread.map_or(Ok(0.0), |spread| sigma(*spread.get_ref(), &spread.span(), "spread"))?;
    Ok(match raw {
        RawArrivals::Poisson(rate) => Arrivals::Poisson { rate, spread }.into(),
        RawArrivals::Paced(rate) => Arrivals::Paced(rate).into(),
        RawArrivals::AtOnce(at) => Arrivals::AtOnce(distribution(at, &span, |at| at.0.as_secs_f64())?).into(),
        RawArrivals::Closed(closed) => {
            Arrivals::Closed(distribution(closed.think, &span, |think| think.0.as_secs_f64())?).into()
        }
        RawArrivals::Burst(raw) => burst(raw, span)?.into(),
        RawArrivals::Diurnal(raw) => {
            let arrivals = Arrivals::Poisson { rate: raw.mean, spread };
            Called { arrivals, curve: Some(curve(&raw, around.start)?), clients: None }
        }
        RawArrivals::Mmpp(raw) => modulated(&raw)?.into(),
        RawArrivals::Trace(raw) => trace(&raw, clients, around.files)?,
    })
}

fn burst(raw: RawBurst, span: Range<usize>) -> Resolved<Arrivals> {
    let RawBurst { calls, every, aligned } = raw;
    if !(1..=MAX_CLIENTS).contains(&calls) {
        return Err(Fault::new(span, format!("`calls` must be from 1 to {MAX_CLIENTS}, found {calls}")));
    }
    if every.0 < LEAST_TIME {
        return Err(Fault::new(span, "`every` must be at least \"1ms\""));
    }
    Ok(Arrivals::Burst { calls, every: every.0, aligned })
}

/// Its period begins at midnight UTC, or where one did that was begun then.
fn curve(raw: &RawDiurnal, start: Nanos) -> Resolved<Curve> {
    let period = match &raw.period {
        Some(period) if period.get_ref().0 < LEAST_TIME => {
            return Err(Fault::new(period.span(), "`period` must be at least \"1ms\""));
        }
        Some(period) => period.get_ref().0,
        None => Nanos::DAY,
    };
    let values = raw.curve.get_ref();
    let sound = Curve::new(values, period, start).filter(|_| (2..=MAX_KNOTS).contains(&values.len()));
    sound.ok_or_else(|| {
        let expected = "expected 2 to 1440 numbers, none below 0 and not all 0: the rate at equal distances over the period";
        Fault::new(raw.curve.span(), expected)
    })
}

fn modulated(raw: &RawMmpp) -> Resolved<Arrivals> {
    let states = raw.states.get_ref();
    if !(2..=MAX_STATES).contains(&states.len()) || states.iter().all(|state| state.rate.is_none()) {
        let expected = format!("expected 2 to {MAX_STATES} states, one at least of which has a `rate`");
        return Err(Fault::new(raw.states.span(), expected));
    }
    if let Some(state) = states.iter().find(|state| state.stay.get_ref().0 < LEAST_TIME) {
        return Err(Fault::new(state.stay.span(), "`stay` must be at least \"1ms\""));
    }
    let states = states.iter().map(|state| State {
        rate: state.rate.map_or(0.0, |rate| rate.per_second()),
        stay: state.stay.get_ref().0.as_secs_f64(),
    });
    Ok(Arrivals::Modulated { states: states.collect(), together: raw.together })
}

fn trace(raw: &RawTrace, clients: Option<u32>, files: Files<'_>) -> Resolved<Called> {
    let recorded = files
        .recorded(raw.file.get_ref(), raw.format, clients)
        .map_err(|problem| Fault::new(raw.file.span(), problem))?;
    let clients = recorded.clients();
    if clients > MAX_CLIENTS {
        let problem = format!("the trace has {clients} keys, expected at most {MAX_CLIENTS}");
        return Err(Fault::new(raw.file.span(), problem));
    }
    let arrivals = Arrivals::Recorded { trace: Arc::new(recorded), repeat: raw.repeat };
    Ok(Called { arrivals, curve: None, clients: Some(clients) })
}

/// The tokens of a call; none if nothing is said.
pub(super) fn tokens(raw: Option<Spanned<RawTokens>>, files: Files<'_>) -> Resolved<Tokens> {
    let Some(raw) = raw else { return Ok(Tokens::Drawn(Distribution::Constant(0.0))) };
    let span = raw.span();
    match raw.into_inner() {
        RawTokens::Distribution(raw) => Ok(Tokens::Drawn(distribution(raw, &span, |tokens| *tokens as f64)?)),
        RawTokens::Trace(file) => {
            let recorded = files
                .recorded(file.get_ref(), None, None)
                .map_err(|problem| Fault::new(file.span(), problem))?;
            Ok(Tokens::Sampled(recorded.tokens().collect()))
        }
    }
}
