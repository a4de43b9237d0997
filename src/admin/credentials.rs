//! Provider credentials: where each is found, and the managed ones on their way into the vault.

use super::item::Item;
use crate::error::{Error, Result};
use crate::resources::{Record, Spec, provider::Credential};
use crate::store::{secret::Secret, token::Hasher, vault::Vault};
use serde_json::Value;

/// Where in a provider's `system` the keyed fingerprint of its managed secret is.
pub const FINGERPRINT: &str = "credential";

/// The longest credential taken: service account files are about 2.5 KiB.
const LONGEST: usize = 16 * 1024;

/// The vault's name for a provider's managed secret.
pub fn at(provider: &str) -> String {
    format!("provider/{provider}")
}

fn reference(spec: &Spec) -> Result<Credential> {
    spec.get("credential")
        .and_then(Value::as_str)
        .map_or(Ok(Credential::None), str::parse)
}

/// Takes a managed secret out of the item; gives it back where it has to be written to the vault: it is new,
/// or the vault has `lost` it.
pub fn put(
    hasher: &Hasher,
    item: &Item,
    lost: bool,
    spec: &mut Spec,
    system: &mut Spec,
) -> Result<Option<Secret>> {
    let said = reference(spec)?;
    let Some(secret) = &item.credential else {
        if said != Credential::Managed {
            system.shift_remove(FINGERPRINT);
        } else if !system.contains_key(FINGERPRINT) {
            return Err(Error::invalid(format!(
                "provider `{}` has a managed credential, and none was given",
                item.name
            ))
            .param("credential")
            .hint(format!(
                "give it with: gw provider rekey {} --credential-stdin",
                item.name
            )));
        }
        return Ok(None);
    };
    if !matches!(said, Credential::None | Credential::Managed) {
        return Err(Error::invalid(format!(
            "provider `{}` has two credentials: `{said}` and a managed one",
            item.name
        ))
        .param("credential")
        .hint("give one of them"));
    }
    let secret = usable(secret.expose()).map_err(|why| {
        Error::invalid(format!("the credential of provider `{}` {why}", item.name))
            .param("credential_value")
    })?;
    spec.insert("credential".into(), Credential::Managed.to_string().into());
    // Keyed, and of another domain than key digests: the record alone does not help guessing.
    let print = crate::store::token::hex(&hasher.digest(&format!(
        "provider credential\n{}\n{}",
        item.name,
        secret.expose()
    )));
    let same = system
        .insert(FINGERPRINT.into(), print.clone().into())
        .is_some_and(|old| old.as_str() == Some(&print));
    Ok((lost || !same).then_some(secret))
}

/// A credential is sent in a header: one line of visible ASCII.
fn usable(text: &str) -> Result<Secret, String> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    match text {
        "" => Err("is empty".into()),
        _ if text.len() > LONGEST => Err(format!("is longer than {LONGEST} bytes")),
        _ if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) => {
            Err("has characters that no header can carry".into())
        }
        _ => Ok(Secret::new(text.to_owned())),
    }
}

/// The vendor must be known, and an address must come from somewhere.
pub fn check_vendor(spec: &Spec) -> Result<()> {
    if crate::vendors::VENDORS.is_empty() {
        return Ok(());
    }
    let vendor = crate::vendors::vendor(
        spec.get("vendor")
            .and_then(Value::as_str)
            .unwrap_or_default(),
    )?;
    let given = spec
        .get("base_url")
        .and_then(Value::as_str)
        .is_some_and(|url| !url.is_empty());
    match vendor.base_url.is_empty() && !given {
        true => Err(
            Error::invalid(format!("vendor `{}` has no address of its own", vendor.id))
                .param("base_url")
                .hint("give one with --base-url URL"),
        ),
        false => Ok(()),
    }
}

/// Whether the credential is in a file, which may change behind gw's back.
pub fn in_file(provider: &Record) -> bool {
    matches!(reference(&provider.spec), Ok(Credential::File(_)))
}

/// The credential as sent upstream, or why it is not to be had. Blocks.
pub fn resolve(vault: &dyn Vault, provider: &Record) -> Result<Option<Secret>, String> {
    let stored = |name: &str, missing: String| match vault.get(name) {
        Ok(Some(secret)) => usable(secret.expose()).map(Some),
        Ok(None) => Err(missing),
        Err(error) => Err(error.to_string()),
    };
    match reference(&provider.spec).map_err(|error| error.to_string())? {
        Credential::None | Credential::Passthrough => Ok(None),
        Credential::Managed => stored(&at(&provider.name), "not in the vault".into()),
        Credential::Keyring(name) => stored(&name, format!("`{name}` is not in the vault")),
        Credential::Env(name) => match std::env::var(&name) {
            Ok(text) => usable(&text)
                .map(Some)
                .map_err(|why| format!("`{name}` {why}")),
            Err(std::env::VarError::NotPresent) => Err(format!("`{name}` is not set")),
            Err(std::env::VarError::NotUnicode(_)) => Err(format!("`{name}` is not text")),
        },
        Credential::File(path) => file(&path)
            .map(Some)
            .map_err(|why| format!("`{path}` {why}")),
    }
}

fn file(path: &str) -> Result<Secret, String> {
    use std::io::Read;
    let meta = std::fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    if !meta.is_file() {
        return Err("is not a file".into());
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if meta.permissions().mode() & 0o077 != 0 {
            return Err("can be read by others; restrict it with: chmod 600".into());
        }
    }
    let mut text = String::new();
    let opened = std::fs::File::open(path).map_err(|error| format!("cannot be read: {error}"))?;
    opened
        .take(LONGEST as u64 + 2)
        .read_to_string(&mut text)
        .map_err(|error| format!("cannot be read: {error}"))?;
    let secret = usable(&text);
    zeroize::Zeroize::zeroize(&mut text);
    secret
}

/// Where a provider's credential is, in a word: `keyring`, `sealed`, `memory`, `env:NAME`, `none`.
pub fn short(vault: &str, provider: &Record) -> String {
    match reference(&provider.spec) {
        Ok(Credential::Managed) => {
            let known = ["keyring", "sealed", "memory"].into_iter().find(|place| {
                vault
                    .split([',', '(', '`'])
                    .next()
                    .is_some_and(|head| head.contains(place))
            });
            known.unwrap_or("managed").into()
        }
        Ok(Credential::None) => "none".into(),
        Ok(other) => other.to_string(),
        Err(_) => "unreadable".into(),
    }
}

/// How a provider's credential is doing, for people: never the credential.
pub fn describe(
    vault: &str,
    provider: &Record,
    now: Option<&Result<Option<Secret>, String>>,
) -> String {
    let said = match reference(&provider.spec) {
        Ok(Credential::Managed) => format!("managed ({vault})"),
        Ok(other) => other.to_string(),
        Err(_) => String::from("unreadable"),
    };
    match now {
        Some(Err(why)) => format!("{said}: {why}"),
        _ => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::Stamp;

    #[test]
    fn credentials_in_a_word() {
        for (credential, vault, word) in [
            (
                "managed",
                "OS keyring (Secret Service), service `gw`, entries `1/...`",
                "keyring",
            ),
            (
                "managed",
                "sealed file `/keyring/memory`, key from `x`",
                "sealed",
            ),
            ("managed", "memory (gone when gw stops)", "memory"),
            ("none", "memory", "none"),
            ("passthrough", "memory", "passthrough"),
            ("env:OPENAI_API_KEY", "memory", "env:OPENAI_API_KEY"),
        ] {
            let mut spec = Spec::new();
            spec.insert("credential".into(), credential.into());
            let record = Record {
                kind: "provider".into(),
                name: "p".into(),
                version: 1,
                created: Stamp(0),
                updated: Stamp(0),
                spec,
                system: Spec::new(),
            };
            assert_eq!(short(vault, &record), word);
        }
    }
}
