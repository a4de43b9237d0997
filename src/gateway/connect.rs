//! Making upstream connections: resolve, refuse addresses no provider lives at, connect, TLS, HTTP/1.1.

use super::{
    coalesce::CoalescedWrites,
    failure::Failure,
    upstream::{Origin, Upstream},
};
use crate::resources::provider::never;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;

/// The TLS client all workers share. Made for the first `https` connection: reading the system's roots takes
/// longer than the rest of the start.
fn tls() -> Result<&'static TlsConnector, Failure> {
    static TLS: OnceLock<crate::error::Result<TlsConnector>> = OnceLock::new();
    TLS.get_or_init(client)
        .as_ref()
        .map_err(|error| Failure::connect(error.message.clone()))
}

/// Trusts the system's roots, or Mozilla's where the system has none (bare containers).
fn client() -> crate::error::Result<TlsConnector> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| crate::error::Error::internal("TLS cannot be set up").cause(error))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// A new connection to an upstream. Dropping the future gives up whatever stage it is in.
pub async fn connect(upstream: &Upstream) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let origin = &upstream.origin;
    let stream = tcp(origin).await.map_err(|why| {
        Failure::connect(format!(
            "cannot connect to provider `{}`: {why}",
            upstream.name
        ))
    })?;
    match origin.tls {
        false => handshake(TokioIo::new(CoalescedWrites::new(stream))).await,
        true => {
            let name = ServerName::try_from(origin.host.clone()).map_err(|_| {
                Failure::connect(format!(
                    "provider `{}` has a host that is no TLS name",
                    upstream.name
                ))
            })?;
            let stream = tls()?.connect(name, stream).await.map_err(|error| {
                Failure::connect(format!(
                    "TLS with provider `{}` failed: {error}",
                    upstream.name
                ))
            })?;
            handshake(TokioIo::new(CoalescedWrites::new(stream))).await
        }
    }
}

async fn tcp(origin: &Origin) -> Result<TcpStream, String> {
    let host = origin.host.trim_start_matches('[').trim_end_matches(']');
    let found: Vec<SocketAddr> = lookup_host((host, origin.port))
        .await
        .map_err(|error| format!("name not resolved ({})", error.kind()))?
        .collect();
    // Checked on what was resolved, so that a name cannot be pointed at a metadata service later.
    let mut last = String::from("name has no usable address");
    for address in found.into_iter().filter(|address| !never(address.ip())) {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                // Without it small frames wait for acknowledgements: 40 ms a stream.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Err(error) => last = error.kind().to_string(),
        }
    }
    Err(last)
}

async fn handshake<I>(io: I) -> Result<SendRequest<Full<Bytes>>, Failure>
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + 'static,
{
    // At most 100 headers, hyper's own limit: another one would have it allocate room for each answer's head.
    let (sender, connection) = http1::Builder::new()
        .max_buf_size(128 << 10)
        .handshake(io)
        .await
        .map_err(|error| Failure::connect(format!("HTTP handshake failed: {error}")))?;
    // Ends by itself when the sender and the response body are gone, or the peer closes.
    tokio::task::spawn_local(async move {
        let _ = connection.await;
    });
    Ok(sender)
}
