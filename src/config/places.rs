//! Where files are by default: state, the admin socket, `gw.toml`. The gateway and the command line
//! agree because both ask here.

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

/// The per-user directory for sockets, where the platform has one.
pub fn runtime_dir() -> Option<PathBuf> {
    absolute("XDG_RUNTIME_DIR").map(|dir| dir.join("gw"))
}

/// The longest socket path every unix takes: `sun_path` is 104 bytes on the BSDs and macOS, 108 on Linux.
const SOCKET_PATH_MAX: usize = 100;

/// Where the admin API listens when nothing says otherwise.
pub fn admin_default(data_dir: &Path) -> String {
    if cfg!(windows) {
        return "127.0.0.1:4001".into();
    }
    let path = match runtime_dir() {
        Some(dir) => dir.join("admin.sock"),
        _ => data_dir.join("admin.sock"),
    };
    match path.as_os_str().len() > SOCKET_PATH_MAX {
        true => "127.0.0.1:4001".into(),
        false => format!("unix:{}", path.display()),
    }
}

/// A socket path no other process uses, for gateways that live in memory.
pub fn private_socket() -> String {
    if cfg!(windows) {
        return "127.0.0.1:0".into();
    }
    let dir = runtime_dir()
        .filter(|dir| dir.parent().is_some_and(Path::is_dir))
        .unwrap_or_else(env::temp_dir);
    format!(
        "unix:{}",
        dir.join(format!("gw-{}", std::process::id()))
            .join("admin.sock")
            .display()
    )
}

/// The configuration file in force without `--config`: the working directory's, else the platform's.
pub fn config_file() -> Option<PathBuf> {
    let platform = match () {
        () if cfg!(windows) => absolute("APPDATA").map(|dir| dir.join("gw")),
        () if cfg!(target_os = "macos") => Some(home().join("Library/Application Support/gw")),
        () => Some(
            absolute("XDG_CONFIG_HOME")
                .unwrap_or_else(|| home().join(".config"))
                .join("gw"),
        ),
    };
    [
        Some(PathBuf::from("gw.toml")),
        platform.map(|dir| dir.join("gw.toml")),
    ]
    .into_iter()
    .flatten()
    .find(|path| path.is_file())
}
