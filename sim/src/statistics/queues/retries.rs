//! What retries add to a load, and when they keep it up by themselves.

use super::positive;

/// The mean number of attempts of a call, each of which fails with this probability by itself, with so many
/// retries after the first: (1 − p^(n+1))/(1 − p). `None` unless 0 ≤ `failure` ≤ 1. O(1).
///
/// ```
/// use tidegate_sim::statistics::queues::attempts;
///
/// assert!((attempts(0.5, 3).unwrap() - 1.875).abs() < 1e-12);
/// ```
#[must_use]
pub fn attempts(failure: f64, retries: u32) -> Option<f64> {
    let most = f64::from(retries) + 1.0;
    if failure == 1.0 {
        return Some(most);
    }
    // Where p is nearly 1 both parts are small, and this keeps their digits; at 0 the logarithm is infinite, the power 0.
    let of_success = -libm::expm1(most * libm::log(failure));
    (0.0..1.0).contains(&failure).then(|| of_success / (1.0 - failure))
}

/// A server whose refusals cost it work, under calls that retry.
///
/// A call tries up to 1 + r times, each refused with a probability p; a refusal costs κ times the work of a good
/// call. So a call asks for (1 − p^(r+1)) + κ(p + … + p^(r+1)) of work. Where that is more for some p than without
/// refusals, a load that the server could well carry may, once it has been refused, stay refused: a stuck state
/// stands beside the healthy one (Bronson and others, *Metastable failures in distributed systems*, HotOS 2021).
///
/// ```
/// use tidegate_sim::statistics::queues::RetryStorm;
///
/// // 300 good calls a second, one retry, refusals as dear as answers: from 150 a second on it may stay stuck.
/// assert_eq!(RetryStorm::new(300.0, 1, 1.0).unwrap().edge(), Some(150.0));
/// assert_eq!(RetryStorm::new(300.0, 1, 0.0).unwrap().edge(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryStorm {
    capacity: f64,
    retries: u32,
    refusal_cost: f64,
}

impl RetryStorm {
    /// A server of this many good calls a unit of time, so many retries, and a refusal that costs this share of
    /// a good call. `None` unless `capacity` is positive and finite, `refusal_cost` is finite and not negative,
    /// and `retries` at most 10,000.
    #[must_use]
    pub fn new(capacity: f64, retries: u32, refusal_cost: f64) -> Option<Self> {
        let fit = positive(capacity) && refusal_cost >= 0.0 && refusal_cost.is_finite() && retries <= 10_000;
        fit.then_some(Self { capacity, retries, refusal_cost })
    }

    /// The work that a call asks for, in good calls, where an attempt is refused with this probability. `None` unless
    /// 0 ≤ `refused` ≤ 1. O(retries).
    #[must_use]
    pub fn work(&self, refused: f64) -> Option<f64> {
        (0.0..=1.0).contains(&refused).then(|| self.work_at(refused))
    }

    fn work_at(&self, refused: f64) -> f64 {
        let refusals = (0..=self.retries).fold(0.0, |sum, _| (sum + 1.0) * refused);
        1.0 - libm::pow(refused, f64::from(self.retries) + 1.0) + self.refusal_cost * refusals
    }

    /// m, the most work that a call can ask for, over all probabilities of refusal. O(retries).
    #[must_use]
    pub fn most_work(&self) -> f64 {
        // The slope over p^r is κ·Σ k·p^(k−1−r) − (r + 1), k from 1 to r + 1: it only falls, so the work rises to one
        // top.
        let last = f64::from(self.retries) + 1.0;
        let rises = |refused: f64| {
            // Σ k·p^(k−1) by Horner's rule, from the last on.
            let refusals = (1..=self.retries + 1).rev().fold(0.0, |sum, k| sum * refused + f64::from(k));
            self.refusal_cost * refusals >= last * libm::pow(refused, last - 1.0)
        };
        let (mut low, mut high) = (0.0, 1.0);
        if rises(high) {
            return self.work_at(high);
        }
        // Fifty halvings leave nothing that the work, level at its top, could show.
        for _ in 0..50 {
            let middle = f64::midpoint(low, high);
            if rises(middle) { low = middle } else { high = middle }
        }
        self.work_at(low).max(1.0)
    }

    /// The load, in calls a unit of time, from which on a stuck state stands beside the healthy one:
    /// capacity/m. Below it there is none, and above the capacity no healthy one. `None` if there is no such
    /// load: refusals cost too little.
    #[must_use]
    pub fn edge(&self) -> Option<f64> {
        let edge = self.capacity / self.most_work();
        (edge > 0.0 && edge < self.capacity).then_some(edge)
    }
}

#[cfg(test)]
mod tests {
    use super::super::assert_printed;
    use super::*;
    use quickcheck::quickcheck;

    #[test]
    fn attempts_are_the_known_ones() {
        for (failure, printed) in [(0.1, "1.111"), (0.5, "1.875"), (0.9, "3.439")] {
            assert_printed(attempts(failure, 3).unwrap(), printed);
        }
        assert_eq!(
            (attempts(0.0, 3), attempts(1.0, 3), attempts(1.0, u32::MAX)),
            (Some(1.0), Some(4.0), Some(4_294_967_296.0))
        );
        assert!((attempts(1.0 - 1e-13, 9).unwrap() - 10.0).abs() < 1e-9);
        for unfit in [-0.1, 1.1, f64::NAN] {
            assert_eq!(attempts(unfit, 3), None);
        }
    }

    #[test]
    fn edges_are_the_known_ones() {
        let edge = |capacity, retries, cost| RetryStorm::new(capacity, retries, cost).unwrap().edge();
        assert_eq!(edge(300.0, 1, 1.0), Some(150.0));
        assert_eq!(edge(1_000.0, 3, 0.5), Some(500.0));
        for retries in [0, 1, 3, 10_000] {
            assert_eq!(edge(300.0, retries, 0.0), None);
        }
        // Without retries a refusal that costs less than an answer only relieves.
        assert_eq!((edge(300.0, 0, 0.5), edge(300.0, 0, 2.0)), (None, Some(150.0)));
    }

    #[test]
    fn unfit_parameters_make_no_storm() {
        for unfit in [-1.0, f64::NAN, f64::INFINITY] {
            assert_eq!((RetryStorm::new(unfit, 1, 1.0), RetryStorm::new(1.0, 1, unfit)), (None, None));
        }
        assert_eq!((RetryStorm::new(0.0, 1, 1.0), RetryStorm::new(1.0, 10_001, 1.0)), (None, None));
        assert_eq!(RetryStorm::new(1.0, 1, 1.0).unwrap().work(1.5), None);
    }

    quickcheck! {
        fn attempts_are_the_sum_of_their_chances(failure: u16, retries: u8) -> bool {
            let failure = f64::from(failure) / f64::from(u16::MAX);
            let sum = (0..=u32::from(retries)).fold(0.0, |sum, _| 1.0 + sum * failure);
            (attempts(failure, u32::from(retries)).unwrap() / sum - 1.0).abs() < 1e-9
        }

        fn no_probability_asks_for_more_than_the_most(retries: u8, cost: u8) -> bool {
            let storm = RetryStorm::new(1.0, u32::from(retries % 20), f64::from(cost) / 100.0).unwrap();
            let most = storm.most_work();
            let found = (0..=1_000).map(|part| storm.work(f64::from(part) / 1_000.0).unwrap()).fold(0.0, f64::max);
            found <= most + 1e-12 && most <= found + 1e-3
        }
    }
}
