//! What is raced: the limiter, or one with a planted fault.

use crate::event::{Statuses, statuses};
use tidegate::{Call, Cost, Decision, Limiter, PlanId, Reservation, Timestamp, Verdict};

/// The calls of a limiter, of keys that are numbers.
pub(crate) trait Subject: Sync {
    fn limiter(&self) -> &Limiter;

    fn check(&self, key: u64, plan: PlanId, cost: Cost, at: Timestamp) -> Decision {
        self.limiter().check(&key, plan, cost, at)
    }

    fn check_with_standing(&self, key: u64, plan: PlanId, cost: Cost, at: Timestamp) -> (Decision, Statuses) {
        let (decision, standing) = self.limiter().check_with_standing(&key, plan, cost, at);
        (decision, statuses(&standing))
    }

    fn check_batch(&self, calls: &[Call<u64>], at: Timestamp, answer: &mut dyn FnMut(usize, Decision)) {
        self.limiter().check_batch(calls, at, answer);
    }

    fn peek(&self, key: u64, plan: PlanId, cost: Cost, at: Timestamp) -> (Verdict, Statuses) {
        let (verdict, standing) = self.limiter().peek(&key, plan, cost, at);
        (verdict, statuses(&standing))
    }

    fn settle(&self, _key: u64, reservation: Reservation, tokens: u64, at: Timestamp) {
        self.limiter().settle(reservation, tokens, at);
    }

    fn cancel(&self, _key: u64, reservation: Reservation, at: Timestamp) {
        self.limiter().cancel(reservation, at);
    }

    fn change_plan(&self, key: u64, plan: PlanId, at: Timestamp) {
        self.limiter().change_plan(&key, plan, at);
    }

    fn set_own_plan(&self, key: u64, plan: PlanId, at: Timestamp) -> bool {
        self.limiter().set_own_plan(&key, plan, at)
    }

    fn clear_own_plan(&self, key: u64, at: Timestamp) {
        self.limiter().clear_own_plan(&key, at);
    }

    fn record_usage(&self, key: u64, plan: PlanId, cost: Cost, at: Timestamp) {
        self.limiter().record_usage(&key, plan, cost, at);
    }

    fn give_back(&self, key: u64, cost: Cost, at: Timestamp) -> bool {
        self.limiter().give_back(&key, cost, at)
    }

    fn reset(&self, key: u64, at: Timestamp) -> bool {
        self.limiter().reset(&key, at)
    }
}

impl Subject for Limiter {
    fn limiter(&self) -> &Limiter {
        self
    }
}
