//! What `tidegate replay` decided.

use crate::tidegate;
use std::path::Path;

/// A row of `--decisions`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// In nanoseconds since 1970.
    pub(crate) time: u64,
    pub(crate) key: String,
    pub(crate) event: String,
    pub(crate) decision: String,
    pub(crate) limit: String,
    pub(crate) retry_after_ns: Option<u64>,
    pub(crate) limit_requests: Option<u64>,
    pub(crate) remaining_requests: Option<u64>,
    pub(crate) reset: Option<u64>,
}

impl Row {
    fn parse(line: &str) -> Self {
        let fields: Vec<&str> = line.split(',').collect();
        let [time, key, event, decision, limit, retry_after, limit_requests, remaining, reset] = fields[..]
        else {
            panic!("no row of nine: {line}")
        };
        let (seconds, nanos) = time.split_once('.').unwrap();
        let number = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
        Self {
            time: seconds.parse::<u64>().unwrap() * 1_000_000_000 + nanos.parse::<u64>().unwrap(),
            key: key.to_owned(),
            event: event.to_owned(),
            decision: decision.to_owned(),
            limit: limit.to_owned(),
            retry_after_ns: number(retry_after),
            limit_requests: number(limit_requests),
            remaining_requests: number(remaining),
            reset: number(reset),
        }
    }

    pub(crate) fn is_call(&self) -> bool {
        self.event == "call"
    }

    pub(crate) fn is_admitted(&self) -> bool {
        self.decision == "admitted"
    }
}

/// What `tidegate replay` decides about a trace, whose keys are on a plan unless it says otherwise.
pub(crate) fn of(trace: &Path, plans: &str, plan: &str) -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    let [plans_file, decisions] = ["plans.toml", "decisions.csv"].map(|name| folder.path().join(name));
    std::fs::write(&plans_file, plans).unwrap();
    tidegate::run(|command| {
        command.args(["replay", "--json", "--plan", plan, "--plans"]).arg(&plans_file);
        command.arg("--decisions").arg(&decisions).arg(trace);
    });
    std::fs::read_to_string(&decisions).unwrap().lines().skip(1).map(Row::parse).collect()
}
