//! `gw KIND limits` and what is below it.

use super::args::name;
use super::{flag, option};
use crate::cli::completion::names_of;
use crate::cli::limits::has_sessions;
use crate::resources::Kind;
use clap::{Arg, ArgAction, Command};

/// `flags`: those that limits are given by.
pub(super) fn limits(kind: &'static Kind, flags: Vec<Arg>) -> Command {
    let show = Command::new("limits")
        .about("How their limits stand: used, reserved, left, reset; all that have some without a name")
        .args_conflicts_with_subcommands(true)
        .arg(
            Arg::new("name")
                .value_name("NAME")
                .num_args(0..)
                .help("Their names")
                .add(names_of(kind.name)),
        );
    let show = match has_sessions(kind) {
        true => show.arg(flag("sessions", "sessions", "Also those of each session")),
        false => show,
    };
    show.subcommand(set(kind, flags))
        .subcommand(unset(kind))
        .subcommand(reset(kind))
}

fn dry_run() -> Arg {
    flag(
        "dry_run",
        "dry-run",
        "Let the gateway check it, change nothing",
    )
}

fn set(kind: &'static Kind, flags: Vec<Arg>) -> Command {
    Command::new("set")
        .about("Set some limits and leave the others")
        .arg(name(kind))
        .args(flags)
        .arg(flag(
            "shadow",
            "shadow",
            "Note what goes over them, and refuse nothing",
        ))
        .arg(dry_run())
}

fn names(required: bool, help: &'static str) -> Arg {
    Arg::new("limits")
        .value_name("METRIC/WINDOW")
        .num_args(1..)
        .action(ArgAction::Append)
        .required(required)
        .help(help)
}

fn unset(kind: &'static Kind) -> Command {
    let unset = Command::new("unset")
        .about("Take some limits away")
        .arg(name(kind))
        .arg(names(true, "Which, such as tokens/hour or parallel"))
        .arg(dry_run());
    match has_sessions(kind) {
        true => unset.arg(flag("session", "session", "Those of its sessions")),
        false => unset,
    }
}

fn reset(kind: &'static Kind) -> Command {
    Command::new("reset")
        .about("Count anew from nothing; the audit log has it")
        .arg(name(kind))
        .arg(names(false, "Which, such as spend/month (default: all)"))
        .arg(option("reason", "reason", "TEXT", "Why, for the audit log"))
}
