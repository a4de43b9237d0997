//! Files that take the secret of a new key: for their owner alone, never over another file, and made before the
//! secret is, so that none is made that cannot be kept.

use super::secret::Secret;
use crate::error::{Error, Kind, Result};
use std::{
    fs::{File, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

/// A place that is kept free. Dropped without a secret it is gone again.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    file: File,
    written: bool,
}

impl KeyFile {
    /// Makes the file, empty; [`Kind::Conflict`] where there is one.
    pub fn reserve(path: &Path) -> Result<KeyFile> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => exists(path),
            _ => Error::invalid(format!("cannot write `{}`", path.display()))
                .cause(error)
                .hint("name a place in a directory you can write to"),
        })?;
        Ok(KeyFile {
            path: path.to_owned(),
            file,
            written: false,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the secret of `key`, as one line.
    pub fn write(mut self, key: &str, secret: &Secret) -> Result<()> {
        let line = zeroize::Zeroizing::new(format!("{}\n", secret.expose()));
        self.file
            .write_all(line.as_bytes())
            .and_then(|()| self.file.sync_all())
            .map_err(|error| {
                Error::internal(format!(
                    "the secret could not be written to `{}`",
                    self.path.display()
                ))
                .cause(error)
                .hint(format!("gw key rotate {key}"))
            })?;
        self.written = true;
        Ok(())
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        if !self.written {
            // Of no use without its secret; when it cannot be removed, the error at hand matters more.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The refusal to write over a file.
pub fn exists(path: &Path) -> Error {
    Error::new(
        Kind::Conflict,
        format!("`{}` exists and is not overwritten", path.display()),
    )
    .hint("move it away, or name another place")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn files_are_never_overwritten_and_private_and_go_unless_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("k");
        let file = KeyFile::reserve(&path).unwrap();
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap()) & 0o777,
            0o600
        );
        assert_eq!(KeyFile::reserve(&path).unwrap_err().kind, Kind::Conflict);
        drop(file);
        assert!(!path.exists());
        let file = KeyFile::reserve(&path).unwrap();
        file.write("k", &Secret::new("sk-x".into())).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "sk-x\n");
        assert_eq!(
            KeyFile::reserve(&dir.path().join("no/k")).unwrap_err().kind,
            Kind::Invalid
        );
    }
}
