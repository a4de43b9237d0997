//! Bars for people at a terminal, and how wide that is. A pipe has neither.

use std::io::IsTerminal;

/// Columns of the terminal that standard output is; `None`: it is none.
pub(crate) fn columns() -> Option<usize> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let size = ratatui::crossterm::terminal::size().ok();
    // Some say that they have none.
    Some(size.map_or(80, |(columns, _)| usize::from(columns)).max(20))
}

/// A share of a whole in so many columns, to the eighth of one; what there is at all is seen.
pub(crate) fn bar(share: f64, width: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let share = if share.is_nan() { 0.0 } else { share };
    let all = (share.clamp(0.0, 1.0) * width as f64 * 8.0).round() as usize;
    let all = all.max(usize::from(share > 0.0 && width > 0));
    let (whole, rest) = (all / 8, all % 8);
    let mut bar = "█".repeat(whole);
    if rest > 0 {
        bar.extend(EIGHTHS.get(rest));
    }
    let drawn = whole + usize::from(rest > 0);
    bar.extend(std::iter::repeat_n('░', width.saturating_sub(drawn)));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_the_share() {
        for (share, drawn) in [
            (0.0, "░░░░"),
            (0.001, "▏░░░"),
            (0.5, "██░░"),
            (0.53125, "██▏░"),
            (1.0, "████"),
            (7.0, "████"),
            (f64::NAN, "░░░░"),
        ] {
            assert_eq!(bar(share, 4), drawn, "{share}");
        }
        assert_eq!(bar(0.5, 0), "");
    }
}
