//! The summary that a person reads.
use super::tally::Report;
pub(super) fn render(report: &Report<'_>) -> String {
    format!("{report:#?}\n")
}
