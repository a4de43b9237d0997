//! What `gw serve` says: on stderr for people, in the ready file and on stdout for scripts.

use super::{dev, ready::Ready, stores::Stores};
use crate::admin::Desk;
use crate::config::{Config, Log, LogFormat};
use crate::error::Error;
use crate::gateway::Settings;
use crate::resources::key::LogContent;
use crate::{shell, stdio};
use std::io::IsTerminal;

/// Sets up the process's own log on stderr. A second call in one process changes nothing.
pub fn logging(log: &Log) {
    let filter = tracing_subscriber::EnvFilter::try_new(&log.level)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let terminal = std::io::stderr().is_terminal();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(terminal && std::env::var_os("NO_COLOR").is_none());
    let json = log.format == LogFormat::Json || (log.format == LogFormat::Auto && !terminal);
    let _ = if json {
        builder.json().try_init()
    } else {
        builder.without_time().try_init()
    };
}

/// Tells people that every listener accepts.
pub fn people(config: &Config, ready: &Ready, stores: &Stores, desk: &Desk) {
    for url in &ready.urls {
        say("listening", &format!("{url}/v1"));
    }
    for admin in &ready.admins {
        say("admin", admin);
    }
    if let Some(admin) = ready.admins.first().filter(|_| config.command.is_empty())
        && *admin != config.admin_default().to_string()
    {
        say(
            "",
            &format!(
                "for commands elsewhere: export GW_ADMIN_URL={}{}",
                shell::quoted(admin),
                trust(config, admin)
            ),
        );
    }
    if let Some(metrics) = &ready.metrics {
        say("metrics", &format!("{metrics}/metrics, without a token"));
    }
    say("state", &stores.records.describe());
    let (secrets, warning) = secrets(&stores.vault.describe());
    say("secrets", &secrets);
    let content = match config.log_content() {
        LogContent::Full => "requests and answers in full; less with --log-content metadata",
        LogContent::Metadata => "a row a request, without content",
        LogContent::Off => "off",
    };
    say("logging", content);
    if let Some(notice) = &stores.notice {
        notice.lines().for_each(|line| say("mended", line));
    }
    for url in ready.urls.iter().filter(|url| exposed(url)) {
        say(
            "warning",
            &format!(
                "{url} can be reached from other machines, and keys travel unencrypted: give --tls-cert and --tls-key, or put TLS in front"
            ),
        );
    }
    if let Some(warning) = warning {
        say("warning", &warning);
    }
    if config.dev {
        let found: Vec<_> = dev::in_environment().collect();
        dev::lines(&found)
            .iter()
            .for_each(|(what, text)| say(what, text));
    } else {
        next(desk);
    }
}

/// What a line that names the gateway at `url` to commands elsewhere ends with: what they have to trust there.
pub fn trust(config: &Config, url: &str) -> String {
    let trusted = config.trusted().filter(|_| url.starts_with("https://"));
    trusted.map_or_else(String::new, |path| {
        format!(" GW_TLS_CA={}", shell::quoted(&path.to_string_lossy()))
    })
}

/// Longest line about the secrets, so that it stays one on most terminals.
const LINE: usize = 88;

/// Where secrets are, short enough for a line, and what is to be said against it.
fn secrets(described: &str) -> (String, Option<String>) {
    let (place, warning) = match described.split_once("; warning: ") {
        Some((place, warning)) => (place, Some(warning.to_owned())),
        None => (described, None),
    };
    // Where the key comes from is the first to go, then the path's middle.
    let place = if place.chars().count() > LINE {
        place.split(", ").next().unwrap_or(place)
    } else {
        place
    };
    let place = match place.chars().count() > LINE {
        false => place.to_owned(),
        true => place.chars().take(LINE - 1).chain(['…']).collect(),
    };
    (place, warning)
}

/// Whether what is said there can be overheard on the way.
fn exposed(url: &str) -> bool {
    url.strip_prefix("http://").is_some_and(|address| {
        !address
            .parse::<std::net::SocketAddr>()
            .is_ok_and(|address| address.ip().is_loopback())
    })
}

/// Says where the system gives far fewer file descriptors than the connections asked for need.
pub fn descriptors(config: &Config, settings: &Settings, given: Option<usize>) {
    // Without a limit of its own the gateway is asked for as many as it takes by default.
    let asked = match config.limits.max_connections {
        0 => Settings::default().max_connections,
        asked => usize::try_from(asked).unwrap_or(usize::MAX),
    };
    if let Some(given) = given.filter(|_| settings.max_connections < asked / 2) {
        say(
            "connections",
            &format!(
                "{} at once: no more than {given} files may be open (`ulimit -Hn`, LimitNOFILE=)",
                settings.max_connections
            ),
        );
    }
}

/// A line for people.
pub fn say(what: &str, text: &str) {
    stdio::say(format_args!("{what:<11} {text}"));
}

/// The commands that come next, with what already exists left out.
fn next(desk: &Desk) {
    let state = desk.in_force();
    let first = |kind: &str| state.records.names(kind).next().map(str::to_owned);
    let (user, key, provider) = (first("user"), first("key"), first("provider"));
    let set = dev::in_environment().next();
    let (vendor, variable, flags) = set.map_or(
        ("openai", "OPENAI_API_KEY", String::new()),
        |vendor| match vendor.flags().as_str() {
            "" => (vendor.id, vendor.env, String::new()),
            flags => (vendor.id, vendor.env, format!("{flags} ")),
        },
    );
    let steps = [
        (
            provider.is_none(),
            format!(
                "gw provider create {vendor} --vendor {vendor} {flags}--credential-env {variable}{}",
                if set.is_some() {
                    format!("   ({variable} is set here)")
                } else {
                    String::new()
                }
            ),
        ),
        (
            key.is_none(),
            match user {
                Some(user) => format!("gw key create dev --user {user}"),
                None => "gw user create me && gw key create dev --user me".to_owned(),
            },
        ),
        (
            first("route").is_none(),
            format!(
                "gw route create dev --key {} --to {}/MODEL",
                key.as_deref().unwrap_or("dev"),
                provider.as_deref().unwrap_or(vendor)
            ),
        ),
    ];
    for (at, (_, step)) in steps.iter().filter(|(wanted, _)| *wanted).enumerate() {
        say(if at == 0 { "next" } else { "" }, step);
    }
}

/// An error that ends the process with a code other than its kind's.
pub fn failure(error: &Error) {
    stdio::say(format_args!("error: {error}"));
    if let Some(hint) = &error.hint {
        stdio::say(format_args!("  fix: {hint}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_fit_a_line_and_warn_on_another() {
        let (place, warning) = secrets(
            "sealed file `/d/s.json`, key from `/d/key`; warning: the key lies beside the data",
        );
        assert_eq!(
            (place.as_str(), warning.as_deref()),
            (
                "sealed file `/d/s.json`, key from `/d/key`",
                Some("the key lies beside the data")
            )
        );
        let long = format!(
            "sealed file `/{}/s`, key from `/{}`",
            "d".repeat(50),
            "k".repeat(50)
        );
        assert_eq!(
            secrets(&long).0,
            format!("sealed file `/{}/s`", "d".repeat(50))
        );
        assert_eq!(secrets(&"ä".repeat(200)).0.chars().count(), LINE);
    }
}
