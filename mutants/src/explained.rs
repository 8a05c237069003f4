//! The survivors that `docs/mutation.md` explains, read from there.
//!
//! ```text
//! - `table/slot.rs` `Slot::is_still`
//!   - `a < b` → `a <= b`, `a < b` → `a == b`: why no test can tell.
//!   - every `literal`: why.
//! ```

use crate::mutant::Mutant;
use crate::report::{Line, Outcome};

/// The heading below which survivors are explained.
const HEADING: &str = "## Survivors";

/// Some survivors with one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) file: String,
    pub(crate) item: String,
    pub(crate) change: Which,
}

/// Which changes of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// This one.
    Pair(String, String),
    /// All of a kind that survive.
    Every(String),
}

impl Entry {
    /// Whether this is about the mutant.
    pub(crate) fn covers(&self, mutant: &Mutant) -> bool {
        self.file == mutant.file
            && self.item == mutant.item
            && match &self.change {
                Which::Pair(original, changed) => *original == mutant.original && *changed == mutant.mutant,
                Which::Every(kind) => *kind == mutant.kind.to_string(),
            }
    }

    /// Whether nothing that it explains has survived, of what was run.
    pub(crate) fn is_stale(&self, lines: &[Line]) -> bool {
        !lines.iter().any(|line| line.outcome == Outcome::Missed && self.covers(&line.mutant))
    }
}

/// Reads the entries of the page.
pub(crate) fn read(page: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    let (mut file, mut item) = (String::new(), String::new());
    let lines =
        page.lines().skip_while(|line| *line != HEADING).skip(1).take_while(|line| !line.starts_with("## "));
    for line in lines {
        let codes: Vec<_> = line.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        if line.starts_with("- `") {
            [file, item] = [0, 1].map(|place| codes.get(place).cloned().unwrap_or_default());
        } else if let Some(rest) = line.strip_prefix("  - ") {
            let of = |change| Entry { file: file.clone(), item: item.clone(), change };
            if rest.starts_with("every `") {
                entries.extend(codes.first().map(|kind| of(Which::Every(kind.clone()))));
            } else {
                entries.extend(
                    pairs(rest).into_iter().map(|(original, changed)| of(Which::Pair(original, changed))),
                );
            }
        }
    }
    entries
}

/// The changes with which a line begins: code, an arrow, code.
fn pairs(line: &str) -> Vec<(String, String)> {
    let parts: Vec<_> = line.split('`').collect();
    let mut pairs = Vec::new();
    // Texts and codes in turn: text, original, arrow, changed, text …
    for place in (1..parts.len()).step_by(4) {
        match parts.get(place..place + 4) {
            Some([original, arrow, changed, after]) if arrow.trim() == "→" => {
                pairs.push(((*original).to_owned(), (*changed).to_owned()));
                if after.trim() != "," {
                    break;
                }
            }
            _ => break,
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_from_the_page() {
        let page = "# Page\n- `no.rs` `no`\n  - `a` → `b`: no\n\n## Survivors\n\nText.\n\n- `unit.rs` `Unit::of`\n  \
            - `a < b` → `a <= b`, `1` → `2`: the `same`.\n    More.\n  - every `literal`: because.\n\n## Next\n  - `x` → `y`: no\n";
        let of = |change| Entry { file: "unit.rs".into(), item: "Unit::of".into(), change };
        let pair = |original: &str, changed: &str| of(Which::Pair(original.into(), changed.into()));
        assert_eq!(read(page), [pair("a < b", "a <= b"), pair("1", "2"), of(Which::Every("literal".into()))]);
    }
}
