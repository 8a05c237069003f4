//! One row's figures as a table in the terminal.

use super::in_order;
use super::text::{grouped, heading, nanos};
use crate::field::Impl;
use crate::measure::{Figure, Row};
use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle, presets};

const HEADER: [&str; 6] = ["", "limits", "ns a call", "min – max", "× tidegate", "bytes a key"];
const STYLE: TableStyle = presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none());

/// A heading and a line for each contender.
pub fn block(row: Row, figures: &[Figure]) -> String {
    let tidegate = figures.iter().find(|figure| figure.who == Impl::Tidegate);
    let unit = tidegate.map_or(f64::NAN, |figure| figure.times.median);
    let mut table = Table::new();
    table.load_style(STYLE).set_header(row_of(HEADER.map(str::to_owned)));
    for figure in &in_order(figures) {
        table.add_row(cells(figure, unit));
    }
    format!("{}\n{table}\n", heading(row))
}

fn cells(figure: &Figure, unit: f64) -> Vec<Cell> {
    let Figure { who, times, bytes_per_key } = figure;
    let limits = match who.limits() {
        0 => "–".into(),
        limits => limits.to_string(),
    };
    let texts = [
        who.name().to_owned(),
        limits,
        nanos(times.median),
        format!("{} – {}", nanos(times.min), nanos(times.max)),
        format!("{:.2}", times.median / unit),
        bytes_per_key.map_or("–".into(), |bytes| grouped(bytes.round() as u64)),
    ];
    row_of(texts)
}

/// Names to the left, numbers to the right.
fn row_of(texts: [String; HEADER.len()]) -> Vec<Cell> {
    let aligned = |(column, text)| {
        let alignment = if column == 0 { CellAlignment::Left } else { CellAlignment::Right };
        Cell::new(text).set_alignment(alignment)
    };
    texts.into_iter().enumerate().map(aligned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Distribution;
    use crate::measure::Times;

    #[test]
    fn a_block_has_a_line_for_each_in_the_order_of_the_names_and_fits_the_page() {
        let row = Row { keys: 10_000_000, distribution: Distribution::Uniform, threads: 2 };
        let figure = |who, median| Figure {
            who,
            times: Times { median, min: median / 2.0, max: median * 10_000.0 },
            bytes_per_key: Some(1_234.5).filter(|_| who != Impl::FloorChain),
        };
        let figures = [figure(Impl::FloorChain, 50.0), figure(Impl::Tidegate, 100.0)];
        let block = block(row, &figures);
        let line_of = |name| block.lines().position(|line| line.contains(name));
        assert!(line_of("tidegate ") < line_of("floor-chain"), "{block}");
        assert!(block.contains("0.50") && block.contains("1,235"), "{block}");
        assert!(block.lines().all(|line| line.chars().count() <= 100), "{block}");
    }
}
