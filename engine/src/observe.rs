//! What a limiter did, for those who run it: counts of decisions, and the keys that are denied most.
//!
//! A decision takes some ten nanoseconds, so what counts it must not cost as much, nor make two threads meet on
//! a cache line. Each of the first threads of the process has a [stripe](stripes) of words that it alone
//! writes, with plain loads and stores; whoever asks sums over the stripes. Nothing here is read by a
//! decision.
//!
//! - [`counters`]: one word for each thing that is counted. Exact: no count is lost, whatever the threads do.
//! - [`sketch`]: the most denied keys in fixed memory, with bounds on how often each was denied.
//! - [`top`]: the largest of a long walk.

mod counters;
#[cfg(all(test, any(tidegate_loom, tidegate_shuttle)))]
mod loom;
mod sketch;
mod stripes;
#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests;
mod top;

pub use counters::{Observed, PerLimit};
pub use sketch::DeniedKey;
pub use top::HotKey;
pub(crate) use top::top_k;

use crate::decision::Decision;
use crate::sync::{AtomicU64, Ordering, thread_number};
use crate::table::tag;
use crate::unit::{LimitId, LimitSet};
use counters::Count;
use crossbeam_utils::CachePadded;
use std::fmt;
use stripes::{Stripe, Stripes};

/// What a limiter knows a key by: to compare a key that one has with those in a list, without the list
/// showing any.
///
/// It is a hash of 38 bits under a seed of the limiter's own: it means nothing to another limiter, or after a
/// restart. Of a million keys two have the same one more likely than not, and are one key in such lists; a given
/// key shares its own with a probability of 4·10⁻⁶.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyFingerprint(pub(crate) u64);

impl fmt::Display for KeyFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:011x}", self.0)
    }
}

/// Counts what a limiter decides.
#[derive(Debug)]
pub(crate) struct Observer {
    stripes: Stripes,
    /// How often the counts of denied keys have been halved. In a line of its own: every denial reads it.
    fades: CachePadded<AtomicU64>,
}

impl Observer {
    /// Nothing counted yet. `None` if the system does not give the memory.
    pub(crate) fn new() -> Option<Self> {
        Some(Self { stripes: Stripes::new()?, fades: CachePadded::default() })
    }

    /// Counts a decision on a call of the key with this fingerprint.
    #[inline]
    pub(crate) fn decided(&self, decision: &Decision, fingerprint: u64) {
        match decision {
            Decision::Admitted(admission) => {
                self.admitted();
                self.shadowed(admission.shadow);
            }
            Decision::Denied(denial) => self.denied(denial.limit, tag(fingerprint)),
            Decision::Never(limit) => self.never(*limit),
        }
    }

    /// Counts an admitted call.
    #[inline]
    pub(crate) fn admitted(&self) {
        self.count(Count::Admitted);
    }

    /// Counts the limits in shadow that would have denied a call.
    fn shadowed(&self, limits: LimitSet) {
        limits.iter().for_each(|limit| self.count(Count::Shadowed(limit)));
    }

    /// Counts a call of a key that a limit denied.
    #[inline]
    pub(crate) fn denied(&self, limit: LimitId, fingerprint: u64) {
        if let Some(stripe) = self.stripe() {
            stripe.count_denial(limit, fingerprint, self.fades());
        }
    }

    /// Counts a call that a limit never admits.
    #[inline]
    pub(crate) fn never(&self, limit: LimitId) {
        self.count(Count::Never(limit));
    }

    /// Counts a call whose cost is known, exactly or by estimate.
    #[inline]
    pub(crate) fn settled(&self) {
        self.count(Count::Settled);
    }

    /// Counts a call that was cancelled.
    #[inline]
    pub(crate) fn cancelled(&self) {
        self.count(Count::Cancelled);
    }

    #[inline]
    fn count(&self, what: Count) {
        if let Some(stripe) = self.stripe() {
            stripe.count(what);
        }
    }

    /// The counts of all threads.
    pub(crate) fn observed(&self) -> Observed {
        self.stripes.all().map(|stripe| stripe.observed()).sum()
    }

    /// The keys that were denied most, most first.
    pub(crate) fn most_denied(&self, count: usize) -> Vec<DeniedKey> {
        let fades = self.fades();
        let sets = (0..stripes::SETS).map(|place| self.stripes.all().map(move |stripe| stripe.set_at(place)));
        top_k(sets.flat_map(|same| sketch::merged(same, fades)), count)
    }

    /// Halves the counts of denied keys.
    pub(crate) fn fade_denied(&self) {
        // Ordering: Relaxed; a count that is halved a moment later was made a moment earlier.
        self.fades.fetch_add(1, Ordering::Relaxed);
    }

    #[inline]
    fn fades(&self) -> u32 {
        // Ordering: Relaxed, as in `fade_denied`. Truncated: sets compare it modulo 2³².
        self.fades.load(Ordering::Relaxed) as u32
    }

    /// The stripe that the calling thread counts in.
    ///
    /// In models of decisions nothing is counted: each count is another point at which threads may change, and no
    /// decision depends on it. The models of [`observe`](self) call the parts.
    #[inline]
    fn stripe(&self) -> Option<Stripe<'_>> {
        if cfg!(any(tidegate_loom, tidegate_shuttle)) {
            return None;
        }
        self.stripes.of_thread(thread_number())
    }
}

impl Stripe<'_> {
    /// Counts a denial, and of which key it is.
    #[inline]
    fn count_denial(&self, limit: LimitId, fingerprint: u64, fades: u32) {
        self.count(Count::Denied(limit));
        if !self.set(fingerprint).count(fingerprint, fades, self.writers) {
            self.count(Count::Unlisted);
        }
    }
}
