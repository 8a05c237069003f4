//! How long the gateway's doings stay without consequence: the least time from an answer to an attempt that follows from it.

use super::policy::nanos;
use super::scenario::{Arrivals, Distribution, MIN_ROUND_TRIP, Population, Scenario};
use tidegate::Nanos;

/// Bursts of more calls are not made ready ahead of their time, since nobody knows how much memory that would take.
const MOST_AT_ONCE: u32 = 1_024;

/// The time for which the clients' side of a world may run ahead of what it has heard; `None` if it must hear of everything at
/// once.
///
/// An attempt that follows from an answer is sent a round trip later at the earliest: the answer must come back to the client, and
/// the attempt go there. Budgets and adaptive throttling look at what became of other attempts in the meantime.
pub(crate) fn lookahead(scenario: &Scenario) -> Option<Nanos> {
    let each = scenario.populations.iter().map(of_population);
    each.collect::<Option<Vec<_>>>()?.into_iter().min()
}

fn of_population(population: &Population) -> Option<Nanos> {
    let policy = &population.policy;
    let is_large = matches!(population.arrivals, Arrivals::Burst { calls, .. } if calls > MOST_AT_ONCE);
    let is_blind = policy.budget.is_none() && policy.throttle.is_none() && !is_large;
    is_blind.then(|| least_round_trip(population))
}

fn least_round_trip(population: &Population) -> Nanos {
    match population.round_trip {
        Distribution::Constant(seconds) => nanos(seconds).max(MIN_ROUND_TRIP),
        // These go down to nothing.
        Distribution::Exponential(_) | Distribution::Normal { .. } | Distribution::LogNormal { .. } => {
            MIN_ROUND_TRIP
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(populations: &[&str]) -> Option<Nanos> {
        let population = |(number, fields): (usize, &&str)| {
            format!("[[population]]\nname = \"{number}\"\nplan = \"free\"\nclients = 2\n{fields}\n")
        };
        let populations: String = populations.iter().enumerate().map(population).collect();
        lookahead(&Scenario::parse("lookahead.toml", &format!("duration = \"1h\"\n{populations}")).unwrap())
    }

    const RANDOM: &str = "arrivals = { poisson = \"1/s\" }\nretry = \"immediate\"";

    #[test]
    fn the_least_round_trip_counts() {
        let slow = format!("{RANDOM}\nround_trip = \"1s\"");
        assert_eq!(of(&[&slow]), Some(Nanos::from_secs(1)));
        assert_eq!(of(&[&slow, RANDOM]), Some(Nanos::from_millis(50)));
        let drawn = format!("{RANDOM}\nround_trip = {{ exponential = \"1s\" }}");
        assert_eq!(of(&[&slow, &drawn]), Some(MIN_ROUND_TRIP));
    }

    #[test]
    fn who_remembers_other_attempts_must_hear_of_them_at_once() {
        let budget =
            "arrivals = { poisson = \"1/s\" }\nretry = { policy = \"fixed\", budget = { grpc = {} } }";
        assert_eq!(of(&[budget, RANDOM]), None);
        let throttle = "arrivals = { poisson = \"1/s\" }\nretry = { policy = \"fixed\", adaptive_throttling = { k = 2.0 } }";
        assert_eq!(of(&[throttle]), None);
        let burst = "arrivals = { burst = { calls = 100_000, every = \"1s\" } }\nretry = \"none\"";
        assert_eq!(of(&[burst]), None);
    }
}
