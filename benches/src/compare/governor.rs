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
use tidegate::Nanos;

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
        Self { name: "governor", requests: RateLimiter::dashmap(roomy_requests()) }
    }

    /// Every call but a key's first is denied.
    pub fn denying() -> Self {
        Self { name: "governor", requests: RateLimiter::dashmap(quota(1, DAY)) }
    }
}

impl Governor<FakeRelativeClock> {
    /// Every call is admitted, on a clock that costs one load: the nearest to a time passed in. It stands still, and
    /// no bench makes so many calls on a key that a minute's quota runs out.
    pub fn one_at() -> Self {
        let requests = RateLimiter::dashmap_with_clock(roomy_requests(), FakeRelativeClock::default());
        Self { name: "governor, clock given", requests }
    }

    /// Every call but a key's first is denied, on a clock that costs one load.
    pub fn denying_at() -> Self {
        let requests = RateLimiter::dashmap_with_clock(quota(1, DAY), FakeRelativeClock::default());
        Self { name: "governor, clock given", requests }
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

impl<C: Clock + Send + Sync> Contender for Governor<C>
where
    C::Instant: Send + Sync,
{
    fn name(&self) -> &'static str {
        self.name
    }

    #[inline]
    fn decide(&self, key: u64, _time: Nanos) -> bool {
        self.requests.check_key(&key).is_ok()
    }
}

impl Contender for ThreeGovernors {
    fn name(&self) -> &'static str {
        "governor × 3"
    }

    #[inline]
    fn decide(&self, key: u64, _time: Nanos) -> bool {
        self.requests.check_key(&key).is_ok()
            && matches!(self.tokens.check_key_n(&key, TOKENS), Ok(Ok(())))
            && matches!(self.day.check_key_n(&key, TOKENS), Ok(Ok(())))
    }
}
