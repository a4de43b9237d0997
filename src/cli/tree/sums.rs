//! `gw usage`.

use super::{flag, option};
use crate::cli::completion::names_of;
use crate::store::journal::sums::{METRICS, WORDS};
use clap::{Arg, Command, builder::PossibleValuesParser};
use clap_complete::{ArgValueCandidates, CompletionCandidate};

pub(super) fn commands() -> Vec<Command> {
    vec![usage()]
}

/// The filters of `gw logs`, but for text, which no sum knows.
fn filters() -> impl Iterator<Item = Arg> {
    let all = super::requests::filters().into_iter();
    all.filter(|arg| arg.get_id() != "text")
}

fn usage() -> Command {
    let words = || {
        let known = WORDS
            .iter()
            .map(|(word, _)| CompletionCandidate::new(*word));
        known.chain([CompletionCandidate::new("label:")]).collect()
    };
    Command::new("usage")
        .about("What was used: requests, tokens, spend, errors and latency, by anything")
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .arg(
            option(
                "by",
                "by",
                "WHAT,...",
                "model (default), provider, key, user, route, session, agent, environment, requested_model, status, hour, day, month or label:NAME; several with commas",
            )
            .value_delimiter(',')
            .action(clap::ArgAction::Append)
            .add(ArgValueCandidates::new(words)),
        )
        .arg(
            option("sort", "sort", "METRIC", "What comes first, and what bars are of")
                .value_parser(PossibleValuesParser::new(METRICS.map(|(word, _)| word)))
                .default_value(METRICS[0].0),
        )
        .arg(
            option("limit", "limit", "N", "At most so many lines; the others are put together")
                .value_parser(clap::value_parser!(usize)),
        )
        .arg(flag("utc", "utc", "Hours, days and months of UTC, not of here"))
        .args(filters())
        .mut_arg("since", |arg| {
            arg.help("Not older than this: 30d, or 2030-01-01 (UTC) (default 7d)")
        })
        .subcommand(reprice())
}

fn reprice() -> Command {
    Command::new("reprice")
        .about("Price requests of the log again, as models are priced now; both figures are kept")
        .arg(
            option(
                "since",
                "since",
                "TIME",
                "Those not older than this: 7d, or 2030-01-01 (UTC)",
            )
            .required(true),
        )
        .arg(option(
            "until",
            "until",
            "TIME",
            "And older than this: 1d, or 2030-01-01 (UTC)",
        ))
        .arg(
            option(
                "model",
                "model",
                "MODEL",
                "Asked of or answered by these models",
            )
            .short('m')
            .value_delimiter(',')
            .action(clap::ArgAction::Append)
            .add(names_of("model")),
        )
        .arg(
            option(
                "provider",
                "provider",
                "PROVIDER",
                "Answered by these providers",
            )
            .value_delimiter(',')
            .action(clap::ArgAction::Append)
            .add(names_of("provider")),
        )
        .arg(flag(
            "dry_run",
            "dry-run",
            "Show what would change, change nothing",
        ))
        .arg(flag("yes", "yes", "Do not ask").short('y'))
}
