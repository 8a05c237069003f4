//! One limit: L units in a window, or in a UTC day.

use crate::nanos::Nanos;
use crate::packed::{day_max, window_max};
use crate::plan::SEGMENTS;
use crate::unit::{LimitId, Unit};
use std::sync::Arc;

/// Whether a limit denies, or only counts and reports (R12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// The limit denies what goes over it.
    #[default]
    Enforce,
    /// The limit counts everything, reports what it would have denied, and denies nothing.
    Shadow,
}

/// The burst fraction b of a limit, exact to a billionth: a limit of L admits up to L + ⌊b·L⌋ in a window.
///
/// ```
/// use tidegate::Burst;
/// assert_eq!(Burst::fraction(0.29).unwrap().of(100), 29); // not 28, as in binary floating point
/// assert!(Burst::fraction(20.0).is_none()); // 20 % is 0.20
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Burst {
    billionths: u64,
}

impl Burst {
    /// One as a count of billionths.
    const ONE: u64 = 1_000_000_000;
    /// The largest fraction accepted. A 20 in its place is a percentage by mistake, and refused.
    pub const MAX: f64 = 10.0;
    /// 0.20, the default.
    pub const DEFAULT: Self = Self { billionths: Self::ONE / 5 };
    /// No burst at all.
    pub const NONE: Self = Self { billionths: 0 };

    /// A fraction from 0 to [`Burst::MAX`], rounded to a billionth; `None` outside of that.
    pub fn fraction(fraction: f64) -> Option<Self> {
        (0.0..=Self::MAX)
            .contains(&fraction)
            .then(|| Self { billionths: (fraction * Self::ONE as f64).round() as u64 })
    }

    /// ⌊b·`amount`⌋, saturating.
    pub fn of(self, amount: u64) -> u64 {
        let units = u128::from(self.billionths) * u128::from(amount) / u128::from(Self::ONE);
        u64::try_from(units).unwrap_or(u64::MAX)
    }

    /// The fraction as a float, for display.
    pub fn as_f64(self) -> f64 {
        self.billionths as f64 / Self::ONE as f64
    }
}

impl Default for Burst {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The time over which a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Span {
    /// A sliding window, from 1 ms to 400 days.
    Window(Nanos),
    /// The UTC day.
    Day,
}

impl Span {
    /// The shortest window: 1 ms.
    pub const MIN_WINDOW: Nanos = Nanos::from_millis(1);
    /// The longest window: 400 days.
    pub const MAX_WINDOW: Nanos = Nanos::from_secs(400 * 86_400);
}

/// One limit of a plan. Its numbers are checked when the plan is built.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Limit {
    unit: Unit,
    amount: u64,
    span: Span,
    burst: Burst,
    mode: Mode,
    name: Option<Arc<str>>,
}

impl Limit {
    const fn new(unit: Unit, amount: u64, span: Span) -> Self {
        Self { unit, amount, span, burst: Burst::DEFAULT, mode: Mode::Enforce, name: None }
    }

    /// `amount` units in every window of the given length, with the default burst of 20 %.
    pub const fn window(unit: Unit, amount: u64, window: Nanos) -> Self {
        Self::new(unit, amount, Span::Window(window))
    }

    /// `amount` units a minute.
    pub const fn per_minute(unit: Unit, amount: u64) -> Self {
        Self::window(unit, amount, Nanos::MINUTE)
    }

    /// `amount` units in a UTC day. A day has no burst (R8).
    pub const fn day(unit: Unit, amount: u64) -> Self {
        Self::new(unit, amount, Span::Day)
    }

    /// The same limit with another burst fraction. Without effect on a day.
    pub fn with_burst(self, burst: Burst) -> Self {
        Self { burst, ..self }
    }

    /// The same limit, enforced or in shadow.
    pub fn with_mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// The same limit under a name of its own; else it is called after unit and window.
    pub fn with_name(self, name: impl Into<Arc<str>>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// The same limit, so many times as large, rounded down, but within its range.
    pub(super) fn scaled(self, share: f64) -> Self {
        let largest = super::builder::largest_amount(self.id(), self.burst);
        // Rounding to the next float is no matter at the sizes of a limit.
        let amount = ((self.amount as f64 * share) as u64).clamp(1, largest);
        Self { amount, ..self }
    }

    /// What it counts.
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// L, the units in a window or a day.
    pub fn amount(&self) -> u64 {
        self.amount
    }

    /// The time over which it counts.
    pub fn span(&self) -> Span {
        self.span
    }

    /// The burst fraction b; zero for a day.
    pub fn burst(&self) -> Burst {
        match self.span {
            Span::Window(_) => self.burst,
            Span::Day => Burst::NONE,
        }
    }

    /// C = L + ⌊b·L⌋, the most that is ever admitted in one window, saturating.
    pub fn ceiling(&self) -> u64 {
        self.amount.saturating_add(self.burst().of(self.amount))
    }

    /// Enforced, or in shadow.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Its place in a plan.
    pub fn id(&self) -> LimitId {
        match self.span {
            Span::Window(_) => LimitId::window(self.unit),
            Span::Day => LimitId::day(self.unit),
        }
    }

    /// Its own name, or one made of unit and window: `requests_per_minute`, `tokens_per_day`,
    /// `requests_per_90s`.
    pub fn name(&self) -> Arc<str> {
        match &self.name {
            Some(name) => name.clone(),
            None => format!("{}_per_{}", self.unit, self.span_name()).into(),
        }
    }

    /// Whether its own name, if it has one, can stand in a header field: printable ASCII without `"` and `\`.
    pub(super) fn has_sound_name(&self) -> bool {
        let sound = |byte: u8| (byte == b' ' || byte.is_ascii_graphic()) && byte != b'"' && byte != b'\\';
        self.name.as_ref().is_none_or(|name| !name.is_empty() && name.bytes().all(sound))
    }

    fn span_name(&self) -> String {
        const MILLIS: [(u64, &str); 3] = [(3_600_000, "hour"), (60_000, "minute"), (1_000, "second")];
        let Span::Window(window) = self.span else { return "day".into() };
        let nanos = window.get();
        let whole = MILLIS.iter().find(|(millis, _)| nanos == millis * 1_000_000);
        match whole {
            Some((_, name)) => (*name).into(),
            None if nanos % 1_000_000_000 == 0 => format!("{}s", nanos / 1_000_000_000),
            None if nanos % 1_000_000 == 0 => format!("{}ms", nanos / 1_000_000),
            None => format!("{nanos}ns"),
        }
    }

    /// Whether R4 holds for calls of the given cost, a divisor of L: a client that spaces them evenly, L units in
    /// a window, its times rounded to nanoseconds either way, is never denied.
    ///
    /// The n + 1 counted segments of R3, n = 7, may hold ⌊(n + 1)·L/(n·c)⌋ + 1 calls of such a client, which must
    /// not be more than C. At the default burst and cost 1 that fails only for L of 1 to 4, 7 to 9, and 14. A
    /// day always keeps R4.
    pub fn admits_even_pace(&self, cost: u64) -> bool {
        let (Span::Window(_), 1..) = (self.span, cost) else { return true };
        let (amount, cost) = (u128::from(self.amount), u128::from(cost));
        let segments = u128::from(SEGMENTS);
        ((segments + 1) * amount / (segments * cost) + 1) * cost <= u128::from(self.ceiling())
    }

    /// The largest number that L (of a day), or L + C (of a window), may be: what a record's counters hold.
    pub const fn range(id: LimitId) -> u64 {
        match id {
            LimitId::RequestsWindow | LimitId::TokensWindow => window_max(id.unit()),
            LimitId::RequestsDay | LimitId::TokensDay => day_max(id.unit()) - 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    fn requests(amount: u64) -> Limit {
        Limit::per_minute(Unit::Requests, amount)
    }

    #[test]
    fn a_limit_without_a_name_is_called_by_its_unit_and_span() {
        let name = |nanos| Limit::window(Unit::Tokens, 1, Nanos::new(nanos)).name().to_string();
        assert_eq!(name(3_600_000_000_000), "tokens_per_hour");
        assert_eq!(name(60_000_000_000), "tokens_per_minute");
        assert_eq!(name(1_000_000_000), "tokens_per_second");
        assert_eq!(name(7_000_000_000), "tokens_per_7s");
        assert_eq!(name(1_500_000_000), "tokens_per_1500ms");
        assert_eq!(name(1_000_001), "tokens_per_1000001ns");
        assert_eq!(&*Limit::day(Unit::Requests, 1).name(), "requests_per_day");
        assert_eq!(&*requests(1).with_name("calls").name(), "calls");
    }

    #[test]
    fn a_name_is_sound_if_it_can_stand_in_a_header() {
        let sound = |name: &str| requests(1).with_name(name).has_sound_name();
        assert!(requests(1).has_sound_name() && sound("a b") && sound("~!"));
        for name in ["", "a\"b", "a\\b", "a\tb", "ü", "a\u{7f}"] {
            assert!(!sound(name), "{name:?}");
        }
    }

    #[test]
    fn the_burst_is_a_fraction_of_the_amount_rounded_down() {
        let of = |fraction, amount| Burst::fraction(fraction).unwrap().of(amount);
        assert_eq!([of(0.0, 100), of(0.2, 4), of(0.2, 5), of(0.29, 100), of(10.0, 3)], [0, 0, 1, 29, 30]);
        assert_eq!(of(10.0, u64::MAX), u64::MAX);
        assert_eq!(Burst::fraction(0.25).unwrap().as_f64(), 0.25);
        assert_eq!((Burst::default(), Burst::NONE.of(u64::MAX)), (Burst::fraction(0.2).unwrap(), 0));
        for fraction in [-0.1, 10.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Burst::fraction(fraction), None, "{fraction}");
        }
    }

    #[test]
    fn the_ceiling_is_the_amount_and_the_burst_but_a_day_has_none() {
        assert_eq!(requests(20).ceiling(), 24);
        assert_eq!(requests(20).with_burst(Burst::NONE).ceiling(), 20);
        assert_eq!(requests(u64::MAX).ceiling(), u64::MAX);
        let day = Limit::day(Unit::Tokens, 20).with_burst(Burst::default());
        assert_eq!((day.burst(), day.ceiling()), (Burst::NONE, 20));
    }

    #[test]
    fn an_even_pace_is_denied_where_the_segments_leave_no_room() {
        let denied: Vec<_> = (1..1_000).filter(|amount| !requests(*amount).admits_even_pace(1)).collect();
        assert_eq!(denied, [1, 2, 3, 4, 7, 8, 9, 14], "`docs/rules.md`, R4");
        let tokens = Limit::per_minute(Unit::Tokens, 1_000);
        assert!(tokens.admits_even_pace(0) && tokens.admits_even_pace(50) && !tokens.admits_even_pace(1_000));
        assert!(Limit::day(Unit::Tokens, 1).admits_even_pace(1));
    }

    #[test]
    fn the_largest_numbers_are_those_documented() {
        let ranges = LimitId::ALL.map(Limit::range);
        let documented = [(1 << 25) - 1, (1 << 39) - 1, (1 << 30) - 2, (1 << 42) - 2];
        assert_eq!(ranges, documented, "`docs/rules.md`, Time");
    }

    #[test]
    fn a_share_of_a_limit_is_at_least_a_unit_and_no_more_than_can_be_counted() {
        let share = |share| requests(10).scaled(share).amount();
        assert_eq!([share(0.01), share(0.55), share(1.0), share(3.0)], [1, 5, 10, 30]);
        let largest = crate::plan::builder::largest_amount(LimitId::RequestsWindow, Burst::DEFAULT);
        assert_eq!(share(1e12), largest);
    }

    quickcheck! {
        /// A fraction that is written in billionths is taken as that, though a float is not.
        fn a_burst_of_billionths_is_exact(billionths: u64, amount: u64) -> bool {
            let billionths = billionths % (10 * Burst::ONE + 1);
            let burst = Burst::fraction(billionths as f64 / Burst::ONE as f64).unwrap();
            let exact = u128::from(billionths) * u128::from(amount) / u128::from(Burst::ONE);
            burst.billionths == billionths && u128::from(burst.of(amount)) == exact.min(u64::MAX.into())
        }

        /// Whether n + 1 segments, open at one end, hold more calls at an even pace than C allows: in fractions, without the
        /// quotients.
        fn an_even_pace_is_admitted_if_the_segments_hold_it(amount: u64, cost: u64, burst: u64) -> bool {
            let (amount, cost) = (1 + amount % (1 << 38), 1 + cost % (1 << 38));
            let burst = Burst::fraction((burst % 11) as f64).unwrap();
            let limit = Limit::per_minute(Unit::Tokens, amount).with_burst(burst);
            let (amount, cost, segments) = (u128::from(amount), u128::from(cost), u128::from(SEGMENTS));
            // The least number of calls that is more than the span has room for.
            let allowed = u128::from(limit.ceiling()) / cost;
            let exceeds = allowed * segments * cost > (segments + 1) * amount;
            limit.admits_even_pace(cost as u64) == exceeds
        }
    }
}
