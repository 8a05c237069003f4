//! Numbers as people read them.

pub(crate) use crate::text::grouped as count;
use tidegate::Nanos;

/// So many of something that has an ordinary plural: `1 key`, `2 keys`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// A share in per cent; never 0 or 100 by rounding alone.
pub(crate) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    match percent {
        0.0 => "0%".into(),
        _ if percent < 0.1 => "<0.1%".into(),
        100.0 => "100%".into(),
        _ if percent > 99.9 => ">99.9%".into(),
        _ if !(10.0..=99.0).contains(&percent) => format!("{percent:.1}%"),
        _ => format!("{percent:.0}%"),
    }
}

/// A time in the unit that suits it.
pub(crate) fn seconds(seconds: f64) -> String {
    match seconds {
        _ if seconds < 0.9995 => format!("{:.0} ms", seconds * 1e3),
        _ if seconds < 9.995 => format!("{seconds:.2} s"),
        _ if seconds < 99.95 => format!("{seconds:.1} s"),
        _ if seconds < 7_200.0 => format!("{:.1} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3_600.0),
    }
}

/// A chosen time, as it was chosen: in the largest unit that leaves no fraction.
pub(crate) fn duration(time: Nanos) -> String {
    const UNITS: [(&str, u64); 5] =
        [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)];
    let millis = time.get() / 1_000_000;
    if millis > 1_000 && !millis.is_multiple_of(1_000) && millis < 60_000 {
        return format!("{} s", millis as f64 / 1_000.0);
    }
    let (unit, of) =
        UNITS.into_iter().find(|(_, of)| millis.is_multiple_of(*of) && millis >= *of).unwrap_or(("ms", 1));
    format!("{} {unit}", millis / of)
}

/// A rate with about three digits.
pub(crate) fn rate(per_second: f64) -> String {
    match per_second {
        _ if per_second >= 1_000.0 => count(per_second.round() as u64),
        _ if per_second >= 100.0 => format!("{per_second:.0}"),
        _ if per_second >= 10.0 => format!("{per_second:.1}"),
        _ => format!("{per_second:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let shares = [0.0, 0.0001, 0.0123, 0.5, 0.9912, 0.99999, 1.0];
        assert_eq!(shares.map(percent), ["0%", "<0.1%", "1.2%", "50%", "99.1%", ">99.9%", "100%"]);
        assert_eq!([0.05, 0.9999, 12.34, 300.0].map(seconds), ["50 ms", "1.00 s", "12.3 s", "5.0 min"]);
        let durations = [3_600_000, 5_400_000, 30_000, 1_500].map(Nanos::from_millis);
        assert_eq!(durations.map(duration), ["1 h", "90 min", "30 s", "1.5 s"]);
        assert_eq!([0, 1, 1_000].map(|n| counted(n, "key")), ["0 keys", "1 key", "1,000 keys"]);
        assert_eq!([0.5, 12.34, 123.4, 12_345.6].map(rate), ["0.50", "12.3", "123", "12,346"]);
    }
}
