//! The intervals in which counts over time are kept.
//!
//! What swings with a window of a minute is not seen in intervals of half a minute. So counts are kept in fine intervals, of
//! which whole numbers make the [`INTERVALS`] that are shown.

use super::scenario::{Happening, Scenario};
use tidegate::{Nanos, Plan, Span};

/// Intervals that are shown.
pub(crate) const INTERVALS: usize = 120;
/// Fine intervals of a window, where memory allows: a wave of so many samples is seen well, and its overtones are too.
const OF_A_WINDOW: u64 = 12;
/// The most fine intervals of a population, and of all together: 300 KB and 2.6 MB of counts.
const MOST: usize = 64 * INTERVALS;
const MOST_OF_ALL: usize = 65_536;
/// What counts as a plan's window where it sets no limit in one.
pub(crate) const USUAL_WINDOW: Nanos = Nanos::MINUTE;

/// How a run's time is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    /// The length of a fine interval.
    pub(crate) fine: Nanos,
    /// So many make one that is shown.
    pub(crate) joined: usize,
}

impl Grid {
    /// The division for a scenario, which depends on that alone.
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let changes = scenario.script.iter().filter_map(|line| match &line.what {
            Happening::PlanChange { plan, .. } => Some(window(plan)),
            _ => None,
        });
        let windows = scenario.populations.iter().map(|population| window(&population.plan)).chain(changes);
        let shortest = windows.min().unwrap_or(USUAL_WINDOW);
        Self::with(scenario.duration, shortest, scenario.populations.len())
    }

    fn with(duration: Nanos, window: Nanos, populations: usize) -> Self {
        let shown = duration.get().div_ceil(INTERVALS as u64).max(1);
        let most = (MOST_OF_ALL / populations.max(1)).min(MOST) / INTERVALS;
        let wanted = shown.saturating_mul(OF_A_WINDOW).div_ceil(window.get());
        let joined = (most as u64).min(wanted).clamp(1, shown);
        Self { fine: Nanos::new(shown.div_ceil(joined)), joined: joined as usize }
    }

    /// The length of an interval that is shown.
    pub(crate) fn shown(self) -> Nanos {
        Nanos::new(self.fine.get().saturating_mul(self.joined as u64))
    }

    /// How many fine intervals there are.
    pub(crate) fn len(self) -> usize {
        INTERVALS * self.joined
    }
}

/// The shortest window in which a plan denies.
pub(crate) fn window(plan: &Plan) -> Nanos {
    let windows = plan.limits().filter_map(|(_, limit)| match limit.span() {
        Span::Window(window) => Some(window),
        Span::Day => None,
    });
    windows.min().unwrap_or(USUAL_WINDOW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    #[test]
    fn a_window_has_twelve_intervals_where_memory_allows() {
        let hour = Nanos::from_secs(3_600);
        assert_eq!(Grid::with(hour, Nanos::MINUTE, 1), Grid { fine: Nanos::from_secs(5), joined: 6 });
        // A window of a second would take 43,200 intervals; of an hour, one that is shown is short enough.
        assert_eq!(Grid::with(hour, Nanos::from_secs(1), 1).joined, 64);
        assert_eq!(Grid::with(hour, hour, 1), Grid { fine: Nanos::from_secs(30), joined: 1 });
        assert_eq!(Grid::with(hour, Nanos::MINUTE, 1_000).joined, 1);
    }

    #[test]
    fn the_shortest_window_of_a_plan_counts() {
        assert_eq!(window(&Plan::free()), Nanos::MINUTE);
        assert_eq!(window(&Plan::enterprise()), USUAL_WINDOW);
    }

    quickcheck! {
        fn the_intervals_cover_the_run(duration: u64, window: u64, populations: u8) -> bool {
            let duration = Nanos::from_secs(1 + duration % 34_560_000);
            let grid = Grid::with(duration, Nanos::from_millis(1 + window % 86_400_000), populations.into());
            grid.fine.get().saturating_mul(grid.len() as u64) >= duration.get() && grid.len() <= MOST
        }
    }
}
