//! Numbers and rows as people read them.

use crate::measure::Row;
use indicatif::HumanCount;

/// A number with a comma between each three digits.
pub fn grouped(number: u64) -> String {
    HumanCount(number).to_string()
}

/// What a row is about.
pub fn heading(row: Row) -> String {
    let Row { keys, distribution, threads } = row;
    format!("{}, {distribution}, {}", counted(keys, "key"), counted(threads, "thread"))
}

fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", grouped(number))
}

/// A time with about three digits.
pub(super) fn nanos(time: f64) -> String {
    if time < 99.95 { format!("{time:.1}") } else { grouped(time.round() as u64) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Distribution;

    #[test]
    fn digits_stand_in_threes() {
        let texts = [0, 999, 1_000, 10_000_000].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "10,000,000"]);
    }

    #[test]
    fn times_keep_three_digits() {
        assert_eq!([7.04, 99.94, 99.96, 2036.4].map(nanos), ["7.0", "99.9", "100", "2,036"]);
    }

    #[test]
    fn one_thread_is_no_threads() {
        let row = |keys, threads| heading(Row { keys, distribution: Distribution::Zipf, threads });
        assert_eq!(row(1, 2), "1 key, zipf, 2 threads");
        assert_eq!(row(1_000, 1), "1,000 keys, zipf, 1 thread");
    }
}
