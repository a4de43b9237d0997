//! Limits as flags give them: `--limit`, and shorter ways to write the usual ones.

use crate::error::{Error, Result};
use crate::resources::{Field, LIMITS, limit::Limit};
use clap::ArgMatches;
use serde_json::{Value, json};

/// A shorter way to write one limit.
pub(crate) struct Sugar {
    pub id: &'static str,
    pub flag: &'static str,
    pub value: &'static str,
    pub help: &'static str,
    /// In front of and behind the value, in the limit's own spelling.
    around: (&'static str, &'static str),
}

const fn sugar(
    id: &'static str,
    flag: &'static str,
    value: &'static str,
    help: &'static str,
    around: (&'static str, &'static str),
) -> Sugar {
    Sugar {
        id,
        flag,
        value,
        help,
        around,
    }
}

pub(crate) static SUGAR: [Sugar; 5] = [
    sugar(
        "budget",
        "budget",
        "USD/PERIOD",
        "Money: 10/month is --limit spend=10/month",
        ("spend=", ""),
    ),
    sugar(
        "limit_total",
        "limit-total",
        "N",
        "Tokens an hour: --limit tokens=N/hour; 0 none",
        ("tokens=", "/hour"),
    ),
    sugar(
        "limit_input",
        "limit-input",
        "N",
        "Input tokens an hour: --limit input=N/hour; 0 none",
        ("input=", "/hour"),
    ),
    sugar(
        "limit_output",
        "limit-output",
        "N",
        "Output tokens an hour: --limit output=N/hour; 0 none",
        ("output=", "/hour"),
    ),
    sugar(
        "limit_requests",
        "limit-requests",
        "N",
        "Requests a minute: --limit requests=N/minute; 0 none",
        ("requests=", "/minute"),
    ),
];

/// The limits given for a field, as the record has them; `None`: nothing was given. Empty text, and 0 in the shorter
/// ways, give none: so a list is emptied.
pub(crate) fn given(field: &Field, matches: &ArgMatches) -> Result<Option<Value>> {
    let (mut any, mut limits) = (false, Vec::new());
    for text in matches
        .get_many::<String>(field.name)
        .into_iter()
        .flatten()
        .map(|text| text.trim())
    {
        any = true;
        if !text.is_empty() {
            limits.push(parsed(text, field.flag)?);
        }
    }
    for sugar in SUGAR.iter().filter(|_| field.name == LIMITS.name) {
        let Ok(Some(text)) = matches.try_get_one::<String>(sugar.id) else {
            continue;
        };
        any = true;
        let (before, behind) = sugar.around;
        if !text.is_empty() && (text != "0" || behind.is_empty()) {
            limits.push(parsed(&format!("{before}{text}{behind}"), sugar.flag)?);
        }
    }
    Limit::check_all(&limits, &format!("--{}", field.flag))?;
    Ok(any.then(|| json!(limits)))
}

fn parsed(text: &str, flag: &str) -> Result<Limit> {
    text.parse()
        .map_err(|error: Error| error.param(format!("--{flag}")))
}
