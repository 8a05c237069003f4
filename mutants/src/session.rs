//! A whole run: the copy is made and built, the mutants are tried, two at a time.

use crate::copy::{Built, CompilerError, Copy, Effort, Program};
use crate::mutant::Site;
use crate::plan::Plan;
use crate::report::{Line, Outcome};
use crate::run::{self, Answer, Limits, Task};
use crate::splice::{self, CHOICE, Spliced};
use crate::tests::{self, Batch, PROGRAMS, Suite};
use crate::worlds::World;
use anyhow::{Context, Result, bail, ensure};
use std::collections::{BTreeSet, VecDeque};
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What a run goes by.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    root: &'a Path,
    /// Where copies, builds and the report are.
    folder: PathBuf,
    plan: &'a Plan,
    /// Gets a line for each mutant as soon as it has been tried.
    progress: PathBuf,
    jobs: usize,
    /// Tests that take longer are left out.
    longest: Duration,
}

/// The copy that holds every change that can be chosen at run time.
#[derive(Debug)]
struct Together {
    copy: Copy,
    suites: Vec<Suite>,
    /// Those that have to be built alone.
    alone: BTreeSet<u32>,
    /// Those that are no programs.
    unbuildable: BTreeSet<u32>,
}

/// Which mutants an error of the compiler is about.
struct Blamed {
    /// The change itself does not compile.
    itself: BTreeSet<u32>,
    /// The choice between changes does not.
    choice: BTreeSet<u32>,
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        root: &'a Path,
        folder: PathBuf,
        plan: &'a Plan,
        progress: PathBuf,
        jobs: usize,
        longest: Duration,
    ) -> Self {
        Self { root, folder, plan, progress, jobs, longest }
    }

    /// Tries these mutants.
    pub(crate) fn run(&self, ids: &BTreeSet<u32>) -> Result<Vec<Line>> {
        let together = self.together()?;
        let left = Mutex::new(self.in_order(ids, &together));
        let lines = Mutex::new(Vec::new());
        let log = Mutex::new(File::create(&self.progress)?);
        let start = Instant::now();
        // Made before the first mutant, so that the code may be changed again meanwhile.
        let copies: Vec<_> = (0..self.jobs)
            .map(|job| self.copy(&format!("alone-{job}"), Effort::Build))
            .collect::<Result<_>>()?;
        let work = |job: usize| -> Result<()> {
            while let Some(id) = take(&left) {
                let line = self.try_one(id, &together, &copies[job])?;
                writeln!(lock(&log), "{}", serde_json::to_string(&line)?)?;
                let mut lines = lock(&lines);
                lines.push(line);
                tell(&lines, ids.len(), start);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let work = &work;
            let workers: Vec<_> = (0..self.jobs).map(|job| scope.spawn(move || work(job))).collect();
            workers.into_iter().try_for_each(|worker| worker.join().expect("a worker does not panic"))
        })?;
        Ok(lines.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// The kinds that are asked for by name first, and what has to be built alone last.
    fn in_order(&self, ids: &BTreeSet<u32>, together: &Together) -> VecDeque<u32> {
        let mut ids: Vec<_> = ids.iter().copied().collect();
        ids.sort_by_key(|id| {
            (self.plan.site_of(*id).constant || together.alone.contains(id), self.plan.mutant(*id).kind)
        });
        ids.into()
    }

    fn try_one(&self, id: u32, together: &Together, copy: &Copy) -> Result<Line> {
        let start = Instant::now();
        let site = self.plan.site_of(id);
        let mutant = self.plan.mutant(id).clone();
        let alone = site.constant || together.alone.contains(&id);
        let (outcome, killer) = if together.unbuildable.contains(&id) {
            (Outcome::Unbuildable, None)
        } else if alone {
            self.try_alone(id, site, copy, together)?
        } else {
            self.try_together(id, site, together)?
        };
        Ok(Line { mutant, outcome, killer, seconds: start.elapsed().as_secs_f64(), alone })
    }

    fn try_together(&self, id: u32, site: &Site, together: &Together) -> Result<(Outcome, Option<String>)> {
        let engine = together.copy.engine();
        for batch in tests::meeting(&together.suites, site, self.plan.mutant(id).kind, false) {
            let suite = together.suites.iter().find(|suite| is_of(&batch, suite.world, &suite.program));
            let program = &suite.context("a batch is of a suite")?.program;
            let answer = meet(&batch, program, &engine, id)?;
            if answer != Answer::Passed {
                return Ok(outcome(answer, &batch));
            }
        }
        Ok((Outcome::Missed, None))
    }

    /// Builds a mutant by itself, one program of tests after the other.
    fn try_alone(
        &self,
        id: u32,
        site: &Site,
        copy: &Copy,
        together: &Together,
    ) -> Result<(Outcome, Option<String>)> {
        let source = &self.plan.sources[site.file];
        let path = format!("engine/{}", source.path);
        copy.write(&path, &splice::single(self.plan, id))?;
        let batches = tests::meeting(&together.suites, site, self.plan.mutant(id).kind, true);
        let tried = try_built(&batches, copy);
        copy.write(&path, &source.text)?;
        tried
    }

    fn copy(&self, name: &str, effort: Effort) -> Result<Copy> {
        Copy::of(self.root, self.folder.join(name), self.folder.join(format!("{name}-builds")), effort)
    }

    /// Makes the copy with all changes, builds it, and runs all tests without any of them.
    fn together(&self) -> Result<Together> {
        let copy = self.copy("together", Effort::Run)?;
        let (alone, unbuildable) = self.settle_on_changes(&copy)?;
        let mut programs = Vec::new();
        for (world, what) in [(World::Ships, "--tests"), (World::Loom, "--lib"), (World::Portable, "--lib")] {
            eprintln!("builds all changes at once ({world:?})");
            match copy.build(world, &[what])? {
                Built::Programs(built) => programs.extend(built.into_iter().map(|program| (world, program))),
                Built::Not(errors) => bail!("{}", errors[0].text),
            }
        }
        let mut suites = Vec::new();
        for (world, name) in PROGRAMS {
            let start = Instant::now();
            let program = programs.iter().find(|(built, program)| *built == world && program.name == name);
            let (_, program) = program.with_context(|| format!("there is no program {name}"))?;
            let mut suite = Suite::of(world, program.clone(), &copy.engine(), &self.folder, self.jobs)?;
            let slowest = suite.tests.iter().max_by_key(|test| test.took);
            if let Some(slowest) = slowest {
                eprintln!("the slowest is {}, {:.1} s", slowest.name, slowest.took.as_secs_f64());
            }
            let (count, seconds) = (suite.tests.len(), start.elapsed().as_secs_f64());
            eprintln!("{count} tests of `{name}` ({world:?}) hold without a mutant, {seconds:.0} s");
            suite.tests.retain(|test| test.took <= self.longest);
            suites.push(suite);
        }
        Ok(Together { copy, suites, alone, unbuildable })
    }

    /// Leaves changes out until the compiler takes the rest.
    fn settle_on_changes(&self, copy: &Copy) -> Result<(BTreeSet<u32>, BTreeSet<u32>)> {
        let (mut alone, mut unbuildable) = (BTreeSet::new(), BTreeSet::new());
        loop {
            let without: BTreeSet<_> = alone.union(&unbuildable).copied().collect();
            let spliced: Vec<_> =
                (0..self.plan.sources.len()).map(|file| splice::all(self.plan, file, &without)).collect();
            for (source, spliced) in self.plan.sources.iter().zip(&spliced) {
                let choice = if source.path == "src/lib.rs" { CHOICE } else { "" };
                copy.write(&format!("engine/{}", source.path), &format!("{}{choice}", spliced.text))?;
            }
            let mut errors = Vec::new();
            for world in [World::Ships, World::Loom, World::Portable] {
                if let Built::Not(more) = copy.check(world)? {
                    errors.extend(more);
                    break;
                }
            }
            if errors.is_empty() {
                return Ok((alone, unbuildable));
            }
            let before = alone.len() + unbuildable.len();
            for error in &errors {
                let blamed = self.blame(error, &spliced, &without)?;
                unbuildable.extend(blamed.itself);
                alone.extend(blamed.choice);
            }
            alone.retain(|id| !unbuildable.contains(id));
            eprintln!("{} changes do not compile beside others", alone.len() + unbuildable.len());
            ensure!(
                alone.len() + unbuildable.len() > before,
                "no change is to blame for:\n{}",
                errors[0].text
            );
        }
    }

    /// The changes within which the error lies; else those of the innermost site around it that has any left; else
    /// all within it.
    fn blame(&self, error: &CompilerError, spliced: &[Spliced], without: &BTreeSet<u32>) -> Result<Blamed> {
        let mut blamed = Blamed { itself: BTreeSet::new(), choice: BTreeSet::new() };
        for (file, place) in &error.places {
            let file = file.strip_prefix("engine/").unwrap_or(file);
            let Some(file) = self.plan.sources.iter().position(|source| source.path == *file) else {
                continue;
            };
            let around = |range: &Range<usize>| range.start <= place.start && place.end <= range.end;
            let within = |range: &Range<usize>| place.start <= range.start && range.end <= place.end;
            let has_changes = |first: u32| self.plan.site_of(first).ids().any(|id| !without.contains(&id));
            let Spliced { changes, sites, .. } = &spliced[file];
            let innermost = || {
                let sites = sites.iter().filter(|(first, range)| around(range) && has_changes(*first));
                sites.min_by_key(|(_, range)| range.len())
            };
            if let Some((id, _)) = changes.iter().find(|(_, range)| around(range)) {
                blamed.itself.insert(*id);
            } else if let Some((first, _)) = innermost() {
                blamed.choice.extend(self.plan.site_of(*first).ids());
            } else {
                blamed.choice.extend(changes.iter().filter(|(_, range)| within(range)).map(|(id, _)| *id));
            }
        }
        let is_any = !blamed.itself.is_empty() || !blamed.choice.is_empty();
        ensure!(is_any, "no change is to blame for:\n{}", error.text);
        Ok(blamed)
    }
}

fn try_built(batches: &[Batch<'_>], copy: &Copy) -> Result<(Outcome, Option<String>)> {
    let mut programs: Vec<(World, Program)> = Vec::new();
    for batch in batches {
        if !programs.iter().any(|(world, program)| is_of(batch, *world, program)) {
            let what: &[&str] =
                if batch.program == "tidegate" { &["--lib"] } else { &["--test", batch.program] };
            match copy.build(batch.world, what)? {
                Built::Programs(built) => {
                    programs.extend(built.into_iter().map(|program| (batch.world, program)))
                }
                Built::Not(errors) => return Ok(not_built(&errors)),
            }
        }
        let program = programs.iter().find(|(world, program)| is_of(batch, *world, program));
        let (_, program) = program.context("the program was built")?;
        let answer = meet(batch, program, &copy.engine(), 0)?;
        if answer != Answer::Passed {
            return Ok(outcome(answer, batch));
        }
    }
    Ok((Outcome::Missed, None))
}

fn is_of(batch: &Batch<'_>, world: World, program: &Program) -> bool {
    batch.world == world && batch.program == program.name
}

fn meet(batch: &Batch<'_>, program: &Program, engine: &Path, mutant: u32) -> Result<Answer> {
    let names: Vec<_> = batch.tests.iter().map(|test| test.name.as_str()).collect();
    let limits = Limits::of(batch.tests.iter().map(|test| test.took).sum());
    let task = Task { program, names: &names, engine, mutant, trace: None, limits };
    let answer = run::run(&task)?;
    let Answer::Failed(test) = &answer else { return Ok(answer) };
    if batch.program != RACES {
        return Ok(answer);
    }
    let again = run::run(&Task { names: &[test], ..task })?;
    Ok(if again == Answer::Passed { Answer::Passed } else { answer })
}

/// A program whose tests fail if their threads do not overlap, as may happen on a busy machine: they must fail twice.
const RACES: &str = "linearizable";

fn outcome(answer: Answer, batch: &Batch<'_>) -> (Outcome, Option<String>) {
    let (outcome, test) = match answer {
        Answer::Passed => return (Outcome::Missed, None),
        Answer::Failed(test) => (Outcome::Caught, test),
        Answer::Died(test) => (Outcome::Died, test),
        Answer::Hung(test) => (Outcome::Hung, test),
    };
    let program = match batch.world {
        World::Ships => batch.program,
        World::Loom => "loom",
        World::Portable => "portable",
    };
    (outcome, Some(format!("{program}: {test}")))
}

/// A constant that an assertion refuses is caught by the compiler; anything else is no program.
fn not_built(errors: &[CompilerError]) -> (Outcome, Option<String>) {
    if errors.iter().any(|error| error.code.as_deref() == Some("E0080")) {
        (Outcome::Refused, Some("the compiler".into()))
    } else {
        (Outcome::Unbuildable, None)
    }
}

fn take(left: &Mutex<VecDeque<u32>>) -> Option<u32> {
    lock(left).pop_front()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Says how far the run is.
fn tell(lines: &[Line], of: usize, start: Instant) {
    let line = &lines[lines.len() - 1];
    if line.outcome == Outcome::Missed {
        eprintln!("missed {}", line.mutant);
    }
    if lines.len().is_multiple_of(100) || lines.len() == of {
        let missed = lines.iter().filter(|line| line.outcome == Outcome::Missed).count();
        eprintln!("{} of {of}, {missed} missed, {:.0} s", lines.len(), start.elapsed().as_secs_f64());
    }
}
