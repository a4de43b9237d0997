//! One core's share of the data plane: a current-thread runtime with its own listener, connection pool and
//! clock. Takes connections, within what may be open, and serves HTTP on each.

use super::{
    Shared, connection,
    crowd::{self, Counted},
    pool::{Pool, SWEEP},
    worker::Worker,
};
use crate::error::{Error, Kind, Result};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    net::SocketAddr,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    net::TcpListener,
    runtime::{Builder, LocalOptions},
    sync::mpsc,
};

/// Binds an address for `count` workers: one socket each with SO_REUSEPORT, so that the kernel spreads
/// connections and no accept queue is shared. Port 0 is chosen by the first and taken by the rest.
pub fn bind(address: SocketAddr, count: usize) -> Result<Vec<std::net::TcpListener>> {
    let mut listeners = Vec::with_capacity(count);
    let mut address = address;
    for at in 0..count.max(1) {
        let listener = bind_one(address, count > 1, at == 0).map_err(|error| {
            let taken = error.kind() == std::io::ErrorKind::AddrInUse;
            let hint = if taken {
                "another program listens there: stop it, or choose another port with --listen 127.0.0.1:0"
            } else {
                "choose another address with --listen"
            };
            Error::new(
                if taken { Kind::Conflict } else { Kind::Invalid },
                format!("cannot listen on `{address}`"),
            )
            .cause(error)
            .param(address.to_string())
            .hint(hint)
        })?;
        address = listener
            .local_addr()
            .map_err(|error| Error::internal("the listener has no address").cause(error))?;
        listeners.push(listener);
    }
    Ok(listeners)
}

fn bind_one(
    address: SocketAddr,
    shared: bool,
    first: bool,
) -> std::io::Result<std::net::TcpListener> {
    // A second gateway must not slip in beside the first through SO_REUSEPORT: the first socket of a
    // fixed port is tried without it.
    if address.port() != 0 && shared && first {
        let probe = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        probe.set_reuse_address(true)?;
        probe.bind(&address.into())?;
    }
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    #[cfg(unix)]
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Runs one worker until it is told to stop and its connections are done. Call it on a thread of its own.
pub fn run(shared: Arc<Shared>, listeners: Vec<std::net::TcpListener>, seed: u64) -> Result<()> {
    // All tasks are of this thread: a set of local tasks within a runtime would be one more queue.
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())
        .map_err(|error| Error::internal("the runtime cannot be made").cause(error))?;
    shared.workers.fetch_add(1, Ordering::Relaxed);
    let worker = Rc::new(Worker::new(shared, seed));
    runtime.block_on(async move {
        tokio::task::spawn_local(worker.watches.clone().tend(worker.shared.clone()));
        tokio::task::spawn_local(sweep(worker.pool.clone()));
        // Whatever is open holds one end: when the other says that all have gone, everything is done.
        let (open, mut all_closed) = mpsc::channel(1);
        for listener in listeners {
            let listener = TcpListener::from_std(listener)
                .map_err(|error| Error::internal("the listener cannot be used").cause(error))?;
            tokio::task::spawn_local(accept(worker.clone(), listener, open.clone()));
        }
        drop(open);
        all_closed.recv().await;
        Ok(())
    })
}

async fn sweep(pool: Rc<Pool>) {
    loop {
        pool.filled().await;
        tokio::time::sleep(SWEEP).await;
        pool.sweep();
    }
}

/// Held by what is open.
type Open = mpsc::Sender<std::convert::Infallible>;

async fn accept(worker: Rc<Worker>, listener: TcpListener, open: Open) {
    let mut news = worker.shared.news();
    while !worker.shared.is_stopping() {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = news.changed() => {
                help(&worker);
                continue;
            }
        };
        match accepted {
            Ok((stream, peer)) => {
                let few = crowd::short_of_descriptors(&worker.shared, &stream);
                if few {
                    worker.pool.clear();
                }
                if few || crowd::full(&worker.shared) {
                    let why = match few {
                        true => "few file descriptors are left",
                        false => "there are as many as there may be",
                    };
                    let room = make_room(&worker, &why);
                    if !room {
                        worker.shared.ask_for_room();
                    }
                    // What was dismissed goes before the next one comes.
                    tokio::task::yield_now().await;
                    if !room {
                        continue;
                    }
                }
                // Its address has too many: closed at once, so that the rest keeps being served.
                let Some(counted) = Counted::new(worker.shared.clone(), peer.ip()) else {
                    continue;
                };
                // Without it every streamed piece waits for an acknowledgement.
                let _ = stream.set_nodelay(true);
                let (worker, open) = (worker.clone(), open.clone());
                tokio::task::spawn_local(async move {
                    connection::serve(worker, stream).await;
                    drop((counted, open));
                });
            }
            // Out of file descriptors and the like: make room for who waits, and do not spin.
            Err(error) => {
                worker.pool.clear();
                if someone_waits(&listener) {
                    make_room(&worker, &error);
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Whether there is a connection to be accepted. Where no descriptor is left, accepting fails before the system
/// looks, and then whoever got the last one would have to go for nobody.
#[cfg(unix)]
fn someone_waits(listener: &TcpListener) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut asked = [PollFd::new(listener, PollFlags::IN)];
    let at_once = Timespec::default();
    poll(&mut asked, Some(&at_once)).map_or(true, |ready| ready > 0)
}

#[cfg(not(unix))]
fn someone_waits(_listener: &TcpListener) -> bool {
    true
}

/// Ends a connection that can be done without; whether there was one.
fn make_room(worker: &Worker, why: &dyn std::fmt::Display) -> bool {
    let shared = &worker.shared;
    if let Some(times) = shared.crowding.due() {
        tracing::warn!(
            times,
            connections = shared.connections.load(Ordering::Relaxed),
            "there is no room for more connections, {why}: those without a valid key are closed, the oldest first"
        );
    }
    worker.crowd.dismiss()
}

/// Makes room for a connection that another worker had to refuse, having nothing to close for it. Each worker is
/// asked once.
fn help(worker: &Worker) {
    let asked = &worker.shared.asked;
    let left = asked.load(Ordering::Relaxed);
    if left > 0 {
        let dismissed = worker.crowd.dismiss();
        asked.store(if dismissed { 0 } else { left - 1 }, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn a_port_is_shared_by_workers_and_with_nobody_else() {
        let any = "127.0.0.1:0".parse().unwrap();
        let ours = bind(any, 3).unwrap();
        let address = ours[0].local_addr().unwrap();
        assert!(
            ours.iter()
                .all(|listener| listener.local_addr().unwrap() == address)
        );
        for count in [1, 3] {
            let error = bind(address, count).unwrap_err();
            assert_eq!(
                (error.kind, error.message),
                (Kind::Conflict, format!("cannot listen on `{address}`"))
            );
        }
    }
}
