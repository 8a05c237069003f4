//! How many keys there can be calls with by the end of a run: an engine with a record for each of ten million idle keys would take
//! gigabytes for nothing.
//!
//! Whether a client calls at all is a matter of chance that the scenario knows, for each client by itself. So the number of
//! keys that are called with is a sum of independent zeros and ones, and is more than ten of its standard deviations and a
//! hundred above its mean less than once in 10²⁰ runs (Chernoff). A world asks its engine in the end whether it ran out of
//! records, and does not give wrong figures.

use super::scenario::{Arrivals, Distribution, Population, Scenario};
use super::world::Part;
use std::collections::BTreeMap;

/// Room for so many keys suffices for the clients of a world.
pub(crate) fn most_keys(scenario: &Scenario, parts: &[Part]) -> usize {
    // Populations that share their keys call with the same ones, from the first on.
    let mut keys: BTreeMap<u32, (usize, f64)> = BTreeMap::new();
    for part in parts {
        let population = &scenario.populations[part.population];
        let of_part = part.clients.len().div_ceil(population.clients_per_key as usize);
        let (most, mean) = keys.entry(population.keys_of).or_default();
        *most = of_part.max(*most);
        *mean += of_part as f64 * chance_of_a_key(population, scenario);
    }
    let bound = |(most, mean): &(usize, f64)| (*most).min((mean + 10.0 * mean.sqrt() + 100.0) as usize);
    keys.values().map(bound).sum()
}

/// The chance, at most, that anyone calls with a key.
fn chance_of_a_key(population: &Population, scenario: &Scenario) -> f64 {
    // At most one, also where a load of nothing meets a client that thinks for no time.
    let chance = chance_of_a_client(population, scenario).min(1.0);
    1.0 - libm::pow(1.0 - chance, f64::from(population.clients_per_key))
}

/// The chance, at most, that a client ever calls.
fn chance_of_a_client(population: &Population, scenario: &Scenario) -> f64 {
    let time = population.until.min(scenario.duration) - population.from;
    let most_work = time.as_secs_f64() * population.tempo.at_most();
    // Where rates differ, those of a lower one miss more than those of a higher one add: the mean's chance is the highest.
    let random = |rate: f64| 1.0 - libm::exp(-rate * most_work);
    let from_a_phase = |period: f64| (most_work / period).min(1.0);
    match &population.arrivals {
        Arrivals::Poisson { rate, .. } => random(rate.per_second()),
        Arrivals::Modulated { states, .. } => {
            random(states.iter().map(|state| state.rate).fold(0.0, f64::max))
        }
        Arrivals::Paced(rate) => from_a_phase(rate.due(1).as_secs_f64()),
        Arrivals::Burst { every, aligned: false, .. } => from_a_phase(every.as_secs_f64()),
        Arrivals::Closed(Distribution::Exponential(mean)) => random(1.0 / mean),
        Arrivals::Burst { aligned: true, .. }
        | Arrivals::AtOnce(_)
        | Arrivals::Closed(_)
        | Arrivals::Recorded { .. } => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Room for a million clients of a scenario of an hour.
    fn room(population: &str) -> usize {
        let text = format!(
            r#"
            duration = "1h"
            [backend]
            servers = 1
            [[population]]
            name = "p"
            plan = "free"
            clients = 1_000_000
            retry = "none"
            {population}
            "#
        );
        let scenario = Scenario::parse("callers.toml", &text).unwrap();
        most_keys(&scenario, &[Part { population: 0, clients: 0..1_000_000 }])
    }

    #[test]
    fn an_idle_client_needs_no_record() {
        // 1 − 1/e^0.01 of a million are 9,950; ten standard deviations are 997.
        assert_eq!(room(r#"arrivals = { poisson = "0.01/h" }"#), 9_950 + 997 + 100);
        assert_eq!(room(r#"arrivals = { paced = "0.1/h" }"#), 100_000 + 3_162 + 100);
        assert_eq!(
            room(r#"arrivals = { closed = { think = { exponential = "100h" } } }"#),
            9_950 + 997 + 100
        );
    }

    #[test]
    fn whoever_may_call_has_room() {
        for arrivals in [
            r#"{ poisson = "100/h" }"#,
            r#"{ paced = "1/h" }"#,
            r#"{ burst = { calls = 1, every = "2h", aligned = true } }"#,
            r#"{ burst = { calls = 1, every = "1h" } }"#,
            r#"{ at-once = "1s" }"#,
            r#"{ closed = { think = "1s" } }"#,
        ] {
            assert_eq!(room(&format!("arrivals = {arrivals}")), 1_000_000, "{arrivals}");
        }
    }

    #[test]
    fn keys_are_counted_and_not_clients() {
        let shared = r#"clients_per_key = 100"#;
        assert_eq!(room(&format!("arrivals = {{ poisson = \"10/h\" }}\n{shared}")), 10_000);
        // 1 − 1/e of ten thousand keys, ten standard deviations, a hundred.
        assert_eq!(room(&format!("arrivals = {{ poisson = \"0.01/h\" }}\n{shared}")), 6_321 + 795 + 100);
    }
}
