//! The summary as JSON.
use super::tally::Report;
pub(super) fn render(report: &Report<'_>) -> anyhow::Result<String> {
    Ok(format!("{report:#?}\n"))
}
