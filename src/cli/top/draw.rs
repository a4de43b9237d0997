//! The picture: summary, the last minutes, tables. Narrow screens stack what wide ones lay side by side.

use super::{
    app::App,
    figures::{money, share, short, time},
    panel::{Mood, Panel, Shown},
};
use crate::cli::print::clean;
use crate::live::view::{Count, Percentiles, View};
use crate::resources::{Millis, Stamp};
use ratatui::{
    Frame,
    buffer::Buffer,
    layout::{Alignment, Constraint, Layout, Margin, Rect},
    style::{Color, Modifier, Style},
    text::{Line, Span},
    widgets::{Cell, Clear, Paragraph, Row, Sparkline, Table, Widget},
};

/// From so many columns on things lie side by side.
const WIDE: u16 = 140;
/// With fewer rows for tables not all of them are shown.
const LOW: u16 = 26;

/// Draws the picture on the whole screen.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App) {
    let area = frame.area();
    paint(app, area, frame.buffer_mut());
    if app.help {
        help(app, area, frame.buffer_mut());
    }
}

/// The same as text, with room for every row.
pub(super) fn text(app: &App, width: u16) -> String {
    let tables = app.view.as_ref().map_or(0, |view| {
        let rows = Panel::ALL.iter().map(|panel| panel.rows(view, 0).len() + 2);
        rows.sum::<usize>().max(usize::from(LOW))
    });
    // What stands above and below the tables takes less than this.
    let height = u16::try_from(tables).unwrap_or(u16::MAX).min(1_000) + 20;
    let area = Rect::new(0, 0, width, height);
    let mut buffer = Buffer::empty(area);
    paint(app, area, &mut buffer);
    let text = shown(&buffer);
    // All but the line of keys, which is the last.
    let text = text.rsplit_once('\n').map_or("", |(text, _)| text);
    format!("{}\n", text.trim_end())
}

/// The characters of a buffer, a line a row.
pub(super) fn shown(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width).max(1);
    let lines = buffer.content().chunks(width).map(|row| {
        let line: String = row.iter().map(|cell| cell.symbol()).collect();
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn paint(app: &App, area: Rect, buffer: &mut Buffer) {
    let Some(view) = &app.view else {
        Paragraph::new(format!(" waiting for the gateway at {}", app.address)).render(area, buffer);
        return;
    };
    let wide = area.width >= WIDE;
    let lines = summary(app, view, wide);
    let chart = match area.height {
        0..20 => 0,
        20..40 => 4,
        _ => 7,
    };
    let [head, above, charts, below, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(lines.len() as u16),
        Constraint::Length(chart),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(area);
    title(app, view, head, buffer);
    Paragraph::new(lines).render(above, buffer);
    history(app, view, charts, wide, buffer);
    tables(app, view, below, wide, buffer);
    let keys = " q quit  ? help  tab table  ←→ sort  ↑↓ scroll  p pause";
    Paragraph::new(Line::styled(keys, faint())).render(foot, buffer);
}

fn faint() -> Style {
    Style::new().add_modifier(Modifier::DIM)
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

fn mood(app: &App, mood: Mood) -> Style {
    let colour = match mood {
        Mood::Plain => return Style::new(),
        Mood::Good => Color::Green,
        Mood::Odd => Color::Yellow,
        Mood::Bad => Color::Red,
    };
    match (app.colour, mood) {
        (true, _) => Style::new().fg(colour),
        (false, Mood::Bad) => bold(),
        (false, _) => Style::new(),
    }
}

fn title(app: &App, view: &View, area: Rect, buffer: &mut Buffer) {
    let clock = view.at.get(11..19).unwrap_or_default();
    let mut left = vec![
        Span::styled(" gw top ", bold()),
        Span::raw(format!(" {}", clean(&app.address))),
    ];
    if app.paused {
        left.push(Span::styled(
            "  paused",
            mood(app, Mood::Odd).add_modifier(Modifier::BOLD),
        ));
    }
    Paragraph::new(Line::from(left)).render(area, buffer);
    Paragraph::new(format!("{clock} UTC "))
        .alignment(Alignment::Right)
        .render(area, buffer);
}

fn label(name: &str) -> Span<'static> {
    Span::styled(
        format!(" {name:<9}"),
        Style::new().add_modifier(Modifier::DIM),
    )
}

fn percentiles(times: &Percentiles) -> String {
    format!(
        "p50 {}  p95 {}  p99 {}",
        time(times.p50),
        time(times.p95),
        time(times.p99)
    )
}

fn counts(list: &[Count]) -> String {
    let words = list
        .iter()
        .map(|one| format!("{} {}", clean(&one.name), short(one.count as f64)));
    words.collect::<Vec<_>>().join("  ")
}

fn summary<'a>(app: &App, view: &'a View, wide: bool) -> Vec<Line<'a>> {
    // A second says little where little goes on, a minute nothing of now: the last ten seconds.
    let last: Vec<_> = view.history.iter().rev().take(10).collect();
    let seconds = last.len().max(1) as f64;
    let rate = |of: fn(&crate::live::view::Figures) -> u64| {
        short(last.iter().map(|figures| of(figures)).sum::<u64>() as f64 / seconds)
    };
    let minute = &view.last_minute;
    let hour = &view.last_hour;
    let requests = format!("{:>6}/s", rate(|it| it.requests));
    let flight = format!(
        "in flight {}  waiting {}  connections {}",
        view.in_flight, view.waiting, view.connections
    );
    let tokens = format!(
        "{:>6}/s  in {}/s  out {}/s",
        rate(|it| it.input + it.output),
        rate(|it| it.input),
        rate(|it| it.output)
    );
    let spend = format!(
        "{:>8} today  {} last hour  {} last minute",
        money(
            view.today_pico,
            if view.today_pico == 0 {
                hour.unpriced
            } else {
                0
            }
        ),
        money(hour.cost_pico, hour.unpriced),
        money(minute.cost_pico, minute.unpriced)
    );
    let how_bad = match minute.errors {
        0 => Mood::Plain,
        errors if errors * 10 >= minute.requests => Mood::Bad,
        _ => Mood::Odd,
    };
    let errors = format!(
        "{:>6} of {} in the last minute",
        share(minute.errors, minute.requests),
        short(minute.requests as f64)
    );
    let errors = Span::styled(errors, mood(app, how_bad));
    let failures = match view.failures.is_empty() {
        true => String::new(),
        false => format!("  attempts: {}", counts(&view.failures)),
    };
    let latency = percentiles(&view.latency);
    let first = percentiles(&view.first_content);
    let mut lines = match wide {
        true => vec![
            Line::from(vec![
                label("requests"),
                requests.into(),
                Span::raw("   "),
                flight.into(),
                Span::raw("   "),
                label("tokens"),
                tokens.into(),
            ]),
            Line::from(vec![
                label("spend"),
                spend.into(),
                Span::raw("   "),
                label("errors"),
                errors,
                failures.into(),
            ]),
            Line::from(vec![
                label("latency"),
                latency.into(),
                Span::raw("   "),
                label("first"),
                first.into(),
            ]),
        ],
        false => vec![
            Line::from(vec![
                label("requests"),
                requests.into(),
                Span::raw("   "),
                flight.into(),
            ]),
            Line::from(vec![label("tokens"), tokens.into()]),
            Line::from(vec![label("spend"), spend.into()]),
            Line::from(vec![label("errors"), errors, failures.into()]),
            Line::from(vec![label("latency"), latency.into()]),
            Line::from(vec![label("first"), first.into()]),
        ],
    };
    // Only where there is something to say.
    let mut told = Vec::new();
    if !view.refused.is_empty() {
        told.push(format!(
            "refused by limits since the start: {}",
            counts(&view.refused)
        ));
    }
    if let Some(why) = &view.log.degraded {
        told.push(format!("log: {}", clean(why)));
    }
    if view.log.rows_dropped + view.log.content_dropped > 0 {
        told.push(format!(
            "log dropped {} rows, {} contents",
            short(view.log.rows_dropped as f64),
            short(view.log.content_dropped as f64)
        ));
    }
    if !told.is_empty() {
        let told = Span::styled(told.join("   "), mood(app, Mood::Odd));
        lines.push(Line::from(vec![label("notes"), told]));
    }
    lines
}

fn history(app: &App, view: &View, area: Rect, wide: bool, buffer: &mut Buffer) {
    if area.height < 2 {
        return;
    }
    let end = Stamp::parse(&view.at).map_or(0, |at| at.0.div_euclid(1_000));
    let requests: Vec<u64> = view.history.iter().map(|it| it.requests).collect();
    let tokens: Vec<u64> = view.history.iter().map(|it| it.input + it.output).collect();
    match wide {
        true => {
            let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(area);
            spark(app, "requests a second", &requests, end, left, buffer);
            spark(app, "tokens a second", &tokens, end, right, buffer);
        }
        false => spark(app, "requests a second", &requests, end, area, buffer),
    }
}

fn spark(app: &App, name: &str, all: &[u64], end: i64, area: Rect, buffer: &mut Buffer) {
    let room = usize::from(area.width.saturating_sub(2)).max(1);
    let most = all.iter().max().copied().unwrap_or(0);
    let head = format!(
        " {name}, last {}, at most {}",
        Millis(all.len() as u64 * 1_000),
        short(most as f64)
    );
    let [title, chart] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    Paragraph::new(Line::styled(head, faint())).render(title, buffer);
    let columns = columns(all, end, room);
    // The newest stands at the right.
    let mut data = vec![0; room.saturating_sub(columns.len())];
    data.extend(columns);
    let style = match app.colour {
        true => Style::new().fg(Color::Cyan),
        false => Style::new(),
    };
    let highest = data.iter().max().copied().unwrap_or(0);
    Sparkline::default()
        .data(data)
        .max(highest.max(1))
        .style(style)
        .render(chart.inner(Margin::new(1, 0)), buffer);
}

/// Seconds put together so that all of them have room, in thousandths. A column is always of the same seconds, so that the
/// picture moves and does not dance. `end`: the second of the last.
fn columns(all: &[u64], end: i64, room: usize) -> Vec<u64> {
    let step = (all.len() + room).div_ceil(room).saturating_sub(1).max(1) as i64;
    let mut columns: Vec<(i64, u64, u64)> = Vec::new();
    for (at, count) in all.iter().enumerate() {
        let second = end - (all.len() - 1 - at) as i64;
        let place = second.div_euclid(step);
        match columns.last_mut() {
            Some((last, sum, seconds)) if *last == place => {
                *sum += count;
                *seconds += 1;
            }
            _ => columns.push((place, *count, 1)),
        }
    }
    let means = columns
        .iter()
        .map(|(_, sum, seconds)| sum * 1_000 / seconds);
    let skipped = columns.len().saturating_sub(room);
    means.skip(skipped).collect()
}

fn tables(app: &App, view: &View, area: Rect, wide: bool, buffer: &mut Buffer) {
    let [targets, running, keys, models] = Panel::ALL;
    // As many rows as there are, within its share.
    let rows = |panel: Panel| panel.rows(view, 0).len() as u16 + 2;
    match wide {
        true => {
            let half = rows(targets)
                .max(rows(running))
                .clamp(4, (area.height / 2).max(4));
            let [above, below] =
                Layout::vertical([Constraint::Length(half), Constraint::Min(0)]).areas(area);
            for (area, two) in [(above, [targets, running]), (below, [keys, models])] {
                let [left, right] = Layout::horizontal([Constraint::Fill(1); 2])
                    .spacing(2)
                    .areas(area);
                table(app, view, two[0], left, buffer);
                table(app, view, two[1], right, buffer);
            }
        }
        // Too low for all: targets, and below what is looked at.
        false if area.height < LOW => {
            let most = area.height.saturating_sub(5).max(area.height / 2);
            let [above, below] = Layout::vertical([
                Constraint::Length(rows(targets).min(most)),
                Constraint::Min(0),
            ])
            .areas(area);
            table(app, view, targets, above, buffer);
            match app.focused() {
                Panel::Running | Panel::Models => table(app, view, app.focused(), below, buffer),
                Panel::Targets | Panel::Keys => table(app, view, keys, below, buffer),
            }
        }
        false => {
            let heights = Panel::ALL.map(|panel| Constraint::Max(rows(panel)));
            let areas: [Rect; 4] = Layout::vertical(heights).areas(area);
            for (panel, area) in Panel::ALL.into_iter().zip(areas) {
                table(app, view, panel, area, buffer);
            }
        }
    }
}

fn table(app: &App, view: &View, panel: Panel, area: Rect, buffer: &mut Buffer) {
    let at = Panel::ALL.iter().position(|one| *one == panel).unwrap_or(0);
    let (focused, by) = (app.focus == at, app.sorted[at]);
    let rows = panel.rows(view, by);
    let [title, rest] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    let name = match rows.len() {
        0 => format!(" {}: none", panel.title()),
        many => format!(" {} ({many})", panel.title()),
    };
    let style = match focused {
        true => bold().add_modifier(Modifier::REVERSED),
        false => bold(),
    };
    Paragraph::new(Line::styled(
        format!("{name:<width$}", width = usize::from(title.width)),
        style,
    ))
    .render(title, buffer);
    if rows.is_empty() {
        return;
    }
    let columns = panel.columns();
    let head = columns.iter().enumerate().map(|(at, (name, width))| {
        let name = match at == by {
            true => format!("{name}↓"),
            false => (*name).to_owned(),
        };
        Cell::from(placed(&name, at, *width, panel))
    });
    let head = Row::new(head).style(faint());
    let room = usize::from(rest.height.saturating_sub(1));
    let from = app.scrolled[at].min(rows.len().saturating_sub(room));
    let body = rows.iter().skip(from).map(|row| line(app, panel, row));
    let widths = columns
        .iter()
        .enumerate()
        .map(|(at, (_, width))| match at < panel.names() {
            true => Constraint::Fill(*width),
            false => Constraint::Length(*width),
        });
    let inner = rest.inner(Margin::new(1, 0));
    Widget::render(
        Table::new(body, widths).header(head).column_spacing(1),
        inner,
        buffer,
    );
}

fn line<'a>(app: &App, panel: Panel, row: &'a Shown) -> Row<'a> {
    let cells = row.cells.iter().zip(panel.columns()).enumerate();
    Row::new(cells.map(|(at, (text, (_, width)))| {
        let coloured = match panel {
            Panel::Targets => at == 1,
            _ => at == 2,
        };
        let style = if coloured {
            mood(app, row.mood)
        } else {
            Style::new()
        };
        Cell::from(placed(text, at, *width, panel)).style(style)
    }))
}

/// A cell's text in its place.
fn placed(text: &str, at: usize, width: u16, panel: Panel) -> String {
    match at < panel.names() {
        true => text.to_owned(),
        false => format!("{text:>width$}", width = usize::from(width)),
    }
}

const HELP: [&str; 14] = [
    "q, Esc, Ctrl-C   quit",
    "p, space         hold the picture",
    "tab, shift-tab   next, previous table",
    "← →              sort by another column",
    "↑ ↓              scroll",
    "",
    "Rates are those of the last ten seconds, percentiles of",
    "requests that ended in the last minute. FIRST: how soon",
    "content comes lately. REQ, ERR: of the last minute.",
    "Spend: what is priced; - where nothing is, + where more",
    "was used than is priced. today: since midnight UTC.",
    "Models that only callers name count as other.",
    "",
    "any key          close this",
];

fn help(app: &App, area: Rect, buffer: &mut Buffer) {
    let width = 62.min(area.width);
    let height = (HELP.len() as u16 + 2).min(area.height);
    let place = Rect::new(
        area.x + (area.width - width) / 2,
        area.y + (area.height - height) / 2,
        width,
        height,
    );
    Clear.render(place, buffer);
    let frame = ratatui::widgets::Block::bordered().title(" gw top ");
    let lines: Vec<Line<'_>> = HELP
        .iter()
        .map(|line| Line::from(format!(" {line}")))
        .collect();
    Paragraph::new(lines)
        .block(frame)
        .style(mood(app, Mood::Plain))
        .render(place, buffer);
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
