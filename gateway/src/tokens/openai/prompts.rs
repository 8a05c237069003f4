//! How many prompts a completion asks about: a text, several, a list of tokens, or several such lists.

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// How many there are.
#[derive(Debug)]
pub(super) struct Prompts(pub(super) u64);

impl<'de> Deserialize<'de> for Prompts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AnyValue).map(|value| match value {
            Value::List { items } => Self(items.max(1)),
            Value::Token | Value::Other => Self(1),
        })
    }
}

/// A value, as far as it matters.
#[derive(Debug)]
enum Value {
    /// A number: a token, where a prompt is a list of them.
    Token,
    /// So many values, tokens not counted.
    List {
        items: u64,
    },
    Other,
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Flat)
    }
}

/// Reads a value, and of a list how many values are in it.
struct AnyValue;
/// Reads a value within a list, of which it does not matter what is in it.
struct Flat;

macro_rules! scalars {
    () => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }

        fn visit_bool<E: Error>(self, _: bool) -> Result<Value, E> {
            Ok(Value::Other)
        }

        fn visit_i64<E: Error>(self, _: i64) -> Result<Value, E> {
            Ok(Value::Token)
        }

        fn visit_u64<E: Error>(self, _: u64) -> Result<Value, E> {
            Ok(Value::Token)
        }

        fn visit_f64<E: Error>(self, _: f64) -> Result<Value, E> {
            Ok(Value::Token)
        }

        fn visit_str<E: Error>(self, _: &str) -> Result<Value, E> {
            Ok(Value::Other)
        }

        fn visit_unit<E: Error>(self) -> Result<Value, E> {
            Ok(Value::Other)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            Ok(Value::Other)
        }
    };
}

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    scalars!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let mut items = 0;
        while let Some(item) = list.next_element::<Value>()? {
            items += u64::from(!matches!(item, Value::Token));
        }
        Ok(Value::List { items })
    }
}

impl<'de> Visitor<'de> for Flat {
    type Value = Value;

    scalars!();

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}
