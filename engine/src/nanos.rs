//! Time as a type: a count of nanoseconds whose arithmetic saturates.

use std::fmt;
use std::time::Duration;

/// A span of time, or a point on a clock's scale, in integer nanoseconds.
///
/// All arithmetic saturates at zero and at `u64::MAX` (584 years): no input makes it wrap or panic.
///
/// ```
/// use tidegate::Nanos;
/// assert_eq!(Nanos::from_millis(1_500), Nanos::from_secs(1) + Nanos::from_millis(500));
/// assert_eq!(Nanos::from_secs(1) - Nanos::from_secs(2), Nanos::ZERO);
/// assert_eq!(Nanos::from_millis(1_001).as_secs_ceil(), 2);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nanos(u64);

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;
/// Nanoseconds in a millisecond.
const MILLISECOND: u64 = 1_000_000;

impl Nanos {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The largest representable time, 584 years.
    pub const MAX: Self = Self(u64::MAX);
    /// One minute.
    pub const MINUTE: Self = Self::from_secs(60);
    /// One day of 86,400 seconds, as UTC counts them.
    pub const DAY: Self = Self::from_secs(86_400);

    /// A count of nanoseconds.
    pub const fn new(nanos: u64) -> Self {
        Self(nanos)
    }

    /// A count of seconds, saturating.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(SECOND))
    }

    /// A count of milliseconds, saturating.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(MILLISECOND))
    }

    /// The count of nanoseconds.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Whole seconds, rounded up.
    pub const fn as_secs_ceil(self) -> u64 {
        self.0.div_ceil(SECOND)
    }

    /// Whole milliseconds, rounded up.
    pub const fn as_millis_ceil(self) -> u64 {
        self.0.div_ceil(MILLISECOND)
    }

    /// Seconds as a float, for display and statistics.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / SECOND as f64
    }
}

impl std::ops::Add for Nanos {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::ops::Sub for Nanos {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl From<Duration> for Nanos {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Nanos> for Duration {
    fn from(nanos: Nanos) -> Self {
        Self::from_nanos(nanos.0)
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Duration::from(*self), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    #[test]
    fn units_convert_and_saturate() {
        assert_eq!(Nanos::from_secs(2).get(), 2_000_000_000);
        assert_eq!(Nanos::from_millis(3).get(), 3_000_000);
        assert_eq!((Nanos::MINUTE.get(), Nanos::DAY.get()), (60_000_000_000, 86_400_000_000_000));
        assert_eq!([Nanos::from_secs(u64::MAX), Nanos::from_millis(u64::MAX)], [Nanos::MAX; 2]);
        assert_eq!(Nanos::from(Duration::MAX), Nanos::MAX);
        assert_eq!(Nanos::from(Duration::new(1, 7)), Nanos::new(1_000_000_007));
        assert_eq!(Duration::from(Nanos::new(1_000_000_007)), Duration::new(1, 7));
    }

    #[test]
    fn sums_and_differences_saturate() {
        let [three, five] = [Nanos::new(3), Nanos::new(5)];
        assert_eq!((five + three, five - three, three - five), (Nanos::new(8), Nanos::new(2), Nanos::ZERO));
        assert_eq!((Nanos::MAX + three, Nanos::MAX - Nanos::MAX), (Nanos::MAX, Nanos::ZERO));
    }

    #[test]
    fn whole_seconds_and_milliseconds_are_rounded_up() {
        let ceil = |nanos| (Nanos::new(nanos).as_secs_ceil(), Nanos::new(nanos).as_millis_ceil());
        assert_eq!([ceil(0), ceil(1)], [(0, 0), (1, 1)]);
        assert_eq!([ceil(1_000_000), ceil(1_000_001)], [(1, 1), (1, 2)]);
        assert_eq!([ceil(1_000_000_000), ceil(1_000_000_001)], [(1, 1_000), (2, 1_001)]);
        assert_eq!(Nanos::new(1_500_000_000).as_secs_f64(), 1.5);
        assert_eq!(Nanos::new(1_500_000_000).to_string(), "1.5s");
    }

    /// The least whole number of units that is not less.
    fn is_rounded_up(nanos: u64, rounded: u64, unit: u64) -> bool {
        let (nanos, rounded, unit) = (u128::from(nanos), u128::from(rounded), u128::from(unit));
        rounded * unit >= nanos && (rounded == 0 || (rounded - 1) * unit < nanos)
    }

    quickcheck! {
        fn seconds_and_milliseconds_are_rounded_up(whole: u64, off: u8, nanos: u64) -> bool {
            [SECOND, MILLISECOND].into_iter().all(|unit| {
                let about = (whole % (u64::MAX / unit)).saturating_mul(unit).saturating_add(u64::from(off % 3));
                [nanos, about, about.saturating_sub(1), u64::MAX].into_iter().all(|nanos| {
                    let time = Nanos::new(nanos);
                    let rounded = if unit == SECOND { time.as_secs_ceil() } else { time.as_millis_ceil() };
                    is_rounded_up(nanos, rounded, unit)
                })
            })
        }
    }
}
