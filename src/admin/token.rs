//! The admin token for TCP: made on first use, 256 bits, readable by its owner only.

use crate::error::{Error, Result};
use crate::store::{ADMIN_TOKEN, secret::Secret};
use base64::Engine;
use std::io::{ErrorKind, Write};
use std::path::Path;

/// Reads the token, or makes it where there is none. A file that is there and empty, or open to others, is an
/// error: nobody is to be let in by accident.
pub fn token(data_dir: &Path) -> Result<Secret> {
    let path = data_dir.join(ADMIN_TOKEN);
    let failed = |what: &str, error: std::io::Error| {
        Error::internal(format!("`{}` cannot be {what}", path.display())).cause(error)
    };
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(&path) {
        Ok(mut file) => {
            let mut bytes = [0u8; 32];
            getrandom::fill(&mut bytes).map_err(|error| {
                Error::internal(format!("no randomness for the admin token: {error}"))
            })?;
            let secret =
                Secret::new(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes));
            zeroize::Zeroize::zeroize(&mut bytes);
            let written = file
                .write_all(secret.expose().as_bytes())
                .and_then(|()| file.write_all(b"\n"))
                .and_then(|()| file.sync_all());
            if let Err(error) = written {
                let _ = std::fs::remove_file(&path);
                return Err(failed("written", error));
            }
            Ok(secret)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(&path),
        Err(error) => Err(failed("made", error)),
    }
}

fn read(path: &Path) -> Result<Secret> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let meta = std::fs::metadata(path).map_err(|error| {
            Error::internal(format!("`{}` cannot be read", path.display())).cause(error)
        })?;
        let own = rustix::process::geteuid().as_raw();
        // Whoever laid it there knows the token.
        if meta.uid() != own && own != 0 {
            return Err(Error::invalid(format!(
                "`{}` belongs to UID {}",
                path.display(),
                meta.uid()
            ))
            .hint("delete it and start again: a new one is made"));
        }
        if meta.mode() & 0o077 != 0 {
            return Err(
                Error::invalid(format!("`{}` can be read by others", path.display()))
                    .hint(format!("restrict it with: chmod 600 {}", path.display())),
            );
        }
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        Error::internal(format!("`{}` cannot be read", path.display())).cause(error)
    })?;
    let text = text.trim();
    let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
    match text.len() >= 32 && visible {
        true => Ok(Secret::new(text.to_owned())),
        false => Err(
            Error::invalid(format!("`{}` holds no usable token", path.display()))
                .hint("delete it and start again: a new one is made"),
        ),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let first = token(dir.path()).unwrap();
        assert_eq!(first.expose().len(), 43);
        assert!(first == token(dir.path()).unwrap());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let path = dir.path().join(ADMIN_TOKEN);
            assert_eq!(
                std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert!(token(dir.path()).is_err());
        }
    }

    #[test]
    fn an_empty_file_lets_nobody_in() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(ADMIN_TOKEN), "\n").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(
                dir.path().join(ADMIN_TOKEN),
                std::fs::Permissions::from_mode(0o600),
            )
            .unwrap();
        }
        assert!(token(dir.path()).is_err());
    }
}
