//! The course of one replication over time: whether it swings, and what becomes of it after each disturbance.

use super::disturbance::Disturbance;
use super::measures::Bin;
use crate::statistics::autocorrelation::autocorrelation;
use crate::statistics::moments::Moments;
use crate::statistics::oscillation::Oscillation;
use crate::statistics::settling::{Band, Settling, settling_time};
use std::ops::Range;
use tidegate::Nanos;

/// A window is kept in so many segments and the one that fills, and a unit leaves with its whole segment: what comes back
/// when there is room again does so after a window and up to a segment more.
const SEGMENTS: f64 = 7.0;
/// So many periods between these are tried at most: a wave is missed by less than half of what so many windows resolve.
const MOST_PERIODS: f64 = 64.0;
/// A swing is told from at least so many windows.
const FEWEST_PERIODS: f64 = 4.0;
/// A course without memory shows a swing by chance so often.
const CHANCE: f64 = 0.01;
/// A swing is one from this share of the mean on, to either side.
const SWING: f64 = 0.1;
/// And from this share of the variance, which a train of pulses of a twelfth of its period has.
const SHARE: f64 = 0.1;
/// And where the course resembles itself so much a period later.
const ALIKE: f64 = 0.3;
/// Calls in an interval in which a disturbance is looked for: chance moves the count by a tenth.
const CALLS: u64 = 100;
/// The fewest intervals from which to know how things are.
const FEWEST: usize = 8;
/// Settled is what lies within so many standard deviations of how things were,
const DEVIATIONS: f64 = 3.0;
/// or within this share of it,
const WITHIN: f64 = 0.05;
/// for a window, and for at least so many intervals.
const HELD: usize = 3;

/// Counts of a population, or of all together, over the time of one replication.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course<'a> {
    /// By fine interval.
    pub(crate) series: &'a [Bin],
    /// The length of such an interval.
    pub(crate) fine: Nanos,
    /// The window that might set a pace.
    pub(crate) window: Nanos,
    /// From the end of the warm-up to the end of the run.
    pub(crate) counted: (Nanos, Nanos),
    /// What disturbs it.
    pub(crate) disturbances: &'a [&'a Disturbance],
}

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    /// All attempts.
    Attempts,
    /// Calls that succeed.
    Goodput,
}

impl Signal {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Attempts, Self::Goodput];

    fn of(self, bin: Bin) -> f64 {
        (match self {
            Self::Attempts => bin.offered(),
            Self::Goodput => bin.succeeded,
        }) as f64
    }
}

/// What a course shows at the period of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Swing {
    /// Its period in seconds.
    pub(crate) period: f64,
    /// How far the wave of that period goes to either side, as a share of the mean.
    pub(crate) amplitude: f64,
    /// The share of the variance that it makes.
    pub(crate) share_of_variance: f64,
    /// How much the course resembles itself a period later.
    pub(crate) alike: f64,
    /// The same half a period later.
    pub(crate) alike_at_half: f64,
    /// Whether all this is beyond chance, and large.
    pub(crate) is_clear: bool,
}

/// What became of a disturbance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Aftermath {
    /// From its end to when things were as before, or as they were to be; `None` where there is nothing to compare with.
    pub(crate) settling: Option<Settled>,
    /// How things were before and long after, where first attempts came equally often.
    pub(crate) conditions: Option<(Condition, Condition)>,
    /// Whether things got worse by more than chance, and do not get better.
    pub(crate) is_stuck: bool,
}

/// When things were settled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Settled {
    /// So many seconds after the end of the disturbance.
    After(f64),
    /// Not within so many seconds, when something else came or the run was over.
    Not(f64),
}

/// How things were for a while.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Condition {
    /// How long.
    pub(crate) seconds: f64,
    /// What was counted.
    counts: Bin,
}

impl Condition {
    /// First attempts a second.
    pub(crate) fn calls_per_second(&self) -> f64 {
        self.counts.calls as f64 / self.seconds
    }

    /// Calls that succeeded, a second.
    pub(crate) fn goodput_per_second(&self) -> f64 {
        self.counts.succeeded as f64 / self.seconds
    }

    /// Attempts for each first one.
    pub(crate) fn attempts_per_call(&self) -> f64 {
        self.counts.offered() as f64 / self.counts.calls.max(1) as f64
    }

    /// By how many standard errors of counts the goodput differs from another's.
    fn differs(&self, other: &Self) -> f64 {
        let error = |one: &Self| one.counts.succeeded as f64 / one.seconds.powi(2);
        let apart = self.goodput_per_second() - other.goodput_per_second();
        apart / (error(self) + error(other)).sqrt()
    }
}

impl Course<'_> {
    /// The largest wave that it shows, while nothing disturbs it, of a period from a window to a window and a segment;
    /// `None` where intervals are too coarse or too few.
    pub(crate) fn swing(&self, signal: Signal) -> Option<Swing> {
        let window = self.window.get() as f64 / self.fine.get() as f64;
        let values: Vec<f64> = self.series[self.steady()].iter().map(|bin| signal.of(*bin)).collect();
        let windows = values.len() as f64 / window;
        if windows + 1e-9 < FEWEST_PERIODS {
            return None;
        }
        // Half of a wave more or less in the whole course is told apart.
        let tried = (2.0 * windows / (SEGMENTS + 1.0)).ceil().min(MOST_PERIODS);
        let period = |step: f64| window / (1.0 - step / tried / (SEGMENTS + 1.0));
        let waves = (0..=tried as u32).map(|step| period(f64::from(step)));
        let (period, wave) = waves
            .filter_map(|period| Some((period, Oscillation::new(&values, period)?)))
            .max_by(|(_, a), (_, b)| a.share_of_variance.total_cmp(&b.share_of_variance))?;
        let mean = values.iter().collect::<Moments>().mean()?;
        let alike = autocorrelation(&values, period.round() as usize)?;
        let alike_at_half = autocorrelation(&values, (period / 2.0).round() as usize)?;
        let amplitude = wave.amplitude / mean;
        // Where no limit turns anybody away, it sets no pace: clients keep one of their own.
        let by_a_limit = self.series[self.steady()].iter().any(|bin| bin.denied() > 0);
        let chance = wave.chance() * (tried + 1.0); // The best of so many.
        let is_clear = by_a_limit
            && chance < CHANCE
            && amplitude >= SWING
            && wave.share_of_variance >= SHARE
            && alike >= ALIKE
            && alike_at_half < 0.0;
        let share_of_variance = wave.share_of_variance;
        let period = period * self.fine.as_secs_f64();
        Some(Swing { period, amplitude, share_of_variance, alike, alike_at_half, is_clear })
    }

    /// How things are while nothing disturbs them, at the end; `None` if that is less than an interval.
    pub(crate) fn at_last(&self) -> Option<Condition> {
        let steady = self.steady();
        (!steady.is_empty()).then(|| self.condition(self.series[steady].iter().copied()))
    }

    /// What became of each disturbance.
    pub(crate) fn aftermaths(&self) -> Vec<Aftermath> {
        (0..self.disturbances.len()).map(|place| self.aftermath(place)).collect()
    }

    fn aftermath(&self, place: usize) -> Aftermath {
        let disturbance = self.disturbances[place];
        let (earlier, later) = (&self.disturbances[..place], &self.disturbances[place + 1..]);
        // What goes on all the while is part of how things are.
        let since = |other: &&Disturbance| if other.over <= disturbance.at { other.over } else { other.at };
        let from = earlier.iter().map(since).max().unwrap_or(self.counted.0);
        let until = |other: &&Disturbance| if other.at >= disturbance.over { other.at } else { other.over };
        let others = earlier.iter().chain(later).map(until);
        let next = others.filter(|time| *time > disturbance.over).min();
        let before = self.between(from, disturbance.at);
        let after = self.between(disturbance.over, next.unwrap_or(self.counted.1));
        let (before, tail) = (later_half(&before), later_half(&after));
        let known = if disturbance.is_lasting { &tail } else { &before };
        let Some(joined) = self.joined(known).filter(|_| !after.is_empty()) else {
            return Aftermath { settling: None, conditions: None, is_stuck: false };
        };
        let settling = self.settling(disturbance, (&before, &after, &tail), joined);
        let conditions = self.compared(&before, &tail, joined);
        let is_stuck = !disturbance.is_lasting
            && matches!(settling, Some(Settled::Not(_)))
            && conditions.is_some_and(|(before, after)| {
                after.goodput_per_second() < (1.0 - SWING) * before.goodput_per_second()
                    && after.attempts_per_call() > (1.0 + SWING) * before.attempts_per_call()
                    && before.differs(&after) > DEVIATIONS
            })
            && !self.is_getting_better(&tail);
        Aftermath { settling, conditions, is_stuck }
    }

    /// Whether the second half of a stretch has more goodput than the first, by more than chance.
    fn is_getting_better(&self, stretch: &Range<usize>) -> bool {
        let later = later_half(stretch);
        let [first, second] =
            [stretch.start..later.start, later].map(|half| self.condition(self.series[half].iter().copied()));
        second.differs(&first) > DEVIATIONS
    }

    fn settling(
        &self,
        disturbance: &Disturbance,
        (before, after, tail): (&Range<usize>, &Range<usize>, &Range<usize>),
        joined: usize,
    ) -> Option<Settled> {
        let seconds = |intervals: usize| self.fine.as_secs_f64() * intervals as f64;
        let begun = seconds(after.start) - disturbance.over.as_secs_f64();
        let hold = (self.window.get() / self.fine.get()).div_ceil(joined as u64) as usize;
        let known = if disturbance.is_lasting { tail } else { before };
        let mut latest = Settled::After(0.0);
        for signal in Signal::ALL {
            let values = |range: &Range<usize>| self.values(signal, range, joined);
            let band = Band::of_before(&values(known), DEVIATIONS)?.at_least(WITHIN);
            let settled = match settling_time(&values(after), band, hold.max(HELD)) {
                Settling::After(0) => Settled::After(0.0),
                Settling::After(intervals) => Settled::After(begun + seconds(intervals * joined)),
                Settling::Censored { seen } => Settled::Not(begun + seconds(seen * joined)),
            };
            latest = match (latest, settled) {
                (Settled::After(first), Settled::After(second)) => Settled::After(first.max(second)),
                (Settled::Not(seen), _) | (_, Settled::Not(seen)) => Settled::Not(seen),
            };
        }
        Some(latest)
    }

    /// The conditions of two stretches, the second where first attempts came as often as in the first.
    fn compared(
        &self,
        before: &Range<usize>,
        after: &Range<usize>,
        joined: usize,
    ) -> Option<(Condition, Condition)> {
        let of = |range: &Range<usize>| join(&self.series[range.clone()], joined);
        let (before, mut after) = (of(before), of(after));
        let (least, most) =
            (before.iter().map(|bin| bin.calls).min()?, before.iter().map(|bin| bin.calls).max()?);
        after.retain(|bin| (least..=most).contains(&bin.calls));
        let condition = |bins: Vec<Bin>| {
            let seconds = self.fine.as_secs_f64() * (bins.len() * joined) as f64;
            (!bins.is_empty()).then(|| Condition { seconds, counts: bins.into_iter().sum() })
        };
        condition(before).zip(condition(after))
    }

    /// How many fine intervals make one in which enough is counted to see a difference; `None` if there are too few.
    fn joined(&self, stretch: &Range<usize>) -> Option<usize> {
        let calls = self.series[stretch.clone()].iter().copied().sum::<Bin>().calls;
        let wanted = (CALLS * stretch.len() as u64).div_ceil(calls.max(1));
        let most = stretch.len() / FEWEST;
        (most > 0).then(|| wanted.clamp(1, most as u64) as usize)
    }

    fn values(&self, signal: Signal, stretch: &Range<usize>, joined: usize) -> Vec<f64> {
        join(&self.series[stretch.clone()], joined).into_iter().map(|bin| signal.of(bin)).collect()
    }

    fn condition(&self, bins: impl ExactSizeIterator<Item = Bin>) -> Condition {
        let seconds = self.fine.as_secs_f64() * bins.len() as f64;
        Condition { seconds, counts: bins.sum() }
    }

    /// The intervals in which nothing disturbs it: all, or the later half of what follows the last disturbance.
    pub(crate) fn steady(&self) -> Range<usize> {
        match self.disturbances.iter().map(|disturbance| disturbance.over).max() {
            Some(over) => later_half(&self.between(over, self.counted.1)),
            None => self.between(self.counted.0, self.counted.1),
        }
    }

    /// The intervals that lie wholly between two times, and are counted.
    fn between(&self, from: Nanos, to: Nanos) -> Range<usize> {
        let first = from.max(self.counted.0).get().div_ceil(self.fine.get()) as usize;
        let end = ((to.min(self.counted.1).get() / self.fine.get()) as usize).min(self.series.len());
        first.min(end)..end
    }
}

/// So many neighbours each, added up; what makes no whole number of them is left out at the end.
fn join(series: &[Bin], joined: usize) -> Vec<Bin> {
    series.chunks_exact(joined).map(|bins| bins.iter().copied().sum()).collect()
}

/// The half in which what happened before matters less.
fn later_half(stretch: &Range<usize>) -> Range<usize> {
    stretch.start + stretch.len() / 2..stretch.end
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    const SECOND: Nanos = Nanos::from_secs(1);

    fn bin(calls: u64, retries: u64, succeeded: u64) -> Bin {
        Bin { calls, retries, succeeded, ..Bin::default() }
    }

    fn course<'a>(series: &'a [Bin], disturbances: &'a [&'a Disturbance]) -> Course<'a> {
        let counted = (Nanos::ZERO, Nanos::from_secs(series.len() as u64));
        Course { series, fine: SECOND, window: Nanos::from_secs(12), counted, disturbances }
    }

    fn disturbance(at: u64, over: u64, is_lasting: bool) -> Disturbance {
        let [at, over] = [at, over].map(Nanos::from_secs);
        Disturbance { what: "something".into(), at, over, is_lasting, population: None }
    }

    /// 200 calls a second, of which some come again and some succeed, by second.
    fn stretches(stretches: &[(usize, u64, u64)]) -> Vec<Bin> {
        let one = |(seconds, retries, succeeded): &(usize, u64, u64)| {
            vec![bin(200, *retries, *succeeded); *seconds]
        };
        stretches.iter().flat_map(one).collect()
    }

    #[test]
    fn waves_and_pulses_of_the_window_swing_and_others_do_not() {
        let swing = |calls: &dyn Fn(u64) -> f64| {
            let series: Vec<Bin> = (0..240).map(|second| bin(calls(second) as u64, 0, 50)).collect();
            course(&series, &[]).swing(Signal::Attempts)
        };
        let wave = swing(&|second| 1_000.0 + 500.0 * (TAU * second as f64 / 12.0).sin()).unwrap();
        assert!(wave.is_clear && (wave.amplitude - 0.5).abs() < 0.01 && wave.share_of_variance > 0.99);
        let pulses = swing(&|second| if second % 12 == 0 { 1_200.0 } else { 0.0 }).unwrap();
        // Of twelve samples a pulse has five waves and a half.
        assert!(pulses.is_clear && (pulses.share_of_variance - 1.0 / 5.5).abs() < 1e-9, "{pulses:?}");
        let faint = swing(&|second| 1_000.0 + 50.0 * (TAU * second as f64 / 12.0).sin()).unwrap();
        assert!(!faint.is_clear && faint.share_of_variance > 0.9);
        let slower = swing(&|second| 1_000.0 + 500.0 * (TAU * second as f64 / 40.0).sin()).unwrap();
        assert!(!slower.is_clear, "{slower:?}");
        assert_eq!(swing(&|_| 7.0), None, "what does not vary has no swing");
        let admitted: Vec<Bin> = (0..240)
            .map(|second| if second % 12 == 0 { 1_200 } else { 0 })
            .map(|calls| Bin { admitted: calls, ..bin(calls, 0, 50) })
            .collect();
        let own_pace = course(&admitted, &[]).swing(Signal::Attempts).unwrap();
        assert!(!own_pace.is_clear && own_pace.alike > 0.9, "{own_pace:?}");
    }

    #[test]
    fn what_comes_right_again_is_told_when() {
        let series = stretches(&[(100, 10, 190), (10, 800, 0), (25, 400, 100), (65, 10, 190)]);
        let outage = disturbance(100, 110, false);
        let found = course(&series, &[&outage]).aftermaths();
        assert_eq!(found[0].settling, Some(Settled::After(25.0)));
        let (before, after) = found[0].conditions.unwrap();
        assert_eq!((before.goodput_per_second(), after.goodput_per_second()), (190.0, 190.0));
        assert!(!found[0].is_stuck);
    }

    #[test]
    fn what_does_not_is_stuck_unless_it_gets_better() {
        let outage = disturbance(100, 110, false);
        let worse = stretches(&[(100, 10, 190), (10, 800, 0), (90, 800, 60)]);
        let found = course(&worse, &[&outage]).aftermaths()[0];
        assert!(found.is_stuck);
        assert_eq!(found.settling, Some(Settled::Not(90.0)));
        let (before, after) = found.conditions.unwrap();
        assert_eq!((before.attempts_per_call(), after.attempts_per_call()), (1.05, 5.0));
        assert_eq!((before.goodput_per_second(), after.goodput_per_second()), (190.0, 60.0));
        let slowly = stretches(&[(100, 10, 190), (10, 800, 0), (67, 800, 60), (23, 700, 100)]);
        assert!(!course(&slowly, &[&outage]).aftermaths()[0].is_stuck);
        // The same numbers are no more than what was to be, where something has changed for good.
        let change = disturbance(100, 110, true);
        let found = course(&worse, &[&change]).aftermaths()[0];
        assert!(!found.is_stuck && found.settling == Some(Settled::After(0.0)));
    }

    #[test]
    fn conditions_are_compared_at_the_same_load() {
        let mut series = stretches(&[(100, 0, 200)]);
        series.extend(vec![bin(1_000, 0, 200); 110]);
        series.extend(stretches(&[(10, 0, 150)]));
        let outage = disturbance(100, 100, false);
        let (before, after) = course(&series, &[&outage]).aftermaths()[0].conditions.unwrap();
        assert_eq!((before.seconds, before.goodput_per_second()), (50.0, 200.0));
        assert_eq!((after.seconds, after.goodput_per_second()), (10.0, 150.0));
    }

    #[test]
    fn one_disturbance_within_another_is_held_against_that() {
        let series =
            stretches(&[(100, 0, 200), (100, 100, 150), (20, 400, 50), (100, 100, 150), (80, 0, 200)]);
        let (long, short) = (disturbance(100, 320, false), disturbance(200, 220, false));
        let found = course(&series, &[&long, &short]).aftermaths();
        assert_eq!(found.iter().map(|one| one.settling).collect::<Vec<_>>(), [Some(Settled::After(0.0)); 2]);
        let goodput = |place: usize| {
            found[place]
                .conditions
                .map(|(before, after)| (before.goodput_per_second(), after.goodput_per_second()))
        };
        assert_eq!((goodput(0), goodput(1)), (Some((200.0, 200.0)), Some((150.0, 150.0))));
    }

    #[test]
    fn without_enough_before_there_is_nothing_to_compare_with() {
        let series = stretches(&[(100, 0, 200)]);
        let outage = disturbance(10, 20, false);
        let found = course(&series, &[&outage]).aftermaths()[0];
        assert_eq!(found, Aftermath { settling: None, conditions: None, is_stuck: false });
    }
}
