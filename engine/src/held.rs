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
