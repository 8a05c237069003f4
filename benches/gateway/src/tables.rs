//! Tables, and numbers in them.

use comfy_table::{Cell, CellAlignment, LineStyle, Table, TableStyle, presets};

pub(crate) fn table(header: &[&str]) -> Table {
    const STYLE: TableStyle = presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none());
    let mut table = Table::new();
    table.load_style(STYLE).set_header(header.iter().map(Cell::new));
    table
}

/// A name at the left, and numbers at the right.
pub(crate) fn row(name: String, numbers: impl IntoIterator<Item = String>) -> Vec<Cell> {
    let numbers = numbers.into_iter().map(|text| Cell::new(text).set_alignment(CellAlignment::Right));
    std::iter::once(Cell::new(name)).chain(numbers).collect()
}

/// Nanoseconds as microseconds.
pub(crate) fn micros(nanos: f64) -> String {
    format!("{:.1} µs", nanos / 1e3)
}

/// `–` for what is not known.
pub(crate) fn or_dash<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or("–".into(), text)
}

/// A number with a comma between each three digits.
pub(crate) fn grouped(number: u64) -> String {
    indicatif::HumanCount(number).to_string()
}
