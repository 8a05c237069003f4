//! Rates as people write them: `"12/min"`.

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use tidegate::Nanos;
use tidegate::config::TimeSpan;
use tidegate_faults::excerpt;

/// Calls in a time: `"12/min"`, `"0.5/s"`. Exact to a millionth of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    millionths: u64,
    per: Nanos,
}

/// Parts of one in which fractions are kept.
const MILLION: u64 = 1_000_000;

/// The time that a rate is for: a unit of a [`TimeSpan`], or in full `day`.
fn unit(name: &str) -> Option<Nanos> {
    let name = if name == "day" { "d" } else { name };
    let one = name.bytes().all(|byte| byte.is_ascii_alphabetic());
    TimeSpan::parse(&format!("1{name}")).filter(|_| one).map(|TimeSpan(nanos)| nanos)
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
        let (millionths, per) = (millionths(calls.trim())?, unit(per.trim())?);
        // Faster than a call a microsecond a client is no client, and its run would not end.
        let possible = millionths > 0 && u128::from(millionths) <= u128::from(per.get()) * 1_000;
        possible.then_some(Self { millionths, per })
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct CallsPerTime;
        impl Visitor<'_> for CallsPerTime {
            type Value = Rate;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "calls per time above zero and up to a million a second, such as \"12/min\", \"0.5/s\" or \"100/h\"",
                )
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Rate, E> {
                Rate::parse(text).ok_or_else(|| {
                    E::custom(format!(
                        "{:?} is no rate, expected {}",
                        excerpt(text),
                        &self as &dyn serde::de::Expected
                    ))
                })
            }
        }
        deserializer.deserialize_str(CallsPerTime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_do_not_drift() {
        let rate = Rate::parse("7/min").unwrap();
        assert_eq!(rate.due(7_000_000), Nanos::from_secs(60_000_000));
        assert_eq!(rate.due(1), Nanos::new(8_571_428_571));
        assert!((Rate::parse("0.5/s").unwrap().per_second() - 0.5).abs() < 1e-12);
        assert_eq!(Rate::parse("3/day"), Rate::parse("3/d"));
        for nonsense in ["0/s", "5", "5/1s", "5/s5s", "5/fortnight", "/s", "-1/s", "2/us", "x/s"] {
            assert_eq!(Rate::parse(nonsense), None, "{nonsense:?}");
        }
    }
}
