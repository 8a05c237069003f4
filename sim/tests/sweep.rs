//! `tidegate sweep` from the outside.

use serde_json::Value;
use std::process::{Command, Output};

const SCENARIO: &str = r#"
duration = "10min"
[plans.team]
requests_per_minute = 20
[[population]]
name = "two words"
plan = "team"
clients = 50
arrivals = { paced = "20/min" }
retry = "none"
"#;

fn sweep(arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("scenario.toml"), SCENARIO).unwrap();
    Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .args(["sweep", "scenario.toml", "--replications", "3"])
        .args(arguments)
        .current_dir(directory.path())
        .output()
        .unwrap()
}

fn json(arguments: &[&str]) -> Value {
    let output = sweep(&[arguments, &["--json"]].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "quiet in a pipe: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn means(found: &Value, measure: &str) -> Vec<f64> {
    let points = found["points"].as_array().unwrap();
    points.iter().map(|point| point["measures"][measure]["mean"].as_f64().unwrap()).collect()
}

#[test]
fn a_field_is_swept() {
    let found = json(&["--vary", "population.two words.arrivals.paced=10/min..40/min:4"]);
    assert_eq!(found["fields"][0]["own"], "\"20/min\"");
    assert_eq!(found["fields"][0]["values"], serde_json::json!(["10/min", "20/min", "30/min", "40/min"]));
    let shares = means(&found, "success_share");
    // Who keeps within the limit is never denied (R4); who wants more gets at least the limit's most even use, at most its ceiling.
    assert_eq!(shares[..2], [1.0, 1.0]);
    assert!((0.55..0.81).contains(&shares[2]) && (0.4..0.61).contains(&shares[3]), "{shares:?}");
    assert_eq!(found["points"][0]["measures"]["success_share"]["n"], 3);
}

#[test]
fn a_grid_is_swept() {
    let found = json(&[
        "--vary",
        "plans.team.requests_per_minute=10,40",
        "--vary",
        "population.two words.clients=5,10,20",
        "--measure",
        "goodput_per_second",
    ]);
    let values: Vec<String> =
        found["points"].as_array().unwrap().iter().map(|point| point["values"].to_string()).collect();
    assert_eq!(values[..4], [r#"["10","5"]"#, r#"["10","10"]"#, r#"["10","20"]"#, r#"["40","5"]"#]);
    let goodput = means(&found, "goodput_per_second");
    assert_eq!(goodput[3..], [5.0, 10.0, 20.0].map(|clients| clients * 20.0 / 60.0));
    assert!(goodput[2] < 20.0 * 12.5 / 60.0, "{goodput:?}");
}

#[test]
fn points_share_their_random_numbers_and_bytes_do_not_depend_on_threads() {
    let run = |threads: &str| {
        let output =
            sweep(&["--vary", "population.two words.retry=none,documented", "--json", "--threads", threads]);
        assert!(output.status.success());
        output.stdout
    };
    assert_eq!(run("1"), run("2"));
    assert_eq!(run("1"), run("8"));
    let same = json(&["--vary", "population.two words.retry=none,none"]);
    assert_eq!(same["points"][0]["measures"], same["points"][1]["measures"]);
}

#[test]
fn what_cannot_be_varied_is_told() {
    for (arguments, expected) in [
        (
            &["--vary", "population.two word.clients=1,2"][..],
            "there is no population `two word`; did you mean `two words`?",
        ),
        (&["--vary", "population.two words.cleints=1,2"], "unknown field `cleints`"),
        (
            &["--vary", "population.two words.clients=1,0"],
            "--vary population.two words.clients=0: `population.0.clients`: expected 1 to",
        ),
        (&["--vary", "population.two words.plan=teem"], "unknown plan `teem`"),
        (&["--vary", "clients"], "expected FIELD=VALUES"),
        (
            &["--vary", "plans.teem.burst=0,1"],
            "the scenario defines no plan `teem`: expected one with `[plans.teem]`",
        ),
        (&["--vary", "plans.teem.burst=0,1"], "did you mean `team`?"),
        (&["--vary", "plans.free.burst=0,1"], "defines no plan `free`"),
        (&["--vary", "event.0.at=1s,2s"], "there is no event `0`"),
        (&["--vary", "population.two words=1,2"], "is a whole population: expected a field of it"),
        (&["--vary", "duration=1min..2min:1001"], "expected a COUNT from 2 to 1000, found 1001"),
        (&["--vary", "duration=1min..2h:3"], "found `min` and `h`"),
        (&["--vary", "duration=1min,2min", "--vary", "duration=1min,2min"], "names `duration` twice"),
        (
            &["--vary", "duration=1min", "--of", "totl"],
            "`totl` is neither `total` nor `backend` nor a population",
        ),
        (&["--vary", "duration=1min", "--out", "scenario.toml"], "this file is read, and would be replaced"),
        (&["--vary", "clients=1"], "`clients` names no field of a scenario"),
        (&["--vary", "backend.servers=1..2"], "expected FROM..TO:COUNT"),
        (&["--vary", "duration=1min", "--measure", "sucess_share"], "did you mean `success_share`?"),
        (&["--vary", "duration=1min", "--of", "backend"], "the scenario has no `[backend]`"),
        (&["--vary", "duration=1min", "--vary", "duration=1min", "--vary", "duration=1min"], "once or twice"),
    ] {
        let output = sweep(arguments);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
}
