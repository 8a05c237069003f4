//! A reservation that settles itself if it is dropped.

use crate::clock::{Clock, Timestamp};
use crate::limiter::Limiter;
use crate::reservation::Reservation;
use std::ops::Deref;

impl Reservation {
    /// The same reservation with its limiter and clock beside it: settles by estimate when dropped.
    pub fn held<L: Deref<Target = Limiter>, C: Clock>(self, limiter: L, clock: C) -> Held<L, C> {
        Held { reservation: Some(self), limiter, clock }
    }
}

/// A [`Reservation`] that knows its limiter and its clock.
///
/// Dropped, it settles by estimate: the call stays charged as reserved. With an `Arc<Limiter>` it is
/// `'static`.
#[derive(Debug)]
pub struct Held<L: Deref<Target = Limiter>, C: Clock> {
    /// `None` once settled.
    reservation: Option<Reservation>,
    limiter: L,
    clock: C,
}

impl<L: Deref<Target = Limiter>, C: Clock> Held<L, C> {
    /// Settles with the tokens actually used.
    pub fn settle(mut self, tokens: u64) {
        self.end(|limiter, reservation, at| limiter.settle(reservation, tokens, at));
    }

    /// Gives everything back: the upstream never saw the call.
    pub fn cancel(mut self) {
        self.end(Limiter::cancel);
    }

    fn end(&mut self, how: impl FnOnce(&Limiter, Reservation, Timestamp)) {
        if let Some(reservation) = self.reservation.take() {
            how(&self.limiter, reservation, self.clock.now());
        }
    }
}

impl<L: Deref<Target = Limiter>, C: Clock> Drop for Held<L, C> {
    fn drop(&mut self) {
        self.end(Limiter::settle_by_estimate);
    }
}

#[cfg(all(test, not(any(tidegate_loom, tidegate_shuttle))))]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::decision::Decision;
    use crate::nanos::Nanos;
    use crate::plan::{Limit, Plan, PlanId};
    use crate::unit::{Cost, LimitId, Unit};

    /// A limiter, and a plan of 100 tokens in ten seconds; 60 of them are reserved.
    fn reserved(clock: &ManualClock) -> (Limiter, PlanId, Reservation) {
        let limiter = Limiter::builder().capacity(1).build().unwrap();
        let limit = Limit::window(Unit::Tokens, 100, Nanos::from_secs(10));
        let plan = limiter.add_plan(&Plan::builder("plan").limit(limit).build().unwrap()).unwrap();
        match limiter.check("key", plan, Cost::tokens(60), clock.now()) {
            Decision::Admitted(admission) => (limiter, plan, admission.reservation),
            denied => panic!("{denied:?}"),
        }
    }

    /// What is used, and how many calls were settled and cancelled.
    fn told(limiter: &Limiter, plan: PlanId, at: Timestamp) -> (u64, [u64; 2]) {
        let (_, standing) = limiter.peek("key", plan, Cost::default(), at);
        let status = standing.status(LimitId::TokensWindow).unwrap();
        let observed = limiter.observed();
        (status.limit - status.remaining, [observed.settled, observed.cancelled])
    }

    #[test]
    fn a_held_reservation_is_settled_once_and_as_it_is_told() {
        type Ends = fn(Held<&Limiter, &ManualClock>);
        let ends: [(Ends, u64, [u64; 2]); 4] = [
            (|held| held.settle(45), 45, [1, 0]),
            (|held| held.settle(70), 70, [1, 0]),
            (|held| held.cancel(), 0, [0, 1]),
            (|held| drop(held), 60, [1, 0]),
        ];
        for (end, used, counted) in ends {
            let clock = ManualClock::new(Timestamp::both(Nanos::from_secs(1_000)));
            let (limiter, plan, reservation) = reserved(&clock);
            let held = reservation.held(&limiter, &clock);
            assert_eq!(told(&limiter, plan, clock.now()), (60, [0, 0]));
            end(held);
            assert_eq!(told(&limiter, plan, clock.now()), (used, counted));
        }
    }

    #[test]
    fn it_is_settled_at_the_time_at_which_it_ends() {
        let clock = ManualClock::new(Timestamp::both(Nanos::from_secs(1_000)));
        let (limiter, plan, reservation) = reserved(&clock);
        let held = reservation.held(&limiter, &clock);
        clock.advance(Nanos::from_secs(30));
        held.settle(75);
        // The call itself is out of the window; the 15 that it took beyond its estimate count from now on.
        assert_eq!(told(&limiter, plan, clock.now()).0, 15);
        clock.advance(Nanos::from_secs(30));
        assert_eq!(told(&limiter, plan, clock.now()).0, 0);
    }
}
