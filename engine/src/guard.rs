//! The guard: addresses that do not heed a 429, and what becomes of them (R13).
//!
//! A call that comes before its own `Retry-After` has passed is a **strike** against its client address.
//! Strikes drain with time; once more of them stand than the tolerance, the address is **blocked** for a
//! while, twice as long each time within an hour, and then forgiven. The guard needs no limiter: it is told of
//! denials, by whomever they are decided.
//!
//! ```
//! use tidegate::guard::{Answer, Guard, Mark};
//! use tidegate::{Clock, Nanos, SystemClock};
//!
//! let guard = Guard::builder().allow(["10.0.0.0/8".parse()?]).build()?;
//! let clock = SystemClock::new();
//! let (address, key) = ("203.0.113.9".parse()?, "api-key");
//!
//! // First thing on a call: one load while no address is blocked.
//! if let Answer::Blocked(blocked) = guard.check(address, clock.now()) {
//!     println!("{} with retry-after: {}", blocked.status, blocked.seconds());
//! }
//! // Last thing on a denied call.
//! match guard.denied(address, key, Nanos::from_secs(20), clock.now()) {
//!     Mark::Kept => println!("no call of this key from this address was to come later"),
//!     Mark::Strike { standing } => println!("the {standing}th strike that stands"),
//!     Mark::Blocked(blocked) => println!("one too many: blocked for {}", blocked.remaining),
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What counts as one address
//!
//! An IPv4 address; the /64 network of an IPv6 address; an IPv4 address written as IPv6 is the IPv4 address.
//! Networks on the allow-list never count. Give the guard the peer's address, or one that a proxy of your own
//! vouches for: whoever can write the address can have others blocked.
//!
//! # Whose strikes
//!
//! Strikes stand against an address **with a key**. One of these pairs alone must pass the tolerance to have
//! the address blocked: a thousand keys behind one address, of which each gives a few strikes, give no block. What
//! is no denial of a key, such as an unknown key, the caller reports by [`Guard::strike`]; those strikes stand
//! against the address itself, so that inventing keys does not help. Do not call [`Guard::denied`] for keys
//! that do not exist.
//!
//! # Promises
//!
//! Each decision takes constant time (at most 16 slots are looked at, at most three words changed), neither
//! allocates nor locks nor makes a system call, and never panics. Memory is fixed when the guard is built; when
//! it is full, what is new is not tracked, and counted as such: no blocked address is forgotten for it. Times
//! are those of [`Timestamp::monotonic`]. A clock that goes back by more than a second and what it takes to drain
//! all strikes forgets promises, strikes and blocks rather than prolonging them; after a smaller step back, strikes
//! that stand count as newer than they are.

mod block;
mod bucket;
mod builder;
mod client;
mod counters;
#[cfg(all(test, any(tidegate_loom, tidegate_shuttle)))]
mod loom;
mod network;
mod promise;
mod table;
#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests;

pub use builder::{BuildError, Builder};
pub use counters::Statistics;
pub use network::{Network, NetworkError};

use crate::clock::Timestamp;
use crate::nanos::Nanos;
use crate::record::Verdict;
use crate::sync::{AtomicU64, Ordering};
use ahash::RandomState;
use block::Block;
use bucket::{Added, Bucket};
use builder::Rules;
use client::Client;
use counters::Counter;
use network::Networks;
use promise::{Promise, Timing};
use std::hash::{BuildHasher, Hash, Hasher};
use std::net::IpAddr;
use table::{Owner, Table, View, Word, Worth};

/// Watches addresses, and blocks those that do not heed a 429. See the [module](self) for an example.
#[derive(Debug)]
pub struct Guard {
    rules: Rules,
    allowed: Networks,
    hasher: RandomState,
    /// Blocks, and strikes that callers report.
    addresses: Table,
    /// Promises to an address with a key, and strikes against it.
    pairs: Table,
    /// The latest end of any block, in nanoseconds.
    blocked_until: AtomicU64,
    strikes: Counter,
    blocks: Counter,
    blocked_calls: Counter,
    untracked_addresses: Counter,
    untracked_pairs: Counter,
}

/// Whether a call may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a call of a blocked address must not go on"]
pub enum Answer {
    /// It may.
    Pass,
    /// Its address is blocked.
    Blocked(Blocked),
}

impl Answer {
    /// Whether the call's address is blocked.
    pub const fn is_blocked(&self) -> bool {
        matches!(self, Self::Blocked(_))
    }
}

/// A block, as the caller is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// How long it still lasts; more than nothing.
    pub remaining: Nanos,
    /// The HTTP status to answer with, as configured.
    pub status: u16,
}

impl Blocked {
    /// The value of `Retry-After`: whole seconds, rounded up, at least 1.
    pub fn seconds(&self) -> u64 {
        self.remaining.as_secs_ceil().max(1)
    }
}

/// What a denied call is, and what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// No strike: the call broke no promise as far as can be known, was one of many at once, or its address is
    /// on the allow-list.
    Kept,
    /// A strike, within the tolerance.
    Strike {
        /// So many strikes stand now, parts of one counted as one.
        standing: u32,
    },
    /// A strike past the tolerance: the address is blocked from now on.
    Blocked(Blocked),
}

/// A blocked address, for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockedNetwork {
    /// The IPv4 address, or the /64 network.
    pub network: Network,
    /// How long the block still lasts.
    pub remaining: Nanos,
    /// How many blocks it follows within the time of forgiveness.
    pub before: u32,
}

impl Guard {
    /// Starts a guard with the default rules.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Whether a call of this address may go on. Changes nothing but the count of blocked calls. While no
    /// address is blocked it is a single load.
    #[inline]
    pub fn check(&self, address: IpAddr, at: Timestamp) -> Answer {
        // Ordering: Relaxed. A bound that spares the search; of a block that begins at this instant a call
        // may be told or not.
        if at.monotonic.get() >= self.blocked_until.load(Ordering::Relaxed) {
            return Answer::Pass;
        }
        match self.block_of(address, at.monotonic) {
            None => Answer::Pass,
            Some(blocked) => {
                self.blocked_calls.count();
                Answer::Blocked(blocked)
            }
        }
    }

    /// Takes note that a call of `key` from this address was denied and told to come back after `retry_after`.
    /// It is a strike if no promised time of that address and key has come yet; and its own time is
    /// promised from here on.
    ///
    /// `retry_after` is what the client was told; one of more than a minute is remembered for a minute. Where
    /// hints are spread over a line of waiting workers, give the time without the spread.
    pub fn denied<K: Hash + ?Sized>(
        &self,
        address: IpAddr,
        key: &K,
        retry_after: Nanos,
        at: Timestamp,
    ) -> Mark {
        let Some(client) = self.watched(address) else { return Mark::Kept };
        let (now, leeway) = (at.monotonic, self.rules.leeway);
        let named = |id| self.pair(id);
        let worth = |view: View<'_>| self.worth_of_pair(view, now);
        let Some(pair) = self.pairs.claim(self.pair_of(client, key), Worth::Much, named, worth) else {
            self.untracked_pairs.count();
            return Mark::Kept;
        };
        let denied = |word| {
            let (next, timing) = Promise(word).denied(retry_after, leeway, now);
            (next.0, timing)
        };
        match pair.update(Word::FIRST, denied) {
            Some(Timing::Early) => self.count_strike(client, pair, now),
            // A pair that was forgotten this instant is as good as new.
            Some(Timing::Kept) | None => Mark::Kept,
        }
    }

    /// [`denied`](Self::denied), if that is what the limiter's verdict says; any other verdict is no promise.
    pub fn observe<K: Hash + ?Sized>(
        &self,
        address: IpAddr,
        key: &K,
        verdict: Verdict,
        at: Timestamp,
    ) -> Mark {
        match verdict {
            Verdict::Deny(denial) => self.denied(address, key, denial.retry_after, at),
            Verdict::Admit(_) | Verdict::Never(_) => Mark::Kept,
        }
    }

    /// A strike against an address itself, for what the caller knows to be one: a key that does not exist, a
    /// request that is no request. Such strikes have the same tolerance and drain as others, in a count of
    /// their own.
    pub fn strike(&self, address: IpAddr, at: Timestamp) -> Mark {
        let (Some(client), now) = (self.watched(address), at.monotonic) else { return Mark::Kept };
        match self.claim_address(client, Worth::Little, now) {
            Some(entry) => self.count_strike(client, entry, now),
            None => {
                self.untracked_addresses.count();
                Mark::Kept
            }
        }
    }

    /// Ends an address's block and forgets that there was one, and any strikes against the address itself.
    /// Strikes of its keys stand on until they drain. Tells whether it was blocked.
    pub fn lift(&self, address: IpAddr, at: Timestamp) -> bool {
        let Some(entry) = self.addresses.find(self.address(Client::of(address).number())) else {
            return false;
        };
        let lasted = entry
            .update(Word::FIRST, |word| (0, Block(word).remaining(self.rules.terms, at.monotonic).is_some()));
        for word in [Word::STRIKES, Word::BURST] {
            entry.update(word, |_| (0, ()));
        }
        lasted == Some(true)
    }

    /// The addresses that are blocked now, in no order. Looks at every slot for an address.
    pub fn blocks(&self, at: Timestamp) -> impl Iterator<Item = BlockedNetwork> {
        let named = |id| self.address(id);
        self.addresses.owned(named).filter_map(move |(number, view)| {
            let block = Block(view.read(Word::FIRST));
            let remaining = block.remaining(self.rules.terms, at.monotonic)?;
            let address = Client::from_number(number).address();
            let network = Network::new(address, if address.is_ipv4() { 32 } else { 64 })?;
            Some(BlockedNetwork { network, remaining, before: block.before() })
        })
    }

    /// What the guard has seen, and how full it is. Looks at every slot.
    pub fn statistics(&self, at: Timestamp) -> Statistics {
        let now = at.monotonic;
        let addresses = self.addresses.owned(|id| self.address(id));
        let pairs = self.pairs.owned(|id| self.pair(id));
        let counts = |worth| worth != Worth::Nothing;
        Statistics {
            strikes: self.strikes.sum(),
            blocks: self.blocks.sum(),
            blocked_calls: self.blocked_calls.sum(),
            addresses: addresses.filter(|(_, view)| counts(self.worth_of_address(*view, now))).count() as u64,
            pairs: pairs.filter(|(_, view)| counts(self.worth_of_pair(*view, now))).count() as u64,
            untracked_addresses: self.untracked_addresses.sum(),
            untracked_pairs: self.untracked_pairs.sum(),
        }
    }

    /// The client that an address counts for; `None` if the address is on the allow-list.
    fn watched(&self, address: IpAddr) -> Option<Client> {
        (!self.allowed.contain(address.to_canonical())).then(|| Client::of(address))
    }

    #[inline]
    fn block_of(&self, address: IpAddr, now: Nanos) -> Option<Blocked> {
        let entry = self.addresses.find(self.address(Client::of(address).number()))?;
        let remaining = Block(entry.read(Word::FIRST)).remaining(self.rules.terms, now)?;
        // Of a client of which only a part is allowed, the rest may be blocked.
        self.watched(address)?;
        Some(Blocked { remaining, status: self.rules.status })
    }

    /// Counts a strike where it stands, and blocks the address if that was one too many.
    fn count_strike(&self, client: Client, entry: View<'_>, now: Nanos) -> Mark {
        let add = |word, rate| {
            entry.update(word, |bucket| {
                let (next, added) = Bucket(bucket).add(rate, now);
                (next.0, added)
            })
        };
        if add(Word::BURST, self.rules.burst) == Some(Added::Over) {
            return Mark::Kept;
        }
        self.strikes.count();
        match add(Word::STRIKES, self.rules.strikes) {
            Some(Added::Stands(standing)) => Mark::Strike { standing },
            Some(Added::Over) => self.block(client, now),
            None => Mark::Kept,
        }
    }

    fn block(&self, client: Client, now: Nanos) -> Mark {
        let offended = self.claim_address(client, Worth::Much, now).and_then(|entry| {
            entry.update(Word::FIRST, |word| {
                let (block, begins) = Block(word).offend(self.rules.terms, now);
                (block.0, (block, begins))
            })
        });
        let Some((block, begins)) = offended else {
            self.untracked_addresses.count();
            return Mark::Strike { standing: self.rules.tolerance + 1 };
        };
        if begins {
            self.blocks.count();
            // Ordering: Relaxed; see `check`.
            self.blocked_until.fetch_max(block.end().get(), Ordering::Relaxed);
        }
        let remaining = block.remaining(self.rules.terms, now).unwrap_or(self.rules.terms.first);
        Mark::Blocked(Blocked { remaining, status: self.rules.status })
    }

    fn claim_address(&self, client: Client, worth: Worth, now: Nanos) -> Option<View<'_>> {
        let worth_of = |view: View<'_>| self.worth_of_address(view, now);
        self.addresses.claim(self.address(client.number()), worth, |id| self.address(id), worth_of)
    }

    /// A block, or the memory of one, is kept; strikes reported by themselves give way to it.
    fn worth_of_address(&self, view: View<'_>, now: Nanos) -> Worth {
        // A block that lasts is on record: it is not longer than the time of forgiveness.
        if Block(view.read(Word::FIRST)).is_on_record(self.rules.terms, now) {
            Worth::Much
        } else if self.has_strikes(view, now) {
            Worth::Little
        } else {
            Worth::Nothing
        }
    }

    /// Strikes are kept; a promise gives way to another pair's.
    fn worth_of_pair(&self, view: View<'_>, now: Nanos) -> Worth {
        if self.has_strikes(view, now) {
            Worth::Much
        } else if Promise(view.read(Word::FIRST)).stands(self.rules.leeway, now) {
            Worth::Little
        } else {
            Worth::Nothing
        }
    }

    fn has_strikes(&self, view: View<'_>, now: Nanos) -> bool {
        !Bucket(view.read(Word::STRIKES)).is_drained(self.rules.strikes, now)
            || !Bucket(view.read(Word::BURST)).is_drained(self.rules.burst, now)
    }

    /// An address by its number.
    #[inline]
    fn address(&self, number: u64) -> Owner {
        Owner::new(number, self.hasher.hash_one(number))
    }

    /// A pair by its number, which is a keyed hash: 64 bits, of which two of a million pairs share one with a
    /// probability of 3·10⁻⁸.
    fn pair(&self, number: u64) -> Owner {
        Owner::new(number, number)
    }

    fn pair_of<K: Hash + ?Sized>(&self, client: Client, key: &K) -> Owner {
        let mut hasher = self.hasher.build_hasher();
        hasher.write_u64(client.number());
        key.hash(&mut hasher);
        self.pair(hasher.finish())
    }
}
