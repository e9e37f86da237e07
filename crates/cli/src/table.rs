//! Tables for people.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// Lays `rows` out under `headers`, as wide as the terminal at the most; numbers stand below each other.
pub(crate) fn table<const N: usize>(
    headers: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    table_of(&headers, rows.into_iter().map(Vec::from))
}

/// The same for as many columns as there are.
pub(crate) fn table_of(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(headers);
    let mut are_numbers = vec![true; headers.len()];
    for row in rows {
        for (so_far, cell) in are_numbers.iter_mut().zip(&row) {
            *so_far &= cell.chars().all(|it| it.is_ascii_digit() || it == ',');
        }
        table.add_row(row);
    }
    for (column, are_numbers) in table.column_iter_mut().zip(are_numbers) {
        if are_numbers {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}
