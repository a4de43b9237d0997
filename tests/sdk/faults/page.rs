//! The page that tells what comes of each fault, written from the table.

use super::again::Again;
use super::sdk::{CLASSES, IN_STREAM};
use super::table::{Comes, Failed, ROWS, Row};
use crate::harness::clients;

const PAGE: &str = "docs/faults.md";
const HOW: &str = "GW_BLESS=1 cargo test --test sdk page";

/// Rows that are no matter of one call: what happens, what comes of it, where it is tested.
const LOADS: &[(&str, &str, &str)] = &[(
    "F37",
    "fails half of the requests it is sent",
    "an answer, or the failure where it was tried again often enough: repeats are a fifth of the requests and three a second (`tests/gateway/flapping.rs`)",
)];

fn status(row: &Row, failed: &Failed) -> String {
    match failed.wait {
        None => match row.named(failed) {
            Some(code) => format!("{} `{code}`", failed.told),
            None => failed.told.to_string(),
        },
        Some((least, most)) if least == most => format!("{}, `Retry-After: {most}`", failed.told),
        Some((_, most)) => format!("{}, `Retry-After` up to {most}", failed.told),
    }
}

fn told(row: &Row, comes: Comes) -> String {
    match comes {
        Comes::Answer(answered) => match (answered.classes, answered.usage) {
            (["ok"], "estimated") => "an answer; usage is estimated".into(),
            (["ok"], _) => "an answer".into(),
            _ => "an answer, at the second attempt".into(),
        },
        Comes::Untouched => "the bytes as they came".into(),
        Comes::Fails(failed) | Comes::Stays(failed) | Comes::Refused(failed) => {
            status(row, &failed)
        }
        Comes::Breaks(_) => "content, then an error event".into(),
    }
}

fn next(comes: Comes) -> &'static str {
    match comes {
        Comes::Answer(_) | Comes::Untouched => "",
        Comes::Fails(_) => "that answers",
        Comes::Stays(_) | Comes::Refused(_) => "not asked",
        Comes::Breaks(_) => "not asked: content is out",
    }
}

fn logged(comes: Comes) -> String {
    match comes {
        Comes::Answer(answered) => answered.classes.join(", "),
        Comes::Untouched => "ok".into(),
        Comes::Refused(_) => "no attempt".into(),
        Comes::Fails(failed) | Comes::Stays(failed) | Comes::Breaks(failed) => {
            match failed.status {
                Some(status) => format!("{} {status}", failed.class),
                None => failed.class.to_owned(),
            }
        }
    }
}

/// Both, or one where they are the same.
fn both(whole: String, stream: String) -> String {
    match (whole.as_str(), stream.as_str()) {
        (whole, stream) if whole == stream => whole.to_owned(),
        ("", stream) => format!("streamed: {stream}"),
        _ => format!("{whole}; streamed: {stream}"),
    }
}

fn line(row: &Row) -> String {
    let cell = |of: &dyn Fn(Comes) -> String| both(of(row.whole), of(row.stream));
    let told = |comes| told(row, comes);
    let then = match row.then {
        Some((alone, _)) => format!("; then {}", told(alone)),
        None => String::new(),
    };
    let otherwise = match row.translated {
        Some((whole, _)) if told(whole) != told(row.whole) => {
            format!("; in another format: {}", told(whole))
        }
        _ => String::new(),
    };
    format!(
        "| {} | {} | {}{then}{otherwise} | {} | {} |\n",
        row.id,
        row.fault,
        cell(&told),
        cell(&|comes| next(comes).to_owned()),
        cell(&logged)
    )
}

fn classes() -> String {
    let again = |status: u16| {
        let row = ROWS.iter().find_map(|row| match row.whole {
            Comes::Fails(failed) | Comes::Stays(failed) if failed.told == status => Again::of(row),
            _ => None,
        });
        match row {
            Some(true) => "yes",
            Some(false) => "no",
            None => "",
        }
    };
    let line = |name: &str,
                [py_openai, py_anthropic, js_openai, js_anthropic]: [&str; 4],
                again: &str| {
        format!(
            "| {name} | `{py_openai}` | `{py_anthropic}` | `{js_openai}` | `{js_anthropic}` | {again} |\n"
        )
    };
    let mut lines: String = CLASSES
        .iter()
        .map(|(status, names)| line(&status.to_string(), *names, again(*status)))
        .collect();
    lines += &line("in a stream", IN_STREAM, "no");
    lines
}

fn page() -> String {
    let rows: String = ROWS
        .iter()
        .filter(|row| row.id != "F00" && row.kind != "honest")
        .map(line)
        .collect();
    let loads: String = LOADS
        .iter()
        .map(|(id, fault, comes)| format!("| {id} | {fault} | {comes} | | |\n"))
        .collect();
    format!(
        "# Faults of providers

<!-- Written by a test: {HOW} -->

What can go wrong at a provider, and what comes of it. Each row is run by `tests/sdk/faults` with the simulator (`gw mock`) as the provider and the official
clients of OpenAI and Anthropic, in Python and JavaScript, as callers: in the caller's format and in the other one, whole and streamed, alone and with
another target behind. How failures are classed and which of them move on stands in [routing.md](routing.md).

| | a provider … | a caller without another target sees | the next target | the log says |
|---|---|---|---|---|
{rows}{loads}
Errors are in the caller's format (what is in code type is `error.code`, where the format has one), with `x-gw-origin: gateway` where gw words them and `provider` where it passes the provider's own on. A stream that breaks ends
with an error event in the caller's format and without its end mark; the row says `failed_after_commit` and its usage is estimated.

## What clients make of it

| status | Python `openai` | Python `anthropic` | JavaScript `openai` | JavaScript `@anthropic-ai/sdk` | comes again by itself |
|---|---|---|---|---|---|
{}
Clients come again when `Retry-After` is over. Of one of minutes each thinks otherwise, as their sources have it: Anthropic's wait it out, Python's `openai` gives
up beyond two, JavaScript's comes sooner beyond one.
",
        classes()
    )
}

#[test]
fn the_page_is_what_the_table_says() {
    let path = clients::root().join(PAGE);
    if std::env::var_os("GW_BLESS").is_some() {
        return std::fs::write(path, page()).unwrap();
    }
    let stands = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        stands.replace("\r\n", "\n") == page(),
        "{PAGE} is out of date; write it with: {HOW}"
    );
}
