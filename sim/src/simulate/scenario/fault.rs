//! What is wrong with a scenario, and where.

use std::ops::Range;
use tidegate::config::PathPart;
use tidegate_faults::{TomlError, TomlText, did_you_mean};

/// What is made of a field, or what is wrong with it.
pub(super) type Resolved<T> = Result<T, Fault>;

/// Something wrong at a place of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    place: Place,
    problem: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
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
        self.problem.push_str(&did_you_mean(found, known));
        self
    }

    /// The fault with its line and its field's path.
    pub(super) fn within(self, text: TomlText<'_>) -> TomlError {
        match self.place {
            Place::Offset(at) => text.error_at(at, self.problem),
            Place::Path(path) => text.error_of(&path, self.problem),
        }
    }
}
