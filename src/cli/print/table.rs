//! A table: columns two or more spaces apart, no boxes, no wrapping, no cutting. The same on a terminal
//! and in a pipe.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};

/// Lays out rows below their heads; without heads where `headers` is off.
pub(crate) fn table(heads: &[&str], rows: Vec<Vec<String>>, headers: bool) -> String {
    let mut table = Table::new();
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    if headers {
        table.set_header(heads.to_vec());
    }
    table.add_rows(rows);
    if table.is_empty() && !headers {
        return String::new();
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 3));
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}
