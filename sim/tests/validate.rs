//! `tidegate validate` from the outside: expected beside found.

use serde_json::Value;
use std::process::{Command, Output};

fn validate(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidegate")).arg("validate").args(arguments).output().unwrap()
}

#[test]
fn what_is_computed_holds() {
    for case in ["Jain", "max-min", "MSER-5"] {
        let output = validate(&[case]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("hold"), "{text}");
    }
}

#[test]
fn an_open_queue_and_a_closed_one_are_what_theory_says_for_any_number_of_threads() {
    let of = |threads| validate(&["machine repair", "--json", "--threads", threads]);
    let one = of("1");
    assert!(one.status.success(), "{}", String::from_utf8_lossy(&one.stdout));
    assert_eq!(one.stdout, of("2").stdout);
    let report: Value = serde_json::from_slice(&one.stdout).unwrap();
    assert_eq!((report["held"].as_u64(), report["missed"].as_u64()), (Some(2), Some(0)));
    for row in report["rows"].as_array().unwrap() {
        assert!(row["n"].as_u64().unwrap() >= 20, "{row}");
        assert!(row["half_width_percent"].as_f64().unwrap() <= 0.5, "{row}");
    }
}

#[test]
fn a_case_that_there_is_not_is_told() {
    let output = validate(&["M/G/1"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("no case's set-up contains \"M/G/1\""), "{error}");
}

#[test]
fn the_table_is_a_page_too_and_more_replications_can_be_asked_for() {
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("validation.html");
    let output =
        validate(&["machine repair", "--json", "--replications", "60", "--out", page.to_str().unwrap()]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(
        report["rows"].as_array().unwrap().iter().all(|row| row["n"].as_u64().unwrap() >= 60),
        "{report}"
    );
    let text = std::fs::read_to_string(page).unwrap();
    assert!(text.contains("2 of 2 known values are found.") && text.contains("machine repair"), "{text}");
}
