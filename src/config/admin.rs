//! The admin address: one rule for where a gateway with this configuration listens, and where a client with
//! the same configuration connects. It must not know who speaks there, or how.

use super::{Config, places};
use crate::error::{Error, Result};
use sha2::{Digest, Sha256};
use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    str::FromStr,
};

/// An admin address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A Unix socket; the kernel says who is calling.
    Unix(PathBuf),
    /// `http://HOST:PORT`, with a token.
    Http(String),
}

/// Reads `unix:/path`, a path, `http://host:port` or `host:port`.
impl FromStr for Address {
    type Err = Error;
    fn from_str(text: &str) -> Result<Address> {
        let text = text.trim();
        let address = match text.strip_prefix("unix:") {
            // `unix:///path` is another common spelling of the same.
            Some(path) => Address::Unix(path.strip_prefix("//").unwrap_or(path).into()),
            None if text.starts_with("http://") || text.starts_with("https://") => {
                Address::Http(text.trim_end_matches('/').to_owned())
            }
            None if text.contains('/') && !text.contains("://") => Address::Unix(text.into()),
            None => Address::Http(format!("http://{text}")),
        };
        let fits = match &address {
            Address::Unix(path) => !path.as_os_str().is_empty(),
            // `ftp://host` is no path and no host.
            Address::Http(base) if base.matches("://").count() != 1 => false,
            Address::Http(base) => url::Url::parse(base).is_ok_and(|url| {
                url.has_host() && url.username().is_empty() && url.query().is_none()
            }),
        };
        match fits {
            true => Ok(address),
            false => Err(Error::invalid(format!(
                "`{}` is not an admin address",
                text.escape_debug()
            ))
            .hint("write it as unix:/PATH, http://HOST:PORT or HOST:PORT")),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Unix(path) => write!(f, "unix:{}", path.display()),
            Address::Http(url) => f.write_str(url),
        }
    }
}

impl Address {
    /// The address of an own socket for TCP to listen on.
    pub fn socket_addr(&self) -> Result<SocketAddr> {
        let text = self.to_string();
        text.split_once("://")
            .map_or(&*text, |(_, address)| address)
            .parse()
            .map_err(|_| {
                Error::invalid(format!(
                    "`{}` is not an address for the admin interface",
                    text.escape_debug()
                ))
                .hint("write it as unix:/PATH or 127.0.0.1:4001")
            })
    }

    /// As somebody connects to what listens here; `None` where only the listener knows its port.
    fn reached(&self) -> Option<Address> {
        match self.socket_addr() {
            Ok(address) if address.port() == 0 => None,
            Ok(mut address) if address.ip().is_unspecified() => {
                let loopback: std::net::IpAddr = match address.is_ipv4() {
                    true => std::net::Ipv4Addr::LOCALHOST.into(),
                    false => std::net::Ipv6Addr::LOCALHOST.into(),
                };
                address.set_ip(loopback);
                let scheme = self.to_string();
                let scheme = scheme.split("://").next().unwrap_or("http");
                Some(Address::Http(format!("{scheme}://{address}")))
            }
            _ => Some(self.clone()),
        }
    }
}

impl Config {
    /// Where a gateway with this configuration listens for its administration. In memory that is a private
    /// path unless one is given, so that two jobs on one machine never meet.
    pub fn admin(&self) -> Result<Vec<Address>> {
        let given = &self.server.admin_listen;
        match self.server.in_memory {
            _ if !given.is_empty() => given.iter().map(|text| self.spoken(text)).collect(),
            true => Ok(vec![places::private_address()]),
            false => Ok(vec![self.admin_default()]),
        }
    }

    /// An address to listen on, with what is spoken there.
    fn spoken(&self, text: &str) -> Result<Address> {
        Ok(match text.parse()? {
            Address::Http(url) if self.server.tls_cert.is_some() => {
                Address::Http(match url.strip_prefix("http://") {
                    Some(rest) => format!("https://{rest}"),
                    None => url,
                })
            }
            Address::Http(url) if url.starts_with("https://") => {
                return Err(Error::invalid(format!(
                    "`{}` asks for TLS, for which there is no certificate",
                    url.escape_debug()
                ))
                .hint("give --tls-cert and --tls-key, or listen without https://"));
            }
            other => other,
        })
    }

    /// Where a client with this configuration connects.
    pub fn admin_client(&self) -> Result<Address> {
        let given = &self.server.admin_listen;
        if given.is_empty() {
            return Ok(self.admin_default());
        }
        let mut reached = None;
        for text in given {
            reached = reached.or(self.spoken(text)?.reached());
        }
        reached.ok_or_else(|| {
            Error::invalid(format!(
                "`{}` does not say which port the gateway has taken",
                given.join(",").escape_debug()
            ))
            .hint("name the address it printed with --admin-url or GW_ADMIN_URL")
        })
    }

    /// The address that belongs to the data directory.
    pub fn admin_default(&self) -> Address {
        if cfg!(windows) {
            return Address::Http(format!("{}://127.0.0.1:4001", self.scheme()));
        }
        Address::Unix(socket(
            &places::canonical(&self.data_dir()),
            &places::canonical(&places::data_dir_default()),
            places::runtime_dir().as_deref(),
        ))
    }

    /// Whether the admin sockets' directories are gw's own to make private.
    pub fn admin_is_default(&self) -> bool {
        self.server.admin_listen.is_empty()
    }
}

/// The socket of a data directory. The usual one has the name people look for, every other one has a socket
/// that no other directory has: in itself or, where that path is too long, under a name made from it.
fn socket(data: &Path, usual: &Path, runtime: Option<&Path>) -> PathBuf {
    let inside = data.join("admin.sock");
    let named = |dir: &Path| dir.join(format!("{}.sock", digest(data)));
    let last = named(&places::shared_dir());
    let candidates = match runtime {
        Some(runtime) if data == usual => [runtime.join("admin.sock"), inside],
        Some(runtime) => [inside, named(runtime)],
        None => [inside, last.clone()],
    };
    candidates
        .into_iter()
        .find(|path| places::fits(path))
        .unwrap_or(last)
}

/// Sixteen digits that stand for a path.
fn digest(path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn every_spelling_is_read() {
        for (text, shown) in [
            ("unix:/run/gw.sock", "unix:/run/gw.sock"),
            ("unix:///run/gw.sock", "unix:/run/gw.sock"),
            ("./gw.sock", "unix:./gw.sock"),
            ("127.0.0.1:4001", "http://127.0.0.1:4001"),
            ("http://127.0.0.1:4001/", "http://127.0.0.1:4001"),
            ("https://gw.example/", "https://gw.example"),
        ] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), shown);
        }
        for bad in [
            "",
            "unix:",
            "ftp://x",
            "http://user@host",
            "http://h/?q=1",
            "http://",
        ] {
            assert!(bad.parse::<Address>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_client_reaches_what_listens() {
        let config = |listen: &[&str]| {
            let mut config = Config::default();
            config.server.admin_listen = listen.iter().map(|text| (*text).to_owned()).collect();
            config
        };
        for (listen, reached) in [
            (&["unix:/s"][..], "unix:/s"),
            (&["127.0.0.1:4001"], "http://127.0.0.1:4001"),
            (&["127.0.0.1:0", "unix:/s"], "unix:/s"),
            (&["0.0.0.0:4001"], "http://127.0.0.1:4001"),
            (&["[::]:4001"], "http://[::1]:4001"),
        ] {
            let found = config(listen).admin_client().unwrap();
            assert_eq!(found.to_string(), reached);
        }
        let unknown = config(&["127.0.0.1:0"]).admin_client().unwrap_err();
        assert_eq!(
            unknown.message,
            "`127.0.0.1:0` does not say which port the gateway has taken"
        );
    }

    #[test]
    fn in_memory_gateways_never_share_a_socket() {
        let mut config = Config::default();
        config.server.in_memory = true;
        assert_ne!(config.admin().unwrap(), Config::default().admin().unwrap());
        config.server.admin_listen = vec!["127.0.0.1:0".into()];
        assert_eq!(
            config.admin().unwrap(),
            [Address::Http("http://127.0.0.1:0".into())]
        );
    }

    #[cfg(unix)]
    #[test]
    fn every_data_directory_has_a_socket_of_its_own() {
        let at = |data: &str, runtime: Option<&str>| {
            let usual = Path::new("/home/ann/.local/share/gw");
            socket(Path::new(data), usual, runtime.map(Path::new))
                .display()
                .to_string()
        };
        let run = Some("/run/user/7/gw");
        let usual = "/home/ann/.local/share/gw";
        assert_eq!(at(usual, run), "/run/user/7/gw/admin.sock");
        assert_eq!(at(usual, None), format!("{usual}/admin.sock"));
        assert_eq!(at("/var/lib/gw", run), "/var/lib/gw/admin.sock");
        let (one, other) = (
            format!("/{}/1", "d".repeat(90)),
            format!("/{}/2", "d".repeat(90)),
        );
        assert_eq!(at(&one, run), "/run/user/7/gw/cde29d169e0002b3.sock");
        assert_ne!(at(&one, run), at(&other, run));
        let far = format!("/{}/gw", "r".repeat(90));
        assert!(places::fits(Path::new(&at(&one, Some(&far)))));
        assert_eq!(at(&one, Some(&far)), at(&one, None));
    }
}
