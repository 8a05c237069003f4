//! How much faster or slower than its mean rate a population calls as time goes by.
//!
//! Arrivals are drawn in *work*: seconds at the mean rate. When so much work will have passed is what a tempo tells, by the inverse
//! of its integral (Çinlar, *Introduction to Stochastic Processes*, 1975, 4.7), so that a change of the tempo moves a client's
//! calls in time and leaves their number's draws as they were.

use super::policy::nanos;
use super::scenario::Spike;
use tidegate::Nanos;

/// A rate over time, relative to its mean.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tempo {
    curve: Option<Curve>,
    /// Factors, each from its time on, in order; the first from the start.
    factors: Vec<(Nanos, f64)>,
    /// Nobody asks beyond this.
    end: Nanos,
}

/// A curve that repeats: straight lines between knots at equal distances, 1 on average.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Curve {
    knots: Vec<f64>,
    period: Nanos,
    /// How far into a period the run begins.
    offset: Nanos,
}

/// A stretch of time over which the rate goes straight from one value to another.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Piece {
    until: Nanos,
    first: f64,
    last: f64,
}

impl Curve {
    /// The curve through these values, the first of which holds where a period begins. `None` unless all are finite and
    /// not negative, and one is positive.
    pub(crate) fn new(values: &[f64], period: Nanos, offset: Nanos) -> Option<Self> {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let is_sound = mean > 0.0 && mean.is_finite() && values.iter().all(|value| *value >= 0.0);
        let knots = values.iter().map(|value| value / mean).collect();
        is_sound.then_some(Self { knots, period, offset: Nanos::new(offset.get() % period.get()) })
    }

    fn knot(&self, place: u128) -> f64 {
        self.knots[(place % self.knots.len() as u128) as usize]
    }

    /// The stretch from a time to the next knot.
    fn piece(&self, now: Nanos) -> Piece {
        let (period, knots) = (u128::from(self.period.get()), self.knots.len() as u128);
        let at = u128::from(now.get()) + u128::from(self.offset.get());
        let place = at * knots / period;
        let time_of = |place: u128| (place * period).div_ceil(knots);
        let (from, to) = (time_of(place), time_of(place + 1));
        let (first, last) = (self.knot(place), self.knot(place + 1));
        let passed = (at - from.min(at)) as f64 / (to - from).max(1) as f64;
        let until = Nanos::new(u64::try_from(to - u128::from(self.offset.get())).unwrap_or(u64::MAX));
        Piece { until, first: first + (last - first) * passed, last }
    }
}

impl Piece {
    /// The time into the piece, in seconds, at which so much work is done; `None` if it is not done within.
    fn reach(&self, length: f64, work: f64) -> Option<f64> {
        let area = (self.first + self.last) / 2.0 * length;
        if area < work || area == 0.0 {
            return None;
        }
        let slope = (self.last - self.first) / length;
        let root = (self.first * self.first + 2.0 * slope * work).max(0.0).sqrt();
        Some((2.0 * work / (self.first + root)).min(length))
    }
}

impl Tempo {
    /// A load, times a curve, up to the end of a run.
    pub(crate) fn new(load: f64, curve: Option<Curve>, end: Nanos) -> Self {
        Self { curve, factors: vec![(Nanos::ZERO, load)], end }
    }

    /// The same, times the factors of spikes.
    pub(crate) fn with_spikes<'a>(self, spikes: impl Iterator<Item = &'a Spike> + Clone) -> Self {
        let mut times: Vec<Nanos> = spikes.clone().flat_map(|spike| [spike.from, spike.until]).collect();
        times.extend(self.factors.iter().map(|(time, _)| *time));
        times.sort_unstable();
        times.dedup();
        let factor = |time: Nanos| {
            let active = spikes.clone().filter(|spike| (spike.from..spike.until).contains(&time));
            (time, self.factor(time).0 * active.map(|spike| spike.factor).product::<f64>())
        };
        Self { factors: times.into_iter().map(factor).collect(), ..self }
    }

    /// The factor at a time, and until when it holds.
    fn factor(&self, now: Nanos) -> (f64, Nanos) {
        let next = self.factors.partition_point(|(from, _)| *from <= now);
        let until = self.factors.get(next).map_or(Nanos::MAX, |(until, _)| *until);
        (next.checked_sub(1).map_or(1.0, |place| self.factors[place].1), until)
    }

    /// The one rate, if that never changes.
    pub(crate) fn steady(&self) -> Option<f64> {
        match self.factors[..] {
            [(_, factor)] if self.curve.is_none() => Some(factor),
            _ => None,
        }
    }

    /// No rate is above this at any time.
    pub(crate) fn at_most(&self) -> f64 {
        let peak = self.curve.as_ref().map_or(1.0, |curve| curve.knots.iter().copied().fold(0.0, f64::max));
        peak * self.factors.iter().map(|(_, factor)| *factor).fold(0.0, f64::max)
    }

    /// The rate at a time.
    pub(crate) fn at(&self, now: Nanos) -> f64 {
        self.piece(now).first
    }

    /// When so much work has been done since a time; any time beyond the end of the run if that is not before it.
    pub(crate) fn after(&self, since: Nanos, work: f64) -> Nanos {
        if let Some(factor) = self.steady() {
            return since + nanos(if factor == 1.0 { work } else { work / factor });
        }
        let (mut now, mut left) = (since, work);
        while now < self.end {
            let piece = self.piece(now);
            let length = (piece.until - now).as_secs_f64();
            if let Some(seconds) = piece.reach(length, left) {
                return now + nanos(seconds);
            }
            left -= (piece.first + piece.last) / 2.0 * length;
            now = piece.until;
        }
        Nanos::MAX
    }

    fn piece(&self, now: Nanos) -> Piece {
        let (factor, until) = self.factor(now);
        let Some(curve) = &self.curve else { return Piece { until, first: factor, last: factor } };
        let Piece { until: knot, first, last } = curve.piece(now);
        // Cut where the factor changes.
        let passed = match until < knot {
            true => (until - now).as_secs_f64() / (knot - now).as_secs_f64(),
            false => 1.0,
        };
        let last = first + (last - first) * passed;
        Piece { until: until.min(knot), first: first * factor, last: last * factor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    const END: Nanos = Nanos::from_secs(1_000_000);

    fn spike(from: u64, until: u64, factor: f64) -> Spike {
        Spike { from: Nanos::from_secs(from), until: Nanos::from_secs(until), factor, population: None }
    }

    #[track_caller]
    fn assert_after(tempo: &Tempo, since: u64, work: f64, expected: f64) {
        let found = tempo.after(Nanos::from_secs(since), work).as_secs_f64();
        assert!((found - expected).abs() < 1e-6, "{found}, not {expected}");
    }

    #[test]
    fn a_load_shortens_every_gap() {
        let tempo = Tempo::new(4.0, None, END);
        assert_eq!(tempo.after(Nanos::from_secs(10), 2.0), Nanos::from_millis(10_500));
        assert_eq!(tempo.steady(), Some(4.0));
    }

    #[test]
    fn a_spike_is_passed_faster() {
        let tempo = Tempo::new(1.0, None, END).with_spikes([spike(10, 20, 5.0)].iter());
        assert_after(&tempo, 0, 5.0, 5.0);
        assert_after(&tempo, 0, 35.0, 15.0);
        assert_after(&tempo, 0, 61.0, 21.0);
        assert_after(&tempo, 12, 10.0, 14.0);
        assert_eq!((tempo.at(Nanos::from_secs(9)), tempo.at(Nanos::from_secs(10))), (1.0, 5.0));
    }

    #[test]
    fn spikes_that_meet_multiply() {
        let tempo = Tempo::new(0.5, None, END).with_spikes([spike(10, 20, 5.0), spike(15, 30, 2.0)].iter());
        let at = |time| tempo.at(Nanos::from_secs(time));
        assert_eq!([at(0), at(10), at(15), at(20), at(30)], [0.5, 2.5, 5.0, 1.0, 0.5]);
    }

    #[test]
    fn a_curve_is_followed_from_knot_to_knot() {
        // A triangle: nothing at 0, twice the mean at 50, nothing at 100.
        let curve = Curve::new(&[0.0, 1.0], Nanos::from_secs(100), Nanos::ZERO).unwrap();
        let tempo = Tempo::new(1.0, Some(curve), END);
        assert_after(&tempo, 0, 50.0, 50.0);
        assert_after(&tempo, 0, 12.5, 25.0);
        assert_after(&tempo, 0, 87.5, 75.0);
        assert_after(&tempo, 0, 1_000.0, 1_000.0);
        assert!((tempo.at(Nanos::from_secs(125)) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_curve_begins_where_the_clock_stands() {
        let curve = Curve::new(&[0.0, 1.0], Nanos::from_secs(100), Nanos::from_secs(350)).unwrap();
        let tempo = Tempo::new(1.0, Some(curve), END);
        assert!((tempo.at(Nanos::ZERO) - 2.0).abs() < 1e-9);
        assert!(tempo.at(Nanos::from_secs(50)).abs() < 1e-9);
    }

    #[test]
    fn beyond_the_end_nothing_is_looked_for() {
        let tempo = Tempo::new(1.0, None, Nanos::from_secs(10)).with_spikes([spike(1, 2, 2.0)].iter());
        assert!(tempo.after(Nanos::ZERO, 1e9) > Nanos::from_secs(10));
        let curve = Curve::new(&[1.0, 2.0], Nanos::from_secs(1), Nanos::ZERO);
        let curved = Tempo::new(1.0, curve, Nanos::from_secs(10));
        assert_eq!(curved.after(Nanos::ZERO, 1e9), Nanos::MAX);
    }

    #[test]
    fn what_is_no_curve_is_refused() {
        for values in [&[][..], &[0.0, 0.0], &[1.0, -1.0], &[1.0, f64::NAN], &[f64::INFINITY]] {
            assert_eq!(Curve::new(values, Nanos::DAY, Nanos::ZERO), None, "{values:?}");
        }
    }

    quickcheck! {
        fn work_done_in_two_parts_is_the_same_work(values: Vec<u8>, first: u16, second: u16) -> bool {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let Some(curve) = Curve::new(&values, Nanos::from_secs(3_600), Nanos::from_secs(17)) else { return true };
            let tempo = Tempo::new(1.5, Some(curve), END).with_spikes([spike(100, 700, 3.0)].iter());
            let (first, second) = (f64::from(first) + 1.0, f64::from(second) + 1.0);
            let between = tempo.after(Nanos::ZERO, first);
            let (twice, once) = (tempo.after(between, second), tempo.after(Nanos::ZERO, first + second));
            // Where the rate is near nothing, a rounding in work is long in time.
            (twice.as_secs_f64() - once.as_secs_f64()).abs() < 1e-3 * once.as_secs_f64() || twice == once
        }
    }
}
