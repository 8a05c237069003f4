//! Usage that no decision of this limiter made: told of afterwards, taken back, forgotten.
//!
//! A proxy that asks a service learns what a call used when the call is over, and may then have no reservation at hand: what it
//! tells is a fact, and changes the counts whatever they say. All of it goes by the same steps as a settle (R7), so that R1, R2
//! and R8 hold as they do there: of what is charged here past a limit the key stays in debt until that is paid, and units that
//! are given back are those that would have left the window first, so that none counts shorter than it should.

use super::Limiter;
use crate::clock::Timestamp;
use crate::plan::PlanId;
use crate::unit::Cost;
use std::hash::Hash;

impl Limiter {
    /// Charges a key for what it has used already, past its limits too: it then waits until that debt is paid, as after a
    /// [`settle`](Self::settle) for more than was reserved. `plan` is the plan the key is on, as in [`check`](Self::check).
    ///
    /// ```
    /// use tidegate::{Cost, Limiter, LimitId, Nanos, Plan, Timestamp};
    /// let limiter = Limiter::builder().capacity(100).build()?;
    /// let (free, at) = (limiter.add_plan(&Plan::free())?, Timestamp::both(Nanos::ZERO));
    /// limiter.record_usage("key", free, Cost { requests: 0, tokens: 150_000 }, at);
    /// assert!(!limiter.check("key", free, Cost::tokens(1), at).is_admitted());
    /// assert!(limiter.give_back("key", Cost { requests: 0, tokens: 50_000 }, at));
    /// assert!(limiter.check("key", free, Cost::tokens(1), at).is_admitted());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn record_usage<K: Hash + ?Sized>(&self, key: &K, plan: PlanId, cost: Cost, at: Timestamp) {
        if cost == Cost::default() {
            return;
        }
        let fingerprint = self.fingerprint(key);
        self.latest_charge.note(at.monotonic);
        loop {
            let entry = self.entry(fingerprint, self.known(plan).0, at);
            let mut record = self.record(&entry);
            let compiled = self.bring_up(&mut record, plan, at);
            record.charge(compiled, cost);
            if self.store(&entry, &record) {
                return;
            }
        }
    }

    /// Gives units back to a key without a reservation: at most what its windows and its day count and its buckets owe. Whether the
    /// key has a record of its own; of a record that many share nothing is given back.
    ///
    /// Nobody says when these units were charged. Those of the oldest segments are taken, so that what is left counts as long
    /// as it may have to (R1); and those of the day that runs, even if they were charged before midnight.
    pub fn give_back<K: Hash + ?Sized>(&self, key: &K, cost: Cost, at: Timestamp) -> bool {
        self.change(self.fingerprint(key), None, at, |record| {
            let compiled = self.bring_up(record, record.head.plan, at);
            record.give_back(compiled, cost);
        })
    }

    /// Forgets what a key has used: its windows and its day count nothing, its buckets are full. Its plan stays, and so does one of
    /// its own. Whether the key has a record of its own to forget it from.
    ///
    /// A reservation that is open meanwhile gives nothing back to the windows when it is settled; to the day and the
    /// buckets it gives back at most what was charged since. A place in line that was told (R10s) stays told.
    pub fn reset<K: Hash + ?Sized>(&self, key: &K, at: Timestamp) -> bool {
        self.change(self.fingerprint(key), None, at, |record| {
            self.bring_up(record, record.head.plan, at);
            record.forget_usage();
        })
    }
}
