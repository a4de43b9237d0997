//! A port that nobody accepts at: its queue is full, so that who connects waits as for a host that drops packets.

use socket2::{Domain, SockAddr, Socket, Type};
use std::io::Result;
use std::net::SocketAddr;
use std::time::Duration;

/// Holds the port as long as it lives.
pub struct Deaf {
    address: SocketAddr,
    _listener: Socket,
    _waiting: Vec<Socket>,
}

/// A connection that is not made within this time waits in vain.
const IN_VAIN: Duration = Duration::from_millis(200);
/// Connections tried: queues hold one more than was asked for on Linux, some more elsewhere.
const TRIED: usize = 64;

impl Deaf {
    /// Listens, and fills the queue itself.
    pub fn start(address: SocketAddr) -> Result<Deaf> {
        let listener = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        listener.bind(&address.into())?;
        listener.listen(0)?;
        let bound = listener.local_addr()?;
        let address = bound.as_socket().unwrap_or(address);
        let mut waiting = Vec::new();
        let mut in_vain = 0;
        while in_vain < 2 && waiting.len() < TRIED {
            let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
            let connected = socket.connect_timeout(&SockAddr::from(address), IN_VAIN);
            in_vain = if connected.is_err() { in_vain + 1 } else { 0 };
            waiting.push(socket);
        }
        Ok(Deaf {
            address,
            _listener: listener,
            _waiting: waiting,
        })
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn who_connects_waits() {
        let deaf = Deaf::start(([127, 0, 0, 1], 0).into()).unwrap();
        let tried =
            std::net::TcpStream::connect_timeout(&deaf.address(), Duration::from_millis(300));
        assert_eq!(tried.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
    }
}
