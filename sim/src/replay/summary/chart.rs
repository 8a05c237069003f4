//! When calls were denied: a bar chart in one line, and the busiest minutes.

use super::text::{clock, date_time, duration, same_day};
use crate::text::grouped;
use std::cmp::Reverse;
use tidegate::Nanos;

/// Columns of the chart, if the trace has as many minutes.
const WIDTH: u64 = 60;
/// How many of the busiest minutes are told.
const BUSIEST: usize = 3;
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The chart of denied calls by minute since 1970.
pub(super) fn denials(denials: &[(u64, u64)], first: Nanos, last: Nanos) -> String {
    let (from, to) = (first.get() / Nanos::MINUTE.get(), last.get() / Nanos::MINUTE.get());
    let minutes_each = (to - from + 1).div_ceil(WIDTH);
    let mut columns = vec![0; (to - from + 1).div_ceil(minutes_each) as usize];
    for (minute, count) in denials {
        columns[((minute - from) / minutes_each) as usize] += count;
    }
    format!(
        "Denied calls over time, a column every {}\n│{}│\nBusiest minutes (UTC): {}",
        duration(Nanos::from_secs(minutes_each * 60)),
        bars(&columns),
        busiest(denials)
    )
}

/// A bar for each count; a blank for none at all, so that a single denied call still shows.
fn bars(counts: &[u64]) -> String {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let bar = |count: &u64| match count {
        0 => ' ',
        _ => BARS[(count * (BARS.len() as u64 - 1)).div_ceil(most) as usize],
    };
    counts.iter().map(bar).collect()
}

/// The minutes with the most denied calls, of equal ones the first.
fn busiest(denials: &[(u64, u64)]) -> String {
    let mut by_count = denials.to_vec();
    by_count.sort_by_key(|(_, count)| Reverse(*count));
    let mut day = None;
    let told = by_count.iter().take(BUSIEST).map(|(minute, count)| {
        let time = Nanos::from_secs(minute * 60);
        let known = day.replace(time).is_some_and(|day| same_day(day, time));
        let time = if known { clock(time) } else { date_time(time) };
        format!("{} ({})", time.strip_suffix(":00").unwrap_or(&time), grouped(*count))
    });
    told.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_for_each_stretch_of_time() {
        assert_eq!(bars(&[0, 1, 700, 0, 350, 0]), " ▂█ ▅ ");
        let chart = denials(&[(10, 1), (12, 7)], Nanos::from_secs(600), Nanos::from_secs(780));
        assert_eq!(
            chart,
            "Denied calls over time, a column every 1 min\n│▂ █ │\nBusiest minutes (UTC): 1970-01-01 00:12 (7), 00:10 (1)"
        );
        let chart = denials(&[(60, 1)], Nanos::from_secs(3_600), Nanos::from_secs(3_600));
        assert!(chart.ends_with("1970-01-01 01:00 (1)"), "a full hour keeps its minutes: {chart}");
    }
}
