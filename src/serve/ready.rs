//! Readiness for scripts: where the gateway listens, as a line of JSON in the ready file and on stdout. The file
//! never outlives what it speaks of.

use super::new_keys::NewKey;
use crate::config::Config;
use crate::error::{Error, Result};
use crate::stdio::{self, Undelivered};
use crate::store::private;
use serde_json::{Map, Value, json};

/// Where the gateway listens.
pub struct Ready {
    pub urls: Vec<String>,
    pub admins: Vec<String>,
    /// Where scrapers connect.
    pub metrics: Option<String>,
}

impl Ready {
    /// The line, with the secrets of new keys where they are to be in it.
    fn line(&self, keys: Option<&[NewKey]>) -> String {
        let mut line = json!({"url": self.urls.first(), "urls": self.urls, "admin": self.admins.first(), "pid": std::process::id()});
        if let Some(metrics) = &self.metrics {
            line["metrics"] = format!("{metrics}/metrics").into();
        }
        if let Some(keys) = keys {
            line["keys"] = keys
                .iter()
                .map(|key| (key.name.clone(), Value::from(key.secret.expose())))
                .collect::<Map<_, _>>()
                .into();
        }
        line.to_string()
    }

    /// Tells scripts that every listener accepts.
    pub fn tell(&self, config: &Config, keys: &[NewKey]) -> Result<()> {
        let line = zeroize::Zeroizing::new(self.line(config.ready_secrets.then_some(keys)) + "\n");
        if let Some(path) = &config.server.ready_file {
            // Whole or not at all, so that nobody reads half of it; and for this user alone.
            private::replace(path, line.as_bytes()).map_err(|error| {
                Error::invalid(format!(
                    "the ready file `{}` cannot be written",
                    path.display()
                ))
                .cause(error)
                .hint("name a file in a directory you can write to with --ready-file")
            })?;
        }
        if config.server.print_ready {
            // Who asked for the line and does not get it would wait for ever.
            stdio::data(line.as_bytes()).map_err(Undelivered::into_error)?;
        }
        Ok(())
    }
}

/// Takes the ready file away: this gateway's at its end, a killed one's at the start.
pub fn remove_file(config: &Config) {
    if let Some(path) = &config.server.ready_file {
        let _ = std::fs::remove_file(path);
    }
}
