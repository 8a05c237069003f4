//! What replications show over time, and the state that they end in.

use super::course::{Aftermath, Condition, Course, Settled, Signal, Swing};
use super::demand::Demand;
use super::disturbance::Disturbance;
use super::grid::{self, Grid};
use super::measures::Tally;
use super::run::Replication;
use super::scenario::Scenario;
use serde::Serialize;
use tidegate::Nanos;

/// The state that a run, or a population of it, is in while nothing disturbs it. Later ones are told before earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// None of the others.
    Stable,
    /// First attempts alone are more than can be admitted or served.
    Overloaded,
    /// Load or goodput swings with the window.
    Oscillating,
    /// What a disturbance began goes on without it, though first attempts alone could be served.
    Metastable,
}

/// What one replication shows of a population, or of all together.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    /// The window that might set its pace.
    window: Nanos,
    /// First attempts while nothing disturbs it, beside what is possible.
    pub(crate) demand: Demand,
    /// How things are then.
    pub(crate) at_last: Option<Condition>,
    /// Swings of attempts and of goodput.
    pub(crate) swings: [Option<Swing>; 2],
    /// What became of each disturbance, which is by its place among all.
    pub(crate) aftermaths: Vec<(usize, Aftermath)>,
    /// Whether the backend turns calls away, less than half of which succeed, though it could serve each once.
    pub(crate) is_jammed: bool,
}

/// A backend without a place to wait, and full to its brim, still serves half of its calls at the first attempt.
const JAMMED: f64 = 0.5;

impl Shown {
    fn new(course: &Course<'_>, places: &[usize]) -> Self {
        let at_last = course.at_last();
        let wanted = at_last.map_or(0.0, |condition| condition.calls_per_second());
        Self {
            window: course.window,
            demand: Demand { wanted, possible: None },
            at_last,
            swings: Signal::ALL.map(|signal| course.swing(signal)),
            aftermaths: places.iter().copied().zip(course.aftermaths()).collect(),
            is_jammed: false,
        }
    }

    /// Whether retries alone keep a backend from serving what it could.
    fn jams(&self, total: &Tally) -> bool {
        let turned_away = total.turned_away as f64 > (1.0 - JAMMED) * total.admitted as f64;
        self.at_last.is_some_and(|condition| {
            turned_away
                && condition.goodput_per_second() < JAMMED * self.demand.wanted
                && condition.attempts_per_call() > 1.0 / JAMMED
                && !self.demand.is_too_much()
        })
    }

    /// Whether it shows a state; stable is what shows no other.
    pub(crate) fn shows(&self, state: State) -> bool {
        match state {
            State::Overloaded => self.demand.is_too_much(),
            State::Oscillating => self.swings.iter().flatten().any(|swing| swing.is_clear),
            State::Metastable => {
                let is_stuck = self.aftermaths.iter().any(|(_, after)| after.is_stuck);
                !self.demand.is_too_much() && (is_stuck || self.is_jammed)
            }
            State::Stable => ![State::Overloaded, State::Oscillating, State::Metastable]
                .into_iter()
                .any(|other| self.shows(other)),
        }
    }
}

/// What replications show of each population and of all together.
#[derive(Clone, Debug)]
pub(crate) struct Shows {
    /// What disturbs the run.
    pub(crate) disturbances: Vec<Disturbance>,
    /// Of each population, by replication.
    pub(crate) populations: Vec<Vec<Shown>>,
    /// Of all together, by replication.
    pub(crate) total: Vec<Shown>,
}

impl Shows {
    /// Looks at the course of each replication.
    pub(crate) fn new(scenario: &Scenario, grid: Grid, replications: &[Replication]) -> Self {
        let disturbances = Disturbance::all(scenario);
        let mut populations = vec![Vec::new(); scenario.populations.len()];
        let mut total = Vec::new();
        for replication in replications {
            let one = OfOne { scenario, grid, disturbances: &disturbances, replication };
            let (of_each, of_all) = one.shown();
            populations.iter_mut().zip(of_each).for_each(|(all, one)| all.push(one));
            total.push(of_all);
        }
        Self { disturbances, populations, total }
    }
}

impl Shows {
    /// What is shown of all together, and of each population.
    pub(crate) fn subjects(&self) -> impl Iterator<Item = &Vec<Shown>> {
        std::iter::once(&self.total).chain(&self.populations)
    }
}

/// A replication to be looked at.
struct OfOne<'a> {
    scenario: &'a Scenario,
    grid: Grid,
    disturbances: &'a [Disturbance],
    replication: &'a Replication,
}

impl OfOne<'_> {
    fn shown(&self) -> (Vec<Shown>, Shown) {
        let Self { scenario, replication, .. } = self;
        let windows: Vec<Nanos> =
            scenario.populations.iter().map(|population| grid::window(&population.plan)).collect();
        let mut populations: Vec<Shown> = replication
            .populations
            .iter()
            .zip(&windows)
            .enumerate()
            .map(|(place, (tally, window))| self.look(tally, *window, Some(place)))
            .collect();
        let wanted: Vec<f64> = populations.iter().map(|shown| shown.demand.wanted).collect();
        let demands = Demand::of_populations(scenario, &wanted, &replication.populations);
        let shortest = windows.into_iter().min().unwrap_or(grid::USUAL_WINDOW);
        let mut total = self.look(&replication.total, shortest, None);
        if let Some(rules) = &scenario.backend {
            total.demand = Demand::of_backend(rules, &demands, &replication.total);
            total.is_jammed = total.jams(&replication.total);
        }
        populations.iter_mut().zip(demands).for_each(|(shown, demand)| shown.demand = demand);
        (populations, total)
    }

    fn look(&self, tally: &Tally, window: Nanos, population: Option<usize>) -> Shown {
        let Self { scenario, grid, disturbances, .. } = *self;
        let is_shared = scenario.is_shared();
        let (places, disturbances): (Vec<usize>, Vec<&Disturbance>) = disturbances
            .iter()
            .enumerate()
            .filter(|(_, disturbance)| disturbance.concerns(population, is_shared))
            .unzip();
        let counted = (scenario.duration - scenario.measured(), scenario.duration);
        let course =
            Course { series: &tally.series, fine: grid.fine, window, counted, disturbances: &disturbances };
        Shown::new(&course, &places)
    }
}

/// What is told of a population's course, as `--json` gives it. Of several replications, means over those that have a value.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CourseRow {
    /// The gravest state that one in ten replications shows.
    pub(crate) state: State,
    /// How many replications show it.
    pub(crate) state_shown_by: usize,
    /// First attempts while nothing disturbs it, a second; with a backend, of the total those that plans let through.
    pub(crate) wanted_per_second: f64,
    /// How many of them could be admitted, or served; `null` where nothing bounds that.
    pub(crate) possible_per_second: Option<f64>,
    /// Swings at the window's period.
    pub(crate) oscillation: OscillationRow,
    /// How things are while nothing disturbs them, at the end.
    pub(crate) at_last: Option<ConditionRow>,
    /// What became of each disturbance.
    pub(crate) disturbances: Vec<DisturbanceRow>,
}

/// Swings with the window.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct OscillationRow {
    window_seconds: f64,
    /// Of attempts; `null` where the course is too short, too coarse, or does not vary.
    pub(crate) attempts: Option<SwingRow>,
    /// Of calls that succeed.
    pub(crate) goodput: Option<SwingRow>,
}

/// A swing.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SwingRow {
    pub(crate) period_seconds: f64,
    /// As a share of the mean, to either side.
    pub(crate) amplitude: f64,
    pub(crate) share_of_variance: f64,
    autocorrelation: f64,
    autocorrelation_at_half: f64,
    /// How many replications show it clearly.
    pub(crate) shown_by: usize,
}

/// What became of a disturbance.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct DisturbanceRow {
    pub(crate) what: String,
    pub(crate) at_seconds: f64,
    over_seconds: f64,
    lasting: bool,
    /// From its end on, over the replications that settled.
    pub(crate) settling_seconds: Option<f64>,
    pub(crate) settled: usize,
    /// Replications that did not settle for as long as they were seen.
    pub(crate) censored: usize,
    /// The shortest that one of these was seen.
    pub(crate) seen_seconds: Option<f64>,
    /// How things were before; `null` if nothing afterwards compares with it.
    pub(crate) before: Option<ConditionRow>,
    /// How they were long after, where first attempts came as often.
    pub(crate) after: Option<ConditionRow>,
    /// After less before.
    pub(crate) change: Option<ConditionRow>,
    /// Replications in which things got worse and stay so.
    pub(crate) stuck: usize,
}

/// How things are for a while.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct ConditionRow {
    pub(crate) calls_per_second: f64,
    pub(crate) goodput_per_second: f64,
    pub(crate) attempts_per_call: f64,
}

impl CourseRow {
    /// The window that might set the pace.
    pub(crate) fn window_seconds(&self) -> f64 {
        self.oscillation.window_seconds
    }

    /// What replications show together.
    pub(crate) fn new(shown: &[Shown], disturbances: &[Disturbance]) -> Self {
        let (state, state_shown_by) = gravest(shown);
        let of_swings = |signal: usize| SwingRow::new(shown.iter().filter_map(move |one| one.swings[signal]));
        let mut places: Vec<usize> =
            shown.iter().flat_map(|one| &one.aftermaths).map(|(place, _)| *place).collect();
        places.sort_unstable();
        places.dedup();
        let row = |place: usize| {
            let of_each = shown.iter().flat_map(|one| &one.aftermaths).filter(|(other, _)| *other == place);
            DisturbanceRow::new(&disturbances[place], &of_each.map(|(_, after)| *after).collect::<Vec<_>>())
        };
        Self {
            state,
            state_shown_by,
            wanted_per_second: mean(shown.iter().map(|one| one.demand.wanted)).unwrap_or(0.0),
            possible_per_second: mean(shown.iter().filter_map(|one| one.demand.possible)),
            oscillation: OscillationRow {
                window_seconds: shown.first().map_or(0.0, |one| one.window.as_secs_f64()),
                attempts: of_swings(0),
                goodput: of_swings(1),
            },
            at_last: ConditionRow::new(shown.iter().filter_map(|one| one.at_last)),
            disturbances: places.into_iter().map(row).collect(),
        }
    }
}

/// The gravest state that at least one in ten replications shows, and how many show it.
pub(crate) fn gravest(shown: &[Shown]) -> (State, usize) {
    let by = |state| shown.iter().filter(|one| one.shows(state)).count();
    let graver = [State::Metastable, State::Oscillating, State::Overloaded];
    let enough = |(_, by): &(State, usize)| *by > 0 && by * 10 >= shown.len();
    graver
        .map(|state| (state, by(state)))
        .into_iter()
        .find(enough)
        .unwrap_or((State::Stable, by(State::Stable)))
}

impl SwingRow {
    fn new(swings: impl Iterator<Item = Swing>) -> Option<Self> {
        let swings: Vec<Swing> = swings.collect();
        let of = |value: fn(&Swing) -> f64| mean(swings.iter().map(value));
        Some(Self {
            period_seconds: of(|swing| swing.period)?,
            amplitude: of(|swing| swing.amplitude)?,
            share_of_variance: of(|swing| swing.share_of_variance)?,
            autocorrelation: of(|swing| swing.alike)?,
            autocorrelation_at_half: of(|swing| swing.alike_at_half)?,
            shown_by: swings.iter().filter(|swing| swing.is_clear).count(),
        })
    }
}

impl DisturbanceRow {
    fn new(disturbance: &Disturbance, aftermaths: &[Aftermath]) -> Self {
        let settlings = || aftermaths.iter().filter_map(|after| after.settling);
        let settled = || {
            settlings().filter_map(|settling| match settling {
                Settled::After(seconds) => Some(seconds),
                Settled::Not(_) => None,
            })
        };
        let seen = || {
            settlings().filter_map(|settling| match settling {
                Settled::After(_) => None,
                Settled::Not(seconds) => Some(seconds),
            })
        };
        let conditions = || aftermaths.iter().filter_map(|after| after.conditions);
        let before = ConditionRow::new(conditions().map(|(before, _)| before));
        let after = ConditionRow::new(conditions().map(|(_, after)| after));
        Self {
            what: disturbance.what.clone(),
            at_seconds: disturbance.at.as_secs_f64(),
            over_seconds: disturbance.over.as_secs_f64(),
            lasting: disturbance.is_lasting,
            settling_seconds: mean(settled()),
            settled: settled().count(),
            censored: seen().count(),
            seen_seconds: seen().min_by(f64::total_cmp),
            before,
            after,
            change: before.zip(after).map(|(before, after)| after.less(before)),
            stuck: aftermaths.iter().filter(|after| after.is_stuck).count(),
        }
    }
}

impl ConditionRow {
    fn new(conditions: impl Iterator<Item = Condition>) -> Option<Self> {
        let conditions: Vec<Condition> = conditions.collect();
        let of = |value: fn(&Condition) -> f64| mean(conditions.iter().map(value));
        Some(Self {
            calls_per_second: of(Condition::calls_per_second)?,
            goodput_per_second: of(Condition::goodput_per_second)?,
            attempts_per_call: of(Condition::attempts_per_call)?,
        })
    }

    fn less(self, other: Self) -> Self {
        Self {
            calls_per_second: self.calls_per_second - other.calls_per_second,
            goodput_per_second: self.goodput_per_second - other.goodput_per_second,
            attempts_per_call: self.attempts_per_call - other.attempts_per_call,
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0_u32), |(sum, n), value| (sum + value, n + 1));
    (n > 0).then(|| sum / f64::from(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(wanted: f64, stuck: bool, swings: bool) -> Shown {
        let swing = Swing {
            period: 60.0,
            amplitude: 0.5,
            share_of_variance: 0.5,
            alike: 0.5,
            alike_at_half: -0.5,
            is_clear: swings,
        };
        Shown {
            window: Nanos::MINUTE,
            demand: Demand { wanted, possible: Some(1.0) },
            at_last: None,
            swings: [None, Some(swing)],
            aftermaths: vec![(0, Aftermath { settling: None, conditions: None, is_stuck: stuck })],
            is_jammed: false,
        }
    }

    #[test]
    fn what_cannot_be_served_is_not_metastable() {
        assert!(shown(0.5, true, false).shows(State::Metastable));
        let too_much = shown(2.0, true, true);
        let all = [State::Stable, State::Overloaded, State::Oscillating, State::Metastable];
        assert_eq!(all.map(|state| too_much.shows(state)), [false, true, true, false]);
        assert_eq!(all.map(|state| shown(0.5, false, false).shows(state)), [true, false, false, false]);
    }

    #[test]
    fn the_gravest_state_of_one_replication_in_ten_is_told() {
        let mut all = vec![shown(0.5, false, false); 9];
        assert_eq!(gravest(&all), (State::Stable, 9));
        all.push(shown(0.5, true, false));
        assert_eq!(gravest(&all), (State::Metastable, 1));
        all.push(shown(2.0, false, true));
        assert_eq!(gravest(&all), (State::Stable, 9), "one in eleven is fewer");
        all.push(shown(0.5, false, true));
        assert_eq!(gravest(&all), (State::Oscillating, 2));
    }
}
