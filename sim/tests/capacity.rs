//! `tidegate capacity` from the outside, against a queue whose capacity is known.

use serde_json::Value;
use std::path::PathBuf;
use std::process::{Command, Output};
use tidegate_sim::statistics::queues::Mmck;

/// A server of ten calls a second with room for nine more, and clients that call once in ten seconds.
const QUEUE: &str = r#"
duration = "30min"
warm_up = "1min"
[backend]
servers = 1
queue = 9
service = { exponential = "100ms" }
[plans.open]
requests_per_minute = 10_000
[[population]]
name = "clients"
plan = "open"
clients = 1
arrivals = { poisson = "0.1/s" }
retry = "none"
"#;

fn capacity(arguments: &[&str]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let path: PathBuf = directory.path().join("queue.toml");
    std::fs::write(&path, QUEUE).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
    // Where it writes its report.
    command.current_dir(directory.path());
    command.arg("capacity").arg(path).args(["--population", "clients"]).args(arguments).output().unwrap()
}

#[test]
fn what_a_queue_carries_is_what_theory_says_for_any_number_of_threads() {
    // As many clients as lose one call in ten.
    let loses = |clients: u32| Mmck::new(f64::from(clients) / 10.0, 10.0, 1, 10).unwrap().loss();
    let carried = (1..200).take_while(|clients| loses(*clients) <= 0.1).last().unwrap();
    let of = |threads| {
        capacity(&[
            "--of",
            "backend",
            "--measure",
            "loss",
            "--at-most",
            "0.1",
            "--from",
            "60",
            "--to",
            "300",
            "--within",
            "0.05",
            "--json",
            "--threads",
            threads,
        ])
    };
    let one = of("1");
    assert!(one.status.success(), "{}", String::from_utf8_lossy(&one.stderr));
    assert_eq!(one.stdout, of("2").stdout);
    let found: Value = serde_json::from_slice(&one.stdout).unwrap();
    let (met, not) = (found["met_with"].as_u64().unwrap(), found["not_with"].as_u64().unwrap());
    let carried = u64::from(carried);
    assert!(
        met <= carried + 1 && carried * 93 / 100 <= met && met < not && not <= carried * 108 / 100,
        "{carried}: {found}"
    );
    assert_eq!(found["target"], "loss of backend at most 0.1");
    for look in found["looks"].as_array().unwrap() {
        let clients = look["clients"].as_u64().unwrap() as u32;
        let (mean, half_width) = (look["mean"].as_f64().unwrap(), look["half_width"].as_f64().unwrap());
        // Twice the interval's half: of a dozen intervals one may well miss.
        assert!((mean - loses(clients)).abs() <= 2.0 * half_width + 0.002, "{look}, {}", loses(clients));
    }
}

#[test]
fn what_is_met_everywhere_or_nowhere_is_said() {
    let target = |bound, to| capacity(&["--measure", "success_share", "--at-least", bound, "--to", to]);
    let everywhere = String::from_utf8(target("0", "4").stdout).unwrap();
    assert!(
        everywhere.contains("met with 4 clients of clients, the most that were to be tried"),
        "{everywhere}"
    );
    let nowhere = String::from_utf8(target("1.1", "4").stdout).unwrap();
    assert!(nowhere.contains("not met with the fewest clients"), "{nowhere}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let cases: [(&[&str], &str); 5] = [
        (
            &["--of", "cleints", "--at-least", "0.5"],
            "there is no population `cleints`; did you mean `clients`?",
        ),
        (&["--measure", "los", "--of", "backend", "--at-most", "0.5"], "did you mean `loss`?"),
        (&["--at-least", "0.5", "--from", "5", "--to", "4"], "`--from` is 5, more than `--to`, 4"),
        (&["--at-least", "0.5", "--within", "2"], "`--within` must be between 0 and 1"),
        (&["--at-least", "0.5", "--at-most", "0.5"], "cannot be used with"),
    ];
    for (arguments, expected) in cases {
        let output = capacity(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && error.contains(expected), "{arguments:?}: {error}");
    }
}
