//! How a provider's health is checked while nobody asks for anything: how often, with what, and what turns it.

use super::Provider;
use crate::error::{Error, Result};
use crate::resources::Millis;

/// What counts where the record says nothing.
const TIMEOUT: Millis = Millis::secs(5);
const FAILURES: u32 = 3;
const PASSES: u32 = 2;
/// Checks more often than this would be load of their own.
const SHORTEST: Millis = Millis(100);
/// Checks in a row at most, and bytes of a path.
const ROW: u32 = 100;
const PATH: usize = 500;

/// How a provider is checked.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthCheck {
    pub interval: Millis,
    /// From the root of its host; `None`: its list of models.
    pub path: Option<String>,
    pub timeout: Millis,
    /// Checks in a row that take it out, and that let it in again.
    pub failures: u32,
    pub passes: u32,
}

impl Provider {
    /// How its health is checked; `None`: it is not.
    pub fn health_check(&self) -> Option<HealthCheck> {
        Some(HealthCheck {
            interval: self.check_interval.filter(|_| self.enabled)?,
            path: Some(self.check_path.clone()).filter(|path| !path.is_empty()),
            timeout: self.check_timeout.unwrap_or(TIMEOUT),
            failures: self.check_failures.unwrap_or(FAILURES),
            passes: self.check_passes.unwrap_or(PASSES),
        })
    }

    /// Refuses checks that could not be made, or would be load of their own.
    pub(super) fn sound_checks(&self) -> Result<()> {
        let bad = |field: &str, message: String, hint: &str| {
            Err(Error::invalid(message).param(field).hint(hint))
        };
        if let Some(interval) = self.check_interval.filter(|interval| *interval < SHORTEST) {
            return bad(
                "check_interval",
                format!("`{interval}` is shorter than {SHORTEST}, and each check is a request"),
                "check it every 30s",
            );
        }
        for (field, count) in [
            ("check_failures", self.check_failures),
            ("check_passes", self.check_passes),
        ] {
            if count.is_some_and(|count| !(1..=ROW).contains(&count)) {
                return bad(
                    field,
                    format!("`{field}` is not from 1 to {ROW}"),
                    "leave it out for the default",
                );
            }
        }
        let path = &self.check_path;
        match path.is_empty() || is_path(path) {
            true => Ok(()),
            false => bad(
                "check_path",
                format!("`{}` is not a path", path.escape_debug()),
                "write it from the root of the provider's host, such as /v1/models or /health",
            ),
        }
    }
}

/// Whether it can be asked for, at no host but the provider's.
fn is_path(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
    path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= PATH
        && path.bytes().all(plain)
        && path.parse::<http::Uri>().is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_record_leaves_open_is_the_default() {
        let check = |mut spec: serde_json::Value| {
            spec["vendor"] = "openai".into();
            let provider: Provider = serde_json::from_value(spec).unwrap();
            provider.sound_checks().unwrap();
            provider.health_check()
        };
        assert_eq!(check(json!({})), None);
        assert_eq!(
            check(json!({"check_interval": "30s", "enabled": false})),
            None
        );
        let default = HealthCheck {
            interval: Millis::secs(30),
            path: None,
            timeout: Millis::secs(5),
            failures: 3,
            passes: 2,
        };
        assert_eq!(
            check(json!({"check_interval": "30s"})),
            Some(default.clone())
        );
        assert_eq!(
            check(
                json!({"check_interval": "30s", "check_path": "/health?deep=1", "check_timeout": "1s", "check_failures": 1, "check_passes": 5})
            ),
            Some(HealthCheck {
                path: Some("/health?deep=1".into()),
                timeout: Millis::secs(1),
                failures: 1,
                passes: 5,
                ..default
            })
        );
    }

    #[test]
    fn only_paths_of_its_own_host_are_asked_for() {
        for path in ["/", "/v1/models", "/health?a=b"] {
            assert!(is_path(path), "{path}");
        }
        for path in [
            "",
            "health",
            "//other",
            "http://other/",
            "/a b",
            "/a#b",
            "/ä",
        ] {
            assert!(!is_path(path), "{path}");
        }
    }
}
