//! The commands of the five kinds: the same verbs for all, flags from each kind's fields, and the few
//! verbs only one kind has.

use super::{flag, group, many, option};
use crate::cli::completion::names_of;
use crate::resources::{Field, KINDS, Kind, Shape};
use clap::{Arg, ArgAction, ArgGroup, Command, ValueHint};

/// One command a kind.
pub(super) fn commands() -> Vec<Command> {
    KINDS.iter().map(|kind| of(kind)).collect()
}

fn of(kind: &'static Kind) -> Command {
    let noun = group(kind.name, kind.about)
        .visible_alias(kind.plural)
        .visible_aliases(kind.aliases);
    let verbs = [
        get(kind),
        describe(kind),
        create(kind),
        set(kind),
        delete(kind),
        toggle(kind, "enable", "Turn on"),
        toggle(kind, "disable", "Turn off and keep the settings"),
    ];
    verbs
        .into_iter()
        .chain(extras(kind))
        .fold(noun, Command::subcommand)
}

/// One name.
pub(super) fn name(kind: &'static Kind) -> Arg {
    Arg::new("name")
        .value_name("NAME")
        .required(true)
        .help("Its name")
        .add(names_of(kind.name))
}

/// Any number of names.
fn names(kind: &'static Kind) -> Arg {
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

fn get(kind: &'static Kind) -> Command {
    Command::new("get")
        .visible_aliases(["list", "ls"])
        .about("List them, or show some")
        .arg(names(kind))
        .args(listing())
        .mut_arg("selector", |arg| arg.conflicts_with("name"))
}

fn describe(kind: &'static Kind) -> Command {
    choice(
        kind,
        Command::new("describe").about("Everything about them"),
    )
}

fn create(kind: &'static Kind) -> Command {
    let command = Command::new("create")
        .about("Make one")
        .arg(name(kind))
        .args(fields(kind))
        .args([
            flag("disabled", "disabled", "Create it turned off"),
            flag(
                "if_not_exists",
                "if-not-exists",
                "Succeed when it is there already with the same settings",
            ),
            flag(
                "dry_run",
                "dry-run",
                "Let the gateway check it, change nothing",
            ),
        ]);
    match kind.name {
        "key" => command
            .args(super::commands::secret_out())
            .args(secret_in()),
        "provider" => credential(command).arg(
            option(
                "verify",
                "verify",
                "BOOL",
                "Try the credential before saving (default true)",
            )
            .num_args(0..=1)
            .default_missing_value("true")
            .value_parser(clap::value_parser!(bool)),
        ),
        "route" => command
            .args(route_sugar())
            .mut_arg("disabled", |arg| arg.visible_alias("inactive")),
        _ => command,
    }
}

fn set(kind: &'static Kind) -> Command {
    let command = Command::new("set").about("Change some fields");
    let command = choice(kind, command).args(fields(kind)).args([
        option(
            "version",
            "version",
            "N",
            "Only if it is still at this version",
        )
        .value_parser(clap::value_parser!(u64)),
        flag(
            "dry_run",
            "dry-run",
            "Let the gateway check it, change nothing",
        ),
    ]);
    match kind.name {
        "provider" => credential(command),
        "route" => command.args(route_sugar()),
        _ => command,
    }
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

fn delete(kind: &'static Kind) -> Command {
    let command = Command::new("delete")
        .visible_alias("rm")
        .about("Remove for good");
    choice(kind, command).args(deletion())
}

fn toggle(kind: &'static Kind, verb: &'static str, about: &'static str) -> Command {
    choice(kind, Command::new(verb).about(about))
}

/// The flags a kind's fields make.
fn fields(kind: &'static Kind) -> Vec<Arg> {
    kind.fields
        .iter()
        .filter(|field| !field.flag.is_empty())
        .map(of_field)
        .collect()
}

fn of_field(field: &'static Field) -> Arg {
    let arg = option(field.name, field.flag, field.value, field.help);
    let arg = match field.shape {
        Shape::Number => arg.value_parser(clap::value_parser!(u64)),
        Shape::Bool => arg
            .num_args(0..=1)
            .default_missing_value("true")
            .value_parser(clap::value_parser!(bool)),
        Shape::Texts => arg.action(ArgAction::Append).value_delimiter(','),
        Shape::Map | Shape::Targets => arg.action(ArgAction::Append),
        Shape::Text | Shape::Decimal | Shape::Duration | Shape::Time => arg,
    };
    let arg = if field.flag == "retry-on" {
        arg.visible_alias("fallback-on")
    } else {
        arg
    };
    match field.completes {
        "" => arg,
        what => arg.add(names_of(what)),
    }
}

/// Ways to write targets beside `--to`.
fn route_sugar() -> Vec<Arg> {
    vec![
        many(
            "then",
            "then",
            "PROVIDER[/MODEL][=WEIGHT]",
            "Target that starts the next tier; repeatable",
        )
        .add(names_of("target")),
        option(
            "provider",
            "provider",
            "PROVIDER",
            "The one target: this provider",
        )
        .conflicts_with_all(["targets", "then"])
        .add(names_of("provider")),
        option(
            "model",
            "model",
            "MODEL",
            "The one target's model (default: as asked)",
        )
        .short('m')
        .requires("provider"),
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
                "Let the gateway read it at use: env:VAR, file:/PATH or keyring:NAME",
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
fn secret_in() -> Vec<Arg> {
    vec![
        flag("from_stdin", "from-stdin", "Bring your own secret, on standard input").conflicts_with("output_file"),
        flag("replace_secret", "replace-secret", "Replace the secret of a key that is there with another").requires("from_stdin"),
        flag("allow_weak", "allow-weak", "Accept a secret that may be guessed; it still is `sk-` and at least 22 further characters").requires("from_stdin"),
    ]
}

fn extras(kind: &'static Kind) -> Vec<Command> {
    match kind.name {
        "key" => super::commands::key_extras(kind),
        "provider" => super::commands::provider_extras(kind),
        "model" => super::commands::model_extras(),
        "route" => super::commands::route_extras(kind),
        _ => Vec::new(),
    }
}
