//! What the benchmark of the simulator drives: the pending set by itself, a world event by event, and a whole run.

use super::events::{Class, EventSet, Heap, Packed};
use super::grid::Grid;
use super::run::{self, Runs, empty};
use super::scenario::Scenario;
use super::summary::Summary;
use super::world::{Part, World};
use tidegate::Nanos;

/// The pending set that the simulator has.
#[derive(Debug, Default)]
pub struct Pending(EventSet);

impl Pending {
    /// Adds an event.
    #[inline]
    pub fn schedule(&mut self, time: Nanos, target: u32) {
        self.0.schedule(time, Class::Retry, target);
    }

    /// Takes the first event: when, and which.
    #[inline]
    pub fn take(&mut self) -> Option<(Nanos, u32)> {
        self.0.next().map(|event| (event.time, event.target))
    }
}

/// The other design: the heap that holds the next events, for all of them.
#[derive(Debug, Default)]
pub struct HeapAlone {
    heap: Heap,
    sequence: u64,
}

impl HeapAlone {
    /// Adds an event.
    #[inline]
    pub fn schedule(&mut self, time: Nanos, target: u32) {
        self.heap.push(Packed::new(time, Class::Retry, self.sequence, target));
        self.sequence += 1;
    }

    /// Takes the first event: when, and which.
    #[inline]
    pub fn take(&mut self) -> Option<(Nanos, u32)> {
        let event = self.heap.pop()?.unpack();
        Some((event.time, event.target))
    }
}

/// Makes one world of all clients of a scenario, and lends the means to run it on by so many events, which gives how many
/// are pending then. An error if they cannot be in one world.
pub fn in_one_world<T>(
    scenario: &Scenario,
    body: impl FnOnce(&mut dyn FnMut(u64) -> anyhow::Result<usize>) -> T,
) -> anyhow::Result<T> {
    let parts: Vec<Part> = (0..scenario.populations.len())
        .map(|population| Part { population, clients: 0..scenario.populations[population].clients })
        .collect();
    let grid = Grid::new(scenario);
    let mut tallies = vec![empty(grid); parts.len()];
    let mut world = World::new(scenario, &parts, (scenario.seed, 0), grid, &mut tallies)?;
    world.begin_all();
    Ok(body(&mut |events| {
        world.go_on(events).map_err(|_| anyhow::anyhow!("too many calls wait at once"))?;
        Ok(world.pending())
    }))
}

/// Runs a scenario on so many threads and gives what `--json` prints.
pub fn whole(scenario: &Scenario, threads: usize) -> anyhow::Result<String> {
    let runs = Runs { seed: scenario.seed, first: 0, replications: 1, threads, is_quiet: true };
    let outcome = run::run(scenario, runs)?;
    Ok(serde_json::to_string(&Summary::new(scenario, &outcome))?)
}
