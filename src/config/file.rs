//! `gw.toml`: reading it, and what of it counts where nobody named it. A file of records for `gw apply` may
//! have this name, too: records are passed over, whatever is in them.

use super::{
    Limits, Log, Logs, Metrics, Notify, SETTINGS, Secrets, Server, Telemetry, Trust, layer::Layer,
};
use crate::error::{Error, Result};
use crate::resources;
use serde::{
    Deserialize, Deserializer,
    de::{self, IgnoredAny, MapAccess, Visitor},
};
use std::{fmt, io::Read, path::Path};
use toml::{Table, Value};

/// The largest file taken.
const LARGEST: u64 = 16 << 20;

/// The settings in a file, checked on their own so that errors point at its lines.
pub(super) fn read(path: &Path) -> Result<Table> {
    let shown = path.display();
    let cannot = |error: std::io::Error| {
        Error::invalid(format!("cannot read `{shown}`"))
            .cause(error)
            .hint("name another file with --config or GW_CONFIG")
    };
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST).read_to_string(&mut text))
        .map_err(cannot)?;
    let wrong = |error: toml::de::Error| {
        Error::invalid(format!(
            "`{shown}` is not valid: {}",
            error.to_string().trim_end()
        ))
        .hint("settings are in [server], [secrets], [log], [logs], [metrics], [telemetry], [notify] and [limits]; records such as [[user]] are for `gw apply -f`")
    };
    toml::from_str::<Checked>(&text).map_err(wrong)?;
    let mut table = toml::from_str::<Table>(&text).map_err(wrong)?;
    table.retain(|word, _| SECTIONS.contains(&word));
    Ok(table)
}

/// Takes out what a file that merely lies in the working directory may not decide, and says so.
pub(super) fn distrust(layer: &mut Layer, path: &Path) -> Option<String> {
    let taken: Vec<String> = SETTINGS
        .iter()
        .filter(|setting| setting.trust == Trust::Given)
        .filter(|setting| layer.remove(setting.section, setting.key).is_some())
        .map(|setting| format!("{}.{}", setting.section, setting.key))
        .collect();
    let shown = path.display();
    (!taken.is_empty()).then(|| {
        format!(
            "note: `{shown}` was found here, not named, so {} in it does not count; where you trust it: --config {shown}",
            taken.join(", ")
        )
    })
}

const SECTIONS: &[&str] = &[
    "server",
    "secrets",
    "log",
    "limits",
    "logs",
    "metrics",
    "telemetry",
    "notify",
];

/// A word on the first level of a file.
enum Word {
    Server,
    Secrets,
    Log,
    Limits,
    Logs,
    Metrics,
    Telemetry,
    Notify,
    /// What `gw apply` reads.
    Records,
    Version,
}

impl<'de> Deserialize<'de> for Word {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Word, D::Error> {
        // Refused here, where the error points at the word.
        let word = String::deserialize(deserializer)?;
        Ok(match word.as_str() {
            "server" => Word::Server,
            "secrets" => Word::Secrets,
            "log" => Word::Log,
            "limits" => Word::Limits,
            "logs" => Word::Logs,
            "metrics" => Word::Metrics,
            "telemetry" => Word::Telemetry,
            "notify" => Word::Notify,
            "apiVersion" => Word::Version,
            "items" => Word::Records,
            word if resources::kind(word).is_ok() => Word::Records,
            word => return Err(de::Error::unknown_field(word, SECTIONS)),
        })
    }
}

/// A file whose settings have the right names and types.
struct Checked;

impl<'de> Deserialize<'de> for Checked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Checked, D::Error> {
        deserializer.deserialize_map(Checked)
    }
}

impl<'de> Visitor<'de> for Checked {
    type Value = Checked;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("settings")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Checked, A::Error> {
        while let Some(word) = map.next_key::<Word>()? {
            match word {
                Word::Server => _ = map.next_value::<Server>()?,
                Word::Secrets => _ = map.next_value::<Secrets>()?,
                Word::Log => _ = map.next_value::<Log>()?,
                Word::Limits => _ = map.next_value::<Limits>()?,
                Word::Logs => _ = map.next_value::<Logs>()?,
                Word::Metrics => _ = map.next_value::<Metrics>()?,
                Word::Telemetry => _ = map.next_value::<Telemetry>()?,
                Word::Notify => _ = map.next_value::<Notify>()?,
                Word::Records => _ = map.next_value::<Vec<IgnoredAny>>()?,
                Word::Version => _ = map.next_value::<Value>()?,
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What decides where secrets go or which files are written is not taken from a file that lay there.
    #[test]
    fn settings_that_decide_where_secrets_go_have_to_be_given() {
        for setting in SETTINGS {
            let name = format!("{}.{}", setting.section, setting.key);
            let decides = ["secrets", "telemetry", "notify"].contains(&setting.section)
                || [
                    "admin_listen",
                    "data_dir",
                    "_file",
                    "token",
                    "proxy",
                    "allow_",
                    "tls_",
                ]
                .iter()
                .any(|word| setting.key.contains(word));
            assert_eq!(setting.trust == Trust::Given, decides, "{name}");
        }
    }
}
