//! `gw request check`: what would become of a request's fields at a provider. The gateway knows the provider and is
//! asked; nothing is sent to anybody.

use crate::cli::context::Context;
use crate::cli::print::{Format, aligned, clean, text};
use crate::error::{Error, Result};
use clap::ArgMatches;
use serde_json::{Value, json};

/// Runs `gw request check`. What would be refused is printed, and fails as the request would.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let given = |id: &str| matches.get_one::<String>(id).map(String::as_str);
    let mut question = json!({"to": given("to"), "body": body(given("file").unwrap_or("-"))?});
    if let Some(format) = given("caller_format") {
        question["format"] = json!(format);
    }
    let answer = context.remote()?.check(&question).await?;
    match context.look.format {
        Format::Table | Format::Wide => context.data(&render(&answer)),
        _ => context.data(&context.look.value(&answer)?),
    }
    match &answer["refused"] {
        Value::Null => Ok(()),
        refused => {
            let error = Error::invalid(clean(&text(&refused["message"])));
            Err(error.hint(clean(&text(&refused["fix"]))))
        }
    }
}

fn body(file: &str) -> Result<String> {
    let read = match file {
        "-" => std::io::read_to_string(std::io::stdin()),
        file => std::fs::read_to_string(file),
    };
    read.map_err(|error| {
        Error::invalid(format!("cannot read `{}`", file.escape_debug()))
            .cause(error)
            .param("--file")
    })
}

/// The answer as lines.
fn render(answer: &Value) -> String {
    let word = |name: &str| clean(&text(&answer[name]));
    let taken = match answer["format_given"] == true {
        true => word("format"),
        false => format!("{} (it looks like that)", word("format")),
    };
    let mut to = format!("{}/{}", word("provider"), word("model"));
    if answer["way"].is_string() {
        to += &format!(" as {}, {}", word("upstream_format"), word("way"));
    }
    let mut rows = vec![vec!["format".into(), taken], vec!["to".into(), to]];
    if answer["url"].is_string() {
        rows.push(vec!["url".into(), word("url")]);
    }
    for name in ["carried", "changed", "adapted", "dropped"] {
        let names = answer[name].as_array().into_iter().flatten();
        let names: Vec<String> = names.map(|name| clean(&text(name))).collect();
        if !names.is_empty() {
            rows.push(vec![name.into(), names.join(", ")]);
        }
    }
    if let Some(field) = answer
        .pointer("/refused/field")
        .filter(|field| !field.is_null())
    {
        rows.push(vec!["refused".into(), clean(&text(field))]);
    }
    aligned(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_lines() {
        let answer = json!({"provider": "p", "model": "m", "format": "openai-chat", "format_given": false,
            "upstream_format": "anthropic-messages", "way": "translated", "url": "https://h/messages", "carried": ["model", "messages"],
            "changed": [], "adapted": ["response_format"], "dropped": ["seed", "logit_bias"], "refused": null});
        assert_eq!(
            render(&answer),
            "format    openai-chat (it looks like that)\n\
             to        p/m as anthropic-messages, translated\n\
             url       https://h/messages\n\
             carried   model, messages\n\
             adapted   response_format\n\
             dropped   seed, logit_bias\n"
        );
    }
}
