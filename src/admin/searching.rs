//! Work that reads much of the log: few at once, and behind whatever else the machine has to do.

use crate::error::{Error, Kind, Result};
use tokio::sync::{Semaphore, oneshot};

/// Threads that read at once.
static PLACES: Semaphore = Semaphore::const_new(2);

/// Does it on a thread of its own that gives way to those that serve requests.
pub async fn searching<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let failed = || Error::new(Kind::Internal, "the log could not be read");
    let _place = PLACES
        .acquire()
        .await
        .map_err(|error| failed().cause(error))?;
    let (send, done) = oneshot::channel();
    std::thread::Builder::new()
        .name("log-search".into())
        .spawn(move || {
            give_way();
            let _ = send.send(work());
        })
        .map_err(|error| failed().cause(error))?;
    done.await.map_err(|error| failed().cause(error))?
}

/// On Linux niceness is a thread's own.
#[cfg(target_os = "linux")]
fn give_way() {
    let _ = rustix::process::nice(10);
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}
