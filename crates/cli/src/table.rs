//! Tables for people.

use comfy_table::{ContentArrangement, Table, presets};

/// Lays `rows` out under `headers`, as wide as the terminal at the most.
pub(crate) fn table<const N: usize>(
    headers: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_BORDERS_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(headers);
    for row in rows {
        table.add_row(row);
    }
    table.to_string()
}
