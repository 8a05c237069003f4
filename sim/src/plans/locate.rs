//! Where in a TOML text a field stands.

use tidegate::config::PathPart;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The number of the line that holds a byte.
pub(super) fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The line that holds a byte.
pub(super) fn line_at(text: &str, at: usize) -> &str {
    text.lines().nth(line_of(text, at) - 1).unwrap_or_default()
}

/// The path of keys to the innermost field that holds a byte; `None` outside of all, or if this is not TOML.
pub(super) fn field_at(text: &str, at: usize) -> Option<String> {
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
pub(super) fn offset_of(text: &str, path: &[PathPart]) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let mut value = None;
    let mut within = Some(table.get_ref());
    let mut array = None;
    for part in path {
        let found: Option<&Spanned<DeValue<'_>>> = match part {
            PathPart::Name(name) => within.and_then(|table| table.get(name.as_str())),
            PathPart::Place(place) => array.and_then(|array: &toml::de::DeArray<'_>| array.get(*place)),
        };
        let Some(found) = found else { break };
        value = Some(found.span().start);
        within = found.get_ref().as_table();
        array = found.get_ref().as_array();
    }
    value
}
