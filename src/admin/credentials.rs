//! Provider credentials: where each is found, and the managed ones on their way into the vault.

use super::item::Item;
use crate::error::{Error, Result};
use crate::resources::{
    Record, Spec,
    provider::{Credential, Provider},
};
use crate::store::{
    secret::{LONGEST, Secret},
    secret_file,
    token::Hasher,
    vault::Vault,
};
use crate::upstream::{self, Access};
use crate::vendors::Parts;
use serde_json::Value;
use zeroize::Zeroizing;

/// Where in a provider's `system` the keyed fingerprint of its managed secret is.
pub const FINGERPRINT: &str = "credential";

/// Where in a provider's `system` the vault's name for it is.
const ENTRY: &str = "credential_entry";

/// What every entry of a provider's begins with.
const ENTRIES: &str = "provider/";

/// The vault's name for a provider's managed secret; `None` where it has none. Each secret gets a name of its own and
/// the record says which is in use, so that vault and store need not change at once.
pub fn entry(provider: &Record) -> Option<String> {
    if !provider.system.contains_key(FINGERPRINT) {
        return None;
    }
    let named = provider.system.get(ENTRY).and_then(Value::as_str);
    // Records written before entries had versions name none.
    Some(named.map_or_else(|| format!("{ENTRIES}{}", provider.name), str::to_owned))
}

/// Whether a name in the vault is that of a provider's managed secret, in use or not.
pub fn is_entry(name: &str) -> bool {
    name.starts_with(ENTRIES)
}

fn reference(spec: &Spec) -> Result<Credential> {
    spec.get("credential")
        .and_then(Value::as_str)
        .map_or(Ok(Credential::None), str::parse)
}

/// Takes a managed secret out of the item; gives it back with its name in the vault where it has to be written
/// there: it is new, or the vault has `lost` it.
pub fn put(
    hasher: &Hasher,
    item: &Item,
    lost: bool,
    spec: &mut Spec,
    system: &mut Spec,
) -> Result<Option<(String, Secret)>> {
    let said = reference(spec)?;
    let Some(secret) = &item.credential else {
        if said != Credential::Managed {
            system.shift_remove(FINGERPRINT);
            system.shift_remove(ENTRY);
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
    let refused = |why: String| {
        Error::invalid(format!("the credential of provider `{}` {why}", item.name))
            .param("credential_value")
    };
    let secret = usable(secret.expose()).map_err(refused)?;
    let vendor = spec.get("vendor").and_then(Value::as_str);
    // A vendor that is not known is refused in words of its own.
    if let Some(vendor) = vendor.and_then(|id| crate::vendors::vendor(id).ok()) {
        upstream::check_secret(vendor.auth, secret.expose()).map_err(refused)?;
    }
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
    if same && !lost {
        return Ok(None);
    }
    // Never a name that was used before, nor one that another writer could choose at the same moment.
    let entry = format!("{ENTRIES}{}@{}", item.name, ulid::Ulid::new());
    system.insert(ENTRY.into(), entry.as_str().into());
    Ok(Some((entry, secret)))
}

/// A credential is one line of visible ASCII, as headers carry. What is JSON, as service accounts' keys are, is written so.
fn usable(text: &str) -> Result<Secret, String> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let json = text
        .starts_with('{')
        .then(|| serde_json::from_str(text).ok());
    let compact = json
        .flatten()
        .map(|json: Value| Zeroizing::new(json.to_string()));
    let text = compact.as_ref().map_or(text, |compact| compact.as_str());
    match text {
        "" => Err("is empty".into()),
        _ if text.len() > LONGEST => Err(format!("is longer than {LONGEST} bytes")),
        _ if !text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) => {
            Err("has characters that no header can carry".into())
        }
        _ => Ok(Secret::new(text.to_owned())),
    }
}

/// The vendor and the formats must be known, and an address must come from somewhere.
pub fn check_vendor(spec: &Spec) -> Result<()> {
    if crate::vendors::VENDORS.is_empty() {
        return Ok(());
    }
    let text = |field: &str| spec.get(field).and_then(Value::as_str).unwrap_or_default();
    let vendor = crate::vendors::vendor(text("vendor"))?;
    let formats = spec.get("formats").and_then(Value::as_array);
    let formats = formats.into_iter().flatten().filter_map(Value::as_str);
    crate::vendors::check_formats(formats)?;
    suits(vendor, &reference(spec)?)?;
    let own_base = !text("base_url").is_empty();
    if vendor.base_url.is_empty() && !own_base {
        return Err(
            Error::invalid(format!("vendor `{}` has no address of its own", vendor.id))
                .param("base_url")
                .hint("give one with --base-url URL"),
        );
    }
    let parts = Parts {
        region: text("region"),
        project: text("project"),
        account: text("account"),
    };
    vendor.check_parts(&parts, own_base)
}

/// Refuses the identity of a machine that the vendor does not know.
fn suits(vendor: &crate::vendors::Vendor, credential: &Credential) -> Result<()> {
    let asked = match credential {
        Credential::Aws(_) => "aws",
        Credential::Google => "google",
        Credential::Azure => "azure",
        _ => return Ok(()),
    };
    let own = vendor.endpoints.iter().filter_map(|endpoint| endpoint.auth);
    let known: Vec<&str> = std::iter::once(vendor.auth)
        .chain(own)
        .filter_map(crate::vendors::Auth::machine)
        .collect();
    if known.contains(&asked) {
        return Ok(());
    }
    let key = "its key, with --credential-stdin, --credential-env or --credential-ref env:NAME";
    let hint = match known.first() {
        Some(machine) => format!("it takes {key}; or --credential-ref {machine}"),
        None => format!("it takes {key}"),
    };
    Err(Error::invalid(format!(
        "vendor `{}` is not signed in to with `{credential}`",
        vendor.id
    ))
    .param("credential")
    .hint(hint))
}

/// Looks at what a provider newly refers to, as far as it has to be there when it is written: TLS files, and a
/// keyring to have entries. Secrets may come later, so a record is stored before them. Blocks.
pub fn check_references(vault: &dyn Vault, old: Option<&Record>, new: &Record) -> Result<()> {
    let changed = |field: &str| old.and_then(|old| old.spec.get(field)) != new.spec.get(field);
    if let Credential::Keyring(_) = reference(&new.spec)?
        && changed("credential")
        && !vault.has_foreign()
    {
        return Err(Error::invalid(format!(
            "provider `{}` refers to a keyring, and this gateway has none: {}",
            new.name,
            vault.describe()
        ))
        .param("credential")
        .hint("refer to it as env:NAME or file:/PATH, or give it to gw with --credential-stdin"));
    }
    let Some(field) = ["ca_file", "client_cert_file", "client_key_file"]
        .into_iter()
        .find(|field| changed(field))
    else {
        return Ok(());
    };
    let spec: Provider = serde_json::from_value(Value::Object(new.spec.clone()))
        .map_err(|error| Error::internal("the provider record cannot be read").cause(error))?;
    upstream::resolve_files(&spec, None)
        .map(drop)
        .map_err(|why| {
            Error::invalid(format!("provider `{}`: {why}", new.name))
                .param(field)
                .hint("the gateway reads these files itself: give paths on its machine, PEM, good now")
        })
}

/// Whether part of what it refers to is in files, which may change behind gw's back.
pub fn in_file(provider: &Record) -> bool {
    let named = |field: &str| provider.spec.get(field).is_some_and(Value::is_string);
    matches!(reference(&provider.spec), Ok(Credential::File(_)))
        || named("ca_file")
        || named("client_cert_file")
}

/// What a provider's record refers to as it is now, or why it is not to be had. Blocks.
pub fn resolve(vault: &dyn Vault, provider: &Record) -> Result<Access, String> {
    access(provider, secret(vault, provider)?)
}

/// The same with a secret that is not stored yet.
pub fn with(provider: &Record, secret: &Secret) -> Result<Access, String> {
    access(provider, Some(usable(secret.expose())?))
}

fn access(provider: &Record, secret: Option<Secret>) -> Result<Access, String> {
    let spec: Provider = serde_json::from_value(Value::Object(provider.spec.clone()))
        .map_err(|error| format!("its record cannot be read: {error}"))?;
    let access = upstream::resolve_files(&spec, secret)?;
    upstream::check_access(&spec, access)
}

/// The credential as sent upstream.
fn secret(vault: &dyn Vault, provider: &Record) -> Result<Option<Secret>, String> {
    match reference(&provider.spec).map_err(|error| error.to_string())? {
        Credential::None
        | Credential::Passthrough
        | Credential::Aws(_)
        | Credential::Google
        | Credential::Azure => Ok(None),
        Credential::Managed => match vault.get(&entry(provider).unwrap_or_default()) {
            Ok(Some(secret)) => usable(secret.expose()).map(Some),
            Ok(None) => Err("not in the vault".into()),
            Err(error) => Err(error.to_string()),
        },
        Credential::Keyring(name) => match vault.foreign(&name) {
            Ok(Some(secret)) => usable(secret.expose())
                .map(Some)
                .map_err(|why| format!("`{name}` {why}")),
            Ok(None) => Err(format!(
                "the keyring has no entry of service `gw` and user `{name}`, or is locked"
            )),
            Err(error) => Err(error.to_string()),
        },
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
    let content = secret_file::read(path, LONGEST)?;
    usable(std::str::from_utf8(&content).map_err(|_| "is not text")?)
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
pub fn describe(vault: &str, provider: &Record, now: Option<&Result<Access, String>>) -> String {
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
