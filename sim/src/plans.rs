//! Plans from a TOML file.
//!
//! The built-in plans are always known; a file adds others, or defines one of them anew. What is wrong with a file
//! is told with its line and the field.

use crate::toml_text;
use crate::trace::excerpt;
use anyhow::Context;
use serde::Deserialize;
use std::fmt;
use std::path::Path;
use tidegate::Plan;
use tidegate::config::{ConfigError, Plans};

/// The plans that a command knows, by name.
#[derive(Clone, Debug)]
pub struct PlanSet {
    plans: Vec<Plan>,
}

/// A plans file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlansFile {
    plans: Plans,
}

/// A plan that is not known by that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPlan {
    name: String,
    known: Vec<String>,
}

impl fmt::Display for UnknownPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known: Vec<_> = self.known.iter().map(|name| format!("`{name}`")).collect();
        write!(f, "no plan is named `{}`; known are {}", excerpt(&self.name), known.join(", "))
    }
}

impl std::error::Error for UnknownPlan {}

impl PlanSet {
    /// `free`, `pro` and `enterprise`.
    pub fn built_in() -> Self {
        Self { plans: Plan::built_in().into() }
    }

    /// The built-in plans and those of a file.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).with_context(|| name.clone())?;
        Ok(Self::parse(&name, &text)?)
    }

    /// The built-in plans and those of a text; `file` is its name in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, PlansFileError> {
        let parsed: PlansFile =
            toml::from_str(text).map_err(|error| PlansFileError::of_toml(file, text, &error))?;
        let mut set = Self::built_in();
        for plan in parsed.plans.build().map_err(|error| PlansFileError::of_plan(file, text, &error))? {
            match set.plans.iter_mut().find(|known| known.name() == plan.name()) {
                Some(known) => *known = plan,
                None => set.plans.push(plan),
            }
        }
        Ok(set)
    }

    /// A plan's place in the set, by its name.
    pub fn find(&self, name: &str) -> Result<usize, UnknownPlan> {
        self.plans.iter().position(|plan| plan.name() == name).ok_or_else(|| UnknownPlan {
            name: name.to_owned(),
            known: self.plans.iter().map(|plan| plan.name().to_owned()).collect(),
        })
    }

    /// How many plans there are.
    #[expect(clippy::len_without_is_empty, reason = "the built-in plans are always there")]
    pub fn len(&self) -> usize {
        self.plans.len()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Plan> {
        self.plans.iter()
    }

    /// The plan at a place given by [`find`](Self::find).
    pub fn plan(&self, place: usize) -> &Plan {
        &self.plans[place]
    }

    /// Its name.
    pub fn name(&self, place: usize) -> &str {
        self.plans[place].name()
    }
}

/// A plans file that cannot be used; it must be changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlansFileError {
    file: String,
    line: Option<usize>,
    /// The path of keys to the field, such as `plans.gold.burst`; empty if the file is not TOML.
    field: String,
    problem: String,
}

impl fmt::Display for PlansFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(f, ", line {line}")?;
        }
        if !self.field.is_empty() {
            write!(f, ", `{}`", self.field)?;
        }
        write!(f, ": {}", self.problem)
    }
}

impl std::error::Error for PlansFileError {}

impl PlansFileError {
    /// What the reader of TOML found, at the innermost field around it.
    fn of_toml(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map(|span| span.start);
        let field = at.and_then(|at| toml_text::field_at(text, at)).unwrap_or_default();
        let mut problem = error.message().trim().replace('\n', "; ");
        if let Some(at) = at.filter(|_| field.is_empty()) {
            problem = format!("{problem} in `{}`", excerpt(toml_text::line_at(text, at).trim()));
        }
        if let Some(hint) = toml_text::name_meant(&problem) {
            problem = format!("{problem}; did you mean `{hint}`?");
        }
        Self { file: file.into(), line: at.map(|at| toml_text::line_of(text, at)), field, problem }
    }

    /// What is wrong with a plan as a whole, or with a number that only the plan can judge.
    fn of_plan(file: &str, text: &str, error: &ConfigError) -> Self {
        let path = error.path();
        let line = toml_text::offset_of(text, &path).map(|at| toml_text::line_of(text, at));
        let field = path.iter().map(ToString::to_string).collect::<Vec<_>>().join(".");
        Self { file: file.into(), line, field, problem: error.to_string() }
    }
}

#[cfg(test)]
mod tests;
