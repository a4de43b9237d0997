//! The command line: tree, verbs, printers, completion. It knows the gateway only through its admin API;
//! what it decides, it decides from [`crate::resources::KINDS`].

mod api;
mod apply;
mod completion;
mod context;
mod credential;
mod diff;
mod dispatch;
mod doctor;
mod endpoint;
mod exits;
mod explain;
mod export;
mod fields;
mod files;
mod keys;
pub mod launch;
mod logs;
mod logs_show;
mod models;
mod names;
mod path;
mod print;
mod progress;
mod providers;
mod quickstart;
mod remote;
mod request;
mod route_decision;
mod routes;
mod serve;
mod status;
mod tree;
mod verb_first;
mod verbs;
mod wait;

pub use remote::Remote;
pub use tree::command;

use crate::error::{Error, Kind};
use crate::stdio;
use print::{Format, complain, errors_as_json};
use std::{ffi::OsString, process::ExitCode};

/// Runs the command line and returns the process's exit code.
pub fn main() -> ExitCode {
    if let Some(code) = completion::answered() {
        return code;
    }
    let matches = match command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return refused(&error),
    };
    let format = matches.get_one::<String>("output").map(|text| text.parse());
    errors_as_json(matches!(format, Some(Ok(Format::Json | Format::Jsonl))));
    match dispatch::run(&matches) {
        Ok(code) => code,
        Err(error) => {
            complain(&error);
            ExitCode::from(error.kind.row().exit)
        }
    }
}

/// clap's own refusals and answers (`--help`, `--version`): its text, our exit codes and JSON errors.
fn refused(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let text = error.render();
        let text = match print::colour_on(&std::io::stdout()) {
            true => text.ansi().to_string(),
            false => text.to_string(),
        };
        return match stdio::data(text.as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(undelivered) => ExitCode::from(context::lost(undelivered)),
        };
    }
    let json = json_wanted(std::env::args_os(), std::env::var_os("GW_OUTPUT"));
    errors_as_json(json);
    if error.kind() == clap::error::ErrorKind::InvalidUtf8 {
        complain(&not_text());
    } else if json {
        let text = error.to_string();
        let first = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned();
        complain(&Error::new(Kind::Invalid, first).hint("see --help"));
    } else {
        let text = error.render();
        match print::colour_on(&std::io::stderr()) {
            true => stdio::ask(text.ansi()),
            false => stdio::ask(text),
        }
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Which argument or variable is not UTF-8: clap does not say.
fn not_text() -> Error {
    let argument = std::env::args_os().find(|arg| arg.to_str().is_none());
    let variable = || {
        variables(&command())
            .into_iter()
            .find(|name| set_badly(name))
    };
    match argument {
        Some(argument) => Error::invalid(format!(
            "the argument `{}` is not UTF-8",
            argument.to_string_lossy().escape_debug()
        )),
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

/// Whether the arguments ask for JSON, though they could not be parsed.
fn json_wanted(args: impl Iterator<Item = OsString>, variable: Option<OsString>) -> bool {
    let mut format = variable.map(|text| text.to_string_lossy().into_owned());
    let mut next = false;
    for arg in args {
        let arg = arg.to_string_lossy().into_owned();
        if next {
            format = Some(arg);
            next = false;
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
    use super::*;

    #[test]
    fn json_is_recognised_before_parsing() {
        let asks = |line: &str, variable: Option<&str>| {
            json_wanted(
                line.split(' ').map(OsString::from),
                variable.map(OsString::from),
            )
        };
        assert!(
            asks("gw user get -o json", None)
                && asks("gw --output=json", None)
                && asks("gw -ojson x", None)
                && asks("gw", Some("json"))
        );
        assert!(!asks("gw user get", None) && !asks("gw -o table", Some("json")));
    }
}
