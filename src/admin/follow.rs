//! From the journal's blocking channel to a response body: a thread that lives as long as both ends do.

use crate::error::{Error, Result};
use crate::store::journal::{Following, Matcher, Row};
use bytes::Bytes;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// Lines waiting for a slow reader; more are left out rather than held up for.
const WAITING: usize = 1024;
/// How often the thread looks whether its reader is still there.
const LOOK: Duration = Duration::from_millis(250);

/// Rows that match, as JSON lines, with a line `{"lost": 3}` where the reader was too slow for so many. Ends when the journal closes or the receiver is dropped.
pub fn rows(from: Following, matcher: Matcher) -> Result<tokio::sync::mpsc::Receiver<Bytes>> {
    let (send, receive) = tokio::sync::mpsc::channel(WAITING);
    let mut lost = 0;
    let forward = move || {
        loop {
            match from.rows.recv_timeout(LOOK) {
                Ok(row) if matcher.matches(&row) => {
                    if let Ok(shown) = super::log_row::listed(Row::clone(&row)) {
                        let sent = send.try_send(Bytes::from(format!("{shown}\n")));
                        lost += u64::from(sent.is_err());
                    }
                }
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if send.is_closed() {
                return;
            }
            lost += from.lost();
            if lost > 0
                && send
                    .try_send(Bytes::from(format!("{{\"lost\":{lost}}}\n")))
                    .is_ok()
            {
                lost = 0;
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
    use crate::store::journal::{Filter, Journal, Memory};
    use serde_json::Value;

    fn row(id: &str, key: &str, status: u16) -> Row {
        Row {
            id: id.into(),
            key: Some(key.into()),
            status,
            ..Row::default()
        }
    }

    #[test]
    fn filters_and_ends_with_its_reader() {
        let log = Memory::default();
        let filter = Filter {
            key: vec!["ci".into()],
            status: vec!["4xx".parse().unwrap()],
            ..Filter::default()
        };
        let mut lines = rows(log.follow(), Matcher::new(&filter)).unwrap();
        for (id, key, status) in [("1", "ci", 200), ("2", "dev", 404), ("3", "ci", 404)] {
            log.push(row(id, key, status), None);
        }
        let line = lines.blocking_recv().unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&line).unwrap()["id"], "3");
        drop(lines);
    }

    #[test]
    fn a_slow_reader_is_told_how_many_it_lost() {
        let log = Memory::new(10, 0);
        let mut lines = rows(log.follow(), Matcher::new(&Filter::default())).unwrap();
        let sent = 5 * WAITING;
        for number in 0..sent {
            log.push(row(&format!("{number:05}"), "ci", 200), None);
        }
        let (mut rows, mut lost) = (0, 0);
        while rows + lost < sent as u64 {
            let line = lines.blocking_recv().unwrap();
            let line: Value = serde_json::from_slice(&line).unwrap();
            match line["lost"].as_u64() {
                Some(count) => lost += count,
                None => rows += 1,
            }
        }
        assert_eq!(rows + lost, sent as u64);
        assert!(lost > 0);
        log.close();
        assert!(lines.blocking_recv().is_none(), "it ends with the log");
    }
}
