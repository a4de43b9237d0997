//! From the journal's blocking channel to a response body: a thread that lives as long as both ends do.

use crate::error::{Error, Result};
use crate::store::journal::{Matcher, Row};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Lines waiting for a slow reader; more are left out rather than held up for.
const WAITING: usize = 1024;
/// How often the thread looks whether its reader is still there.
const LOOK: Duration = Duration::from_millis(250);

/// Rows that match, as JSON lines. Ends when the journal closes or the receiver is dropped.
pub fn rows(
    from: Receiver<Arc<Row>>,
    matcher: Matcher,
) -> Result<tokio::sync::mpsc::Receiver<Bytes>> {
    let (send, receive) = tokio::sync::mpsc::channel(WAITING);
    let forward = move || {
        loop {
            match from.recv_timeout(LOOK) {
                Ok(row) if matcher.matches(&row) => {
                    if let Ok(shown) = super::log_row::listed(Row::clone(&row)) {
                        let _ = send.try_send(Bytes::from(format!("{shown}\n")));
                    }
                }
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if send.is_closed() {
                return;
            }
        }
    };
    std::thread::Builder::new()
        .name("logs-follow".into())
        .spawn(forward)
        .map_err(|error| Error::internal("the log cannot be followed").cause(error))?;
    Ok(receive)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::store::journal::Filter;

    #[test]
    fn filters_and_ends_with_its_reader() {
        let (send, from) = std::sync::mpsc::channel();
        let filter = Filter {
            key: vec!["ci".into()],
            status: vec!["4xx".parse().unwrap()],
            ..Filter::default()
        };
        let mut lines = rows(from, Matcher::new(&filter)).unwrap();
        for (key, status) in [("ci", 200), ("dev", 404), ("ci", 404)] {
            send.send(Arc::new(Row {
                id: format!("{key}{status}"),
                key: Some(key.into()),
                status,
                ..Row::default()
            }))
            .unwrap();
        }
        let line = lines.blocking_recv().unwrap();
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(&line).unwrap()["id"],
            "ci404"
        );
        drop(lines);
        // The thread lets go of its end once it has noticed.
        crate::wait::until("the thread lets go", || {
            send.send(Arc::new(Row::default())).err().map(drop)
        });
    }
}
