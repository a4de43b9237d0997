//! HTTP as the command line speaks it, to the admin API and to the gateway itself: straight, never through a proxy,
//! following no redirect, trusting the system's certificates and, where there are none, the ones that came with gw.

use crate::error::{Error, Result};
use crate::tls::{Pinned, pem};
use rustls::client::WebPkiServerVerifier;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::Arc;

/// A client in the making. `secure` is whether https will be spoken: reading the system's certificates takes a while.
/// `trusted`: a file with authorities, or a gateway's own certificate, that are trusted beside the system's.
pub fn builder(secure: bool, trusted: Option<&Path>) -> Result<reqwest::ClientBuilder> {
    // Environment proxies would be asked to reach this machine's own loopback.
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls(secure, trusted)?)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("gw/", env!("CARGO_PKG_VERSION"))))
}

/// TLS without a process-wide default.
fn tls(secure: bool, trusted: Option<&Path>) -> Result<rustls::ClientConfig> {
    let (mut roots, mut certificates) = (rustls::RootCertStore::empty(), Vec::new());
    if secure {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        if let Some(path) = trusted {
            // An authority, or the very certificate.
            let read = path.to_str().ok_or_else(|| "is not UTF-8".to_owned());
            let read = read.and_then(|path| pem::certificates(path, &mut Sha256::new()));
            let own = read.map_err(|why| {
                Error::invalid(format!("`{}` {why}", path.display())).hint(
                    "GW_TLS_CA names a PEM file with the authority of the gateway's certificate",
                )
            })?;
            roots.add_parsable_certificates(own.iter().cloned());
            certificates.extend(own);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("TLS cannot be set up").cause(error))?;
    if certificates.is_empty() {
        return Ok(builder.with_root_certificates(roots).with_no_client_auth());
    }
    let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
        .build()
        .map_err(|error| Error::internal("TLS cannot be set up").cause(error))?;
    let verifier = Arc::new(Pinned {
        certificates,
        usual,
    });
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}
