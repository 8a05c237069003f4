//! Real traces, which are not part of the project: see `docs/replay.md`.

use crate::bench::Bench;
use serde_json::Value;
use std::path::PathBuf;

/// A real trace; `None`, with a word about it, where there is none.
fn real(name: &str) -> Option<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if !path.exists() {
        eprintln!("skipped: {} is not there", path.display());
        return None;
    }
    Some(path.to_str().unwrap().to_owned())
}

fn summary(bench: &Bench, trace: &str) -> Value {
    let outcome = bench.replay(&["--json", "--decisions", "decisions.csv", trace]);
    assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
    serde_json::from_str(&outcome.stdout).unwrap()
}

#[test]
fn an_hour_of_a_conversation_service() {
    let Some(trace) = real("azure_llm_2023_conv.csv") else { return };
    let bench = Bench::new();
    let summary = summary(&bench, &trace);
    assert_eq!((&summary["total"]["calls"], &summary["keys"]), (&19_366.into(), &1.into()));
    let rows = crate::bench::rows(&bench.path("decisions.csv"));
    let of = |decision: &str| rows.iter().filter(|row| row.decision == decision).count() as u64;
    assert_eq!(summary["total"]["admitted"], of("admitted"));
    assert_eq!(summary["settles"]["admitted_calls"], of("settled"));
    assert_eq!(of("admitted") + of("denied") + of("never"), 19_366);
    assert_eq!(rows[0].time, "1700158546.680590000");
}

#[test]
fn four_days_of_a_web_server() {
    let Some(trace) = real("apache_combined.log") else { return };
    let bench = Bench::new();
    let summary = summary(&bench, &trace);
    assert_eq!((&summary["total"]["calls"], &summary["keys"]), (&10_000.into(), &1_753.into()));
    let rows = crate::bench::rows(&bench.path("decisions.csv"));
    assert!(rows.is_sorted_by_key(|row| row.time.clone()));
    assert_eq!(summary["total"]["denied"], rows.iter().filter(|row| row.decision == "denied").count());
}
