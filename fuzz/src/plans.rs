//! Plans out of a fuzzer's bytes.

use crate::Bytes;
use tidegate::{Burst, Limit, LimitId, Mode, Nanos, Plan, PlanBuilder, Span, Unit};

/// A plan of which every number is within the documented range: it must be accepted.
///
/// Windows from 1 ms to 400 days, up to 10 million requests and 10¹¹ tokens a window, bursts from 0 to 1.
pub fn plan_in_range(bytes: &mut Bytes<'_>, name: &str) -> Plan {
    let which = bytes.byte();
    let mut builder = Plan::builder(name).slotted_hints(which & 0x30 == 0x30);
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
    let amount = match bytes.byte() % 4 {
        0 => largest,
        1 => 1 + u64::from(bytes.byte() % 30),
        _ => bytes.within(1, largest),
    };
    let mode = bytes.one_of(&[Mode::Enforce, Mode::Enforce, Mode::Enforce, Mode::Shadow]);
    if id.is_day() {
        return Limit::day(id.unit(), amount).with_mode(mode);
    }
    let burst = bytes.one_of(&[0.2, 0.0, 0.1, 1.0, 0.333_333_333]);
    let window = Nanos::new(bytes.within(Span::MIN_WINDOW.get(), Span::MAX_WINDOW.get()));
    let window = bytes.one_of(&[
        window,
        window,
        Nanos::MINUTE,
        Nanos::from_secs(1),
        Span::MIN_WINDOW,
        Span::MAX_WINDOW,
    ]);
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
    name: String,
    burst: f64,
}

impl Extremes {
    /// Any numbers that the bytes give.
    pub fn new(bytes: &mut Bytes<'_>) -> Self {
        let name = bytes.text();
        let mut builder = Plan::builder(name.as_str());
        let mut limits: Vec<_> = (0..bytes.byte() % 6).map(|_| any_limit(bytes)).collect();
        builder = limits.iter().cloned().fold(builder, PlanBuilder::limit);
        let mut burst = Burst::DEFAULT.as_f64();
        if bytes.once_in(4) {
            burst = f64::from_bits(bytes.word());
            builder = builder.burst(burst);
        }
        if bytes.once_in(4) {
            let amount = bytes.number();
            builder = builder.requests_per_minute(amount);
            let fraction = Burst::fraction(burst).unwrap_or_default();
            limits.push(Limit::per_minute(Unit::Requests, amount).with_burst(fraction));
        }
        Self { builder, limits, name, burst }
    }

    /// Whether all of it is within the documented range.
    pub fn is_in_range(&self) -> bool {
        let different = |(place, limit): (usize, &Limit)| {
            self.limits[..place].iter().all(|other| other.id() != limit.id())
        };
        !self.name.is_empty()
            && (0.0..=Burst::MAX).contains(&self.burst)
            && self.limits.iter().all(is_in_range)
            && self.limits.iter().enumerate().all(different)
    }
}

/// The most that L + C may be in a window, and Q in a day (`docs/rules.md`, "Time").
const fn counters(unit: Unit) -> (u64, u64) {
    match unit {
        Unit::Requests => ((1 << 25) - 1, (1 << 30) - 2),
        Unit::Tokens => ((1 << 39) - 1, (1 << 42) - 2),
    }
}

const BILLION: u128 = 1_000_000_000;

/// b in billionths, which is how exact it is.
fn billionths(burst: Burst) -> u128 {
    (burst.as_f64() * 1e9).round() as u128
}

/// L + C within the range, of a window of 1 ms to 400 days, or Q of a day, and a name that a header can carry.
fn is_in_range(limit: &Limit) -> bool {
    let (amount, (window, day)) = (u128::from(limit.amount()), counters(limit.unit()));
    let printable = |character: char| matches!(character, ' '..='~') && character != '"' && character != '\\';
    let counted = match limit.span() {
        Span::Day => amount <= day.into(),
        Span::Window(length) => {
            let burst = billionths(limit.burst()) * amount / BILLION;
            (1_000_000..=400 * 86_400 * 1_000_000_000).contains(&length.get())
                && 2 * amount + burst <= window.into()
        }
    };
    let name = limit.name();
    amount >= 1 && counted && !name.is_empty() && name.chars().all(printable)
}

fn any_limit(bytes: &mut Bytes<'_>) -> Limit {
    let unit = bytes.one_of(&Unit::ALL);
    let fraction = match bytes.byte() % 3 {
        0 => f64::from(bytes.byte()) / 25.5,
        1 => f64::from_bits(bytes.word()),
        _ => 0.2,
    };
    let burst = Burst::fraction(fraction).unwrap_or_default();
    let is_day = bytes.once_in(3);
    let amount =
        if bytes.once_in(3) { around_the_largest(unit, is_day, burst, bytes) } else { bytes.number() };
    let limit = if is_day {
        Limit::day(unit, amount)
    } else {
        Limit::window(unit, amount, Nanos::new(bytes.number()))
    };
    let limit = limit.with_burst(burst).with_mode(bytes.one_of(&[Mode::Enforce, Mode::Shadow]));
    if bytes.once_in(4) { limit.with_name(bytes.text()) } else { limit }
}

/// The largest amount of the range, or near it.
fn around_the_largest(unit: Unit, is_day: bool, burst: Burst, bytes: &mut Bytes<'_>) -> u64 {
    let (window, day) = counters(unit);
    let largest = u128::from(window) * BILLION / (2 * BILLION + billionths(burst));
    let largest = if is_day { day } else { u64::try_from(largest).unwrap_or(window) };
    largest + u64::from(bytes.byte() % 4) - 1
}
