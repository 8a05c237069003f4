//! What is wrong with a scenario, and where.

use std::fmt;
use std::ops::Range;
use tidegate::config::PathPart;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Something wrong at a place of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    place: Place,
    problem: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// The file as a whole.
    Whole,
    Offset(usize),
    Path(Vec<PathPart>),
}

impl Fault {
    /// What is wrong with the value of a span.
    pub(super) fn new(span: Range<usize>, problem: impl Into<String>) -> Self {
        Self { place: Place::Offset(span.start), problem: problem.into() }
    }

    /// What is wrong with the value at a path of keys.
    pub(super) fn at_path(path: Vec<PathPart>, problem: String) -> Self {
        Self { place: Place::Path(path), problem }
    }

    /// Names what may have been meant.
    pub(super) fn suggesting<'a>(mut self, found: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        if let Some(nearest) = nearest(found, known) {
            self.problem.push_str(&format!("; did you mean `{nearest}`?"));
        }
        self
    }
}

/// A file's name and text.
#[derive(Debug)]
pub(super) struct Source {
    file: String,
    text: String,
}

/// A scenario that was refused: file, line, field, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ScenarioError {
    file: String,
    line: usize,
    /// The path of keys to the field, such as `population.0.clients`; empty if the file is not TOML.
    field: String,
    problem: String,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, field, problem } = self;
        write!(f, "{file}, line {line}")?;
        if !field.is_empty() {
            write!(f, ", `{field}`")?;
        }
        write!(f, ": {problem}")
    }
}

impl std::error::Error for ScenarioError {}

impl Source {
    pub(super) fn new(file: &str, text: &str) -> Self {
        Self { file: file.into(), text: text.into() }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What the parser refused, with the name nearest to one it does not know.
    pub(super) fn parse_error(&self, error: &toml::de::Error) -> ScenarioError {
        let problem = error.message().trim().replace('\n', "; ");
        // serde words it "unknown field `a`, expected one of `b`, `c`"; of variants likewise.
        let mut quoted = problem.split('`').skip(1).step_by(2).map(str::to_owned);
        let found = if problem.starts_with("unknown") { quoted.next() } else { None };
        let known: Vec<String> = quoted.collect();
        let place = match error.span() {
            // What the top level lacks is at none of its fields.
            Some(span) if span.start == 0 && problem.starts_with("missing") => Place::Whole,
            Some(span) => Place::Offset(span.start),
            None => Place::Whole,
        };
        let fault = Fault { place, problem };
        self.error(match found {
            Some(found) => fault.suggesting(&found, known.iter().map(String::as_str)),
            None => fault,
        })
    }

    /// A fault with its line and its field's path.
    pub(super) fn error(&self, fault: Fault) -> ScenarioError {
        // Valid TOML unless the parser has refused it as such; then there are no fields.
        let table = DeTable::parse(&self.text).ok();
        let table = table.as_ref().map(Spanned::get_ref);
        let (at, path) = match fault.place {
            Place::Whole => (0, Vec::new()),
            Place::Offset(at) => (at, table.map(|table| path_to(table, at)).unwrap_or_default()),
            Place::Path(path) => {
                let at = table.map_or(0, |table| offset_of(table, &path));
                (at, path.iter().map(ToString::to_string).collect())
            }
        };
        let line =
            self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count() + 1;
        ScenarioError { file: self.file.clone(), line, field: path.join("."), problem: fault.problem }
    }
}

/// The keys down to the innermost one that is at a place of the text, or whose value holds it.
fn path_to(table: &DeTable<'_>, at: usize) -> Vec<String> {
    let mut path = Vec::new();
    descend_table(table, at, &mut path);
    path
}

/// Says whether anything of a table is at the place. The span of a `[table]` is that of its header, so every child
/// is asked.
fn descend_table(table: &DeTable<'_>, at: usize, path: &mut Vec<String>) -> bool {
    table.iter().any(|(key, value)| {
        within(path, key.get_ref().to_string(), |path| descend(value, at, path) || key.span().contains(&at))
    })
}

fn descend(value: &Spanned<DeValue<'_>>, at: usize, path: &mut Vec<String>) -> bool {
    let deeper = match value.get_ref() {
        DeValue::Table(table) => descend_table(table, at, path),
        DeValue::Array(items) => items
            .iter()
            .enumerate()
            .any(|(index, item)| within(path, index.to_string(), |path| descend(item, at, path))),
        _ => false,
    };
    deeper || value.span().contains(&at)
}

/// Goes a step down the path, and back unless the place was found there.
fn within(path: &mut Vec<String>, step: String, found: impl FnOnce(&mut Vec<String>) -> bool) -> bool {
    path.push(step);
    let found = found(path);
    if !found {
        path.pop();
    }
    found
}

/// Where the value at a path begins; where what surrounds it does, if the last steps are not written.
fn offset_of(table: &DeTable<'_>, path: &[PathPart]) -> usize {
    let mut at = 0;
    let mut value: Option<&Spanned<DeValue<'_>>> = None;
    for part in path {
        let next = match (part, value.map(Spanned::get_ref)) {
            (PathPart::Name(name), None) => table.get(name.as_str()),
            (PathPart::Name(name), Some(DeValue::Table(table))) => table.get(name.as_str()),
            (PathPart::Place(place), Some(DeValue::Array(items))) => items.get(*place),
            _ => None,
        };
        let Some(next) = next else { break };
        (at, value) = (next.span().start, Some(next));
    }
    at
}

/// The known name that is fewest edits away, if it is near enough to have been meant.
fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let edits = |name: &str| strsim::damerau_levenshtein(found, name);
    let nearest = known.into_iter().min_by_key(|name| edits(name))?;
    (edits(nearest) <= nearest.len().div_ceil(3)).then_some(nearest)
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
        let table = DeTable::parse(text).unwrap();
        for (mark, path) in [("3", "b.1.x.y"), ("a", "a"), ("4", "c.d.e"), ("e", "c.d.e")] {
            assert_eq!(path_to(table.get_ref(), text.find(mark).unwrap()).join("."), path);
        }
    }
}
