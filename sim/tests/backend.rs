//! What stands behind the limiter, and what happens on the way: backend, guard, events, replications.

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A scenario in a directory of its own.
struct Try(TempDir);

impl Try {
    fn new(scenario: &str) -> Self {
        let directory = TempDir::new().unwrap();
        std::fs::write(directory.path().join("scenario.toml"), scenario).unwrap();
        Self(directory)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command.args(["simulate", "scenario.toml", "--json"]).args(arguments).current_dir(self.0.path());
        command.output().unwrap()
    }

    fn report(&self) -> Vec<u8> {
        std::fs::read(PathBuf::from(self.0.path()).join("report.html")).unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[track_caller]
fn count(row: &Value, field: &str) -> u64 {
    row[field].as_u64().unwrap_or_else(|| panic!("{field} in {row}"))
}

/// Two populations on one backend, of which one does not heed a 429; the backend fails, is too slow, stops for a while.
const BUSY: &str = r#"
duration = "10min"
warm_up = "1min"
seed = 3
[plans.small]
requests_per_minute = 30
[backend]
servers = 4
queue = 20
service = { exponential = "200ms" }
failure = 0.05
refusal = "1ms"
[guard]
tolerance = 10
[[event]]
at = "5min"
outage = "10s"
[[event]]
at = "6min"
population = "patient"
plan = "pro"
[[population]]
name = "patient"
plan = "small"
clients = 30
arrivals = { poisson = "25/min" }
retry = "retry-after"
timeout = "2s"
[[population]]
name = "deaf"
plan = "small"
clients = 6
clients_per_address = 3
arrivals = { poisson = "60/min" }
retry = { policy = "fixed", delay = "20ms", retries = 50 }
patience = "10s"
timeout = "2s"
"#;

#[test]
fn every_attempt_is_accounted_for_behind_a_guard_and_before_a_backend() {
    let summary = Try::new(BUSY).json(&[]);
    let rows = summary["populations"].as_array().unwrap();
    for row in rows.iter().chain([&summary["total"]]) {
        let count = |field| count(row, field);
        assert_eq!(count("offered"), count("admitted") + count("denied") + count("blocked"), "{row}");
        let ended = count("succeeded") + count("given_up") + count("out_of_patience") + count("unfinished");
        assert_eq!(count("calls"), ended, "{row}");
    }
    let [patient, deaf] = [&rows[0], &rows[1]];
    assert_eq!(count(patient, "blocked"), 0, "who comes back when told is never blocked");
    assert!(count(deaf, "blocked") > 100, "{deaf}");
    for field in ["turned_away", "failed"] {
        assert!(count(&summary["total"], field) > 0, "{field}");
    }
    let backend = &summary["backend"];
    // A call waits, is served, or is gone: those that came have been served or turned away, up to what was there
    // at either end.
    let total = &summary["total"];
    let (came, done) = (count(total, "admitted"), count(total, "turned_away") + count(backend, "served"));
    assert!(came.abs_diff(done) <= 24, "{came} came, {done} are done with");
    assert!(backend["utilisation"].as_f64().unwrap() < 1.0);
    let verdict = summary["verdict"]["backend"].as_str().unwrap();
    assert!(verdict.starts_with("The backend works"), "{verdict}");
}

#[test]
fn the_same_bytes_come_of_a_shared_world_and_of_replications_for_any_number_of_threads() {
    let scenario = Try::new(BUSY);
    let run = |threads| {
        let output = scenario.run(&["--replications", "5", "--threads", threads]);
        assert!(output.status.success());
        (output.stdout, scenario.report())
    };
    let one = run("1");
    assert!(one == run("2") && one == run("8"));
}

/// So many clients of one backend that two threads share the work of a single run.
const LARGE: &str = r#"
duration = "8s"
warm_up = "2s"
seed = 9
[backend]
servers = 1_000
queue = 1_000
service = { exponential = "100ms" }
[[event]]
at = "5s"
outage = "500ms"
[[population]]
name = "pro"
plan = "pro"
clients = 8_000
arrivals = { poisson = "1/s" }
tokens = { lognormal = { median = 900, sigma = 0.9 } }
reserve = 2000
retry = "openai-python"
timeout = "2s"
[[population]]
name = "free"
plan = "free"
clients = 1_000
clients_per_key = 10
arrivals = { closed = { think = { exponential = "500ms" } } }
retry = "full-jitter"
"#;

#[test]
fn the_same_bytes_come_of_a_large_shared_world_on_any_number_of_threads() {
    let scenario = Try::new(LARGE);
    let run = |arguments: &[&str]| {
        let output = scenario.run(arguments);
        assert!(output.status.success());
        (output.stdout, scenario.report())
    };
    let one = run(&["--threads", "1"]);
    assert!(one == run(&["--threads", "2"]) && one == run(&["--threads", "8"]));
    let three = run(&["--replications", "3", "--threads", "1"]);
    assert!(three == run(&["--replications", "3", "--threads", "2"]), "the last has a thread to spare");
    assert!(run(&["--replication", "2", "--threads", "1"]) == run(&["--replication", "2", "--threads", "2"]));
}

#[test]
fn a_replication_is_the_same_alone_as_among_others() {
    let scenario = Try::new(BUSY);
    let alone: Vec<Value> = ["0", "1", "2"].map(|number| scenario.json(&["--replication", number])).into();
    let together = scenario.json(&["--replications", "3"]);
    for field in ["calls", "offered", "succeeded", "blocked", "failed", "events"] {
        let sum: u64 = alone.iter().map(|summary| count(&summary["total"], field)).sum();
        assert_eq!(sum, count(&together["total"], field), "{field}");
    }
    let shares: Vec<f64> =
        alone.iter().map(|summary| summary["total"]["success_share"].as_f64().unwrap()).collect();
    let interval = &together["total"]["intervals"]["success_share"];
    let mean = shares.iter().sum::<f64>() / 3.0;
    assert!((interval["mean"].as_f64().unwrap() - mean).abs() < 1e-12, "{interval}, {shares:?}");
    // Student's t of two degrees of freedom at 95%.
    let deviation = (shares.iter().map(|share| (share - mean).powi(2)).sum::<f64>() / 2.0).sqrt();
    let half_width = 4.302_652_73 * deviation / 3.0_f64.sqrt();
    assert!((interval["half_width"].as_f64().unwrap() / half_width - 1.0).abs() < 1e-6, "{interval}");
    assert!(alone[0]["total"].get("intervals").is_none(), "one run has none");
}

#[test]
fn during_an_outage_nothing_begins_and_afterwards_it_goes_on() {
    let scenario = Try::new(
        r#"
        duration = "4min"
        [plans.open]
        requests_per_minute = 100_000
        [backend]
        servers = 10
        service = "100ms"
        [[event]]
        at = "1min"
        outage = "1min"
        [[population]]
        name = "all"
        plan = "open"
        clients = 10
        arrivals = { paced = "2/s" }
        retry = "none"
        "#,
    );
    let summary = scenario.json(&[]);
    let total = &summary["total"];
    // 20 a second come for 240 seconds; those of 60 are turned away.
    assert!(count(total, "turned_away").abs_diff(1_200) <= 20, "{total}");
    assert_eq!(
        count(total, "calls"),
        count(total, "turned_away") + count(total, "succeeded") + count(total, "unfinished")
    );
    assert_eq!(summary["backend"]["sojourn_mean"], 0.1);
}

#[test]
fn populations_that_name_the_same_keys_share_their_limits() {
    let scenario = |keys: [&str; 2]| {
        let population = |name: &str, keys: &str| {
            format!(
                "[[population]]\nname = \"{name}\"\nplan = \"small\"\nclients = 1\narrivals = {{ paced = \"20/min\" }}\n\
                 retry = \"none\"\n{keys}\n"
            )
        };
        let text = "duration = \"1h\"\n[plans.small]\nrequests_per_minute = 30\n".to_owned();
        Try::new(&(text + &population("a", keys[0]) + &population("b", keys[1])))
    };
    let denied = |keys| count(&scenario(keys).json(&[])["total"], "denied");
    assert_eq!(denied(["", ""]), 0);
    assert_eq!(denied(["keys = \"theirs\"", ""]), 0, "named by one alone");
    // 40 a minute come for 30.
    let shared = denied(["keys = \"theirs\"", "keys = \"theirs\""]);
    assert!((500..=600).contains(&shared), "{shared}");
}

#[test]
fn a_plan_that_changes_on_the_way_holds_from_then_on() {
    let scenario = Try::new(
        r#"
        duration = "20min"
        [[event]]
        at = "10min"
        population = "team"
        plan = "pro"
        [[population]]
        name = "team"
        plan = "free"
        clients = 1
        arrivals = { paced = "40/min" }
        retry = "none"
        "#,
    );
    let summary = scenario.json(&[]);
    let admitted: Vec<u64> = serde_json::from_value(summary["series"]["total"]["admitted"].clone()).unwrap();
    let calls: Vec<u64> = serde_json::from_value(summary["series"]["total"]["calls"].clone()).unwrap();
    let half = admitted.len() / 2;
    let sums = |series: &[u64]| [series[..half].iter().sum::<u64>(), series[half..].iter().sum::<u64>()];
    assert_eq!(sums(&calls), [400, 400]);
    assert!((200..230).contains(&sums(&admitted)[0]), "20 a minute and a burst of 4: {admitted:?}");
    assert_eq!(sums(&admitted)[1], 400);
}

#[test]
fn what_cannot_be_is_refused_with_its_place() {
    let with = |more: &str| {
        format!(
            "duration = \"1min\"\n{more}\n[[population]]\nname = \"team\"\nplan = \"free\"\nclients = 10\n\
             arrivals = {{ paced = \"1/s\" }}\nretry = \"none\"\n"
        )
    };
    let cases = [
        (
            "[[event]]\nat = \"10s\"\noutage = \"1s\"",
            "line 4, `event.0.outage`: an outage is one of the `[backend]`",
        ),
        (
            "[[event]]\nat = \"10s\"\npopulation = \"taem\"\nplan = \"pro\"",
            "`event.0.population`: there is no population `taem`; did you mean `team`?",
        ),
        (
            "[[event]]\nat = \"10s\"\npopulation = \"team\"",
            "line 2, `event.0`: expected an event of `outage`, of `spike` and `for`",
        ),
        (
            "[[event]]\nat = \"1min\"\npopulation = \"team\"\nplan = \"pro\"",
            "line 3, `event.0.at`: an event must lie before the end",
        ),
        ("warm_up = \"2min\"", "line 2, `warm_up`: the warm-up must end before the run"),
        ("[backend]\nservers = 0", "line 3, `backend.servers`: expected 1 to 10000000 servers, found 0"),
        (
            "[backend]\nservers = 1\nfailure = 1.5",
            "line 4, `backend.failure`: expected a share from 0 to 1, found 1.5",
        ),
        ("[backend]\nservers = 1\nqueu = 3", "did you mean `queue`?"),
        ("[guard]\ntolerance = 0", "line 2, `guard`"),
    ];
    for (more, expected) in cases {
        let output = Try::new(&with(more)).run(&[]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{more}: {error}");
        assert!(
            error.starts_with("tidegate: scenario.toml, line") && error.contains(expected),
            "{more}: {error}"
        );
    }
    let streams =
        with("[backend]\nservers = 1").replace("retry = \"none\"", "retry = \"none\"\nstream = \"1s\"");
    let error = String::from_utf8(Try::new(&streams).run(&[]).stderr).unwrap();
    assert!(error.contains("`population.0.stream`: with a `[backend]`"), "{error}");
}

#[test]
fn the_report_shows_how_full_the_backend_was() {
    let scenario = Try::new(LARGE);
    assert!(scenario.run(&["--replications", "2"]).status.success());
    let text = |scenario: &Try| String::from_utf8(scenario.report()).unwrap();
    let report = text(&scenario);
    assert!(report.contains("How full it is") && report.contains("servers at work, over time"));
    let none = Try::new(
        "duration = \"1min\"\n[[population]]\nname = \"free\"\nplan = \"free\"\nclients = 2\n\
         arrivals = { paced = \"1/s\" }\nretry = \"none\"\n",
    );
    assert!(none.run(&[]).status.success());
    assert!(!text(&none).contains("How full it is"));
}
