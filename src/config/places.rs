//! Where files are by default: state, sockets, `gw.toml`. The gateway and the command line agree because
//! both ask here.

use super::Address;
use std::{
    env,
    path::{Path, PathBuf},
};

/// An absolute path from the environment; relative and empty ones are ignored, as the XDG rules ask.
fn absolute(name: &str) -> Option<PathBuf> {
    env::var_os(name)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
}

fn home() -> PathBuf {
    absolute("HOME")
        .or_else(|| absolute("USERPROFILE"))
        .unwrap_or_else(env::temp_dir)
}

/// The platform's directory for state.
pub fn data_dir_default() -> PathBuf {
    let base = match () {
        () if cfg!(windows) => {
            absolute("LOCALAPPDATA").unwrap_or_else(|| home().join("AppData/Local"))
        }
        () if cfg!(target_os = "macos") => home().join("Library/Application Support"),
        () => absolute("XDG_DATA_HOME").unwrap_or_else(|| home().join(".local/share")),
    };
    base.join("gw")
}

/// gw's place in the per-user directory for sockets, where there is one that is this user's: the variable
/// also survives `su` and `sudo -E`, and then names somebody else's.
pub fn runtime_dir() -> Option<PathBuf> {
    absolute("XDG_RUNTIME_DIR")
        .filter(|dir| usable(dir))
        .map(|dir| dir.join("gw"))
}

#[cfg(unix)]
fn usable(dir: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match std::fs::metadata(dir) {
        Ok(meta) => meta.is_dir() && meta.uid() == rustix::process::geteuid().as_raw(),
        // Not there yet: whether it can be made.
        Err(_) => dir
            .ancestors()
            .find(|dir| dir.exists())
            .is_some_and(|dir| rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).is_ok()),
    }
}

#[cfg(not(unix))]
fn usable(dir: &Path) -> bool {
    dir.is_dir()
}

/// This user's directory for sockets where all users have theirs.
pub fn shared_dir() -> PathBuf {
    #[cfg(unix)]
    let user = rustix::process::geteuid().as_raw().to_string();
    #[cfg(not(unix))]
    let user = "user";
    PathBuf::from(format!("/tmp/gw-{user}"))
}

/// The directory of the socket of a gateway that lives in memory: no other process uses it.
pub fn private_dir() -> PathBuf {
    let own = format!("gw-{}", std::process::id());
    let runtime = runtime_dir().filter(|dir| dir.parent().is_some_and(Path::is_dir));
    [runtime.unwrap_or_else(env::temp_dir), "/tmp".into()]
        .map(|dir| dir.join(&own))
        .into_iter()
        .find(|dir| fits(&dir.join("admin.sock")))
        .unwrap_or_else(shared_dir)
}

/// Whether a socket's path is short enough for every unix: `sun_path` is 104 bytes on the BSDs and macOS, 108
/// on Linux.
pub(super) fn fits(socket: &Path) -> bool {
    socket.as_os_str().len() <= 100
}

/// An admin address no other process uses.
pub(super) fn private_address() -> Address {
    match cfg!(windows) {
        true => Address::Http("http://127.0.0.1:0".into()),
        false => Address::Unix(private_dir().join("admin.sock")),
    }
}

/// The one spelling of a path, whatever links lead to it, also where its last parts are not there yet.
pub(super) fn canonical(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let real = path
        .ancestors()
        .find_map(|dir| Some((dir.canonicalize().ok()?, path.strip_prefix(dir).ok()?)));
    let Some((mut real, rest)) = real else {
        return path;
    };
    for part in rest.components() {
        match part {
            std::path::Component::ParentDir => _ = real.pop(),
            part => real.push(part),
        }
    }
    real
}

/// A configuration file that nobody named.
#[derive(Debug, PartialEq)]
pub struct Found {
    pub path: PathBuf,
    /// Whether it is the user's own; the working directory's is whoever's.
    pub trusted: bool,
}

/// The configuration files in force without `--config`: the platform's, and over it the working directory's.
pub fn found_files() -> Vec<Found> {
    let platform = match () {
        () if cfg!(windows) => absolute("APPDATA").map(|dir| dir.join("gw")),
        () if cfg!(target_os = "macos") => Some(home().join("Library/Application Support/gw")),
        () => Some(
            absolute("XDG_CONFIG_HOME")
                .unwrap_or_else(|| home().join(".config"))
                .join("gw"),
        ),
    };
    let own = platform.map(|dir| dir.join("gw.toml"));
    let here = PathBuf::from("gw.toml");
    // In its own directory the user's file is found twice.
    let here = (own.as_deref().map(canonical) != Some(canonical(&here))).then_some(here);
    [(own, true), (here, false)]
        .into_iter()
        .filter_map(|(path, trusted)| {
            Some(Found {
                path: path?,
                trusted,
            })
        })
        .filter(|found| found.path.is_file())
        .collect()
}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_path_has_one_spelling_before_and_after_it_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().canonicalize().unwrap();
        std::os::unix::fs::symlink(&real, real.join("link")).unwrap();
        let spelled =
            ["data", "link/data", "link/none/../data", "./link/./data"].map(|text| real.join(text));
        for made in [false, true] {
            if made {
                std::fs::create_dir(real.join("data")).unwrap();
                std::fs::create_dir(real.join("none")).unwrap();
            }
            for path in &spelled {
                assert_eq!(canonical(path), real.join("data"), "{}", path.display());
            }
        }
        assert_eq!(canonical(&real).as_os_str(), real.as_os_str());
    }
}
