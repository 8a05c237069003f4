//! What happens on the way, for charts over time.

use crate::simulate::scenario::Scenario;

/// Something that happens at a time, or lasts for one.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mark {
    /// When it begins, in seconds.
    pub(super) from: f64,
    /// When it ends, if it lasts.
    pub(super) to: Option<f64>,
    /// What it is.
    pub(super) name: String,
}

/// The warm-up, and what changes from outside.
pub(super) fn of(scenario: &Scenario) -> Vec<Mark> {
    let until = (scenario.duration - scenario.measured()).as_secs_f64();
    let warm_up = (until > 0.0).then(|| Mark { from: 0.0, to: Some(until), name: "warm-up".into() });
    let disturbances = scenario.disturbances().into_iter().map(|disturbance| Mark {
        from: disturbance.at.as_secs_f64(),
        to: disturbance.until.map(|until| until.as_secs_f64()),
        name: disturbance.what,
    });
    warm_up.into_iter().chain(disturbances).collect()
}
