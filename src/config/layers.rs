//! Laying the sources over each other: flags over environment over file over defaults. Unknown keys are
//! refused by name, in the file and in the environment alike.

use super::{Config, Limits, Log, Logs, SETTINGS, Secrets, Server, Setting, Shape, config_file};
use crate::error::{Error, Result};
use serde::Deserialize;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// Values given by flags, by section and key.
#[derive(Clone, Debug, Default)]
pub struct Layer(Table);

impl Layer {
    /// Sets one value; later calls win.
    pub fn set(&mut self, section: &str, key: &str, value: impl Into<Value>) {
        put(&mut self.0, section, key, value.into());
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    server: Server,
    secrets: Secrets,
    log: Log,
    limits: Limits,
    logs: Logs,
}

/// Reads the configuration: the file at `path` (or `GW_CONFIG`, or the default places), then the
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
    let file = named.or_else(config_file);
    let mut table = match &file {
        Some(path) => read_file(path)?,
        None => Table::new(),
    };
    merge(&mut table, environment(&env)?.0);
    merge(&mut table, flags.0);
    let all = Value::Table(table).try_into::<File>().map_err(|error| {
        Error::invalid(format!(
            "the configuration is not valid: {}",
            error.message()
        ))
        .hint(WHERE)
    })?;
    let config = Config {
        server: all.server,
        secrets: all.secrets,
        log: all.log,
        limits: all.limits,
        logs: all.logs,
        file,
        ..Config::default()
    };
    check(&config)?;
    Ok(config)
}

const WHERE: &str =
    "settings come from flags, GW_SECTION__KEY variables and gw.toml, in this order";

/// Reads and checks `gw.toml` on its own, so that errors point at its lines.
pub fn read_file(path: &Path) -> Result<Table> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::invalid(format!("cannot read `{shown}`"))
            .cause(error)
            .hint("name another file with --config or GW_CONFIG")
    })?;
    let wrong = |error: toml::de::Error| {
        Error::invalid(format!("`{shown}` is not valid: {}", error.to_string().trim_end()))
            .hint("users, keys, providers, models and routes are not configuration: put them in a file for `gw apply -f`")
    };
    toml::from_str::<File>(&text).map_err(wrong)?;
    toml::from_str::<Table>(&text).map_err(wrong)
}

/// The variables that may be settings. Names and values of others may be no text at all.
fn ours(env: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<(String, OsString)> {
    env.into_iter()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with("GW_"))
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
            layer.set(setting.section, setting.key, value);
        }
    }
    for (name, value) in env.iter().filter(|(name, _)| name.contains("__")) {
        let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == *name) else {
            return Err(Error::invalid(format!("`{name}` is not a setting")).hint(
                "variables are GW_SECTION__KEY, such as GW_SERVER__LISTEN or GW_LIMITS__MAX_BODY",
            ));
        };
        let value = parse(setting, name, text(name, value)?)?;
        layer.set(setting.section, setting.key, value);
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

fn put(table: &mut Table, section: &str, key: &str, value: Value) {
    if let Value::Table(section) = table
        .entry(section)
        .or_insert_with(|| Value::Table(Table::new()))
    {
        section.insert(key.into(), value);
    }
}

fn merge(table: &mut Table, over: Table) {
    for (section, values) in over {
        if let Value::Table(values) = values {
            values
                .into_iter()
                .for_each(|(key, value)| put(table, &section, &key, value));
        }
    }
}

/// The least that request logs may take.
const LEAST_LOG: u64 = 1 << 20;

/// What types cannot say.
fn check(config: &Config) -> Result<()> {
    if config.server.listen.is_empty() {
        return Err(Error::invalid("the gateway listens nowhere")
            .param("server.listen")
            .hint("give an address, such as 127.0.0.1:4000"));
    }
    if config.server.in_memory && config.server.data_dir.is_some() {
        return Err(Error::invalid("both `in_memory` and `data_dir` are given")
            .param("server.in_memory")
            .hint("keep one: state is either in memory or in a directory"));
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
