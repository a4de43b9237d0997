//! Where the admin interface listens: a Unix socket whose peers the kernel vouches for, or TCP with a token.

use super::door::{Door, Peer};
use super::{Desk, router};
use crate::error::{Error, Kind, Result};
use crate::seldom::Seldom;
use crate::store::secret::Secret;
use crate::tls::Identity;
use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// How long a request's head may take, and an idle connection may stay.
const HEAD_WAIT: Duration = Duration::from_secs(5);
/// How long running requests may go on once gw stops.
const GRACE: Duration = Duration::from_secs(2);
/// The largest request head.
const HEAD_MOST: usize = 64 * 1024;

/// A bound listener.
pub enum Listener {
    #[cfg(unix)]
    Unix {
        listener: tokio::net::UnixListener,
        file: SocketFile,
    },
    Tcp {
        listener: tokio::net::TcpListener,
        at: SocketAddr,
        /// `None`: it has nothing but figures.
        token: Option<Secret>,
        /// What its connections are made secure with.
        tls: Option<Arc<Identity>>,
    },
}

/// The socket in the file system, taken away when the listener goes, unless somebody has replaced it.
#[cfg(unix)]
pub struct SocketFile {
    path: PathBuf,
    inode: u64,
}

#[cfg(unix)]
impl Drop for SocketFile {
    fn drop(&mut self) {
        if inode(&self.path) == Some(self.inode) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Makes a directory that holds nothing but gw's own for this user alone. One that belongs to somebody else is
/// refused: who owns the directory can put another socket in the place of ours.
#[cfg(unix)]
pub fn own_directory(dir: &Path) -> Result<()> {
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
    let failed = |error: std::io::Error| {
        Error::invalid(format!(
            "the admin socket's directory `{}` cannot be made private",
            dir.display()
        ))
        .cause(error)
        .hint("give the socket another place with --admin-listen unix:PATH")
    };
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(failed)?;
    let meta = std::fs::metadata(dir).map_err(failed)?;
    let own = rustix::process::geteuid().as_raw();
    match meta.uid() == own {
        true if meta.mode() & 0o077 == 0 => Ok(()),
        true => {
            std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700)).map_err(failed)
        }
        // Root serves from others' directories, and its clients take root's socket only.
        false if own == 0 => Ok(()),
        false => Err(Error::new(
            Kind::Forbidden,
            format!(
                "the admin socket's directory `{}` belongs to UID {}",
                dir.display(),
                meta.uid()
            ),
        )
        .hint("give the socket another place with --admin-listen unix:PATH")),
    }
}

#[cfg(unix)]
fn inode(path: &Path) -> Option<u64> {
    use std::os::unix::fs::MetadataExt;
    std::fs::symlink_metadata(path).ok().map(|meta| meta.ino())
}

impl Listener {
    /// Binds a Unix socket for this user alone. What a dead gateway left behind is replaced; a live one is not.
    #[cfg(unix)]
    pub fn unix(path: &Path) -> Result<Listener> {
        use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
        let failed = |what: &str, error: std::io::Error| {
            Error::invalid(format!(
                "the admin socket `{}` cannot be {what}",
                path.display()
            ))
            .cause(error)
            .hint("give another place, and a short one, with --admin-listen unix:PATH")
        };
        if let Some(dir) = path
            .parent()
            .filter(|dir| !dir.as_os_str().is_empty() && !dir.exists())
        {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(dir)
                .map_err(|error| failed("made", error))?;
        }
        if let Ok(meta) = std::fs::symlink_metadata(path) {
            if !meta.file_type().is_socket() {
                return Err(Error::invalid(format!(
                    "`{}` is there and is not a socket",
                    path.display()
                ))
                .hint("choose another place with --admin-listen unix:PATH"));
            }
            match std::os::unix::net::UnixStream::connect(path) {
                Ok(_) => {
                    return Err(Error::new(Kind::Conflict, format!("a gateway is running already and answers at unix:{}", path.display()))
                        .hint("stop it, or give this one a place of its own with --admin-listen unix:PATH"));
                }
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                    std::fs::remove_file(path).map_err(|error| failed("replaced", error))?
                }
                Err(error) => return Err(failed("replaced", error)),
            }
        }
        let listener =
            tokio::net::UnixListener::bind(path).map_err(|error| failed("bound", error))?;
        // Between these two lines others could connect, and would be refused by their user id.
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
            .map_err(|error| failed("restricted", error))?;
        // Absolute, since it is announced to processes in other directories.
        let file = SocketFile {
            path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            inode: inode(path).unwrap_or(0),
        };
        Ok(Listener::Unix { listener, file })
    }

    /// Binds TCP. Beyond this machine only when told so: without TLS the token then travels unencrypted.
    pub async fn tcp(at: SocketAddr, token: Secret, beyond_loopback: bool) -> Result<Listener> {
        if token.expose().is_empty() {
            return Err(Error::invalid(
                "the admin interface does not listen on TCP without a token",
            ));
        }
        if !at.ip().is_loopback() && !beyond_loopback {
            return Err(
                Error::invalid(format!("`{at}` can be reached from other machines"))
                    .hint("listen on 127.0.0.1, or on a Unix socket"),
            );
        }
        Listener::bound(at, Some(token), "the admin interface").await
    }

    /// Binds TCP for scrapers: the metrics without a token, and whether the process answers. Beyond this machine only when
    /// told so.
    pub async fn figures(at: SocketAddr, beyond_loopback: bool) -> Result<Listener> {
        if !at.ip().is_loopback() && !beyond_loopback {
            return Err(Error::invalid(format!(
                "the metrics at `{at}` could be read from other machines"
            ))
            .param("metrics.listen")
            .hint("listen on 127.0.0.1, or set metrics.allow_public"));
        }
        Listener::bound(at, None, "for scrapers, gw").await
    }

    async fn bound(at: SocketAddr, token: Option<Secret>, who: &str) -> Result<Listener> {
        let failed = |error: std::io::Error| {
            Error::invalid(format!("{who} cannot listen on `{at}`")).cause(error)
        };
        let listener = tokio::net::TcpListener::bind(at).await.map_err(failed)?;
        let at = listener.local_addr().map_err(failed)?;
        Ok(Listener::Tcp {
            listener,
            at,
            token,
            tls: None,
        })
    }

    /// The same, speaking TLS where it is TCP.
    pub fn secured(mut self, identity: Option<Arc<Identity>>) -> Listener {
        if let Listener::Tcp { tls, .. } = &mut self {
            *tls = identity;
        }
        self
    }

    /// As `GW_ADMIN_URL` takes it.
    pub fn address(&self) -> String {
        match self {
            #[cfg(unix)]
            Listener::Unix { file, .. } => format!("unix:{}", file.path.display()),
            Listener::Tcp { at, tls: None, .. } => format!("http://{at}"),
            Listener::Tcp { at, .. } => format!("https://{at}"),
        }
    }
}

/// Serves until `shutdown` turns true; requests under way then have two seconds to end.
pub async fn serve(
    desk: Arc<Desk>,
    listener: Listener,
    mut shutdown: watch::Receiver<bool>,
) -> Result<()> {
    let slots = Arc::new(Semaphore::new(
        desk.deps.limits.connections.min(Semaphore::MAX_PERMITS),
    ));
    let (mut running, crowding) = (JoinSet::new(), Seldom::default());
    match listener {
        #[cfg(unix)]
        Listener::Unix { listener, file } => {
            let router = router(desk, Door::Peer);
            while let Some(slot) = next_slot(&slots, &mut shutdown, &mut running).await {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stopped(&mut shutdown) => break,
                };
                match accepted {
                    Ok((stream, _)) => match admitted(&stream) {
                        Ok(peer) => {
                            running.spawn(connection(
                                stream,
                                router.clone(),
                                Some(peer),
                                slot,
                                shutdown.clone(),
                            ));
                        }
                        Err(why) => tracing::warn!(why, "admin connection refused"),
                    },
                    Err(error) => pause(&error, &crowding).await,
                }
            }
            drop((listener, file));
        }
        Listener::Tcp {
            listener,
            at,
            token,
            tls,
        } => {
            let port = at.ip().is_loopback().then(|| at.port());
            let door = match token {
                Some(token) => Door::Token { token, port },
                None => Door::Figures { port },
            };
            let router = router(desk, door);
            while let Some(slot) = next_slot(&slots, &mut shutdown, &mut running).await {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = stopped(&mut shutdown) => break,
                };
                match accepted {
                    Ok((stream, _)) => {
                        let _ = stream.set_nodelay(true);
                        let (router, shutdown) = (router.clone(), shutdown.clone());
                        let Some(tls) = &tls else {
                            running.spawn(connection(stream, router, None, slot, shutdown));
                            continue;
                        };
                        let handshake = tls.acceptor().accept(stream);
                        running.spawn(async move {
                            // Silent, slow, or not TLS: gone without a word.
                            if let Ok(Ok(stream)) = tokio::time::timeout(HEAD_WAIT, handshake).await
                            {
                                connection(stream, router, None, slot, shutdown).await;
                            }
                        });
                    }
                    Err(error) => pause(&error, &crowding).await,
                }
            }
        }
    }
    // What has not ended by then is dropped with the set.
    let _ = tokio::time::timeout(GRACE, async {
        while running.join_next().await.is_some() {}
    })
    .await;
    Ok(())
}

async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // A sender that is gone means the process is going, too.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

async fn next_slot(
    slots: &Arc<Semaphore>,
    shutdown: &mut watch::Receiver<bool>,
    running: &mut JoinSet<()>,
) -> Option<tokio::sync::OwnedSemaphorePermit> {
    while running.try_join_next().is_some() {}
    tokio::select! {
        biased;
        () = stopped(shutdown) => None,
        slot = slots.clone().acquire_owned() => slot.ok(),
    }
}

/// Out of file descriptors, most likely: going on at once would only spin.
async fn pause(error: &std::io::Error, crowding: &Seldom) {
    if let Some(times) = crowding.due() {
        tracing::warn!(%error, times, "an admin connection could not be accepted");
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// The kernel's word on who connected: this user or root, or nobody.
#[cfg(unix)]
fn admitted(stream: &tokio::net::UnixStream) -> Result<Peer, String> {
    let uid = stream.peer_cred().map_err(|error| error.to_string())?.uid();
    let own = rustix::process::geteuid().as_raw();
    match uid == own || uid == 0 {
        true => Ok(Peer(format!("uid {uid}"))),
        false => Err(format!("uid {uid} is neither {own} nor root")),
    }
}

async fn connection<S>(
    stream: S,
    router: Router,
    peer: Option<Peer>,
    slot: tokio::sync::OwnedSemaphorePermit,
    mut shutdown: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let inner = TowerToHyperService::new(router);
    let service =
        hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            if let Some(peer) = peer.clone() {
                request.extensions_mut().insert(peer);
            }
            hyper::service::Service::call(&inner, request)
        });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WAIT)
        .max_buf_size(HEAD_MOST)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    tokio::select! {
        _ = served.as_mut() => {}
        () = stopped(&mut shutdown) => {
            served.as_mut().graceful_shutdown();
            let _ = served.await;
        }
    }
    drop(slot);
}
