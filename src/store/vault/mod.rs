//! The vault: secrets in the operating system's store, or in a sealed file where there is none, chosen
//! once and recorded; never plaintext, never a silent fallback.

mod choose;
#[cfg(all(
    feature = "keyring",
    any(target_os = "linux", target_os = "macos", target_os = "windows")
))]
mod keyring;
mod master;
mod memory;
mod sealed;
#[cfg(all(
    feature = "keyring",
    any(target_os = "linux", target_os = "macos", target_os = "windows")
))]
mod worker;

pub use choose::{Choice, open};
#[cfg(all(
    feature = "keyring",
    any(target_os = "linux", target_os = "macos", target_os = "windows")
))]
pub use keyring::Keyring;
pub use master::MasterKey;
pub use memory::Memory;
pub use sealed::Sealed;

use super::secret::{LONGEST, Secret};
use crate::error::{Error, Kind, Result};
use std::path::{Path, PathBuf};

/// A secret store. Calls block and have a time limit of their own (5 s).
pub trait Vault: Send + Sync {
    /// `None`: no such secret. An error: the store cannot be asked (locked, gone).
    fn get(&self, name: &str) -> Result<Option<Secret>>;
    fn set(&self, name: &str, secret: &Secret) -> Result<()>;
    /// Deleting what is not there is fine.
    fn delete(&self, name: &str) -> Result<()>;
    /// Whether others can write entries to it, for references `keyring:NAME`: an operating system's store.
    fn has_foreign(&self) -> bool {
        false
    }
    /// An entry that somebody else wrote. Where there are none to be, that is an error, not "no such entry".
    fn foreign(&self, _name: &str) -> Result<Option<Secret>> {
        Err(Error::invalid(format!(
            "there is no keyring here: {}",
            self.describe()
        )))
    }
    /// The names of all secrets in it, in no order.
    fn names(&self) -> Result<Vec<String>>;
    /// One line for `gw serve` and `gw doctor`, such as `OS keyring (Secret Service)`.
    fn describe(&self) -> String;
}

/// Writes, reads and deletes a canary. Only writing tells a locked store from an empty one.
pub fn probe(vault: &dyn Vault) -> Result<()> {
    let canary = super::token::mint()?;
    let name = format!("gw-probe-{}", super::token::last4_of(canary.expose()));
    vault.set(&name, &canary)?;
    let found = vault.get(&name);
    let deleted = vault.delete(&name);
    match found? {
        Some(found) if found == canary => deleted,
        _ => Err(Error::new(
            Kind::Unavailable,
            "the secret store took a secret and did not give it back",
        )
        .hint("choose another one: --secrets sealed")),
    }
}

/// Where the choice of a data directory is recorded.
fn choice_path(data_dir: &Path) -> PathBuf {
    data_dir.join("secrets.choice")
}

/// What every vault refuses alike, so that secrets can move from one to another.
fn check_name(name: &str) -> Result<()> {
    let fits = !name.is_empty()
        && name.len() <= 256
        && !name.starts_with('.')
        && !name.chars().any(char::is_control);
    if fits {
        Ok(())
    } else {
        Err(Error::invalid(
            "a secret's name is 1 to 256 bytes of visible text and does not begin with a dot",
        )
        .hint("choose another name"))
    }
}

fn check(name: &str, secret: &Secret) -> Result<()> {
    check_name(name)?;
    let text = secret.expose();
    // An empty secret would later be sent as an empty credential, or match one.
    if text.trim().is_empty() {
        return Err(Error::invalid(format!("the secret `{name}` is empty"))
            .hint("give it on standard input, or delete it instead"));
    }
    if text.len() > LONGEST {
        return Err(Error::new(
            Kind::TooLarge,
            format!(
                "the secret `{name}` has {} bytes, {LONGEST} are taken at most",
                text.len()
            ),
        )
        .hint("check that it is the credential itself and not a bundle of files"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn refuses_names_and_values_that_some_vault_could_not_keep() {
        let vault = Memory::default();
        let good = Secret::new("x".into());
        for name in ["", ".hidden", "two\nlines", "nul\0", &"n".repeat(257)] {
            assert_eq!(
                vault.set(name, &good).unwrap_err().kind,
                Kind::Invalid,
                "{name:?}"
            );
            assert_eq!(vault.get(name).unwrap_err().kind, Kind::Invalid, "{name:?}");
            assert_eq!(
                vault.delete(name).unwrap_err().kind,
                Kind::Invalid,
                "{name:?}"
            );
        }
        for empty in ["", " ", "\n"] {
            assert_eq!(
                vault.set("a", &Secret::new(empty.into())).unwrap_err().kind,
                Kind::Invalid
            );
        }
        assert_eq!(
            vault
                .set("a", &Secret::new("x".repeat(LONGEST + 1)))
                .unwrap_err()
                .kind,
            Kind::TooLarge
        );
        assert!(vault.get("a").unwrap().is_none());
    }

    /// Takes everything and keeps nothing, as a locked keyring can look from the reading side.
    struct Forgetful;
    impl Vault for Forgetful {
        fn get(&self, _: &str) -> Result<Option<Secret>> {
            Ok(None)
        }
        fn set(&self, _: &str, _: &Secret) -> Result<()> {
            Ok(())
        }
        fn delete(&self, _: &str) -> Result<()> {
            Ok(())
        }
        fn names(&self) -> Result<Vec<String>> {
            Ok(Vec::new())
        }
        fn describe(&self) -> String {
            "forgetful".into()
        }
    }

    #[test]
    fn the_probe_tells_a_store_that_keeps_from_one_that_does_not() {
        probe(&Memory::default()).unwrap();
        assert_eq!(probe(&Forgetful).unwrap_err().kind, Kind::Unavailable);
    }
}
