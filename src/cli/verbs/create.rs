//! `create`: a new record, checked here by the same function the gateway runs.

use super::name;
use crate::cli::{
    context::Context,
    credential,
    fields::{self, Mode},
    remote::Query,
    routes,
};
use crate::error::{Error, Kind, Result};
use crate::resources::{self, KindId};
use clap::ArgMatches;
use serde_json::{Map, Value, json};

/// Runs `gw KIND create`.
pub(crate) async fn run(
    context: &Context,
    kind: &'static resources::Kind,
    matches: &ArgMatches,
) -> Result<()> {
    let name = name(kind, matches)?;
    let mut spec = spec(kind, matches)?;
    if kind.id == KindId::Route {
        routes::targets(matches, &mut spec)?;
    }
    let remote = context.remote()?;
    let mut secret = None;
    if kind.id == KindId::Provider {
        secret = credential::for_create(context, &remote, matches, &mut spec).await?;
    }
    let wanted = (kind.check)(spec.clone())?;
    let mut body = spec.clone();
    body.insert("name".into(), json!(name));
    if let Some(secret) = &secret {
        body.insert("credential_value".into(), json!(secret.as_str()));
    }
    match remote
        .create(kind, &Value::Object(body), &options(kind, matches))
        .await
    {
        Ok(record) => created(context, kind, &record, matches),
        Err(error) if error.kind == Kind::Conflict && matches.get_flag("if_not_exists") => {
            match remote.get(kind, &name).await {
                Ok(record) => unchanged(context, kind, &record, &spec, &wanted),
                Err(_) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// The fields given, with `--disabled`.
pub(crate) fn spec(
    kind: &'static resources::Kind,
    matches: &ArgMatches,
) -> Result<Map<String, Value>> {
    let mut spec = fields::body(kind, matches, Mode::Create)?;
    if matches.get_flag("disabled") {
        spec.insert("enabled".into(), json!(false));
    }
    Ok(spec)
}

/// Query parameters of a creation.
fn options(kind: &'static resources::Kind, matches: &ArgMatches) -> Query {
    let mut options = Query::new();
    if matches.get_flag("dry_run") {
        options.push(("dry_run", "true".into()));
    }
    if kind.id == KindId::Provider {
        let verify = matches.get_one::<bool>("verify").copied().unwrap_or(true);
        options.push(("verify", verify.to_string()));
    }
    options
}

fn created(
    context: &Context,
    kind: &'static resources::Kind,
    record: &Value,
    matches: &ArgMatches,
) -> Result<()> {
    if let Some(test) = record.get("test") {
        context.talk(&format!(
            "tested {}: {}",
            super::super::context::name_of(record),
            crate::cli::providers::verdict(test)
        ));
    }
    let what = if matches.get_flag("dry_run") {
        "would be created (dry run)"
    } else {
        credential::warn(context, record);
        "created"
    };
    context.changed(kind, record, what)
}

/// The record is there: fine when what was asked for is what it holds.
pub(crate) fn unchanged(
    context: &Context,
    kind: &'static resources::Kind,
    record: &Value,
    asked: &Map<String, Value>,
    wanted: &Map<String, Value>,
) -> Result<()> {
    let name = super::super::context::name_of(record);
    match differences(kind, record, asked, wanted).as_slice() {
        [] => context.changed(kind, record, "unchanged"),
        fields => Err(Error::new(
            Kind::Conflict,
            format!(
                "{} `{name}` exists with another `{}`",
                kind.name,
                fields.join("`, `")
            ),
        )
        .hint(format!("change it with: gw {} set {name}", kind.name))),
    }
}

/// The fields asked for that the record has otherwise. Times count from now, so they never compare equal.
fn differences(
    kind: &'static resources::Kind,
    record: &Value,
    asked: &Map<String, Value>,
    wanted: &Map<String, Value>,
) -> Vec<String> {
    let time = |name: &str| {
        kind.fields
            .iter()
            .any(|field| field.name == name && field.shape == resources::Shape::Time)
    };
    let given = asked
        .keys()
        .filter(|name| !time(name) && *name != "credential");
    given
        .filter(|name| wanted.get(*name) != record.get(*name))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_asked_for_is_compared() {
        let map = |value: Value| value.as_object().cloned().unwrap_or_default();
        let kind = resources::KINDS[1];
        let record = json!({"name": "k", "user": "ann", "expires": "2026-01-01T00:00:00.000Z", "environment": "ci"});
        let asked = map(json!({"user": "ann", "expires": "2027-01-01T00:00:00.000Z"}));
        assert_eq!(
            differences(kind, &record, &asked, &asked),
            Vec::<String>::new()
        );
        let other = map(json!({"user": "bob", "direct": ["x"]}));
        assert_eq!(
            differences(kind, &record, &other, &other),
            ["user", "direct"]
        );
    }
}
