//! Errors in a TOML text told by place: the line, the path of keys, the name that was meant.

use crate::excerpt::{escaped, excerpt};
use crate::plain::plain;
use ::toml::Spanned;
use ::toml::de::{DeArray, DeTable, DeValue};
use anyhow::Context;
use serde::de::DeserializeOwned;
use std::fmt;
use std::path::Path;
use tidegate::config::PathPart;

/// A file's text.
pub fn read(path: &Path) -> anyhow::Result<String> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    String::from_utf8(bytes).map_err(|error| {
        let sound = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = sound.iter().filter(|byte| **byte == b'\n').count() + 1;
        anyhow::anyhow!("{}, line {line}: expected TOML, found no UTF-8 text", path.display())
    })
}

/// A TOML file that cannot be used: file, line, field, and what was expected. It must be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TomlError {
    file: String,
    line: usize,
    /// The path of keys to the field, such as `plans.gold.burst`; empty if it is about the file as a whole, or if that is not TOML.
    field: String,
    problem: String,
}

impl fmt::Display for TomlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.file, self.line)?;
        if !self.field.is_empty() {
            write!(f, ", `{}`", excerpt(&self.field))?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for TomlError {}

impl TomlError {
    /// The same as seen in one of the texts that the faulty one was made of, if the field stands there: `path` says how that
    /// text calls it.
    pub fn within<'a>(self, texts: impl IntoIterator<Item = (TomlText<'a>, String)>) -> Self {
        let place = |(text, field): (TomlText<'a>, String)| {
            let parts: Vec<&str> = field.split('.').collect();
            let at = offset_of_whole(text.text, &parts)?;
            Some((text.file.to_owned(), line_of(text.text, at), field))
        };
        match texts.into_iter().find_map(place) {
            Some((file, line, field)) => Self { file, line, field, problem: self.problem },
            None => self,
        }
    }

    /// The same with what may have been meant.
    #[must_use]
    pub fn suggesting<'a>(mut self, found: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        self.problem.push_str(&did_you_mean(found, known));
        self
    }

    /// The path of keys to the field.
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

/// A text and the name of its file.
#[derive(Clone, Copy, Debug)]
pub struct TomlText<'a> {
    file: &'a str,
    text: &'a str,
}

impl<'a> TomlText<'a> {
    /// The text of a file of this name.
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text }
    }

    /// Reads the text's fields.
    pub fn parse<T: DeserializeOwned>(self) -> Result<T, TomlError> {
        ::toml::from_str(self.text).map_err(|error| self.misread(&error))
    }

    /// What the parser refused, with the name nearest to one it does not know.
    fn misread(self, error: &::toml::de::Error) -> TomlError {
        let told = error.message().trim().replace('\n', "; ");
        let mut problem = plain(&told);
        if let Some(name) = name_meant(&told) {
            problem = format!("{problem}; did you mean `{name}`?");
        }
        match error.span() {
            // What the top level lacks is at none of its fields; its span is empty.
            Some(span) if span.end > 0 || !problem.starts_with("missing") => {
                self.error_at(span.start, problem)
            }
            _ => self.error(0, String::new(), problem),
        }
    }

    /// What is wrong with the innermost field around a byte; where there is none, the line is shown.
    pub fn error_at(self, at: usize, problem: String) -> TomlError {
        match field_at(self.text, at) {
            Some(field) => self.error(at, field, problem),
            None => {
                let line = excerpt(line_at(self.text, at).trim());
                self.error(at, String::new(), format!("{problem} in `{line}`"))
            }
        }
    }

    /// What is wrong with the value at a path of keys.
    pub fn error_of(self, path: &[PathPart], problem: String) -> TomlError {
        let names: Vec<_> = path.iter().map(ToString::to_string).collect();
        self.error(offset_of(self.text, path).unwrap_or(0), names.join("."), problem)
    }

    fn error(self, at: usize, field: String, problem: String) -> TomlError {
        let problem = escaped(&problem);
        TomlError { file: self.file.into(), line: line_of(self.text, at), field, problem }
    }
}

/// The number of the line that holds a byte.
fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The line that holds a byte.
fn line_at(text: &str, at: usize) -> &str {
    text.lines().nth(line_of(text, at) - 1).unwrap_or_default()
}

/// The path of keys to the innermost field that holds a byte; `None` outside of all, or if this is not TOML.
fn field_at(text: &str, at: usize) -> Option<String> {
    let table = DeTable::parse(text).ok()?;
    let mut path = Vec::new();
    path_in_table(table.get_ref(), at, &mut path).then(|| path.join("."))
}

/// Tables of one name may stand apart, so a table is searched even if its own span does not hold the byte.
fn path_in_table(table: &DeTable<'_>, at: usize, path: &mut Vec<String>) -> bool {
    table.iter().any(|(key, value)| {
        path.push(key.get_ref().to_string());
        let found = path_in_value(value, at, path) || key.span().contains(&at) || value.span().contains(&at);
        if !found {
            path.pop();
        }
        found
    })
}

fn path_in_value(value: &Spanned<DeValue<'_>>, at: usize, path: &mut Vec<String>) -> bool {
    match value.get_ref() {
        DeValue::Table(table) => path_in_table(table, at, path),
        DeValue::Array(array) => array.iter().enumerate().any(|(place, value)| {
            path.push(place.to_string());
            let found = path_in_value(value, at, path) || value.span().contains(&at);
            if !found {
                path.pop();
            }
            found
        }),
        _ => false,
    }
}

/// Where the value at a path begins; where its surroundings do, if the last parts are not written.
fn offset_of(text: &str, path: &[PathPart]) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let mut value = None;
    let mut within = Some(table.get_ref());
    let mut array = None;
    for part in path {
        let found: Option<&Spanned<DeValue<'_>>> = match part {
            PathPart::Name(name) => within.and_then(|table| table.get(name.as_str())),
            PathPart::Place(place) => array.and_then(|array: &DeArray<'_>| array.get(*place)),
        };
        let Some(found) = found else { break };
        value = Some(found.span().start);
        within = found.get_ref().as_table();
        array = found.get_ref().as_array();
    }
    value
}

/// Where the field of a path begins, if all of it is written; keys and places are told apart by what they are looked up in.
fn offset_of_whole(text: &str, path: &[&str]) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let (name, rest) = path.split_first()?;
    let (key, value) = table.get_ref().iter().find(|(key, _)| key.get_ref() == name)?;
    offset_within(key.span().start, value, rest)
}

fn offset_within(at: usize, value: &Spanned<DeValue<'_>>, path: &[&str]) -> Option<usize> {
    let Some((name, rest)) = path.split_first() else { return Some(at) };
    match value.get_ref() {
        DeValue::Table(table) => {
            let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
            offset_within(key.span().start, value, rest)
        }
        DeValue::Array(array) => {
            let value = array.get(name.parse::<usize>().ok()?)?;
            offset_within(value.span().start, value, rest)
        }
        _ => None,
    }
}

/// The end of a message about a name that is not known: asks whether the nearest that is was meant; empty if none is near.
pub fn did_you_mean<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(found, known).map_or(String::new(), |meant| format!("; did you mean `{meant}`?"))
}

/// The known name that is fewest edits away, if it is near enough to have been meant.
pub fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let edits = |name: &str| strsim::damerau_levenshtein(found, name);
    let nearest = known.into_iter().min_by_key(|name| edits(name))?;
    (edits(nearest) <= nearest.len().div_ceil(3)).then_some(nearest)
}

/// The expected name that was meant, in serde's "unknown field `a`, expected one of `b`, `c`"; of variants likewise.
fn name_meant(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("unknown field ").or_else(|| message.strip_prefix("unknown variant "))?;
    let mut names = rest.split('`').skip(1).step_by(2);
    nearest(names.next()?, names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_offered_only_if_near() {
        assert_eq!(nearest("cleints", ["plan", "clients", "clients_per_key"]), Some("clients"));
        assert_eq!(nearest("openai_python", ["openai-node", "openai-python"]), Some("openai-python"));
        assert_eq!(nearest("zzz", ["plan", "clients"]), None);
    }

    #[test]
    fn a_place_is_named_by_its_path() {
        let text = "a = 1\n[[b]]\nx = { y = 2 }\n[[b]]\nx = { y = 3 }\n[c.d]\ne = 4\n";
        for (mark, path) in [("3", "b.1.x.y"), ("a", "a"), ("4", "c.d.e"), ("e", "c.d.e")] {
            assert_eq!(field_at(text, text.find(mark).unwrap()).as_deref(), Some(path));
        }
        assert_eq!(field_at("not TOML", 0), None);
    }
}
