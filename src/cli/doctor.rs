//! `gw doctor`: what is wrong on this machine, each line with its fix.

use super::{
    context::Context,
    print::{Format, aligned, clean},
    verbs::describe,
};
use crate::config::Address;
use crate::error::{Kind, Result};
use serde_json::{Value, json};
use std::{path::Path, process::ExitCode};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Ok,
    Warn,
    Fail,
}

struct Finding {
    mark: Mark,
    about: &'static str,
    says: String,
    fix: Option<String>,
}

fn finding(mark: Mark, about: &'static str, says: impl Into<String>) -> Finding {
    Finding {
        mark,
        about,
        says: says.into(),
        fix: None,
    }
}

impl Finding {
    fn fix(mut self, fix: impl Into<String>) -> Finding {
        self.fix = Some(fix.into());
        self
    }
}

/// Runs `gw doctor`; exit code 1 when something failed.
pub(crate) async fn run(context: &Context) -> Result<ExitCode> {
    let mut found = vec![settings(context)];
    if let Ok(config) = context.config() {
        found.push(disk(&config.data_dir(), config.server.in_memory));
        found.extend(config.server.listen.iter().map(|address| port(address)));
    }
    found.extend(socket(context));
    found.extend(proxies());
    found.extend(gateway(context).await);
    match context.look.format {
        Format::Table | Format::Wide => context.data(&render(&found)),
        _ => {
            let items: Vec<Value> =
                found.iter().map(|one| json!({"result": mark(one.mark), "about": one.about, "message": one.says, "fix": one.fix})).collect();
            context.data(&context.look.found(&json!({ "items": items }))?);
        }
    }
    Ok(if found.iter().any(|one| one.mark == Mark::Fail) {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

fn mark(mark: Mark) -> &'static str {
    match mark {
        Mark::Ok => "ok",
        Mark::Warn => "warn",
        Mark::Fail => "fail",
    }
}

/// A line a finding, its fix below.
fn render(found: &[Finding]) -> String {
    let mut rows = Vec::new();
    for one in found {
        rows.push(vec![
            mark(one.mark).to_owned(),
            one.about.to_owned(),
            clean(&one.says),
        ]);
        rows.extend(
            one.fix
                .as_ref()
                .map(|fix| vec![String::new(), String::new(), format!("fix: {}", clean(fix))]),
        );
    }
    aligned(rows)
}

fn settings(context: &Context) -> Finding {
    match context.config() {
        Ok(config) => match config.files.last() {
            Some(file) => finding(Mark::Ok, "settings", format!("{} is valid", file.display())),
            None => finding(Mark::Ok, "settings", "no gw.toml; defaults and environment"),
        },
        Err(error) => {
            finding(Mark::Fail, "settings", error.to_string()).fix(error.hint.unwrap_or_default())
        }
    }
}

fn disk(data_dir: &Path, in_memory: bool) -> Finding {
    if in_memory {
        return finding(Mark::Ok, "disk", "state is in memory");
    }
    // The nearest directory that is there decides whether the others can be made.
    let Some(there) = data_dir.ancestors().find(|dir| dir.exists()) else {
        return finding(
            Mark::Fail,
            "disk",
            format!("{} cannot be made", data_dir.display()),
        );
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if rustix::fs::access(there, rustix::fs::Access::WRITE_OK).is_err() {
            return finding(
                Mark::Fail,
                "disk",
                format!("{} cannot be written", there.display()),
            )
            .fix("choose another with --data-dir, or mend its owner and mode");
        }
        if there == data_dir && std::fs::metadata(there).is_ok_and(|meta| meta.mode() & 0o077 != 0)
        {
            return finding(
                Mark::Warn,
                "disk",
                format!("others can look into {}", there.display()),
            )
            .fix(format!("chmod 700 {}", there.display()));
        }
        if let Ok(stat) = rustix::fs::statvfs(there) {
            let free = stat.f_bavail.saturating_mul(stat.f_frsize) >> 20;
            if free < 256 {
                return finding(
                    Mark::Warn,
                    "disk",
                    format!("{free} MiB free at {}", there.display()),
                )
                .fix("make room, or lower logs.max_bytes");
            }
            return finding(
                Mark::Ok,
                "disk",
                format!("{}, {free} MiB free", data_dir.display()),
            );
        }
    }
    finding(
        Mark::Ok,
        "disk",
        format!("{} (in {})", data_dir.display(), there.display()),
    )
}

/// A port in use is fine when it is the gateway's own; only the gateway can tell, so this warns.
fn port(address: &str) -> Finding {
    match std::net::TcpListener::bind(address) {
        Ok(_) => finding(Mark::Ok, "port", format!("{address} is free")),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => finding(
            Mark::Ok,
            "port",
            format!("{address} is in use (by the gateway, if it runs)"),
        ),
        Err(error) => finding(
            Mark::Fail,
            "port",
            format!("{address} cannot be listened on: {error}"),
        )
        .fix("choose another with --listen"),
    }
}

fn socket(context: &Context) -> Option<Finding> {
    let place = context.address().ok()?;
    let Address::Unix(path) = place else {
        return Some(finding(Mark::Ok, "admin", place.to_string()));
    };
    #[cfg(unix)]
    if let Ok(meta) = std::fs::metadata(&path) {
        use std::os::unix::fs::MetadataExt;
        if meta.uid() != rustix::process::geteuid().as_raw() {
            return Some(
                finding(
                    Mark::Fail,
                    "admin",
                    format!("{} belongs to another user", path.display()),
                )
                .fix("run gw as that user, or start your own with --data-dir"),
            );
        }
        return Some(finding(
            Mark::Ok,
            "admin",
            format!("unix:{}", path.display()),
        ));
    }
    Some(
        finding(
            Mark::Warn,
            "admin",
            format!("{} is not there", path.display()),
        )
        .fix("start the gateway with `gw serve`"),
    )
}

fn proxies() -> Option<Finding> {
    let set: Vec<&str> = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ]
    .into_iter()
    .filter(|name| std::env::var_os(name).is_some())
    .collect();
    (!set.is_empty()).then(|| {
        finding(
            Mark::Warn,
            "proxy",
            format!(
                "{} set, which gw does not follow: it connects to providers directly",
                set.join(", ")
            ),
        )
    })
}

async fn gateway(context: &Context) -> Vec<Finding> {
    let status = match context.remote() {
        Ok(remote) => remote.status().await,
        Err(error) => Err(error),
    };
    let status = match status {
        Ok(status) => status,
        Err(error) => {
            let how_bad = if error.kind == Kind::NoGateway {
                Mark::Warn
            } else {
                Mark::Fail
            };
            return vec![
                finding(how_bad, "gateway", error.to_string()).fix(error.hint.unwrap_or_default()),
            ];
        }
    };
    let text = |path: &str| {
        super::path::lookup(&status, path)
            .map(super::print::text)
            .unwrap_or_default()
    };
    let mut found = vec![finding(
        Mark::Ok,
        "gateway",
        format!("{} (pid {})", text("url"), text("pid")),
    )];
    for (about, path) in [("store", "store"), ("secrets", "secrets")] {
        match super::path::lookup(&status, path) {
            None | Some(Value::Null) => {}
            Some(Value::Object(_)) => found.push(finding(
                Mark::Ok,
                about,
                describe::lines(status.get(path).unwrap_or(&Value::Null))
                    .trim_end()
                    .replace('\n', "; "),
            )),
            Some(_) => found.push(finding(Mark::Ok, about, text(path))),
        }
    }
    match text("log.degraded") {
        why if why.is_empty() => found.push(finding(
            Mark::Ok,
            "logs",
            format!("{} rows written", text("log.written")),
        )),
        why => found.push(
            finding(
                Mark::Fail,
                "logs",
                format!("rows are not being stored: {why}"),
            )
            .fix("make room on the disk, or lower logs.max_bytes"),
        ),
    }
    let count = |path: &str| super::path::lookup(&status, path).and_then(Value::as_u64);
    if let Some(places @ 1..) = count("log.damaged_places") {
        let says = format!(
            "damaged: {}; what is there is skipped (places: {places})",
            text("log.damaged")
        );
        let fix =
            "check the disk; to be rid of them remove those files from logs/ in the data directory";
        found.push(finding(Mark::Warn, "logs", says).fix(fix));
    }
    if let Some(rows @ 1..) = count("log.purged_rows") {
        let says = format!("{rows} rows went before their time because the disk runs low");
        found.push(finding(Mark::Warn, "logs", says).fix("make room on the disk"));
    }
    for (name, why) in status
        .get("credentials")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        found.push(
            finding(
                Mark::Fail,
                "provider",
                format!("{name}: {}", super::print::text(why)),
            )
            .fix(format!("gw provider rekey {name}")),
        );
    }
    found
}
