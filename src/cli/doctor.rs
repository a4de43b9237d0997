//! `gw doctor`: what is wrong on this machine, each line with its fix. What the gateway says of itself is read in
//! [`super::doctor_gateway`].

use super::{
    context::Context,
    doctor_gateway,
    finding::{Finding, Mark, finding},
    print::{Format, aligned, clean},
};
use crate::config::{Address, Config};
use crate::error::{Error, Result};
use crate::shell;
use crate::store::room;
use crate::tls::Identity;
use serde_json::{Value, json};
use std::{net::SocketAddr, path::Path, process::ExitCode};

/// Runs `gw doctor`; exit code 1 when something failed.
pub(crate) async fn run(context: &Context) -> Result<ExitCode> {
    let gateway = doctor_gateway::ask(context).await;
    let mut found = vec![settings(context)];
    if let Ok(config) = context.config() {
        found.push(disk(&config.data_dir(), config.server.in_memory));
        let listen = config.server.listen.iter();
        found.extend(listen.map(|address| port(address, gateway.status())));
    }
    found.extend(socket(context, gateway.status().is_some()));
    found.extend(proxies());
    found.extend(gateway.findings(context).await);
    match context.look.format {
        Format::Table | Format::Wide => context.data(&render(&found)),
        _ => {
            let items: Vec<Value> =
                found.iter().map(|one| json!({"result": one.mark.name(), "about": one.about, "message": one.says, "fix": one.fix})).collect();
            context.data(&context.look.found(&json!({ "items": items }))?);
        }
    }
    Ok(if found.iter().any(|one| one.mark == Mark::Fail) {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

/// A line a finding, its fix below.
fn render(found: &[Finding]) -> String {
    let mut rows = Vec::new();
    for one in found {
        rows.push(vec![
            one.mark.name().to_owned(),
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
    let config = context.config().and_then(|config| match no_pair(config) {
        Some(error) => Err(error),
        None => Ok(config),
    });
    match config {
        Ok(config) => match config.files.last() {
            Some(file) => finding(Mark::Ok, "settings", format!("{} is valid", file.display())),
            None => finding(Mark::Ok, "settings", "no gw.toml; defaults and environment"),
        },
        Err(error) => {
            finding(Mark::Fail, "settings", error.to_string()).fix(error.hint.unwrap_or_default())
        }
    }
}

/// What is wrong with the certificate and key that are named, as `gw serve` would say it.
fn no_pair(config: &Config) -> Option<Error> {
    let server = &config.server;
    let (certificate, key) = (server.tls_cert.as_ref()?, server.tls_key.as_ref()?);
    Identity::load(certificate, key).err()
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
    if let Err(error) = room::probe(there) {
        return finding(Mark::Fail, "disk", error.to_string()).fix(error.hint.unwrap_or_default());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if there == data_dir && std::fs::metadata(there).is_ok_and(|meta| meta.mode() & 0o077 != 0)
        {
            return finding(
                Mark::Warn,
                "disk",
                format!("others can look into {}", there.display()),
            )
            .fix(format!(
                "chmod 700 {}",
                shell::quoted(&there.display().to_string())
            ));
        }
    }
    let place = match there == data_dir {
        true => format!("{} can be written", data_dir.display()),
        false => format!("{} can be made in {}", data_dir.display(), there.display()),
    };
    match room::free(there) {
        Some(free) if free < room::LOG_ROWS => finding(
            Mark::Warn,
            "disk",
            format!(
                "{place}, but only {} MiB are free: request logs are not kept",
                free >> 20
            ),
        )
        .fix("make room on that disk: df -h shows it"),
        Some(free) => finding(
            Mark::Ok,
            "disk",
            format!("{place}, {} MiB free", free >> 20),
        ),
        None => finding(Mark::Ok, "disk", place),
    }
}

/// A port in use is fine where it is this gateway's.
fn port(address: &str, status: Option<&Value>) -> Finding {
    let error = match std::net::TcpListener::bind(address) {
        Ok(_) => return finding(Mark::Ok, "port", format!("{address} is free")),
        Err(error) => error,
    };
    if error.kind() != std::io::ErrorKind::AddrInUse {
        return finding(
            Mark::Fail,
            "port",
            format!("{address} cannot be listened on: {error}"),
        )
        .fix("choose another with --listen");
    }
    if status.is_some_and(|status| listens(status, address)) {
        let says = format!("{address} is in use by this gateway");
        return finding(Mark::Ok, "port", says);
    }
    let number = address.rsplit(':').next().unwrap_or(address);
    finding(
        Mark::Fail,
        "port",
        format!("{address} is in use by another program"),
    )
    .fix(format!(
        "see which (ss -ltnp 'sport = :{number}') and stop it, or choose another port with --listen"
    ))
}

/// Whether a gateway with this status listens there.
fn listens(status: &Value, address: &str) -> bool {
    let Ok(wanted) = address.parse::<SocketAddr>() else {
        return false;
    };
    status["urls"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .filter_map(|url| url.split_once("://")?.1.parse::<SocketAddr>().ok())
        .any(|own| {
            let any = own.ip().is_unspecified() || wanted.ip().is_unspecified();
            own.port() == wanted.port() && (any || own.ip() == wanted.ip())
        })
}

fn socket(context: &Context, answers: bool) -> Option<Finding> {
    let place = context.address().ok()?;
    if answers {
        return Some(finding(
            Mark::Ok,
            "admin",
            format!("{place} is in use by this gateway"),
        ));
    }
    let Address::Unix(path) = place else {
        return Some(finding(Mark::Ok, "admin", place.to_string()));
    };
    let shown = path.display();
    #[cfg(unix)]
    if let Ok(meta) = std::fs::symlink_metadata(&path) {
        use std::io::ErrorKind;
        use std::os::unix::fs::MetadataExt;
        let owner = meta.uid();
        if owner != rustix::process::geteuid().as_raw() {
            let says = format!("{shown} belongs to another user (UID {owner})");
            return Some(
                finding(Mark::Fail, "admin", says)
                    .fix("run gw as that user, or start your own with --data-dir"),
            );
        }
        return Some(match std::os::unix::net::UnixStream::connect(&path) {
            Ok(_) => finding(
                Mark::Fail,
                "admin",
                format!("{shown} is in use by another program"),
            )
            .fix("stop it, or choose another socket with --admin-listen"),
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => finding(
                Mark::Warn,
                "admin",
                format!("{shown} was left behind by a gateway that is gone"),
            )
            .fix("start the gateway with `gw serve`; it takes its place"),
            Err(error) => finding(
                Mark::Fail,
                "admin",
                format!("{shown} cannot be connected to: {error}"),
            )
            .fix(format!("see what it is: ls -l {shown}")),
        });
    }
    Some(
        finding(Mark::Warn, "admin", format!("{shown} is not there"))
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
