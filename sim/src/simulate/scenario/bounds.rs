//! Numbers within what a field allows.

use super::Distribution;
use super::fault::{Fault, Resolved};
use super::raw::{RawDistribution, RawShape};
use std::ops::Range;
use tidegate::Nanos;
use tidegate::config::TimeSpan;
use toml::Spanned;

/// The most clients of a population, and the most calls of a burst.
pub(super) const MAX_CLIENTS: u32 = 10_000_000;
/// The most tokens of a call.
pub(super) const MAX_TOKENS: f64 = 1e9;

pub(super) fn within(value: &Spanned<u32>, min: u32, max: u32, what: &str) -> Resolved<u32> {
    let found = *value.get_ref();
    if (min..=max).contains(&found) {
        return Ok(found);
    }
    Err(Fault::new(value.span(), format!("expected {min} to {max} {what}, found {found}")))
}

pub(super) fn share(value: Spanned<f64>) -> Resolved<f64> {
    let found = *value.get_ref();
    if (0.0..=1.0).contains(&found) {
        return Ok(found);
    }
    Err(Fault::new(value.span(), format!("expected a share from 0 to 1, found {found}")))
}

pub(super) fn positive(value: Spanned<f64>) -> Resolved<f64> {
    let found = *value.get_ref();
    if found > 0.0 && found <= MAX_TOKENS {
        return Ok(found);
    }
    Err(Fault::new(
        value.span(),
        format!("expected a number above 0 and up to {MAX_TOKENS:.0}, found {found}"),
    ))
}

pub(super) fn at_least(span: &Spanned<TimeSpan>, min: Nanos, shown: &str) -> Resolved<Nanos> {
    let found = span.get_ref().0;
    if found >= min {
        return Ok(found);
    }
    Err(Fault::new(span.span(), format!("expected at least {shown}, found {found}")))
}

/// The standard deviation of a logarithm.
pub(super) fn sigma(found: f64, span: &Range<usize>, field: &str) -> Resolved<f64> {
    if (0.0..=5.0).contains(&found) {
        return Ok(found);
    }
    Err(Fault::new(span.clone(), format!("`{field}` must be from 0 to 5, found {found}")))
}

pub(super) fn seconds(raw: Spanned<RawDistribution<TimeSpan>>) -> Resolved<Distribution> {
    let span = raw.span();
    distribution(raw.into_inner(), &span, |span| span.0.as_secs_f64())
}

pub(super) fn distribution<V>(
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
