//! Steady states of chains that go up and down by one.

/// Beyond this, terms are scaled down, before a product overflows.
const LARGE: f64 = 1e200;

/// What matters of a steady state.
pub(super) struct SteadyState {
    /// The mean state.
    pub(super) mean: f64,
    /// The probability of the last state.
    pub(super) last: f64,
    /// The mean rate of steps down.
    pub(super) rate_down: f64,
}

/// The steady state of a chain on 0..=`last`, from the rate up from each state and the rate down to it from the
/// next (Kleinrock, *Queueing Systems* 1, 3.1): each state's weight is that of the one before times up over
/// down. No term is subtracted, so nothing cancels. O(`last`) time, O(1) memory.
pub(super) fn steady_state(last: u32, up: impl Fn(u32) -> f64, down: impl Fn(u32) -> f64) -> SteadyState {
    let (mut weight, mut all, mut states, mut rate) = (1.0, 1.0, 0.0, 0.0);
    for state in 1..=last {
        let rate_down = down(state);
        weight *= up(state - 1) / rate_down;
        if weight > LARGE {
            [&mut weight, &mut all, &mut states, &mut rate].into_iter().for_each(|sum| *sum /= LARGE);
        }
        all += weight;
        states += weight * f64::from(state);
        rate += weight * rate_down;
    }
    SteadyState { mean: states / all, last: weight / all, rate_down: rate / all }
}
