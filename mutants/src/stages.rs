//! The tests that a mutant meets, and in which order.

use crate::copy::Program;
use crate::mutant::{Kind, Site};
use crate::worlds::World;
use std::time::Duration;

/// Tests that are run together.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) name: &'static str,
    pub(crate) world: World,
    /// The name of the program, as cargo has it.
    pub(crate) program: &'static str,
    pub(crate) arguments: &'static [&'static str],
}

const SKIPPED: &[&str] =
    &["--skip", "agreement::", "--skip", "guard::days::", "--skip", "guard::floods::", "--skip", "stress::"];

/// All stages, the cheapest first.
pub(crate) const ALL: [Stage; 8] = [
    Stage { name: "unit", world: World::Ships, program: "tidegate", arguments: &[] },
    Stage { name: "it", world: World::Ships, program: "it", arguments: SKIPPED },
    Stage { name: "agreement", world: World::Ships, program: "it", arguments: &["agreement::"] },
    Stage {
        name: "it-long",
        world: World::Ships,
        program: "it",
        arguments: &["guard::days::", "guard::floods::", "stress::"],
    },
    Stage { name: "no_alloc", world: World::Ships, program: "no_alloc", arguments: &[] },
    Stage { name: "attacks", world: World::Ships, program: "attacks", arguments: &[] },
    Stage { name: "loom", world: World::Loom, program: "tidegate", arguments: &["loom"] },
    Stage { name: "portable", world: World::Portable, program: "tidegate", arguments: &[] },
];

/// The stages that can see a change of this kind at this site.
pub(crate) fn of(site: &Site, kind: Kind) -> Vec<Stage> {
    let mut stages: Vec<_> = ALL.into_iter().filter(|stage| sees(stage, site)).collect();
    if matches!(kind, Kind::Ordering | Kind::Retry) {
        // x86-64 orders more than the code asks for: of these loom alone sees most.
        stages.sort_by_key(|stage| stage.world != World::Loom);
    }
    stages
}

fn sees(stage: &Stage, site: &Site) -> bool {
    match stage.world {
        World::Ships => !site.portable_only,
        World::Loom => site.in_loom,
        World::Portable => site.portable_only,
    }
}

/// How long the tests of a stage took without a mutant, and how long they may take with one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Of the processor: a loop that does not end uses it up.
    pub(crate) processor: Duration,
    /// Of the clock: threads that wait for each other use no processor.
    pub(crate) clock: Duration,
}

impl Limits {
    /// The limits of tests that took so long.
    pub(crate) fn after(taken: Duration) -> Self {
        let processor = taken * 3 + Duration::from_secs(3);
        Self { processor, clock: processor * 4 + Duration::from_secs(30) }
    }

    /// What the tests may take that show how long they take.
    pub(crate) fn of_baseline() -> Self {
        Self { processor: Duration::from_secs(600), clock: Duration::from_secs(900) }
    }
}

/// The program of a stage.
pub(crate) fn program<'a>(stage: &Stage, programs: &'a [(World, Program)]) -> Option<&'a Program> {
    let is_it = |(world, program): &&(World, Program)| *world == stage.world && program.name == stage.program;
    programs.iter().find(is_it).map(|(_, program)| program)
}
