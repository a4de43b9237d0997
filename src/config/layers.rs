//! Laying the sources over each other: flags over environment over files over defaults. Unknown keys are
//! refused by name, in a file and in the environment alike.

use super::{
    Config, Found, Limits, Log, Logs, Metrics, Notify, SETTINGS, Secrets, Server, Setting, Shape,
    Telemetry, contradictions, file, found_files, layer::Layer, outward,
};
use crate::error::{Error, Result};
use serde::Deserialize;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use toml::{Table, Value};

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct All {
    server: Server,
    secrets: Secrets,
    log: Log,
    limits: Limits,
    logs: Logs,
    metrics: Metrics,
    telemetry: Telemetry,
    notify: Notify,
}

/// Reads the configuration: the file at `path` (or `GW_CONFIG`, or the ones in the default places), then the
/// environment, then `flags`.
pub fn load(
    path: Option<PathBuf>,
    env: impl IntoIterator<Item = (OsString, OsString)>,
    flags: Layer,
) -> Result<Config> {
    let env = ours(env);
    let named = path.or_else(|| {
        env.iter()
            .find(|(name, value)| name == "GW_CONFIG" && !value.is_empty())
            .map(|(_, value)| value.into())
    });
    let found = match named {
        Some(path) => vec![Found {
            path,
            trusted: true,
        }],
        None => found_files(),
    };
    let (mut layers, mut ignored) = (Vec::new(), None);
    for Found { path, trusted } in &found {
        let mut layer = Layer::of_file(file::read(path)?, &path.display().to_string());
        if !trusted {
            ignored = file::distrust(&mut layer, path);
        }
        layers.push(layer);
    }
    layers.push(environment(&env)?);
    layers.push(flags);
    let overruled = contradictions::settle(&mut layers)?;
    let mut table = Table::new();
    for layer in layers {
        layer.onto(&mut table);
    }
    let all = Value::Table(table).try_into::<All>().map_err(|error| {
        Error::invalid(format!(
            "the configuration is not valid: {}",
            error.message()
        ))
        .hint("settings come from flags, GW_SECTION__KEY variables and gw.toml, in this order")
    })?;
    let config = Config {
        server: all.server,
        secrets: all.secrets,
        log: all.log,
        limits: all.limits,
        logs: all.logs,
        metrics: all.metrics,
        telemetry: all.telemetry,
        notify: all.notify,
        files: found.into_iter().map(|found| found.path).collect(),
        ignored,
        overruled,
        ..Config::default()
    };
    check(&config)?;
    Ok(config)
}

/// The variables that may be settings. Names and values of others may be no text at all.
fn ours(env: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<(String, OsString)> {
    env.into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with("GW_") || SETTINGS.iter().any(|it| it.env == name))
        .collect()
}

fn text<'a>(name: &str, value: &'a OsStr) -> Result<&'a str> {
    value.to_str().ok_or_else(|| {
        Error::invalid(format!("the variable `{name}` is not UTF-8"))
            .param(name)
            .hint(format!("unset {name}, or give it another value"))
    })
}

/// The layer the environment makes. The sectioned name wins over the short one.
fn environment(env: &[(String, OsString)]) -> Result<Layer> {
    let mut layer = Layer::default();
    for (name, value) in env {
        if let Some(setting) = SETTINGS.iter().find(|setting| setting.env == name)
            && !value.is_empty()
        {
            let value = parse(setting, name, text(name, value)?)?;
            layer.set(name, setting.section, setting.key, value);
        }
    }
    for (name, value) in env.iter().filter(|(name, _)| name.contains("__")) {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == *name) else {
            return Err(Error::invalid(format!("`{name}` is not a setting")).hint(
                "variables are GW_SECTION__KEY, such as GW_SERVER__LISTEN or GW_LIMITS__MAX_BODY",
            ));
        };
        let value = parse(setting, name, text(name, value)?)?;
        layer.set(name, setting.section, setting.key, value);
    }
    Ok(layer)
}

fn parse(setting: &Setting, name: &str, text: &str) -> Result<Value> {
    let bad = |wants: &str| {
        Error::invalid(format!(
            "`{name}` is `{}`, which is not {wants}",
            text.escape_debug()
        ))
        .param(name)
    };
    Ok(match setting.shape {
        Shape::Text => Value::String(text.into()),
        Shape::List => Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(Value::from)
                .collect(),
        ),
        Shape::Number => Value::Integer(text.parse().map_err(|_| bad("a number"))?),
        Shape::Bool => match text {
            "true" | "1" => Value::Boolean(true),
            "false" | "0" | "" => Value::Boolean(false),
            _ => return Err(bad("true or false")),
        },
    })
}

/// The least that request logs may take.
const LEAST_LOG: u64 = 1 << 20;

/// What types cannot say.
fn check(config: &Config) -> Result<()> {
    super::log_filter::check(&config.log.level)?;
    outward::check(&config.metrics, &config.telemetry, &config.notify)?;
    if config.server.listen.is_empty() {
        return Err(Error::invalid("the gateway listens nowhere")
            .param("server.listen")
            .hint("give an address, such as 127.0.0.1:4000"));
    }
    for address in &config.server.admin_listen {
        address.parse::<super::Address>()?;
    }
    for (key, names) in [
        ("session_headers", &config.server.session_headers),
        ("agent_headers", &config.server.agent_headers),
    ] {
        if let Some(name) = names
            .iter()
            .find(|name| http::HeaderName::try_from(name.as_str()).is_err())
        {
            return Err(Error::invalid(format!(
                "`{}` is not the name of a header",
                name.escape_debug()
            ))
            .param(format!("server.{key}"))
            .hint("write names such as x-session-id"));
        }
    }
    if (1..LEAST_LOG).contains(&config.logs.max_bytes.0) {
        return Err(Error::invalid(
            "`logs.max_bytes` is less than 1MiB, which has no room for a log",
        )
        .param("logs.max_bytes")
        .hint(
            "give 1MiB or more, 0 for a share of the disk, or logs.content = \"off\" for no log",
        ));
    }
    let (all, content) = (config.logs.max_bytes.0, config.logs.content_max_bytes.0);
    if all > 0 && content > all - all / 8 {
        return Err(Error::invalid(
            "`logs.content_max_bytes` leaves less than an eighth of `logs.max_bytes` to rows",
        )
        .param("logs.content_max_bytes")
        .hint("give less, or 0 for half of logs.max_bytes"));
    }
    for (given, wanted, there, missing) in [
        (
            &config.server.tls_cert,
            &config.server.tls_key,
            "cert",
            "key",
        ),
        (
            &config.server.tls_key,
            &config.server.tls_cert,
            "key",
            "cert",
        ),
    ] {
        if given.is_some() && wanted.is_none() {
            return Err(Error::invalid(format!(
                "`server.tls_{there}` is given without `server.tls_{missing}`"
            ))
            .param(format!("server.tls_{missing}"))
            .hint(format!("name both, with --tls-{missing} FILE")));
        }
    }
    let limits = &config.limits;
    for (name, timer) in [
        ("first_byte", limits.first_byte),
        ("header_timeout", limits.header_timeout),
        ("idle", limits.idle),
        ("body_stall", limits.body_stall),
        ("body_total", limits.body_total),
        ("write_stall", limits.write_stall),
        ("ping", limits.ping),
    ] {
        if timer.0 == 0 {
            return Err(Error::invalid(format!(
                "`limits.{name}` is 0, which would refuse every caller"
            ))
            .param(format!("limits.{name}"))
            .hint("give a time such as 10s"));
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
