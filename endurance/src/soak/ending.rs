//! Reservations of the crowd, waiting to be settled.

use super::shared::Counts;
use rand::RngExt;
use rand::rngs::SmallRng;
use std::collections::VecDeque;
use tidegate::{Limiter, Reservation, Timestamp};

/// So many calls of a worker are under way at any time.
const UNDER_WAY: usize = 8_192;

/// Calls that have been admitted and are under way, oldest first.
#[derive(Debug, Default)]
pub(super) struct UnderWay(VecDeque<Reservation>);

impl UnderWay {
    pub(super) fn push(&mut self, reservation: Reservation) {
        self.0.push_back(reservation);
    }

    /// Ends the oldest, if there are more than usual: six in ten with less than was reserved, one with as much, one and a half
    /// with more; one is cancelled, and of half of one nobody knows what it used.
    pub(super) fn end_surplus(
        &mut self,
        limiter: &Limiter,
        random: &mut SmallRng,
        at: Timestamp,
        counts: &mut Counts,
    ) {
        while self.0.len() > UNDER_WAY
            && let Some(reservation) = self.0.pop_front()
        {
            let tokens = reservation.cost().tokens;
            let tokens = match random.random_range(0..20) {
                0..12 => random.random_range(0..=tokens),
                12..14 => tokens,
                14..17 => tokens + random.random_range(0..=tokens / 2 + 1),
                17..19 => {
                    limiter.cancel(reservation, at);
                    counts.cancelled += 1;
                    continue;
                }
                _ => {
                    limiter.settle_by_estimate(reservation, at);
                    counts.settled += 1;
                    continue;
                }
            };
            limiter.settle(reservation, tokens, at);
            counts.settled += 1;
        }
    }
}
