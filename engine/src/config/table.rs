//! Tables that are tables alone.
//!
//! What `derive` makes of a struct also reads a list, by the order of the fields. In a file of plans a list in the place of a plan is a
//! slip, such as `[[plans.gold]]` for `[plans.gold]`, and is told as one.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// A struct by the fields of a table.
pub(super) trait Fields<'de>: Sized {
    /// What the table is, for messages.
    const EXPECTED: &'static str;
    /// Reads the fields.
    fn fields<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

/// Reads a table, and nothing else.
pub(super) fn table<'de, T: Fields<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Table<T>(PhantomData<T>);
    impl<'de, T: Fields<'de>> Visitor<'de> for Table<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(T::EXPECTED)
        }
        fn visit_map<A: MapAccess<'de>>(self, table: A) -> Result<T, A::Error> {
            T::fields(MapAccessDeserializer::new(table))
        }
    }
    deserializer.deserialize_map(Table(PhantomData))
}
