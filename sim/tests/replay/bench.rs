//! A place to run the command in: a folder of its own for each run.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// A folder with the files of one test.
pub(crate) struct Bench {
    dir: TempDir,
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A row of the decisions file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) time: String,
    pub(crate) key: String,
    pub(crate) event: String,
    pub(crate) decision: String,
    pub(crate) limit: String,
    pub(crate) retry_after_ns: Option<u64>,
    pub(crate) limit_requests: Option<u64>,
    pub(crate) remaining_requests: Option<u64>,
    pub(crate) reset: Option<u64>,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes a file.
    pub(crate) fn file(&self, name: &str, text: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.path(name), text).unwrap();
        self
    }

    /// The names of the files that are there now.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = self.dir.path().read_dir().unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// Runs `tidegate replay` in the folder.
    pub(crate) fn replay(&self, args: &[&str]) -> Outcome {
        self.replay_stdin(args, "")
    }

    /// The same with something to read on standard input.
    pub(crate) fn replay_stdin(&self, args: &[&str], stdin: &str) -> Outcome {
        self.file(".stdin", stdin);
        let run = Command::new(env!("CARGO_BIN_EXE_tidegate"))
            .arg("replay")
            .args(args)
            .current_dir(self.dir.path())
            .stdin(Stdio::from(std::fs::File::open(self.path(".stdin")).unwrap()))
            .output()
            .unwrap();
        std::fs::remove_file(self.path(".stdin")).unwrap();
        Outcome {
            status: run.status.code().unwrap(),
            stdout: String::from_utf8(run.stdout).unwrap(),
            stderr: String::from_utf8(run.stderr).unwrap(),
        }
    }

    /// Runs it with `--decisions` and gives the rows.
    pub(crate) fn decisions(&self, args: &[&str]) -> Vec<Row> {
        let outcome = self.replay(&[&["--decisions", "decisions.csv"], args].concat());
        assert_eq!((outcome.status, outcome.stderr.as_str()), (0, ""));
        rows(&self.path("decisions.csv"))
    }
}

/// The rows of a decisions file.
pub(crate) fn rows(path: &Path) -> Vec<Row> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header: Vec<_> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    assert_eq!(
        header.join(","),
        "time,key,event,decision,limit,retry_after_ns,limit_requests,remaining_requests,reset"
    );
    reader.records().map(|record| Row::of(&record.unwrap())).collect()
}

impl Row {
    fn of(record: &csv::StringRecord) -> Self {
        let number =
            |place| Some(&record[place]).filter(|text| !text.is_empty()).map(|text| text.parse().unwrap());
        Self {
            time: record[0].into(),
            key: record[1].into(),
            event: record[2].into(),
            decision: record[3].into(),
            limit: record[4].into(),
            retry_after_ns: number(5),
            limit_requests: number(6),
            remaining_requests: number(7),
            reset: number(8),
        }
    }
}

/// One trace, with the built-in plans.
pub(crate) fn decisions(trace: &str) -> Vec<Row> {
    Bench::new().file("trace.csv", trace).decisions(&["trace.csv"])
}

/// Nanoseconds as the trace writes times.
pub(crate) fn seconds(nanos: u64) -> String {
    format!("{}.{:09}", nanos / 1_000_000_000, nanos % 1_000_000_000)
}

/// The decisions in one word each.
pub(crate) fn words(rows: &[Row]) -> Vec<&str> {
    rows.iter().map(|row| row.decision.as_str()).collect()
}
