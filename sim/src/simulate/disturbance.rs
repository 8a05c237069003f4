//! What disturbs a run: that after which one asks whether things come right again.

use super::scenario::Scenario;
use tidegate::Nanos;

/// Something that disturbs a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disturbance {
    /// What, as outputs name it.
    pub(crate) what: String,
    /// When it begins.
    pub(crate) at: Nanos,
    /// When what triggers it is over.
    pub(crate) over: Nanos,
    /// Whether things are other than before from then on, so that they need not become what they were.
    pub(crate) is_lasting: bool,
    /// The one population that it is about, by its place; `None` for all.
    pub(crate) population: Option<usize>,
}

impl Disturbance {
    /// Those of a scenario, in their order. One is the start, at which nobody waits yet and all limits are unused, unless a
    /// warm-up leaves it out.
    pub(crate) fn all(scenario: &Scenario) -> Vec<Self> {
        let start = (scenario.measured() == scenario.duration).then(|| {
            let (at, over) = (Nanos::ZERO, Nanos::ZERO);
            Self { what: "the start".into(), at, over, is_lasting: true, population: None }
        });
        let scripted = scenario.disturbances().into_iter().map(|one| Self {
            what: one.what,
            at: one.at,
            over: one.until.unwrap_or(one.at),
            is_lasting: one.until.is_none(),
            population: one.population,
        });
        start.into_iter().chain(scripted).collect()
    }

    /// Whether it is no more than that the run begins.
    pub(crate) fn is_start(&self) -> bool {
        self.over == Nanos::ZERO
    }

    /// Whether it can make a difference to a population; `None` stands for all together.
    pub(crate) fn concerns(&self, population: Option<usize>, is_shared: bool) -> bool {
        is_shared || population.is_none() || self.population.is_none() || self.population == population
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_has_an_end_and_a_change_of_plan_has_none() {
        let text = r#"
            duration = "1h"
            warm_up = "1min"
            [backend]
            servers = 1
            [[event]]
            at = "30min"
            population = "calls"
            plan = "pro"
            [[event]]
            at = "10min"
            outage = "90s"
            [[population]]
            name = "calls"
            plan = "free"
            clients = 1
            arrivals = { paced = "1/min" }
            retry = "none"
        "#;
        let all = Disturbance::all(&Scenario::parse("two.toml", text).unwrap());
        let told: Vec<_> =
            all.iter().map(|one| (one.what.as_str(), one.at, one.over, one.is_lasting)).collect();
        let minutes = |minutes: u64| Nanos::from_secs(minutes * 60);
        let expected = [
            ("the backend is down", minutes(10), Nanos::from_secs(690), false),
            ("calls moves to plan pro", minutes(30), minutes(30), true),
        ];
        assert_eq!(told, expected);
        assert!(all[1].concerns(Some(0), false) && !all[1].concerns(Some(1), false));
        assert!(all[1].concerns(Some(1), true) && all[0].concerns(Some(1), false));
        let cold = Scenario::parse("cold.toml", &text.replace("warm_up", "# warm_up")).unwrap();
        assert_eq!(
            (Disturbance::all(&cold).len(), Disturbance::all(&cold)[0].what.as_str()),
            (3, "the start")
        );
    }
}
