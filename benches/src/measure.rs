//! Interleaved rounds: what happens to the machine happens to every contender.

use crate::compare::tidegate::shortest_step;
use crate::contender::Course;
use crate::field::{Entrant, Impl, Stand, build};
use crate::keys::{Distribution, Keys};
use crate::threads::run_together;
use tidegate::Nanos;

/// What is the same for all contenders of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// How many keys, all of them known before the measurement.
    pub keys: u64,
    /// How often each of them comes.
    pub distribution: Distribution,
    /// How many threads call at once.
    pub threads: u64,
}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// How often every contender has its turn, after one to warm up.
    pub rounds: usize,
    /// Calls of each thread in a turn.
    pub calls: usize,
}

/// Nanoseconds that a call of one thread took, over the rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    /// The middle round's.
    pub median: f64,
    /// The fastest round's.
    pub min: f64,
    /// The slowest round's.
    pub max: f64,
}

impl Times {
    /// Nothing is known of no rounds: all are then NaN.
    fn over(mut rounds: Vec<f64>) -> Self {
        rounds.sort_by(f64::total_cmp);
        let at = |place: usize| rounds.get(place).copied().unwrap_or(f64::NAN);
        Self { median: at(rounds.len() / 2), min: at(0), max: at(rounds.len().wrapping_sub(1)) }
    }
}

/// What came out for one contender in one row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// Who it was.
    pub who: Impl,
    /// How long its calls took.
    pub times: Times,
    /// Resident memory for each key, where it could be told.
    pub bytes_per_key: Option<f64>,
}

/// A contender that did not do the work that its row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongAnswer {
    /// Who it was.
    pub who: Impl,
    /// Calls in one of its turns.
    pub calls: u64,
    /// How many of them it admitted.
    pub admitted: u64,
}

impl std::fmt::Display for WrongAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { who, calls, admitted } = self;
        let all = if who.admits() { "all" } else { "none" };
        write!(f, "{} admitted {admitted} of {calls} calls, and should have admitted {all}", who.name())
    }
}

impl std::error::Error for WrongAnswer {}

/// Contenders of so many keys, and how far the time of each stand has come.
pub struct Race {
    entrants: Vec<Entrant>,
    clocks: [Nanos; Stand::ALL.len()],
    seed: u64,
}

impl Race {
    /// All keys must be known to the entrants.
    pub fn new(entrants: Vec<Entrant>, seed: u64) -> Self {
        Self { entrants, clocks: [Nanos::ZERO; Stand::ALL.len()], seed }
    }

    /// Gives every contender a turn in each round.
    ///
    /// Each turn has keys of its own: of those that share a stand, the second would otherwise find in the caches what
    /// the first touched there.
    pub fn run(&mut self, row: Row, effort: Effort) -> Result<Vec<Figure>, WrongAnswer> {
        let Row { keys, distribution, threads } = row;
        let mut lanes: Vec<_> =
            (0..threads).map(|lane| Keys::new(keys, distribution, self.seed, lane)).collect();
        let mut times = vec![Vec::with_capacity(effort.rounds); self.entrants.len()];
        for round in 0..=effort.rounds {
            for (entrant, times) in self.entrants.iter().zip(&mut times) {
                let dealt: Vec<_> = lanes.iter_mut().map(|lane| lane.deal(effort.calls)).collect();
                let time = turn(entrant, row, &dealt, &mut self.clocks[entrant.stand as usize])?;
                // The first round warms up.
                if round > 0 {
                    times.push(time);
                }
            }
        }
        let figure = |(Entrant { who, bytes_per_key, .. }, times): (&Entrant, _)| Figure {
            who: *who,
            times: Times::over(times),
            bytes_per_key: *bytes_per_key,
        };
        Ok(self.entrants.iter().zip(times).map(figure).collect())
    }
}

/// The figures of rows with the same number of keys, where there is no room for all contenders at once: group after
/// group is built and measured in all rows, since building takes longer than measuring.
pub fn in_groups(
    groups: &[Vec<Stand>],
    rows: &[(Row, Effort)],
    seed: u64,
) -> Result<Vec<Vec<Figure>>, WrongAnswer> {
    let mut found = vec![Vec::new(); rows.len()];
    for group in groups {
        let keys = rows.first().map_or(1, |(row, _)| row.keys);
        let mut race = Race::new(build(group, keys, seed), seed);
        for (&(row, effort), figures) in rows.iter().zip(&mut found) {
            figures.extend(race.run(row, effort)?);
        }
    }
    Ok(found)
}

/// One contender's turn: nanoseconds a call. Moves the clock of its stand on by as long as the turn lasts in the calls' own
/// time, so that no turn goes back to times that a key has seen.
fn turn(entrant: &Entrant, row: Row, dealt: &[Vec<u32>], clock: &mut Nanos) -> Result<f64, WrongAnswer> {
    let Entrant { who, contender, pace, .. } = entrant;
    let step = shortest_step(row.keys, row.distribution, row.threads);
    let course = |keys| Course { keys, pace: *pace, start: *clock + step, step };
    let courses: Vec<_> = dealt.iter().map(|keys| course(keys)).collect();
    let each = dealt.first().map_or(0, Vec::len) as u64;
    let (elapsed, admitted) = run_together(contender.as_ref(), &courses);
    *clock = *clock + Nanos::new(step.get() * each);
    let calls = each * row.threads;
    let expected = if who.admits() { calls } else { 0 };
    if admitted != expected {
        return Err(WrongAnswer { who: *who, calls, admitted });
    }
    Ok(elapsed.as_secs_f64() * 1e9 / each as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_a_middle_and_ends() {
        assert_eq!(Times::over(vec![3.0, 1.0, 9.0]), Times { median: 3.0, min: 1.0, max: 9.0 });
        assert!(Times::over(Vec::new()).median.is_nan());
    }

    #[test]
    fn all_are_admitted_and_denied_as_they_should_be_in_every_kind_of_row() {
        for keys in [1, 10, 1_000] {
            let mut race = Race::new(build(&Stand::ALL, keys, 1), 1);
            for distribution in [Distribution::Uniform, Distribution::Zipf] {
                for threads in [1, 3] {
                    let row = Row { keys, distribution, threads };
                    let figures = race.run(row, Effort { rounds: 1, calls: 2_000 });
                    assert!(figures.is_ok_and(|figures| figures.len() == 10), "{row:?}");
                }
            }
        }
    }

    #[test]
    fn groups_bring_everyone_into_every_row() {
        let row = |threads| Row { keys: 100, distribution: Distribution::Uniform, threads };
        let effort = Effort { rounds: 1, calls: 100 };
        let (first, second) = Stand::ALL.split_at(3);
        let rows = [(row(1), effort), (row(2), effort)];
        let found = in_groups(&[first.to_vec(), second.to_vec()], &rows, 1);
        assert!(found.is_ok_and(|rows| rows.len() == 2 && rows.iter().all(|figures| figures.len() == 10)));
    }
}
