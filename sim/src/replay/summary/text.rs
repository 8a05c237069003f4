//! Numbers and times as a person reads them.

use tidegate::Nanos;

const SECOND: u64 = 1_000_000_000;

/// The share of `part` in `whole`; nothing of nothing is nothing.
pub(super) fn percent(part: u64, whole: u64) -> String {
    if whole == 0 { "-".into() } else { format!("{:.1} %", part as f64 * 100.0 / whole as f64) }
}

pub(super) fn plural(count: u64, noun: &str) -> String {
    if count == 1 { noun.into() } else { format!("{noun}s") }
}

/// `2015-05-17 10:05:03`, in UTC.
pub(super) fn date_time(time: Nanos) -> String {
    formatted(time, "%Y-%m-%d %H:%M:%S")
}

/// `10:05:03`, in UTC.
pub(super) fn clock(time: Nanos) -> String {
    formatted(time, "%H:%M:%S")
}

fn formatted(time: Nanos, format: &str) -> String {
    // Traces end in 2262, long before the calendar does.
    let second = i64::try_from(time.get() / SECOND).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(second)
        .map_or_else(|_| second.to_string(), |time| time.strftime(format).to_string())
}

pub(super) fn same_day(one: Nanos, other: Nanos) -> bool {
    one.get() / Nanos::DAY.get() == other.get() / Nanos::DAY.get()
}

/// The two largest parts of a duration: `3 d 11 h`, `58 min 21 s`, `1 min`, `1.5 s`.
pub(super) fn duration(time: Nanos) -> String {
    let seconds = time.get() / SECOND;
    let (large, small) = match seconds {
        86_400.. => ((seconds / 86_400, "d"), (seconds / 3_600 % 24, "h")),
        3_600.. => ((seconds / 3_600, "h"), (seconds / 60 % 60, "min")),
        60.. => ((seconds / 60, "min"), (seconds % 60, "s")),
        _ => return format!("{} s", time.as_secs_f64()),
    };
    let part = |(count, unit): (u64, &str)| format!("{count} {unit}");
    if small.0 == 0 { part(large) } else { part(large) + " " + &part(small) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(0, 0), "-");
        assert_eq!(date_time(Nanos::from_secs(1_431_857_103)), "2015-05-17 10:05:03");
        assert_eq!(clock(Nanos::ZERO), "00:00:00");
        let told = [300_000, 7_260, 60].map(|seconds| duration(Nanos::from_secs(seconds)));
        assert_eq!(told, ["3 d 11 h", "2 h 1 min", "1 min"]);
        assert_eq!(duration(Nanos::from_millis(1_500)), "1.5 s");
    }
}
