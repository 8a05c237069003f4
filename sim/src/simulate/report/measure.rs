//! How a measure is called and written for people.

use crate::simulate::format::{count, percent, rate, seconds};

/// A measure in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Words {
    /// Its name.
    pub(crate) name: String,
    /// What it is counted in.
    pub(crate) unit: Unit,
    /// Which way is better, if any is.
    pub(crate) better: Option<Better>,
}

/// Which way a measure is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Better {
    /// The higher the better.
    Higher,
    /// The lower the better.
    Lower,
}

/// What a measure is counted in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// A part of a whole, shown in per cent.
    Share,
    /// A time.
    Seconds,
    /// So many a second.
    PerSecond,
    /// A bare number.
    Number,
}

/// Measures that have words of their own, in the order in which they are shown.
const KNOWN: [(&str, &str, Unit, Option<Better>); 28] = [
    ("success_share", "calls served", Unit::Share, Some(Better::Higher)),
    ("retries_per_call", "retries a call", Unit::Number, Some(Better::Lower)),
    ("denied_share", "attempts denied", Unit::Share, Some(Better::Lower)),
    ("goodput_per_second", "goodput", Unit::PerSecond, Some(Better::Higher)),
    ("seconds_to_success_p50", "time to success, p50", Unit::Seconds, Some(Better::Lower)),
    ("seconds_to_success_p99", "time to success, p99", Unit::Seconds, Some(Better::Lower)),
    ("fair_jain", "fair index", Unit::Number, Some(Better::Higher)),
    ("fair_least", "least of a fair share", Unit::Share, Some(Better::Higher)),
    ("starvation_seconds_most", "longest without a success", Unit::Seconds, Some(Better::Lower)),
    ("hint_denied_share", "hints followed in vain", Unit::Share, Some(Better::Lower)),
    ("attempts_swing", "swing of attempts", Unit::Share, Some(Better::Lower)),
    ("goodput_swing", "swing of goodput", Unit::Share, Some(Better::Lower)),
    ("utilisation", "time at work", Unit::Share, None),
    ("loss", "calls turned away", Unit::Share, Some(Better::Lower)),
    ("sojourn_p99", "time there, p99", Unit::Seconds, Some(Better::Lower)),
    ("wasted_share", "work for nobody", Unit::Share, Some(Better::Lower)),
    ("attempts_per_call", "attempts a call", Unit::Number, Some(Better::Lower)),
    ("fair_p1", "what 99 in 100 have of a fair share", Unit::Share, Some(Better::Higher)),
    ("fair_jain_1w", "fair index in a window", Unit::Number, Some(Better::Higher)),
    ("fair_jain_10w", "fair index in ten windows", Unit::Number, Some(Better::Higher)),
    ("starvation_seconds_p99", "longest without, of 99 in 100", Unit::Seconds, Some(Better::Lower)),
    ("jain", "Jain’s index", Unit::Number, Some(Better::Higher)),
    ("least_share", "smallest share, of the mean", Unit::Share, Some(Better::Higher)),
    ("p1_share", "what 99 in 100 have, of the mean", Unit::Share, Some(Better::Higher)),
    ("in_system", "calls there", Unit::Number, Some(Better::Lower)),
    ("waiting_mean", "time in the queue, mean", Unit::Seconds, Some(Better::Lower)),
    ("sojourn_mean", "time there, mean", Unit::Seconds, Some(Better::Lower)),
    ("sojourn_p95", "time there, p95", Unit::Seconds, Some(Better::Lower)),
];

/// The words for a measure by its field in `--json`; what has none of its own is called by the field's.
pub(crate) fn words(field: &str) -> Words {
    match KNOWN.iter().find(|(known, ..)| *known == field) {
        Some((_, name, unit, better)) => Words { name: (*name).into(), unit: *unit, better: *better },
        None => Words { name: field.replace('_', " "), unit: unit_of(field), better: None },
    }
}

/// So many of the known measures have charts at once; of others the numbers are enough.
const CHARTED: usize = 16;

/// Whether a measure is one of those that matter most.
pub(crate) fn is_charted(field: &str) -> bool {
    place(field) < CHARTED
}

/// The place of a measure among others: those with words first.
pub(crate) fn place(field: &str) -> usize {
    KNOWN.iter().position(|(known, ..)| *known == field).unwrap_or(KNOWN.len())
}

/// Fields say their unit.
fn unit_of(field: &str) -> Unit {
    let has = |part| field.split('_').any(|word| word == part);
    match field {
        _ if field.ends_with("per_second") => Unit::PerSecond,
        _ if has("share") => Unit::Share,
        _ if has("seconds") => Unit::Seconds,
        _ => Unit::Number,
    }
}

impl Unit {
    /// A value by itself, in about three digits.
    pub(crate) fn value(self, value: f64) -> String {
        match self {
            Self::Share if (0.0..=1.0).contains(&value) => percent(value),
            Self::Share => format!("{:.0}%", value * 100.0),
            Self::Seconds => seconds(value),
            Self::PerSecond => format!("{}/s", rate(value)),
            Self::Number => fixed(value, decimals(value, 3)),
        }
    }

    /// A mean and how far its interval goes: as many digits as that leaves sense to.
    pub(crate) fn with_interval(self, mean: f64, half_width: f64) -> (String, String) {
        let (factor, suffix) = self.scale(mean.abs());
        let (digits, half_width) = half(mean * factor, half_width * factor);
        (format!("{}{suffix}", fixed(mean * factor, digits)), half_width)
    }

    /// A change with its sign, and how far its interval goes.
    pub(crate) fn change(self, mean: f64, half_width: f64) -> (String, String) {
        let sign = if mean > 0.0 { "+" } else { "" };
        let (size, half_width) = self.size_of_change(mean, half_width);
        let sign = if mean < 0.0 { "−" } else { sign };
        (format!("{sign}{size}"), half_width)
    }

    /// The size of a change, without its sign, and how far its interval goes.
    pub(crate) fn size_of_change(self, mean: f64, half_width: f64) -> (String, String) {
        let size = mean.abs();
        let (factor, suffix) = match self {
            Self::Share => (100.0, " points"),
            _ => self.scale(size),
        };
        let (digits, half_width) = half(size * factor, half_width * factor);
        (format!("{}{suffix}", fixed(size * factor, digits)), half_width)
    }

    /// A tick of an axis on which values go up to `largest`.
    pub(crate) fn tick(self, value: f64, largest: f64) -> String {
        let (factor, suffix) = self.scale(largest);
        let digits = decimals(largest * factor, 3);
        let number = trimmed(fixed(value * factor, digits));
        format!("{number}{suffix}")
    }

    /// What a time is multiplied with before it is drawn on an axis, so that its ticks are round where they are written in minutes or hours.
    pub(super) fn on_an_axis(self, largest: f64) -> f64 {
        if self == Self::Seconds { self.scale(largest).0 } else { 1.0 }
    }

    /// What values of this size are multiplied with to be shown, and what they are shown in.
    fn scale(self, size: f64) -> (f64, &'static str) {
        match self {
            Self::Share => (100.0, "%"),
            Self::Seconds if size < 0.9995 => (1e3, " ms"),
            Self::Seconds if size < 99.95 => (1.0, " s"),
            Self::Seconds if size < 7_200.0 => (1.0 / 60.0, " min"),
            Self::Seconds => (1.0 / 3_600.0, " h"),
            Self::PerSecond => (1.0, "/s"),
            Self::Number => (1.0, ""),
        }
    }
}

/// How far an interval goes, not to be broken.
pub(crate) fn plus_minus(half_width: &str) -> String {
    format!("±\u{a0}{half_width}")
}

/// How many decimals a value deserves whose interval goes so far, and how that is written.
fn half(value: f64, half_width: f64) -> (usize, String) {
    const MOST: usize = 5;
    if half_width == 0.0 || !half_width.is_finite() {
        return (decimals(value, 3), "0".into());
    }
    // One digit of it that counts; of ten to nineteen two, or rounding would matter.
    let leading = half_width / libm::pow(10.0, libm::log10(half_width).floor());
    let digits = decimals(half_width, if leading < 1.95 { 2 } else { 1 });
    match digits {
        0..=MOST => (digits, fixed(half_width, digits)),
        _ => (MOST, "<0.00001".into()),
    }
}

/// The decimals that leave so many digits of a value.
fn decimals(value: f64, digits: i32) -> usize {
    if value == 0.0 || !value.is_finite() {
        return 0;
    }
    let after = |size: f64| (digits - 1 - libm::log10(size).floor() as i32).clamp(0, 9);
    let unrounded = after(value.abs());
    // Rounding may carry: 0.9997 in three digits is 1.00, as 1 is.
    let one = libm::pow(10.0, f64::from(unrounded));
    let rounded = (value.abs() * one).round() / one;
    (if rounded > 0.0 { after(rounded) } else { unrounded }) as usize
}

/// A number with so many decimals, its whole part in threes.
fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{:.*}", decimals, value.abs());
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let whole = whole.parse().map_or_else(|_| whole.to_owned(), count);
    let is_zero = text.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    let sign = if value < 0.0 && !is_zero { "−" } else { "" };
    format!("{sign}{whole}{rest}")
}

/// A number without zeros at its end that say nothing.
pub(super) fn trimmed(number: String) -> String {
    if !number.contains('.') {
        return number;
    }
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A bare number in about three digits.
pub(super) fn number(value: f64) -> String {
    trimmed(fixed(value, decimals(value, 3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_says_how_many_digits_count() {
        let text = |unit: Unit, mean, half| unit.with_interval(mean, half);
        assert_eq!(text(Unit::Share, 0.81234, 0.0031), ("81.2%".into(), "0.3".into()));
        assert_eq!(text(Unit::Seconds, 0.0501, 0.0), ("50.1 ms".into(), "0".into()));
        assert_eq!(text(Unit::Seconds, 130.0, 13.0), ("2.2 min".into(), "0.2".into()));
        assert_eq!(text(Unit::PerSecond, 12_345.6, 123.0), ("12,346/s".into(), "123".into()));
        assert_eq!(text(Unit::Number, 0.5, 1e-9), ("0.50000".into(), "<0.00001".into()));
    }

    #[test]
    fn changes_have_a_sign_and_shares_change_by_points() {
        assert_eq!(Unit::Share.change(-0.186, 0.002), ("−18.6 points".into(), "0.2".into()));
        assert_eq!(Unit::Number.change(1.5, 0.02), ("+1.50".into(), "0.02".into()));
        assert_eq!(Unit::Number.change(0.0, 0.0), ("0".into(), "0".into()));
    }

    #[test]
    fn fields_without_words_are_still_shown() {
        let words = words("longest_starvation_seconds");
        assert_eq!((words.name.as_str(), words.unit), ("longest starvation seconds", Unit::Seconds));
        assert_eq!(Unit::Number.value(1_234.6), "1,235");
        assert_eq!([0.9994, 0.9997, 1.0].map(|value| Unit::Number.value(value)), ["0.999", "1.00", "1.00"]);
        assert_eq!([0.0, 0.002, 1.5, 30.0, 20_000.0].map(number), ["0", "0.002", "1.5", "30", "20,000"]);
        assert_eq!(Unit::Share.tick(0.5, 1.0), "50%");
    }
}
