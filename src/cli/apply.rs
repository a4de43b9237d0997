//! `gw apply`: everything in files made so, all or nothing.

use super::{context::Context, files, print::Format, progress};
use crate::error::Result;
use crate::stdio;
use clap::ArgMatches;
use serde_json::{Map, Value, json};

/// Runs `gw apply`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    let items = records(matches)?;
    let dry_run = matches.get_flag("dry_run");
    let prune = matches.get_flag("prune");
    let mut body = request(&items, matches);
    body["dry_run"] = json!(dry_run);
    if context.look.format == Format::Csv {
        // Refused before anything is made: an answer that cannot be printed would take new secrets with it.
        context.look.value(&json!({}))?;
    }
    let progress = context.progress(&format!("applying {} records", items.len()), None);
    let answer = context.remote_for_many()?.apply(&body).await;
    let answer = answer.map_err(|error| files::located(&items, error))?;
    drop(progress);
    let results = answer
        .get("items")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let shown = match context.look.format {
        Format::Table | Format::Wide if context.quiet => String::new(),
        Format::Table | Format::Wide => render(&answer, &results, dry_run, prune),
        Format::Name => results
            .iter()
            .map(|item| format!("{}/{}\n", field(item, "kind"), field(item, "name")))
            .collect::<String>(),
        _ => context.look.value(&answer)?,
    };
    // Keys made without a secret of their own: this is the only time it is there to be shown.
    let say = |lines: Vec<String>| progress::beside(|| lines.iter().for_each(stdio::say));
    let beside = left_out(&results, &shown);
    let inside: Vec<String> = left_out(&results, "")
        .into_iter()
        .filter(|line| !beside.contains(line))
        .collect();
    say(beside);
    if inside.is_empty() {
        context.data(&shown);
        return Ok(());
    }
    // What does not get out with the data is said beside it.
    stdio::data(shown.as_bytes()).map_err(|undelivered| {
        say(inside);
        undelivered.into_error()
    })
}

/// A line for each new secret that the data does not hold, whatever its format.
fn left_out(results: &[Value], shown: &str) -> Vec<String> {
    results
        .iter()
        .filter_map(|item| Some((field(item, "name"), item.get("secret")?.as_str()?)))
        .filter(|(_, secret)| !shown.contains(secret))
        .map(|(name, secret)| format!("key/{name} has a new secret, shown this once: {secret}"))
        .collect()
}

/// The records of the files given; none is a mistake, unless everything is to be pruned.
pub(crate) fn records(matches: &ArgMatches) -> Result<Vec<files::Item>> {
    let given: Vec<&String> = matches.get_many("file").into_iter().flatten().collect();
    let items = files::read(&given)?;
    match items.is_empty() && !matches.get_flag("prune") {
        true => Err(files::empty()),
        false => Ok(items),
    }
}

/// The records as the admin API takes them: each with its kind.
pub(crate) fn bodies(items: &[files::Item]) -> Vec<Value> {
    let body = |item: &files::Item| {
        let mut body = Map::from_iter([("kind".to_owned(), json!(item.kind.name))]);
        body.extend(item.body.clone());
        Value::Object(body)
    };
    items.iter().map(body).collect()
}

/// The request that says what files say.
pub(crate) fn request(items: &[files::Item], matches: &ArgMatches) -> Value {
    let mut body = json!({ "items": bodies(items) });
    if let Some(owner) = matches.get_one::<String>("owner") {
        body["owner"] = json!(owner);
    }
    for flag in ["prune", "force_conflicts"] {
        body[flag] = json!(matches.get_flag(flag));
    }
    body
}

pub(crate) fn field<'a>(item: &'a Value, name: &str) -> &'a str {
    item.get(name).and_then(Value::as_str).unwrap_or("-")
}

/// A line a record, and the total.
fn render(answer: &Value, results: &[Value], dry_run: bool, prune: bool) -> String {
    let mut text: String = results
        .iter()
        .map(|item| {
            format!(
                "{}/{} {}\n",
                field(item, "kind"),
                field(item, "name"),
                field(item, "result")
            )
        })
        .collect();
    let count = |name: &str| answer.get(name).and_then(Value::as_u64).unwrap_or(0);
    let words = ["created", "configured", "unchanged"]
        .into_iter()
        .chain(prune.then_some("pruned"));
    text.push_str(
        &words
            .map(|word| format!("{} {word}", count(word)))
            .collect::<Vec<_>>()
            .join(", "),
    );
    text.push_str(if dry_run {
        " (dry run, nothing changed)\n"
    } else {
        "\n"
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_data_leaves_out_is_said() {
        let items = [
            json!({"kind": "user", "name": "u"}),
            json!({"kind": "key", "name": "a", "secret": "sk-gw-a"}),
            json!({"kind": "key", "name": "b", "secret": "sk-gw-b"}),
        ];
        assert_eq!(left_out(&items, "sk-gw-a sk-gw-b"), [""; 0]);
        assert_eq!(
            left_out(&items, "sk-gw-a"),
            ["key/b has a new secret, shown this once: sk-gw-b"]
        );
    }

    #[test]
    fn a_line_a_record_and_the_total() {
        let answer = json!({"items": [{"kind": "user", "name": "a", "result": "created"}, {"kind": "key", "name": "k", "result": "unchanged"}], "created": 1, "configured": 0, "unchanged": 1, "pruned": 0});
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        assert_eq!(
            render(&answer, &items, false, false),
            "user/a created\nkey/k unchanged\n1 created, 0 configured, 1 unchanged\n"
        );
        assert_eq!(
            render(&answer, &items[..0], true, true),
            "1 created, 0 configured, 1 unchanged, 0 pruned (dry run, nothing changed)\n"
        );
    }
}
