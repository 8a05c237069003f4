//! Plans out of a fuzzer's bytes.

use crate::Bytes;
use tidegate::{Burst, Limit, LimitId, Mode, Nanos, Plan, PlanBuilder, Span, Unit};

/// A plan of which every number is within the documented range: it must be accepted.
///
/// Windows from 1 ms to 400 days, up to 10 million requests and 10¹¹ tokens a window, bursts from 0 to 1.
pub fn plan_in_range(bytes: &mut Bytes<'_>, name: &str) -> Plan {
    let mut builder = Plan::builder(name);
    let which = bytes.byte();
    for id in LimitId::ALL {
        if which >> id as u32 & 1 == 0 {
            builder = builder.limit(limit_in_range(bytes, id));
        }
    }
    builder.build().expect("a plan within the documented range is accepted")
}

fn limit_in_range(bytes: &mut Bytes<'_>, id: LimitId) -> Limit {
    let largest = match id.unit() {
        Unit::Requests => 10_000_000,
        Unit::Tokens => 100_000_000_000,
    };
    let amount = bytes.within(1, largest);
    let mode = bytes.one_of(&[Mode::Enforce, Mode::Enforce, Mode::Enforce, Mode::Shadow]);
    if id.is_day() {
        return Limit::day(id.unit(), amount).with_mode(mode);
    }
    let burst = bytes.one_of(&[0.2, 0.0, 0.1, 1.0, 0.333_333_333]);
    let window = Nanos::new(bytes.within(Span::MIN_WINDOW.get(), Span::MAX_WINDOW.get()));
    let window = bytes.one_of(&[window, window, Nanos::MINUTE, Span::MIN_WINDOW, Nanos::from_secs(1)]);
    Limit::window(id.unit(), amount, window)
        .with_burst(Burst::fraction(burst).expect("from 0 to 1"))
        .with_mode(mode)
}

/// A plan of any numbers at all, and what was asked for.
#[derive(Debug)]
pub struct Extremes {
    /// To be built.
    pub builder: PlanBuilder,
    /// The limits given, with their bursts as the builder is to apply them.
    pub limits: Vec<Limit>,
}

impl Extremes {
    /// Any numbers that the bytes give.
    pub fn new(bytes: &mut Bytes<'_>) -> Self {
        let mut builder = Plan::builder(bytes.text());
        let mut limits = Vec::new();
        for _ in 0..bytes.byte() % 6 {
            let limit = any_limit(bytes);
            limits.push(limit.clone());
            builder = builder.limit(limit);
        }
        if bytes.once_in(4) {
            builder = builder.burst(f64::from_bits(bytes.word()));
        }
        if bytes.once_in(4) {
            builder = builder.requests_per_minute(bytes.number());
        }
        Self { builder, limits }
    }
}

fn any_limit(bytes: &mut Bytes<'_>) -> Limit {
    let unit = bytes.one_of(&Unit::ALL);
    let amount = bytes.number();
    let limit = if bytes.once_in(3) {
        Limit::day(unit, amount)
    } else {
        Limit::window(unit, amount, Nanos::new(bytes.number()))
    };
    let fraction = match bytes.byte() % 3 {
        0 => f64::from(bytes.byte()) / 25.5,
        1 => f64::from_bits(bytes.word()),
        _ => 0.2,
    };
    let limit = limit.with_burst(Burst::fraction(fraction).unwrap_or_default());
    let limit = limit.with_mode(bytes.one_of(&[Mode::Enforce, Mode::Shadow]));
    if bytes.once_in(4) { limit.with_name(bytes.text()) } else { limit }
}
