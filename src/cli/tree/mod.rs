//! The whole command tree. The five kinds' commands are generated from [`crate::resources::KINDS`].

mod args;
mod commands;
mod kinds;
mod leaves;
mod limits;
mod requests;
mod server;
mod sums;

pub(crate) use leaves::leaf;

use super::print::FORMATS;
use clap::{Arg, ArgAction, Command, ValueHint, builder::PossibleValue};

const FIRST_RUN: &str = "First run:
  gw serve                                # 127.0.0.1:4000
  gw provider create openai --vendor openai --credential-env OPENAI_API_KEY
  gw user create me && gw key create dev --user me --output-file ~/.gw-dev.key
  gw route create default --key dev --to openai
  gw request 'hello' -m gpt-4o --key-file ~/.gw-dev.key

Exit codes: gw help exit-codes";

/// The command tree.
pub fn command() -> Command {
    let root = Command::new("gw")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A gateway for AI APIs: run it with `gw serve`, manage it with everything else")
        .after_help(FIRST_RUN)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .args(globals());
    let root = server::commands()
        .into_iter()
        .chain(kinds::commands())
        .chain(commands::commands())
        .chain(requests::commands())
        .chain(sums::commands())
        .fold(root, Command::subcommand);
    quiet_env(with_examples(root, ""))
}

/// A command without clap's own `help` subcommand below it; `gw help COMMAND…` serves them all.
fn group(name: &'static str, about: &'static str) -> Command {
    Command::new(name)
        .about(about)
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
}

fn globals() -> Vec<Arg> {
    let global = |arg: Arg| arg.global(true).help_heading("Global options");
    let formats = FORMATS.map(|format| PossibleValue::new(format).hide(format == "value="));
    vec![
        global(
            option(
                "output",
                "output",
                "FORMAT",
                "table, wide, json, jsonl, yaml, toml, csv, name or value=.PATH",
            )
            .short('o')
            .env("GW_OUTPUT"),
        )
        .add(clap_complete::ArgValueCandidates::new(move || {
            formats
                .iter()
                .map(|format| clap_complete::CompletionCandidate::new(format.get_name().to_owned()))
                .collect()
        })),
        global(flag("quiet", "quiet", "Nothing but the data and errors").short('q')),
        global(
            flag(
                "verbose",
                "verbose",
                "Show the calls made to the gateway, on stderr",
            )
            .short('v')
            .action(ArgAction::Count),
        ),
        global(
            option(
                "color",
                "color",
                "WHEN",
                "Colour on stderr; NO_COLOR and TERM=dumb are heeded",
            )
            .value_parser(["auto", "always", "never"])
            .default_value("auto"),
        ),
        global(
            flag(
                "no_input",
                "no-input",
                "Never prompt: fail, naming the flag that would have answered",
            )
            .env("GW_NO_INPUT")
            .value_parser(clap::builder::FalseyValueParser::new()),
        ),
        global(
            option(
                "admin_url",
                "admin-url",
                "URL",
                "The gateway's admin address: unix:/PATH or http[s]://HOST:PORT",
            )
            .env("GW_ADMIN_URL")
            .value_hint(ValueHint::Url),
        ),
        global(
            option(
                "config",
                "config",
                "FILE",
                "Settings file (default ./gw.toml, then the user's) [GW_CONFIG]",
            )
            .short('c')
            .value_hint(ValueHint::FilePath),
        ),
        global(
            option(
                "timeout",
                "timeout",
                "TIME",
                "Give up on a call after this long (default 30s)",
            )
            .env("GW_TIMEOUT"),
        ),
    ]
}

/// An option with a value.
fn option(id: &'static str, long: &'static str, value: &'static str, help: &'static str) -> Arg {
    Arg::new(id).long(long).value_name(value).help(help)
}

/// A switch.
fn flag(id: &'static str, long: &'static str, help: &'static str) -> Arg {
    Arg::new(id)
        .long(long)
        .help(help)
        .action(ArgAction::SetTrue)
}

/// An option that may be given several times.
fn many(id: &'static str, long: &'static str, value: &'static str, help: &'static str) -> Arg {
    option(id, long, value, help).action(ArgAction::Append)
}

/// Every command's help ends with examples of its use.
fn with_examples(command: Command, path: &str) -> Command {
    let lines = match leaf(path) {
        Some(leaf) => leaf.examples(),
        None => first_examples(&command, path),
    };
    let command = command.mut_subcommands(|sub| {
        let path = format!("{path} {}", sub.get_name());
        with_examples(sub, path.trim_start())
    });
    if lines.is_empty() {
        return command;
    }
    let mut text = String::from("Examples:");
    for line in lines {
        text.push_str("\n  ");
        text.push_str(&line);
    }
    if let Some(more) = command.get_after_help() {
        text = format!("{more}\n\n{text}");
    }
    command.after_help(text)
}

/// Of a command that does nothing itself: how the first of those below it are used. The root has a first run of
/// its own.
fn first_examples(command: &Command, path: &str) -> Vec<String> {
    const FEW: usize = 3;
    let below = command.get_subcommands().filter(|_| !path.is_empty());
    below
        .filter_map(|sub| {
            let leaf = leaf(&format!("{path} {}", sub.get_name()))?;
            leaf.examples().into_iter().next()
        })
        .take(FEW)
        .collect()
}

/// Help never shows what is in the environment: it may be a secret.
fn quiet_env(command: Command) -> Command {
    command
        .mut_args(|arg| arg.hide_env_values(true))
        .mut_subcommands(quiet_env)
}

#[cfg(test)]
mod tests;
