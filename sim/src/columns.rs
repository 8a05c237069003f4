//! A terminal's tables, and their columns of numbers.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, presets};

/// As wide as a terminal is at least. The same everywhere, since outputs are the same bytes wherever they are made.
const WIDTH: u16 = 80;

/// A table that fits a terminal, for which long words in it are broken.
pub(crate) fn table() -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()));
    fit(&mut table);
    table
}

/// Makes a table fit a terminal.
pub(crate) fn fit(table: &mut Table) {
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(WIDTH);
}

/// Sets these columns to the right, as numbers stand.
pub(crate) fn set_right(table: &mut Table, columns: impl IntoIterator<Item = usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
