//! Arguments that several commands share.

use super::{flag, option};
use crate::cli::completion::names_of;
use crate::resources::Kind;
use clap::{Arg, ArgGroup, Command, ValueHint};

/// One name.
pub(super) fn name(kind: &'static Kind) -> Arg {
    Arg::new("name")
        .value_name("NAME")
        .required(true)
        .help("Its name")
        .add(names_of(kind.name))
}

/// Any number of names.
pub(super) fn names(kind: &'static Kind) -> Arg {
    Arg::new("name")
        .value_name("NAME")
        .num_args(0..)
        .help("Their names")
        .add(names_of(kind.name))
}

/// Labels to choose by. An empty text is refused: a variable that is not set must not mean all.
pub(super) fn selector(help: &'static str) -> Arg {
    let filled = |text: &str| match text.trim().is_empty() {
        true => Err("it is empty; write labels such as env=ci, or --all for every one"),
        false => Ok(text.to_owned()),
    };
    option("selector", "selector", "LABELS", help)
        .short('l')
        .value_parser(filled)
}

/// Names, labels or `--all`: exactly one of the three.
pub(super) fn choice(kind: &'static Kind, command: Command) -> Command {
    command
        .arg(names(kind))
        .arg(selector("All with these labels: a=b,c!=d"))
        .arg(flag("all", "all", "Every one of them"))
        .group(
            ArgGroup::new("which")
                .args(["name", "selector", "all"])
                .required(true),
        )
}

/// Options of every listing.
pub(super) fn listing() -> Vec<Arg> {
    vec![
        selector("Only with these labels: a=b,c!=d"),
        option("sort_by", "sort-by", ".PATH", "Order by this field"),
        option("limit", "limit", "N", "At most so many").value_parser(clap::value_parser!(usize)),
        flag("no_headers", "no-headers", "Tables without a head line"),
        flag("show_labels", "show-labels", "Tables with a LABELS column"),
    ]
}

/// Options of every deletion.
pub(super) fn deletion() -> Vec<Arg> {
    vec![
        flag(
            "ignore_not_found",
            "ignore-not-found",
            "Succeed when there is none",
        ),
        flag("cascade", "cascade", "Also what refers to it"),
        flag("yes", "yes", "Do not ask").short('y'),
        flag("dry_run", "dry-run", "Say what would go, delete nothing"),
    ]
}

/// Where a provider's credential comes from: one of these, never the command line itself.
pub(super) fn credential(command: Command) -> Command {
    command
        .args([
            flag(
                "credential_stdin",
                "credential-stdin",
                "Read the credential from standard input",
            ),
            option(
                "credential_env",
                "credential-env",
                "VAR",
                "Read the credential from this variable, here and now",
            ),
            option(
                "credential_file",
                "credential-file",
                "FILE",
                "Read the credential from this file, here and now",
            )
            .value_hint(ValueHint::FilePath),
            option(
                "credential_ref",
                "credential-ref",
                "REF",
                "Let the gateway read it at use: env:VAR, file:/PATH or keyring:NAME; or use its machine's own identity: aws, aws:PROFILE, google or azure",
            ),
            flag(
                "passthrough",
                "passthrough",
                "Store none: callers send their own provider key",
            ),
        ])
        .group(ArgGroup::new("credential").args([
            "credential_stdin",
            "credential_env",
            "credential_file",
            "credential_ref",
            "passthrough",
        ]))
}

/// Bringing a key's secret along.
pub(super) fn secret_in() -> Vec<Arg> {
    vec![
        flag("from_stdin", "from-stdin", "Bring your own secret, on standard input").conflicts_with("output_file"),
        flag("replace_secret", "replace-secret", "Replace the secret of a key that is there with another").requires("from_stdin"),
        flag("allow_weak", "allow-weak", "Accept a secret that may be guessed; it still is `sk-` and at least 22 further characters").requires("from_stdin"),
    ]
}

/// Where a new secret goes.
pub(super) fn secret_out() -> Vec<Arg> {
    vec![
        option(
            "output_file",
            "output-file",
            "FILE",
            "Write the secret here (mode 0600, never overwrites) instead of stdout",
        )
        .value_hint(ValueHint::FilePath),
    ]
}
