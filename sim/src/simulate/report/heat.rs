//! A measure over two parameters, as a table whose cells are coloured: numbers stay numbers, for eyes, printers and copying.

use super::curve::capital;
use super::measure::{Words, plus_minus};
use maud::{Markup, html};

/// A measure over two parameters.
#[derive(Clone, Debug)]
pub(crate) struct Heat {
    /// What is measured.
    pub(crate) measure: Words,
    /// The parameter of the rows, and its values from the top down.
    pub(crate) rows: (String, Vec<String>),
    /// The parameter of the columns, and its values from left to right.
    pub(crate) columns: (String, Vec<String>),
    /// Row by row; `None` where there is nothing to measure.
    pub(crate) cells: Vec<Vec<Option<Cell>>>,
}

/// What was measured with two values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Cell {
    /// The mean.
    pub(crate) mean: f64,
    /// How far its interval goes on either side.
    pub(crate) half_width: f64,
}

impl Heat {
    /// A section of its table.
    pub(crate) fn section(&self, of: &str) -> Markup {
        html! {
            section.numbers {
                h2 { (capital(&self.measure.name)) " " (of) }
                p { "Means of replications, and half of their 95% intervals. The deeper the colour, the higher the mean." }
                (self.table())
            }
        }
    }

    /// The table.
    fn table(&self) -> Markup {
        let (low, high) = self.ends();
        html! {
            div.scroll {
                table.heat {
                    thead { tr {
                        th scope="col" { (self.rows.0) " ↓  " (self.columns.0) " →" }
                        @for value in &self.columns.1 { th scope="col" { (value) } }
                    } }
                    tbody { @for (value, cells) in self.rows.1.iter().zip(&self.cells) { tr {
                        th scope="row" { (value) }
                        @for cell in cells { (self.cell(*cell, low, high)) }
                    } } }
                }
            }
        }
    }

    fn cell(&self, cell: Option<Cell>, low: f64, high: f64) -> Markup {
        let Some(Cell { mean, half_width }) = cell else { return html! { td { "–" } } };
        let (mean_text, half_width) = self.measure.unit.with_interval(mean, half_width);
        let depth = if high > low { (mean - low) / (high - low) } else { 0.0 };
        // Never so deep that the page's own text is hard to read on it.
        let style = format!("background:rgb(47 127 193 / {:.2})", 0.04 + 0.5 * depth);
        html! { td style=(style) { (mean_text) br; small { (plus_minus(&half_width)) } } }
    }

    /// The lowest mean and the highest.
    fn ends(&self) -> (f64, f64) {
        let means = || self.cells.iter().flatten().flatten().map(|cell| cell.mean);
        (means().fold(f64::MAX, f64::min), means().fold(f64::MIN, f64::max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::report::measure::words;

    #[test]
    fn cells_are_numbers_and_the_highest_is_the_deepest() {
        let cell = |mean| Some(Cell { mean, half_width: 0.01 });
        let heat = Heat {
            measure: words("success_share"),
            rows: ("clients <1>".into(), vec!["10".into(), "20".into()]),
            columns: ("retries".into(), vec!["0".into(), "4".into()]),
            cells: vec![vec![cell(0.5), cell(1.0)], vec![cell(0.75), None]],
        };
        let table = heat.table().into_string();
        for part in [
            r#"<td style="background:rgb(47 127 193 / 0.04)">50.0%<br><small>± 1.0</small></td>"#,
            r#"<td style="background:rgb(47 127 193 / 0.54)">100.0%"#,
            "<td>–</td>",
            r#"<th scope="row">20</th>"#,
            "clients &lt;1&gt;",
        ] {
            assert!(table.contains(part), "{part} in {table}");
        }
    }
}
