//! `gw logs replay ID`: a logged request sent again, as it was or to other models, and the answers side by side.

use super::super::{
    context::Context,
    print::{Format, aligned, clean, columns, visible},
    request::{self, Answer},
};
use super::{resend, row as log_row};
use crate::error::{Error, Kind, Result};
use crate::resources::route;
use clap::ArgMatches;
use serde_json::{Value, json};
use std::time::Duration;
use unicode_width::UnicodeWidthChar;

/// Columns a text needs to stand beside another, and between two.
const COLUMN: usize = 36;
const GAP: usize = 3;

/// Runs `gw logs replay`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let id = matches.get_one::<String>("id").cloned().unwrap_or_default();
    let remote = context.remote()?;
    let row = remote.log(&id).await?;
    resend::plain(&row)?;
    let below = match matches.get_one::<String>("route") {
        Some(name) => Some(path_of(&remote.get(&route::KIND, name).await?, name)?),
        None => None,
    };
    let asked: Vec<Option<String>> = match matches.get_many::<String>("model") {
        Some(models) => models.cloned().map(Some).collect(),
        None => vec![None],
    };
    let mut sides = vec![before(&row)];
    for model in &asked {
        let sent = resend::sent(&row, model.as_deref())?;
        let mut body: Value = serde_json::from_str(sent.body).map_err(|error| {
            Error::invalid(
                "the body of this request is not JSON, or was changed by a pattern of logs.redact",
            )
            .cause(error)
        })?;
        if let (Some(model), false) = (model, sent.model_in_path)
            && let Value::Object(members) = &mut body
        {
            members.insert("model".into(), json!(model));
        }
        let path = match &below {
            Some(start) => format!("{start}{}", own_path(&row, &sent.path)),
            None => sent.path,
        };
        let name = model.clone().or_else(|| field(&row, "requested_model"));
        let name = name.unwrap_or_else(|| "again".into());
        let progress = context.progress(&format!("asking {name}"), None);
        let answer = request::resend(context, matches, &path, body).await?;
        let logged = match answer.request_id() {
            Some(id) => written(context, id).await,
            None => None,
        };
        drop(progress);
        sides.push(after(name, &answer, logged.as_ref()));
    }
    let truncated = row.pointer("/content/truncated") == Some(&Value::Bool(true));
    if truncated {
        context.talk("the logged answer was longer than is kept: its text ends early");
    }
    match context.look.format {
        Format::Table | Format::Wide => {
            context.data(&render(&sides, columns().unwrap_or(80)));
        }
        _ => {
            let answers: Vec<Value> = sides.into_iter().map(Side::shown).collect();
            let all = json!({"request_id": row.get("id"), "answers": answers});
            context.data(&context.look.found(&all)?);
        }
    }
    Ok(())
}

/// The path that a route is bound to.
fn path_of(record: &Value, name: &str) -> Result<String> {
    let path = record.pointer("/path").and_then(Value::as_str);
    path.filter(|path| !path.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| {
            Error::invalid(format!(
                "route `{name}` is not bound to a path: what comes to it is up to the key"
            ))
            .hint("give the key of a caller it is for: --key-file FILE")
        })
}

/// The path of a request without the one its route was bound to.
fn own_path<'a>(row: &Value, path: &'a str) -> &'a str {
    let below = row.get("path").is_some();
    let start = if below { path.find("/v1") } else { None };
    start.map_or(path, |start| &path[start..])
}

fn field(row: &Value, name: &str) -> Option<String> {
    row.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// The row of a request that has just been answered: it is written behind the answer, and not at all where its key keeps
/// none.
async fn written(context: &Context, id: &str) -> Option<Value> {
    let remote = context.remote().ok()?;
    for _ in 0..20 {
        match remote.log(id).await {
            Ok(row) => return Some(row),
            Err(error) if error.kind == Kind::NotFound => {
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
            Err(_) => return None,
        }
    }
    None
}

/// One answer.
#[derive(Clone, Debug, Default)]
struct Side {
    name: String,
    target: Option<String>,
    status: Option<u64>,
    input: Option<u64>,
    output: Option<u64>,
    cost: Option<String>,
    latency_ms: Option<u64>,
    ttft_ms: Option<u64>,
    id: Option<String>,
    text: String,
}

impl Side {
    /// What a row says of tokens, cost, time and target.
    fn figures(&mut self, row: &Value) {
        let number = |path: &str| row.pointer(path).and_then(Value::as_u64);
        let told = field(row, "usage_source").is_some_and(|source| source != "none");
        let usage = |names: &[&str]| {
            let sum = names
                .iter()
                .filter_map(|name| number(&format!("/usage/{name}")));
            told.then(|| sum.sum())
        };
        self.input = usage(&[
            "input",
            "cache_read",
            "cache_write",
            "cache_write_5m",
            "cache_write_1h",
        ]);
        self.output = usage(&["output", "reasoning"]);
        self.cost = field(row, "cost");
        self.status = number("/status");
        self.latency_ms = number("/latency_ms");
        self.ttft_ms = number("/ttft_ms");
        self.id = field(row, "id");
        self.target = match (field(row, "provider"), field(row, "model")) {
            (Some(provider), Some(model)) => Some(format!("{provider}/{model}")),
            (provider, _) => provider,
        };
    }

    fn shown(self) -> Value {
        json!({
            "asked": self.name, "target": self.target, "status": self.status, "input": self.input, "output": self.output,
            "cost": self.cost, "latency_ms": self.latency_ms, "ttft_ms": self.ttft_ms, "request_id": self.id,
            "text": self.text,
        })
    }
}

/// The logged answer.
fn before(row: &Value) -> Side {
    let mut side = Side {
        name: "logged".into(),
        ..Side::default()
    };
    side.figures(row);
    let kept = row
        .pointer("/content/response/text")
        .and_then(Value::as_str);
    side.text = match kept {
        Some(body) => request::text_of(body),
        None => format!("({})", super::content::why_none(row)),
    };
    side
}

/// The answer to a request sent again; `row`: what the log has of it.
fn after(name: String, answer: &Answer, row: Option<&Value>) -> Side {
    let mut side = Side {
        name,
        text: answer.text(),
        ..Side::default()
    };
    let number = |path: &str| answer.facts.pointer(path).and_then(Value::as_u64);
    let text = |path: &str| {
        answer
            .facts
            .pointer(path)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    match row {
        Some(row) => side.figures(row),
        None => {
            side.status = number("/status");
            side.input = number("/usage/input");
            side.output = number("/usage/output");
            side.cost = text("/cost");
            side.latency_ms = number("/latency_ms");
            side.ttft_ms = number("/ttft_ms");
            side.id = text("/request_id");
            side.target = text("/route/provider");
        }
    }
    if let Some(message) = text("/error/message") {
        side.text = format!("error: {message}");
    }
    side
}

/// Figures in a table, and the texts beside each other where there is room, below each other where not.
fn render(sides: &[Side], width: usize) -> String {
    let number = |value: Option<u64>| value.map_or_else(|| "-".into(), |value| value.to_string());
    let span = |value: Option<u64>| value.map_or_else(|| "-".into(), log_row::span);
    let text = |value: &Option<String>| {
        value
            .as_deref()
            .map_or_else(|| "-".into(), |it| clean(it).to_string())
    };
    let line = |name: &str, of: &dyn Fn(&Side) -> String| {
        let cells = sides.iter().map(of);
        std::iter::once(name.to_owned())
            .chain(cells)
            .collect::<Vec<String>>()
    };
    let mut out = aligned(vec![
        line("", &|side| clean(&side.name).to_string()),
        line("target", &|side| text(&side.target)),
        line("status", &|side| number(side.status)),
        line("input", &|side| number(side.input)),
        line("output", &|side| number(side.output)),
        line("cost", &|side| match &side.cost {
            Some(cost) if cost.starts_with(|first: char| first.is_ascii_digit()) => {
                format!("${cost}")
            }
            cost => text(cost),
        }),
        line("latency", &|side| span(side.latency_ms)),
        line("ttft", &|side| span(side.ttft_ms)),
    ]);
    let room = (width + GAP) / sides.len().max(1);
    if room >= COLUMN + GAP {
        let room = room - GAP;
        let texts: Vec<Vec<String>> = sides
            .iter()
            .map(|side| {
                let head = [
                    clean(&side.name).to_string(),
                    text(&side.id),
                    "─".repeat(room),
                ];
                head.into_iter().chain(wrapped(&side.text, room)).collect()
            })
            .collect();
        let lines = texts.iter().map(Vec::len).max().unwrap_or(0);
        out.push('\n');
        for at in 0..lines {
            let cells = texts
                .iter()
                .map(|column| column.get(at).map_or("", String::as_str));
            let mut whole = String::new();
            for cell in cells {
                let wide: usize = cell.chars().filter_map(UnicodeWidthChar::width).sum();
                whole.push_str(cell);
                whole.push_str(&" ".repeat(room.saturating_sub(wide) + GAP));
            }
            out.push_str(whole.trim_end());
            out.push('\n');
        }
        return out;
    }
    for side in sides {
        out.push_str(&format!("\n{} {}:\n", clean(&side.name), text(&side.id)));
        for line in wrapped(&side.text, width) {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

/// Text in lines of at most so many columns, broken between words where that is possible.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in visible(text).trim_end().split('\n') {
        let (mut line, mut wide) = (String::new(), 0);
        for word in paragraph.split_inclusive(' ') {
            let long: usize = word
                .trim_end()
                .chars()
                .filter_map(UnicodeWidthChar::width)
                .sum();
            if wide > 0 && wide + long > width {
                lines.push(std::mem::take(&mut line));
                wide = 0;
            }
            for letter in word.chars() {
                let columns = letter.width().unwrap_or(0);
                if wide + columns > width && letter != ' ' {
                    lines.push(std::mem::take(&mut line));
                    wide = 0;
                }
                line.push(letter);
                wide += columns;
            }
        }
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn sides() -> Vec<Side> {
        let side = |name: &str, cost: Option<&str>, text: &str| Side {
            name: name.into(),
            target: Some(format!("openai/{name}")),
            status: Some(200),
            input: Some(12),
            output: Some(3),
            cost: cost.map(str::to_owned),
            latency_ms: Some(1212),
            ttft_ms: None,
            id: Some("req_1".into()),
            text: text.into(),
        };
        vec![
            side(
                "logged",
                Some("0.000075"),
                "Paris is the capital of France, and has been for long.\nYes.",
            ),
            side("b", None, "Paris\u{1b}[2J."),
        ]
    }

    #[test]
    fn answers_stand_beside_each_other_where_there_is_room() {
        let wide = render(&sides(), 80);
        let figures = "          logged          b\ntarget    openai/logged   openai/b\nstatus    200             200\ninput     12              12\noutput    3               3\ncost      $0.000075       -\nlatency   1.2s            1.2s\nttft      -               -\n";
        let line = "─".repeat(38);
        assert_eq!(
            wide,
            format!(
                "{figures}\nlogged                                   b\nreq_1                                    req_1\n{line}   {line}\nParis is the capital of France, and      Paris\\u001b[2J.\nhas been for long.\nYes.\n"
            )
        );
        let narrow = render(&sides(), 60);
        assert_eq!(
            narrow,
            format!(
                "{figures}\nlogged req_1:\nParis is the capital of France, and has been for long.\nYes.\n\nb req_1:\nParis\\u001b[2J.\n"
            )
        );
    }

    #[test]
    fn no_line_is_wider_than_there_is_room() {
        for width in [8, 13, 40] {
            for line in wrapped(
                "one two  three verylongwordwithoutanyend 日本語のテキスト\n\nx",
                width,
            ) {
                let wide: usize = line
                    .trim_end()
                    .chars()
                    .filter_map(UnicodeWidthChar::width)
                    .sum();
                assert!(wide <= width, "{line:?}");
            }
        }
    }
}
