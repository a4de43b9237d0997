//! The commands of the five kinds: the same verbs for all, flags from each kind's fields, and the few
//! verbs only one kind has.

use super::args::{choice, credential, deletion, listing, name, names, secret_in, secret_out};
use super::{flag, group, many, option};
use crate::cli::completion::names_of;
use crate::cli::limits;
use crate::resources::{Field, KINDS, Kind, KindId, LIMITS, Shape};
use clap::{Arg, ArgAction, Command};

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

fn get(kind: &'static Kind) -> Command {
    let command = Command::new("get")
        .visible_aliases(["list", "ls"])
        .about("List them, or show some")
        .arg(names(kind))
        .args(listing())
        .args(used(kind))
        .mut_arg("selector", |arg| arg.conflicts_with("name"));
    match kind.id {
        KindId::Model => super::commands::MODEL_FILTERS
            .into_iter()
            .fold(super::commands::model_filters(command), |command, id| {
                command.mut_arg(id, |arg| arg.conflicts_with("name"))
            }),
        KindId::User | KindId::Key | KindId::Provider | KindId::Route => command,
    }
}

/// Since when what was used is told, of kinds that tell it.
fn used(kind: &'static Kind) -> Option<Arg> {
    let since = || {
        option(
            "since",
            "since",
            "TIME",
            "REQUESTS, TOKENS and SPEND since then: 7d, or 2030-01-01 (UTC) (default 24h)",
        )
    };
    kind.statuses.contains(&"usage").then(since)
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
    match kind.id {
        KindId::Key => command.args(secret_out()).args(secret_in()),
        KindId::Provider => credential(command).arg(
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
        KindId::Route => command
            .args(route_sugar())
            .mut_arg("disabled", |arg| arg.visible_alias("inactive")),
        KindId::User | KindId::Model => command,
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
    match kind.id {
        KindId::Provider => credential(command),
        KindId::Route => command.args(route_sugar()),
        KindId::User | KindId::Key | KindId::Model => command,
    }
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
        .chain(limit_sugar(kind))
        .collect()
}

/// The flags that limits are given by.
fn limit_flags(kind: &'static Kind) -> Vec<Arg> {
    let fields = kind.fields.iter();
    let fields = fields.filter(|field| field.shape == Shape::Limits);
    fields.map(of_field).chain(limit_sugar(kind)).collect()
}

/// Shorter ways to write limits, beside `--limit`.
fn limit_sugar(kind: &'static Kind) -> Vec<Arg> {
    if !kind.fields.iter().any(|field| field.name == LIMITS.name) {
        return Vec::new();
    }
    let of = |sugar: &limits::Sugar| {
        option(sugar.id, sugar.flag, sugar.value, sugar.help).help_heading("Limits")
    };
    limits::SUGAR.iter().map(of).collect()
}

fn of_field(field: &'static Field) -> Arg {
    let arg = option(field.name, field.flag, field.value, field.help);
    let arg = match field.shape {
        Shape::Number => arg.value_parser(clap::value_parser!(u64)),
        Shape::Bool => arg
            .num_args(0..=1)
            .default_missing_value("true")
            .value_parser(clap::value_parser!(bool)),
        Shape::Texts | Shape::Only | Shape::Limits => {
            arg.action(ArgAction::Append).value_delimiter(',')
        }
        Shape::Map | Shape::Targets | Shape::Rules => arg.action(ArgAction::Append),
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

fn extras(kind: &'static Kind) -> Vec<Command> {
    let mut extras = match kind.id {
        KindId::Key => super::commands::key_extras(kind),
        KindId::Provider => super::commands::provider_extras(kind),
        KindId::Model => super::commands::model_extras(),
        KindId::Route => super::commands::route_extras(kind),
        KindId::User => Vec::new(),
    };
    if kind.fields.iter().any(|field| field.name == LIMITS.name) {
        extras.push(super::limits::limits(kind, limit_flags(kind)));
    }
    extras
}
