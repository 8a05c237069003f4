//! When calls are due.

use std::time::{Duration, Instant};

/// Calls that are due at equal distances, whatever becomes of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) start: Instant,
    interval: Duration,
    calls: u64,
    taken: u64,
}

impl Schedule {
    /// So many calls a second for so long.
    pub(crate) fn new(start: Instant, rate: u32, time: Duration) -> Self {
        let interval = Duration::from_secs(1) / rate;
        let calls = time.as_nanos() / interval.as_nanos().max(1);
        Self { start, interval, calls: u64::try_from(calls).unwrap_or(u64::MAX), taken: 0 }
    }

    pub(crate) fn interval(&self) -> Duration {
        self.interval
    }

    /// When the next call is due; `None` after the last.
    pub(crate) fn next(&self) -> Option<Instant> {
        let nanos = u128::from(self.taken) * self.interval.as_nanos();
        let since = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        (self.taken < self.calls).then(|| self.start + since)
    }

    /// The next call, if it is due by now: when it was due.
    pub(crate) fn take(&mut self, now: Instant) -> Option<Instant> {
        let due = self.next().filter(|due| *due <= now)?;
        self.taken += 1;
        Some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_due_at_their_times_however_late_they_are_taken() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, 1_000, Duration::from_millis(4));
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(schedule.take(start), Some(at(0)));
        assert_eq!(schedule.take(at(1) - Duration::from_nanos(1)), None);
        // Nobody looked for a while: the calls of that time are due when they were.
        assert_eq!([schedule.take(at(9)), schedule.take(at(9))], [Some(at(1)), Some(at(2))]);
        assert_eq!([schedule.take(at(9)), schedule.take(at(9))], [Some(at(3)), None]);
        assert_eq!(schedule.next(), None);
    }

    #[test]
    fn a_rate_is_kept_in_the_long_run() {
        let start = Instant::now();
        let mut schedule = Schedule::new(start, 3_000, Duration::from_secs(10));
        let end = start + Duration::from_secs(10);
        let last = std::iter::from_fn(|| schedule.take(end)).enumerate().last().expect("there are calls");
        assert!((29_999..=30_001).contains(&(last.0 + 1)), "{}", last.0);
        assert!(end - last.1 < Duration::from_millis(1));
    }
}
