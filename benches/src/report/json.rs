//! One JSON object for each contender of a row.

use super::in_order;
use crate::field::Impl;
use crate::keys::Distribution;
use crate::measure::{Figure, Row};
use serde::Serialize;

/// A line, field by field as it is printed.
#[derive(Debug, Serialize)]
struct Line {
    #[serde(rename = "impl")]
    who: Impl,
    limits: u8,
    keys: u64,
    dist: Distribution,
    threads: u64,
    ns: f64,
    ns_min: f64,
    ns_max: f64,
    bytes_per_key: Option<f64>,
}

/// The figures of a row, an object and a line end each.
pub fn lines(row: Row, figures: &[Figure]) -> String {
    let figures = in_order(figures);
    let shown = figures.iter().filter(|figure| figure.who != Impl::TidegateLone);
    shown.map(|figure| text(&line(row, figure))).collect()
}

fn text(line: &Line) -> String {
    serde_json::to_string(line).expect("numbers and words are JSON") + "\n"
}

fn line(row: Row, figure: &Figure) -> Line {
    let Figure { who, times, bytes_per_key } = *figure;
    Line {
        who,
        limits: who.limits(),
        keys: row.keys,
        dist: row.distribution,
        threads: row.threads,
        ns: hundredths(times.median),
        ns_min: hundredths(times.min),
        ns_max: hundredths(times.max),
        bytes_per_key: bytes_per_key.map(hundredths),
    }
}

/// No measurement is better than that.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Times;

    const ROW: Row = Row { keys: 1_000_000, distribution: Distribution::Zipf, threads: 2 };

    fn figure(who: Impl, bytes_per_key: Option<f64>) -> Figure {
        Figure { who, times: Times { median: 80.125, min: 79.0, max: 101.5 }, bytes_per_key }
    }

    #[test]
    fn a_line_has_every_field_in_its_order() {
        let line = lines(ROW, &[figure(Impl::TidegateBatch, Some(256.0))]);
        assert_eq!(
            line,
            "{\"impl\":\"tidegate-batch32\",\"limits\":3,\"keys\":1000000,\"dist\":\"zipf\",\"threads\":2,\
             \"ns\":80.13,\"ns_min\":79.0,\"ns_max\":101.5,\"bytes_per_key\":256.0}\n"
        );
    }

    #[test]
    fn what_makes_no_sense_is_null() {
        let line = lines(ROW, &[figure(Impl::FloorChain, None)]);
        assert!(line.ends_with("\"bytes_per_key\":null}\n"), "{line}");
    }

    #[test]
    fn lone_decisions_are_not_among_the_lines() {
        assert_eq!(lines(ROW, &[figure(Impl::TidegateLone, None)]), "");
    }
}
