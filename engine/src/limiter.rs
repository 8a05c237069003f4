//! The limiter: plans, a table of records, and the steps between them.

#[cfg(all(test, any(tidegate_loom, tidegate_shuttle)))]
mod loom;
#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests;

mod decide;
mod denials;
mod hints;
mod latest_charge;
mod operators;
mod outside;

use crate::clock::Timestamp;
use crate::decision::{Decision, Standing};
use crate::hint_line::HintLines;
use crate::nanos::Nanos;
use crate::observe::Observer;
use crate::plan::{CompiledPlan, Plan, PlanId, PlanRegistry, PlansFull};
use crate::record::{ForgetAt, Glance, MAX_PLANS, Record, Verdict, Words};
use crate::reservation::Reservation;
use crate::sync::Pair;
use crate::table::{Entry, FIRST_FINGERPRINT, Table};
use crate::unit::Cost;
use ahash::RandomState;
use decide::Asked;
use denials::Denials;
use latest_charge::LatestCharge;
use std::fmt;
use std::hash::Hash;

/// A lock-free rate limiter for a fixed number of keys. See the [crate's documentation](crate) for an
/// example.
///
/// Every decision takes constant time on average (a probe sequence in a hash table and at most eight
/// segments), neither allocates nor blocks nor makes a system call, and never panics; but a thread's first
/// call registers a destructor with the C library, which may allocate for that (`docs/no-surprises.md`). A
/// key is anything that is `Hash`; only 38 bits of a keyed fingerprint are kept of it. Two keys share a
/// record, and so their limits, if these bits are equal and one stands on the other's way through the table:
/// two of a million keys with a probability of at most 2·10⁻⁴, two of ten million with 2·10⁻³
/// (`docs/rules.md`).
#[derive(Debug)]
pub struct Limiter {
    hasher: RandomState,
    plans: PlanRegistry,
    table: Table,
    hint_lines: HintLines,
    denials: Denials,
    latest_charge: LatestCharge,
    observer: Observer,
}

/// One call of a [batch](Limiter::check_batch).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call<K> {
    /// Whose call it is.
    pub key: K,
    /// The plan the key is on.
    pub plan: PlanId,
    /// What it asks for.
    pub cost: Cost,
}

/// Sizes of a limiter. All memory is asked for at the start, and none later.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    keys: usize,
    plans: usize,
    threads: usize,
    huge_pages: bool,
    longest_reservation: Nanos,
    overflow_share: f64,
    seed: Option<u64>,
}

/// A limiter that cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// `capacity` must be from 1 to the given maximum.
    Capacity(usize),
    /// `max_plans` must be from 3, the built-in ones, to the given maximum.
    Plans(usize),
    /// `max_threads` must be from 1 to the given maximum.
    Threads(usize),
    /// The system does not give the memory for so many keys.
    Memory(usize),
    /// `overflow_share` must be above 0 and at most 1,000,000.
    OverflowShare,
    /// The processor has no 128-bit compare-and-swap: an x86-64 processor of before 2006.
    Processor,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capacity(max) => write!(f, "`capacity` must be from 1 to {max} keys"),
            Self::Plans(max) => write!(f, "`max_plans` must be from 3 to {max} plans"),
            Self::Memory(keys) => write!(f, "there is no memory for a `capacity` of {keys} keys"),
            Self::OverflowShare => f.write_str("`overflow_share` must be above 0 and at most 1,000,000"),
            Self::Processor => write!(f, "the processor has no 128-bit compare-and-swap (`cmpxchg16b`)"),
            Self::Threads(max) => write!(f, "`max_threads` must be from 1 to {max} threads"),
        }
    }
}

impl std::error::Error for BuildError {}

impl Builder {
    /// The most keys a limiter can be made for.
    pub const MAX_CAPACITY: usize = Table::MAX_KEYS;
    /// The most distinct plans a record can name.
    pub const MAX_PLANS: usize = MAX_PLANS;
    /// The most threads that can be within a decision at one instant.
    pub const MAX_THREADS: usize = Table::MAX_THREADS;

    /// Room for so many keys, 159 bytes each (256 each for fewer than 65,536). When none of them can be
    /// forgotten, keys beyond share one record for each plan (R14). 1,048,576 if not set.
    pub fn capacity(self, keys: usize) -> Self {
        Self { keys, ..self }
    }

    /// Room for so many distinct plans in the limiter's lifetime. 4,096 if not set.
    pub fn max_plans(self, plans: usize) -> Self {
        Self { plans, ..self }
    }

    /// How many threads may be storing a decision at the same instant without one waiting for another. 1,024
    /// if not set, at 256 bytes each.
    pub fn max_threads(self, threads: usize) -> Self {
        Self { threads, ..self }
    }

    /// Whether to ask the system for huge pages, as is done if not set. They save a third of a decision's
    /// time among a million keys; but the first keys then take up nearly all of the memory at once. Without
    /// them memory is taken up as keys arrive, at most 8 KiB for each.
    pub fn huge_pages(self, huge_pages: bool) -> Self {
        Self { huge_pages, ..self }
    }

    /// How long a reservation may be open before it is settled: no key is forgotten while one may be. A settle
    /// that comes later still does what it should, unless its key was forgotten and came back under a window of
    /// another length meanwhile. One hour if not set.
    pub fn longest_reservation(self, longest: Nanos) -> Self {
        Self { longest_reservation: longest, ..self }
    }

    /// The limits of the record that keys of one plan share when there is no room for their own (R14), as a
    /// multiple of the plan's: 1 lets all of them together do what one key may. Rounded down, but at least one
    /// unit. 1 if not set.
    pub fn overflow_share(self, share: f64) -> Self {
        Self { overflow_share: share, ..self }
    }

    /// A fixed seed for the hash of keys, where runs must repeat to the last byte. Not for production: who
    /// knows the seed can make keys collide. Drawn from the system if not set.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed: Some(seed), ..self }
    }

    /// The limiter, with the built-in plans `free`, `pro` and `enterprise` added.
    pub fn build(self) -> Result<Limiter, BuildError> {
        let Self { keys, plans, threads, huge_pages, longest_reservation, overflow_share, seed } = self;
        if !(1..=Self::MAX_CAPACITY).contains(&keys) {
            return Err(BuildError::Capacity(Self::MAX_CAPACITY));
        }
        if !(Plan::built_in().len()..=Self::MAX_PLANS).contains(&plans) {
            return Err(BuildError::Plans(Self::MAX_PLANS));
        }
        if !(1..=Self::MAX_THREADS).contains(&threads) {
            return Err(BuildError::Threads(Self::MAX_THREADS));
        }
        let hasher = crate::seed::hasher(seed);
        if !(overflow_share > 0.0 && overflow_share <= 1e6) {
            return Err(BuildError::OverflowShare);
        }
        if !Pair::is_supported() {
            return Err(BuildError::Processor);
        }
        let table = Table::new(keys, plans, threads, huge_pages, longest_reservation)
            .ok_or(BuildError::Memory(keys))?;
        let hint_lines = HintLines::new().ok_or(BuildError::Memory(keys))?;
        let observer = Observer::new().ok_or(BuildError::Memory(keys))?;
        let denials = Denials::new().ok_or(BuildError::Memory(keys))?;
        let limiter = Limiter {
            hasher,
            plans: PlanRegistry::new(plans, overflow_share),
            table,
            hint_lines,
            denials,
            latest_charge: LatestCharge::new(),
            observer,
        };
        for plan in Plan::built_in() {
            limiter.plans.add(&plan).map_err(|full| BuildError::Plans(full.max_plans))?;
        }
        Ok(limiter)
    }
}

impl Limiter {
    /// Starts a limiter of the default sizes.
    pub fn builder() -> Builder {
        Builder {
            keys: 1 << 20,
            plans: 1 << 12,
            threads: 1 << 10,
            huge_pages: true,
            longest_reservation: Nanos::from_secs(3_600),
            overflow_share: 1.0,
            seed: None,
        }
    }

    /// Makes a plan known and gives its number; the same number for an equal plan. Takes a lock that no
    /// decision takes. Plans are kept for the limiter's lifetime.
    pub fn add_plan(&self, plan: &Plan) -> Result<PlanId, PlansFull> {
        self.plans.add(plan)
    }

    /// The plan of a number that this limiter gave out. Another limiter's number finds some plan, or `None`.
    pub fn plan(&self, id: PlanId) -> Option<&Plan> {
        self.plans.get(id).map(|compiled| &compiled.plan)
    }

    /// Decides whether `key` may make a call of this cost now, and charges it to all its limits if so (R5).
    ///
    /// `plan` is the plan the key is on. If it is another one than at the key's last call, the plan changes
    /// with this call (R9). A key with a plan of its own ([`set_own_plan`](Self::set_own_plan)) is decided
    /// under that.
    ///
    /// ```
    /// use tidegate::{Cost, Decision, Limiter, Nanos, Plan, Timestamp};
    /// let limiter = Limiter::builder().capacity(100).build()?;
    /// let (free, now) = (limiter.add_plan(&Plan::free())?, Timestamp::both(Nanos::ZERO));
    /// // Twenty a minute, and a burst of a fifth.
    /// for _ in 0..24 {
    ///     assert!(limiter.check("key", free, Cost::REQUEST, now).is_admitted());
    /// }
    /// let Decision::Denied(denial) = limiter.check("key", free, Cost::REQUEST, now) else { panic!("admitted") };
    /// // Then it is admitted, and a nanosecond earlier it is not (R10).
    /// let then = Timestamp::both(Nanos::ZERO + denial.retry_after);
    /// assert!(limiter.check("key", free, Cost::REQUEST, then).is_admitted());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn check<K: Hash + ?Sized>(&self, key: &K, plan: PlanId, cost: Cost, at: Timestamp) -> Decision {
        self.decide(self.fingerprint(key), Asked { plan, cost, at })
    }

    /// Decides calls of many keys at one time, in order: what [`check`](Self::check) would answer to each in turn,
    /// and in a third of the time among a million keys, since the records of 32 calls are asked for before the
    /// first is needed.
    ///
    /// `answer` is called once for each call, in order, with its place among the calls. Neither allocates nor blocks.
    ///
    /// ```
    /// use tidegate::{Call, Cost, Limiter, Nanos, Plan, Timestamp};
    /// let limiter = Limiter::builder().capacity(100).build()?;
    /// let free = limiter.add_plan(&Plan::free())?;
    /// let calls: Vec<_> = (0..25).map(|_| Call { key: "one key", plan: free, cost: Cost::REQUEST }).collect();
    /// let mut admitted = Vec::new();
    /// limiter.check_batch(&calls, Timestamp::both(Nanos::ZERO), |call, decision| {
    ///     if decision.is_admitted() {
    ///         admitted.push(call);
    ///     }
    /// });
    /// assert_eq!(admitted, (0..24).collect::<Vec<_>>());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn check_batch<K: Hash>(
        &self,
        calls: &[Call<K>],
        at: Timestamp,
        mut answer: impl FnMut(usize, Decision),
    ) {
        let mut fingerprints = [0; TOGETHER];
        let mut place = 0;
        for calls in calls.chunks(TOGETHER) {
            for (fingerprint, call) in fingerprints.iter_mut().zip(calls) {
                *fingerprint = self.fingerprint(&call.key);
                self.table.prefetch(*fingerprint);
            }
            for (fingerprint, call) in fingerprints.iter().zip(calls) {
                answer(place, self.decide(*fingerprint, Asked { plan: call.plan, cost: call.cost, at }));
                place += 1;
            }
        }
    }

    /// Asks the processor for a key's record, for a call of it that will be decided or settled soon: among a million keys
    /// memory is what a decision waits for, and a caller that knows some keys beforehand need not wait for one
    /// after the other. Changes nothing, and costs a nanosecond or two.
    ///
    /// ```
    /// use tidegate::{Cost, Limiter, Nanos, Plan, Timestamp};
    /// let limiter = Limiter::builder().capacity(100).build()?;
    /// let (free, now) = (limiter.add_plan(&Plan::free())?, Timestamp::both(Nanos::ZERO));
    /// let waiting = ["one key", "another"];
    /// waiting.iter().for_each(|key| limiter.prefetch(key));
    /// assert!(waiting.iter().all(|key| limiter.check(key, free, Cost::REQUEST, now).is_admitted()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[inline]
    pub fn prefetch<K: Hash + ?Sized>(&self, key: &K) {
        self.table.prefetch_whole(self.fingerprint(key));
    }

    /// [`check`](Self::check), and the key's limits as they stand after it, for the headers.
    pub fn check_with_standing<K: Hash + ?Sized>(
        &self,
        key: &K,
        plan: PlanId,
        cost: Cost,
        at: Timestamp,
    ) -> (Decision, Standing<'_>) {
        let (decision, plan, record) =
            self.decide_with_record(self.fingerprint(key), Asked { plan, cost, at });
        (decision, Standing::new(plan, record, at))
    }

    /// What [`check`](Self::check) would answer, and the key's limits as they stand. Charges and stores
    /// nothing, and takes no place in line: a denial's time is the exact one, also under slotted hints.
    ///
    /// ```
    /// use tidegate::{Cost, LimitId, Limiter, Nanos, Plan, Timestamp, Verdict};
    /// let limiter = Limiter::builder().capacity(100).build()?;
    /// let (free, now) = (limiter.add_plan(&Plan::free())?, Timestamp::both(Nanos::ZERO));
    /// for _ in 0..3 {
    ///     let (verdict, standing) = limiter.peek("key", free, Cost::tokens(500), now);
    ///     assert!(matches!(verdict, Verdict::Admit(_)));
    ///     assert_eq!(standing.status(LimitId::RequestsWindow).map(|status| status.remaining), Some(20));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn peek<K: Hash + ?Sized>(
        &self,
        key: &K,
        plan: PlanId,
        cost: Cost,
        at: Timestamp,
    ) -> (Verdict, Standing<'_>) {
        let mut record = self.record(&self.entry(self.fingerprint(key), self.known(plan).0, at));
        let compiled = self.bring_up(&mut record, plan, at);
        let verdict = record.verdict(compiled, cost, at, record.head.judge(compiled, cost));
        (verdict, Standing::new(compiled, record, at))
    }

    /// Replaces what a call reserved by the tokens it really used (R7): gives back what was too much,
    /// charges what was too little even past the limit.
    ///
    /// ```
    /// use tidegate::{Cost, Decision, LimitId, Limiter, Nanos, Plan, Timestamp};
    /// let limiter = Limiter::builder().capacity(100).build()?;
    /// let (free, now) = (limiter.add_plan(&Plan::free())?, Timestamp::both(Nanos::ZERO));
    /// let left = || limiter.peek("key", free, Cost::REQUEST, now).1.status(LimitId::TokensDay).map(|day| day.remaining);
    /// if let Decision::Admitted(admission) = limiter.check("key", free, Cost::tokens(1_200), now) {
    ///     assert_eq!(left(), Some(198_800));
    ///     limiter.settle(admission.reservation, 874, now);
    /// }
    /// assert_eq!(left(), Some(199_126));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn settle(&self, reservation: Reservation, tokens: u64, at: Timestamp) {
        let actual = Cost { tokens, ..reservation.cost() };
        self.settle_to(&reservation, actual, at);
        self.observer.settled();
    }

    /// Leaves a call charged as reserved: it failed under way, or its real cost stays unknown.
    pub fn settle_by_estimate(&self, _reservation: Reservation, _at: Timestamp) {
        self.observer.settled();
    }

    /// Gives back all that a call was charged, its request too: the upstream never saw it.
    ///
    /// ```
    /// use tidegate::{Cost, Decision, Limiter, Nanos, Plan, Timestamp};
    /// let limiter = Limiter::builder().capacity(100).build()?;
    /// let plan = Plan::builder("one").requests_per_minute(1).build()?;
    /// let (one, now) = (limiter.add_plan(&plan)?, Timestamp::both(Nanos::ZERO));
    /// if let Decision::Admitted(admission) = limiter.check("key", one, Cost::REQUEST, now) {
    ///     assert!(!limiter.check("key", one, Cost::REQUEST, now).is_admitted());
    ///     limiter.cancel(admission.reservation, now);
    /// }
    /// assert!(limiter.check("key", one, Cost::REQUEST, now).is_admitted());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn cancel(&self, reservation: Reservation, at: Timestamp) {
        self.settle_to(&reservation, Cost::default(), at);
        self.observer.cancelled();
    }

    fn settle_to(&self, reservation: &Reservation, actual: Cost, at: Timestamp) {
        let charge = reservation.charge();
        if charge.cost == actual {
            return;
        }
        // A key that was forgotten has nothing to give back; but what it still owes makes it known again. Only tokens can
        // be owed: no settle asks for more requests.
        let owes = actual.tokens > charge.cost.tokens;
        let anew = owes.then_some(charge.plan);
        if owes {
            self.latest_charge.note(at.monotonic);
        }
        self.change(reservation.fingerprint(), anew, at, |record| {
            let compiled = self.bring_up(record, record.head.plan, at);
            record.settle(compiled, charge, actual);
        });
    }

    /// Moves a key to another plan now (R9): what it used stays used, and the new limits decide from its next
    /// call on. Without effect on a key that has a plan of its own.
    ///
    /// ```
    /// use tidegate::{Cost, LimitId, Limiter, Nanos, Plan, Timestamp};
    /// let limiter = Limiter::builder().capacity(100).build()?;
    /// let (free, pro) = (limiter.add_plan(&Plan::free())?, limiter.add_plan(&Plan::pro())?);
    /// let now = Timestamp::both(Nanos::ZERO);
    /// (0..24).for_each(|_| drop(limiter.check("key", free, Cost::REQUEST, now)));
    /// limiter.change_plan("key", pro, now);
    /// // At once, with what it used still used.
    /// let (decision, standing) = limiter.check_with_standing("key", pro, Cost::REQUEST, now);
    /// assert!(decision.is_admitted());
    /// assert_eq!(standing.status(LimitId::RequestsWindow).map(|status| status.remaining), Some(975));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn change_plan<K: Hash + ?Sized>(&self, key: &K, plan: PlanId, at: Timestamp) {
        self.change(self.fingerprint(key), Some(plan), at, |record| {
            if !record.head.own_plan {
                self.bring_up(record, plan, at);
            }
        });
    }

    /// Gives a key a plan of its own, which holds whatever plan its calls name, until it is
    /// [taken back](Self::clear_own_plan). `false` if there is no room for a record of the key's own to keep
    /// it in: nothing is changed then.
    #[must_use = "without room for the key's record it has no plan of its own"]
    pub fn set_own_plan<K: Hash + ?Sized>(&self, key: &K, plan: PlanId, at: Timestamp) -> bool {
        self.change(self.fingerprint(key), Some(plan), at, |record| {
            record.head.own_plan = false;
            self.bring_up(record, plan, at);
            record.head.own_plan = true;
        })
    }

    /// Takes a key's own plan back: its next call is decided under the plan that it names.
    pub fn clear_own_plan<K: Hash + ?Sized>(&self, key: &K, at: Timestamp) {
        self.change(self.fingerprint(key), None, at, |record| record.head.own_plan = false);
    }

    /// The words of a key's record, and where those of its successor go.
    fn entry(&self, fingerprint: u64, plan: PlanId, at: Timestamp) -> Entry<'_> {
        let forgettable = |words: &Words, recent, when: ForgetAt| {
            let plan = self.known(words.plan()).1;
            Record::from_words(words, recent, plan).is_forgettable(plan, when)
        };
        self.table.entry(fingerprint, plan, at, forgettable)
    }

    /// The record of an entry.
    #[inline]
    fn record(&self, entry: &Entry<'_>) -> Record {
        let plan = self.rules(entry.words.plan(), entry.is_shared());
        Record::from_words(&entry.words, entry.recent, plan)
    }

    /// Stores an entry's next record.
    #[inline]
    fn store(&self, entry: &Entry<'_>, record: &Record) -> bool {
        let (words, recent) = record.to_words(self.rules(record.head.plan, entry.is_shared()));
        entry.store(&words, recent)
    }

    /// The plan of a number, as it holds for a key's own record or for one that is shared for want of room.
    #[inline]
    fn rules(&self, plan: PlanId, shared: bool) -> &CompiledPlan {
        let plan = self.known(plan).1;
        if shared { plan.for_overflow() } else { plan }
    }

    /// Applies a step to a key's record, again if another thread came between. A key without a record gets
    /// one if there is a plan to make it under. Whether the key has a record.
    fn change(
        &self,
        fingerprint: u64,
        new_under: Option<PlanId>,
        at: Timestamp,
        step: impl Fn(&mut Record),
    ) -> bool {
        loop {
            let entry = self.entry(fingerprint, self.known(new_under.unwrap_or(FALLBACK_PLAN)).0, at);
            // Of a record that many keys share nothing is changed but by those whose calls were charged to it.
            let is_anothers = entry.is_shared() && fingerprint >= FIRST_FINGERPRINT;
            if is_anothers || entry.is_new() && new_under.is_none() {
                return false;
            }
            let before = self.record(&entry);
            let mut record = before;
            step(&mut record);
            let unchanged = record.to_closed_words().0 == before.to_closed_words().0
                && record.head.day() == before.head.day();
            if unchanged && !entry.is_new() || self.store(&entry, &record) {
                return true;
            }
        }
    }

    /// Brings a record to the time of a call and into the plan it is to be decided under.
    fn bring_up(&self, record: &mut Record, plan: PlanId, at: Timestamp) -> &CompiledPlan {
        let is_shared = record.head.tag < FIRST_FINGERPRINT;
        let current = self.rules(record.head.plan, is_shared);
        if plan == record.head.plan || record.head.own_plan {
            record.advance(current, at);
            return current;
        }
        let latest_charge = record.head.latest_charge(at.monotonic, || self.latest_charge.get());
        record.advance(current, at);
        let id = self.known(plan).0;
        let wanted = self.rules(id, is_shared);
        record.change_plan(current, wanted, id, latest_charge);
        wanted
    }

    /// The plan of a number, or `free`, the strictest of those built in, for a number that is not ours.
    #[inline]
    fn known(&self, id: PlanId) -> (PlanId, &CompiledPlan) {
        match self.plans.get(id) {
            Some(compiled) => (id, compiled),
            None => (FALLBACK_PLAN, self.plans.first()),
        }
    }

    /// A key's fingerprint: 64 bits of a keyed hash, above those that name overflow records.
    #[inline]
    fn fingerprint<K: Hash + ?Sized>(&self, key: &K) -> u64 {
        fingerprint_of(self.hasher.hash_one(key))
    }
}

/// A hash as it is, unless it names an overflow record.
#[inline]
fn fingerprint_of(hash: u64) -> u64 {
    if hash < FIRST_FINGERPRINT { hash + FIRST_FINGERPRINT } else { hash }
}

/// So many records of a batch are asked for before the first is decided on: as many as the processor fetches at once.
const TOGETHER: usize = 32;

/// `free`, the first of the built-in plans.
const FALLBACK_PLAN: PlanId = PlanId(0);
