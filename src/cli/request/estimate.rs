//! `gw request estimate`: what a request would cost at several models, before it is sent. The gateway is asked, which has the
//! records and the newest prices; where none answers, the catalogue of this very program has to do.

use super::ask;
use crate::catalog::{self, Size, forecast};
use crate::cli::context::Context;
use crate::cli::print::{Format, clean, quoted, table, text};
use crate::error::{Error, Kind, Result};
use crate::formats::{count, peek, resembling};
use crate::vendors::VENDORS;
use clap::ArgMatches;
use serde_json::{Value, json};

/// Runs `gw request estimate`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let body = body(matches)?;
    let models: Vec<&String> = matches.get_many("models").into_iter().flatten().collect();
    let named = body.get("model").and_then(Value::as_str).map(str::to_owned);
    let models: Vec<String> = match models.is_empty() {
        true => named.into_iter().collect(),
        false => models.into_iter().cloned().collect(),
    };
    if models.is_empty() {
        return Err(
            Error::invalid("no model was given, and the body names none")
                .param("--model")
                .hint("name some: --model gpt-4o,claude-sonnet-4-5"),
        );
    }
    let key = matches.get_one::<String>("key");
    let cached = matches.get_one::<u8>("cached").copied();
    let max_output = matches.get_one::<u64>("max_tokens").copied();
    let mut question = json!({"models": models, "body": body.to_string()});
    for (name, value) in [
        ("key", key.map(|key| json!(key))),
        ("cached", cached.map(|share| json!(share))),
        ("max_output", max_output.map(|most| json!(most))),
    ] {
        if let Some(value) = value {
            question[name] = value;
        }
    }
    let answer = match context.remote()?.estimate(&question).await {
        Err(error) if error.kind == Kind::NoGateway && key.is_none() => {
            context.talk("no gateway answers: by the catalogue of this program");
            offline(context, &models, &body, max_output, cached)?
        }
        answer => answer?,
    };
    let items = answer.get("items").and_then(Value::as_array);
    let items = items.map(Vec::as_slice).unwrap_or_default();
    match context.look.format {
        Format::Table | Format::Wide => {
            let wide = context.look.format == Format::Wide;
            context.data(&render(items, wide, cached.is_some()));
            for item in items {
                if let Some(error) = item.get("error") {
                    context.talk(&format!(
                        "{}: {}",
                        clean(&text(&item["asked"])),
                        clean(&text(error))
                    ));
                }
            }
        }
        Format::Csv => context.data(&csv(items)),
        _ => context.data(&context.look.value(&answer)?),
    }
    Ok(())
}

/// The request: a file's, or made of a prompt as `gw request` makes it.
fn body(matches: &ArgMatches) -> Result<Value> {
    let given = |id: &str| matches.get_one::<String>(id).map(String::as_str);
    let body = match given("file") {
        Some(file) => {
            let read = match file {
                "-" => std::io::read_to_string(std::io::stdin()),
                file => std::fs::read_to_string(file),
            };
            let text = read.map_err(|error| {
                Error::invalid(format!("cannot read `{}`", file.escape_debug()))
                    .cause(error)
                    .param("--file")
            })?;
            serde_json::from_str(&text).map_err(|error| {
                Error::invalid("the body is not JSON")
                    .cause(error)
                    .param("--file")
            })?
        }
        None => Value::Object(ask::prompt(given("prompt"), given("system"), false)?),
    };
    match body {
        body @ Value::Object(_) => Ok(body),
        _ => Err(Error::invalid("the body is not a JSON object").param("--file")),
    }
}

/// What can be said without a gateway: by what vendors offer.
fn offline(
    context: &Context,
    models: &[String],
    body: &Value,
    max_output: Option<u64>,
    cached: Option<u8>,
) -> Result<Value> {
    let depth = context.config()?.limits.json_depth;
    let depth = usize::try_from(depth).unwrap_or(usize::MAX);
    let written = body.to_string();
    let looked = peek::peek(written.as_bytes(), resembling(body).looks, depth)?;
    let mut items = Vec::new();
    for name in models {
        let rows = VENDORS.iter().map(|vendor| (vendor.id, vendor.catalog));
        let place = catalog::offering(rows, name);
        let known = place.map(|(.., known)| known);
        let model = known.map_or(name.as_str(), |known| known.id);
        let counted = count::tokens(written.as_bytes(), model, catalog::weights(model));
        let size = Size {
            input: counted.tokens,
            exact: counted.exact,
            max_output: max_output.or(looked.max_output),
            cached,
        };
        let at = place.map(|(vendor, ..)| (vendor, model));
        items.push(forecast(name, at, size, &catalog::facts(None, known)));
    }
    Ok(json!({ "items": items }))
}

/// Head, member, whether only `-o wide` has it, and whether it is money.
const COLUMNS: [(&str, &str, bool, bool); 9] = [
    ("MODEL", "asked", false, false),
    ("TARGET", "", false, false),
    ("INPUT", "input", false, false),
    ("CACHED", "cached", false, false),
    ("MAX-OUT", "max_output", false, false),
    ("IN$", "cost_input", false, true),
    ("UP-TO$", "cost", false, true),
    ("COUNTED", "counted", true, false),
    ("PRICE-SOURCE", "price_source", true, false),
];

/// A row a model.
fn render(items: &[Value], wide: bool, cached: bool) -> String {
    let shown = COLUMNS
        .iter()
        .filter(|(head, _, only, _)| (wide || !only) && (cached || *head != "CACHED"));
    let columns: Vec<_> = shown.collect();
    let cell = |item: &Value, (head, member, _, money): &(&str, &str, bool, bool)| {
        let value = match *head {
            "TARGET" => target(item),
            _ => item.get(*member).map(text).unwrap_or_default(),
        };
        match (value.is_empty(), *head) {
            (true, _) => "-".to_owned(),
            // An estimate is nobody's count.
            (false, "INPUT") if item["counted"] == "estimated" => format!("~{}", clean(&value)),
            (false, _) if *money => format!("${}", clean(&value)),
            (false, _) => clean(&value),
        }
    };
    let rows = items
        .iter()
        .map(|item| columns.iter().map(|column| cell(item, column)).collect())
        .collect();
    let heads: Vec<&str> = columns.iter().map(|(head, ..)| *head).collect();
    table(&heads, rows, true)
}

/// Where it would be answered; the model alone where it is called as it was asked for.
fn target(item: &Value) -> String {
    let word = |name: &str| item.get(name).map(text).unwrap_or_default();
    match word("provider") {
        none if none.is_empty() => none,
        provider => format!("{provider}/{}", word("model")),
    }
}

fn csv(items: &[Value]) -> String {
    let members = [
        "asked",
        "provider",
        "model",
        "input",
        "counted",
        "cached",
        "max_output",
        "cost_input",
        "cost",
        "price_source",
    ];
    let mut lines = members.join(",") + "\n";
    for item in items {
        let cells = members.map(|member| quoted(&item.get(member).map(text).unwrap_or_default()));
        lines += &(cells.join(",") + "\n");
    }
    lines
}
