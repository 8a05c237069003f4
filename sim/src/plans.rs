//! Plans from a TOML file.
//!
//! The built-in plans are always known; a file adds others, or defines one of them anew. What is wrong with a file
//! is told with its line and the field.

use serde::Deserialize;
use std::fmt;
use std::path::Path;
use tidegate::Plan;
use tidegate::config::Plans;
pub use tidegate_faults::TomlError;
use tidegate_faults::{TomlText, did_you_mean, excerpt};

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
        write!(f, "no plan is named `{}`; known are {}", excerpt(&self.name), known.join(", "))?;
        f.write_str(&did_you_mean(&self.name, self.known.iter().map(String::as_str)))
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
        let text = tidegate_faults::read(path)?;
        Ok(Self::parse(&name, &text)?)
    }

    /// The built-in plans and those of a text; `file` is its name in errors.
    pub fn parse(file: &str, text: &str) -> Result<Self, TomlError> {
        let text = TomlText::new(file, text);
        let parsed: PlansFile = text.parse()?;
        let mut set = Self::built_in();
        for plan in parsed.plans.build().map_err(|error| text.error_of(&error.path(), error.to_string()))? {
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

#[cfg(test)]
mod tests;
