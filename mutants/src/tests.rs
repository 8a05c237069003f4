//! The tests that a mutant meets, which of them can see it, and in which order.
//!
//! Without a mutant each test is run by itself once, and the copy notes which sites it comes by. A mutant then meets the
//! tests that come by its site, the quickest first.

use crate::copy::Program;
use crate::mutant::{Kind, Site};
use crate::run::{self, Answer, Limits, Task};
use crate::worlds::World;
use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The programs that hold tests, the quickest first: the build, and the name that cargo has for it.
pub(crate) const PROGRAMS: [(World, &str); 7] = [
    (World::Ships, "tidegate"),
    (World::Ships, "it"),
    (World::Ships, "no_surprises"),
    (World::Ships, "attacks"),
    (World::Ships, "linearizable"),
    (World::Loom, "tidegate"),
    (World::Portable, "tidegate"),
];

/// A test, and what it comes by.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Test {
    pub(crate) name: String,
    pub(crate) took: Duration,
    /// Sites, by the numbers of their first changes.
    reached: BTreeSet<u32>,
}

/// The tests of a program.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) world: World,
    pub(crate) program: Program,
    pub(crate) tests: Vec<Test>,
}

/// Tests of one program that are run together.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    pub(crate) world: World,
    pub(crate) program: &'a str,
    pub(crate) tests: Vec<&'a Test>,
}

/// What is remembered of a program's tests as long as the program is the same.
#[derive(Serialize, Deserialize)]
struct Remembered {
    length: u64,
    modified: Duration,
    tests: Vec<Test>,
}

impl Suite {
    /// Runs each test of a program by itself, without a mutant.
    pub(crate) fn of(
        world: World,
        program: Program,
        engine: &Path,
        folder: &Path,
        jobs: usize,
    ) -> Result<Self> {
        let memory = folder.join(format!("tests-{world:?}-{}.json", program.name).to_lowercase());
        let file = fs::metadata(&program.path)?;
        let (length, modified) = (file.len(), file.modified()?.duration_since(std::time::UNIX_EPOCH)?);
        let known =
            fs::read_to_string(&memory).ok().and_then(|text| serde_json::from_str::<Remembered>(&text).ok());
        if let Some(known) = known.filter(|known| (known.length, known.modified) == (length, modified)) {
            return Ok(Self { world, program, tests: known.tests });
        }
        let names = Mutex::new(names(&program, world)?.into_iter().collect::<VecDeque<_>>());
        let tests = Mutex::new(Vec::new());
        let work = |job: usize| -> Result<()> {
            let trace = folder.join(format!("trace-{job}"));
            loop {
                let name = names.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                let Some(name) = name else { return Ok(()) };
                let test = traced(&program, name, engine, &trace)?;
                tests.lock().unwrap_or_else(PoisonError::into_inner).push(test);
            }
        };
        std::thread::scope(|scope| {
            let work = &work;
            let workers: Vec<_> = (0..jobs).map(|job| scope.spawn(move || work(job))).collect();
            workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
        })?;
        let tests = tests.into_inner().unwrap_or_else(PoisonError::into_inner);
        let remembered = Remembered { length, modified, tests };
        fs::write(memory, serde_json::to_string(&remembered)?)?;
        Ok(Self { world, program, tests: remembered.tests })
    }
}

/// The names of a program's tests, those aside that are run by hand.
fn names(program: &Program, world: World) -> Result<Vec<String>> {
    let list = |more: &[&str]| -> Result<BTreeSet<String>> {
        let output = Command::new(&program.path).args(["--list", "--format", "terse"]).args(more).output()?;
        let text = String::from_utf8_lossy(&output.stdout);
        Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
    };
    let is_run = |name: &String| world != World::Loom || name.contains("loom");
    let ignored = list(&["--ignored"])?;
    Ok(list(&[])?.into_iter().filter(|name| !ignored.contains(name)).filter(is_run).collect())
}

fn traced(program: &Program, name: String, engine: &Path, trace: &PathBuf) -> Result<Test> {
    let _ = fs::remove_file(trace);
    let start = Instant::now();
    let task = Task {
        program,
        names: &[&name],
        engine,
        mutant: 0,
        trace: Some(trace),
        limits: Limits::of_baseline(),
    };
    let mut answer = run::run(&task)?;
    if answer != Answer::Passed {
        // Races may need another try: see `session::meet`.
        answer = run::run(&task)?;
    }
    ensure!(answer == Answer::Passed, "without a mutant: {answer:?}");
    let took = start.elapsed();
    let reached = fs::read_to_string(trace).with_context(|| format!("{name} leaves no trace"))?;
    Ok(Test { name, took, reached: reached.lines().filter_map(|line| line.parse().ok()).collect() })
}

/// The tests that may see a change of this kind at this site, in the order in which it meets them.
pub(crate) fn meeting<'a>(suites: &'a [Suite], site: &Site, kind: Kind, alone: bool) -> Vec<Batch<'a>> {
    let mut batches = Vec::new();
    for (round, (from, to)) in ROUNDS.into_iter().enumerate() {
        for suite in suites.iter().filter(|suite| is_met(suite.world, site)) {
            let comes_by = |test: &&Test| site.constant || test.reached.contains(&site.first);
            let is_due = |test: &&Test| (from..to).contains(&(test.took.as_millis() as u64));
            let tests: Vec<_> = suite.tests.iter().filter(is_due).filter(comes_by).collect();
            if !tests.is_empty() {
                let batch = Batch { world: suite.world, program: &suite.program.name, tests };
                batches.push((round, batch));
            }
        }
    }
    if alone {
        // A build costs more than any tests: all of one program before the next.
        let place = |world, program: &str| PROGRAMS.iter().position(|known| *known == (world, program));
        batches.sort_by_key(|(round, batch)| (place(batch.world, batch.program), *round));
    }
    if matches!(kind, Kind::Ordering | Kind::Retry) {
        // x86-64 orders more than the code asks for: of these loom sees most.
        batches.sort_by_key(|(_, batch)| batch.world != World::Loom);
    }
    batches.into_iter().map(|(_, batch)| batch).collect()
}

/// Tests are met in rounds, by how many milliseconds they take.
const ROUNDS: [(u64, u64); 4] = [(0, 30), (30, 200), (200, 1_000), (1_000, u64::MAX)];

fn is_met(world: World, site: &Site) -> bool {
    match world {
        World::Ships => !site.portable_only,
        World::Loom => site.in_loom,
        World::Portable => site.portable_only,
    }
}
