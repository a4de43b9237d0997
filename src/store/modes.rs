//! That what gw keeps in a data directory is its owner's alone: directories 0700, files 0600. They are made so; what is
//! found otherwise is mended and said, apart from files with secrets in them, which are refused where they are read
//! (see [`super::private`]): somebody else may know them by now.

use super::records::disk;
use crate::error::{Error, Kind, Result};
use std::fs;
use std::path::{Path, PathBuf};

/// What gw makes in a data directory, by the beginning of the name. Anything else there is not touched.
const MADE: [&str; 11] = [
    "state",
    "audit",
    "journal",
    "exports",
    "logs",
    "counters",
    "ballast",
    "gw.lock",
    "last-used.json",
    "kept.jsonl",
    "lost",
];
/// What holds secrets.
const SECRET: [&str; 5] = [
    "digest.key",
    "secrets.choice",
    "secrets.sealed",
    "master.key",
    super::ADMIN_TOKEN,
];
/// The socket has a mode of its own; the other comes with the file system.
const OTHERS: [&str; 2] = ["admin.sock", "lost+found"];

/// Takes away what group and others may do; gives a line for each thing that was open to them.
pub fn mend(dir: &Path) -> Result<Vec<String>> {
    let mut mended = Vec::new();
    let entries = disk::list(dir, "", "")?;
    if open(dir)? {
        let foreign = entries
            .iter()
            .find(|path| !begins(path, &MADE) && !begins(path, &SECRET) && !begins(path, &OTHERS));
        if let Some(foreign) = foreign {
            return Err(Error::new(
                Kind::Forbidden,
                format!(
                    "others can look into `{}`, and it holds more than gw's own files: `{}`",
                    dir.display(),
                    foreign.display()
                ),
            )
            .hint(format!(
                "choose a directory of its own with --data-dir, or, where nobody else needs this one: chmod 700 '{}'",
                dir.display()
            )));
        }
        tell(dir, &mut mended)?;
    }
    for path in entries.iter().filter(|path| begins(path, &MADE)) {
        // sled makes its files as the umask says, in a directory that nobody else can enter.
        let quiet = path.ends_with("state") && !open(path)?;
        let mut below = Vec::new();
        walk(path, &mut below)?;
        if !quiet {
            mended.append(&mut below);
        }
    }
    Ok(mended)
}

fn begins(path: &Path, names: &[&str]) -> bool {
    path.file_name()
        .and_then(|name| name.to_str())
        // `.NAME.new` is what a crash leaves of a file that was being replaced.
        .map(|name| name.strip_prefix('.').unwrap_or(name))
        .is_some_and(|name| names.iter().any(|known| name.starts_with(known)))
}

fn walk(path: &Path, mended: &mut Vec<String>) -> Result<()> {
    let Ok(meta) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    // A link is the operator's doing, and what it leads to is not ours.
    if meta.is_symlink() {
        return Ok(());
    }
    if open(path)? {
        tell(path, mended)?;
    }
    if meta.is_dir() {
        let inside: Vec<PathBuf> = disk::list(path, "", "")?;
        inside.iter().try_for_each(|path| walk(path, mended))?;
    }
    Ok(())
}

fn tell(path: &Path, mended: &mut Vec<String>) -> Result<()> {
    disk::tighten(path)?;
    mended.push(format!(
        "`{}` was open to other users; it is not any more",
        path.display()
    ));
    Ok(())
}

#[cfg(unix)]
fn open(path: &Path) -> Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path)
        .map(|meta| meta.permissions().mode() & 0o077 != 0)
        .map_err(|cause| disk::error("look at", path, cause))
}

/// Access lists on Windows come from the profile directory the data lives in.
#[cfg(not(unix))]
fn open(_: &Path) -> Result<bool> {
    Ok(false)
}
