//! Spans of time as people write them: `250ms`, `1h30m`.

use super::field;
use crate::nanos::Nanos;
use crate::plan::Span;
use serde::de::{Deserialize, Deserializer};

/// A span of time, exact to the nanosecond: numbers with units, up to 400 days.
///
/// The units are `ns`, `us`, `ms`, `s`, `m` or `min`, `h` and `d`. A number may have decimals, as long as whole nanoseconds
/// come out; several parts add up, and one space may stand between them.
///
/// ```
/// use tidegate::{Nanos, config::TimeSpan};
/// assert_eq!(TimeSpan::parse("1h30m"), Some(TimeSpan(Nanos::from_secs(5_400))));
/// assert_eq!(TimeSpan::parse("1.5s"), Some(TimeSpan(Nanos::from_millis(1_500))));
/// assert_eq!(TimeSpan::parse("90"), None); // of what?
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeSpan(pub Nanos);

/// Units by name, in nanoseconds.
const UNITS: [(&str, u64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
    ("d", 86_400_000_000_000),
];

impl TimeSpan {
    /// Reads a span; `None` if this is none, or one of more than 400 days.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut rest, mut sum) = (text, 0_u64);
        loop {
            let (amount, tail) = rest.split_at(rest.find(|c: char| c.is_ascii_alphabetic())?);
            let (name, tail) =
                tail.split_at(tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len()));
            let (_, unit) = UNITS.iter().find(|(known, _)| *known == name)?;
            sum = sum.checked_add(nanos(amount, *unit)?)?;
            if tail.is_empty() {
                break;
            }
            rest = tail.strip_prefix(' ').unwrap_or(tail);
        }
        let span = Nanos::new(sum);
        (span <= Span::MAX_WINDOW).then_some(Self(span))
    }
}

/// So many of a unit, decimals included; `None` if that is no whole number of nanoseconds.
fn nanos(amount: &str, unit: u64) -> Option<u64> {
    // For numbers may have a sign where they are parsed.
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, decimals) = amount.split_once('.').unwrap_or((amount, "0"));
    if !digits(whole) || !digits(decimals) {
        return None;
    }
    let fraction = u128::from(decimals.parse::<u64>().ok()?) * u128::from(unit);
    let parts = 10_u128.checked_pow(decimals.len() as u32)?;
    if !fraction.is_multiple_of(parts) {
        return None;
    }
    whole.parse::<u64>().ok()?.checked_mul(unit)?.checked_add(u64::try_from(fraction / parts).ok()?)
}

impl<'de> Deserialize<'de> for TimeSpan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected = "a number and a unit, such as `250ms`, `90s`, `5min` or `1h30m`, of at most 400 days";
        field::text(deserializer, expected, Self::parse)
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
        assert_eq!(span("0.000000001s"), Some(1));
        assert_eq!(span("1h30m"), span("1h 30min"));
        assert_eq!(span("1h30m"), Some(5_400_000_000_000));
        assert_eq!(span("5min"), Some(300_000_000_000));
        assert_eq!(span("400d"), Some(Span::MAX_WINDOW.get()));
        for nonsense in [
            "",
            " ",
            "5",
            "s",
            "-1s",
            "1e3s",
            "1.s",
            ".5s",
            "1..5s",
            "1 s",
            " 1s",
            "1s ",
            "1S",
            "1x",
            "1day",
            "0.5ns",
            "401d",
            "99999999999999999999d",
            "1d99999999999d",
            "1 week",
            "1s,",
            "1s 5",
            "+1s",
            "1h  30m",
            "1.+5s",
            "1.",
            ".",
        ] {
            assert_eq!(span(nonsense), None, "{nonsense:?}");
        }
    }

    #[test]
    fn a_unit_is_so_many_of_a_smaller_one() {
        let span = |text| TimeSpan::parse(text).unwrap().0.get();
        assert_eq!(span("7ns"), 7);
        for (one, smaller) in [
            ("1us", "1000ns"),
            ("1ms", "1000us"),
            ("1s", "1000ms"),
            ("1m", "60s"),
            ("1min", "60s"),
            ("1h", "60min"),
            ("1d", "24h"),
        ] {
            assert_eq!(span(one), span(smaller), "{one}");
        }
    }

    #[test]
    fn a_sum_does_not_wrap() {
        assert_eq!(18_446_744_073_709_551_616, 1_u128 << 64);
        for two_to_the_64 in [
            "18446744073709551615ns 1ns",
            "18446744073.709551616s",
            "18446744073.709551615s 1ns",
            "18446744074s",
        ] {
            assert_eq!(TimeSpan::parse(two_to_the_64), None, "{two_to_the_64:?}");
        }
        // Nor does the power of ten that so many decimals are parts of.
        let with_zeros = |zeros| TimeSpan::parse(&format!("1.{}s", "0".repeat(zeros)));
        assert_eq!([1, 38].map(with_zeros), [Some(TimeSpan(Nanos::from_secs(1))); 2]);
        assert_eq!([39, 128].map(with_zeros), [None; 2]);
    }
}
