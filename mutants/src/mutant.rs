//! What a mutant is: one change at one site of the engine's code.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Range;

/// What is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// An atomic ordering is weakened.
    Ordering,
    /// A compare-and-swap, or what is built on one, is not tried again, or is taken for what it was not.
    Retry,
    /// A comparison or the end of a range is moved by one, or equality turned round.
    Boundary,
    /// A number is one more or one less.
    Literal,
    /// A comparison goes the other way.
    Comparison,
    /// Another operator of arithmetic or of bits.
    Arithmetic,
    /// `&&` for `||`, or a negation left out.
    Logic,
    /// A condition, or a guard of an arm, is always or never met, or met where it was not.
    Condition,
    /// Another method: `max` for `min`, a clamp left out, wrapping for saturating.
    Method,
    /// A whole function gives a constant.
    Body,
    /// A value is the other one: `false` for `true`, `None` for `Some`.
    Value,
    /// A statement is left out.
    Statement,
    /// An arm of a match, or a field beside `..base`, is left out.
    Arm,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.to_possible_value().expect("none is skipped").get_name())
    }
}

/// How a change is put in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    /// The whole body of a function, braces included.
    Body,
    /// A whole statement, which is left out.
    Statement,
    /// An expression.
    Expression,
    /// A place after an arm's pattern, for a guard that is never met.
    Guard,
    /// The place before a loop's last brace.
    LoopEnd,
    /// Something that only another text can stand for, such as a pattern.
    Text,
}

/// One change of a site.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    pub(crate) kind: Kind,
    /// What the site becomes.
    pub(crate) code: String,
    /// What is shown of it: before and after.
    pub(crate) shown: (String, String),
}

/// A piece of code, and what it is changed to.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    /// Which of the files.
    pub(crate) file: usize,
    /// Bytes of that file.
    pub(crate) range: Range<usize>,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) form: Form,
    /// The function or constant it is in.
    pub(crate) item: String,
    pub(crate) changes: Vec<Change>,
    /// The number of the first change; the others follow.
    pub(crate) first: u32,
    /// Evaluated by the compiler, so that a choice at run time is none.
    pub(crate) constant: bool,
    /// Only in the build with the 128-bit swap of other processors.
    pub(crate) portable_only: bool,
    /// Whether loom's build has it too.
    pub(crate) in_loom: bool,
}

impl Site {
    /// The numbers of its changes.
    pub(crate) fn ids(&self) -> Range<u32> {
        self.first..self.first + self.changes.len() as u32
    }
}

/// A mutant as it is named to people and in the report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Mutant {
    pub(crate) id: u32,
    pub(crate) file: String,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) item: String,
    pub(crate) kind: Kind,
    pub(crate) original: String,
    pub(crate) mutant: String,
    /// Which of several with the same names.
    pub(crate) nth: usize,
}

impl Mutant {
    /// What tells it from all others, also when lines have moved.
    pub(crate) fn key(&self) -> (&str, &str, &str, &str, usize) {
        (&self.file, &self.item, &self.original, &self.mutant, self.nth)
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, file, line, column, item, kind, original, mutant, .. } = self;
        write!(f, "{id:>5} {file}:{line}:{column} {kind} in {item}: `{original}` -> `{mutant}`")
    }
}
