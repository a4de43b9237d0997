//! The command line: tree, verbs, printers, completion. It knows the gateway only through its admin API;
//! what it decides, it decides from [`crate::resources::KINDS`].

mod apply;
mod completion;
mod context;
mod credential;
mod db;
mod diff;
mod dispatch;
mod doctor;
mod doctor_gateway;
mod endpoint;
mod exits;
mod explain;
mod export;
mod fields;
mod files;
mod finding;
mod interrupt;
mod keys;
pub mod launch;
mod limits;
mod logs;
mod misread;
mod models;
mod names;
mod notify;
mod path;
mod print;
mod progress;
mod providers;
mod quickstart;
mod remote;
mod request;
mod route_decision;
mod route_status;
mod route_test;
mod routes;
mod serve;
mod status;
mod top;
mod tree;
mod usage;
mod vendors;
mod verb_first;
mod verbs;
mod wait;

pub use remote::Remote;
pub use tree::command;

use print::{Format, complain, errors_as_json};
use std::process::ExitCode;

/// Runs the command line and returns the process's exit code.
pub fn main() -> ExitCode {
    if let Some(code) = completion::answered() {
        return code;
    }
    let matches = match command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => return misread::answer(&error),
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
