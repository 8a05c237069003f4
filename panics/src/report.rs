//! What was found, in words for a person.

use crate::program::Program;
use crate::walk::{Finding, Walk};
use addr2line::Loader;
use std::path::Path;

/// The lines of source that instructions come from.
pub(crate) struct Sources(Loader);

impl Sources {
    /// The sources of a program.
    pub(crate) fn of(path: &Path) -> anyhow::Result<Self> {
        let lines = Loader::new(path).map_err(|error| anyhow::anyhow!("no line numbers: {error}"))?;
        Ok(Self(lines))
    }

    /// The function and line of an instruction, and those that it was inlined into.
    pub(crate) fn frames(&self, address: u64) -> Vec<String> {
        let mut lines = Vec::new();
        let Ok(mut frames) = self.0.find_frames(address) else { return lines };
        while let Ok(Some(frame)) = frames.next() {
            let name = frame.function.and_then(|name| Some(name.demangle().ok()?.into_owned()));
            let place = frame.location.and_then(|place| Some(format!("{}:{}", place.file?, place.line?)));
            lines.push(format!("{} at {}", name.unwrap_or_default(), place.unwrap_or_default()));
        }
        lines
    }
}

/// Tells one finding: what, where in the source, and on which way.
pub(crate) fn tell(program: &Program<'_>, walk: &Walk, finding: &Finding, frames: &[String]) {
    println!("FOUND {}", finding.kind.in_words(program));
    for frame in frames {
        println!("    {frame}");
    }
    let name = |address: &u64| program.function_at(*address).map_or("?", |(_, function)| &function.name);
    let way: Vec<_> = walk.way_to(finding.function).iter().map(name).collect();
    println!("    way: {}", way.join(" > "));
}

/// Tells how much was looked at.
pub(crate) fn sum_up(entries: &[(u64, &str)], walk: &Walk) {
    println!(
        "looked at {} instructions of {} functions that {} entries reach; {} jumps by tables; libraries: {}",
        walk.instructions,
        walk.reached.len(),
        entries.len(),
        walk.tables,
        walk.imports.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
    );
}
