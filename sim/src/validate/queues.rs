//! Queues with known answers: the backend behind a limiter that never denies.

use super::case::{Case, Expected, Measure};
use crate::simulate::Measured;

/// Calls in the system on average.
const L: Measure = |found: &Measured| found.backend().map(|backend| backend.in_system);
/// Seconds in the system on average.
pub(super) const W: Measure = |found: &Measured| found.backend().map(|backend| backend.service.sojourn_mean);
/// Seconds in the queue on average.
const WQ: Measure = |found: &Measured| found.backend().map(|backend| backend.service.waiting_mean);
const P95: Measure = |found: &Measured| found.backend().and_then(|backend| backend.service.sojourn_p95);
const P99: Measure = |found: &Measured| found.backend().and_then(|backend| backend.service.sojourn_p99);
const LOSS: Measure = |found: &Measured| found.backend().map(|backend| backend.loss);
const THROUGHPUT: Measure = |found: &Measured| Some(found.total().goodput_per_second);

fn expected(name: &'static str, measure: Measure, value: f64, within: f64) -> Expected {
    Expected { name, measure, value, within, sampled: false }
}

/// A scenario of Poisson calls to servers with a queue.
fn scenario(rate: f64, backend: &str, duration: u32, warm_up: u32) -> String {
    format!(
        "duration = \"{duration}s\"\nwarm_up = \"{warm_up}s\"\n[backend]\n{backend}\n{OPEN}\
         [[population]]\nname = \"calls\"\nplan = \"open\"\nclients = 1000\nretry = \"none\"\nround_trip = \"100us\"\n\
         arrivals = {{ poisson = \"{:.6}/s\" }}\n",
        rate / 1000.0
    )
}

/// A server with Poisson calls at .8 a second, for the comparison of service times.
pub(super) fn single_server(service: &str) -> String {
    scenario(0.8, &format!("servers = 1\nservice = {{ exponential = \"{service}\" }}"), 50_000, 2_000)
}

/// A plan that denies nothing here.
pub(super) const OPEN: &str = "[plans.open]\nrequests_per_minute = 10_000_000\n";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Case::Simulated {
            set_up: "M/M/1, λ .8, μ 1".into(),
            scenario: scenario(0.8, "servers = 1\nservice = { exponential = \"1s\" }", 500_000, 2_000),
            expected: vec![
                expected("L", L, 4.0, 0.01),
                expected("W", W, 5.0, 0.01),
                expected("Wq", WQ, 4.0, 0.01),
                expected("W p95", P95, 14.979, 0.01),
                expected("W p99", P99, 23.026, 0.02),
            ],
        },
        Case::Simulated {
            set_up: "M/D/1, ρ .8".into(),
            scenario: scenario(0.8, "servers = 1\nservice = \"1s\"", 250_000, 2_000),
            expected: vec![expected("Wq", WQ, 2.0, 0.01), expected("L", L, 2.4, 0.01)],
        },
        Case::Simulated {
            set_up: "M/M/4/10, λ 5, μ 1".into(),
            scenario: scenario(
                5.0,
                "servers = 4\nqueue = 6\nservice = { exponential = \"1s\" }",
                40_000,
                500,
            ),
            expected: vec![
                expected("loss", LOSS, 0.2300, 0.005),
                expected("L", L, 7.356, 0.005),
                expected("W", W, 1.9107, 0.005),
                expected("throughput", THROUGHPUT, 3.850, 0.005),
            ],
        },
    ];
    for (servers, load, loss, duration) in
        [(10, 10.0, 0.2146, 5_000), (100, 100.0, 0.07570, 5_000), (5, 3.0, 0.1101, 25_000)]
    {
        for (law, service) in [
            ("exponential", "{ exponential = \"1s\" }"),
            ("constant", "\"1s\""),
            // A mean of one second: e^(−σ²/2) of it is the median.
            ("log-normal", "{ lognormal = { median = \"606530660ns\", sigma = 1.0 } }"),
        ] {
            cases.push(Case::Simulated {
                set_up: format!("Erlang B ({servers}, {load}), {law} service"),
                scenario: scenario(
                    load,
                    &format!("servers = {servers}\nqueue = 0\nservice = {service}"),
                    duration,
                    50,
                ),
                expected: vec![expected("loss", LOSS, loss, 0.01)],
            });
        }
    }
    cases.push(Case::Simulated {
        set_up: "machine repair: 20, think 10, μ 1, c 1".into(),
        scenario: format!(
            "duration = \"30000s\"\nwarm_up = \"1000s\"\n[backend]\nservers = 1\nservice = {{ exponential = \"1s\" }}\n{OPEN}\
             [[population]]\nname = \"machines\"\nplan = \"open\"\nclients = 20\nretry = \"none\"\nround_trip = \"100us\"\n\
             arrivals = {{ closed = {{ think = {{ exponential = \"10s\" }} }} }}\n"
        ),
        expected: vec![expected("X", THROUGHPUT, 0.99813, 0.005), expected("R", W, 10.0375, 0.005)],
    });
    cases
}
