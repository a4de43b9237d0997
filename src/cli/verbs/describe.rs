//! `describe`: everything about a record, a line a field.

use super::{chosen::chosen, get};
use crate::cli::{
    context::Context,
    print::{Format, aligned, clean, text},
};
use crate::error::Result;
use crate::resources::Kind;
use clap::ArgMatches;
use serde_json::Value;

/// Runs `gw KIND describe`.
pub(crate) async fn run(
    context: &Context,
    kind: &'static Kind,
    matches: &ArgMatches,
) -> Result<()> {
    let remote = context.remote()?;
    let names = chosen(context, &remote, kind, matches).await?;
    let (items, problems) = get::some(&remote, kind, &names).await?;
    let single = names.len() == 1 && matches.contains_id("name");
    show(context, kind, &items, single)?;
    problems.end()
}

/// Prints records in full.
pub(crate) fn show(
    context: &Context,
    kind: &'static Kind,
    items: &[Value],
    single: bool,
) -> Result<()> {
    match context.look.format {
        Format::Table | Format::Wide => {
            context.data(&items.iter().map(lines).collect::<Vec<_>>().join("\n"))
        }
        _ if items.is_empty() => {}
        _ => context.show(kind, items, single)?,
    }
    Ok(())
}

/// A value's fields, aligned; nested ones as `outer.inner`.
pub(crate) fn lines(value: &Value) -> String {
    let mut fields = Vec::new();
    flatten("", value, &mut fields);
    let shown = |value: String| match value.is_empty() {
        true => "-".into(),
        false => value,
    };
    aligned(
        fields
            .into_iter()
            .map(|(name, value)| vec![name, shown(value)])
            .collect(),
    )
}

fn flatten(at: &str, value: &Value, out: &mut Vec<(String, String)>) {
    let below = |step: &str| {
        if at.is_empty() {
            clean(step)
        } else {
            format!("{at}.{}", clean(step))
        }
    };
    match value {
        Value::Object(map) if at.is_empty() || !map.is_empty() => map
            .iter()
            .filter(|(key, _)| *key != "apiVersion")
            .for_each(|(key, value)| flatten(&below(key), value, out)),
        Value::Array(items)
            if items
                .iter()
                .any(|item| item.is_object() && item.get("provider").is_none()) =>
        {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| flatten(&format!("{at}[{index}]"), item, out));
        }
        other => out.push((at.to_owned(), clean(&text(other)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_a_field() {
        let value = json!({"apiVersion": "gw/v1", "kind": "route", "name": "r", "keys": ["a", "b"], "labels": {}, "targets": [{"provider": "p", "model": "m"}],
            "status": {"state": "ok\u{1b}[2J", "tries": [{"at": 1}, {"at": 2}]}});
        assert_eq!(
            lines(&value),
            "kind                 route\nname                 r\nkeys                 a,b\nlabels               -\ntargets              p/m\nstatus.state         ok\\u001b[2J\nstatus.tries[0].at   1\nstatus.tries[1].at   2\n"
        );
    }
}
