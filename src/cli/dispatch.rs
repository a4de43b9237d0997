//! From parsed arguments to the one function that does the command.

use super::print::Format;
use super::{
    apply, completion, context::Context, db, diff, doctor, exits, explain, export, keys, launch,
    limits, logs, models, notify, path, print, providers, quickstart, request, route_status,
    route_test, routes, serve, status, top, tree, usage, vendors, verb_first, verbs, wait,
};
use crate::error::{Error, Result};
use crate::resources::{self, Kind};
use clap::{ArgMatches, parser::ValueSource};
use std::process::ExitCode;

/// Does what the arguments say.
pub(super) fn run(matches: &ArgMatches) -> Result<ExitCode> {
    print::colour(
        matches
            .get_one::<String>("color")
            .map_or("auto", String::as_str),
    );
    let Some((name, sub)) = matches.subcommand() else {
        return Err(Error::invalid("no command given").hint("see `gw --help`"));
    };
    let format = format(matches)?;
    // These do not talk to a gateway, and bring their own runtime.
    match name {
        "serve" => {
            let config = serve::config(sub, std::env::vars_os())?;
            serve::announce(&config);
            return launch::serve(config);
        }
        "mock" => return launch::mock(sub),
        "quickstart" => return quickstart::run(sub),
        "completion" => return completion::print(sub),
        "help" => return exits::help(sub),
        "explain" => return explain::run(sub),
        _ => {}
    }
    let context = Context::new(sub_most(sub), format)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::internal("cannot start the runtime").cause(error))?;
    runtime.block_on(async {
        match name {
            "apply" => apply::run(&context, sub).await.map(|()| ExitCode::SUCCESS),
            "diff" => diff::run(&context, sub).await,
            "export" => export::run(&context, sub).await.map(|()| ExitCode::SUCCESS),
            "get" | "describe" | "delete" => verb_first::run(&context, name, sub)
                .await
                .map(|()| ExitCode::SUCCESS),
            "logs" => logs::run(&context, sub).await.map(|()| ExitCode::SUCCESS),
            "request" => match sub.subcommand() {
                Some(("estimate", estimate)) => request::estimate(&context, estimate).await,
                Some((_, check)) => request::check(&context, check).await,
                None => request::run(&context, sub).await,
            }
            .map(|()| ExitCode::SUCCESS),
            "usage" => usage::run(&context, sub).await.map(|()| ExitCode::SUCCESS),
            "wait" => wait::run(&context, sub).await.map(|()| ExitCode::SUCCESS),
            "status" => status::run(&context).await.map(|()| ExitCode::SUCCESS),
            "notify" => notify::test(&context).await.map(|()| ExitCode::SUCCESS),
            "top" => top::run(&context, sub).await.map(|()| ExitCode::SUCCESS),
            "doctor" => doctor::run(&context).await,
            "db" => db::run(&context, sub).await,
            noun => of_kind(&context, resources::kind(noun)?, sub)
                .await
                .map(|()| ExitCode::SUCCESS),
        }
    })
}

/// The output format asked for, where the command can give it. One that `-o` asks for in vain is refused; what
/// GW_OUTPUT says for a whole job is left aside by commands that cannot.
fn format(matches: &ArgMatches) -> Result<Format> {
    let (mut words, mut at) = (Vec::new(), matches);
    while let Some((name, sub)) = at.subcommand() {
        words.push(name);
        at = sub;
    }
    let path = words.join(" ");
    let by_flag = at.value_source("output") == Some(ValueSource::CommandLine);
    let Some(text) = at.get_one::<String>("output") else {
        return Ok(Format::Table);
    };
    let format: Format = text.parse().map_err(|error: Error| match by_flag {
        true => error,
        false => error.param("GW_OUTPUT"),
    })?;
    let gives = tree::leaf(&path).map_or(&[][..], |leaf| leaf.gives());
    let can = match gives.contains(&format.name()) {
        // A secret must get out, whatever the job's other commands are to print.
        true if !by_flag && secret_only(&words, at) && !keys::has_secret(&format) => {
            return Ok(Format::Table);
        }
        true => has_path(&words, &format),
        false => Err(Error::invalid(format!(
            "`gw {path}` has no output format `{}`",
            text.escape_debug()
        ))
        .hint(format!("one of: {}", print::written(gives)))),
    };
    match can {
        Ok(()) => Ok(format),
        Err(error) if by_flag => Err(error.param("--output")),
        Err(_) => Ok(Format::Table),
    }
}

/// Whether the command prints a new secret and nothing else.
fn secret_only(words: &[&str], matches: &ArgMatches) -> bool {
    matches!(words, ["key", "create" | "rotate"])
        && !matches.contains_id("output_file")
        && !matches
            .try_get_one("from_stdin")
            .is_ok_and(|brought| brought == Some(&true))
}

/// Refuses a `value=.PATH` that no record of the command's kind has, before anything is done.
fn has_path(words: &[&str], format: &Format) -> Result<()> {
    let (Format::Value(path), [noun, verb]) = (format, words) else {
        return Ok(());
    };
    let Ok(kind) = resources::kind(noun) else {
        return Ok(());
    };
    match *verb {
        // These answer with something else than records.
        "delete" | "test" | "discover" | "vendors" | "explain" | "status" | "limits" => Ok(()),
        "create" | "rotate" if path.trim_start_matches('.') == "secret" => Ok(()),
        _ => path::check(kind, path),
    }
}

/// Global options are propagated to the innermost command given.
fn sub_most(matches: &ArgMatches) -> &ArgMatches {
    matches
        .subcommand()
        .map_or(matches, |(_, sub)| sub_most(sub))
}

async fn of_kind(context: &Context, kind: &'static Kind, matches: &ArgMatches) -> Result<()> {
    let Some((verb, matches)) = matches.subcommand() else {
        return Err(Error::invalid("no verb given").hint(format!("see `gw {} --help`", kind.name)));
    };
    if let Ok(Some(by)) = matches.try_get_one::<String>("sort_by") {
        path::check(kind, by)?;
    }
    match (kind.name, verb) {
        (_, "get") => verbs::get::run(context, kind, matches).await,
        (_, "describe") => verbs::describe::run(context, kind, matches).await,
        ("key", "create") => keys::create(context, matches).await,
        (_, "create") => verbs::create::run(context, kind, matches).await,
        (_, "set") => verbs::set::run(context, kind, matches).await,
        (_, "delete") => verbs::delete::run(context, kind, matches).await,
        (_, "enable" | "disable") => verbs::toggle::run(context, kind, verb, matches).await,
        (_, "limits") => limits::run(context, kind, matches).await,
        ("key", "rotate") => keys::rotate(context, matches).await,
        ("key", "revoke") => keys::revoke(context, matches).await,
        ("key", "identify") => keys::identify(context).await,
        ("provider", "test") => providers::test(context, matches).await,
        ("provider", "discover") => providers::discover(context, matches).await,
        ("provider", "rekey") => providers::rekey(context, matches).await,
        ("provider", "vendors") => vendors::run(context, matches).await,
        ("model", "sync") => models::sync(context, matches).await,
        ("model", "search") => models::list(context, matches).await,
        ("route", "status") => route_status::run(context, matches).await,
        ("route", "test") => route_test::run(context, matches).await,
        ("route", "explain") => routes::explain(context, matches).await,
        _ => Err(
            Error::invalid(format!("`{verb}` is not a verb of {}", kind.name))
                .hint(format!("see `gw {} --help`", kind.name)),
        ),
    }
}
