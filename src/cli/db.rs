//! `gw db`: what the stores take, whether they are sound, a copy of them, and space given back.

use super::context::Context;
use super::print::{Format, clean, table, text};
use crate::error::{Error, Kind, Result};
use crate::resources::Stamp;
use clap::ArgMatches;
use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Runs `gw db VERB`.
pub(crate) async fn run(context: &Context, matches: &ArgMatches) -> Result<ExitCode> {
    match matches.subcommand() {
        Some(("stats", _)) => stats(context).await,
        Some(("verify", _)) => verify(context).await,
        Some(("backup", sub)) => backup(context, sub).await,
        Some(("compact", _)) => compact(context).await,
        _ => Err(Error::invalid("no verb given").hint("see `gw db --help`")),
    }
}

/// A value as people read it, and the answer as it is otherwise.
fn show(context: &Context, answer: &Value, table: impl FnOnce() -> String) -> Result<()> {
    match context.look.format {
        Format::Table | Format::Wide => context.data(&table()),
        _ => context.data(&context.look.found(answer)?),
    }
    Ok(())
}

async fn stats(context: &Context) -> Result<ExitCode> {
    let stats = context.remote()?.db_stats().await?;
    show(context, &stats, || render(&stats))?;
    Ok(ExitCode::SUCCESS)
}

/// Bytes in the unit that leaves few digits.
fn size(bytes: Option<u64>) -> String {
    let Some(bytes) = bytes else {
        return "-".into();
    };
    let units = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in units {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    match unit {
        "B" => format!("{bytes} B"),
        _ => format!("{value:.1} {unit}"),
    }
}

fn number(value: &Value, path: &str) -> Option<u64> {
    value.pointer(path).and_then(Value::as_u64)
}

fn items<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    let items = value.get(field).and_then(Value::as_array);
    items.map_or(&[], Vec::as_slice)
}

fn word(value: &Value, field: &str) -> String {
    value
        .get(field)
        .map_or_else(String::new, |it| clean(&text(it)))
}

fn render(stats: &Value) -> String {
    let parts = items(stats, "parts").iter().map(|part| {
        vec![
            word(part, "part"),
            size(number(part, "/bytes")),
            word(part, "files"),
            word(part, "about"),
        ]
    });
    let mut out = table(&["PART", "SIZE", "FILES", "WHAT"], parts.collect(), true);
    out.push('\n');
    let logs = ["rows", "content"].map(|kind| {
        let of = |field: &str| number(stats, &format!("/log/{kind}/{field}"));
        let at = |field: &str| {
            let at = stats.pointer(&format!("/log/{kind}/{field}"));
            let at = at.and_then(Value::as_i64).map(Stamp);
            at.map_or_else(|| "-".to_owned(), |at| at.rfc3339())
        };
        let next = match of("next/bytes") {
            None => "nothing".to_owned(),
            Some(bytes) => format!(
                "{} at {}, or {} later",
                size(Some(bytes)),
                at("next/at"),
                size(of("next/after_bytes")),
            ),
        };
        vec![
            kind.to_owned(),
            of("rows").map_or_else(|| "-".into(), |rows| rows.to_string()),
            size(of("bytes")),
            size(of("max_bytes")),
            at("oldest"),
            at("newest"),
            next,
        ]
    });
    let heads = [
        "LOG",
        "ROWS",
        "SIZE",
        "MOST",
        "OLDEST",
        "NEWEST",
        "GOES NEXT",
    ];
    out.push_str(&table(&heads, logs.to_vec(), true));
    out.push_str(&format!(
        "\n{} free on the disk of {}\n",
        size(number(stats, "/free_bytes")),
        stats
            .get("directory")
            .and_then(Value::as_str)
            .map_or_else(|| "no directory: everything is in memory".to_owned(), clean),
    ));
    out
}

async fn verify(context: &Context) -> Result<ExitCode> {
    let progress = context.progress("checking", None);
    let checked = context.remote_for_many()?.db_verify().await;
    drop(progress);
    let checked = checked?;
    show(context, &checked, || {
        let rows = items(&checked, "items").iter().map(|part| {
            let sound = part.get("sound") == Some(&Value::Bool(true));
            vec![
                word(part, "part"),
                if sound { "sound" } else { "damaged" }.to_owned(),
                word(part, "found"),
            ]
        });
        table(&["PART", "STATE", "FOUND"], rows.collect(), true)
    })?;
    Ok(match checked.get("sound") {
        Some(Value::Bool(true)) => ExitCode::SUCCESS,
        _ => ExitCode::from(1),
    })
}

async fn compact(context: &Context) -> Result<ExitCode> {
    let freed = context.remote_for_many()?.db_compact().await?;
    show(context, &freed, || {
        let rows = items(&freed, "items").iter().map(|part| {
            let (before, after) = (number(part, "/before"), number(part, "/after"));
            vec![
                word(part, "part"),
                size(before),
                size(after),
                size(
                    before
                        .zip(after)
                        .map(|(before, after)| before.saturating_sub(after)),
                ),
                word(part, "about"),
            ]
        });
        table(
            &["PART", "BEFORE", "AFTER", "FREED", "WHY"],
            rows.collect(),
            true,
        )
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the archive beside its name and gives it that when it is whole.
async fn backup(context: &Context, matches: &ArgMatches) -> Result<ExitCode> {
    let to = matches
        .get_one::<PathBuf>("to")
        .cloned()
        .unwrap_or_default();
    let path = match to.is_dir() {
        true => to.join(name(Stamp::now())),
        false => to,
    };
    if path.exists() {
        return Err(Error::new(
            Kind::Conflict,
            format!("`{}` is there already", path.display()),
        )
        .hint("choose another name, or a directory: each backup gets a name of its own there"));
    }
    let part = path.with_added_extension("part");
    let done = receive(context, matches.get_flag("logs"), &part).await;
    let renamed = done.and_then(|bytes| {
        std::fs::rename(&part, &path).map_err(|error| unwritten(&path).cause(error))?;
        Ok(bytes)
    });
    if renamed.is_err() {
        let _ = std::fs::remove_file(&part);
    }
    let bytes = renamed?;
    context.talk(&format!(
        "{} in `{}`. To start from it: mkdir -m 700 DIR && tar xf '{}' -C DIR && gw serve --data-dir DIR\nIt has no master key: what opens the sealed secrets is kept apart from them",
        size(Some(bytes)),
        path.display(),
        path.display(),
    ));
    Ok(ExitCode::SUCCESS)
}

fn name(now: Stamp) -> String {
    let time: String = now.rfc3339().chars().take(19).collect();
    format!("gw-backup-{}.tar", time.replace(':', ""))
}

fn unwritten(path: &Path) -> Error {
    Error::invalid(format!("`{}` cannot be written", path.display()))
}

async fn receive(context: &Context, logs: bool, path: &Path) -> Result<u64> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let opened = options.write(true).create_new(true).open(path);
    let mut file: File = opened.map_err(|error| unwritten(path).cause(error))?;
    let mut archive = context.remote()?.db_backup(logs).await?;
    let progress = context.progress("backup", None);
    let mut bytes = 0;
    while let Some(piece) = archive.next().await? {
        file.write_all(&piece)
            .map_err(|error| unwritten(path).cause(error))?;
        bytes += piece.len() as u64;
    }
    drop(progress);
    file.sync_all()
        .map_err(|error| unwritten(path).cause(error))?;
    Ok(bytes)
}
