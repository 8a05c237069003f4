//! The list of all mutants, made from the engine's code.

use crate::mutant::{Mutant, Site};
use crate::sources::{self, Source};
use crate::walk::{self, Names};
use crate::worlds::Presence;
use anyhow::{Context, Result};
use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;

/// The text of a file.
#[derive(Debug)]
pub(crate) struct Text {
    /// Its path from the engine's folder.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// The engine's code and what may be changed in it.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) sources: Vec<Text>,
    pub(crate) sites: Vec<Site>,
    /// By file, bytes that the copy leaves out.
    pub(crate) left_out: Vec<Vec<Range<usize>>>,
    /// By number.
    pub(crate) mutants: Vec<Mutant>,
}

impl Plan {
    /// Reads the engine in this folder.
    pub(crate) fn of(engine: &Path) -> Result<Self> {
        let sources = sources::read(engine, "src")?;
        let tests = sources::read(engine, "tests")?;
        let names = Names {
            needed_by_constants: sources::needed_by_constants(sources.iter().chain(&tests)),
            attempts: sources::attempts(&sources),
        };
        let mut plan = Self {
            sites: Vec::new(),
            left_out: vec![Vec::new(); sources.len()],
            mutants: Vec::new(),
            sources: sources.iter().map(|of| Text { path: of.path.clone(), text: of.text.clone() }).collect(),
        };
        for (path, presence) in files(&sources)? {
            let file = sources.iter().position(|source| source.path == path).expect("listed from these");
            let found = walk::find(file, &sources[file], presence, &names);
            plan.left_out[file] = found.left_out;
            plan.sites.extend(found.sites);
        }
        plan.number();
        Ok(plan)
    }

    /// Numbers the changes, from 1 on: 0 is no mutant.
    fn number(&mut self) {
        self.sites
            .sort_by_key(|site| (site.file, site.range.start, std::cmp::Reverse(site.range.end), site.form));
        let mut seen: HashMap<_, usize> = HashMap::new();
        for site in &mut self.sites {
            site.first = self.mutants.len() as u32 + 1;
            for change in &site.changes {
                let file = self.sources[site.file].path.trim_start_matches("src/").to_owned();
                let (original, mutant) = change.shown.clone();
                let nth = seen
                    .entry((file.clone(), site.item.clone(), original.clone(), mutant.clone()))
                    .or_default();
                *nth += 1;
                self.mutants.push(Mutant {
                    id: self.mutants.len() as u32 + 1,
                    file,
                    line: site.line,
                    column: site.column,
                    item: site.item.clone(),
                    kind: change.kind,
                    original,
                    mutant,
                    nth: *nth,
                });
            }
        }
    }

    /// A mutant by its number.
    pub(crate) fn mutant(&self, id: u32) -> &Mutant {
        &self.mutants[id as usize - 1]
    }

    /// The site of a mutant.
    pub(crate) fn site_of(&self, id: u32) -> &Site {
        self.sites.iter().find(|site| site.ids().contains(&id)).expect("every number is of a site")
    }
}

/// The files of the library, tests aside, with the builds they are in.
fn files(sources: &[Source]) -> Result<Vec<(String, Presence)>> {
    let mut files = Vec::new();
    let mut open = vec![("src/lib.rs".to_owned(), Presence::EVERYWHERE)];
    while let Some((path, presence)) = open.pop() {
        let source = sources
            .iter()
            .find(|source| source.path == path)
            .with_context(|| format!("{path} is missing"))?;
        let folder = if path == "src/lib.rs" { "src" } else { path.trim_end_matches(".rs") };
        for (module, within) in walk::modules(source) {
            let presence = Presence {
                ships: presence.ships && within.ships,
                portable: presence.portable && within.portable,
                loom: presence.loom && within.loom,
            };
            if presence.is_shipped() {
                open.push((format!("{folder}/{module}.rs"), presence));
            }
        }
        files.push((path, presence));
    }
    files.sort_by(|one, other| one.0.cmp(&other.0));
    let distinct: BTreeSet<_> = files.iter().map(|(path, _)| path).collect();
    anyhow::ensure!(distinct.len() == files.len(), "a file is a module twice");
    Ok(files)
}
