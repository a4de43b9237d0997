//! Connecting: resolve, refuse addresses no provider lives at, connect, TLS.

use super::{Origin, Upstream, tls};
use crate::resources::address::never;
use futures_util::stream::{FuturesUnordered, StreamExt};
use rustls::pki_types::ServerName;
use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::client::TlsStream;

/// A connection nothing has been sent over.
pub enum Link {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why there is no connection: a fragment, and at which step.
#[derive(Debug)]
pub struct Undialled {
    pub step: Step,
    why: String,
}

/// The steps of connecting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Name,
    Connect,
    Tls,
}

impl Step {
    /// What an error at it is called in `error.code`.
    pub fn code(self) -> &'static str {
        match self {
            Step::Name => "dns",
            Step::Connect => "connect",
            Step::Tls => "tls",
        }
    }

    fn failed(self, why: String) -> Undialled {
        Undialled { step: self, why }
    }
}

impl std::fmt::Display for Undialled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.why)
    }
}

impl From<Undialled> for String {
    fn from(error: Undialled) -> String {
        error.why
    }
}

/// How long an address is tried alone: RFC 8305 section 5.
const HEAD_START: Duration = Duration::from_millis(250);

/// Connects, or says why not. Dropping the future gives up whatever stage it is in.
pub async fn dial(upstream: &Upstream) -> Result<Link, Undialled> {
    link(&upstream.origin, upstream.tls.as_ref(), never).await
}

/// The same to any origin, but for the addresses that are refused.
pub(super) async fn link(
    origin: &Origin,
    own: Option<&tls::Own>,
    refused: fn(IpAddr) -> bool,
) -> Result<Link, Undialled> {
    let stream = tcp(origin, refused).await?;
    if !origin.tls {
        return Ok(Link::Plain(stream));
    }
    let name = ServerName::try_from(origin.bare_host().to_owned())
        .map_err(|_| Step::Tls.failed("its host is no TLS name".into()))?;
    let stream = tls::connector(own)
        .map_err(|why| Step::Tls.failed(why))?
        .connect(name, stream)
        .await
        .map_err(|error| Step::Tls.failed(format!("TLS failed: {error}")))?;
    Ok(Link::Tls(Box::new(stream)))
}

async fn tcp(origin: &Origin, refused: fn(IpAddr) -> bool) -> Result<TcpStream, Undialled> {
    let found = lookup_host((origin.bare_host(), origin.port))
        .await
        .map_err(|error| Step::Name.failed(format!("name not resolved ({})", error.kind())))?;
    // Checked on what was resolved, so that a name cannot be pointed at a metadata service later.
    let usable = found.filter(|address| !refused(address.ip())).collect();
    let stream = first_of(taking_turns(usable), TcpStream::connect)
        .await
        .map_err(|why| Step::Connect.failed(why))?;
    // Without it small frames wait for acknowledgements: 40 ms a stream.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// The addresses of both families in turn, each family in its order: RFC 8305 section 4.
fn taking_turns(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (one, other): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let most = one.len().max(other.len());
    let (mut one, mut other) = (one.into_iter(), other.into_iter());
    (0..most)
        .flat_map(|_| [one.next(), other.next()])
        .flatten()
        .collect()
}

/// The first connection that stands. Each address gets a head start over the next, which begins at once where all
/// before it have failed; none is given up while another may still come: RFC 8305 section 5.
async fn first_of<T, F>(
    addresses: Vec<SocketAddr>,
    connect: impl Fn(SocketAddr) -> F,
) -> Result<T, String>
where
    F: Future<Output = std::io::Result<T>>,
{
    let mut last = String::from("name has no usable address");
    let mut rest = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    loop {
        if running.is_empty() {
            match rest.next() {
                Some(address) => running.push(connect(address)),
                None => return Err(last),
            }
        }
        tokio::select! {
            biased;
            Some(ended) = running.next() => match ended {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    last = error.kind().to_string();
                    running.extend(rest.next().map(&connect));
                }
            },
            () = tokio::time::sleep(HEAD_START), if rest.len() > 0 => {
                running.extend(rest.next().map(&connect));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use std::{cell::RefCell, io::ErrorKind};

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter()
            .map(|ip| SocketAddr::new(ip.parse().unwrap(), 1))
            .collect()
    }

    #[test]
    fn families_take_turns() {
        let list = addresses(&["::1", "::2", "::3", "10.0.0.1"]);
        assert_eq!(
            taking_turns(list),
            addresses(&["::1", "10.0.0.1", "::2", "::3"])
        );
        assert_eq!(taking_turns(Vec::new()), []);
    }

    /// What each address does, and which were tried.
    async fn race(list: &[&str]) -> (Result<SocketAddr, String>, Vec<String>) {
        let tried = RefCell::new(Vec::new());
        let connect = |address: SocketAddr| {
            tried.borrow_mut().push(address.ip().to_string());
            async move {
                match address.ip().to_string().as_str() {
                    "10.0.0.1" => Ok(address),
                    "10.0.0.2" => Err(ErrorKind::ConnectionRefused.into()),
                    _ => std::future::pending().await,
                }
            }
        };
        let won = first_of(addresses(list), connect).await;
        (won, tried.into_inner())
    }

    #[tokio::test]
    async fn an_address_that_is_silent_holds_up_no_other() {
        let (won, tried) = race(&["10.0.0.9", "10.0.0.8", "10.0.0.1"]).await;
        assert_eq!(won.unwrap().ip().to_string(), "10.0.0.1");
        assert_eq!(tried, ["10.0.0.9", "10.0.0.8", "10.0.0.1"]);
        let (won, tried) = race(&["10.0.0.1", "10.0.0.9"]).await;
        assert!(won.is_ok());
        assert_eq!(tried, ["10.0.0.1"]);
    }

    #[tokio::test]
    async fn the_last_failure_is_told() {
        let (won, tried) = race(&["10.0.0.2", "10.0.0.2"]).await;
        assert_eq!(
            (won.unwrap_err().as_str(), tried.len()),
            ("connection refused", 2)
        );
        assert_eq!(race(&[]).await.0.unwrap_err(), "name has no usable address");
    }
}
