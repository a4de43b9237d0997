//! Finding the gateway's admin API: what the option or environment says, else what `gw serve` would
//! choose with the same configuration.

use crate::config::{self, Layer};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};

/// Where the admin API is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Unix(PathBuf),
    /// Scheme, host and port, without a trailing slash.
    Http(String),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Unix(path) => write!(f, "unix:{}", path.display()),
            Place::Http(base) => f.write_str(base),
        }
    }
}

impl std::str::FromStr for Place {
    type Err = Error;
    fn from_str(text: &str) -> Result<Place> {
        let bad = || Error::invalid(format!("`{}` is not an admin address", text.escape_debug())).hint("write it as unix:/PATH, http://HOST:PORT or HOST:PORT");
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(bad()) } else { Ok(Place::Unix(path.into())) };
        }
        let full = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url = url::Url::parse(&full).map_err(|_| bad())?;
        if !matches!(url.scheme(), "http" | "https") || url.host().is_none() || !url.username().is_empty() || url.query().is_some() {
            return Err(bad());
        }
        Ok(Place::Http(full.trim_end_matches('/').to_owned()))
    }
}

/// The admin address and, for TCP, its bearer token.
pub(crate) fn find(given: Option<&str>) -> Result<(Place, Option<String>)> {
    let config = config::load(None, std::env::vars(), Layer::default())?;
    let place: Place = match given {
        Some(given) => given.parse()?,
        None => config.admin_listen().into_iter().next().unwrap_or_else(|| config::admin_default(&config.data_dir())).parse()?,
    };
    let token = match place {
        Place::Unix(_) => None,
        Place::Http(_) => token(&config.data_dir())?,
    };
    Ok((place, token))
}

fn token(data_dir: &Path) -> Result<Option<String>> {
    if let Ok(token) = std::env::var("GW_ADMIN_TOKEN") {
        let token = token.trim().to_owned();
        return match token.is_empty() {
            true => Err(Error::invalid("`GW_ADMIN_TOKEN` is set and empty").hint("unset it, or put the gateway's admin token in it")),
            false => Ok(Some(token)),
        };
    }
    Ok(std::fs::read_to_string(data_dir.join("admin.token")).ok().map(|token| token.trim().to_owned()).filter(|token| !token.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_read() {
        for (text, shown) in [
            ("unix:/run/gw.sock", "unix:/run/gw.sock"),
            ("unix:///run/gw.sock", "unix:/run/gw.sock"),
            ("127.0.0.1:4001", "http://127.0.0.1:4001"),
            ("https://gw.example/", "https://gw.example"),
        ] {
            assert_eq!(text.parse::<Place>().map(|place| place.to_string()).ok().as_deref(), Some(shown));
        }
        for bad in ["", "unix:", "ftp://x", "http://user@host", "http://h/?q=1"] {
            assert!(bad.parse::<Place>().is_err(), "{bad}");
        }
    }
}
