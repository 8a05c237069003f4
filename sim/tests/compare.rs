//! `tidegate compare` from the outside, and the scenarios that come with it.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn scenario(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(name)
}

fn compare(arguments: &[&str], before: &Path, after: &Path) -> Output {
    // Where it writes its report.
    let directory = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_tidegate"))
        .current_dir(directory.path())
        .arg("compare")
        .args([before, after])
        .args(arguments)
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn every_scenario_that_comes_with_it_can_be_run() {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(scenario("")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let parsed = tidegate_sim::simulate::Scenario::read(&path).unwrap();
        let sample = parsed.sample(20, 10_000).unwrap();
        assert!(sample.json.contains("\"command\":\"simulate\""));
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    assert!(names.len() >= 8, "{names:?}");
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/recipes.md")).unwrap();
    for name in names.iter().filter(|name| *name != "default.toml") {
        assert!(page.contains(name.as_str()), "{name} has no recipe");
    }
}

#[test]
fn a_scenario_does_not_differ_from_itself_and_what_does_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, limit: u32, clients: u32| {
        let path = directory.path().join(name);
        let text = format!(
            "name = \"{limit}\"\nduration = \"10min\"\n[plans.team]\nrequests_per_minute = {limit}\n\
             [[population]]\nname = \"team\"\nplan = \"team\"\nclients = 20\narrivals = {{ poisson = \"30/min\" }}\nretry = \"none\"\n\
             [[population]]\nname = \"{clients} more\"\nplan = \"team\"\nclients = {clients}\narrivals = {{ poisson = \"1/min\" }}\n\
             retry = \"none\"\n"
        );
        std::fs::write(&path, text).unwrap();
        path
    };
    let (strict, mild) = (write("strict.toml", 20, 3), write("mild.toml", 40, 4));
    let same = json(&compare(&["--json", "--replications", "3"], &strict, &strict));
    for (_, measure) in same["total"].as_object().unwrap() {
        assert_eq!(
            (measure["change"]["mean"].as_f64(), measure["differs"].as_bool()),
            (Some(0.0), Some(false))
        );
    }
    let run = |threads| compare(&["--json", "--replications", "4", "--threads", threads], &strict, &mild);
    assert_eq!(run("1").stdout, run("2").stdout);
    let other = json(&run("2"));
    let served = &other["populations"][0]["success_share"];
    assert_eq!(
        (other["populations"][0]["name"].as_str(), served["differs"].as_bool()),
        (Some("team"), Some(true))
    );
    let mean = served["change"]["mean"].as_f64().unwrap();
    assert!(
        mean > 0.1
            && (served["before"].as_f64().unwrap() + mean - served["after"].as_f64().unwrap()).abs() < 1e-12
    );
    assert_eq!(other["unpaired"], serde_json::json!(["3 more", "4 more"]));
    let table = compare(&["--replications", "2"], &strict, &mild);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("20 → 40: 2 replications of each") && table.contains("differs"), "{table}");
}

#[test]
fn the_table_fits_a_terminal_and_nothing_in_common_is_told() {
    let output = compare(&["--replications", "2"], &scenario("outage.toml"), &scenario("outage-budget.toml"));
    let text = String::from_utf8(output.stdout).unwrap();
    let widest = text.lines().filter(|line| line.contains("  ")).map(|line| line.chars().count()).max();
    assert!(widest.is_some_and(|widest| widest <= 80), "{widest:?}: {text}");
    let output = compare(&["--replications", "2"], &scenario("outage.toml"), &scenario("two-gateways.toml"));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("no population in common") && text.contains("only in one of them"), "{text}");
}

#[test]
fn one_replication_is_refused_and_so_is_a_scenario_that_is_not_there() {
    let one = compare(&["--replications", "1"], &scenario("free-20.toml"), &scenario("free-30.toml"));
    assert_eq!(one.status.code(), Some(2));
    let missing = compare(&[], &scenario("free-20.toml"), &scenario("free-31.toml"));
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("free-31.toml"));
}
