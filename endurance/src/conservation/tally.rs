//! What was done, what was compared, what differed.

use std::fmt;

/// Counts of a round, or of all.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub(super) rounds: u64,
    pub(super) admitted: u64,
    pub(super) in_batches: u64,
    pub(super) denied: u64,
    pub(super) never: u64,
    pub(super) settled_less: u64,
    pub(super) settled_equal: u64,
    pub(super) settled_more: u64,
    pub(super) cancelled: u64,
    pub(super) estimated: u64,
    pub(super) plan_changes: u64,
    pub(super) own_plans: u64,
    pub(super) recorded: u64,
    pub(super) given_back: u64,
    pub(super) reset: u64,
    pub(super) days: u64,
    pub(super) forgotten: u64,
    pub(super) without_room: u64,
    /// Readings of keys of which a count stood at its greatest value, not compared.
    pub(super) at_their_end: u64,
    pub(super) together: u64,
    pub(super) units: Units,
    pub(super) decisions: u64,
    pub(super) readings: u64,
    pub(super) planted: u64,
    pub(super) errors: u64,
    pub(super) first_error: Option<String>,
}

/// Tokens and requests, by what became of them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Units {
    pub(super) charged: u128,
    pub(super) refunded: u128,
    pub(super) overrun: u128,
    /// Told of afterwards.
    pub(super) recorded: u128,
}

impl Tally {
    /// Operations, each of which may change a record.
    pub fn operations(&self) -> u64 {
        self.admitted
            + self.denied
            + self.never
            + self.settled_less
            + self.settled_equal
            + self.settled_more
            + self.cancelled
            + self.estimated
            + self.plan_changes
            + self.own_plans
            + self.recorded
            + self.given_back
            + self.reset
    }

    /// Decisions, readings and sums that were not as the ledger has them.
    pub fn errors(&self) -> u64 {
        self.errors
    }

    /// The first of them, with the seed of its round.
    pub fn first_error(&self) -> Option<&str> {
        self.first_error.as_deref()
    }

    /// How often a key was forgotten for another.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Refunds that were made one unit short.
    pub fn planted(&self) -> u64 {
        self.planted
    }

    /// Operations of threads on the same keys, which are among all.
    pub fn together(&self) -> u64 {
        self.together
    }

    pub(super) fn fail(&mut self, why: impl FnOnce() -> String) {
        self.errors += 1;
        self.first_error.get_or_insert_with(why);
    }

    /// Counts an end with so many units, of so many reserved.
    pub(super) fn end(&mut self, reserved: u64, actual: u64) {
        match actual.cmp(&reserved) {
            std::cmp::Ordering::Less => self.settled_less += 1,
            std::cmp::Ordering::Equal => self.settled_equal += 1,
            std::cmp::Ordering::Greater => self.settled_more += 1,
        }
        self.units.refunded += u128::from(reserved.saturating_sub(actual));
        self.units.overrun += u128::from(actual.saturating_sub(reserved));
    }

    /// Adds another's counts.
    pub(super) fn add(&mut self, other: Self) {
        self.rounds += other.rounds;
        self.admitted += other.admitted;
        self.in_batches += other.in_batches;
        self.denied += other.denied;
        self.never += other.never;
        self.settled_less += other.settled_less;
        self.settled_equal += other.settled_equal;
        self.settled_more += other.settled_more;
        self.cancelled += other.cancelled;
        self.estimated += other.estimated;
        self.plan_changes += other.plan_changes;
        self.own_plans += other.own_plans;
        self.recorded += other.recorded;
        self.given_back += other.given_back;
        self.reset += other.reset;
        self.days += other.days;
        self.forgotten += other.forgotten;
        self.without_room += other.without_room;
        self.at_their_end += other.at_their_end;
        self.together += other.together;
        self.units.charged += other.units.charged;
        self.units.refunded += other.units.refunded;
        self.units.overrun += other.units.overrun;
        self.units.recorded += other.units.recorded;
        self.decisions += other.decisions;
        self.readings += other.readings;
        self.planted += other.planted;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |what: &str, count: u64| writeln!(f, "{what:<52} {count:>14}");
        line("operations", self.operations())?;
        line("  calls admitted", self.admitted)?;
        line("  calls denied", self.denied)?;
        line("  calls that are never admitted", self.never)?;
        line("    of these calls, in batches", self.in_batches)?;
        line("  settled with less than reserved", self.settled_less)?;
        line("  settled with as much", self.settled_equal)?;
        line("  settled with more", self.settled_more)?;
        line("  cancelled", self.cancelled)?;
        line("  left as estimated", self.estimated)?;
        line("  plans changed", self.plan_changes)?;
        line("  plans of a key's own set or taken back", self.own_plans)?;
        line("  usage told of afterwards", self.recorded)?;
        line("  units given back without a reservation", self.given_back)?;
        line("  usage forgotten", self.reset)?;
        line("of these, by two to four threads on the same keys", self.together)?;
        line("rounds", self.rounds)?;
        line("days turned", self.days)?;
        line("keys forgotten for others", self.forgotten)?;
        line("operations on keys without room, not compared", self.without_room)?;
        line("readings of counts at their greatest, not compared", self.at_their_end)?;
        line("decisions compared", self.decisions)?;
        line("records compared, each with all its numbers", self.readings)?;
        if self.planted > 0 {
            line("refunds made one unit short on purpose", self.planted)?;
        }
        let Units { charged, refunded, overrun, recorded } = self.units;
        let used = charged + overrun + recorded - refunded;
        writeln!(
            f,
            "tokens charged {charged} − refunded {refunded} + overrun {overrun} + told of {recorded} = used {used}, \
             before what was given back without a reservation or forgotten"
        )?;
        write!(f, "errors {}", self.errors)
    }
}
