//! Connecting: resolve, refuse addresses no provider lives at, connect, TLS.

use super::{Origin, Upstream, tls};
use crate::resources::address::never;
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::client::TlsStream;

/// A connection nothing has been sent over.
pub enum Link {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connects, or says why not in a fragment. Dropping the future gives up whatever stage it is in.
pub async fn dial(upstream: &Upstream) -> Result<Link, String> {
    let origin = &upstream.origin;
    let stream = tcp(origin).await?;
    if !origin.tls {
        return Ok(Link::Plain(stream));
    }
    let name = ServerName::try_from(origin.bare_host().to_owned())
        .map_err(|_| "its host is no TLS name".to_owned())?;
    let stream = tls::connector(upstream.tls.as_ref())?
        .connect(name, stream)
        .await
        .map_err(|error| format!("TLS failed: {error}"))?;
    Ok(Link::Tls(Box::new(stream)))
}

async fn tcp(origin: &Origin) -> Result<TcpStream, String> {
    let found: Vec<SocketAddr> = lookup_host((origin.bare_host(), origin.port))
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
