//! A token bucket alone.

/// The share of Poisson calls that a bucket of so many tokens denies, where they come at `load` times its refill.
///
/// A bucket is a queue seen from behind: a token gone is work that the refill, one token at a time, has yet to
/// do. It denies where a queue with constant service and room for `capacity`, the one served included, is full:
/// M/D/1/B. That is solved as the chain of numbers left behind at the ends of services (Kleinrock, *Queueing
/// Systems* 1, 5.3), by the balance of steps up and down across each level: its terms are all positive, so no
/// digit cancels. The loss is 1 − 1/(π₀ + load), right to about 10⁻¹³ of the whole.
///
/// `None` unless `load` is positive and finite, and `capacity` from 1 to 100,000. O(`capacity`²) time, O(`capacity`) memory.
///
/// ```
/// use tidegate_sim::statistics::queues::bucket_loss;
///
/// assert!((bucket_loss(10, 1.0).unwrap() - 0.05085).abs() < 5e-6);
/// ```
#[must_use]
pub fn bucket_loss(capacity: u32, load: f64) -> Option<f64> {
    if !super::positive(load) || !(1..=LARGEST).contains(&capacity) {
        return None;
    }
    // Left behind are 0..capacity; with room for one alone, always nothing.
    let empty = if capacity == 1 { 1.0 } else { left_empty(capacity, load) };
    // Written as the loss over what is offered, which is never below zero but by rounding.
    Some(((empty + load - 1.0) / (empty + load)).max(0.0))
}

/// Some seconds of work; a larger bucket has no loss to speak of below a load of 1, and 1 − 1/load above it.
const LARGEST: u32 = 100_000;

/// Above this load e^−load is no normal number, and a service that leaves nothing behind is never seen.
const HEAVIEST: f64 = 700.0;

/// π₀: how often a service leaves nothing behind.
fn left_empty(capacity: u32, load: f64) -> f64 {
    if load > HEAVIEST {
        return 0.0;
    }
    let (none_arrives, more_arrive) = (libm::exp(-load), more_than(capacity, load));
    // Weights of the states, the first 1 to begin with; scaled where they grow beyond all numbers.
    let (mut weights, mut all) = (vec![1.0], 1.0);
    while weights.len() < capacity as usize {
        // Up across the level below the new state: from 0 by more than `level` arrivals, as the first only begins the
        // service; from i ≥ 1 by more than `level` + 1 − i. Down: from the new state, if none arrives.
        let from_empty = weights.first().zip(more_arrive.get(weights.len() - 1));
        let from_others = weights.iter().skip(1).rev().zip(more_arrive.iter().skip(1));
        let up: f64 = from_empty.into_iter().chain(from_others).map(|(weight, arrive)| weight * arrive).sum();
        let weight = up / none_arrives;
        weights.push(weight);
        all += weight;
        if all > 1e200 {
            weights.iter_mut().for_each(|weight| *weight /= 1e200);
            all /= 1e200;
        }
    }
    weights.first().map_or(0.0, |empty| empty / all)
}

/// The probabilities of more than 0, 1, … arrivals in a service. Summed from the far end, so that small ones
/// keep their digits.
fn more_than(capacity: u32, load: f64) -> Vec<f64> {
    // Forty standard deviations beyond the mean and beyond the capacity nothing adds to any sum.
    let counted = capacity as usize + (load + 40.0 * load.sqrt() + 40.0) as usize;
    let mut term = libm::exp(-load);
    let mut exactly = Vec::with_capacity(counted);
    for arrivals in 1..=counted {
        exactly.push(term);
        term *= load / arrivals as f64;
    }
    let mut more = 0.0;
    for term in exactly.iter_mut().rev() {
        let this = *term;
        *term = more;
        more += this;
    }
    exactly.truncate(capacity as usize);
    exactly
}

#[cfg(test)]
mod tests {
    use super::super::assert_printed;
    use super::*;
    use quickcheck::quickcheck;

    #[test]
    fn losses_are_the_known_ones() {
        let known = [(5, 0.8, "0.03529"), (10, 1.0, "0.05085"), (10, 1.2, "0.1709"), (10, 2.0, "0.5000")];
        for (capacity, load, printed) in known {
            assert_printed(bucket_loss(capacity, load).unwrap(), printed);
        }
    }

    #[test]
    fn extremes_have_their_limits() {
        // One token is a server without room: M/D/1/1, Erlang's formula.
        assert!((bucket_loss(1, 0.5).unwrap() - 0.5 / 1.5).abs() < 1e-12);
        for load in [10.0, 699.0, 701.0, 1e6] {
            assert!((bucket_loss(50, load).unwrap() - (1.0 - 1.0 / load)).abs() < 1e-12, "{load}");
        }
        assert!(bucket_loss(2_000, 0.9).unwrap() < 1e-12);
        assert_eq!(bucket_loss(5, 1e-9), Some(0.0));
        for unfit in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(bucket_loss(5, unfit), None);
        }
        assert_eq!((bucket_loss(0, 1.0), bucket_loss(u32::MAX, 1.0)), (None, None));
    }

    quickcheck! {
        fn a_larger_bucket_denies_less_and_load_more(capacity: u8, load: u8) -> bool {
            let (capacity, load) = (u32::from(capacity) + 1, f64::from(load) / 64.0 + 0.01);
            let loss = bucket_loss(capacity, load).unwrap();
            (0.0..1.0).contains(&loss)
                && loss >= 1.0 - 1.0 / load - 1e-12
                && bucket_loss(capacity + 1, load).unwrap() <= loss + 1e-12
                && bucket_loss(capacity, load + 0.1).unwrap() >= loss - 1e-12
        }
    }
}
