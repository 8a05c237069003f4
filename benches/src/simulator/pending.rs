//! Interleaved rounds at one number of pending events: what happens to the machine happens to all.

use super::event_loop::{Pace, scenario};
use super::floor::Walk;
use super::hold::{Hold, StandardHeap};
use std::time::Instant;
use tidegate_sim::simulate::speed::{HeapAlone, Pending, in_one_world};

/// What is measured in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Loads that wait for each other.
    Floor,
    /// The standard library's heap under the hold model.
    StandardHeap,
    /// The simulator's heap under the hold model, for all events.
    HeapAlone,
    /// The simulator's pending set under the hold model.
    Pending,
    /// The simulator's loop, clients calling fast.
    Fast,
    /// The simulator's loop, clients calling slowly.
    Slow,
}

impl Column {
    /// From what memory asks for to what the simulator does.
    pub const ALL: [Self; 6] =
        [Self::Floor, Self::StandardHeap, Self::HeapAlone, Self::Pending, Self::Fast, Self::Slow];
}

/// Nanoseconds of one step: a load, a pop and a push, or an event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// How many events were pending.
    pub pending: u32,
    medians: [f64; Column::ALL.len()],
}

impl Row {
    /// The median of the rounds.
    pub fn nanos(&self, column: Column) -> f64 {
        self.medians[column as usize]
    }

    /// Millions of steps a second.
    pub fn millions(&self, column: Column) -> f64 {
        1e3 / self.nanos(column)
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// How often all have their turn.
    pub rounds: usize,
    /// Steps of a turn.
    pub steps: u64,
}

/// Measures a row.
pub fn measure(pending: u32, effort: Effort) -> anyhow::Result<Row> {
    let (fast, slow) = (scenario(pending, Pace::Fast), scenario(pending, Pace::Slow));
    in_one_world(&fast, |fast| in_one_world(&slow, |slow| rounds(pending, effort, fast, slow)))??
}

type GoOn<'a> = &'a mut dyn FnMut(u64) -> anyhow::Result<usize>;

fn rounds(pending: u32, effort: Effort, fast: GoOn<'_>, slow: GoOn<'_>) -> anyhow::Result<Row> {
    let mut floor = Walk::new(pending);
    let mut standard = Hold::<StandardHeap>::new(pending);
    let mut heap = Hold::<HeapAlone>::new(pending);
    let mut set = Hold::<Pending>::new(pending);
    // Until most clients have called and been served.
    for found in [fast(u64::from(pending) * 3)?, slow(u64::from(pending) * 3)?] {
        anyhow::ensure!(found == pending as usize, "{found} events are pending, not {pending}");
    }
    let mut times: [Vec<f64>; Column::ALL.len()] = Default::default();
    for _ in 0..effort.rounds {
        for (column, times) in Column::ALL.into_iter().zip(&mut times) {
            let began = Instant::now();
            match column {
                Column::Floor => floor.take_steps(effort.steps),
                Column::StandardHeap => standard.take_turns(effort.steps),
                Column::HeapAlone => heap.take_turns(effort.steps),
                Column::Pending => set.take_turns(effort.steps),
                Column::Fast => drop(fast(effort.steps)?),
                Column::Slow => drop(slow(effort.steps)?),
            }
            times.push(began.elapsed().as_secs_f64() * 1e9 / effort.steps as f64);
        }
    }
    Ok(Row { pending, medians: times.map(median) })
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_columns_are_measured_with_few_and_with_many_pending() {
        for pending in [1, 50, 3_000] {
            let row = measure(pending, Effort { rounds: 1, steps: 1_000 }).unwrap();
            assert!(Column::ALL.iter().all(|column| row.nanos(*column) >= 0.0), "{row:?}");
        }
    }
}
