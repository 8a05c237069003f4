//! governor: one limit a limiter, keyed by a DashMap, as its users have it today.
//!
//! Bias in its favour: its limits are plain GCRA, without a window, a day of the calendar, a refund or headers, and three of them one by
//! one charge the first although the third denies. Bias against: its default hasher is SipHash, and its own
//! clock is read at each check; [`Governor::one_at`] leaves the reading out.

use crate::contender::Contender;
use governor::clock::{Clock, DefaultClock, FakeRelativeClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use std::num::NonZeroU32;
use std::time::Duration;

type Keyed<C> = RateLimiter<u64, DashMapStateStore<u64>, C, NoOpMiddleware<<C as Clock>::Instant>>;

/// Tokens of each call: one, as the largest quota that governor takes is 2³² units and a hot key would use it up.
/// The time of a check does not depend on the number.
const TOKENS: NonZeroU32 = NonZeroU32::MIN;
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

fn quota(units: u32, per: Duration) -> Quota {
    let units = NonZeroU32::new(units).expect("a limit above zero");
    Quota::with_period(per / units.get()).expect("more than a nanosecond a unit").allow_burst(units)
}

/// So large that all calls of a bench are admitted.
fn roomy_requests() -> Quota {
    quota(1_000_000_000, MINUTE)
}

/// One limiter: requests a minute.
pub struct Governor<C: Clock> {
    name: &'static str,
    requests: Keyed<C>,
    /// Where time stands still, it is moved on now and then: the quota would run out.
    moves_on: Option<FakeRelativeClock>,
}

/// Three limiters, asked one after the other: requests a minute, tokens a minute, tokens a day.
pub struct ThreeGovernors {
    requests: Keyed<DefaultClock>,
    tokens: Keyed<DefaultClock>,
    day: Keyed<DefaultClock>,
}

impl Governor<DefaultClock> {
    /// Every call is admitted; the clock is governor's own, `quanta`.
    pub fn one() -> Self {
        Self { name: "governor", requests: RateLimiter::dashmap(roomy_requests()), moves_on: None }
    }

    /// Every call but a key's first is denied.
    pub fn denying(population: u64) -> Self {
        let requests = RateLimiter::dashmap(quota(1, DAY));
        let denying = Self { name: "governor", requests, moves_on: None };
        denying.meet(population);
        denying
    }
}

impl Governor<FakeRelativeClock> {
    /// Every call is admitted, on a clock that costs one load: the nearest to a time passed in.
    pub fn one_at() -> Self {
        let clock = FakeRelativeClock::default();
        let requests = RateLimiter::dashmap_with_clock(roomy_requests(), clock.clone());
        Self { name: "governor, clock given", requests, moves_on: Some(clock) }
    }

    /// Every call but a key's first is denied, on a clock that costs one load.
    pub fn denying_at(population: u64) -> Self {
        let requests = RateLimiter::dashmap_with_clock(quota(1, DAY), FakeRelativeClock::default());
        let denying = Self { name: "governor, clock given", requests, moves_on: None };
        denying.meet(population);
        denying
    }
}

impl ThreeGovernors {
    /// Every call is admitted by all three.
    pub fn new() -> Self {
        Self {
            requests: RateLimiter::dashmap(roomy_requests()),
            tokens: RateLimiter::dashmap(quota(4_000_000_000, MINUTE)),
            day: RateLimiter::dashmap(quota(4_000_000_000, MINUTE)),
        }
    }
}

impl Default for ThreeGovernors {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Clock + Sync> Contender for Governor<C>
where
    C::Instant: Sync,
{
    fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    fn decide(&self, key: u64, call: u64) -> bool {
        if let Some(clock) = &self.moves_on
            && call.is_multiple_of(4_096)
        {
            clock.advance(Duration::from_millis(1));
        }
        self.requests.check_key(&key).is_ok()
    }
}

impl Contender for ThreeGovernors {
    fn name(&self) -> &'static str {
        "governor × 3"
    }

    #[inline]
    fn decide(&self, key: u64, _call: u64) -> bool {
        self.requests.check_key(&key).is_ok()
            && matches!(self.tokens.check_key_n(&key, TOKENS), Ok(Ok(())))
            && matches!(self.day.check_key_n(&key, TOKENS), Ok(Ok(())))
    }
}
