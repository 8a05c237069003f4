//! What clients want, beside what plans and backend could give: first attempts alone, as if nobody ever tried again.

use super::measures::Tally;
use super::scenario::{BackendRules, Happening, Parts, Population, Scenario};
use tidegate::{Limit, Mode, Nanos, Plan, Span, Unit};

/// So much more than is possible counts as too much: chance moves a rate by less in a run of 10,000 calls.
const TOO_MUCH: f64 = 1.01;

/// Calls that are wanted, beside those that are possible, a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Demand {
    /// First attempts.
    pub(crate) wanted: f64,
    /// The most that could be had; `None` where nothing bounds it.
    pub(crate) possible: Option<f64>,
}

impl Demand {
    /// What the populations want, and what their keys' plans could admit at the end of the run.
    pub(crate) fn of_populations(scenario: &Scenario, wanted: &[f64], tallies: &[Tally]) -> Vec<Self> {
        let pools = Pools { scenario, wanted, tallies };
        (0..scenario.populations.len()).map(|place| pools.demand(place)).collect()
    }

    /// What of that comes to the backend, and what it could serve.
    pub(crate) fn of_backend(rules: &BackendRules, populations: &[Self], total: &Tally) -> Self {
        let let_through = |one: &Self| one.possible.map_or(one.wanted, |possible| one.wanted.min(possible));
        // By the time that servers have worked, and not by how long those took that were served: of long work, only the short
        // is done by the end of a run.
        let serving = total.load.serving as f64 / 1e9;
        let possible = (serving > 0.0).then(|| {
            f64::from(rules.servers) * total.service.served as f64 / serving * (1.0 - rules.failure)
        });
        Self { wanted: populations.iter().map(let_through).sum(), possible }
    }

    /// Whether first attempts alone are more than is possible.
    pub(crate) fn is_too_much(&self) -> bool {
        self.possible.is_some_and(|possible| self.wanted > possible * TOO_MUCH)
    }
}

/// Populations, of which some may share their keys.
struct Pools<'a> {
    scenario: &'a Scenario,
    wanted: &'a [f64],
    tallies: &'a [Tally],
}

impl Pools<'_> {
    /// A population's own wants, beside its part of what its keys could be admitted.
    fn demand(&self, place: usize) -> Demand {
        let populations = &self.scenario.populations;
        let sharing = || {
            (0..populations.len()).filter(|other| populations[*other].keys_of == populations[place].keys_of)
        };
        let all: f64 = sharing().map(|other| self.wanted[other]).sum();
        let possible =
            sharing().map(|other| self.admissible(other)).try_fold(0.0_f64, |most, one| Some(most.max(one?)));
        let wanted = self.wanted[place];
        let part = if all > 0.0 { wanted / all } else { 1.0 };
        Demand { wanted, possible: possible.map(|possible| possible * part) }
    }

    /// The most calls a second that a population's keys could be admitted for good; `None` where its plan sets no limit.
    fn admissible(&self, place: usize) -> Option<f64> {
        let population = &self.scenario.populations[place];
        let tally = &self.tallies[place];
        if tally.admitted == 0 && tally.never.iter().any(|never| *never > 0) {
            // Each asks for more at once than its plan ever admits.
            return Some(0.0);
        }
        let tokens = tally.tokens as f64 / tally.succeeded as f64;
        let rates = plan_at_last(self.scenario, place).limits().filter_map(|(_, limit)| {
            let of_a_call = match limit.unit() {
                Unit::Requests => 1.0,
                Unit::Tokens if tokens > 0.0 => tokens,
                Unit::Tokens => return None,
            };
            let enforced = limit.mode() == Mode::Enforce;
            enforced.then(|| units_per_second(limit, self.scenario) / of_a_call)
        });
        let keys = f64::from(population.keys()) * gateways(self.scenario, population);
        rates.min_by(f64::total_cmp).map(|of_a_key| of_a_key * keys)
    }
}

/// How many times a key's plan is there: once in each gateway that its calls may reach, if each enforces all of it.
fn gateways(scenario: &Scenario, population: &Population) -> f64 {
    let gateways = &scenario.gateways;
    let count = gateways.count() as u32;
    f64::from(match gateways.parts {
        Parts::Even | Parts::Proportional => 1,
        Parts::Whole if gateways.are_sticky => count.min(population.clients_per_key),
        Parts::Whole => count,
    })
}

/// How many units a limit gives a key, a second, over the run.
fn units_per_second(limit: &Limit, scenario: &Scenario) -> f64 {
    let amount = limit.amount() as f64;
    match limit.span() {
        Span::Window(window) => amount / window.as_secs_f64(),
        Span::Day => amount * days(scenario) as f64 / scenario.duration.as_secs_f64(),
    }
}

/// UTC days that the run touches: each has its quota.
fn days(scenario: &Scenario) -> u64 {
    let day = |time: Nanos| time.get() / Nanos::DAY.get();
    day(scenario.start + scenario.duration - Nanos::new(1)) - day(scenario.start) + 1
}

/// The plan that a population's keys have at the end.
fn plan_at_last(scenario: &Scenario, place: usize) -> &Plan {
    let changes = scenario.script.iter().filter_map(|line| match &line.what {
        Happening::PlanChange { population, plan } if *population == place => Some((line.at, plan)),
        _ => None,
    });
    changes.max_by_key(|(at, _)| *at).map_or(&scenario.populations[place].plan, |(_, plan)| plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demand(scenario: &str, wanted: &[f64], tokens: &[(u64, u64)]) -> Vec<Demand> {
        let scenario = Scenario::parse("demand.toml", &format!("duration = \"1h\"\n{scenario}")).unwrap();
        let tally = |(succeeded, tokens): &(u64, u64)| Tally {
            succeeded: *succeeded,
            tokens: *tokens,
            ..Tally::new(1)
        };
        Demand::of_populations(&scenario, wanted, &tokens.iter().map(tally).collect::<Vec<_>>())
    }

    fn population(name: &str, plan: &str, more: &str) -> String {
        format!(
            "[[population]]\nname = \"{name}\"\nplan = \"{plan}\"\nclients = 60\narrivals = {{ paced = \"1/min\" }}\n\
             retry = \"none\"\n{more}\n"
        )
    }

    #[test]
    fn the_tightest_limit_says_what_is_possible() {
        // Of 60 keys at 20 a minute: 20 a second; the day's 200,000 tokens at 1,000 a call are 200 calls of a key in the hour.
        let requests = demand(&population("a", "free", ""), &[20.1], &[(10, 100)]);
        assert_eq!((requests[0].possible, requests[0].is_too_much()), (Some(20.0), false));
        let tokens = demand(&population("a", "free", ""), &[20.1], &[(10, 10_000)])[0];
        assert!((tokens.possible.unwrap() - 200.0 * 60.0 / 3_600.0).abs() < 1e-9 && tokens.is_too_much());
        let open = demand(&population("a", "enterprise", ""), &[1e9], &[(10, 10)])[0];
        assert_eq!((open.possible, open.is_too_much()), (None, false));
        let shared = demand(&population("a", "free", "clients_per_key = 20"), &[1.02], &[(1, 0)])[0];
        assert_eq!((shared.possible, shared.is_too_much()), (Some(1.0), true));
    }

    #[test]
    fn nothing_is_possible_for_calls_that_are_larger_than_a_limit_ever_admits() {
        let scenario = "duration = \"1h\"\n".to_owned() + &population("a", "free", "");
        let scenario = Scenario::parse("demand.toml", &scenario).unwrap();
        let mut tally = Tally::new(1);
        tally.never[0] = 5;
        let found = Demand::of_populations(&scenario, &[0.1], std::slice::from_ref(&tally))[0];
        assert_eq!((found.possible, found.is_too_much()), (Some(0.0), true));
        tally.admitted = 1;
        let found = Demand::of_populations(&scenario, &[0.1], &[tally])[0];
        assert_eq!((found.possible, found.is_too_much()), (Some(20.0), false), "others were smaller");
    }

    #[test]
    fn who_shares_keys_shares_what_they_give() {
        let both = population("a", "free", "keys = \"team\"") + &population("b", "free", "keys = \"team\"");
        let found = demand(&both, &[15.0, 10.0], &[(1, 0), (1, 0)]);
        assert_eq!(found.iter().map(|one| one.possible).collect::<Vec<_>>(), [Some(12.0), Some(8.0)]);
        assert!(found.iter().all(Demand::is_too_much));
        assert!(!demand(&both, &[10.0, 10.0], &[(1, 0), (1, 0)])[1].is_too_much());
    }

    #[test]
    fn a_change_of_plan_and_a_second_day_count() {
        let change = |plan: &str| {
            format!(
                "[[event]]\nat = \"1min\"\npopulation = \"a\"\nplan = \"{plan}\"\n{}",
                population("a", "free", "")
            )
        };
        let found = demand(&change("pro"), &[1.0], &[(1, 0)])[0].possible.unwrap();
        assert!((found - 1_000.0).abs() < 1e-9);
        let over_midnight = format!("start = \"2026-01-01T23:30:00Z\"\n{}", population("a", "free", ""));
        let found = demand(&over_midnight, &[1.0], &[(1, 1_000)])[0].possible.unwrap();
        assert!((found - 400.0 * 60.0 / 3_600.0).abs() < 1e-9);
    }

    #[test]
    fn a_backend_serves_what_its_servers_can_of_what_plans_let_through() {
        let mut total = Tally::new(1);
        total.service.served = 10;
        total.load.serving = 1_000_000_000;
        let rules = BackendRules { servers: 2, failure: 0.25, ..BackendRules::default() };
        let populations =
            [Demand { wanted: 20.0, possible: Some(9.0) }, Demand { wanted: 7.0, possible: None }];
        let found = Demand::of_backend(&rules, &populations, &total);
        assert_eq!((found.wanted, found.possible, found.is_too_much()), (16.0, Some(15.0), true));
        total.service.served = 0;
        let none_yet = Demand::of_backend(&rules, &populations, &total);
        assert_eq!(
            (none_yet.possible, none_yet.is_too_much()),
            (Some(0.0), true),
            "none was done by the end"
        );
        total.load.serving = 0;
        assert_eq!(Demand::of_backend(&rules, &populations, &total).possible, None, "none came");
    }
}
