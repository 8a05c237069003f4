//! Several servers with bounded room, or with a bounded number of clients.

use super::birth_death::{SteadyState, steady_state};
use super::positive;

/// M/M/c/K: Poisson arrivals, exponential service, c servers, room for K in all; who finds it full is lost.
///
/// ```
/// use tidegate_sim::statistics::queues::Mmck;
///
/// let queue = Mmck::new(5.0, 1.0, 4, 10).unwrap();
/// assert!((queue.loss() - 0.2300).abs() < 5e-5);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mmck {
    loss: f64,
    number: f64,
    throughput: f64,
}

impl Mmck {
    /// A queue of these rates (`service` is one server's), servers and room. `None` unless both rates are
    /// positive and finite and 1 ≤ `servers` ≤ `room`. O(`room`).
    #[must_use]
    pub fn new(arrivals: f64, service: f64, servers: u32, room: u32) -> Option<Self> {
        if !(positive(arrivals) && positive(service) && (1..=room).contains(&servers)) {
            return None;
        }
        // In units of a service time, so that only the load can be large.
        let (load, busy) = (arrivals / service, |state: u32| f64::from(state.min(servers)));
        let SteadyState { mean, last, rate_down } = steady_state(room, |_| load, busy);
        // Loads beyond all numbers, or so small that nothing is ever seen, have no figures.
        let fit = positive(load) && [mean, last, rate_down * service].into_iter().all(f64::is_finite);
        fit.then_some(Self { loss: last, number: mean, throughput: rate_down * service })
    }

    /// The share of arrivals lost.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.loss
    }

    /// L, the mean number in the system.
    #[must_use]
    pub fn number(&self) -> f64 {
        self.number
    }

    /// X, the rate of services: λ(1 − loss).
    #[must_use]
    pub fn throughput(&self) -> f64 {
        self.throughput
    }

    /// W, the mean time in the system of those not lost: L/X (Little).
    #[must_use]
    pub fn time(&self) -> f64 {
        self.number / self.throughput
    }
}

/// M/M/c//N, a closed loop: N clients think, then ask one of c servers and wait for the answer (Kleinrock, *Queueing
/// Systems* 1, 3.8).
///
/// ```
/// use tidegate_sim::statistics::queues::MachineRepair;
///
/// let machines = MachineRepair::new(20, 10.0, 1.0, 1).unwrap();
/// assert!((machines.throughput() - 0.99813).abs() < 5e-6);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MachineRepair {
    throughput: f64,
    time: f64,
}

impl MachineRepair {
    /// So many clients, who think this long in the mean, and servers of this rate each. `None` unless there is
    /// a client and a server, and `think` and `service` are positive and finite. O(`clients`).
    #[must_use]
    pub fn new(clients: u32, think: f64, service: f64, servers: u32) -> Option<Self> {
        if !(positive(think) && positive(service) && clients > 0 && servers > 0) {
            return None;
        }
        // In units of a service time.
        let thinking = |state: u32| f64::from(clients - state.min(clients)) / (think * service);
        let SteadyState { mean, rate_down, .. } =
            steady_state(clients, thinking, |state| f64::from(state.min(servers)));
        let (throughput, time) = (rate_down * service, mean / rate_down / service);
        (positive(throughput) && positive(time)).then_some(Self { throughput, time })
    }

    /// X, the rate of answers.
    #[must_use]
    pub fn throughput(&self) -> f64 {
        self.throughput
    }

    /// R, the mean time from asking to the answer.
    #[must_use]
    pub fn time(&self) -> f64 {
        self.time
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Mm1, assert_printed, erlang_b};
    use super::*;
    use quickcheck::quickcheck;

    #[test]
    fn a_bounded_queue_has_its_known_values() {
        let queue = Mmck::new(5.0, 1.0, 4, 10).unwrap();
        assert_printed(queue.loss(), "0.2300");
        assert_printed(queue.number(), "7.356");
        assert_printed(queue.time(), "1.9107");
        assert_printed(queue.throughput(), "3.850");
    }

    #[test]
    fn a_closed_loop_has_its_known_values() {
        let machines = MachineRepair::new(20, 10.0, 1.0, 1).unwrap();
        assert_printed(machines.throughput(), "0.99813");
        assert_printed(machines.time(), "10.0375");
    }

    #[test]
    fn borders_meet_the_other_forms() {
        let wide = Mmck::new(0.8, 1.0, 1, 1_000).unwrap();
        assert!((wide.time() - Mm1::new(0.8, 1.0).unwrap().time()).abs() < 1e-9);
        let unbuffered = Mmck::new(120.0, 1.0, 100, 100).unwrap();
        assert!((unbuffered.loss() - erlang_b(100, 120.0).unwrap()).abs() < 1e-12);
        let swamped = Mmck::new(1e9, 1.0, 1_000, 100_000).unwrap();
        assert!((swamped.throughput() - 1_000.0).abs() < 1e-6 && (swamped.number() - 1e5).abs() < 1e-3);
        let alone = MachineRepair::new(1, 3.0, 0.5, 7).unwrap();
        assert!((alone.time() - 2.0).abs() < 1e-12 && (alone.throughput() - 0.2).abs() < 1e-12);
    }

    #[test]
    fn unfit_parameters_make_no_queue() {
        for unfit in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!((Mmck::new(unfit, 1.0, 1, 1), Mmck::new(1.0, unfit, 1, 1)), (None, None));
            assert_eq!(MachineRepair::new(1, unfit, 1.0, 1), None);
            assert_eq!(MachineRepair::new(1, 1.0, unfit, 1), None);
        }
        assert_eq!((Mmck::new(1.0, 1.0, 0, 1), Mmck::new(1.0, 1.0, 2, 1)), (None, None));
        assert_eq!((MachineRepair::new(0, 1.0, 1.0, 1), MachineRepair::new(1, 1.0, 1.0, 0)), (None, None));
        assert_eq!(Mmck::new(1e300, 1e-300, 1, 1), None);
    }

    quickcheck! {
        fn what_is_not_lost_is_served(load: u16, servers: u8, waiting: u8) -> bool {
            let (arrivals, servers) = (f64::from(load) / 100.0 + 0.01, u32::from(servers) + 1);
            let queue = Mmck::new(arrivals, 1.0, servers, servers + u32::from(waiting)).unwrap();
            (queue.throughput() - arrivals * (1.0 - queue.loss())).abs() < 1e-9 * arrivals
        }

        fn a_client_is_thinking_or_waiting(clients: u8, servers: u8, think: u8) -> bool {
            let (clients, servers, think) = (u32::from(clients) + 1, u32::from(servers) + 1, f64::from(think) + 0.5);
            let loop_of = MachineRepair::new(clients, think, 1.0, servers).unwrap();
            (loop_of.throughput() * (think + loop_of.time()) - f64::from(clients)).abs() < 1e-9 * f64::from(clients)
        }
    }
}
