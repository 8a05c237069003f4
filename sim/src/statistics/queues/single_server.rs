//! One server, endless room: M/M/1 and M/D/1.

use super::positive;

/// Poisson arrivals, exponential service, one server, first come first served (Kleinrock, *Queueing Systems* 1,
/// 3.2 and 5.7).
///
/// ```
/// use tidegate_sim::statistics::queues::Mm1;
///
/// let queue = Mm1::new(0.8, 1.0).unwrap();
/// assert!((queue.number() - 4.0).abs() < 1e-12 && (queue.time() - 5.0).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mm1 {
    arrivals: f64,
    service: f64,
}

impl Mm1 {
    /// A queue of these rates. `None` unless 0 < `arrivals` < `service`, both finite: else it grows for ever.
    #[must_use]
    pub fn new(arrivals: f64, service: f64) -> Option<Self> {
        (positive(arrivals) && positive(service) && arrivals < service).then_some(Self { arrivals, service })
    }

    /// L, the mean number in the system: ρ/(1 − ρ).
    #[must_use]
    pub fn number(&self) -> f64 {
        self.arrivals / (self.service - self.arrivals)
    }

    /// W, the mean time in the system: 1/(μ − λ).
    #[must_use]
    pub fn time(&self) -> f64 {
        (self.service - self.arrivals).recip()
    }

    /// Wq, the mean wait for the server: ρ/(μ − λ).
    #[must_use]
    pub fn wait(&self) -> f64 {
        self.arrivals / self.service * self.time()
    }

    /// The time in the system that this share does not exceed, which is exponential: −W·ln(1 − share). `None` unless
    /// 0 ≤ `share` < 1.
    #[must_use]
    pub fn time_quantile(&self, share: f64) -> Option<f64> {
        (0.0..1.0).contains(&share).then(|| -self.time() * libm::log1p(-share))
    }
}

/// Poisson arrivals, constant service, one server (Pollaczek and Khinchine; Kleinrock, 5.6).
///
/// ```
/// use tidegate_sim::statistics::queues::Md1;
///
/// assert!((Md1::new(0.8, 1.0).unwrap().wait() - 2.0).abs() < 1e-12);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Md1(Mm1);

impl Md1 {
    /// A queue of these rates. `None` unless 0 < `arrivals` < `service`, both finite.
    #[must_use]
    pub fn new(arrivals: f64, service: f64) -> Option<Self> {
        Mm1::new(arrivals, service).map(Self)
    }

    /// L, the mean number in the system: ρ + ρ²/(2(1 − ρ)).
    #[must_use]
    pub fn number(&self) -> f64 {
        self.0.arrivals * self.time()
    }

    /// W, the mean time in the system.
    #[must_use]
    pub fn time(&self) -> f64 {
        self.wait() + self.0.service.recip()
    }

    /// Wq, the mean wait for the server: half of that with exponential service.
    #[must_use]
    pub fn wait(&self) -> f64 {
        self.0.wait() / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::assert_printed;
    use super::*;

    #[test]
    fn both_queues_have_their_known_values() {
        let exponential = Mm1::new(0.8, 1.0).unwrap();
        assert_printed(exponential.number(), "4.000");
        assert_printed(exponential.time(), "5.000");
        assert_printed(exponential.wait(), "4.000");
        assert_printed(exponential.time_quantile(0.95).unwrap(), "14.979");
        assert_printed(exponential.time_quantile(0.99).unwrap(), "23.026");
        let constant = Md1::new(0.8, 1.0).unwrap();
        assert_printed(constant.wait(), "2.000");
        assert_printed(constant.number(), "2.400");
    }

    #[test]
    fn what_has_no_steady_state_is_no_queue() {
        for (arrivals, service) in
            [(1.0, 1.0), (2.0, 1.0), (0.0, 1.0), (-1.0, 1.0), (f64::NAN, 1.0), (1.0, f64::INFINITY)]
        {
            assert_eq!((Mm1::new(arrivals, service), Md1::new(arrivals, service)), (None, None));
        }
        let queue = Mm1::new(0.8, 1.0).unwrap();
        assert_eq!((queue.time_quantile(1.0), queue.time_quantile(f64::NAN)), (None, None));
    }
}
