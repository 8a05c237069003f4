//! What clients do about refusals, over many calls: budgets, adaptive throttling, the answers after which they try again.

use serde_json::Value;
use std::process::Command;

fn run(scenario: &str) -> std::process::Output {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("scenario.toml"), scenario).unwrap();
    Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["simulate", "scenario.toml", "--json"])
        .current_dir(directory.path())
        .output()
        .unwrap()
}

fn total(scenario: &str) -> Value {
    let output = run(scenario);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice::<Value>(&output.stdout).unwrap()["total"].take()
}

fn count(row: &Value, field: &str) -> f64 {
    row[field].as_f64().unwrap()
}

/// Ten clients, a call a second each for 1,000 s, at a backend where an attempt fails with a chance.
fn failing(failure: f64, retry: &str) -> Value {
    total(&format!(
        "duration = \"1000s\"\n[plans.open]\n[backend]\nservers = 1000\nfailure = {failure}\n\
         [[population]]\nname = \"p\"\nplan = \"open\"\nclients = 10\narrivals = {{ paced = \"1/s\" }}\nround_trip = \"1ms\"\n\
         retry = {retry}\n"
    ))
}

#[test]
fn a_fifth_of_the_calls_is_retried_where_all_fail() {
    let found = failing(
        1.0,
        "{ policy = \"immediate\", budget = { finagle = { min_per_second = 0, share = 0.2 } } }",
    );
    // One of five calls pays for a retry.
    assert_eq!((count(&found, "calls"), count(&found, "retries")), (10_000.0, 2_000.0));
    assert_eq!(count(&found, "out_of_budget"), 10_000.0);
    assert_eq!(count(&failing(1.0, "\"immediate\""), "retries"), 100_000.0);
}

#[test]
fn envoys_budget_bounds_what_is_under_way() {
    // A call is retried at once, so that one retry of a client is under way: the least number decides.
    let with = |least: u32| {
        failing(
            1.0,
            &format!(
                "{{ policy = \"immediate\", budget = {{ envoy = {{ share = 0.0, min_concurrency = {least} }} }} }}"
            ),
        )
    };
    assert_eq!(count(&with(0), "retries"), 0.0);
    assert_eq!(count(&with(1), "retries"), 100_000.0);
}

#[test]
fn grpcs_tokens_end_retries_after_five_failures() {
    let found = failing(1.0, "{ policy = \"immediate\", budget = { grpc = {} } }");
    // Of each client's first five failures all but the last are retried.
    assert_eq!(count(&found, "retries"), 40.0);
    // One failure in a hundred is paid for by the successes.
    let mild = failing(0.01, "{ policy = \"immediate\", budget = { grpc = {} } }");
    assert_eq!(count(&mild, "out_of_budget"), 0.0);
    assert_eq!(count(&mild, "succeeded"), 10_000.0);
}

#[test]
fn botocores_quota_is_five_hundred_units() {
    // 14 a retry: 35 of each client, and 10 units are left.
    assert_eq!(count(&failing(1.0, "\"botocore\""), "retries"), 350.0);
    assert_eq!(count(&failing(0.1, "\"botocore\""), "out_of_budget"), 0.0);
}

#[test]
fn clients_that_throttle_themselves_send_little_to_what_refuses_all() {
    let found = failing(1.0, "{ policy = \"none\", adaptive_throttling = { k = 2.0, window = \"2min\" } }");
    let (sent, held) = (count(&found, "offered"), count(&found, "held_back"));
    assert_eq!(sent + held, 10_000.0);
    // A client that has made r attempts in vain holds the next back but for a chance of 1/(r + 1): of 1,000 with the last 114
    // of them in mind some 14 are sent, of which those of an empty memory are five.
    assert!((80.0..220.0).contains(&sent), "{sent}");
    // Where seven of ten are accepted, twice as many as are made could be refused without being held back.
    let mild = failing(0.3, "{ policy = \"none\", adaptive_throttling = {} }");
    assert!(count(&mild, "held_back") < 300.0, "{mild}");
}

#[test]
fn a_post_is_not_retried_by_who_retries_what_may_be_repeated() {
    for client in ["urllib3", "ky", "got", "axios-retry", "axios-retry-exponential"] {
        let retries = |method: &str| {
            count(
                &total(&format!(
                    "duration = \"10min\"\n[[population]]\nname = \"p\"\nplan = \"free\"\nclients = 10\narrivals = {{ paced = \"40/min\" }}\n\
                     retry = {{ policy = \"{client}\", method = \"{method}\" }}\n"
                )),
                "retries",
            )
        };
        assert_eq!(retries("POST"), 0.0, "{client}");
        assert!(retries("GET") > 100.0, "{client}");
    }
}

#[test]
fn numbers_that_make_no_budget_are_refused() {
    for (retry, expected) in [
        (
            "{ policy = \"immediate\", budget = { finagel = {} } }",
            "unknown variant `finagel`, expected one of `finagle`, `envoy`, `grpc`; did you mean `finagle`?",
        ),
        (
            "{ policy = \"immediate\", budget = { finagle = { share = -1 } } }",
            "line 8, `population.0.retry.budget",
        ),
        ("{ policy = \"immediate\", adaptive_throttling = { k = 0.5 } }", "expected `k` from 1 to 1000"),
        ("{ policy = \"fixed\", method = \"POST\" }", "the policy `fixed` retries every `method` alike"),
        ("{ policy = \"ky\", method = \"PUT\" }", "unknown variant `PUT`, expected `GET` or `POST`"),
    ] {
        let output = run(&format!(
            "duration = \"10min\"\n\n\n\n[[population]]\nname = \"p\"\nplan = \"free\"\nretry = {retry}\nclients = 1\narrivals = {{ paced = \"40/min\" }}\n"
        ));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2));
        assert!(error.contains(expected), "{error}");
    }
}

/// A base of more than the sixty seconds that are the cap unless another is given left nothing to grow by, and the cap that came
/// with it was refused.
#[test]
fn a_base_beyond_the_usual_cap_takes_a_cap_of_its_own() {
    // Four attempts of each call, 200 s apart; at the end the calls of the last 600 s lack some.
    let found = failing(1.0, "{ policy = \"exponential\", base = \"200s\", cap = \"200s\", retries = 3 }");
    assert_eq!(count(&found, "retries"), 10.0 * (800.0 + 600.0 + 400.0));
}
