//! `gw logs`: list, follow, show one, send one again, export. Oldest first and the newest last, whatever the format, so that the
//! newest stands where people look for it and a list, its followers and its export can be laid side by side.

mod content;
mod curl;
mod fetch;
mod follow;
mod list;
mod printer;
mod replay;
mod resend;
mod row;
mod show;
mod timeline;

pub(crate) use row::span;
pub(crate) use timeline::tries;

use super::{context::Context, remote::Query};
use crate::error::Result;
use clap::ArgMatches;

/// Runs `gw logs`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<()> {
    match matches.subcommand() {
        Some(("get", sub)) => show::run(context, sub).await,
        Some(("replay", sub)) => replay::run(context, sub).await,
        Some(("export", sub)) => list::export(context, sub, &filters(sub)).await,
        _ if matches.get_flag("follow") => follow::run(context, matches, &filters(matches)).await,
        _ => list::list(context, matches, &filters(matches)).await,
    }
}

/// The filters as they were written; what they mean is the gateway's to say.
pub(crate) fn filters(matches: &ArgMatches) -> Query {
    let many = [
        "key", "user", "route", "provider", "model", "session", "agent", "status", "label",
    ];
    let mut query = Query::new();
    for id in many {
        let values = matches.get_many::<String>(id).into_iter().flatten();
        query.extend(values.map(|value| (id, value.clone())));
    }
    for id in ["since", "until", "text"] {
        // Sums take no text.
        let value = matches.try_get_one::<String>(id).ok().flatten();
        query.extend(value.map(|value| (id, value.clone())));
    }
    query
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    #[test]
    fn filters_become_parameters() {
        let line = "gw logs --key a,b --session s --agent x,y --status 4xx --since 1h --text x";
        let matches = crate::cli::command()
            .try_get_matches_from(line.split(' '))
            .unwrap();
        let text: Vec<String> = super::filters(matches.subcommand_matches("logs").unwrap())
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(
            text,
            [
                "key=a",
                "key=b",
                "session=s",
                "agent=x",
                "agent=y",
                "status=4xx",
                "since=1h",
                "text=x"
            ]
        );
    }
}
