//! Max–min fair shares.

/// The max–min fair shares of a capacity: nobody's can grow but by taking from one who has no more. Same order
/// and unit as the demands.
///
/// By progressive filling (Bertsekas and Gallager, *Data Networks*, 6.5.2): all shares grow alike, each until
/// its demand is met, until the capacity is used. `None` if a demand or the capacity is negative or no number;
/// either may be infinite, but an infinite capacity gives everyone their demand. O(n log n).
///
/// ```
/// use tidegate_sim::statistics::fairness::max_min_shares;
///
/// let shares = max_min_shares(&[2.0, 2.6, 4.0, 5.0], 10.0).unwrap();
/// for (share, expected) in shares.iter().zip([2.0, 2.6, 2.7, 2.7]) {
///     assert!((share - expected).abs() < 1e-9);
/// }
/// ```
#[must_use]
pub fn max_min_shares(demands: &[f64], capacity: f64) -> Option<Vec<f64>> {
    filled(demands.iter().map(|demand| (*demand, 1.0)).collect(), capacity)
}

/// The same where shares grow in proportion to weights. `None` also if there is not a weight for each demand,
/// or one is not positive and finite.
///
/// ```
/// use tidegate_sim::statistics::fairness::weighted_max_min_shares;
///
/// // The second has its fill; what it leaves is shared two to one.
/// let shares = weighted_max_min_shares(&[9.0, 1.0, 9.0], &[2.0, 1.0, 1.0], 7.0);
/// assert_eq!(shares, Some(vec![4.0, 1.0, 2.0]));
/// ```
#[must_use]
pub fn weighted_max_min_shares(demands: &[f64], weights: &[f64], capacity: f64) -> Option<Vec<f64>> {
    if demands.len() != weights.len() {
        return None;
    }
    filled(demands.iter().copied().zip(weights.iter().copied()).collect(), capacity)
}

fn filled(clients: Vec<(f64, f64)>, capacity: f64) -> Option<Vec<f64>> {
    let fit = |(demand, weight): &(f64, f64)| *demand >= 0.0 && *weight > 0.0 && weight.is_finite();
    if !(capacity >= 0.0 && clients.iter().all(fit)) {
        return None;
    }
    // Who has their fill first: at the level, a share for weight 1, that their demand is.
    let mut order: Vec<(usize, f64, f64)> =
        clients.iter().enumerate().map(|(client, (demand, weight))| (client, *demand, *weight)).collect();
    order.sort_by(|(_, demand, weight), (_, other, of_other)| {
        (demand / weight).total_cmp(&(other / of_other))
    });
    // Weights of those not yet filled, summed from the back so that none is subtracted and the last sum is exact.
    let mut unfilled: Vec<f64> = order
        .iter()
        .rev()
        .scan(0.0, |sum, (_, _, weight)| {
            *sum += weight;
            Some(*sum)
        })
        .collect();
    unfilled.reverse();
    let (mut shares, mut left) = (vec![0.0; clients.len()], capacity);
    for ((client, demand, weight), weights) in order.into_iter().zip(unfilled) {
        // Division first: the weights may sum to infinity, and an infinite capacity has no parts.
        let share = if left.is_finite() { demand.min(left * (weight / weights)) } else { demand };
        if let Some(place) = shares.get_mut(client) {
            *place = share;
        }
        left = if left.is_finite() { (left - share).max(0.0) } else { left };
    }
    Some(shares)
}

#[cfg(test)]
mod tests {
    use super::*;
    use quickcheck::quickcheck;

    #[test]
    fn the_capacity_bounds_what_the_demands_do_not() {
        assert_eq!(max_min_shares(&[1.0, 2.0], 10.0), Some(vec![1.0, 2.0]));
        assert_eq!(max_min_shares(&[f64::INFINITY, 2.0], 10.0), Some(vec![8.0, 2.0]));
        assert_eq!(max_min_shares(&[5.0, 2.0], f64::INFINITY), Some(vec![5.0, 2.0]));
        assert_eq!(max_min_shares(&[5.0, 5.0], 0.0), Some(vec![0.0, 0.0]));
        assert_eq!(max_min_shares(&[], 3.0), Some(vec![]));
    }

    #[test]
    fn what_cannot_be_shared_has_no_shares() {
        for unfit in [-1.0, f64::NAN] {
            assert_eq!((max_min_shares(&[unfit], 1.0), max_min_shares(&[1.0], unfit)), (None, None));
        }
        for unfit in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(weighted_max_min_shares(&[1.0], &[unfit], 1.0), None);
        }
        assert_eq!(weighted_max_min_shares(&[1.0], &[], 1.0), None);
    }

    quickcheck! {
        fn shares_are_feasible_and_max_min_fair(clients: Vec<(u8, u8)>, capacity: u16) -> bool {
            let (demands, weights): (Vec<f64>, Vec<f64>) =
                clients.into_iter().map(|(demand, weight)| (f64::from(demand), f64::from(weight) + 1.0)).unzip();
            let capacity = f64::from(capacity % 2_000);
            let shares = weighted_max_min_shares(&demands, &weights, capacity).unwrap();
            let (used, wanted): (f64, f64) = (shares.iter().sum(), demands.iter().sum());
            // Whoever wants more than they have is at the highest level of all.
            let level = |client: usize| shares[client] / weights[client];
            let top = (0..shares.len()).map(level).fold(0.0, f64::max);
            (used - wanted.min(capacity)).abs() < 1e-6
                && (0..shares.len()).all(|client| {
                    shares[client] <= demands[client]
                        && (shares[client] > demands[client] - 1e-9 || level(client) > top - 1e-9)
                })
        }
    }
}
