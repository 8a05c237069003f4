//! Single values as people write them: `"90s"`, `"12/min"`.

use serde::de::{Deserialize, Deserializer, Error};
use tidegate::Nanos;

/// A span of time with its unit: `"250ms"`, `"1h30m"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TimeSpan(pub(super) Nanos);

/// Calls in a time: `"12/min"`, `"0.5/s"`. Exact to a millionth of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    millionths: u64,
    per: Nanos,
}

const UNITS: [(&str, u64); 9] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("day", 86_400_000_000_000),
    ("d", 86_400_000_000_000),
];

/// Parts of one in which fractions are kept.
const MILLION: u64 = 1_000_000;

fn unit(name: &str) -> Option<u64> {
    UNITS.iter().find(|(known, _)| *known == name).map(|(_, nanos)| *nanos)
}

/// A decimal number in millionths: at most six decimals, no sign, no exponent.
fn millionths(text: &str) -> Option<u64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 6 {
        return None;
    }
    let fraction: u64 = format!("{decimals:0<6}").parse().ok()?;
    whole.parse::<u64>().ok()?.checked_mul(MILLION)?.checked_add(fraction)
}

impl TimeSpan {
    /// The longest span accepted: longer than any window of the engine.
    const MAX: Nanos = Nanos::from_secs(400 * 86_400);

    fn parse(text: &str) -> Option<Self> {
        let mut rest = text.trim();
        let mut sum = Nanos::ZERO;
        while !rest.is_empty() {
            let number = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            let (amount, tail) = rest.split_at(number);
            let name = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
            let (name, tail) = tail.split_at(name);
            let nanos = u128::from(millionths(amount)?) * u128::from(unit(name)?) / u128::from(MILLION);
            sum = sum + Nanos::new(u64::try_from(nanos).ok()?);
            rest = tail.trim_start();
        }
        (!text.trim().is_empty() && sum <= Self::MAX).then_some(Self(sum))
    }
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "{text:?} is no span of time; expected a number and a unit, such as \"250ms\", \"90s\", \"5min\" or \"1h30m\", \
                 of at most 400 days"
            ))
        })
    }
}

impl Rate {
    /// Calls a second, as a float.
    pub(crate) fn per_second(self) -> f64 {
        self.millionths as f64 / MILLION as f64 / self.per.as_secs_f64()
    }

    /// When the `count`-th of evenly spaced calls is due after the one numbered 0: exact, so that a long run does not
    /// drift.
    pub(crate) fn due(self, count: u64) -> Nanos {
        let scaled = u128::from(count) * u128::from(self.per.get()) * u128::from(MILLION);
        Nanos::new(u64::try_from(scaled / u128::from(self.millionths)).unwrap_or(u64::MAX))
    }

    fn parse(text: &str) -> Option<Self> {
        let (calls, per) = text.split_once('/')?;
        let (millionths, per) = (millionths(calls.trim())?, Nanos::new(unit(per.trim())?));
        // Faster than a call a microsecond a client is no client, and its run would not end.
        let possible = millionths > 0 && u128::from(millionths) <= u128::from(per.get()) * 1_000;
        possible.then_some(Self { millionths, per })
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "{text:?} is no rate; expected calls per time above zero and up to a million a second, such as \"12/min\", \"0.5/s\" \
                 or \"100/h\""
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_exactly() {
        let span = |text| TimeSpan::parse(text).map(|span| span.0.get());
        assert_eq!(span("250ms"), Some(250_000_000));
        assert_eq!(span("1.5s"), Some(1_500_000_000));
        assert_eq!(span("1h 30m"), Some(5_400_000_000_000));
        assert_eq!(span("5min"), Some(300_000_000_000));
        for nonsense in
            ["", " ", "5", "s", "-1s", "1e3s", "1.s", "1..5s", "401d", "99999999999999999999d", "1 week"]
        {
            assert_eq!(span(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn rates_do_not_drift() {
        let rate = Rate::parse("7/min").unwrap();
        assert_eq!(rate.due(7_000_000), Nanos::from_secs(60_000_000));
        assert_eq!(rate.due(1), Nanos::new(8_571_428_571));
        assert!((Rate::parse("0.5/s").unwrap().per_second() - 0.5).abs() < 1e-12);
        for nonsense in ["0/s", "5", "5/fortnight", "/s", "-1/s", "2/us", "x/s"] {
            assert_eq!(Rate::parse(nonsense), None, "{nonsense:?}");
        }
    }
}
