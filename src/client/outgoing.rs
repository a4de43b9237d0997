//! HTTP as the command line speaks it, to the admin API and to the gateway itself: straight, never through a proxy,
//! following no redirect, trusting the system's certificates and, where there are none, the ones that came with gw.

use crate::error::{Error, Result};
use std::sync::Arc;

/// A client in the making. `secure` is whether https will be spoken: reading the system's certificates takes a while.
pub fn builder(secure: bool) -> Result<reqwest::ClientBuilder> {
    // Environment proxies would be asked to reach this machine's own loopback.
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls(secure)?)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .user_agent(concat!("gw/", env!("CARGO_PKG_VERSION"))))
}

/// TLS without a process-wide default.
fn tls(secure: bool) -> Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    if secure {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    let builder = rustls::ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::ring::default_provider(),
    ));
    let builder = builder
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("TLS cannot be set up").cause(error))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}
