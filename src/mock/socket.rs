//! A caller's connection, in plain or over TLS. Must not know HTTP.

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::io::{ErrorKind, Result};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// One connection.
pub enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

impl Socket {
    /// Over TLS where there is a certificate.
    pub async fn accepted(socket: TcpStream, tls: Option<Arc<ServerConfig>>) -> Result<Socket> {
        // Without this each paced event waits for the one before it to be acknowledged.
        let _ = socket.set_nodelay(true);
        match tls {
            None => Ok(Socket::Plain(socket)),
            Some(config) => {
                let acceptor = tokio_rustls::TlsAcceptor::from(config);
                Ok(Socket::Tls(Box::new(acceptor.accept(socket).await?)))
            }
        }
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Socket::Plain(socket) => socket,
            Socket::Tls(stream) => stream.get_ref().0,
        }
    }

    /// Who calls.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.tcp().peer_addr().ok()
    }

    /// Makes closing it a reset: with no time to linger there is no clean end.
    pub fn will_reset(&self) {
        let _ = socket2::SockRef::from(self.tcp()).set_linger(Some(Duration::ZERO));
    }

    /// Reads at most `most` bytes behind those in the buffer, as soon as some are there; 0: the end. Nothing is lost where
    /// the future is dropped.
    pub async fn read(&mut self, buffer: &mut Vec<u8>, most: usize) -> Result<usize> {
        buffer.reserve(most.min(4096));
        match self {
            Socket::Tls(stream) => {
                let mut limited = AsyncReadExt::take(&mut **stream, most as u64);
                limited.read_buf(buffer).await
            }
            Socket::Plain(socket) => loop {
                socket.readable().await?;
                let read = match most {
                    usize::MAX => socket.try_read_buf(buffer),
                    _ => {
                        let mut piece = vec![0; most];
                        let read = socket.try_read(&mut piece);
                        buffer.extend_from_slice(&piece[..*read.as_ref().unwrap_or(&0)]);
                        read
                    }
                };
                match read {
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    other => return other,
                }
            },
        }
    }

    /// Writes all of it.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        match self {
            Socket::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await
            }
            Socket::Plain(socket) => {
                while !bytes.is_empty() {
                    match socket.try_write(bytes) {
                        Ok(written) => bytes = &bytes[written..],
                        Err(error) if error.kind() == ErrorKind::WouldBlock => {
                            socket.writable().await?
                        }
                        Err(error) => return Err(error),
                    }
                }
                Ok(())
            }
        }
    }

    /// Says that nothing more will be written.
    pub async fn end(&mut self) {
        let _ = match self {
            Socket::Plain(socket) => socket.shutdown().await,
            Socket::Tls(stream) => stream.shutdown().await,
        };
    }
}

/// TLS with the certificate chain and the key of these PEM files; errors are fragments.
pub fn tls(certificate: &Path, key: &Path) -> std::result::Result<Arc<ServerConfig>, String> {
    let of = |path: &Path| format!("`{}`", path.display());
    let chain: std::result::Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect);
    let chain = chain.map_err(|error| format!("{} is no certificate: {error}", of(certificate)))?;
    // What the parser says may quote the file.
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|_| format!("{} holds no private key in PEM form", of(key)))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| format!("{} cannot be used: {error}", of(certificate)))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
