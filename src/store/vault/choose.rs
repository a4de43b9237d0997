//! Which vault a gateway uses: decided once, written down in `<data-dir>/secrets.choice`, and held to from
//! then on. Falling back to another one would look as if every credential had vanished.

use super::{MasterKey, Memory, Sealed, Vault, choice_path, sealed};
use crate::error::{Error, Kind, Result};
use crate::store::private;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

/// What `--secrets` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// What was chosen before; at first the OS keyring if it works, else the sealed file.
    #[default]
    Auto,
    Keyring,
    Sealed,
    Memory,
}

impl Choice {
    /// As `--secrets` takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Choice::Auto => "auto",
            Choice::Keyring => "keyring",
            Choice::Sealed => "sealed",
            Choice::Memory => "memory",
        }
    }
}

impl FromStr for Choice {
    type Err = Error;
    fn from_str(text: &str) -> Result<Choice> {
        let all = [
            Choice::Auto,
            Choice::Keyring,
            Choice::Sealed,
            Choice::Memory,
        ];
        all.into_iter()
            .find(|choice| choice.as_str() == text)
            .ok_or_else(|| {
                Error::invalid(format!("`{text}` is no place for secrets"))
                    .param("secrets")
                    .hint("one of: auto, keyring, sealed, memory")
            })
    }
}

/// What was written down.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Recorded {
    /// With what tells this gateway's entries from others'. It stays when the directory moves.
    Keyring(String),
    Sealed,
}

/// The vault of a data directory. `master_key` is what [`MasterKey::given`] found; without it the sealed
/// file uses a key beside the data and says so. A recorded keyring that is locked or gone does not fail
/// here but in its calls, and they work again once it is back.
pub fn open(
    data_dir: &Path,
    choice: Choice,
    master_key: Option<MasterKey>,
) -> Result<Arc<dyn Vault>> {
    open_with(data_dir, choice, master_key, &system)
}

/// The OS keyring under this id, or why there is none in this build.
type Connect<'a> = &'a dyn Fn(&str) -> Result<Arc<dyn Vault>>;

fn open_with(
    data_dir: &Path,
    choice: Choice,
    master_key: Option<MasterKey>,
    connect: Connect<'_>,
) -> Result<Arc<dyn Vault>> {
    match (recorded(data_dir)?, choice) {
        (Some(Recorded::Keyring(id)), Choice::Auto | Choice::Keyring) => connect(&id),
        (Some(Recorded::Sealed), Choice::Auto | Choice::Sealed) => {
            open_sealed(data_dir, master_key)
        }
        (Some(Recorded::Keyring(_)), _) => Err(changed(data_dir, Choice::Keyring, choice)),
        (Some(Recorded::Sealed), _) => Err(changed(data_dir, Choice::Sealed, choice)),
        (None, Choice::Memory) => Ok(Arc::new(Memory::default())),
        (None, Choice::Sealed) => first_sealed(data_dir, master_key),
        (None, Choice::Keyring) => first_keyring(data_dir, connect),
        (None, Choice::Auto) => match first_keyring(data_dir, connect) {
            // Whatever keeps the keyring from being used the first time, nothing is in it yet.
            Err(error) if error.kind == Kind::Unavailable => first_sealed(data_dir, master_key),
            other => other,
        },
    }
}

fn first_keyring(data_dir: &Path, connect: Connect<'_>) -> Result<Arc<dyn Vault>> {
    let file = sealed::path(data_dir);
    if file.exists() {
        // A sealed file without its record: the secrets are in it, whatever the keyring can do.
        return Err(Error::new(
            Kind::Unavailable,
            format!(
                "there is a sealed file `{}`, so this gateway's secrets are in it",
                file.display()
            ),
        )
        .hint("start with --secrets sealed, or move the file away and set the credentials again"));
    }
    let mut bytes = [0u8; 8];
    getrandom::fill(&mut bytes).map_err(|error| {
        Error::internal("the operating system gives no random bytes").cause(error)
    })?;
    let id = format!("{:016x}", u64::from_be_bytes(bytes));
    let vault = connect(&id)?;
    super::probe(&*vault).map_err(|error| match error.hint {
        Some(ref hint) => {
            let hint = format!("{hint}; or keep secrets in the sealed file: --secrets sealed");
            error.hint(hint)
        }
        None => error.hint("keep secrets in the sealed file: --secrets sealed"),
    })?;
    record(data_dir, &Recorded::Keyring(id))?;
    Ok(vault)
}

fn first_sealed(data_dir: &Path, master_key: Option<MasterKey>) -> Result<Arc<dyn Vault>> {
    let vault = if sealed::path(data_dir).exists() {
        open_sealed(data_dir, master_key)?
    } else {
        let key = match master_key {
            Some(key) => key,
            None => MasterKey::beside(data_dir, true)?.ok_or_else(no_key)?,
        };
        Arc::new(Sealed::create(data_dir, &key)?)
    };
    record(data_dir, &Recorded::Sealed)?;
    Ok(vault)
}

fn open_sealed(data_dir: &Path, master_key: Option<MasterKey>) -> Result<Arc<dyn Vault>> {
    let key = match master_key {
        Some(key) => key,
        // Never made here: a new key cannot open what an old one sealed.
        None => MasterKey::beside(data_dir, false)?.ok_or_else(no_key)?,
    };
    Ok(Arc::new(Sealed::open(data_dir, &key)?))
}

fn no_key() -> Error {
    Error::invalid("the secrets are in the sealed file, and there is no master key to open it with")
        .hint("give the key it was sealed with: GW_MASTER_KEY (32 bytes as base64) or --master-key-file; or restore `master.key` in the data directory")
}

fn changed(data_dir: &Path, was: Choice, asked: Choice) -> Error {
    let (was, asked, file) = (was.as_str(), asked.as_str(), choice_path(data_dir));
    let shown = file.display();
    Error::new(Kind::Conflict, format!("this gateway's secrets are in `{was}` (see `{shown}`), and `--secrets {asked}` was asked for")).param("secrets").hint(
        format!(
            "start with --secrets {was}; to move: stop gw, remove `{shown}`{}, start with --secrets {asked}, and set each provider's credential again",
            if was == "sealed" { " and `secrets.sealed` beside it" } else { "" }
        ),
    )
}

fn recorded(data_dir: &Path) -> Result<Option<Recorded>> {
    let path = choice_path(data_dir);
    let Some(text) = private::read(&path)? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&text);
    let words: Vec<&str> = text.split_whitespace().collect();
    match words.as_slice() {
        ["sealed"] => Ok(Some(Recorded::Sealed)),
        ["keyring", id] if id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => Ok(Some(Recorded::Keyring((*id).to_owned()))),
        _ => Err(Error::internal(format!("`{}` does not say where this gateway's secrets are", path.display()))
            .hint("restore it from a backup of the data directory; if the secrets were in the sealed file, it holds the one word: sealed")),
    }
}

fn record(data_dir: &Path, choice: &Recorded) -> Result<()> {
    let line = match choice {
        Recorded::Keyring(id) => format!("keyring {id}\n"),
        Recorded::Sealed => "sealed\n".to_owned(),
    };
    private::replace(&choice_path(data_dir), line.as_bytes())
}

#[cfg(all(
    feature = "keyring",
    any(target_os = "linux", target_os = "macos", target_os = "windows")
))]
fn system(id: &str) -> Result<Arc<dyn Vault>> {
    Ok(Arc::new(super::Keyring::new(id)))
}

#[cfg(not(all(
    feature = "keyring",
    any(target_os = "linux", target_os = "macos", target_os = "windows")
)))]
fn system(_id: &str) -> Result<Arc<dyn Vault>> {
    Err(
        Error::new(Kind::Unavailable, "this build of gw has no OS keyring")
            .hint("use a build with the feature `keyring`"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::store::secret::Secret;

    fn broken(_: &str) -> Result<Arc<dyn Vault>> {
        Err(Error::new(Kind::Unavailable, "no keyring here").hint("unlock it"))
    }

    fn working(_: &str) -> Result<Arc<dyn Vault>> {
        Ok(Arc::new(Memory::default()))
    }

    fn key() -> MasterKey {
        MasterKey::from_text("3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=", "test").unwrap()
    }

    fn line(dir: &tempfile::TempDir) -> String {
        String::from_utf8(
            private::read(&choice_path(dir.path()))
                .unwrap()
                .unwrap_or_default(),
        )
        .unwrap()
    }

    #[test]
    fn auto_takes_a_keyring_that_works_and_holds_to_it() {
        let dir = tempfile::tempdir().unwrap();
        open_with(dir.path(), Choice::Auto, None, &working).unwrap();
        assert!(line(&dir).starts_with("keyring "));
        let first = line(&dir);
        // The same id later, and no falling back although the keyring is gone now.
        let id = std::cell::RefCell::new(String::new());
        open_with(dir.path(), Choice::Auto, None, &|given| {
            id.replace(given.to_owned());
            working(given)
        })
        .unwrap();
        assert_eq!(first.trim(), format!("keyring {}", id.borrow()));
        assert_eq!(
            open_with(dir.path(), Choice::Auto, None, &broken)
                .err()
                .unwrap()
                .kind,
            Kind::Unavailable
        );
        assert_eq!(line(&dir), first);
        assert!(!sealed::path(dir.path()).exists());
    }

    #[test]
    fn auto_takes_the_sealed_file_where_no_keyring_is_and_holds_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let vault = open_with(dir.path(), Choice::Auto, None, &broken).unwrap();
        assert!(
            vault.describe().contains("beside the data"),
            "{}",
            vault.describe()
        );
        vault.set("a", &Secret::new("kept".into())).unwrap();
        assert_eq!(line(&dir), "sealed\n");
        let again = open_with(dir.path(), Choice::Auto, None, &working).unwrap();
        assert_eq!(again.get("a").unwrap().unwrap().expose(), "kept");
    }

    #[test]
    fn another_answer_later_is_refused_with_the_fix() {
        for (first, connect, later) in [
            (
                Choice::Sealed,
                &broken as Connect<'_>,
                [Choice::Keyring, Choice::Memory],
            ),
            (
                Choice::Keyring,
                &working as Connect<'_>,
                [Choice::Sealed, Choice::Memory],
            ),
        ] {
            let dir = tempfile::tempdir().unwrap();
            open_with(dir.path(), first, None, connect).unwrap();
            for later in later {
                let error = open_with(dir.path(), later, None, &working).err().unwrap();
                assert_eq!(error.kind, Kind::Conflict);
                assert!(
                    error
                        .hint
                        .unwrap()
                        .contains(&format!("--secrets {}", first.as_str()))
                );
            }
            open_with(dir.path(), first, None, connect).unwrap();
        }
    }

    #[test]
    fn a_keyring_asked_for_and_not_there_records_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let error = open_with(dir.path(), Choice::Keyring, None, &broken)
            .err()
            .unwrap();
        assert_eq!(error.kind, Kind::Unavailable);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn memory_is_not_recorded() {
        let dir = tempfile::tempdir().unwrap();
        open_with(dir.path(), Choice::Memory, None, &broken).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_sealed_file_without_its_record_is_taken_up() {
        let dir = tempfile::tempdir().unwrap();
        open_with(dir.path(), Choice::Sealed, Some(key()), &broken)
            .unwrap()
            .set("a", &Secret::new("kept".into()))
            .unwrap();
        std::fs::remove_file(choice_path(dir.path())).unwrap();
        assert!(open_with(dir.path(), Choice::Keyring, None, &working).is_err());
        let vault = open_with(dir.path(), Choice::Auto, Some(key()), &working).unwrap();
        assert_eq!(vault.get("a").unwrap().unwrap().expose(), "kept");
        assert_eq!(line(&dir), "sealed\n");
    }

    #[test]
    fn without_its_key_the_sealed_file_stays_shut_and_whole() {
        let dir = tempfile::tempdir().unwrap();
        let vault = open_with(dir.path(), Choice::Sealed, Some(key()), &broken).unwrap();
        assert!(!vault.describe().contains("beside"));
        let before = std::fs::read(sealed::path(dir.path())).unwrap();
        let error = open_with(dir.path(), Choice::Auto, None, &broken)
            .err()
            .unwrap();
        assert!(error.hint.unwrap().contains("GW_MASTER_KEY"));
        assert!(!dir.path().join("master.key").exists());
        assert_eq!(std::fs::read(sealed::path(dir.path())).unwrap(), before);
        std::fs::remove_file(sealed::path(dir.path())).unwrap();
        assert!(
            open_with(dir.path(), Choice::Auto, Some(key()), &broken)
                .err()
                .unwrap()
                .message
                .contains("missing")
        );
    }

    #[test]
    fn a_record_that_says_nothing_is_an_error() {
        for text in ["", "keyring", "keyring ../../x", "paper", "sealed keyring"] {
            let dir = tempfile::tempdir().unwrap();
            private::replace(&choice_path(dir.path()), text.as_bytes()).unwrap();
            let error = open_with(dir.path(), Choice::Auto, None, &working)
                .err()
                .unwrap();
            assert!(error.message.contains("secrets.choice"));
            assert_eq!(line(&dir), text);
        }
    }

    #[test]
    fn choices_have_names() {
        for choice in [
            Choice::Auto,
            Choice::Keyring,
            Choice::Sealed,
            Choice::Memory,
        ] {
            assert_eq!(choice.as_str().parse::<Choice>().unwrap(), choice);
        }
        assert!(
            "vault"
                .parse::<Choice>()
                .unwrap_err()
                .hint
                .unwrap()
                .contains("sealed")
        );
    }
}
