//! The numbers a guard is made with.

use super::block::Terms;
use super::bucket::Rate;
use super::network::{Network, Networks};
use super::table::Table;
use super::{Counter, Guard};
use crate::nanos::Nanos;
use crate::sync::AtomicU64;
use std::fmt;

/// Sizes and rules of a guard. All memory is asked for at the start, and none later.
///
/// The defaults and the evidence for them are in `docs/guard.md`.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    addresses: usize,
    pairs: usize,
    tolerance: u32,
    drain: Nanos,
    leeway: Nanos,
    first_block: Nanos,
    longest_block: Nanos,
    forgiveness: Nanos,
    status: u16,
    allowed: Vec<Network>,
    seed: Option<u64>,
}

/// A guard that cannot be made. Trying again with the same numbers does not help, unless it was memory that
/// was missing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// A number is out of its range.
    OutOfRange {
        /// The [`Builder`]'s method and the configuration's field.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// The system does not give the memory for so many.
    Memory {
        /// The [`Builder`]'s method and the configuration's field.
        field: &'static str,
        /// Its value.
        capacity: usize,
    },
}

impl BuildError {
    /// The field at fault, by its name in the [`Builder`] and in a configuration.
    pub const fn field(&self) -> &'static str {
        match self {
            Self::OutOfRange { field, .. } | Self::Memory { field, .. } => field,
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OutOfRange { field, expected, found } => {
                write!(f, "`{field}` must be {expected}, found {found}")
            }
            Self::Memory { field, capacity } => write!(f, "there is no memory for `{field}` of {capacity}"),
        }
    }
}

impl std::error::Error for BuildError {}

/// Early calls of many workers come in waves: each is told once to wait, all within the time that a call takes. So
/// however many come at once, strikes stand no faster than this: half the tolerance at once (if the tolerance is
/// small, this many), ...
const LEAST_BURST: u32 = 16;

/// ... and then 1.28 for each one that drains: a wave must last to reach the tolerance. At the default rates these are
/// 16 a second, of the 20 of an attacker who is to be blocked within seconds.
const fn burst_drain(drain: Nanos) -> Nanos {
    Nanos::new(drain.get() / 32 * 25)
}

/// What a guard needs of its numbers.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) strikes: Rate,
    pub(super) tolerance: u32,
    pub(super) burst: Rate,
    pub(super) leeway: Nanos,
    pub(super) terms: Terms,
    pub(super) status: u16,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            addresses: 1 << 16,
            pairs: 1 << 18,
            tolerance: 32,
            drain: Nanos::from_millis(80),
            leeway: Nanos::from_millis(100),
            first_block: Nanos::from_secs(30),
            longest_block: Nanos::from_secs(15 * 60),
            forgiveness: Nanos::from_secs(60 * 60),
            status: 429,
            allowed: Vec::new(),
            seed: None,
        }
    }
}

impl Builder {
    /// Room for so many addresses that are blocked or on record at the same time, from 1 to 2³⁰, at 64 bytes
    /// each. 65,536 if not set.
    pub fn addresses(self, addresses: usize) -> Self {
        Self { addresses, ..self }
    }

    /// Room for so many pairs of an address and a key that were denied of late, from 1 to 2³⁰, at 64 bytes
    /// each. 262,144 if not set.
    pub fn pairs(self, pairs: usize) -> Self {
        Self { pairs, ..self }
    }

    /// So many strikes may stand before an address is blocked, from 1 to 1,000. 32 if not set.
    pub fn tolerance(self, strikes: u32) -> Self {
        Self { tolerance: strikes, ..self }
    }

    /// The time in which one strike drains, from 1 ms to 1 h. 80 ms if not set: 12.5 a second.
    pub fn drain(self, drain: Nanos) -> Self {
        Self { drain, ..self }
    }

    /// How much before its time a call may come without a strike, from 0 to 10 s: for clocks and timers that
    /// are not exact. 100 ms if not set.
    pub fn leeway(self, leeway: Nanos) -> Self {
        Self { leeway, ..self }
    }

    /// How long the first block lasts, from 1 s to [`longest_block`](Self::longest_block). 30 s if not set.
    pub fn first_block(self, length: Nanos) -> Self {
        Self { first_block: length, ..self }
    }

    /// How long a block lasts at most, up to 24 h. 15 min if not set.
    pub fn longest_block(self, length: Nanos) -> Self {
        Self { longest_block: length, ..self }
    }

    /// A block that begins within this of the beginning of the one before is twice as long as that; from
    /// [`longest_block`](Self::longest_block) to 7 days. 1 h if not set.
    pub fn forgiveness(self, time: Nanos) -> Self {
        Self { forgiveness: time, ..self }
    }

    /// The HTTP status to send to blocked addresses, from 400 to 599. 429 if not set.
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Networks that never count, besides those already given.
    pub fn allow(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.allowed.extend(networks);
        self
    }

    /// A fixed seed for the hash of addresses and keys, where runs must repeat to the last byte. Not for
    /// production: who knows the seed can make addresses collide. Drawn from the system if not set.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// The guard.
    pub fn build(self) -> Result<Guard, BuildError> {
        let rules = self.rules()?;
        let table = |field, owners| Table::new(owners).ok_or(BuildError::Memory { field, capacity: owners });
        Ok(Guard {
            rules,
            allowed: Networks::new(&self.allowed),
            hasher: crate::seed::hasher(self.seed),
            addresses: table("addresses", self.addresses)?,
            pairs: table("pairs", self.pairs)?,
            blocked_until: AtomicU64::new(0),
            strikes: Counter::new(),
            blocks: Counter::new(),
            blocked_calls: Counter::new(),
            untracked_addresses: Counter::new(),
            untracked_pairs: Counter::new(),
        })
    }

    fn rules(&self) -> Result<Rules, BuildError> {
        const SECOND: Nanos = Nanos::from_secs(1);
        const HOUR: Nanos = Nanos::from_secs(3_600);
        const WEEK: Nanos = Nanos::from_secs(7 * 86_400);
        let (first, longest) = (self.first_block, self.longest_block);
        within(
            "tolerance",
            "from 1 to 1000 strikes",
            (1..=1_000).contains(&self.tolerance),
            &self.tolerance,
        )?;
        within(
            "drain",
            "from 1 ms to 1 h",
            (Nanos::from_millis(1)..=HOUR).contains(&self.drain),
            &self.drain,
        )?;
        within("leeway", "from 0 to 10 s", self.leeway <= Nanos::from_secs(10), &self.leeway)?;
        within("longest_block", "from 1 s to 24 h", (SECOND..=Nanos::DAY).contains(&longest), &longest)?;
        within("first_block", "from 1 s to `longest_block`", (SECOND..=longest).contains(&first), &first)?;
        let (field, expected) = ("forgiveness", "from `longest_block` to 7 days");
        within(field, expected, (longest..=WEEK).contains(&self.forgiveness), &self.forgiveness)?;
        within("status", "from 400 to 599", (400..=599).contains(&self.status), &self.status)?;
        for (field, owners) in [("addresses", self.addresses), ("pairs", self.pairs)] {
            within(field, "from 1 to 1073741824", (1..=1 << 30).contains(&owners), &owners)?;
        }
        Ok(Rules {
            strikes: Rate::new(self.drain, self.tolerance),
            tolerance: self.tolerance,
            burst: Rate::new(burst_drain(self.drain), LEAST_BURST.max(self.tolerance / 2)),
            leeway: self.leeway,
            terms: Terms { first, longest, forgiveness: self.forgiveness },
            status: self.status,
        })
    }
}

fn within(
    field: &'static str,
    expected: &'static str,
    holds: bool,
    found: &dyn fmt::Display,
) -> Result<(), BuildError> {
    if holds { Ok(()) } else { Err(BuildError::OutOfRange { field, expected, found: found.to_string() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_that_are_documented() {
        let Builder { addresses, pairs, tolerance, drain, leeway, status, .. } = Builder::default();
        assert_eq!((addresses, pairs, tolerance, status), (65_536, 262_144, 32, 429));
        assert_eq!([drain, leeway], [80, 100].map(Nanos::from_millis));
        let Builder { first_block, longest_block, forgiveness, .. } = Builder::default();
        assert_eq!([first_block, longest_block, forgiveness], [30, 900, 3_600].map(Nanos::from_secs));
    }

    #[test]
    fn rules_hold_at_their_bounds_and_not_beyond() {
        let rules = |builder: Builder| builder.rules().map(|_| ()).map_err(|error| error.field());
        let nanosecond = Nanos::new(1);
        let (second, hour, day, week) =
            (Nanos::from_secs(1), Nanos::from_secs(3_600), Nanos::DAY, Nanos::from_secs(7 * 86_400));
        let new = Builder::default;
        for within in [
            new().tolerance(1),
            new().tolerance(1_000),
            new().drain(Nanos::from_millis(1)),
            new().drain(hour),
            new().leeway(Nanos::ZERO),
            new().leeway(Nanos::from_secs(10)),
            new().first_block(second).longest_block(second).forgiveness(second),
            new().longest_block(day).forgiveness(day),
            new().longest_block(day).first_block(day).forgiveness(week),
            new().status(400),
            new().status(599),
            new().addresses(1).pairs(1 << 30),
            new().addresses(1 << 30).pairs(1),
        ] {
            assert_eq!(rules(within), Ok(()));
        }
        for (beyond, field) in [
            (new().tolerance(0), "tolerance"),
            (new().tolerance(1_001), "tolerance"),
            (new().drain(Nanos::from_millis(1) - nanosecond), "drain"),
            (new().drain(hour + nanosecond), "drain"),
            (new().leeway(Nanos::from_secs(10) + nanosecond), "leeway"),
            (new().first_block(second - nanosecond), "first_block"),
            (new().longest_block(Nanos::from_secs(30) - nanosecond), "first_block"),
            (new().longest_block(second - nanosecond), "longest_block"),
            (new().longest_block(day + nanosecond), "longest_block"),
            (new().forgiveness(Nanos::from_secs(900) - nanosecond), "forgiveness"),
            (new().forgiveness(week + nanosecond), "forgiveness"),
            (new().status(399), "status"),
            (new().status(600), "status"),
            (new().addresses(0), "addresses"),
            (new().addresses((1 << 30) + 1), "addresses"),
            (new().pairs(0), "pairs"),
            (new().pairs((1 << 30) + 1), "pairs"),
        ] {
            assert_eq!(rules(beyond), Err(field));
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let small = || Builder::default().addresses(1).pairs(1);
        assert!(small().build().is_ok());
        let error = small().pairs(0).build().unwrap_err();
        assert_eq!(error.to_string(), "`pairs` must be from 1 to 1073741824, found 0");
        let memory = BuildError::Memory { field: "pairs", capacity: 7 };
        assert_eq!(
            (memory.field(), memory.to_string().as_str()),
            ("pairs", "there is no memory for `pairs` of 7")
        );
    }

    #[test]
    fn bursts_drain_a_little_faster_than_strikes_and_are_half_the_tolerance() {
        assert_eq!(burst_drain(Nanos::from_millis(80)), Nanos::new(62_500_000));
        let burst = |tolerance| Builder::default().tolerance(tolerance).rules().unwrap().burst;
        let rate = |room| Rate::new(Nanos::new(62_500_000), room);
        assert_eq!([burst(1), burst(33), burst(35), burst(1_000)], [rate(16), rate(16), rate(17), rate(500)]);
    }
}
