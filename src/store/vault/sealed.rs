//! Secrets in one file, each sealed with XChaCha20-Poly1305 under the master key. Names and lengths can be
//! read in the file, values cannot, and an entry does not open under another name or version.

use super::{MasterKey, Vault, check, check_name};
use crate::error::{Error, Kind, Result};
use crate::store::{private, secret::Secret};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use zeroize::Zeroize;

const FORMAT: &str = "gw-sealed-1";
/// Sealed into every file: opening it tells the right key from a wrong one, even with no entries.
const CHECK_NAME: &str = ".check";
const CHECK_TEXT: &[u8] = b"this file is sealed with the key that opens this";

/// The vault in `<data-dir>/secrets.sealed`.
pub struct Sealed {
    path: PathBuf,
    cipher: XChaCha20Poly1305,
    source: String,
    beside_data: bool,
    /// What is in the file. Only ever replaced after the file was.
    content: Mutex<Content>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    format: String,
    check: Entry,
    entries: BTreeMap<String, Entry>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Grows with every overwriting.
    version: u64,
    /// 24 random bytes, base64.
    nonce: String,
    /// Ciphertext and tag, base64.
    sealed: String,
}

/// Where the sealed file of a data directory is.
pub(super) fn path(data_dir: &Path) -> PathBuf {
    data_dir.join("secrets.sealed")
}

impl Sealed {
    /// Makes an empty file. Refuses to replace one that is there.
    pub fn create(data_dir: &Path, key: &MasterKey) -> Result<Sealed> {
        let path = path(data_dir);
        if private::read(&path)?.is_some() {
            return Err(Error::new(
                Kind::Conflict,
                format!("`{}` is there already", path.display()),
            )
            .hint("open it with the master key it was sealed with"));
        }
        let cipher = XChaCha20Poly1305::new((&*key.bytes).into());
        let content = Content {
            format: FORMAT.to_owned(),
            check: seal(&cipher, CHECK_NAME, 1, CHECK_TEXT)?,
            entries: BTreeMap::new(),
        };
        save(&path, &content)?;
        Ok(Sealed {
            path,
            cipher,
            source: key.source.clone(),
            beside_data: key.beside_data,
            content: Mutex::new(content),
        })
    }

    /// Opens the file that is there. A wrong key or a damaged file is an error and leaves it as it is.
    pub fn open(data_dir: &Path, key: &MasterKey) -> Result<Sealed> {
        let path = path(data_dir);
        let shown = path.display();
        let Some(text) = private::read(&path)? else {
            return Err(Error::internal(format!("`{shown}` is missing, and this gateway's secrets were in it")).hint(format!(
                "restore it from a backup; to start over without them, remove `{}` and set the credentials again",
                super::choice_path(data_dir).display()
            )));
        };
        let damaged = || {
            Error::internal(format!("`{shown}` is damaged"))
                .hint("restore it from a backup; gw does not touch it")
        };
        let content: Content = serde_json::from_slice(&text).map_err(|_| damaged())?;
        if content.format != FORMAT {
            return Err(Error::internal(format!(
                "`{shown}` has the format `{}`, this gw knows `{FORMAT}`",
                content.format
            ))
            .hint("use the gw release that wrote it"));
        }
        let cipher = XChaCha20Poly1305::new((&*key.bytes).into());
        if unseal(&cipher, CHECK_NAME, &content.check).as_deref() != Some(CHECK_TEXT) {
            return Err(Error::invalid(format!("the master key in {} does not open `{shown}`", key.source))
                .hint("give the key it was sealed with: GW_MASTER_KEY, --master-key-file, or `master.key` in the data directory when neither is set; nothing was changed"));
        }
        Ok(Sealed {
            path,
            cipher,
            source: key.source.clone(),
            beside_data: key.beside_data,
            content: Mutex::new(content),
        })
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        // Replaced as a whole and only when saved: sound whoever panicked while holding it.
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vault for Sealed {
    fn get(&self, name: &str) -> Result<Option<Secret>> {
        check_name(name)?;
        let Some(entry) = self.content().entries.get(name).cloned() else {
            return Ok(None);
        };
        let damaged = || {
            Error::internal(format!(
                "the entry `{name}` in `{}` is damaged",
                self.path.display()
            ))
            .hint("set this credential again; the others are not touched")
        };
        let text = String::from_utf8(unseal(&self.cipher, name, &entry).ok_or_else(damaged)?)
            .map_err(|error| {
                error.into_bytes().zeroize();
                damaged()
            })?;
        Ok(Some(Secret::new(text)))
    }

    fn set(&self, name: &str, secret: &Secret) -> Result<()> {
        check(name, secret)?;
        let mut content = self.content();
        let mut next = content.clone();
        let version = next
            .entries
            .get(name)
            .map_or(1, |entry| entry.version.saturating_add(1));
        next.entries.insert(
            name.to_owned(),
            seal(&self.cipher, name, version, secret.expose().as_bytes())?,
        );
        save(&self.path, &next)?;
        *content = next;
        Ok(())
    }

    fn delete(&self, name: &str) -> Result<()> {
        check_name(name)?;
        let mut content = self.content();
        if !content.entries.contains_key(name) {
            return Ok(());
        }
        let mut next = content.clone();
        next.entries.remove(name);
        save(&self.path, &next)?;
        *content = next;
        Ok(())
    }

    fn names(&self) -> Result<Vec<String>> {
        Ok(self.content().entries.keys().cloned().collect())
    }

    fn describe(&self) -> String {
        let warning = if self.beside_data {
            "; warning: the key lies beside the data, a copy of the directory holds both"
        } else {
            ""
        };
        format!(
            "sealed file `{}`, key from {}{warning}",
            self.path.display(),
            self.source
        )
    }
}

fn save(path: &Path, content: &Content) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(content)
        .map_err(|error| Error::internal("cannot write the sealed file").cause(error))?;
    text.push(b'\n');
    private::replace(path, &text)
}

/// Binds a value to its place: an entry moved to another name or version does not open.
fn bound_to(name: &str, version: u64) -> Vec<u8> {
    let mut bound = format!("{FORMAT}\0{version}\0").into_bytes();
    bound.extend_from_slice(name.as_bytes());
    bound
}

fn seal(cipher: &XChaCha20Poly1305, name: &str, version: u64, text: &[u8]) -> Result<Entry> {
    let mut nonce = [0u8; 24];
    getrandom::fill(&mut nonce).map_err(|error| {
        Error::internal("the operating system gives no random bytes").cause(error)
    })?;
    let sealed = cipher
        .encrypt(
            XNonce::from_slice(&nonce),
            Payload {
                msg: text,
                aad: &bound_to(name, version),
            },
        )
        .map_err(|_| Error::internal(format!("cannot seal the secret `{name}`")))?;
    Ok(Entry {
        version,
        nonce: BASE64.encode(nonce),
        sealed: BASE64.encode(sealed),
    })
}

fn unseal(cipher: &XChaCha20Poly1305, name: &str, entry: &Entry) -> Option<Vec<u8>> {
    let nonce = <[u8; 24]>::try_from(BASE64.decode(&entry.nonce).ok()?).ok()?;
    let sealed = BASE64.decode(&entry.sealed).ok()?;
    cipher
        .decrypt(
            XNonce::from_slice(&nonce),
            Payload {
                msg: &sealed,
                aad: &bound_to(name, entry.version),
            },
        )
        .ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    fn key(first: u8) -> MasterKey {
        let mut bytes = [7u8; 32];
        bytes[0] = first;
        MasterKey::from_text(&BASE64.encode(bytes), "`GW_MASTER_KEY`").unwrap()
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_wrong_key_is_told_and_nothing_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        Sealed::create(dir.path(), &key(1))
            .unwrap()
            .set("openai", &secret("s3cret"))
            .unwrap();
        let before = std::fs::read(path(dir.path())).unwrap();
        let error = Sealed::open(dir.path(), &key(2)).err().unwrap();
        assert_eq!(error.kind, Kind::Invalid);
        assert!(error.message.contains("GW_MASTER_KEY") && error.hint.is_some());
        assert_eq!(
            Sealed::create(dir.path(), &key(2)).err().unwrap().kind,
            Kind::Conflict
        );
        assert_eq!(std::fs::read(path(dir.path())).unwrap(), before);
        assert!(
            Sealed::open(dir.path(), &key(1))
                .unwrap()
                .get("openai")
                .unwrap()
                == Some(secret("s3cret"))
        );
    }

    #[test]
    fn an_empty_file_has_a_key_too() {
        let dir = tempfile::tempdir().unwrap();
        Sealed::create(dir.path(), &key(1)).unwrap();
        assert!(Sealed::open(dir.path(), &key(2)).is_err());
        Sealed::open(dir.path(), &key(1)).unwrap();
    }

    #[test]
    fn a_missing_or_damaged_file_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let error = Sealed::open(dir.path(), &key(1)).err().unwrap();
        assert!(error.message.contains("secrets.sealed") && error.hint.unwrap().contains("backup"));
        assert!(!path(dir.path()).exists());
        for damaged in [
            "",
            "{}",
            "not json",
            r#"{"format":"gw-sealed-9","check":{"version":1,"nonce":"","sealed":""},"entries":{}}"#,
        ] {
            private::replace(&path(dir.path()), damaged.as_bytes()).unwrap();
            assert!(Sealed::open(dir.path(), &key(1)).is_err());
            assert!(Sealed::create(dir.path(), &key(1)).is_err());
            assert_eq!(std::fs::read(path(dir.path())).unwrap(), damaged.as_bytes());
        }
    }

    #[test]
    fn entries_do_not_open_elsewhere() {
        let dir = tempfile::tempdir().unwrap();
        let sealed = Sealed::create(dir.path(), &key(1)).unwrap();
        sealed.set("cheap", &secret("one")).unwrap();
        sealed.set("dear", &secret("two")).unwrap();
        let mut content = sealed.content().clone();
        let moved = content.entries["dear"].clone();
        content.entries.insert("cheap".to_owned(), moved);
        content.entries.get_mut("dear").unwrap().version += 1;
        save(&path(dir.path()), &content).unwrap();
        let opened = Sealed::open(dir.path(), &key(1)).unwrap();
        for name in ["cheap", "dear"] {
            assert!(opened.get(name).unwrap_err().message.contains(name));
        }
        // Setting one again mends it and leaves the other as it is.
        opened.set("cheap", &secret("three")).unwrap();
        assert!(opened.get("cheap").unwrap() == Some(secret("three")));
        assert!(opened.get("dear").is_err());
    }

    #[test]
    fn the_same_secret_never_looks_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let sealed = Sealed::create(dir.path(), &key(1)).unwrap();
        sealed.set("a", &secret("same")).unwrap();
        let first = sealed.content().entries["a"].clone();
        sealed.set("a", &secret("same")).unwrap();
        let second = sealed.content().entries["a"].clone();
        assert!(
            first.nonce != second.nonce && first.sealed != second.sealed && second.version == 2
        );
    }

    #[test]
    fn what_could_not_be_saved_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("data");
        std::fs::create_dir(&inner).unwrap();
        let sealed = Sealed::create(&inner, &key(1)).unwrap();
        sealed.set("a", &secret("old")).unwrap();
        std::fs::remove_dir_all(&inner).unwrap();
        assert!(sealed.set("a", &secret("new")).is_err());
        assert!(sealed.delete("a").is_err());
        assert!(sealed.get("a").unwrap() == Some(secret("old")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_flipped_bit_is_noticed(text in "\\PC{1,40}", at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let cipher = XChaCha20Poly1305::new((&*key(1).bytes).into());
            let entry = seal(&cipher, "name", 3, text.as_bytes()).unwrap();
            prop_assert_eq!(unseal(&cipher, "name", &entry).unwrap(), text.as_bytes());
            let mut sealed = BASE64.decode(&entry.sealed).unwrap();
            let at = at.index(sealed.len());
            sealed[at] ^= 1 << bit;
            let flipped = Entry { sealed: BASE64.encode(sealed), ..entry };
            prop_assert!(unseal(&cipher, "name", &flipped).is_none());
        }
    }
}
