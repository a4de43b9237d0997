//! Columns: three spaces apart, no boxes, no wrapping, no cutting, wide characters counted as the terminal does. The
//! same on a terminal and in a pipe.

use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use unicode_width::UnicodeWidthStr;

/// Between two columns.
const GAP: u16 = 3;

/// Lays out rows below their heads; without heads where `headers` is off.
pub(crate) fn table(heads: &[&str], rows: Vec<Vec<String>>, headers: bool) -> String {
    if rows.is_empty() && !headers {
        return String::new();
    }
    let mut table = Table::new();
    // Any other arrangement wraps long cells on a terminal and breaks on one that is said to have no columns.
    table
        .load_style(NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    if headers {
        table.set_header(heads.to_vec());
    }
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    let mut text = table.trim_fmt();
    text.push('\n');
    text
}

/// Lines without a head, their first cells aligned: `name   value`.
pub(crate) fn aligned(rows: Vec<Vec<String>>) -> String {
    table(&[], rows, false)
}

/// One line of a table whose other rows are not known yet: cells at least as wide as `widths` say. A longer one moves
/// what follows to the right.
pub(crate) fn row(widths: &[usize], cells: &[String]) -> String {
    let mut line = String::new();
    for (at, cell) in cells.iter().enumerate() {
        line.push_str(cell);
        let width = widths.get(at).copied().unwrap_or_default();
        let missing = width.saturating_sub(cell.width()) + usize::from(GAP);
        line.extend(std::iter::repeat_n(' ', missing));
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn wide_characters_take_two_columns() {
        assert_eq!(
            table(
                &["NAME", "AGE"],
                vec![cells(&["日本", "1d"]), cells(&["é", "2d"])],
                true
            ),
            "NAME   AGE\n日本   1d\né      2d\n"
        );
        assert_eq!(
            row(&[4, 3], &cells(&["日本", "1d", "x"])),
            "日本   1d    x\n"
        );
        assert_eq!(row(&[4, 3], &cells(&["longer", "1d", ""])), "longer   1d\n");
    }

    #[test]
    fn rows_without_a_head() {
        assert_eq!(aligned(vec![]), "");
        assert_eq!(
            aligned(vec![
                cells(&["ok", "port", "free"]),
                cells(&["", "", "fix: this"])
            ]),
            "ok   port   free\n            fix: this\n"
        );
    }
}
