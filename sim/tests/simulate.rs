//! `tidegate simulate` from the outside: what it prints, writes, and refuses.

use serde_json::Value;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

/// A directory of a test's own, gone with it.
struct Directory(PathBuf);

impl Directory {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tidegate-{test}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn entries(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn tidegate(directory: &Directory, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .arg("simulate")
        .args(arguments)
        .current_dir(&directory.0)
        .output()
        .unwrap()
}

/// What a scenario comes to, as JSON.
fn simulate(directory: &Directory, scenario: &str) -> Value {
    directory.write("scenario.toml", scenario);
    let output = tidegate(directory, &["scenario.toml", "--json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "quiet in a pipe: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn count(row: &Value, field: &str) -> u64 {
    row[field].as_u64().unwrap_or_else(|| panic!("{field} in {row}"))
}

/// Some of everything, in a short time.
const MIXED: &str = r#"
duration = "10min"
seed = 7

[plans.small]
requests_per_minute = 30

[[population]]
name = "documented"
plan = "free"
clients = 600
arrivals = { poisson = "25/min" }
tokens = { lognormal = { median = 200, sigma = 0.8 } }
reserve = 500
stream = { exponential = "3s" }
retry = "documented"
patience = "30s"

[[population]]
name = "workers"
plan = "small"
clients = 300
clients_per_key = 100
arrivals = { closed = { think = "1s" } }
stream = "200ms"
retry = { policy = "retry-after", jitter = "5s" }

[[population]]
name = "bursts"
plan = "pro"
clients = 5
arrivals = { burst = { calls = 1500, every = "3min" } }
tokens = 100
retry = "decorrelated-jitter"

[[population]]
name = "too large"
plan = "free"
clients = 20
arrivals = { at-once = "1min" }
tokens = 150000
retry = "immediate"
"#;

#[test]
fn the_same_seed_gives_the_same_bytes_on_any_number_of_threads() {
    let directory = Directory::new("bytes");
    directory.write("mixed.toml", MIXED);
    let run = |threads: &str, seed: &str| {
        let output = tidegate(&directory, &["mixed.toml", "--json", "--threads", threads, "--seed", seed]);
        assert!(output.status.success());
        (output.stdout, fs::read(directory.0.join("report.html")).unwrap())
    };
    let one = run("1", "3");
    assert!(one == run("2", "3"), "two threads");
    assert!(one == run("8", "3"), "eight threads");
    let other = run("2", "4");
    assert!(one.0 != other.0 && one.1 != other.1, "another seed");
}

/// A population of many worlds once lost what other worlds had counted whenever one of them ended its warm-up.
#[test]
fn a_warm_up_ends_for_each_client_alone() {
    let directory = Directory::new("warm-up");
    let scenario = "duration = \"10min\"\nwarm_up = \"5min\"\n[[population]]\nname = \"many\"\nplan = \"free\"\nclients = 3000\n\
                    arrivals = { paced = \"10/min\" }\nretry = \"none\"\n";
    directory.write("scenario.toml", scenario);
    let run = |threads| tidegate(&directory, &["scenario.toml", "--json", "--threads", threads]).stdout;
    assert!(run("1") == run("3"));
    let total = simulate(&directory, scenario)["total"].clone();
    // Ten a minute of each, for the five minutes that count.
    assert!(count(&total, "calls").abs_diff(3_000 * 10 * 5) <= 3_000, "{total}");
}

#[test]
fn every_attempt_and_every_call_is_accounted_for() {
    let directory = Directory::new("accounts");
    let summary = simulate(&directory, MIXED);
    let populations = summary["populations"].as_array().unwrap();
    for row in populations.iter().chain([&summary["total"]]) {
        let count = |field| count(row, field);
        assert_eq!(count("offered"), count("admitted") + count("denied"), "{row}");
        assert_eq!(count("offered"), count("calls") + count("retries"), "{row}");
        let ended = count("admitted") + count("given_up") + count("out_of_patience");
        assert_eq!(count("calls"), ended + count("unfinished"), "{row}");
        let denied_by: u64 =
            row["denied_by"].as_object().unwrap().values().map(|n| n.as_u64().unwrap()).sum();
        assert_eq!(count("denied"), denied_by, "{row}");
    }
    for field in ["calls", "offered", "admitted", "denied", "retries", "events", "clients", "keys"] {
        let sum: u64 = populations.iter().map(|row| count(row, field)).sum();
        assert_eq!(sum, count(&summary["total"], field), "{field}");
    }
    for (place, row) in populations.iter().enumerate() {
        for field in ["calls", "retries", "admitted"] {
            let series = summary["series"]["populations"][place][field].as_array().unwrap();
            let sum: u64 = series.iter().map(|n| n.as_u64().unwrap()).sum();
            assert_eq!(sum, count(row, field), "{field} over time of {row}");
        }
    }
    // More than the ceiling of a minute: never, and the ten retries are for nothing.
    let too_large = &populations[3];
    assert_eq!((count(too_large, "never"), count(too_large, "admitted")), (20 * 11, 0));
}

#[test]
fn a_client_paced_at_its_limit_is_never_denied() {
    let directory = Directory::new("paced");
    let scenario = r#"
        duration = "3h"
        [plans.seven]
        requests_per_minute = 7
        [[population]]
        name = "free"
        plan = "free"
        clients = 50
        arrivals = { paced = "20/min" }
        retry = "none"
        [[population]]
        name = "an odd rate"
        plan = "seven"
        clients = 50
        arrivals = { paced = "7/min" }
        retry = "none"
        [[population]]
        name = "pro"
        plan = "pro"
        clients = 3
        arrivals = { paced = "1000/min" }
        retry = "none"
    "#;
    for row in simulate(&directory, scenario)["populations"].as_array().unwrap() {
        assert_eq!(count(row, "denied"), 0, "{row}");
        assert!(count(row, "calls") > 0);
    }
}

/// A bucket of capacity C that refills evenly loses, of Poisson calls at ρ times its refill, what an M/D/1 queue with C
/// places loses. With a burst of C − 1 on one call a second the bucket is all that counts: the window of a second would
/// need C calls more than the bucket has.
#[test]
fn a_bucket_under_poisson_calls_loses_what_theory_says() {
    let directory = Directory::new("theory");
    let population = |name: &str, capacity: u32, rate: &str| {
        format!(
            "[[plans.{name}.limits]]\nunit = \"requests\"\namount = 1\nwindow = \"1s\"\nburst = {}.0\n\
             [[population]]\nname = \"{name}\"\nplan = \"{name}\"\nclients = 30\n\
             arrivals = {{ poisson = \"{rate}/s\" }}\nretry = \"none\"\n",
            capacity - 1
        )
    };
    let scenario = "duration = \"10h\"\n".to_owned()
        + &population("below", 5, "0.8")
        + &population("at", 10, "1")
        + &population("above", 10, "1.2");
    let summary = simulate(&directory, &scenario);
    for (place, expected) in [0.03529, 0.05085, 0.1709].into_iter().enumerate() {
        let loss = 1.0 - summary["populations"][place]["success_share"].as_f64().unwrap();
        // A million calls each. They begin with full buckets, so the run must be long beside the minutes that these last.
        assert!((loss / expected - 1.0).abs() < 0.02, "loss {loss}, expected {expected}");
    }
}

#[test]
fn retries_that_all_fail_cost_what_their_policy_allows() {
    let directory = Directory::new("attempts");
    let scenario = r#"
        duration = "1h"
        [plans.one]
        [[plans.one.limits]]
        unit = "requests"
        amount = 1
        window = "400d"
        burst = 0.0
        [[population]]
        name = "five tries"
        plan = "one"
        clients = 100
        arrivals = { burst = { calls = 10, every = "59min", aligned = true } }
        retry = "documented"
    "#;
    let row = simulate(&directory, scenario)["populations"][0].clone();
    // A call of each key succeeds; the others of both bursts are tried five times each, as the hour's end allows.
    assert_eq!(count(&row, "calls"), 2 * 10 * 100);
    assert_eq!(count(&row, "admitted"), 100);
    assert_eq!(count(&row, "given_up"), 1900 - count(&row, "unfinished"));
    assert_eq!(count(&row, "offered"), 100 + 1900 * 5);
    assert_eq!(row["denied_by"].as_object().unwrap().len(), 1);
}

#[track_caller]
fn assert_refused(text: &str, parts: &[&str]) {
    let directory =
        Directory::new(&format!("refused-{:?}", std::thread::current().id()).replace(['(', ')'], "-"));
    directory.write("bad.toml", text);
    let output = tidegate(&directory, &["bad.toml"]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(output.stdout.is_empty());
    for part in parts {
        assert!(message.contains(part), "{part:?} is missing in {message:?}");
    }
    assert_eq!(directory.entries(), ["bad.toml"], "nothing half-written stays behind");
}

/// A scenario with one line changed: `from` begins it.
fn with_line(from: &str, to: &str) -> String {
    const GOOD: &str = "duration = \"1min\"\n\n[[population]]\nname = \"a\"\nplan = \"free\"\nclients = 4\narrivals = { poisson = \"1/s\" }\nretry = \"none\"\n";
    let line = GOOD.lines().find(|line| line.starts_with(from)).unwrap();
    GOOD.replace(line, to)
}

#[test]
fn bad_scenarios_are_refused_by_file_line_and_field() {
    let cases: &[(&str, &str, &[&str])] = &[
        (
            "clients",
            "cleints = 4",
            &["line 6", "`population.0.cleints`", "unknown field", "did you mean `clients`?"],
        ),
        ("clients", "clients = 0", &["line 6", "`population.0.clients`", "1 to 10000000 clients, found 0"]),
        ("clients", "clients = -1", &["line 6", "`population.0.clients`"]),
        (
            "clients",
            "clients = 4\nclients_per_key = 5",
            &["line 7", "`population.0.clients_per_key`", "1 to 4"],
        ),
        ("clients", "clients = \"many\"", &["line 6", "`population.0.clients`", "a whole number from 0 to"]),
        ("retry", "retry = \"none\"\ntokens = 1.5", &["line 9", "`population.0.tokens`", "a whole number"]),
        (
            "plan",
            "plan = \"fre\"",
            &["line 5", "`population.0.plan`", "`enterprise`", "did you mean `free`?"],
        ),
        ("duration", "duration = \"1 fortnight\"", &["line 1", "`duration`", "a number and a unit"]),
        ("duration", "duration = \"0s\"", &["line 1", "`duration`", "at least one second"]),
        ("duration", "duration = 60", &["line 1", "`duration`"]),
        (
            "retry",
            "retry = \"openai_python\"",
            &["line 8", "`population.0.retry`", "did you mean `openai-python`?"],
        ),
        (
            "retry",
            "retry = { policy = \"none\", delay = \"1s\" }",
            &["line 8", "`population.0.retry.delay`", "has no `delay`"],
        ),
        (
            "retry",
            "retry = { policy = \"fixed\", dealy = \"1s\" }",
            &["line 8", "`population.0.retry.dealy`", "did you mean `delay`?"],
        ),
        (
            "retry",
            "retry = \"none\"\nround_trip = \"0s\"",
            &["line 9", "`population.0.round_trip`", "at least"],
        ),
        (
            "arrivals",
            "arrivals = { poison = \"1/s\" }",
            &["line 7", "`population.0.arrivals", "did you mean `poisson`?"],
        ),
        ("arrivals", "arrivals = { poisson = \"0/s\" }", &["line 7", "`population.0.arrivals", "is no rate"]),
        (
            "retry",
            "retry = \"none\"\ntokens = { lognormal = { median = 5, sigma = 9.0 } }",
            &["line 9", "`population.0.tokens", "`sigma`"],
        ),
        (
            "retry",
            "retry = \"none\"\ntokens = { lognormal = { mean = 5, sigma = 1.0 } }",
            &["line 9", "`population.0.tokens.lognormal.mean`"],
        ),
        ("retry", "", &["line 3", "`population.0`", "missing field `retry`"]),
        (
            "retry",
            "retry = \"none\"\n[plans.p]\nrequests_per_minute = 0",
            &["line 10", "`plans.p.requests_per_minute`"],
        ),
        (
            "retry",
            "retry = \"none\"\n[plans.p]\nrequests_per_minute = 99999999999",
            &["line 10", "`plans.p.requests_per_minute`", "from 1 to"],
        ),
        ("duration", "duration = ", &["line 1", "in `duration =`"]),
        (
            "arrivals",
            "arrivals = { paced = \"1/s\" }\nspread = 0.5",
            &["line 8", "`population.0.spread`", "only `poisson` and `diurnal` arrivals"],
        ),
        (
            "retry",
            "retry = \"none\"\nspread = -1.0",
            &["line 9", "`population.0.spread`", "must be from 0 to 5, found -1"],
        ),
    ];
    for (from, to, parts) in cases {
        assert_refused(&with_line(from, to), &[&["bad.toml"], *parts].concat());
    }
}

#[test]
fn a_scenario_without_populations_is_refused() {
    assert_refused("duration = \"1min\"\n", &["bad.toml, line 1: missing field `population`"]);
    assert_refused(
        "duration = \"1min\"\npopulation = []\n",
        &["line 2", "`population`", "1 to 1000 populations"],
    );
}

/// Its calls pile up faster than they end: an error that says what to change, not an exhausted machine.
#[test]
fn too_many_waiting_calls_are_an_error() {
    let directory = Directory::new("flood");
    let flood = with_line("arrivals", "arrivals = { burst = { calls = 10000000, every = \"1s\" } }");
    directory.write("flood.toml", &flood.replace("\"none\"", "{ policy = \"fixed\", delay = \"50s\" }"));
    let output = tidegate(&directory, &["flood.toml"]);
    let message = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains("population `a`") && message.contains("patience"), "{message}");
    assert_eq!(directory.entries(), ["flood.toml"]);
}

/// Of log-normal rates with a standard deviation σ of the logarithm, Jain's index is e^(−σ²) where all calls succeed.
#[test]
fn a_spread_of_rates_leaves_their_mean_and_sets_their_index() {
    let directory = Directory::new("spread");
    let population = |name: &str, spread: &str| {
        format!(
            "[[population]]\nname = \"{name}\"\nplan = \"enterprise\"\nclients = 20000\n\
             arrivals = {{ poisson = \"1/s\" }}\nspread = {spread}\nretry = \"none\"\n"
        )
    };
    let scenario =
        "duration = \"2min\"\n".to_owned() + &population("alike", "0.0") + &population("unlike", "0.5");
    let summary = simulate(&directory, &scenario);
    for (place, spread) in [0.0_f64, 0.5].into_iter().enumerate() {
        let row = &summary["populations"][place];
        let (calls, jain) = (count(row, "calls") as f64, row["jain"].as_f64().unwrap());
        assert!((calls / (20_000.0 * 120.0) - 1.0).abs() < 0.02, "{calls} calls");
        // The Poisson counts themselves add 1/120 to the squares.
        let expected = 1.0 / ((spread * spread).exp() + 1.0 / 120.0);
        assert!((jain - expected).abs() < 0.01, "{jain}, expected {expected}");
    }
}

/// Clients of a population that shares nothing live in several worlds, which one thread runs one after another; the warm-up
/// of the second once took away what the first had counted.
#[test]
fn the_end_of_a_warm_up_leaves_what_other_worlds_have_counted() {
    let directory = Directory::new("warm-up");
    let scenario = r#"
        duration = "2min"
        warm_up = "1min"
        [[population]]
        name = "paced"
        plan = "free"
        clients = 1000
        arrivals = { paced = "6/min" }
        retry = "none"
    "#;
    directory.write("scenario.toml", scenario);
    for (threads, replications) in [("1", "1"), ("1", "3"), ("2", "3")] {
        let arguments = ["scenario.toml", "--json", "--threads", threads, "--replications", replications];
        let output = tidegate(&directory, &arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let summary: Value = serde_json::from_slice(&output.stdout).unwrap();
        let replications: u64 = replications.parse().unwrap();
        assert_eq!(count(&summary["total"], "calls"), 6_000 * replications, "{threads} threads");
    }
}

#[test]
fn a_device_is_written_to_and_not_replaced() {
    let directory = Directory::new("device");
    directory.write("good.toml", &with_line("name", "name = \"a\""));
    for (out, status) in [("/dev/null", 0), ("/dev/full", 2)] {
        let output = tidegate(&directory, &["good.toml", "--out", out]);
        assert_eq!(output.status.code(), Some(status), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(!fs::metadata(out).unwrap().is_file(), "{out}");
    }
    assert_eq!(directory.entries(), ["good.toml"]);
}

#[test]
fn names_tell_populations_apart() {
    let twice = with_line("name", "name = \"b\"")
        + "[[population]]\nname = \"b\"\nplan = \"pro\"\nclients = 1\narrivals = { paced = \"1/s\" }\nretry = \"none\"\n";
    assert_refused(&twice, &["line 10", "`population.1.name`", "second population"]);
}

#[test]
fn a_missing_scenario_and_an_unwritable_report_are_errors() {
    let directory = Directory::new("missing");
    let output = tidegate(&directory, &["nowhere.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("nowhere.toml"));
    directory.write("good.toml", &with_line("name", "name = \"a\""));
    let output = tidegate(&directory, &["good.toml", "--out", "no/such/directory/report.html"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no/such/directory/report.html"));
    let output = tidegate(&directory, &["good.toml", "--out", "."]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is a directory"));
    assert_eq!(directory.entries(), ["good.toml"]);
}

#[test]
fn the_report_needs_no_other_file() {
    let directory = Directory::new("report");
    let summary = simulate(&directory, &MIXED.replace("\"bursts\"", "\"<b>bursts & co</b>\""));
    let report = fs::read_to_string(directory.0.join("report.html")).unwrap();
    for outside in ["http:", "https:", "src=", "href=", "@import", "url("] {
        let found = report.replace("http://www.w3.org/2000/svg", "");
        assert!(!found.contains(outside), "{outside}");
    }
    assert!(report.contains("&lt;b&gt;bursts &amp; co&lt;/b&gt;") && !report.contains("<b>bursts & co"));
    let headline = summary["verdict"]["headline"].as_str().unwrap().replace('>', "&gt;").replace('<', "&lt;");
    assert!(report.contains(&headline));
    assert_eq!((summary["version"].as_u64(), summary["command"].as_str()), (Some(1), Some("simulate")));
}

/// R10s, as a gateway's clients would meet it: a thousand workers of one key, all at once, at 50 a second.
#[test]
fn places_in_line_spare_the_workers_of_one_key_their_herd() {
    let directory = Directory::new("slotted");
    let calls_each = |slotted: bool| {
        let scenario = format!(
            r#"
            duration = "2min"
            [plans.p]
            slotted_hints = {slotted}
            [[plans.p.limits]]
            unit = "requests"
            amount = 50
            window = "1s"
            [[population]]
            name = "workers"
            plan = "p"
            clients = 1000
            clients_per_key = 1000
            arrivals = {{ at-once = "1s" }}
            retry = {{ policy = "retry-after", retries = 1000, jitter = "0s" }}
            "#
        );
        let total = &simulate(&directory, &scenario)["total"];
        assert_eq!(count(total, "admitted"), 1000, "{total}");
        count(total, "offered") as f64 / 1000.0
    };
    let (exact, slotted) = (calls_each(false), calls_each(true));
    assert!(exact > 40.0 && slotted < 2.5, "{exact} calls a worker, {slotted} with places in line");
}

#[test]
fn the_counts_over_time_are_rows_that_add_up() {
    let directory = Directory::new("csv");
    directory.write("scenario.toml", MIXED);
    let output = tidegate(
        &directory,
        &["scenario.toml", "--json", "--csv", "rows.csv", "--replications", "2", "--threads", "1"],
    );
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = fs::read_to_string(directory.0.join("rows.csv")).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let populations = found["populations"].as_array().unwrap();
    assert_eq!(rows.len(), 2 * populations.len() * 120);
    for row in populations {
        let sum = |column: usize| {
            let of = rows.iter().filter(|record| row["name"] == record[1]);
            of.map(|record| record[column].parse::<u64>().unwrap()).sum::<u64>()
        };
        assert_eq!(sum(3), count(row, "calls"));
        assert_eq!(sum(5), count(row, "admitted"));
        assert_eq!(sum(6), count(row, "succeeded"));
        assert_eq!(sum(7), count(row, "given_up") + count(row, "out_of_patience"));
    }
}
