//! What is wrong with a scenario, and where.

use crate::toml_text::{field_at, line_of, name_meant, nearest, offset_of};
use std::fmt;
use std::ops::Range;
use tidegate::config::PathPart;

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
        let hint = name_meant(&problem).map(|name| format!("; did you mean `{name}`?"));
        let place = match error.span() {
            // What the top level lacks is at none of its fields.
            Some(span) if span.start == 0 && problem.starts_with("missing") => Place::Whole,
            Some(span) => Place::Offset(span.start),
            None => Place::Whole,
        };
        self.error(Fault { place, problem: problem + &hint.unwrap_or_default() })
    }

    /// A fault with its line and its field's path.
    pub(super) fn error(&self, fault: Fault) -> ScenarioError {
        // Not TOML, if the parser has refused it as such: then there are no fields.
        let (at, field) = match fault.place {
            Place::Whole => (0, None),
            Place::Offset(at) => (at, field_at(&self.text, at)),
            Place::Path(path) => {
                let names: Vec<_> = path.iter().map(ToString::to_string).collect();
                (offset_of(&self.text, &path).unwrap_or(0), Some(names.join(".")))
            }
        };
        ScenarioError {
            file: self.file.clone(),
            line: line_of(&self.text, at),
            field: field.unwrap_or_default(),
            problem: fault.problem,
        }
    }
}
