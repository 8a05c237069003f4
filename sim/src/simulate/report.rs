//! `report.html`: one file that needs no other.

mod charts;
mod page;

use super::run::Outcome;
use super::scenario::Scenario;
use super::summary::Summary;
use anyhow::Context;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes the report beside its place and then moves it there, so that nobody ever sees half of one.
pub(crate) fn write(
    path: &Path,
    scenario: &Scenario,
    outcome: &Outcome,
    summary: &Summary,
) -> anyhow::Result<()> {
    let page = page::render(scenario, outcome, summary)?;
    let partial = partial(path);
    let written = fs::write(&partial, page).and_then(|()| fs::rename(&partial, path));
    written
        .inspect_err(|_| drop(fs::remove_file(&partial)))
        .with_context(|| format!("{}: the report cannot be written", path.display()))
}

/// A name in the same directory, since only within one file system is a rename whole. The process's number keeps
/// two runs apart.
fn partial(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.partial", std::process::id()));
    path.with_file_name(name)
}
