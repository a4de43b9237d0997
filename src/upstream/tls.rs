//! TLS to upstreams: the roots every provider is checked against, and what one has of its own: a CA file in
//! their place, a client certificate with its key.

use crate::resources::provider::Provider;
use crate::tls::pem::{authorities, certificates, good_now, private_key};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest, Sha256};
use std::sync::{Arc, OnceLock};
use tokio_rustls::TlsConnector;

/// A provider's own TLS, read and checked.
#[derive(Clone)]
pub(super) struct Own {
    config: Arc<ClientConfig>,
    /// Of what the files held.
    digest: [u8; 32],
}

impl PartialEq for Own {
    fn eq(&self, other: &Own) -> bool {
        self.digest == other.digest
    }
}

impl std::fmt::Debug for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TLS of its own")
    }
}

impl Own {
    /// Reads the files the record names; `None` where it names none.
    pub fn read(spec: &Provider) -> Result<Option<Own>, String> {
        if spec.ca_file.is_empty() && spec.client_cert_file.is_empty() {
            return Ok(None);
        }
        let mut hash = Sha256::new();
        let roots = match spec.ca_file.as_str() {
            "" => shared_roots(),
            path => Arc::new(authorities(path, &mut hash).map_err(|why| at("ca_file", path, why))?),
        };
        let builder = builder()?.with_root_certificates(roots);
        let mut config = match spec.client_cert_file.as_str() {
            "" => builder.with_no_client_auth(),
            path => {
                let chain = certificates(path, &mut hash)
                    .and_then(|chain| good_now(&chain).map(|()| chain))
                    .map_err(|why| at("client_cert_file", path, why))?;
                let path = spec.client_key_file.as_str();
                let key =
                    private_key(path, &mut hash).map_err(|why| at("client_key_file", path, why))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|error| at("client_key_file", path, not_usable(&error)))?
            }
        };
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(Own {
            config: Arc::new(config),
            digest: hash.finalize().into(),
        }))
    }

    /// Tells its connections from others'; never 0.
    pub fn identity(&self) -> u64 {
        let (head, _) = self.digest.split_at(8);
        let head = head.try_into().map_or(1, u64::from_le_bytes);
        head.max(1)
    }
}

/// The TLS client for a provider. The one most share is made for the first `https` connection: reading the
/// system's roots takes longer than the rest of the start.
pub(super) fn connector(own: Option<&Own>) -> Result<TlsConnector, String> {
    static SHARED: OnceLock<Result<TlsConnector, String>> = OnceLock::new();
    match own {
        Some(own) => Ok(own.config.clone().into()),
        None => SHARED.get_or_init(shared).clone(),
    }
}

fn shared() -> Result<TlsConnector, String> {
    let mut config = builder()?
        .with_root_certificates(shared_roots())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config).into())
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS cannot be set up: {error}"))
}

/// The system's roots, or Mozilla's where the system has none (bare containers).
fn shared_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        Arc::new(roots)
    };
    ROOTS.get_or_init(read).clone()
}

fn at(field: &str, path: &str, why: String) -> String {
    format!("`{field}`: `{}` {why}", path.escape_debug())
}

fn not_usable(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InconsistentKeys(_) => {
            "is not the key of the certificate in `client_cert_file`".into()
        }
        _ => format!("cannot be used: {error}"),
    }
}
