//! The certificate and key that this gateway answers with, read again when their files change. A pair that is no good
//! leaves the one before it in use, and is said until it has been mended.

use super::pem::{certificates, private_key};
use super::validity::validity;
use crate::error::{Error, Result};
use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;
use rustls::ServerConfig;
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio_rustls::TlsAcceptor;

/// What a file looks like from outside: enough to see that it is another one.
type Look = Option<(SystemTime, u64)>;

/// A pair that is in use.
struct Pair {
    acceptor: TlsAcceptor,
    /// Of what the files held.
    digest: [u8; 32],
    until: Timestamp,
}

/// The pair in use and the files it is from.
pub struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    pair: ArcSwap<Pair>,
    looks: Mutex<[Look; 2]>,
    trouble: ArcSwapOption<String>,
}

impl Identity {
    /// Reads the pair, which must be good.
    pub fn load(certificate: &Path, key: &Path) -> Result<Identity> {
        let looks = [look(certificate), look(key)];
        let pair = read(certificate, key).map_err(|why| {
            Error::invalid(why)
                .hint("--tls-cert is a PEM file with the certificate and its chain, --tls-key one with its private key")
        })?;
        Ok(Identity {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            pair: ArcSwap::from_pointee(pair),
            looks: Mutex::new(looks),
            trouble: ArcSwapOption::empty(),
        })
    }

    /// What makes connections secure with the pair in use now.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.pair.load().acceptor.clone()
    }

    /// Takes the files' new pair where they have changed, or may have been mended.
    pub fn refresh(&self) {
        let now = [look(&self.certificate), look(&self.key)];
        let changed = {
            let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *looks, now) != now
        };
        if changed || self.trouble.load().is_some() {
            self.reread();
        }
    }

    /// Takes the files' pair if it is good and another one.
    pub fn reread(&self) {
        match read(&self.certificate, &self.key) {
            Ok(pair) => {
                self.trouble.store(None);
                if pair.digest != self.pair.load().digest {
                    tracing::info!(until = %pair.until, "the TLS certificate was read again");
                    self.pair.store(Arc::new(pair));
                }
            }
            Err(why) => {
                let said = self.trouble.load();
                if said.as_deref() != Some(&why) {
                    tracing::warn!(
                        "the TLS certificate cannot be taken, the one before stays in use: {why}"
                    );
                    self.trouble.store(Some(Arc::new(why)));
                }
            }
        }
    }

    /// What is wrong with the files, or with the certificate in use.
    pub fn trouble(&self) -> Option<String> {
        if let Some(why) = &*self.trouble.load() {
            return Some(format!("the one before stays in use: {why}"));
        }
        let until = self.pair.load().until;
        (until < Timestamp::now()).then(|| {
            format!(
                "`{}` holds a certificate that expired at {until}",
                self.certificate.display()
            )
        })
    }
}

fn look(path: &Path) -> Look {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

fn read(certificate: &Path, key: &Path) -> std::result::Result<Pair, String> {
    let at = |setting: &str, path: &Path, why: String| {
        format!("`{setting}`: `{}` {why}", path.display())
    };
    let text = |setting: &str, path: &Path| {
        path.to_str()
            .map(str::to_owned)
            .ok_or_else(|| at(setting, path, "is not UTF-8".into()))
    };
    let mut hash = Sha256::new();
    let chain = certificates(&text("tls_cert", certificate)?, &mut hash)
        .map_err(|why| at("tls_cert", certificate, why))?;
    let (_, until) = chain
        .first()
        .and_then(|first| validity(first))
        .ok_or_else(|| {
            at(
                "tls_cert",
                certificate,
                "holds a certificate that cannot be read".into(),
            )
        })?;
    let secret =
        private_key(&text("tls_key", key)?, &mut hash).map_err(|why| at("tls_key", key, why))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(|error| {
            let why = match error {
                rustls::Error::InconsistentKeys(_) => {
                    "is not the key of the certificate in `tls_cert`".into()
                }
                error => format!("cannot be used: {error}"),
            };
            at("tls_key", key, why)
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Pair {
        acceptor: Arc::new(config).into(),
        digest: hash.finalize().into(),
        until,
    })
}
