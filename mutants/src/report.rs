//! What became of each mutant: a file of JSON lines, and a table.

use crate::mutant::{Kind, Mutant};
use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table, presets};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write;
use std::path::Path;

/// What became of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// A test failed.
    Caught,
    /// A test did not end.
    Hung,
    /// The process of a test died.
    Died,
    /// The compiler found a constant that contradicts an assertion.
    Refused,
    /// Every test passed.
    Missed,
    /// It is no program.
    Unbuildable,
}

/// A line of the report.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    #[serde(flatten)]
    pub(crate) mutant: Mutant,
    pub(crate) outcome: Outcome,
    /// The stage and the test that noticed.
    pub(crate) killer: Option<String>,
    pub(crate) seconds: f64,
    /// Whether it was built by itself, because it cannot be chosen at run time.
    pub(crate) alone: bool,
}

/// Reads a report; none is an empty one.
pub(crate) fn read(path: &Path) -> Result<Vec<Line>> {
    let Ok(text) = fs::read_to_string(path) else { return Ok(Vec::new()) };
    let lines =
        text.lines().map(|line| serde_json::from_str(line).with_context(|| format!("in {}", path.display())));
    lines.collect()
}

/// Writes a report, by file and line.
pub(crate) fn write(path: &Path, lines: &[Line]) -> Result<()> {
    let mut file = fs::File::create(path).with_context(|| path.display().to_string())?;
    for line in lines {
        writeln!(file, "{}", serde_json::to_string(line)?)?;
    }
    Ok(())
}

/// The lines of before, those that are new in their place, in the order of the mutants there are now.
pub(crate) fn merged(before: Vec<Line>, new: Vec<Line>, mutants: &[Mutant]) -> Vec<Line> {
    let all = before.into_iter().chain(new);
    let mut known: HashMap<_, Line> = HashMap::new();
    for line in all {
        let (file, item, original, mutant, nth) = line.mutant.key();
        known.insert((file.to_owned(), item.to_owned(), original.to_owned(), mutant.to_owned(), nth), line);
    }
    let line_of = |mutant: &Mutant| {
        let (file, item, original, changed, nth) = mutant.key();
        let mut line = known
            .get(&(file.to_owned(), item.to_owned(), original.to_owned(), changed.to_owned(), nth))?
            .clone();
        line.mutant = mutant.clone();
        Some(line)
    };
    mutants.iter().filter_map(line_of).collect()
}

/// Counts of outcomes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) unbuildable: usize,
    pub(crate) caught: usize,
    pub(crate) hung: usize,
    pub(crate) missed: usize,
    pub(crate) explained: usize,
}

impl Counts {
    /// Programs that a test could tell from the engine.
    pub(crate) fn programs(self) -> usize {
        self.caught + self.missed
    }

    /// The share of them that one did.
    pub(crate) fn share(self) -> f64 {
        if self.programs() == 0 { 1.0 } else { self.caught as f64 / self.programs() as f64 }
    }
}

/// Counts all lines, those of one kind too; `is_explained` tells of survivors.
pub(crate) fn count(
    lines: &[Line],
    is_explained: impl Fn(&Line) -> bool,
) -> (BTreeMap<Kind, Counts>, Counts) {
    let (mut by_kind, mut all) = (BTreeMap::<_, Counts>::new(), Counts::default());
    for line in lines {
        for counts in [by_kind.entry(line.mutant.kind).or_default(), &mut all] {
            match line.outcome {
                Outcome::Unbuildable => counts.unbuildable += 1,
                Outcome::Missed => {
                    counts.missed += 1;
                    counts.explained += usize::from(is_explained(line));
                }
                outcome => {
                    counts.caught += 1;
                    counts.hung += usize::from(outcome == Outcome::Hung);
                }
            }
        }
    }
    (by_kind, all)
}

/// The table of a report.
pub(crate) fn table(by_kind: &BTreeMap<Kind, Counts>, all: Counts) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header([
        "kind",
        "programs",
        "caught",
        "of these hung",
        "missed",
        "explained",
        "caught, %",
        "no program",
    ]);
    let row = |name: String, counts: Counts| {
        let numbers = [counts.programs(), counts.caught, counts.hung, counts.missed, counts.explained];
        let mut row = vec![name];
        row.extend(numbers.map(|number| number.to_string()));
        row.extend([format!("{:.1}", counts.share() * 100.0), counts.unbuildable.to_string()]);
        row
    };
    for (kind, counts) in by_kind {
        table.add_row(row(kind.to_string(), *counts));
    }
    table.add_row(row("all".into(), all));
    table.column_iter_mut().skip(1).for_each(|column| column.set_cell_alignment(CellAlignment::Right));
    table
}
