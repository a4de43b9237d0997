//! `gw logs` and `gw request`.

use super::{flag, many, option};
use crate::cli::completion::names_of;
use clap::{Arg, Command, ValueHint};

pub(super) fn commands() -> Vec<Command> {
    vec![logs(), request()]
}

pub(super) fn filters() -> Vec<Arg> {
    let filter = |id: &'static str, what: &'static str, help: &'static str| {
        many(id, id, what, help)
            .value_delimiter(',')
            .add(names_of(id))
    };
    vec![
        option(
            "since",
            "since",
            "TIME",
            "Not older than this: 1h, or 2030-01-01 (UTC)",
        ),
        option(
            "until",
            "until",
            "TIME",
            "Older than this: 5m, or 2030-01-01 (UTC)",
        ),
        filter("key", "KEY", "Of these keys"),
        filter("user", "USER", "Of these users"),
        filter("route", "ROUTE", "Taken by these routes"),
        filter("provider", "PROVIDER", "Answered by these providers"),
        filter("model", "MODEL", "Asked of or answered by these models").short('m'),
        many(
            "session",
            "session",
            "SESSION",
            "Of these sessions of a caller's tool",
        )
        .value_delimiter(','),
        many("agent", "agent", "AGENT", "Of these agents within them").value_delimiter(','),
        many(
            "status",
            "status",
            "STATUS",
            "ok, error (broken streams too), 4xx, 429 and so on",
        )
        .value_delimiter(','),
        many(
            "label",
            "label",
            "NAME[=VALUE]",
            "Whose key or user has these labels, such as team=search",
        )
        .value_delimiter(','),
        option(
            "text",
            "text",
            "TEXT",
            "With this text in the row, the request or the answer; found newest first",
        ),
        flag("no_headers", "no-headers", "No head line"),
    ]
}

fn logs() -> Command {
    let id = || {
        Arg::new("id")
            .value_name("ID")
            .required(true)
            .help("The request's id, or as much of it as no other begins with")
    };
    Command::new("logs")
        .visible_alias("log")
        .about("Request logs, newest last: list, follow, show one, send one again, export")
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .args(filters())
        .arg(flag("follow", "follow", "Keep printing new ones").short('f'))
        .arg(
            option("tail", "tail", "N", "The newest N (default 20)")
                .short('n')
                .value_parser(clap::value_parser!(usize)),
        )
        .subcommand(
            Command::new("get")
                .visible_alias("show")
                .about("One request: attempts, tokens, cost")
                .arg(id())
                .arg(flag(
                    "bodies",
                    "bodies",
                    "Also request and response content, where kept",
                ))
                .arg(flag(
                    "curl",
                    "curl",
                    "Print it as a curl command to send it again; the key is a variable",
                )),
        )
        .subcommand(
            Command::new("replay")
                .about("Send a logged request again and lay the answers side by side")
                .arg(id())
                .args([
                    many(
                        "model",
                        "model",
                        "MODEL",
                        "Ask these models in place of its own",
                    )
                    .short('m')
                    .value_delimiter(',')
                    .add(names_of("model")),
                    option(
                        "route",
                        "route",
                        "ROUTE",
                        "Send it to the path of this route",
                    )
                    .add(names_of("route")),
                    option(
                        "key_file",
                        "key-file",
                        "FILE",
                        "File that holds the gateway key to send it with (default: GW_API_KEY)",
                    )
                    .value_hint(ValueHint::FilePath),
                    option(
                        "url",
                        "url",
                        "URL",
                        "The gateway (default: what `gw status` says)",
                    )
                    .env("GW_URL")
                    .value_hint(ValueHint::Url),
                ]),
        )
        .subcommand(
            Command::new("export")
                .about("Print all rows, newest last; as JSON lines unless -o says otherwise")
                .args(filters())
                .arg(flag(
                    "content",
                    "content",
                    "With requests and answers, where kept",
                ))
                .arg(option(
                    "after",
                    "after",
                    "ID",
                    "Go on after this one, where an export stopped",
                ))
                .arg(
                    option("tail", "tail", "N", "The newest N (default: all)")
                        .short('n')
                        .value_parser(clap::value_parser!(usize)),
                ),
        )
}

fn check() -> Command {
    Command::new("check")
        .about("Say what would become of a request's fields at a provider, sending nothing")
        .arg(
            option(
                "file",
                "file",
                "FILE",
                "The request's body, or - for standard input",
            )
            .short('f')
            .required(true)
            .value_hint(ValueHint::FilePath),
        )
        .arg(
            option(
                "to",
                "to",
                "PROVIDER[/MODEL]",
                "Where it would go; the model is the body's unless given",
            )
            .required(true)
            .add(names_of("model")),
        )
        .arg(
            option(
                "caller_format",
                "format",
                "FORMAT",
                "The format it is in (default: the one it looks like)",
            )
            .value_parser(clap::builder::PossibleValuesParser::new(
                crate::formats::FORMATS.map(|row| row.name),
            )),
        )
}

fn estimate() -> Command {
    Command::new("estimate")
        .about("Say what a request would cost at several models, sending nothing")
        .arg(
            Arg::new("prompt")
                .value_name("PROMPT")
                .help("The prompt, or - for standard input"),
        )
        .args([
            option(
                "file",
                "file",
                "FILE",
                "The request's body instead, or - for standard input",
            )
            .short('f')
            .conflicts_with_all(["prompt", "system"])
            .value_hint(ValueHint::FilePath),
            many(
                "models",
                "model",
                "MODEL",
                "Models to lay side by side (default: the body's); repeatable",
            )
            .short('m')
            .value_delimiter(',')
            .add(names_of("model")),
            option(
                "key",
                "key",
                "KEY",
                "As this key: where its requests would go",
            )
            .add(names_of("key")),
            option("system", "system", "TEXT", "System prompt").short('s'),
            option(
                "max_tokens",
                "max-tokens",
                "N",
                "Longest answer (default: the body's, else the model's)",
            )
            .value_parser(clap::value_parser!(u64)),
            option(
                "cached",
                "cached",
                "PERCENT",
                "How much of the prompt is read from a cache",
            )
            .value_parser(clap::value_parser!(u8).range(0..=100)),
        ])
}

fn request() -> Command {
    Command::new("request")
        .about("Send a request through the gateway, and check the answer")
        .after_help(crate::cli::request::help())
        .args_conflicts_with_subcommands(true)
        .disable_help_subcommand(true)
        .subcommand(check())
        .subcommand(estimate())
        .arg(Arg::new("prompt").value_name("PROMPT").help("The prompt, or - for standard input"))
        .args([
            option("model", "model", "MODEL", "Model to ask for").short('m').add(names_of("model")),
            option("system", "system", "TEXT", "System prompt").short('s'),
            option("data", "data", "JSON|@FILE|-", "Send this body instead").conflicts_with_all(["prompt", "system"]),
            option("path", "path", "/PATH", "Send to this path; /v1/messages speaks Anthropic's format (default /v1/chat/completions)"),
            option("key_file", "key-file", "FILE", "File that holds the gateway key").value_hint(ValueHint::FilePath),
            option("url", "url", "URL", "The gateway (default: what `gw status` says)").env("GW_URL").value_hint(ValueHint::Url),
            flag("stream", "stream", "Stream the answer"),
            many("header", "header", "NAME:VALUE", "Extra header; repeatable").short('H'),
            option("max_tokens", "max-tokens", "N", "Longest answer").value_parser(clap::value_parser!(u64)),
            many("expect", "expect", "CEL", "Fail with exit code 10 unless this condition holds; repeatable"),
            option("retry", "retry", "N", "Try again so often when the answer is not as expected").value_parser(clap::value_parser!(u32)),
            option("repeat", "repeat", "N", "Send it so often").value_parser(clap::value_parser!(u32).range(1..)),
            flag("explain", "explain", "Say on stderr where it went and what it cost"),
        ])
}
