//! Command lines that cannot be read: what clap says about them as gw's own errors, one look for all and whole in JSON.

use super::{
    context::lost,
    print::{colour_on, complain, errors_as_json},
};
use crate::error::Error;
use crate::stdio;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::{ffi::OsString, process::ExitCode};

/// clap's refusals and answers (`--help`, `--version`), with our exit codes.
pub(crate) fn answer(error: &clap::Error) -> ExitCode {
    let args: Vec<String> = std::env::args_os().map(lossy).collect();
    answer_to(error, &args)
}

/// The same for other arguments than the process's own.
pub(crate) fn answer_to<A: AsRef<str>>(error: &clap::Error, args: &[A]) -> ExitCode {
    let args: Vec<String> = args.iter().map(|arg| arg.as_ref().to_owned()).collect();
    let own: Vec<String> = std::env::args_os().map(lossy).collect();
    let json = json_wanted(&own, std::env::var_os("GW_OUTPUT").map(lossy));
    let help = |colour: bool| match colour {
        true => error.render().ansi().to_string(),
        false => error.render().to_string(),
    };
    if !error.use_stderr() {
        let text = help(colour_on(&std::io::stdout()));
        return match stdio::own(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(undelivered) => ExitCode::from(lost(undelivered)),
        };
    }
    errors_as_json(json);
    match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand if !json => {
            stdio::complaint(&help(colour_on(&std::io::stderr())));
        }
        ErrorKind::InvalidUtf8 => complain(&not_text()),
        _ => complain(&refusal(error, &args)),
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

fn lossy(text: OsString) -> String {
    text.to_string_lossy().into_owned()
}

/// Which argument or variable is not UTF-8: clap does not say.
fn not_text() -> Error {
    let argument = std::env::args_os().find(|arg| arg.to_str().is_none());
    let variable = || {
        variables(&super::command())
            .into_iter()
            .find(|name| set_badly(name))
    };
    match argument {
        Some(argument) => Error::invalid(format!(
            "the argument `{}` is not UTF-8",
            argument.to_string_lossy().escape_debug()
        ))
        .hint("write it in UTF-8; a file with such a name has to be renamed"),
        None => match variable() {
            Some(variable) => Error::invalid(format!("the variable `{variable}` is not UTF-8"))
                .hint(format!("unset {variable}, or give it another value")),
            None => Error::invalid("an argument or variable is not UTF-8"),
        },
    }
}

fn set_badly(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| value.to_str().is_none())
}

/// The variables that stand for options of a command, or of one below it.
fn variables(command: &clap::Command) -> Vec<String> {
    let own = command
        .get_arguments()
        .filter_map(|arg| arg.get_env()?.to_str().map(str::to_owned));
    own.chain(command.get_subcommands().flat_map(variables))
        .collect()
}

/// What clap refuses, in our words.
fn refusal(error: &clap::Error, args: &[String]) -> Error {
    let command = command_of(args);
    let several = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(one)) => vec![one.clone()],
        Some(ContextValue::Strings(all)) => all.clone(),
        _ => Vec::new(),
    };
    let help = format!("see `{command} --help`");
    match error.kind() {
        ErrorKind::MissingRequiredArgument => {
            let missing = several(ContextKind::InvalidArg);
            let missing: Vec<String> = missing.iter().map(|arg| plain(arg)).collect();
            return Error::invalid(format!("`{command}` needs {}", missing.join(" and ")))
                .hint(help);
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            return Error::invalid("no command given").hint(help);
        }
        _ => {}
    }
    let near = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    let hint = match near.map(several).concat().last() {
        Some(near) => format!("did you mean `{near}`? {help}"),
        None => match several(ContextKind::ValidValue) {
            valid if valid.is_empty() => help,
            valid => format!("one of: {}", valid.join(", ")),
        },
    };
    Error::invalid(message(&error.to_string())).hint(hint)
}

/// The first paragraph on one line, quoted as our own messages are. A list of values is left for the hint.
fn message(text: &str) -> String {
    let first = text.split("\n\n").next().unwrap_or_default();
    let lines = first.lines().map(str::trim);
    let lines = lines.filter(|line| !line.starts_with("[possible values"));
    let message = lines.collect::<Vec<_>>().join(" ");
    message.trim_start_matches("error: ").replace('\'', "`")
}

/// `--user <USER>` as people type it: `--user USER`.
fn plain(arg: &str) -> String {
    arg.replace(['<', '>'], "")
}

/// The command that was meant: the words that lead down the tree.
fn command_of(args: &[String]) -> String {
    let root = super::command();
    let (mut at, mut path) = (&root, String::from("gw"));
    for word in args.iter().skip(1).take_while(|word| *word != "--") {
        if let Some(sub) = at.find_subcommand(word) {
            path = format!("{path} {}", sub.get_name());
            at = sub;
        }
    }
    path
}

/// Whether the arguments ask for JSON, though they could not be parsed.
fn json_wanted(args: &[String], variable: Option<String>) -> bool {
    let (mut format, mut next) = (variable, false);
    for arg in args {
        if next {
            format = Some(arg.clone());
            next = false;
        } else if arg == "--" {
            break;
        } else if arg == "-o" || arg == "--output" {
            next = true;
        } else if let Some(value) = arg
            .strip_prefix("--output=")
            .or_else(|| arg.strip_prefix("-o"))
        {
            format = Some(value.trim_start_matches('=').into());
        }
    }
    matches!(format.as_deref(), Some("json" | "jsonl"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split(' ').map(String::from).collect()
    }

    fn refused(line: &str) -> (String, String) {
        let parsed = crate::cli::command().try_get_matches_from(line.split(' '));
        let error = refusal(&parsed.unwrap_err(), &words(line));
        (error.message, error.hint.unwrap_or_default())
    }

    #[test]
    fn refusals_say_what_is_wrong_and_what_to_do() {
        for (line, message, hint) in [
            (
                "gw user create",
                "`gw user create` needs NAME",
                "see `gw user create --help`",
            ),
            (
                "gw usr",
                "unrecognized subcommand `usr`",
                "did you mean `user`? see `gw --help`",
            ),
            (
                "gw user get --limt 3",
                "unexpected argument `--limt` found",
                "did you mean `--limit`? see `gw user get --help`",
            ),
            (
                "gw user get --color neve",
                "invalid value `neve` for `--color <WHEN>`",
                "did you mean `never`? see `gw user get --help`",
            ),
            (
                "gw serve --secrets x",
                "invalid value `x` for `--secrets <STORE>`",
                "one of: auto, keyring, sealed, memory",
            ),
            (
                "gw user get --limit x",
                "invalid value `x` for `--limit <N>`: invalid digit found in string",
                "see `gw user get --help`",
            ),
        ] {
            assert_eq!(refused(line), (message.into(), hint.into()), "{line}");
        }
    }

    #[test]
    fn json_is_recognised_before_parsing() {
        let asks = |line: &str, variable: Option<&str>| {
            json_wanted(&words(line), variable.map(String::from))
        };
        assert!(
            asks("gw user get -o json", None)
                && asks("gw --output=json", None)
                && asks("gw -ojson x", None)
                && asks("gw", Some("json"))
        );
        assert!(
            !asks("gw user get", None)
                && !asks("gw -o table", Some("json"))
                && !asks("gw serve -- jq -o json", None)
        );
    }
}
