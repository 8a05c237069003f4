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
    let field: &[&str] = if arguments.contains(&"--vary") { &[] } else { &["--population", "clients"] };
    command.arg("capacity").arg(path).args(field).args(arguments).output().unwrap()
}

#[test]
fn a_load_is_found_as_a_number_of_clients_is() {
    // One client whose calls come so many times as often loses as many as so many clients.
    let loses = |load: f64| Mmck::new(load / 10.0, 10.0, 1, 10).unwrap().loss();
    let find = |arguments: &[&str]| {
        let common =
            ["--measure", "loss", "--of", "backend", "--at-most", "0.1", "--within", "0.03", "--json"];
        let output = capacity(&[arguments, &common].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let by_load = find(&["--vary", "population.clients.load", "--from", "40", "--to", "200"]);
    let met = by_load["met_with"].as_f64().unwrap();
    assert!(loses(met * 0.97) < 0.1 && loses(met * 1.08) > 0.1, "{by_load}");
    assert_eq!(by_load["field"], "population.clients.load");
    let by_rate =
        find(&["--vary", "population.clients.arrivals.poisson", "--from", "4.0/s", "--to", "20.0/s"]);
    let text = by_rate["met_with"].as_str().unwrap();
    let rate: f64 = text.strip_suffix("/s").unwrap().parse().unwrap();
    assert!(loses(rate * 9.7) < 0.1 && loses(rate * 10.8) > 0.1, "{by_rate}");
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
        let clients = look["value"].as_u64().unwrap() as u32;
        let (mean, half_width) = (look["mean"].as_f64().unwrap(), look["half_width"].as_f64().unwrap());
        // Twice the interval's half: of a dozen intervals one may well miss.
        assert!((mean - loses(clients)).abs() <= 2.0 * half_width + 0.002, "{look}, {}", loses(clients));
    }
}

#[test]
fn what_is_met_everywhere_or_nowhere_is_said() {
    let target = |bound, to| capacity(&["--measure", "success_share", "--at-least", bound, "--to", to]);
    let everywhere = String::from_utf8(target("0", "4").stdout).unwrap();
    assert!(everywhere.contains("met with 4 clients of clients, the most that were tried"), "{everywhere}");
    let nowhere = String::from_utf8(target("1.1", "4").stdout).unwrap();
    assert!(nowhere.contains("not met with the fewest clients"), "{nowhere}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    let cases: [(&[&str], &str); 10] = [
        (
            &["--of", "cleints", "--at-least", "0.5"],
            "there is no population `cleints`; did you mean `clients`?",
        ),
        (&["--measure", "los", "--of", "backend", "--at-most", "0.5"], "did you mean `loss`?"),
        (
            &["--measure", "loss", "--at-most", "0.5"],
            "`loss` is a measure of the backend: choose with `--of`",
        ),
        (&["--measure", "loss"], "<--at-least <VALUE>|--at-most <VALUE>>"),
        (&["--at-least", "0.5", "--from", "5", "--to", "4"], "`--from` is 5, more than `--to`, 4"),
        (&["--at-least", "0.5", "--within", "2"], "`--within` must be between 0 and 1"),
        (&["--at-least", "0.5", "--at-most", "0.5"], "cannot be used with"),
        (&["--at-least", "0.5", "--vary", "population.clients.load", "--from", "1"], "--to"),
        (
            &["--at-least", "0.5", "--vary", "population.clients.load", "--from", "1/s", "--to", "2"],
            "`--from` and `--to` must have the same unit",
        ),
        (
            &["--at-least", "0.5", "--vary", "population.clients.lode", "--from", "1", "--to", "2"],
            "did you mean `load`?",
        ),
    ];
    for (arguments, expected) in cases {
        let output = capacity(arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && error.contains(expected), "{arguments:?}: {error}");
    }
}
