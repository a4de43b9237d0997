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
use print::{Format, complain, errors_as_json};
use std::process::ExitCode;

/// Runs the command line and returns the process's exit code.
pub fn main() -> ExitCode {
    if completion::answered() {
        return ExitCode::SUCCESS;
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
    use clap::error::ErrorKind::{DisplayHelp, DisplayVersion};
    if matches!(error.kind(), DisplayHelp | DisplayVersion)
        || !json_wanted(std::env::args(), std::env::var("GW_OUTPUT").ok())
    {
        // Nothing left to say it to when this fails.
        let _ = error.print();
    } else {
        let text = error.to_string();
        let first = text
            .lines()
            .next()
            .unwrap_or_default()
            .trim_start_matches("error: ")
            .to_owned();
        errors_as_json(true);
        complain(&Error::new(Kind::Invalid, first).hint("see --help"));
    }
    ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2))
}

/// Whether the arguments ask for JSON, though they could not be parsed.
fn json_wanted(args: impl Iterator<Item = String>, variable: Option<String>) -> bool {
    let mut format = variable;
    let mut next = false;
    for arg in args {
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
                line.split(' ').map(String::from),
                variable.map(String::from),
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
