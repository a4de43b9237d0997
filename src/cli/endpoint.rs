//! Finding the gateway's admin API: what the option or environment says, else what `gw serve` would
//! choose with the same configuration.

use crate::client::Address;
use crate::config::{self, Layer};
use crate::error::{Error, Result};
use crate::store::secret::Secret;
use std::path::Path;

/// The admin address and, for TCP, its bearer token.
pub(crate) fn find(given: Option<&str>) -> Result<(Address, Option<Secret>)> {
    let config = config::load(None, std::env::vars_os(), Layer::default())?;
    let address = match given {
        Some(given) => checked(given)?,
        None => checked(
            config
                .server
                .admin_listen
                .first()
                .map_or(&config::admin_default(&config.data_dir()), |listen| listen),
        )?,
    };
    let token = match address {
        Address::Unix(_) => None,
        Address::Http(_) => token(&config.data_dir())?,
    };
    Ok((address, token))
}

/// An address in one of its spellings; anything else is refused here, where it can be named.
fn checked(text: &str) -> Result<Address> {
    let bad = || {
        Error::invalid(format!("`{}` is not an admin address", text.escape_debug()))
            .hint("write it as unix:/PATH, http://HOST:PORT or HOST:PORT")
    };
    let address = Address::parse(text);
    let fits = match &address {
        Address::Unix(path) => !path.as_os_str().is_empty(),
        Address::Http(base) => url::Url::parse(base).is_ok_and(|url| {
            url.host().is_some() && url.username().is_empty() && url.query().is_none()
        }),
    };
    if fits
        && !(text.contains("://")
            && matches!(address, Address::Unix(_))
            && !text.starts_with("unix:"))
    {
        Ok(address)
    } else {
        Err(bad())
    }
}

fn token(data_dir: &Path) -> Result<Option<Secret>> {
    if let Some(token) = std::env::var_os("GW_ADMIN_TOKEN") {
        let Some(token) = token.to_str().map(|token| token.trim().to_owned()) else {
            return Err(Error::invalid("the variable `GW_ADMIN_TOKEN` is not UTF-8")
                .hint("unset it, or put the gateway's admin token in it"));
        };
        return match token.is_empty() {
            true => Err(Error::invalid("`GW_ADMIN_TOKEN` is set and empty")
                .hint("unset it, or put the gateway's admin token in it")),
            false => Ok(Some(Secret::new(token))),
        };
    }
    let read = std::fs::read_to_string(data_dir.join("admin.token"))
        .ok()
        .map(|token| token.trim().to_owned());
    Ok(read.filter(|token| !token.is_empty()).map(Secret::new))
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
            assert_eq!(
                checked(text)
                    .map(|address| address.to_string())
                    .ok()
                    .as_deref(),
                Some(shown)
            );
        }
        for bad in [
            "",
            "unix:",
            "ftp://x",
            "http://user@host",
            "http://h/?q=1",
            "http://",
        ] {
            assert!(checked(bad).is_err(), "{bad}");
        }
    }
}
