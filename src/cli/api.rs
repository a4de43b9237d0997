//! HTTP as the command line speaks it: straight to the gateway, never through a proxy, trusting the
//! system's certificates and, where there are none, the bundled ones.

use rustls::{ClientConfig, RootCertStore};

/// A client that ignores proxy variables (calls to loopback would go there) and needs no CA bundle.
///
/// `secure` is whether https will be spoken: reading the system's certificates takes a while.
pub(crate) fn client_builder(secure: bool) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("gw/", env!("CARGO_PKG_VERSION")));
    match tls(secure) {
        Some(config) => builder.tls_backend_preconfigured(config),
        None => builder,
    }
}

fn tls(secure: bool) -> Option<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    if secure {
        // Certificates that cannot be read are skipped: the bundled ones are there.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    ClientConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .ok()
        .map(|builder| builder.with_root_certificates(roots).with_no_client_auth())
}
