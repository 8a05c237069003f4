//! What came out, for people and for programs.

mod bars;
mod json;
mod table;
mod text;

pub use bars::{Verdict, of_one_key, of_row};
pub use json::lines;
pub use table::block;
pub use text::{grouped, heading};

use crate::measure::Figure;

/// The figures of a row in the order of the names, not in that of the turns.
fn in_order(figures: &[Figure]) -> Vec<Figure> {
    let mut figures = figures.to_vec();
    figures.sort_by_key(|figure| figure.who as usize);
    figures
}
