//! What a run of a target came to, by libFuzzer's own log.

use std::fmt;

/// One target's run.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) target: String,
    executions: u64,
    a_second: u64,
    /// Edges of the code that were reached, and what was seen of them: counts, comparisons.
    edges: u64,
    features: u64,
    /// Inputs that were kept because each shows something new.
    corpus: u64,
    /// What went wrong, and the file that shows it.
    pub(super) finding: Option<String>,
}

impl Report {
    /// Reads a log.
    pub(super) fn read(target: &str, ended_well: bool, log: &str) -> Self {
        let statistic = |name: &str| {
            let line = log.lines().rev().find_map(|line| line.strip_prefix(name))?;
            line.trim_start_matches(':').trim().parse().ok()
        };
        let progress = log.lines().rev().find(|line| line.contains(" cov: ")).unwrap_or_default();
        let after = |name: &str| {
            let rest = progress.split_once(name)?.1.trim_start();
            rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
        };
        Self {
            target: target.into(),
            executions: statistic("stat::number_of_executed_units").unwrap_or(0),
            a_second: statistic("stat::average_exec_per_sec").unwrap_or(0),
            edges: after(" cov:").unwrap_or(0),
            features: after(" ft:").unwrap_or(0),
            corpus: after(" corp:").unwrap_or(0),
            finding: (!ended_well).then(|| finding(log)),
        }
    }
}

/// The panic's message, or the sanitizer's line, and where the input was written.
fn finding(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    let panic = lines.iter().position(|line| line.contains("panicked at"));
    let told = match panic {
        Some(line) => {
            lines[line..].iter().take_while(|line| !line.starts_with("note:")).take(8).copied().collect()
        }
        None => lines.iter().filter(|line| line.contains("ERROR:")).take(1).copied().collect::<Vec<_>>(),
    };
    let written = lines.iter().find_map(|line| line.split_once("Test unit written to "));
    let input = written.map_or("no input was written; see the log", |(_, file)| file);
    format!("{}\n     input: {input}", told.join("\n     "))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { target, executions, a_second, .. } = self;
        match &self.finding {
            None => write!(f, "{target}: held, {executions} executions, {a_second} a second"),
            Some(finding) => write!(f, "{target}: a finding after {executions} executions\n     {finding}"),
        }
    }
}

/// The runs as a table for `docs/fuzzing.md`.
pub(super) fn table(reports: &[Report]) -> String {
    let head = "| target | executions | a second | edges | features | corpus | findings |\n|---|---|---|---|---|---|---|";
    let rows = reports.iter().map(|report| {
        let Report { target, executions, a_second, edges, features, corpus, finding } = report;
        let findings = usize::from(finding.is_some());
        format!(
            "| `{target}` | {} | {} | {} | {} | {} | {findings} |",
            grouped(*executions),
            grouped(*a_second),
            grouped(*edges),
            grouped(*features),
            grouped(*corpus)
        )
    });
    std::iter::once(head.to_owned()).chain(rows).collect::<Vec<_>>().join("\n")
}

/// `1,234,567`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELD: &str = "INFO: Seed: 1\n\
        #2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 27Mb\n\
        #1705210\tDONE   cov: 1652 ft: 5078 corp: 2012/142Kb lim: 1260 exec/s: 81200 rss: 30Mb\n\
        Done 1705210 runs in 21 second(s)\n\
        stat::number_of_executed_units: 1705210\n\
        stat::average_exec_per_sec:     81200\n";

    #[test]
    fn a_log_is_read_to_its_end() {
        let report = Report::read("trace", true, HELD);
        assert_eq!(report.to_string(), "trace: held, 1705210 executions, 81200 a second");
        let row = "| `trace` | 1,705,210 | 81,200 | 1,652 | 5,078 | 2,012 | 0 |";
        assert!(table(&[report]).ends_with(row));
    }

    #[test]
    fn a_finding_is_told_with_its_input() {
        let log = format!(
            "thread '<unnamed>' (1) panicked at src/world.rs:220:17:\nassertion failed\nnote: run with `RUST_BACKTRACE=1`\n\
             artifact_prefix='a/'; Test unit written to a/crash-75e6\n{HELD}"
        );
        let finding = Report::read("ops", false, &log).finding.unwrap();
        assert!(finding.ends_with("assertion failed\n     input: a/crash-75e6"), "{finding}");
        let log = "==1== ERROR: AddressSanitizer: heap-use-after-free\n";
        assert!(Report::read("ops", false, log).finding.unwrap().contains("heap-use-after-free"));
    }
}
