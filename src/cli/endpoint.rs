//! Finding the gateway's admin API: what the option or environment says, else what `gw serve` would
//! choose with the same configuration.

use crate::client::Client;
use crate::config::{Address, Config};
use crate::error::{Error, Result};
use crate::store::{ADMIN_TOKEN, secret::Secret};
use std::path::Path;

/// A client for the address given, or for the configuration's.
pub(crate) fn client(given: Option<&str>, config: &Config) -> Result<Client> {
    let address = address(given, config)?;
    let token = match address {
        Address::Unix(_) => None,
        Address::Http(_) => token(&config.data_dir())?,
    };
    let named = given.is_some() || !config.admin_is_default() || config.server.data_dir.is_some();
    Ok(Client::trusting(address, token, config.trusted().as_deref())?.named(named))
}

/// The admin address given, or the configuration's.
pub(crate) fn address(given: Option<&str>, config: &Config) -> Result<Address> {
    given.map_or_else(|| config.admin_client(), str::parse)
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
    let read = std::fs::read_to_string(data_dir.join(ADMIN_TOKEN))
        .ok()
        .map(|token| token.trim().to_owned());
    Ok(read.filter(|token| !token.is_empty()).map(Secret::new))
}
