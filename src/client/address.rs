//! Where the gateway's admin interface is: told by flag or environment, or the usual place.

use std::path::{Path, PathBuf};

/// An admin address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket; the kernel says who is calling.
    Unix(PathBuf),
    /// `http://HOST:PORT`, with a token.
    Http(String),
}

impl Address {
    /// Reads `unix:/path`, a bare path, `http://host:port` or `host:port`.
    pub fn parse(text: &str) -> Address {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix:") {
            // `unix:///path` is another common spelling of the same.
            let path = path.strip_prefix("//").unwrap_or(path);
            return Address::Unix(path.into());
        }
        match text {
            _ if text.starts_with("http://") || text.starts_with("https://") => {
                Address::Http(text.trim_end_matches('/').to_owned())
            }
            _ if text.contains('/') => Address::Unix(text.into()),
            _ => Address::Http(format!("http://{text}")),
        }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
            Address::Http(url) => f.write_str(url),
        }
    }
}

/// The flag, else `GW_ADMIN_URL`, else the usual socket.
pub fn address(flag: Option<&str>, data_dir: &Path) -> Address {
    let told = flag
        .map(str::to_owned)
        .or_else(|| std::env::var("GW_ADMIN_URL").ok())
        .filter(|text| !text.trim().is_empty());
    match told {
        Some(text) => Address::parse(&text),
        None => usual(
            std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from),
            data_dir,
        ),
    }
}

/// `$XDG_RUNTIME_DIR/gw/admin.sock`; without that directory, or where only that one is there, `admin.sock`
/// beside the data.
fn usual(runtime: Option<PathBuf>, data_dir: &Path) -> Address {
    if cfg!(not(unix)) {
        return Address::Http("http://127.0.0.1:4001".into());
    }
    let beside = data_dir.join("admin.sock");
    match runtime
        .filter(|dir| dir.is_absolute())
        .map(|dir| dir.join("gw").join("admin.sock"))
    {
        Some(socket) if socket.exists() || !beside.exists() => Address::Unix(socket),
        _ => Address::Unix(beside),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (text, shown) in [
            ("unix:/run/gw.sock", "unix:/run/gw.sock"),
            ("unix:///run/gw.sock", "unix:/run/gw.sock"),
            ("./gw.sock", "unix:./gw.sock"),
            ("http://127.0.0.1:4001/", "http://127.0.0.1:4001"),
            ("127.0.0.1:4001", "http://127.0.0.1:4001"),
        ] {
            assert_eq!(Address::parse(text).to_string(), shown);
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_usual_places() {
        let none = Path::new("/nowhere/data");
        assert_eq!(
            usual(Some("/run/user/7".into()), none).to_string(),
            "unix:/run/user/7/gw/admin.sock"
        );
        assert_eq!(
            usual(None, none).to_string(),
            "unix:/nowhere/data/admin.sock"
        );
        assert_eq!(
            usual(Some("relative".into()), none).to_string(),
            "unix:/nowhere/data/admin.sock"
        );
    }
}
