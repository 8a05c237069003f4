//! Times as traces write them, read to the nanosecond.
//!
//! Nothing passes through floating point: 1700000000.123456789 has more digits than an `f64` keeps.

use tidegate::Nanos;

/// What a time may look like, for messages.
pub(super) const EXPECTED: &str = "seconds since 1970 with up to nine decimals, RFC 3339 \
     (`2023-11-16T18:15:46.5Z`), or `YYYY-MM-DD HH:MM:SS.fffffff` in UTC";

const SECOND: u64 = 1_000_000_000;
const DAY: i64 = 86_400;
/// The engine's monotonic time ends here, in the year 2262.
const MAX_NANOS: u64 = i64::MAX as u64;

/// Why a text is not a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TimeError {
    /// None of the three forms.
    Form,
    /// More than nine decimals: the engine counts nanoseconds.
    Decimals,
    /// RFC 3339 with its `T` but without an offset: local time of who knows where.
    Offset,
    /// Before 1970 or after the engine's last nanosecond.
    Range,
    /// A month, day, hour, minute or second that does not exist.
    Calendar,
}

impl TimeError {
    /// What was expected instead.
    pub(super) fn expected(self) -> &'static str {
        match self {
            Self::Form => EXPECTED,
            Self::Decimals => "a time with at most nine decimals",
            Self::Offset => "an offset after the time, such as `Z` or `+02:00`",
            Self::Range => "a time from 1970 to 2262-04-11T23:47:16Z",
            Self::Calendar => "a date and time that exist (leap seconds are not in Unix time)",
        }
    }
}

/// Reads a time in any of the forms of [`EXPECTED`].
pub(super) fn parse(text: &[u8]) -> Result<Nanos, TimeError> {
    match text {
        [_, _, _, _, b'-', ..] => date_time(text),
        [b'-', rest @ ..] => seconds(rest).and(Err(TimeError::Range)),
        _ => seconds(text),
    }
}

/// `SSSS[.fffffffff]`.
fn seconds(text: &[u8]) -> Result<Nanos, TimeError> {
    let (whole, fraction) = split_fraction(text)?;
    let seconds = match digits(whole) {
        Some(seconds) => seconds,
        None if !whole.is_empty() && whole.iter().all(u8::is_ascii_digit) => return Err(TimeError::Range),
        None => return Err(TimeError::Form),
    };
    instant(i64::try_from(seconds).map_err(|_| TimeError::Range)?, fraction)
}

/// `YYYY-MM-DD`, a `T` or a space, `HH:MM:SS[.fffffffff]`, and an offset.
fn date_time(text: &[u8]) -> Result<Nanos, TimeError> {
    let (date, rest) = text.split_at_checked(10).ok_or(TimeError::Form)?;
    let (separator, rest) = rest.split_first().ok_or(TimeError::Form)?;
    let (clock, zone) = rest.split_at(rest.iter().position(|b| b"Zz+-".contains(b)).unwrap_or(rest.len()));
    let offset = match (separator, zone) {
        (b' ', []) => 0,
        (b'T' | b't', []) => return Err(TimeError::Offset),
        (b' ' | b'T' | b't', zone) => offset_seconds(zone)?,
        _ => return Err(TimeError::Form),
    };
    let (clock, fraction) = split_fraction(clock)?;
    instant(day_seconds(date)? + clock_seconds(clock)? - offset, fraction)
}

/// The time in an access log, `17/May/2015:10:05:03 +0000`.
pub(super) fn parse_access_log(text: &[u8]) -> Option<Nanos> {
    const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    let [d1, d2, b'/', m @ .., b'/', y1, y2, y3, y4] = text.get(..11)? else { return None };
    let month = MONTHS.chunks(3).position(|name| name == m)? as u64 + 1;
    let days = days_since_1970(digits(&[*y1, *y2, *y3, *y4])?, month, digits(&[*d1, *d2])?)?;
    let [b':', clock @ .., b' ', sign, h1, h2, m1, m2] = text.get(11..)? else { return None };
    let offset = offset_seconds(&[*sign, *h1, *h2, b':', *m1, *m2]).ok()?;
    instant(days * DAY + clock_seconds(clock).ok()? - offset, 0).ok()
}

/// A JSON number's text with its exponent carried out: `1.5e3` becomes `1500`. Some writers use exponents for small numbers.
pub(super) fn without_exponent(number: &str) -> Option<String> {
    let (mantissa, exponent) = number.split_once(['e', 'E'])?;
    // A time has at most ten digits before the point and nine after it; more only make it longer.
    let exponent: i32 = exponent.parse().ok().filter(|e| (-40..=40).contains(e))?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (sign, whole) = whole.strip_prefix('-').map_or(("", whole), |whole| ("-", whole));
    let digits = format!("{}{whole}{fraction}{}", "0".repeat(40), "0".repeat(40));
    let point = (40 + whole.len()).saturating_add_signed(exponent as isize);
    let (whole, fraction) = digits.split_at_checked(point)?;
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") })
}

/// The part before the point, and the nanoseconds after it.
fn split_fraction(text: &[u8]) -> Result<(&[u8], u64), TimeError> {
    const SCALE: [u64; 10] = [SECOND, 100_000_000, 10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1];
    let Some(point) = text.iter().position(|b| *b == b'.') else { return Ok((text, 0)) };
    let decimals = &text[point + 1..];
    if !decimals.iter().all(u8::is_ascii_digit) {
        return Err(TimeError::Form);
    }
    let scale = SCALE.get(decimals.len()).ok_or(TimeError::Decimals)?;
    Ok((&text[..point], digits(decimals).ok_or(TimeError::Form)? * scale))
}

fn instant(seconds: i64, nanos: u64) -> Result<Nanos, TimeError> {
    let seconds = u64::try_from(seconds).map_err(|_| TimeError::Range)?;
    seconds
        .checked_mul(SECOND)
        .and_then(|time| time.checked_add(nanos))
        .filter(|time| *time <= MAX_NANOS)
        .map(Nanos::new)
        .ok_or(TimeError::Range)
}

/// `YYYY-MM-DD` in seconds since 1970.
fn day_seconds(date: &[u8]) -> Result<i64, TimeError> {
    let [y @ .., b'-', m1, m2, b'-', d1, d2] = date else { return Err(TimeError::Form) };
    let (year, month, day) = (digits(y), digits(&[*m1, *m2]), digits(&[*d1, *d2]));
    let (Some(year), Some(month), Some(day)) = (year, month, day) else { return Err(TimeError::Form) };
    Ok(days_since_1970(year, month, day).ok_or(TimeError::Calendar)? * DAY)
}

/// `HH:MM:SS` in seconds.
fn clock_seconds(clock: &[u8]) -> Result<i64, TimeError> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = clock else { return Err(TimeError::Form) };
    let part = |tens: &u8, ones: &u8| digits(&[*tens, *ones]).ok_or(TimeError::Form);
    let (hours, minutes, seconds) = (part(h1, h2)?, part(m1, m2)?, part(s1, s2)?);
    if hours > 23 || minutes > 59 || seconds > 59 {
        return Err(TimeError::Calendar);
    }
    Ok((hours * 3_600 + minutes * 60 + seconds) as i64)
}

/// `Z`, `+HH:MM` or `-HH:MM` in seconds.
fn offset_seconds(zone: &[u8]) -> Result<i64, TimeError> {
    let (sign, h1, h2, m1, m2) = match zone {
        [b'Z' | b'z'] => return Ok(0),
        [b'+', h1, h2, b':', m1, m2] => (1, h1, h2, m1, m2),
        [b'-', h1, h2, b':', m1, m2] => (-1, h1, h2, m1, m2),
        _ => return Err(TimeError::Form),
    };
    Ok(sign * clock_seconds(&[*h1, *h2, b':', *m1, *m2, b':', b'0', b'0'])?)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; `None` if there is no such date.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<i64> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=length).contains(&day) || year > 9_999 {
        return None;
    }
    // Years begin in March here, so that the leap day comes last (Howard Hinnant, "days_from_civil").
    let year = (year as i64) - i64::from(month <= 2);
    let day_of_year = (153 * ((month as i64 + 9) % 12) + 2) / 5 + day as i64 - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    Some(year * 365 + leap_days + day_of_year - 719_468)
}

/// A number made of nothing but digits, and not too many of them.
pub(super) fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0_u64, |number, digit| {
        let digit = digit.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    fn nanos(text: &str) -> Result<u64, TimeError> {
        parse(text.as_bytes()).map(Nanos::get)
    }

    #[test]
    fn every_form_gives_the_exact_nanosecond() {
        for (text, expected) in [
            ("0", 0),
            ("1700000000", 1_700_000_000_000_000_000),
            ("1700000000.123456789", 1_700_000_000_123_456_789),
            ("1700000000.1", 1_700_000_000_100_000_000),
            ("9223372036.854775807", i64::MAX as u64),
            ("2023-11-16 18:15:46.6805900", 1_700_158_546_680_590_000),
            ("2023-11-16 18:15:46", 1_700_158_546_000_000_000),
            ("2023-11-16T18:15:46Z", 1_700_158_546_000_000_000),
            ("2023-11-16t20:15:46.000000001+02:00", 1_700_158_546_000_000_001),
            ("2023-11-16 12:45:46.5-05:30", 1_700_158_546_500_000_000),
            ("1970-01-01T01:00:00+01:00", 0),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000_000_000),
        ] {
            assert_eq!(nanos(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused_for_its_reason() {
        for (text, reason) in [
            ("", TimeError::Form),
            ("now", TimeError::Form),
            ("1e9", TimeError::Form),
            ("+5", TimeError::Form),
            (".5", TimeError::Form),
            ("5.", TimeError::Form),
            ("1.2.3", TimeError::Form),
            ("2023-11-16", TimeError::Form),
            ("2023-11-16 18:15", TimeError::Form),
            ("2023-11-16 18:15:46 ", TimeError::Form),
            ("2023-11-16T18:15:46+0200", TimeError::Form),
            ("1.0000000001", TimeError::Decimals),
            ("2023-11-16 18:15:46.0123456789", TimeError::Decimals),
            ("2023-11-16T18:15:46", TimeError::Offset),
            ("-1", TimeError::Range),
            ("1969-12-31T23:59:59Z", TimeError::Range),
            ("1970-01-01T00:00:00+00:01", TimeError::Range),
            ("9223372036.854775808", TimeError::Range),
            ("99999999999999999999", TimeError::Range),
            ("9999-01-01T00:00:00Z", TimeError::Range),
            ("2023-02-29T00:00:00Z", TimeError::Calendar),
            ("2023-13-01T00:00:00Z", TimeError::Calendar),
            ("2023-11-16T24:00:00Z", TimeError::Calendar),
            ("2016-12-31T23:59:60Z", TimeError::Calendar),
        ] {
            assert_eq!(nanos(text), Err(reason), "{text}");
        }
    }

    #[test]
    fn access_logs_write_times_their_own_way() {
        let read = |text: &str| parse_access_log(text.as_bytes()).map(Nanos::get);
        assert_eq!(read("17/May/2015:10:05:03 +0000"), Some(1_431_857_103_000_000_000));
        assert_eq!(read("17/May/2015:12:05:03 +0200"), Some(1_431_857_103_000_000_000));
        assert_eq!(read("17/Mai/2015:10:05:03 +0000"), None);
        assert_eq!(read("31/Apr/2015:10:05:03 +0000"), None);
        assert_eq!(read("17/May/2015:10:05:03"), None);
        assert_eq!(read(""), None);
    }

    #[test]
    fn exponents_are_carried_out_exactly() {
        for (number, plain) in [
            ("1e-05", "0.00001"),
            ("1.7E9", "1700000000"),
            ("1.234567890123e+3", "1234.567890123"),
            ("0e0", "0"),
            ("-1.5e1", "-15"),
        ] {
            assert_eq!(without_exponent(number).as_deref(), Some(plain));
        }
        assert_eq!(without_exponent("1e4000000000"), None);
    }

    quickcheck! {
        fn seconds_round_trip(time: u64) -> bool {
            let time = time & MAX_NANOS;
            nanos(&format!("{}.{:09}", time / SECOND, time % SECOND)) == Ok(time)
        }

        fn dates_agree_with_jiff(time: u64, offset_minutes: i16) -> bool {
            let time = time & MAX_NANOS;
            let minutes = i32::from(offset_minutes) % (23 * 60);
            let offset = jiff::tz::Offset::from_seconds(minutes * 60).unwrap();
            let stamp = jiff::Timestamp::from_nanosecond(i128::from(time)).unwrap();
            let local = format!("{:.9}", stamp.display_with_offset(offset));
            let utc = stamp.to_string();
            nanos(&local) == Ok(time)
                && nanos(&utc) == Ok(time)
                && nanos(&utc.replace('T', " ").replace('Z', "")) == Ok(time)
        }

        fn no_text_makes_it_panic(text: Vec<u8>, date: bool) -> bool {
            let text = if date { [b"2023-11-16 ".as_slice(), &text].concat() } else { text };
            let _ = (parse(&text), parse_access_log(&text));
            true
        }

        fn near_misses_do_not_panic(at: usize, byte: u8) -> bool {
            for form in ["2023-11-16T18:15:46.68059+02:00", "17/May/2015:10:05:03 +0000", "1700000000.5"] {
                let mut text = form.as_bytes().to_vec();
                let at = at % text.len();
                text[at] = byte;
                let _ = (parse(&text), parse_access_log(&text));
            }
            true
        }
    }
}
