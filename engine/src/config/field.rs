//! Single values of a configuration, checked as they are read.

use super::time_span::TimeSpan;
use crate::plan::{Burst, Mode, Span};
use crate::unit::Unit;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::num::NonZeroU64;

/// How many units a limit allows: at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount(NonZeroU64);

impl Amount {
    /// The number.
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole;
        impl Visitor<'_> for Whole {
            type Value = Amount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number of at least 1")
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Amount, E> {
                let amount = NonZeroU64::new(number).map(Amount);
                amount.ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Amount, E> {
                match u64::try_from(number) {
                    Ok(number) => self.visit_u64(number),
                    Err(_) => Err(E::invalid_value(Unexpected::Signed(number), &self)),
                }
            }
        }
        deserializer.deserialize_u64(Whole)
    }
}

/// A number of its type.
pub(super) fn whole<'de, D: Deserializer<'de>, T: TryFrom<u64>>(deserializer: D) -> Result<T, D::Error> {
    struct Whole<T>(PhantomData<T>);
    impl<T: TryFrom<u64>> Visitor<'_> for Whole<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let largest = u64::MAX >> (u64::BITS - u8::BITS * size_of::<T>() as u32);
            write!(f, "a whole number from 0 to {largest}")
        }
        fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
            T::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
        }
        fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
            let whole = u64::try_from(number).ok().and_then(|number| T::try_from(number).ok());
            whole.ok_or_else(|| E::invalid_value(Unexpected::Signed(number), &self))
        }
    }
    deserializer.deserialize_u64(Whole(PhantomData))
}

/// A name that can stand in an HTTP header field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitName(String);

impl LimitName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for LimitName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let expected =
            "a name of printable ASCII characters without `\"` and `\\`, since it is sent in HTTP headers";
        // Headers carry it as a quoted string (RFC 9651, section 3.3.3).
        text(deserializer, expected, |name| {
            let printable =
                name.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'));
            (printable && !name.trim().is_empty()).then(|| Self(name.into()))
        })
    }
}

/// A burst fraction, written as an integer or a float.
pub(super) fn burst<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Burst>, D::Error> {
    struct Fraction;
    impl Visitor<'_> for Fraction {
        type Value = Burst;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a fraction from 0 to {} (20 % is written 0.20)", Burst::MAX)
        }
        fn visit_f64<E: Error>(self, fraction: f64) -> Result<Burst, E> {
            Burst::fraction(fraction).ok_or_else(|| E::invalid_value(Unexpected::Float(fraction), &self))
        }
        fn visit_i64<E: Error>(self, whole: i64) -> Result<Burst, E> {
            // Whatever a float cannot hold exactly is out of range anyway.
            Burst::fraction(whole as f64).ok_or_else(|| E::invalid_value(Unexpected::Signed(whole), &self))
        }
        fn visit_u64<E: Error>(self, whole: u64) -> Result<Burst, E> {
            Burst::fraction(whole as f64).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(whole), &self))
        }
    }
    deserializer.deserialize_f64(Fraction).map(Some)
}

/// `requests` or `tokens`.
pub(super) fn unit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Unit, D::Error> {
    text(deserializer, "`requests` or `tokens`", |name| {
        Unit::ALL.into_iter().find(|unit| unit.name() == name)
    })
}

/// `enforce` or `shadow`.
pub(super) fn mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mode, D::Error> {
    text(deserializer, "`enforce` or `shadow`", |name| match name {
        "enforce" => Some(Mode::Enforce),
        "shadow" => Some(Mode::Shadow),
        _ => None,
    })
}

/// `day`, or a span of time.
pub(super) fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    let expected =
        "`day`, or a window from 1 ms to 400 days such as `500ms`, `60s`, `15min`, `1h30m` or `7d`";
    text(deserializer, expected, |text| match text {
        "day" => Some(Span::Day),
        _ => {
            let TimeSpan(window) = TimeSpan::parse(text)?;
            (Span::MIN_WINDOW..=Span::MAX_WINDOW).contains(&window).then_some(Span::Window(window))
        }
    })
}

/// Reads a string and makes something of it, or says what was expected.
pub(super) fn text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, D::Error> {
    struct Text<F>(&'static str, F);
    impl<T, F: FnOnce(&str) -> Option<T>> Visitor<'_> for Text<F> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            (self.1)(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self.0))
        }
    }
    deserializer.deserialize_str(Text(expected, parse))
}
