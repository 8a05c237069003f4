//! What two threads come to is what one does, to the byte, wherever they take over from it and hand back.

use super::super::grid::Grid;
use super::super::lookahead::lookahead;
use super::super::run::{Outcome, empty};
use super::super::scenario::Scenario;
use super::super::summary::Summary;
use super::super::world::{Part, World};
use quickcheck::QuickCheck;

/// What a run of one world of all clients prints, and all its counts.
fn found(scenario: &Scenario, run: impl FnOnce(World<'_>)) -> String {
    let whole = |population| Part { population, clients: 0..scenario.populations[population].clients };
    let parts: Vec<_> = (0..scenario.populations.len()).map(whole).collect();
    let grid = Grid::new(scenario);
    let mut tallies = vec![empty(grid); parts.len()];
    run(World::new(scenario, &parts, (scenario.seed, 0), grid, &mut tallies).unwrap());
    let outcome = Outcome::new(scenario, scenario.seed, vec![tallies]);
    let counts: String = outcome.all.populations.iter().map(|tally| format!("{tally:?}\n")).collect();
    serde_json::to_string(&Summary::new(scenario, &outcome)).unwrap() + &counts
}

#[track_caller]
fn assert_same(scenario: &Scenario, turns: &[u64]) {
    let lookahead = lookahead(scenario).unwrap();
    let alone = found(scenario, |world| world.run_at_most(u64::MAX).unwrap());
    for turn in turns {
        let together = found(scenario, |world| world.run_by_turns(*turn, lookahead).unwrap());
        assert!(alone == together, "{}: two threads after every {turn} events", scenario.name);
    }
}

/// A few minutes of a busy backend with everything that may happen, and clients of all kinds who share it.
fn busy(seed: u64, retry: &str, backend: &str) -> Scenario {
    let text = format!(
        r#"
        duration = "3min"
        warm_up = "20s"
        seed = {seed}
        [plans.small]
        requests_per_minute = 30
        [backend]
        servers = 6
        queue = 20
        {backend}
        [guard]
        tolerance = 10
        [[event]]
        at = "1min"
        outage = "10s"
        [[event]]
        at = "2min"
        population = "random"
        plan = "pro"
        [[population]]
        name = "random"
        plan = "small"
        clients = 30
        clients_per_key = 3
        arrivals = {{ poisson = "25/min" }}
        tokens = {{ lognormal = {{ median = 900, sigma = 0.9 }} }}
        reserve = 2000
        retry = "{retry}"
        timeout = "2s"
        [[population]]
        name = "closed"
        plan = "small"
        clients = 40
        arrivals = {{ closed = {{ think = "1s" }} }}
        retry = {{ policy = "fixed", delay = "1s", retries = 3 }}
        timeout = "500ms"
        [[population]]
        name = "bursts"
        plan = "small"
        clients = 10
        clients_per_address = 2
        arrivals = {{ burst = {{ calls = 3, every = "5s", aligned = true }} }}
        retry = {{ policy = "fixed", delay = "50ms", retries = 50 }}
        patience = "10s"
        round_trip = "200ms"
        "#
    );
    Scenario::parse("busy.toml", &text).unwrap()
}

#[test]
fn a_busy_backend_comes_to_the_same() {
    let drawn = "service = { exponential = \"200ms\" }\nfailure = 0.05\nrefusal = \"1ms\"";
    assert_same(&busy(3, "openai-python", drawn), &[1, 100, 5_000]);
}

#[test]
fn events_of_one_instant_keep_their_order() {
    // All times are multiples of 50 ms, but for those at random.
    let even = "service = \"100ms\"\nrefusal = \"50ms\"\noptimistic = true";
    assert_same(&busy(4, "immediate", even), &[1, 100, 5_000]);
}

#[test]
fn many_attempts_of_one_instant_are_cut_into_pieces() {
    let text = r#"
        duration = "1min"
        [backend]
        servers = 100
        queue = 5_000
        service = "1ms"
        [[population]]
        name = "all at once"
        plan = "free"
        clients = 10_000
        clients_per_key = 2
        arrivals = { burst = { calls = 2, every = "30s", aligned = true } }
        retry = { policy = "fixed", delay = "1s", retries = 2 }
    "#;
    assert_same(&Scenario::parse("burst.toml", text).unwrap(), &[1, 30_000]);
}

#[test]
fn without_a_backend_shared_keys_come_to_the_same() {
    let text = r#"
        duration = "5min"
        warm_up = "1min"
        [[population]]
        name = "streams"
        plan = "free"
        clients = 20
        keys = "team"
        arrivals = { poisson = "30/min" }
        tokens = 500
        reserve = 800
        stream = { exponential = "2s" }
        retry = "retry-after"
        [[population]]
        name = "workers"
        plan = "free"
        clients = 20
        keys = "team"
        arrivals = { closed = { think = { exponential = "1s" } } }
        retry = "documented"
    "#;
    assert_same(&Scenario::parse("shared.toml", text).unwrap(), &[1, 77, 1_000]);
}

#[test]
fn any_seed_and_turn_come_to_the_same() {
    fn comes_to_the_same(seed: u32, turn: u16) {
        let scenario = busy(u64::from(seed), "full-jitter", "service = { exponential = \"100ms\" }");
        assert_same(&scenario, &[u64::from(turn).max(1)]);
    }
    QuickCheck::new().tests(10).quickcheck(comes_to_the_same as fn(u32, u16));
}
