//! Secrets in the operating system's store: Secret Service, Keychain, Credential Manager. What the clients
//! say when they fail is replaced by words of our own: their errors can carry the secret's bytes.

use super::{Vault, check, check_name, worker::Worker};
use crate::error::{Error, Kind, Result};
use crate::store::secret::Secret;
use keyring_core::{CredentialStore, Entry};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroize;

/// All entries of all gateways are under this service name.
const SERVICE: &str = "gw";
/// Present wherever this gateway ever stored something. No ordinary name begins with a dot.
const MARK: &str = ".gateway";
/// Longer than any healthy keyring takes, shorter than a person waits: a desktop may show a prompt.
const PATIENCE: Duration = Duration::from_secs(5);
/// Credential Manager's limit for one value, in bytes.
const WINDOWS_LARGEST: usize = 2560;
const UNREACHABLE: &str = "the OS keyring cannot be reached";

type Store = Arc<CredentialStore>;

/// The operating system's store, as one gateway sees it.
pub struct Keyring {
    worker: Worker<Store>,
    /// In front of every name, so that two gateways of one user do not meet.
    id: String,
}

impl Keyring {
    /// `id` tells this gateway's entries from others'. Connects at the first call, not here.
    pub fn new(id: &str) -> Keyring {
        Keyring::with_store(id, PATIENCE, platform)
    }

    fn with_store(
        id: &str,
        patience: Duration,
        open: impl Fn() -> Result<Store> + Send + Sync + 'static,
    ) -> Keyring {
        Keyring {
            worker: Worker::new(patience, open),
            id: id.to_owned(),
        }
    }

    fn call<R: Send + 'static>(
        &self,
        name: &str,
        job: impl Fn(&Access<'_>) -> Result<R> + Clone + Send + 'static,
    ) -> Result<R> {
        let once = || {
            let (id, name, job) = (self.id.clone(), name.to_owned(), job.clone());
            self.worker.call(move |store| {
                job(&Access {
                    store,
                    id: &id,
                    name: &name,
                })
            })
        };
        match once() {
            // The connection may be to a daemon that was started anew since; the second try makes a new one.
            // Every job can be done twice: reading, writing one value, deleting.
            Err(error) if error.message == UNREACHABLE => once(),
            done => done,
        }
    }
}

impl Vault for Keyring {
    fn get(&self, name: &str) -> Result<Option<Secret>> {
        check_name(name)?;
        self.call(name, |access| match access.read(access.name)? {
            Some(secret) => Ok(Some(secret)),
            None => access.expect_mark().map(|()| None),
        })
    }

    fn set(&self, name: &str, secret: &Secret) -> Result<()> {
        check(name, secret)?;
        if cfg!(windows) && secret.expose().len() > WINDOWS_LARGEST {
            return Err(Error::new(
                Kind::TooLarge,
                format!("the secret `{name}` has {} bytes, Windows Credential Manager takes {WINDOWS_LARGEST}", secret.expose().len()),
            )
            .hint("keep this gateway's secrets in the sealed file: --secrets sealed"));
        }
        let secret = secret.clone();
        self.call(name, move |access| {
            access.write(access.name, &secret)?;
            match access.read(MARK)? {
                Some(_) => Ok(()),
                None => access.write(MARK, &Secret::new("here".to_owned())),
            }
        })
    }

    fn delete(&self, name: &str) -> Result<()> {
        check_name(name)?;
        self.call(name, |access| {
            match access.entry(access.name)?.delete_credential() {
                Ok(()) => Ok(()),
                Err(keyring_core::Error::NoEntry) => access.expect_mark(),
                Err(error) => Err(access.failed(error)),
            }
        })
    }

    fn has_foreign(&self) -> bool {
        true
    }

    /// Service `gw`, user `NAME`: beside the gateways' own entries, whose users are `GATEWAY/NAME`. `None` may also
    /// mean that the collection is locked: nothing of gw's need be there to tell.
    fn foreign(&self, name: &str) -> Result<Option<Secret>> {
        check_name(name)?;
        if name.contains('/') {
            return Err(Error::invalid(format!(
                "`{name}` is an entry of a gateway's own, not one to refer to"
            ))
            .hint(format!(
                "refer to an entry of service `{SERVICE}` whose user has no slash"
            )));
        }
        self.call(name, |access| access.read_entry(access.foreign_entry()?))
    }

    fn names(&self) -> Result<Vec<String>> {
        self.call(MARK, |access| {
            // A search in a locked collection asks the user to unlock it; this is not worth that.
            match access.read(MARK)? {
                Some(_) => access.names(),
                None => Ok(Vec::new()),
            }
        })
    }

    fn describe(&self) -> String {
        format!(
            "OS keyring ({PLATFORM}), service `{SERVICE}`, entries `{}/...`",
            self.id
        )
    }
}

/// One call's view of the store, on the worker's thread.
struct Access<'a> {
    store: &'a Store,
    id: &'a str,
    name: &'a str,
}

impl Access<'_> {
    fn entry(&self, name: &str) -> Result<Entry> {
        self.store
            .build(SERVICE, &format!("{}/{name}", self.id), None)
            .map_err(|error| self.failed(error))
    }

    fn foreign_entry(&self) -> Result<Entry> {
        self.store
            .build(SERVICE, self.name, None)
            .map_err(|error| self.failed(error))
    }

    fn read(&self, name: &str) -> Result<Option<Secret>> {
        self.read_entry(self.entry(name)?)
    }

    fn read_entry(&self, entry: Entry) -> Result<Option<Secret>> {
        match entry.get_secret() {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Some(Secret::new(text))),
                Err(error) => {
                    error.into_bytes().zeroize();
                    Err(self.not_text())
                }
            },
            Err(keyring_core::Error::NoEntry) => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    fn write(&self, name: &str, secret: &Secret) -> Result<()> {
        self.entry(name)?
            .set_secret(secret.expose().as_bytes())
            .map_err(|error| self.failed(error))
    }

    /// This gateway's entries; none where the platform's store cannot be searched.
    fn names(&self) -> Result<Vec<String>> {
        let wanted = if cfg!(windows) {
            ("pattern", SERVICE)
        } else {
            ("service", SERVICE)
        };
        let found = match self.store.search(&HashMap::from([wanted])) {
            Ok(found) => found,
            Err(keyring_core::Error::NotSupportedByStore(_)) => Vec::new(),
            Err(error) => return Err(self.failed(error)),
        };
        let own = format!("{}/", self.id);
        Ok(found
            .iter()
            .filter_map(Entry::get_specifiers)
            .filter(|(service, _)| service == SERVICE)
            .filter_map(|(_, user)| user.strip_prefix(&own).map(str::to_owned))
            .filter(|name| !name.starts_with('.'))
            .collect())
    }

    /// A locked collection answers "no such entry" to readers. Only where the mark is found, an entry
    /// that is not found is really not there.
    fn expect_mark(&self) -> Result<()> {
        match self.read(MARK)? {
            Some(_) => Ok(()),
            None => Err(Error::new(
                Kind::Unavailable,
                "the OS keyring is locked, or is not the one this gateway's secrets were put into",
            )
            .hint(format!(
                "{UNLOCK}; if it was made anew, set the credentials again"
            ))),
        }
    }

    fn not_text(&self) -> Error {
        Error::internal(format!(
            "the OS keyring's entry for `{}` is not text",
            self.name
        ))
        .hint("set the credential again")
    }

    /// The kind of failure in our words. Nothing of the original is shown: it may hold the secret.
    fn failed(&self, error: keyring_core::Error) -> Error {
        use keyring_core::Error as E;
        let name = self.name;
        match error {
            E::NoStorageAccess(_) => Error::new(Kind::Unavailable, "the OS keyring is locked").hint(UNLOCK),
            E::BadEncoding(mut bytes) | E::BadDataFormat(mut bytes, _) => {
                bytes.zeroize();
                self.not_text()
            }
            E::TooLong(_, most) => {
                Error::new(Kind::TooLarge, format!("the OS keyring takes {most} bytes at most for `{name}`")).hint("use the sealed file: --secrets sealed")
            }
            E::Invalid(..) => Error::invalid(format!("the OS keyring does not take the name `{name}` or its value")).hint("choose another name"),
            E::Ambiguous(_) => Error::new(Kind::Conflict, format!("the OS keyring has several entries for `{name}`")).hint(format!(
                "delete those of service `{SERVICE}` and user `{}/{name}` with the system's keyring tool, then set the credential again",
                self.id
            )),
            _ => Error::new(Kind::Unavailable, UNREACHABLE).hint(UNLOCK),
        }
    }
}

#[cfg(target_os = "linux")]
const PLATFORM: &str = "Secret Service";
#[cfg(target_os = "macos")]
const PLATFORM: &str = "Keychain";
#[cfg(target_os = "windows")]
const PLATFORM: &str = "Credential Manager";

#[cfg(target_os = "linux")]
const UNLOCK: &str = "log in to the desktop session or unlock its keyring (a service needs DBUS_SESSION_BUS_ADDRESS); gw tries again by itself";
#[cfg(target_os = "macos")]
const UNLOCK: &str =
    "unlock the login keychain (over SSH: `security unlock-keychain`); gw tries again by itself";
#[cfg(target_os = "windows")]
const UNLOCK: &str = "run gw in a logon session that has Credential Manager (network logons have none); gw tries again by itself";

fn platform() -> Result<Store> {
    #[cfg(target_os = "linux")]
    let opened = zbus_secret_service_keyring_store::Store::new();
    #[cfg(target_os = "macos")]
    let opened = apple_native_keyring_store::keychain::Store::new();
    #[cfg(target_os = "windows")]
    let opened = windows_native_keyring_store::Store::new();
    match opened {
        Ok(store) => Ok(store),
        // No secret has been near this error.
        Err(error) => Err(Error::new(Kind::Unavailable, UNREACHABLE)
            .cause(error.to_string())
            .hint(UNLOCK)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use keyring_core::{api::CredentialStoreApi, mock};

    fn mocked(id: &str, store: &Arc<mock::Store>) -> Keyring {
        let store: Store = store.clone();
        Keyring::with_store(id, Duration::from_secs(60), move || Ok(store.clone()))
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn entries_of_others_are_found_and_a_gateways_own_are_not() {
        let store = mock::Store::new().unwrap();
        let vault = mocked("g1", &store);
        let other = store.build(SERVICE, "team-key", None).unwrap();
        other.set_password("sk-theirs").unwrap();
        vault
            .set("provider/p", &Secret::new("sk-own".into()))
            .unwrap();
        assert_eq!(
            vault.foreign("team-key").unwrap().unwrap().expose(),
            "sk-theirs"
        );
        assert!(vault.foreign("no-such").unwrap().is_none());
        for own in ["g1/provider/p", "provider/p"] {
            assert_eq!(vault.foreign(own).unwrap_err().kind, Kind::Invalid);
        }
    }

    #[test]
    fn keeps_and_gives_back() {
        let store = mock::Store::new().unwrap();
        let keyring = mocked("one", &store);
        keyring.set("openai", &secret("s3cret")).unwrap();
        assert!(keyring.get("openai").unwrap() == Some(secret("s3cret")));
        assert!(keyring.get("other").unwrap().is_none());
        keyring.delete("openai").unwrap();
        keyring.delete("openai").unwrap();
        assert!(keyring.get("openai").unwrap().is_none());
        super::super::probe(&keyring).unwrap();
    }

    #[test]
    fn two_gateways_do_not_meet() {
        let store = mock::Store::new().unwrap();
        let (one, two) = (mocked("one", &store), mocked("two", &store));
        one.set("openai", &secret("1")).unwrap();
        two.set("openai", &secret("2")).unwrap();
        two.delete("openai").unwrap();
        assert!(one.get("openai").unwrap() == Some(secret("1")));
    }

    #[test]
    fn nothing_found_without_the_mark_is_not_trusted() {
        // This is what a freshly started, locked daemon looks like to a reader.
        let keyring = mocked("one", &mock::Store::new().unwrap());
        assert_eq!(keyring.get("openai").unwrap_err().kind, Kind::Unavailable);
        assert_eq!(
            keyring.delete("openai").unwrap_err().kind,
            Kind::Unavailable
        );
    }

    #[test]
    fn failures_are_told_in_own_words() {
        use keyring_core::Error as E;
        let store: Store = mock::Store::new().unwrap();
        let access = Access {
            store: &store,
            id: "one",
            name: "openai",
        };
        let leak = "sk-live-canary";
        let boxed = || -> Box<dyn std::error::Error + Send + Sync> { leak.into() };
        for (error, kind) in [
            (E::PlatformFailure(boxed()), Kind::Unavailable),
            (E::NoStorageAccess(boxed()), Kind::Unavailable),
            (E::BadEncoding(leak.as_bytes().to_vec()), Kind::Internal),
            (
                E::BadDataFormat(leak.as_bytes().to_vec(), boxed()),
                Kind::Internal,
            ),
            (E::BadStoreFormat(leak.into()), Kind::Unavailable),
            (E::Invalid(leak.into(), leak.into()), Kind::Invalid),
            (E::TooLong(leak.into(), 7), Kind::TooLarge),
            (E::NotSupportedByStore(leak.into()), Kind::Unavailable),
        ] {
            let shown = access.failed(error);
            assert_eq!(shown.kind, kind);
            assert!(shown.hint.is_some() && shown.cause.is_none());
            let text = format!("{shown} {shown:?}");
            assert!(
                !text.contains(leak) && !text.contains(&format!("{:?}", leak.as_bytes())),
                "{text}"
            );
        }
    }

    #[test]
    fn an_entry_that_is_not_text_is_an_error_without_its_bytes() {
        let store = mock::Store::new().unwrap();
        let keyring = mocked("one", &store);
        let shared: Store = store.clone();
        shared
            .build(SERVICE, "one/openai", None)
            .unwrap()
            .set_secret(&[0xff, 0xfe, 1])
            .unwrap();
        let error = keyring.get("openai").unwrap_err();
        assert!(error.message.contains("openai") && !format!("{error:?}").contains("255"));
    }
}
