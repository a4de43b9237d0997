//! Secrets that files point at: read by this process, here and now.

use super::Item;
use crate::cli::credential;
use crate::error::{Error, Result};
use crate::resources::KindId;
use serde_json::Value;

/// Reads what `secret_from` and `credential_from` point at.
///
/// With `credential = "managed"` beside it, as `gw export` writes it, a variable that is not set is no mistake:
/// the gateway may have the credential already, and says so if it has not.
pub(super) fn resolve(item: &mut Item) -> Result<()> {
    let from = match item.kind.id {
        KindId::Key => "secret_from",
        KindId::Provider => "credential_from",
        KindId::User | KindId::Model | KindId::Route => return Ok(()),
    };
    let Some(into) = item.kind.id.secret_field() else {
        return Ok(());
    };
    let Some(source) = item.body.shift_remove(from) else {
        return Ok(());
    };
    let kept = item
        .body
        .get("credential")
        .is_some_and(|said| said == "managed");
    let read = match &source {
        Value::Object(source) if source.len() == 1 => match source.iter().next() {
            Some((word, Value::String(place))) if word == "env" => {
                if kept && std::env::var_os(place).is_none() {
                    item.unset = Some(place.clone());
                    return Ok(());
                }
                Some(credential::variable_value(place))
            }
            Some((word, Value::String(place))) if word == "file" => {
                Some(credential::file_value(place))
            }
            _ => None,
        },
        _ => None,
    };
    if item.kind.id == KindId::Provider {
        item.body.insert("credential".into(), "managed".into());
    }
    let secret = read
        .unwrap_or_else(|| {
            Err(
                Error::invalid(format!("`{from}` is not a source")).hint(format!(
                    "write {from} = {{ env = \"NAME\" }} or {{ file = \"PATH\" }}"
                )),
            )
        })
        .map_err(|error| error.param(from))?;
    item.body
        .insert(into.into(), Value::String(secret.to_string()));
    Ok(())
}
