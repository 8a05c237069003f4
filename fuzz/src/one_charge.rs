//! What the rules say of a key that was charged once: closed forms in wide integers, for plans of any numbers.

use tidegate::{Cost, Limit, LimitId, Mode, Nanos, Plan, Span, Timestamp};

/// n of R3.
const SEGMENTS: u128 = 7;
const DAY: u64 = 86_400_000_000_000;

/// A key that was charged once.
#[derive(Clone, Copy, Debug)]
pub struct OneCharge<'a> {
    plan: &'a Plan,
    cost: Cost,
    at: Timestamp,
}

/// What a call is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// It is admitted.
    Admitted,
    /// It is denied by a limit for so many nanoseconds.
    Denied(LimitId, u128),
    /// A limit never admits it.
    Never(LimitId),
}

impl<'a> OneCharge<'a> {
    /// A key that was charged so much at a time, and nothing before.
    pub fn new(plan: &'a Plan, cost: Cost, at: Timestamp) -> Self {
        Self { plan, cost, at }
    }

    /// Whether the counters of the limits that are set hold it for certain.
    pub fn is_counted(&self) -> bool {
        self.plan.limits().all(|(id, limit)| self.cost.of(id.unit()) <= limit.ceiling())
    }

    /// The answer to another call, not before the charge.
    pub fn expected(&self, cost: Cost, at: Timestamp) -> Expected {
        let enforced = || self.plan.limits().filter(|(_, limit)| limit.mode() == Mode::Enforce);
        if let Some((id, _)) = enforced().find(|(id, limit)| cost.of(id.unit()) > limit.ceiling()) {
            return Expected::Never(id);
        }
        let waits = enforced().map(|(id, limit)| (id, self.wait(limit, cost.of(id.unit()).into(), at)));
        // Of limits that deny equally long the first is named.
        let latest = waits.reduce(|latest, next| if next.1 > latest.1 { next } else { latest });
        match latest {
            Some((id, wait)) if wait > 0 => Expected::Denied(id, wait),
            _ => Expected::Admitted,
        }
    }

    /// How long a limit denies so many units.
    fn wait(&self, limit: &Limit, units: u128, at: Timestamp) -> u128 {
        let used = u128::from(self.cost.of(limit.unit()));
        let over = (used + units).saturating_sub(limit.ceiling().into());
        match limit.span() {
            _ if over == 0 => 0,
            Span::Day => self.until_midnight(at),
            Span::Window(window) => {
                let refilled = (over * u128::from(window.get())).div_ceil(limit.amount().into());
                self.until_expired(window, at).max(self.since_charge(refilled, at))
            }
        }
    }

    /// What is left of a limit, and for how long that is not all.
    pub fn standing(&self, limit: &Limit, at: Timestamp) -> (u128, u128) {
        let (used, amount) = (u128::from(self.cost.of(limit.unit())), u128::from(limit.amount()));
        let window = match limit.span() {
            Span::Day => {
                let whole = self.until_midnight(at);
                let used = if whole > 0 { used } else { 0 };
                return (amount.saturating_sub(used), if used > 0 { whole } else { 0 });
            }
            Span::Window(window) => window,
        };
        let (length, ceiling) = (u128::from(window.get()), u128::from(limit.ceiling()));
        let expires = self.until_expired(window, at);
        let counted = if expires > 0 { used } else { 0 };
        let elapsed = u128::from(at.monotonic.get() - self.at.monotonic.get());
        let owed = (used * length).saturating_sub(elapsed * amount);
        let room = (ceiling * length).saturating_sub(owed) / length;
        let drained = (used.saturating_sub(ceiling - amount) * length).div_ceil(amount);
        let whole = if used > 0 { expires.max(self.since_charge(drained, at)) } else { 0 };
        (amount.saturating_sub(counted).min(room), whole)
    }

    /// Until the segment of the charge has left the window.
    fn until_expired(&self, window: Nanos, at: Timestamp) -> u128 {
        let window = u128::from(window.get());
        let segment = u128::from(self.at.monotonic.get()) * SEGMENTS / window;
        let left = ((segment + SEGMENTS + 1) * window).div_ceil(SEGMENTS);
        left.saturating_sub(at.monotonic.get().into())
    }

    /// What is left of a time that began with the charge.
    fn since_charge(&self, time: u128, at: Timestamp) -> u128 {
        (u128::from(self.at.monotonic.get()) + time).saturating_sub(at.monotonic.get().into())
    }

    /// Until the day of the charge is over.
    fn until_midnight(&self, at: Timestamp) -> u128 {
        let midnight = u128::from(self.at.unix.get() / DAY + 1) * u128::from(DAY);
        midnight.saturating_sub(at.unix.get().into())
    }
}
