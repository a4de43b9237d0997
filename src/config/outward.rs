//! What gw tells of itself to others: `[metrics]`, `[telemetry]` and `[notify]`. All of it is off unless it is set.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// `[metrics]`: a listener for scrapers, beside the admin API's `/metrics`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metrics {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listen: Option<String>,
    /// Lets it listen beyond loopback.
    pub allow_public: bool,
}

/// `[telemetry]`: traces for an OpenTelemetry collector.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// The base of OTLP over HTTP, such as `http://127.0.0.1:4318`; spans go to `/v1/traces` below it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp_endpoint: Option<String>,
    pub service_name: String,
    /// Globs of providers that are told of the trace their request is part of (`traceparent`).
    pub propagate: Vec<String>,
}

impl Default for Telemetry {
    fn default() -> Telemetry {
        Telemetry {
            otlp_endpoint: None,
            service_name: "gw".into(),
            propagate: Vec::new(),
        }
    }
}

/// `[notify]`: who is told of limits that fill up and of targets that fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Notify {
    /// Commands and addresses (`https://…`).
    pub to: Vec<String>,
    /// Percent of a limit.
    pub at: Vec<String>,
    /// What addresses are signed with: `env:NAME` or `file:/PATH`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl Default for Notify {
    fn default() -> Notify {
        Notify {
            to: Vec::new(),
            at: vec!["80".into(), "100".into()],
            secret: None,
        }
    }
}

impl Metrics {
    /// Where scrapers connect.
    pub fn address(&self) -> Result<Option<SocketAddr>> {
        let read = |text: &String| {
            text.parse().map_err(|_| {
                Error::invalid(format!(
                    "`{}` is not an address to listen on",
                    text.escape_debug()
                ))
                .param("metrics.listen")
                .hint("write it as 127.0.0.1:9464")
            })
        };
        self.listen.as_ref().map(read).transpose()
    }
}

impl Notify {
    /// The thresholds in percent, the lowest first.
    pub fn thresholds(&self) -> Result<Vec<u32>> {
        let read = |text: &String| {
            let number = text.trim_end_matches('%').parse::<u32>().ok();
            number
                .filter(|percent| (1..=1_000).contains(percent))
                .ok_or_else(|| {
                    Error::invalid(format!(
                        "`{}` is not a threshold in percent",
                        text.escape_debug()
                    ))
                    .param("notify.at")
                    .hint("write it as 80 or 100")
                })
        };
        let mut all: Vec<u32> = self.at.iter().map(read).collect::<Result<_>>()?;
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }
}

/// What types cannot say.
pub(super) fn check(metrics: &Metrics, telemetry: &Telemetry, notify: &Notify) -> Result<()> {
    metrics.address()?;
    notify.thresholds()?;
    if let Some(url) = &telemetry.otlp_endpoint {
        web(url).map_err(|error| error.param("telemetry.otlp_endpoint"))?;
    }
    for to in notify.to.iter().filter(|to| is_web(to)) {
        web(to).map_err(|error| error.param("notify.to"))?;
    }
    if let Some(secret) = &notify.secret
        && !secret.starts_with("env:")
        && !secret.starts_with("file:/")
    {
        // It may be the secret itself, which is not to be shown.
        return Err(
            Error::invalid("`notify.secret` says where the secret is, not what it is")
                .param("notify.secret")
                .hint("write it as env:NAME or file:/PATH"),
        );
    }
    Ok(())
}

/// Whether this is an address rather than a command.
pub fn is_web(text: &str) -> bool {
    text.contains("://")
}

fn web(text: &str) -> Result<()> {
    let url = url::Url::parse(text).ok();
    let good = url.is_some_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.password().is_none()
    });
    match good {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "`{}` is not an address to send to",
            text.escape_debug()
        ))
        .hint("write it as https://HOST/PATH, without a password in it")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_wrong_is_named_and_secrets_are_not_shown() {
        let told = |change: &dyn Fn(&mut (Metrics, Telemetry, Notify))| {
            let mut all = (Metrics::default(), Telemetry::default(), Notify::default());
            change(&mut all);
            check(&all.0, &all.1, &all.2)
                .map_err(|error| (error.param.clone().unwrap_or_default(), error.message))
        };
        assert!(told(&|_| ()).is_ok());
        for (param, error) in [
            told(&|all| all.0.listen = Some("x".into())),
            told(&|all| all.1.otlp_endpoint = Some("collector:4317".into())),
            told(&|all| all.2.to = vec!["ftp://x/".into()]),
            told(&|all| all.2.at = vec!["0".into()]),
            told(&|all| all.2.secret = Some("hunter2".into())),
        ]
        .into_iter()
        .map(Result::unwrap_err)
        {
            assert!(
                param.contains('.') && !error.contains("hunter2"),
                "{param} {error}"
            );
        }
    }

    #[test]
    fn thresholds_are_sorted() {
        let notify = Notify {
            at: ["100", "50%", "100"].map(String::from).to_vec(),
            ..Notify::default()
        };
        assert_eq!(notify.thresholds().unwrap(), [50, 100]);
    }
}
