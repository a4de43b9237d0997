//! Small files that only their owner may read, replaced whole: after a crash or a power cut there is the
//! old content or the new one, never half of either.

use super::records::disk;
use crate::error::{Error, Kind, Result};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The file's content, `None` where there is no file. Refuses a file that others can read or write.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(disk::error("read", path, error)),
    };
    // The mode is taken from the open file, not from the path: nobody can swap it in between.
    refuse_shared(&file, path)?;
    let mut content = Vec::new();
    file.read_to_end(&mut content)
        .map_err(|error| disk::error("read", path, error))?;
    Ok(Some(content))
}

/// Puts `content` in the place of the file, whole; see [`disk::replace`].
pub fn replace(path: &Path, content: &[u8]) -> Result<()> {
    disk::replace(path, &[content])
}

#[cfg(unix)]
fn refuse_shared(file: &File, path: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let mode = file
        .metadata()
        .map_err(|error| disk::error("read", path, error))?
        .mode()
        & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let shown = path.display();
    Err(Error::new(
        Kind::Forbidden,
        format!("`{shown}` can be reached by other users (mode {mode:04o}) and is not trusted"),
    )
    .hint(format!(
        "if nobody else had it: chmod 600 '{shown}'; otherwise replace what it holds"
    )))
}

/// Access lists on Windows come from the profile directory the data lives in.
#[cfg(not(unix))]
fn refuse_shared(_file: &File, _path: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use std::fs;

    #[test]
    fn replaces_whole_and_leaves_nothing_beside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("thing");
        assert!(read(&path).unwrap().is_none());
        replace(&path, b"one, long").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some(&b"two"[..]));
        let names: Vec<_> = fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names, ["thing"]);
    }

    #[test]
    fn a_left_over_copy_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("thing");
        fs::write(disk::beside(&path), b"half").unwrap();
        replace(&path, b"whole").unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some(&b"whole"[..]));
        assert!(!disk::beside(&path).exists());
    }

    #[cfg(unix)]
    #[test]
    fn is_private_and_refuses_what_is_not() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("thing");
        replace(&path, b"x").unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        for mode in [0o640, 0o604, 0o620, 0o666] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let error = read(&path).unwrap_err();
            assert_eq!(error.kind, Kind::Forbidden);
            assert!(error.hint.unwrap().contains("chmod 600"));
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_planted_link_is_not_written_through() {
        let dir = tempfile::tempdir().unwrap();
        let (path, victim) = (dir.path().join("thing"), dir.path().join("victim"));
        fs::write(&victim, b"theirs").unwrap();
        std::os::unix::fs::symlink(&victim, disk::beside(&path)).unwrap();
        replace(&path, b"ours").unwrap();
        assert_eq!(fs::read(&victim).unwrap(), b"theirs");
    }
}
