//! `gw serve`'s flags as configuration.

use crate::config::{self, Config, Layer};
use crate::error::{Error, Result};
use clap::{ArgMatches, parser::ValueSource};
use std::{ffi::OsString, path::PathBuf};
use toml::Value;

/// Flags by section, key and how their value is written.
const TEXTS: [(&str, &str, &str); 12] = [
    ("data_dir", "server", "data_dir"),
    ("ready_file", "server", "ready_file"),
    ("shutdown_grace", "server", "shutdown_grace"),
    ("tls_cert", "server", "tls_cert"),
    ("tls_key", "server", "tls_key"),
    ("secrets", "secrets", "store"),
    ("master_key_file", "secrets", "master_key_file"),
    ("log_level", "log", "level"),
    ("log_format", "log", "format"),
    ("log_content", "logs", "content"),
    ("metrics_listen", "metrics", "listen"),
    ("notify_secret", "notify", "secret"),
];
const SWITCHES: [&str; 5] = [
    "in_memory",
    "print_ready",
    "exit_on_stdin_close",
    "allow_public",
    "allow_public_admin",
];
const LISTS: [(&str, &str, &str); 4] = [
    ("listen", "server", "listen"),
    ("admin_listen", "server", "admin_listen"),
    ("notify", "notify", "to"),
    ("notify_at", "notify", "at"),
];

/// A flag as it is typed.
fn flag(id: &str) -> String {
    format!("--{}", id.replace('_', "-"))
}

/// The configuration for this command line and environment.
pub(crate) fn config(
    matches: &ArgMatches,
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Config> {
    let mut layer = Layer::default();
    for (id, section, key) in TEXTS {
        if let Some(text) = matches.get_one::<String>(id) {
            layer.set(&flag(id), section, key, text.as_str());
        }
    }
    for id in SWITCHES {
        if matches.value_source(id) == Some(ValueSource::CommandLine) {
            layer.set(&flag(id), "server", id, matches.get_flag(id));
        }
    }
    if matches.get_flag("dev") {
        layer.set("--dev", "server", "in_memory", true);
    }
    for (id, section, key) in LISTS {
        if let Some(items) = matches.get_many::<String>(id) {
            layer.set(
                &flag(id),
                section,
                key,
                Value::Array(items.map(|item| Value::from(item.as_str())).collect()),
            );
        }
    }
    if let Some(threads) = matches.get_one::<u32>("threads") {
        layer.set("--threads", "server", "threads", i64::from(*threads));
    }
    let texts = |id: &str| -> Vec<String> {
        matches
            .get_many::<String>(id)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    };
    let (dev, command) = (matches.get_flag("dev"), texts("command"));
    if dev && !command.is_empty() && !matches.contains_id("listen") {
        // The command is told where; nobody else needs to know.
        let free: Vec<Value> = vec!["127.0.0.1:0".into()];
        layer.set("--dev", "server", "listen", free);
    }
    let mut config = config::load(
        matches.get_one::<String>("config").map(PathBuf::from),
        env,
        layer,
    )?;
    config.seed = texts("file");
    config.output_dir = matches.get_one::<String>("output_dir").map(PathBuf::from);
    config.ready_secrets = matches.get_flag("ready_secrets");
    config.mock = matches.get_flag("mock");
    (config.dev, config.command) = (dev, command);
    if config.ready_secrets && config.server.ready_file.is_none() && !config.server.print_ready {
        return Err(Error::invalid("there is no ready file for the secrets")
            .param("--ready-secrets")
            .hint("add --ready-file FILE, or --print-ready"));
    }
    Ok(config)
}

/// Says which settings do not count.
pub(crate) fn announce(config: &Config) {
    let overruled = config.overruled.iter().map(|line| format!("note: {line}"));
    config
        .ignored
        .iter()
        .cloned()
        .chain(overruled)
        .for_each(crate::stdio::say);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::config::{LogFormat, SecretStore, Size};
    use crate::resources::{Millis, key::LogContent};

    #[test]
    fn flags_reach_the_configuration() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("gw.toml");
        std::fs::write(
            &file,
            "[limits]\nmax_body = \"1MiB\"\n[server]\nlisten = [\"127.0.0.1:1\"]\n",
        )
        .unwrap();
        let line = format!(
            "gw serve -c {} --mock -f a.toml -f - --listen 127.0.0.1:0 --listen [::1]:0 --admin-listen unix:/s --ready-file r --print-ready --exit-on-stdin-close \
             --output-dir keys --ready-secrets --secrets sealed --master-key-file m --log-content metadata --log-level debug --log-format json --metrics-listen 127.0.0.1:0 --notify page --notify https://x/y --notify-at 50 --notify-secret env:S --shutdown-grace 5s --threads 3 --allow-public --tls-cert c.pem --tls-key k.pem -- sh -c true",
            file.display()
        );
        let matches = crate::cli::command()
            .try_get_matches_from(line.split_whitespace())
            .unwrap();
        let env = [("GW_LISTEN".into(), "127.0.0.1:9".into())];
        let config = config(matches.subcommand_matches("serve").unwrap(), env).unwrap();
        let mut wanted = Config {
            files: vec![file],
            seed: vec!["a.toml".into(), "-".into()],
            output_dir: Some("keys".into()),
            ready_secrets: true,
            mock: true,
            command: vec!["sh".into(), "-c".into(), "true".into()],
            ..Config::default()
        };
        wanted.server.listen = vec!["127.0.0.1:0".into(), "[::1]:0".into()];
        wanted.server.admin_listen = vec!["unix:/s".into()];
        wanted.server.ready_file = Some("r".into());
        wanted.server.print_ready = true;
        wanted.server.exit_on_stdin_close = true;
        wanted.server.shutdown_grace = Millis::secs(5);
        wanted.server.threads = 3;
        wanted.server.allow_public = true;
        wanted.server.tls_cert = Some("c.pem".into());
        wanted.server.tls_key = Some("k.pem".into());
        wanted.secrets.store = SecretStore::Sealed;
        wanted.secrets.master_key_file = Some("m".into());
        wanted.log.level = "debug".into();
        wanted.log.format = LogFormat::Json;
        wanted.logs.content = LogContent::Metadata;
        wanted.limits.max_body = Size::mib(1);
        wanted.metrics.listen = Some("127.0.0.1:0".into());
        wanted.notify.to = vec!["page".into(), "https://x/y".into()];
        wanted.notify.at = vec!["50".into()];
        wanted.notify.secret = Some("env:S".into());
        assert_eq!(config, wanted);
    }
}
