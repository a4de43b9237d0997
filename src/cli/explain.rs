//! `gw explain KIND[.FIELD]`: the fields of a kind, from the same table the flags come from.

use super::{
    context::write_out,
    print::{aligned, table},
};
use crate::error::{Error, Result, nearest};
use crate::expression::Variable;
use crate::resources::{self, Field, Kind, KindId, Shape, route::condition};
use clap::ArgMatches;
use std::process::ExitCode;

/// Runs `gw explain`. Needs no gateway.
pub(crate) fn run(matches: &ArgMatches) -> Result<ExitCode> {
    let path = matches
        .get_one::<String>("path")
        .map(String::as_str)
        .unwrap_or_default();
    let (kind, field) = path
        .split_once('.')
        .map_or((path, None), |(kind, field)| (kind, Some(field)));
    let kind = resources::kind(kind)?;
    let text = match field {
        None => all(kind),
        Some(name) => one(kind, find(kind, name)?),
    };
    write_out(text.as_bytes());
    Ok(ExitCode::SUCCESS)
}

fn find(kind: &'static Kind, name: &str) -> Result<&'static Field> {
    let hint = || {
        let names: Vec<&str> = kind.fields.iter().map(|field| field.name).collect();
        match nearest(name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("one of: {}", names.join(", ")),
        }
    };
    let found = kind
        .fields
        .iter()
        .find(|field| field.name == name || field.flag == name);
    found.ok_or_else(|| {
        Error::not_found(format!(
            "a {} has no field `{}`",
            kind.name,
            name.escape_debug()
        ))
        .hint(hint())
    })
}

fn all(kind: &Kind) -> String {
    let rows = kind
        .fields
        .iter()
        .map(|field| {
            [
                field.name.to_owned(),
                typed(field.shape).to_owned(),
                flag(field),
                field.help.to_owned(),
            ]
            .to_vec()
        })
        .collect();
    format!(
        "{}: {}\n\n{}",
        kind.name,
        kind.about,
        table(&["FIELD", "TYPE", "FLAG", "WHAT"], rows, true)
    )
}

fn one(kind: &Kind, field: &Field) -> String {
    let example = match field.shape {
        Shape::Text | Shape::Decimal => "\"…\"",
        Shape::Bool => "true",
        Shape::Number => "1",
        Shape::Duration => "\"30s\"",
        Shape::Time => "\"2026-12-31T00:00:00Z\"",
        Shape::Texts | Shape::Only => "[\"…\", \"…\"]",
        Shape::Limits => "[\"tokens=100000/hour\", \"spend=10/month\"]",
        Shape::Map => "{ name = \"value\" }",
        Shape::Rules => "[{ when = \"…\", targets = [{ provider = \"…\" }] }]",
        Shape::Targets => "[{ provider = \"…\", model = \"…\", weight = 1, tier = 0 }]",
    };
    format!(
        "{}\n{}\n\n{}{}",
        aligned(vec![vec![
            format!("{}.{}", kind.name, field.name),
            typed(field.shape).into()
        ]]),
        field.help,
        aligned(vec![
            vec!["flag".into(), flag(field)],
            vec!["file".into(), format!("{} = {example}", field.name)]
        ]),
        conditions(kind, field)
    )
}

/// What the conditions of a field may ask about; nothing where it holds none.
fn conditions(kind: &Kind, field: &Field) -> String {
    let variables: &[Variable] = match (kind.id, field.name) {
        (KindId::Route, "when" | "rules") => condition::VARIABLES,
        _ => return String::new(),
    };
    let row = |it: &Variable| vec![it.path.into(), it.kind.into(), it.help.into()];
    format!(
        "\nConditions may ask about:\n\n{}",
        aligned(variables.iter().map(row).collect())
    )
}

fn flag(field: &Field) -> String {
    match field.flag {
        "" => "-".into(),
        flag => format!("--{flag} {}", field.value),
    }
}

fn typed(shape: Shape) -> &'static str {
    match shape {
        Shape::Text => "text",
        Shape::Bool => "true or false",
        Shape::Number => "number",
        Shape::Decimal => "decimal text",
        Shape::Duration => "duration",
        Shape::Time => "time",
        Shape::Texts | Shape::Only => "list of text",
        Shape::Limits => "list of limits",
        Shape::Map => "text by name",
        Shape::Targets => "list of targets",
        Shape::Rules => "list of rules",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_field_in_full() {
        let kind = resources::kind("user").unwrap();
        assert_eq!(
            one(kind, find(kind, "display-name").unwrap()),
            "user.display_name   text\n\nName shown to people\n\nflag   --display-name TEXT\nfile   display_name = \"…\"\n"
        );
        assert_eq!(
            find(kind, "x")
                .map(|field| field.name)
                .unwrap_err()
                .hint
                .unwrap(),
            "one of: display_name, email, team, limits, session_limits, unpriced, labels"
        );
        let route = resources::kind("route").unwrap();
        for name in ["when", "rules"] {
            let told = one(route, find(route, name).unwrap());
            let (_, asked) = told.split_once("\nConditions may ask about:\n\n").unwrap();
            assert!(asked.starts_with("model "), "{asked}");
            assert_eq!(asked.lines().count(), condition::VARIABLES.len());
        }
        assert!(all(kind).starts_with("user: People and services that own keys\n\nFIELD "));
    }
}
