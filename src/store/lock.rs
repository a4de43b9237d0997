//! The lock of a data directory: one gw at a time, and a second one is told who holds it.

use crate::error::{Error, Kind, Result};
use crate::resources::Stamp;
use crate::store::records::disk;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// What the holder writes about itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Holder {
    pub pid: u32,
    pub since: Stamp,
    /// Where its admin API listens; empty until that is known.
    pub admin: String,
}

/// Held until dropped, or until the process ends in whatever way.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
    holder: Holder,
}

/// Takes the lock of a data directory, making the directory where there is none.
/// [`Kind::Conflict`] where another process holds it.
pub fn take(dir: &Path, admin: &str) -> Result<Lock> {
    let path = dir.join("gw.lock");
    let failed = |cause: io::Error| disk::error("take the lock", &path, cause);
    // Durably: what is stored below is of no use where a power cut takes the directory's own name.
    disk::make_dir(dir)?;
    #[allow(unused_mut)]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(conflict(dir, read(file))),
        Err(TryLockError::Error(cause)) => return Err(failed(cause)),
    }
    let lock = Lock {
        file,
        path,
        holder: Holder {
            pid: std::process::id(),
            since: Stamp::now(),
            admin: String::new(),
        },
    };
    lock.announce(admin);
    Ok(lock)
}

impl Lock {
    /// Says where the admin API listens, once that is known. A full disk must not keep gw from starting:
    /// what cannot be written is missing from the message a second gw gets, nothing else.
    pub fn announce(&self, admin: &str) {
        let holder = Holder {
            admin: admin.to_owned(),
            ..self.holder.clone()
        };
        let text = serde_json::to_vec(&holder).unwrap_or_default();
        let mut file = &self.file;
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(&text));
        if let Err(error) = written {
            tracing::warn!(target: "gw::store", "cannot write `{}`: {error}", self.path.display());
        }
    }
}

/// What the holder says about itself; nothing where it was still writing, or the system does not let us read.
fn read(mut file: File) -> Option<Holder> {
    let mut text = String::new();
    file.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn conflict(dir: &Path, holder: Option<Holder>) -> Error {
    let dir = dir.display();
    match holder {
        Some(Holder { pid, since, admin }) => {
            let at = if admin.is_empty() {
                String::new()
            } else {
                format!(", admin API at `{admin}`")
            };
            Error::new(Kind::Conflict, format!("`{dir}` is in use by gw with pid {pid}{at}, since {}", since.rfc3339()))
                .hint(format!("use that one, stop it with: kill {pid}, or choose another directory with --data-dir"))
        }
        None => Error::new(Kind::Conflict, format!("`{dir}` is in use by another gw"))
            .hint("stop it, or choose another directory with --data-dir"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_second_holder_is_told_of_the_first() {
        let dir = tempfile::tempdir().unwrap();
        let first = take(dir.path(), "").unwrap();
        first.announce("unix:/run/gw/admin.sock");
        let refused = take(dir.path(), "127.0.0.1:1").unwrap_err();
        assert_eq!(refused.kind, Kind::Conflict);
        let pid = std::process::id();
        if cfg!(unix) {
            assert!(
                refused.message.contains(&format!("pid {pid}"))
                    && refused.message.contains("`unix:/run/gw/admin.sock`"),
                "{refused}"
            );
            assert!(refused.hint.unwrap().contains(&format!("kill {pid}")));
        }
        drop(first);
        take(dir.path(), "127.0.0.1:1").unwrap();
    }

    #[test]
    fn an_unreadable_lock_file_still_gives_a_plain_answer() {
        let dir = tempfile::tempdir().unwrap();
        let first = take(dir.path(), "x").unwrap();
        std::fs::write(dir.path().join("gw.lock"), b"{").unwrap();
        assert!(
            take(dir.path(), "")
                .unwrap_err()
                .message
                .contains("another gw")
        );
        drop(first);
        take(dir.path(), "").unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn others_cannot_read_it() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("data");
        let _lock = take(&inner, "").unwrap();
        assert_eq!(
            std::fs::metadata(&inner).unwrap().permissions().mode() & 0o777,
            0o700
        );
        assert_eq!(
            std::fs::metadata(inner.join("gw.lock"))
                .unwrap()
                .permissions()
                .mode()
                & 0o777,
            0o600
        );
    }
}
