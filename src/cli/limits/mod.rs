//! `gw KIND limits`: how the limits of records stand, and ways to change some of them. Must not know how they are counted.

mod flags;
mod table;

pub(crate) use flags::{SUGAR, Sugar, given};

use super::{
    context::{Context, name_of},
    print::{self, Format},
    remote::{Query, Remote},
    verbs,
};
use crate::error::{Error, Result, nearest};
use crate::resources::{Kind, LIMITS, SESSION_LIMITS, Stamp, limit::Limit};
use clap::ArgMatches;
use serde_json::{Map, Value, json};

/// Runs `gw KIND limits …`.
pub(crate) async fn run(
    context: &Context,
    kind: &'static Kind,
    matches: &ArgMatches,
) -> Result<()> {
    match matches.subcommand() {
        Some(("set", sub)) => set(context, kind, sub).await,
        Some(("unset", sub)) => unset(context, kind, sub).await,
        Some(("reset", sub)) => reset(context, kind, sub).await,
        _ => show(context, kind, matches).await,
    }
}

async fn show(context: &Context, kind: &'static Kind, matches: &ArgMatches) -> Result<()> {
    let remote = context.remote()?;
    let mut names = verbs::names(kind, matches)?;
    let named = !names.is_empty();
    if !named {
        let all = verbs::pages::pages(&remote, kind, None, None).await?;
        names = all.iter().map(|item| name_of(item).to_owned()).collect();
    }
    let sessions = has_sessions(kind) && matches.get_flag("sessions");
    let (mut found, mut problems) = (Vec::new(), verbs::Several::new(names.len()));
    for name in &names {
        match remote.limits(kind, name, sessions).await {
            Ok(limits) => found.push(limits),
            Err(error) => problems.note(error)?,
        }
    }
    if !named {
        found.retain(table::any);
    }
    match &context.look.format {
        Format::Table | Format::Wide => {
            for limits in found.iter().filter(|limits| !table::any(limits)) {
                let name = name_of(limits);
                context.talk(&format!(
                    "{} `{name}` has no limits; give it some: gw {0} limits set {name} --limit tokens=100000/hour",
                    kind.name
                ));
            }
            if !named && found.is_empty() {
                context.talk(&format!("no {} with limits", kind.name));
            }
            context.data(&table::render(&found, print::columns(), Stamp::now()));
        }
        // Of none that is there, nothing is said.
        _ if found.is_empty() && named => {}
        _ => match (named, found.as_slice()) {
            (true, [one]) if names.len() == 1 => context.data(&context.look.found(one)?),
            _ => context.data(&context.look.value(&json!({ "items": found }))?),
        },
    }
    problems.end()
}

/// Whether records of a kind have sessions.
pub(crate) fn has_sessions(kind: &Kind) -> bool {
    let mut fields = kind.fields.iter();
    fields.any(|field| field.name == SESSION_LIMITS.name)
}

/// Puts the limits given in the place of those of the same name, and beside the others.
async fn set(context: &Context, kind: &'static Kind, matches: &ArgMatches) -> Result<()> {
    let shadow = matches.get_flag("shadow");
    let mut given_for = Vec::new();
    for field in [&LIMITS, &SESSION_LIMITS] {
        if field.name == SESSION_LIMITS.name && !has_sessions(kind) {
            continue;
        }
        if let Some(list) = given(field, matches)? {
            let mut limits = read(&list);
            limits.iter_mut().for_each(|limit| limit.shadow |= shadow);
            given_for.push((field.name, limits));
        }
    }
    if given_for.is_empty() {
        return Err(Error::invalid("no limit was given").hint(format!(
            "such as: gw {} limits set NAME --limit tokens=100000/hour",
            kind.name
        )));
    }
    change(context, kind, matches, |record| {
        let mut patch = Map::new();
        for (field, limits) in &given_for {
            let mut all = held(record, field);
            for limit in limits {
                match all.iter_mut().find(|it| it.name() == limit.name()) {
                    Some(there) => *there = *limit,
                    None => all.push(*limit),
                }
            }
            patch.insert((*field).into(), json!(all));
        }
        Ok(patch)
    })
    .await
}

/// Takes limits away by their names.
async fn unset(context: &Context, kind: &'static Kind, matches: &ArgMatches) -> Result<()> {
    let of_sessions = has_sessions(kind) && matches.get_flag("session");
    let field = match of_sessions {
        true => SESSION_LIMITS.name,
        false => LIMITS.name,
    };
    let names = matches.get_many::<String>("limits").into_iter().flatten();
    let names: Vec<String> = names.map(|text| named(text)).collect::<Result<_>>()?;
    change(context, kind, matches, |record| {
        let mut all = held(record, field);
        for name in &names {
            let at = all.iter().position(|limit| limit.name() == *name);
            let at = at.ok_or_else(|| unknown(kind, name_of(record), name, &all))?;
            all.remove(at);
        }
        Ok(Map::from_iter([(field.to_owned(), json!(all))]))
    })
    .await
}

/// Patches the one record named, as it is now.
async fn change(
    context: &Context,
    kind: &'static Kind,
    matches: &ArgMatches,
    patch: impl Fn(&Value) -> Result<Map<String, Value>>,
) -> Result<()> {
    let name = verbs::name(kind, matches)?;
    let remote = context.remote()?;
    let before = remote.get(kind, &name).await?;
    let seen = before.get("version").and_then(Value::as_u64);
    let patch = Value::Object(patch(&before)?);
    let mut options = Query::new();
    let dry_run = matches.get_flag("dry_run");
    if dry_run {
        options.push(("dry_run", "true".into()));
    }
    let record = remote.patch(kind, &name, &patch, seen, &options).await?;
    let what = match record.get("result").and_then(Value::as_str) {
        Some("unchanged") => "unchanged",
        _ if dry_run => "would be configured (dry run)",
        _ => "configured",
    };
    context.changed(kind, &record, what)
}

/// Counts anew from nothing.
async fn reset(context: &Context, kind: &'static Kind, matches: &ArgMatches) -> Result<()> {
    let name = verbs::name(kind, matches)?;
    let remote = context.remote()?;
    let limits = matches.get_many::<String>("limits").into_iter().flatten();
    let limits: Vec<String> = limits.map(|text| named(text)).collect::<Result<_>>()?;
    let reason = matches.get_one::<String>("reason");
    let mut done = match limits.is_empty() {
        true => vec![reset_one(&remote, kind, &name, None, reason).await?],
        false => Vec::new(),
    };
    for limit in &limits {
        done.push(reset_one(&remote, kind, &name, Some(limit), reason).await?);
    }
    match &context.look.format {
        Format::Table | Format::Wide if context.quiet => {}
        Format::Table | Format::Wide => {
            let what = match limits.is_empty() {
                true => "all its limits".to_owned(),
                false => limits.join(", "),
            };
            context.data(&format!("{}/{name} counts anew: {what}\n", kind.name));
        }
        _ => context.data(&context.look.found(done.last().unwrap_or(&Value::Null))?),
    }
    Ok(())
}

async fn reset_one(
    remote: &Remote,
    kind: &'static Kind,
    name: &str,
    limit: Option<&String>,
    reason: Option<&String>,
) -> Result<Value> {
    let mut body = Map::new();
    for (field, text) in [("limit", limit), ("reason", reason)] {
        body.extend(text.map(|text| (field.to_owned(), json!(text))));
    }
    remote.reset_limits(kind, name, &Value::Object(body)).await
}

fn read(list: &Value) -> Vec<Limit> {
    serde_json::from_value(list.clone()).unwrap_or_default()
}

/// The limits that a shown record has in a field.
fn held(record: &Value, field: &str) -> Vec<Limit> {
    record.get(field).map(read).unwrap_or_default()
}

/// The name of a limit as somebody wrote it: `tokens/hour`, also `tokens/rolling-hour` and `tokens=5/hour`.
fn named(text: &str) -> Result<String> {
    let whole = match text.split_once('/') {
        _ if text.contains('=') => text.to_owned(),
        Some((metric, window)) => format!("{metric}=0/{window}"),
        None => format!("{text}=0"),
    };
    let limit = whole.parse::<Limit>().map_err(|error| Error {
        message: match error.message.starts_with('`') && error.message.contains("not a limit") {
            true => format!("`{}` is not the name of a limit", text.escape_debug()),
            false => error.message,
        },
        hint: Some("write METRIC/WINDOW, such as tokens/hour, or parallel".into()),
        ..error
    })?;
    Ok(limit.name())
}

fn unknown(kind: &Kind, record: &str, name: &str, there: &[Limit]) -> Error {
    let names: Vec<String> = there.iter().map(Limit::name).collect();
    let error = Error::not_found(format!("{} `{record}` has no limit `{name}`", kind.name));
    match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => error.hint(format!("did you mean `{near}`?")),
        None if names.is_empty() => error.hint("it has none"),
        None => error.hint(format!("it has: {}", names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn limits_are_named_as_people_write_them() {
        for (text, name) in [
            ("tokens/hour", "tokens/hour"),
            ("tokens/rolling-hour", "tokens/hour"),
            ("spend=5/month", "spend/month"),
            ("parallel", "parallel"),
        ] {
            assert_eq!(named(text).unwrap(), name);
        }
        for (text, message) in [
            ("tokens", "`tokens` is not the name of a limit"),
            ("token/hour", "`token` is nothing that is counted"),
            ("tokens/year", "`year` is not a window"),
        ] {
            assert_eq!(named(text).unwrap_err().message, message);
        }
    }
}
