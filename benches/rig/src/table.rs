//! Tables as people read them, which are Markdown too.

/// Rows of text under heads, the first column left, the others right.
pub struct Table {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(heads: &[&str]) -> Table {
        Table {
            heads: heads.iter().map(|&head| head.into()).collect(),
            rows: Vec::new(),
        }
    }

    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    pub fn print(&self) {
        let width = |column: usize| {
            self.rows
                .iter()
                .chain([&self.heads])
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let line = |cells: &[String]| {
            let mut line = String::from("|");
            for (column, width) in widths.iter().enumerate() {
                let cell = cells.get(column).map_or("", String::as_str);
                let gap = " ".repeat(width - cell.chars().count());
                match column {
                    0 => line.push_str(&format!(" {cell}{gap} |")),
                    _ => line.push_str(&format!(" {gap}{cell} |")),
                }
            }
            line
        };
        println!("{}", line(&self.heads));
        let rule = |(column, width): (usize, &usize)| match column {
            0 => "-".repeat(width + 2),
            _ => "-".repeat(width + 1) + ":",
        };
        println!(
            "|{}|",
            widths
                .iter()
                .enumerate()
                .map(rule)
                .collect::<Vec<_>>()
                .join("|")
        );
        for row in &self.rows {
            println!("{}", line(row));
        }
    }
}

/// The middle one, or the mean of both; nothing of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        odd if odd % 2 == 1 => values[odd / 2],
        even => (values[even / 2 - 1] + values[even / 2]) / 2.0,
    }
}

/// In microseconds, the value below which this part of the durations is, which are in order.
pub fn quantile(sorted: &[std::time::Duration], part: f64) -> f64 {
    let at = ((sorted.len() as f64 * part) as usize).min(sorted.len().saturating_sub(1));
    sorted
        .get(at)
        .map_or(f64::NAN, |value| value.as_secs_f64() * 1e6)
}

/// A number with so many decimals, and commas between thousands; a dash for none.
pub fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return "–".into();
    }
    let digits = format!("{value:.decimals$}");
    let whole = digits.split('.').next().unwrap_or_default().len();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at < whole && (whole - at).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub fn percent(part: f64) -> String {
    number(part * 100.0, 0) + "%"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_threes() {
        for (value, decimals, text) in [
            (0.126, 2, "0.13"),
            (999.0, 0, "999"),
            (1_000.0, 0, "1,000"),
            (-1_000.0, 0, "-1,000"),
            (-100.0, 0, "-100"),
            (1_234_567.89, 1, "1,234,567.9"),
            (f64::NAN, 2, "–"),
        ] {
            assert_eq!(number(value, decimals), text);
        }
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median([]).is_nan());
    }
}
