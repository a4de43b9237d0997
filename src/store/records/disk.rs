//! What every durable file here needs: private modes, fsync of directories, atomic replacement, "is the disk full".

use crate::error::{Error, Kind, Result};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Whether the system said that there is no room (disk or quota).
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

/// An error of the file system in our words: what was done to which file, and what to do about it.
pub fn error(doing: &str, path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        _ if is_full(&error) => Kind::StorageFull,
        io::ErrorKind::ReadOnlyFilesystem => Kind::Unavailable,
        io::ErrorKind::PermissionDenied => Kind::Forbidden,
        _ => Kind::Internal,
    };
    let hint = match kind {
        Kind::StorageFull => {
            "make room on that disk (df -h shows it), then try again; nothing was changed"
        }
        Kind::Forbidden => {
            "run gw as the owner of the data directory, or choose another with --data-dir"
        }
        Kind::Unavailable => {
            "mount it for writing (dmesg says why it is not), then try again; nothing was changed"
        }
        _ => "look at the disk and its mount (dmesg), then start gw again",
    };
    Error::new(kind, format!("cannot {doing} `{}`", path.display()))
        .hint(hint)
        .cause(error)
}

/// Options for a file only its owner may read.
pub fn private() -> OpenOptions {
    #[allow(unused_mut)]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Makes a directory (and those above it) that only its owner may enter, durably.
pub fn make_dir(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        make_dir(parent)?;
    }
    #[allow(unused_mut)]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists => {
            return Err(error("make the directory", path, cause));
        }
        _ => {}
    }
    match path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}

/// Takes away what group and others may do.
pub fn tighten(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let now = fs::metadata(path)
            .map_err(|cause| error("look at", path, cause))?
            .permissions()
            .mode();
        if now & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(now & 0o700))
                .map_err(|cause| error("set the mode of", path, cause))?;
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

/// Makes the names in a directory durable.
pub fn sync_dir(path: &Path) -> Result<()> {
    // Windows has no such thing: a directory cannot be opened as a file there.
    if cfg!(unix) { sync_file(path) } else { Ok(()) }
}

/// Makes a file's content durable, through a handle of our own.
pub fn sync_file(path: &Path) -> Result<()> {
    // Windows syncs only through handles that may write.
    File::options()
        .read(true)
        .write(cfg!(windows))
        .open(path)
        .and_then(|file| file.sync_all())
        .map_err(|cause| error("sync", path, cause))
}

/// Writes a whole file so that either the old or the new one is there after a power cut, never half of it: beside it
/// with mode 0600, synced, renamed over it, and the directory synced so that the name lasts too. One writer at a time
/// for each path.
pub fn replace(path: &Path, parts: &[&[u8]]) -> Result<()> {
    let beside = beside(path);
    if let Err(cause) = write_new(&beside, parts).and_then(|()| fs::rename(&beside, path)) {
        // The half-written copy is of no use; the error that led here is the one to show.
        let _ = fs::remove_file(&beside);
        return Err(error("write", path, cause));
    }
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => sync_dir(dir),
        _ => sync_dir(Path::new(".")),
    }
}

fn write_new(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    // What an earlier crash left behind, or a link somebody laid there, is taken away, never written through.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = private().write(true).create_new(true).open(path)?;
    for part in parts {
        file.write_all(part)?;
    }
    file.sync_all()
}

/// `.NAME.new` in the same directory, so that the rename stays on one file system.
pub(in crate::store) fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.new"))
}

/// The files and directories in `dir` whose names begin so and end so, in order of name; none where `dir` is not there.
pub fn list(dir: &Path, begin: &str, end: &str) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(error("list", dir, cause)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|cause| error("list", dir, cause))?.path();
        if path
            .file_name()
            .and_then(|name| name.to_str())
            .is_some_and(|name| name.starts_with(begin) && name.ends_with(end))
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn replacing_leaves_one_private_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/file.json");
        make_dir(path.parent().unwrap()).unwrap();
        replace(&path, &[b"old"]).unwrap();
        replace(&path, &[b"n", b"ew"]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(
            list(path.parent().unwrap(), "", "").unwrap(),
            std::slice::from_ref(&path)
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(
                fs::metadata(&path).unwrap().permissions().mode() & 0o777,
                0o600
            );
            assert_eq!(
                fs::metadata(path.parent().unwrap())
                    .unwrap()
                    .permissions()
                    .mode()
                    & 0o777,
                0o700
            );
        }
    }

    #[test]
    fn no_room_is_told_apart() {
        let full = error(
            "write",
            Path::new("x"),
            io::Error::from(io::ErrorKind::StorageFull),
        );
        assert_eq!(full.kind, Kind::StorageFull);
        assert_eq!(
            error("write", Path::new("x"), io::Error::other("broken")).kind,
            Kind::Internal
        );
    }
}
