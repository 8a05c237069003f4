//! Why a plan was refused.

use crate::plan::limit::{Burst, Span};
use std::fmt;
use std::sync::Arc;

/// A plan that cannot be made. Trying again does not help: the numbers must change.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum PlanError {
    /// The name is empty.
    EmptyName,
    /// The amount of a limit is zero or larger than a record can count.
    Amount {
        /// The plan's name.
        plan: Arc<str>,
        /// The limit's name, such as `requests_per_minute`.
        field: Arc<str>,
        /// What was given.
        found: u64,
        /// The largest amount this limit can have, at its burst fraction.
        max: u64,
    },
    /// The window is shorter than 1 ms or longer than 400 days.
    Window {
        /// The plan's name.
        plan: Arc<str>,
        /// The limit's name.
        field: Arc<str>,
    },
    /// The burst fraction is not a number from 0 to 10.
    Burst {
        /// The plan's name.
        plan: Arc<str>,
        /// What was given.
        found: f64,
    },
    /// A limit's own name is not one or more printable ASCII characters without `"` and `\\`, as a header
    /// field wants it.
    LimitName {
        /// The plan's name.
        plan: Arc<str>,
        /// What was given.
        found: Arc<str>,
    },
    /// Two windows, or two days, for the same unit.
    Twice {
        /// The plan's name.
        plan: Arc<str>,
        /// The second limit's name.
        field: Arc<str>,
    },
}

impl PlanError {
    /// The field at fault: `name`, `burst`, or the limit's name.
    pub fn field(&self) -> &str {
        match self {
            Self::EmptyName | Self::LimitName { .. } => "name",
            Self::Burst { .. } => "burst",
            Self::Amount { field, .. } | Self::Window { field, .. } | Self::Twice { field, .. } => field,
        }
    }
}

impl fmt::Display for PlanError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyName => write!(f, "a plan's `name` must not be empty"),
            Self::Amount { plan, field, found, max } => {
                write!(f, "plan `{plan}`: `{field}` must be an amount from 1 to {max}, found {found}")
            }
            Self::Window { plan, field } => write!(
                f,
                "plan `{plan}`: `{field}` must have a window from 1 ms to {} days",
                Span::MAX_WINDOW.as_secs_ceil() / 86_400
            ),
            Self::Burst { plan, found } => write!(
                f,
                "plan `{plan}`: `burst` must be a fraction from 0 to {}, found {found} (20 % is written 0.20)",
                Burst::MAX
            ),
            Self::LimitName { plan, found } => write!(
                f,
                "plan `{plan}`: a limit's `name` must be printable ASCII without `\"` and `\\`, found {found:?}"
            ),
            Self::Twice { plan, field } => write!(
                f,
                "plan `{plan}`: `{field}` is a second limit of its kind; a plan has one sliding window and one day \
                 quota for each unit"
            ),
        }
    }
}

impl std::error::Error for PlanError {}

/// The limiter has no room for another distinct plan.
///
/// Plans are kept for the limiter's lifetime, equal ones once; see `Builder::max_plans`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlansFull {
    /// How many distinct plans the limiter was built for.
    pub max_plans: usize,
}

impl fmt::Display for PlansFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the limiter holds {} distinct plans already, as many as it was built for", self.max_plans)
    }
}

impl std::error::Error for PlansFull {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_its_plan_and_its_field_and_what_would_be_right() {
        let (plan, field): (Arc<str>, Arc<str>) = ("p".into(), "tokens_per_day".into());
        let same = || (plan.clone(), field.clone());
        let amount = PlanError::Amount { plan: same().0, field: same().1, found: 9, max: 8 };
        let window = PlanError::Window { plan: same().0, field: same().1 };
        let twice = PlanError::Twice { plan: same().0, field: same().1 };
        let burst = PlanError::Burst { plan: same().0, found: 11.0 };
        let name = PlanError::LimitName { plan: same().0, found: "ü".into() };
        for (error, field, text) in [
            (PlanError::EmptyName, "name", "a plan's `name` must not be empty"),
            (amount, "tokens_per_day", "plan `p`: `tokens_per_day` must be an amount from 1 to 8, found 9"),
            (window, "tokens_per_day", "plan `p`: `tokens_per_day` must have a window from 1 ms to 400 days"),
            (
                burst,
                "burst",
                "plan `p`: `burst` must be a fraction from 0 to 10, found 11 (20 % is written 0.20)",
            ),
            (
                name,
                "name",
                "plan `p`: a limit's `name` must be printable ASCII without `\"` and `\\`, found \"ü\"",
            ),
            (
                twice,
                "tokens_per_day",
                "plan `p`: `tokens_per_day` is a second limit of its kind; a plan has one sliding window and one \
                 day quota for each unit",
            ),
        ] {
            assert_eq!((error.field(), error.to_string().as_str()), (field, text));
        }
        let full = PlansFull { max_plans: 3 }.to_string();
        assert_eq!(full, "the limiter holds 3 distinct plans already, as many as it was built for");
    }
}
