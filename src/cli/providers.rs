//! What only providers have: trying them, asking what they serve, replacing the credential.

use super::{
    context::Context,
    credential,
    print::{Format, clean, text},
    verbs,
};
use crate::error::{Error, Kind, Result};
use crate::resources::provider;
use clap::ArgMatches;
use serde_json::{Map, Value, json};

/// `gw provider test`.
pub(crate) async fn test(context: &Context, matches: &ArgMatches) -> Result<()> {
    let remote = context.remote()?;
    let mut names = verbs::names(&provider::KIND, matches)?;
    if names.is_empty() {
        let labels = verbs::chosen::selector(matches);
        let found = verbs::pages::pages(&remote, &provider::KIND, labels, None).await?;
        names = found
            .iter()
            .map(|item| super::context::name_of(item).to_owned())
            .collect();
        if names.is_empty() {
            context.talk(&verbs::chosen::nothing(&provider::KIND, matches));
        }
    }
    let mut body = json!({});
    if let Some(model) = matches.get_one::<String>("model") {
        body["model"] = json!(model);
    }
    let (mut reports, mut problems) = (Vec::new(), verbs::Several::new(names.len()));
    let progress = context.progress("testing providers", Some(names.len() as u64));
    for name in &names {
        progress.say(&format!("testing {name}"));
        let tested = remote.action(&provider::KIND, name, "test", &body).await;
        progress.step(1);
        match tested {
            Ok(report) => {
                let failed = report.get("ok").and_then(Value::as_bool) == Some(false);
                if failed {
                    problems.note(
                        Error::new(
                            Kind::Upstream,
                            format!("provider `{name}`: {}", verdict(&report)),
                        )
                        .hint(hint(&report, name)),
                    )?;
                }
                if !failed || !matches!(context.look.format, Format::Table | Format::Wide) {
                    reports.push(json!({"name": name, "report": report}));
                }
            }
            Err(error) => problems.note(error)?,
        }
    }
    drop(progress);
    match context.look.format {
        Format::Table | Format::Wide => {
            let line = |report: &Value| {
                format!(
                    "tested {}: {}\n",
                    super::context::name_of(report),
                    verdict(report.get("report").unwrap_or(&Value::Null))
                )
            };
            context.data(&reports.iter().map(line).collect::<String>());
        }
        _ => context.data(&context.look.value(&json!({ "items": reports }))?),
    }
    problems.end()
}

/// What to do about a test that failed.
pub(crate) fn hint(report: &Value, name: &str) -> String {
    report
        .get("fix")
        .and_then(Value::as_str)
        .map_or_else(|| format!("gw provider describe {name}"), String::from)
}

/// A test's report in a line: `ok, 61 models (310 ms)`.
pub(crate) fn verdict(report: &Value) -> String {
    let mut line = match (
        report.get("ok").and_then(Value::as_bool),
        report.get("message").and_then(Value::as_str),
    ) {
        (Some(false), message) => clean(message.unwrap_or("failed")),
        (_, Some(message)) if !message.is_empty() => clean(message),
        _ => "ok".into(),
    };
    let count = match report.get("models") {
        Some(Value::Array(models)) => Some(models.len() as u64),
        Some(other) => other.as_u64(),
        None => None,
    };
    if let Some(count) = count {
        let word = if count == 1 { "model" } else { "models" };
        line.push_str(&format!(", {count} {word}"));
    }
    if let Some(millis) = report.get("ms").and_then(Value::as_u64) {
        line.push_str(&format!(" ({millis} ms)"));
    }
    line
}

/// `gw provider discover`.
pub(crate) async fn discover(context: &Context, matches: &ArgMatches) -> Result<()> {
    let name = verbs::name(&provider::KIND, matches)?;
    let found = context
        .remote()?
        .discover(&name, matches.get_flag("enable"))
        .await?;
    match context.look.format {
        Format::Table | Format::Wide => {
            let models = found
                .get("models")
                .or_else(|| found.get("items"))
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            let id = |model: &Value| match model {
                Value::String(id) => clean(id),
                other => clean(&text(
                    other
                        .get("id")
                        .or_else(|| other.get("name"))
                        .unwrap_or(&Value::Null),
                )),
            };
            context.data(
                &models
                    .iter()
                    .map(|model| id(model) + "\n")
                    .collect::<String>(),
            );
            if matches.get_flag("enable") {
                context.talk(&format!("{} models enabled", models.len()));
            }
        }
        _ => context.data(&context.look.value(&found)?),
    }
    Ok(())
}

/// `gw provider rekey`: without a source it asks on a terminal.
pub(crate) async fn rekey(context: &Context, matches: &ArgMatches) -> Result<()> {
    let name = verbs::name(&provider::KIND, matches)?;
    let remote = context.remote()?;
    let mut patch = Map::new();
    let secret = match matches.contains_id("credential") {
        true => credential::given(context, matches, &mut patch)?,
        false => {
            let record = remote.get(&provider::KIND, &name).await?;
            patch.insert(
                "vendor".into(),
                record.get("vendor").cloned().unwrap_or_default(),
            );
            let secret = credential::for_create(context, &remote, matches, &mut patch).await?;
            patch.remove("vendor");
            secret
        }
    };
    if let Some(secret) = &secret {
        patch.insert("credential_value".into(), json!(secret.as_str()));
    }
    if patch.is_empty() {
        return Err(Error::invalid("no credential was given")
            .hint("add --credential-stdin, --credential-env VAR, --credential-file FILE, --credential-ref REF or --passthrough"));
    }
    let record = remote
        .patch(&provider::KIND, &name, &Value::Object(patch), None, &vec![])
        .await?;
    credential::warn(context, &record);
    context.changed(&provider::KIND, &record, "rekeyed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts() {
        for (report, line) in [
            (
                json!({"ok": true, "models": 61, "ms": 310}),
                "ok, 61 models (310 ms)",
            ),
            (json!({"ok": true, "models": ["a"]}), "ok, 1 model"),
            (
                json!({"ok": false, "message": "the credential was refused (401)"}),
                "the credential was refused (401)",
            ),
            (json!({}), "ok"),
        ] {
            assert_eq!(verdict(&report), line);
        }
    }
}
