//! Columns of numbers in a terminal's tables.

use comfy_table::{CellAlignment, Table};

/// Sets these columns to the right, as numbers stand.
pub(crate) fn set_right(table: &mut Table, columns: impl IntoIterator<Item = usize>) {
    for column in columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
