//! Verbs that one kind has alone, and the commands over many kinds, files and the gateway as a whole.

use super::args::{choice, credential, deletion, listing, name, secret_out, selector};
use super::{flag, group, many, option};
use crate::cli::completion::{names_of, typed_names};
use crate::resources::Kind;
use clap::{Arg, Command, ValueHint};

pub(super) fn key_extras(kind: &'static Kind) -> Vec<Command> {
    vec![
        Command::new("rotate")
            .about("Issue a new secret; the old one stays good for the grace time")
            .arg(name(kind))
            .arg(option(
                "grace",
                "grace",
                "TIME",
                "How long the old secret stays good (default 0s)",
            ))
            .args(secret_out()),
        choice(
            kind,
            Command::new("revoke").about("End a key at once and for ever, running requests too"),
        )
        .arg(flag("yes", "yes", "Do not ask").short('y')),
        Command::new("identify").about("Say which key a secret on standard input belongs to"),
    ]
}

pub(super) fn provider_extras(kind: &'static Kind) -> Vec<Command> {
    vec![
        Command::new("test")
            .about("Try credentials and reachability; all without a name")
            .arg(
                Arg::new("name")
                    .value_name("NAME")
                    .num_args(0..)
                    .help("Their names")
                    .add(names_of("provider")),
            )
            .arg(
                option(
                    "model",
                    "model",
                    "MODEL",
                    "Ask this model for one token, not for the list of models",
                )
                .short('m'),
            )
            .arg(selector("All with these labels: a=b,c!=d").conflicts_with("name")),
        Command::new("discover")
            .about("Ask a provider which models it serves")
            .arg(name(kind))
            .arg(flag("enable", "enable", "Also make a model record of each")),
        credential(
            Command::new("rekey")
                .about("Replace the credential")
                .arg(name(kind)),
        ),
        Command::new("vendors")
            .about("List the vendors gw knows")
            .arg(flag("no_headers", "no-headers", "No head line")),
    ]
}

pub(super) fn model_extras() -> Vec<Command> {
    let search = Command::new("search")
        .about("The same list by part of a name")
        .arg(
            Arg::new("query")
                .value_name("TEXT")
                .help("Part of the name, upstream id or display name"),
        )
        .arg(flag("enabled", "enabled", "Only enabled ones").conflicts_with("disabled"))
        .arg(flag("disabled", "disabled", "Only disabled ones"))
        .args(listing());
    let sync = Command::new("sync")
        .about("Make records follow what providers list, or bring newer prices; shows what would change first")
        .arg(
            Arg::new("name")
                .value_name("PROVIDER")
                .num_args(0..)
                .help("The providers to ask (default: all that are enabled, unless prices are given)")
                .add(names_of("provider")),
        )
        .arg(option(
            "prices",
            "prices",
            "FILE|URL|builtin",
            "Newer prices: the JSON that genai-prices or LiteLLM publish; builtin goes back to gw's own",
        ))
        .arg(flag("yes", "yes", "Do not ask").short('y'))
        .arg(flag("dry_run", "dry-run", "Show what would change, change nothing"));
    vec![model_filters(search), sync]
}

/// The arguments of [`model_filters`].
pub(super) const MODEL_FILTERS: [&str; 7] = [
    "provider",
    "vendor",
    "all",
    "status",
    "search",
    "capability",
    "group_snapshots",
];

/// What a list of models can be narrowed to, and widened.
pub(super) fn model_filters(command: Command) -> Command {
    let states = crate::resources::model::State::ALL.map(crate::resources::model::State::word);
    command.args([
        many(
            "provider",
            "provider",
            "PROVIDER",
            "Only of these providers; repeatable",
        )
        .value_delimiter(',')
        .add(names_of("provider")),
        many(
            "vendor",
            "vendor",
            "VENDOR",
            "What these vendors offer, whether or not a provider is set up; repeatable",
        )
        .value_delimiter(',')
        .conflicts_with_all(["provider", "selector"]),
        flag("all", "all", "What all vendors offer").conflicts_with_all(["provider", "vendor", "selector"]),
        many(
            "status",
            "status",
            "STATUS",
            "enabled, disabled, gone (its provider no longer lists it) or offered (by a vendor); repeatable",
        )
        .value_delimiter(',')
        .value_parser(clap::builder::PossibleValuesParser::new(states)),
        option("search", "search", "TEXT", "With this in the name, upstream id or display name"),
        many(
            "capability",
            "capability",
            "WORD",
            "That are known to do all of these: tools, images, schema and so on; repeatable",
        )
        .value_delimiter(','),
        flag(
            "group_snapshots",
            "group-snapshots",
            "Show dated versions as a count of their model",
        ),
    ])
}

pub(super) fn route_extras(kind: &'static Kind) -> Vec<Command> {
    vec![
        Command::new("explain")
            .about("Say which target a request would get, and why; sends nothing")
            .arg(name(kind).required(false))
            .arg(option("key", "key", "KEY", "As this key").add(names_of("key")))
            .arg(option("user", "user", "USER", "As any key of this user").add(names_of("user")))
            .arg(option(
                "as_of",
                "as-of",
                "REQUEST",
                "As this request of the log, and what is otherwise now",
            ))
            .args(asked())
            .arg(
                option(
                    "times",
                    "times",
                    "N",
                    "Draw so many times; shows the shares of the targets",
                )
                .value_parser(clap::value_parser!(u32).range(1..=10_000)),
            ),
        Command::new("status")
            .about("How each target is doing, and what it did in the last hour; all without a name")
            .arg(
                Arg::new("name")
                    .value_name("NAME")
                    .num_args(0..)
                    .help("Their names")
                    .add(names_of("route")),
            ),
        Command::new("test")
            .about("Send one small real request through each target; costs a few tokens")
            .arg(name(kind))
            .arg(
                option(
                    "model",
                    "model",
                    "MODEL",
                    "Ask for this model where a target takes it as asked",
                )
                .short('m')
                .add(names_of("model")),
            ),
    ]
}

/// What a request that is asked about is.
fn asked() -> [Arg; 8] {
    [
        option(
            "path",
            "path",
            "/PATH",
            "Sent to this path, such as /v1/responses (default: what the body looks like, else a chat)",
        ),
        option(
            "caller_format",
            "format",
            "FORMAT",
            "In this format, where no path says it",
        )
        .conflicts_with("path")
        .value_parser(clap::builder::PossibleValuesParser::new(
            crate::formats::FORMATS.map(|row| row.name),
        )),
        option("method", "method", "METHOD", "With this method")
            .requires("path")
            .value_parser(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"]),
        option("model", "model", "MODEL", "Asking for this model")
            .short('m')
            .add(names_of("model")),
        many(
            "header",
            "header",
            "NAME:VALUE",
            "With this header; repeatable",
        )
        .short('H'),
        option("data", "data", "JSON|@FILE|-", "With this body"),
        flag("stream", "stream", "Streamed, whatever the body says"),
        option(
            "at",
            "at",
            "TIME",
            "At this time: 2030-01-01 or 2030-01-01T09:30:00Z (UTC); how targets do is as it is now",
        ),
    ]
}

fn what() -> Arg {
    Arg::new("what")
        .value_name("TYPE[/NAME]")
        .num_args(1..)
        .help("user, key/ci, user,key or all")
        .add(typed_names())
}

fn files() -> Arg {
    many(
        "file",
        "filename",
        "FILE",
        "TOML, JSON or YAML file, or - for standard input; repeatable",
    )
    .short('f')
    .value_hint(ValueHint::FilePath)
}

/// Commands over many kinds, files and the gateway as a whole.
pub(super) fn commands() -> Vec<Command> {
    let ownership = || {
        [
            option(
                "owner",
                "owner",
                "NAME",
                "What is in the files belongs to this owner",
            ),
            flag(
                "prune",
                "prune",
                "Delete what this owner has and the files lack",
            )
            .requires("owner"),
            flag(
                "force_conflicts",
                "force-conflicts",
                "Take over what belongs to another owner",
            )
            .requires("owner"),
        ]
    };
    vec![
        Command::new("get")
            .about("List any kinds: TYPE, TYPE/NAME, TYPE,TYPE or all")
            .arg(what().required(true))
            .args(listing()),
        Command::new("describe")
            .about("Everything about some resources")
            .arg(what().required(true))
            .arg(selector("Only with these labels: a=b,c!=d")),
        Command::new("delete")
            .about("Delete TYPE/NAME, or what a file lists")
            .arg(what().required_unless_present("file"))
            .arg(files())
            .arg(selector("Of each TYPE all with these labels: a=b,c!=d").requires("what"))
            .arg(
                flag("all", "all", "Every one of each TYPE")
                    .requires("what")
                    .conflicts_with("selector"),
            )
            .args(deletion()),
        Command::new("apply")
            .about("Make it so: create or change everything in files, all or nothing")
            .arg(files().required(true))
            .arg(flag(
                "dry_run",
                "dry-run",
                "Let the gateway check it, change nothing",
            ))
            .args(ownership()),
        Command::new("diff")
            .about("What apply would change; exit code 1 when anything")
            .arg(files().required(true))
            .args(ownership()),
        Command::new("export")
            .about("Print everything as a file apply takes; never secrets")
            .arg(what().num_args(0..))
            .arg(selector("Only with these labels: a=b,c!=d")),
        Command::new("explain")
            .about("Document a kind's fields: route, route.targets")
            .arg(
                Arg::new("path")
                    .value_name("KIND[.FIELD]")
                    .required(true)
                    .help("A kind, or one of its fields")
                    .add(names_of("field")),
            ),
        Command::new("wait")
            .about("Wait until the gateway is ready")
            .arg(
                option("for", "for", "CONDITION", "What to wait for")
                    .value_parser(["ready"])
                    .default_value("ready"),
            ),
        Command::new("status").about("What is running, where, and whether it is well"),
        Command::new("notify")
            .about("Those who are told of limits that fill up and targets that fail")
            .subcommand_required(true)
            .arg_required_else_help(true)
            .subcommand(Command::new("test").about("Send each of them a trial, and say who heard")),
        Command::new("top")
            .about("What is going on now, every second: requests, spend, targets, who is busy")
            .arg(flag("once", "once", "One picture as text, and out")),
        Command::new("doctor").about("Find what is wrong on this machine, with the fix"),
        group(
            "db",
            "What the stores take, whether they are sound, and copies of them",
        )
        .subcommands([
            Command::new("stats").about("Sizes, rows, free disk, and what retention does next"),
            Command::new("verify")
                .about("Read everything and compare it with its checksums; exit code 1 on damage"),
            Command::new("backup")
                .about(
                    "Write an archive (tar) to start another gateway from, while this one serves",
                )
                .arg(
                    Arg::new("to")
                        .value_name("DIR|FILE")
                        .required(true)
                        .value_parser(clap::value_parser!(std::path::PathBuf))
                        .value_hint(ValueHint::AnyPath)
                        .help(
                            "Where to: a new file, or a directory for one with a name of its own",
                        ),
                )
                .arg(flag("logs", "logs", "With the request logs")),
            Command::new("compact").about("Give back what space can be given back"),
        ]),
        Command::new("completion")
            .about("Print a shell's completion script")
            .arg(
                Arg::new("shell")
                    .value_name("SHELL")
                    .required(true)
                    .value_parser(["bash", "zsh", "fish", "powershell"])
                    .help("Which shell"),
            ),
        Command::new("help")
            .about("Help on a command, or on exit-codes")
            .arg(
                Arg::new("topic")
                    .value_name("COMMAND")
                    .num_args(0..)
                    .help("A command, or exit-codes"),
            ),
    ]
}
