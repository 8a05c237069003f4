//! One JSON object a line, with the names of the CSV columns.

use super::fields::Column;
use super::lines::Lines;
use super::{Event, Fault, excerpt, time};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Reads events from JSON lines.
pub(super) struct JsonLinesReader {
    lines: Lines,
    ignored: Vec<String>,
}

impl JsonLinesReader {
    pub(super) fn new(lines: Lines) -> Self {
        Self { lines, ignored: Vec::new() }
    }

    /// Names found so far that mean nothing here.
    pub(super) fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// Reads the next object; `false` at the end.
    pub(super) fn read(&mut self, event: &mut Event) -> Result<bool, Fault> {
        if !self.lines.advance()? {
            return Ok(false);
        }
        let line = self.lines.number();
        event.clear(line);
        self.fill(event).and_then(|()| event.check()).map_err(Fault::at(line))?;
        Ok(true)
    }

    fn fill(&mut self, event: &mut Event) -> Result<(), String> {
        let mut problem = None;
        let row = Row { event, ignored: &mut self.ignored, problem: &mut problem };
        let mut json = serde_json::Deserializer::from_slice(self.lines.line());
        let read = row.deserialize(&mut json).and_then(|()| json.end());
        match (problem, read) {
            (Some(problem), _) => Err(problem),
            (None, Err(error)) => Err(describe(&error)),
            (None, Ok(())) => Ok(()),
        }
    }
}

/// What is wrong with the JSON; the line is named elsewhere.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    format!(
        "expected a JSON object such as {{\"time\":1700000000.5,\"key\":\"k1\"}}: {what} in column {}",
        error.column()
    )
}

/// Fills an event from an object.
struct Row<'a> {
    event: &'a mut Event,
    ignored: &'a mut Vec<String>,
    /// What is wrong with a field, in our own words rather than in those of a JSON error.
    problem: &'a mut Option<String>,
}

impl<'de> DeserializeSeed<'de> for Row<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Row<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = Vec::with_capacity(Column::NAMED.len());
        while let Some(name) = map.next_key::<Name<'de>>()? {
            let Some(column) = Column::named(&name.0) else {
                map.next_value::<IgnoredAny>()?;
                note_ignored(self.ignored, &name.0);
                continue;
            };
            let value = map.next_value::<&RawValue>()?.get();
            let set = if seen.contains(&column) {
                Err(format!("`{}` is given twice", column.name()))
            } else {
                set(self.event, column, value)
            };
            seen.push(column);
            if let Err(problem) = set {
                *self.problem = Some(problem);
                return Err(A::Error::custom("a field is wrong"));
            }
        }
        Ok(())
    }
}

/// A name, borrowed from the line unless it has escapes.
struct Name<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Name<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// Sets a field from a value's own text, so that no number passes through floating point.
fn set(event: &mut Event, column: Column, value: &str) -> Result<(), String> {
    match value.as_bytes() {
        b"null" => Ok(()),
        [b'"', text @ .., b'"'] if !text.contains(&b'\\') => event.set(column, text),
        [b'"', ..] => {
            let text: String = serde_json::from_str(value).map_err(|error| describe(&error))?;
            event.set(column, text.as_bytes())
        }
        [b'-' | b'0'..=b'9', ..] => match time::without_exponent(value) {
            Some(plain) if column == Column::Time => event.set(column, plain.as_bytes()),
            _ => event.set(column, value.as_bytes()),
        },
        _ => Err(format!("`{}`: expected a string or a number, found `{}`", column.name(), excerpt(value))),
    }
}

#[cold]
fn note_ignored(ignored: &mut Vec<String>, name: &str) {
    if !ignored.iter().any(|known| known == name) {
        ignored.push(name.to_owned());
    }
}
