//! From the journal's blocking channel to a response body: a thread that lives as long as both ends do.

use crate::error::{Error, Result};
use crate::store::journal::{Filter, Outcome, Row};
use bytes::Bytes;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Lines waiting for a slow reader; more are left out rather than held up for.
const WAITING: usize = 1024;
/// How often the thread looks whether its reader is still there.
const LOOK: Duration = Duration::from_millis(250);

/// Rows that fit the filter, as JSON lines. Ends when the journal closes or the receiver is dropped.
pub fn rows(
    from: Receiver<Arc<Row>>,
    filter: Filter,
) -> Result<tokio::sync::mpsc::Receiver<Bytes>> {
    let (send, receive) = tokio::sync::mpsc::channel(WAITING);
    let forward = move || {
        loop {
            match from.recv_timeout(LOOK) {
                Ok(row) if takes(&filter, &row) => {
                    if let Ok(shown) = super::logs::row_json(&row) {
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

/// Whether a row is wanted: fields ANDed, values within one ORed.
fn takes(filter: &Filter, row: &Row) -> bool {
    let any = |wanted: &[String], values: &[Option<&str>]| {
        wanted.is_empty()
            || values
                .iter()
                .flatten()
                .any(|value| wanted.iter().any(|one| one == value))
    };
    let status = |one: &String| match one.as_str() {
        "ok" => row.outcome == Outcome::Ok && row.status < 400,
        "error" => row.outcome != Outcome::Ok || row.status >= 400,
        class if class.ends_with("xx") => class.starts_with(&(row.status / 100).to_string()),
        code => code == row.status.to_string(),
    };
    any(&filter.key, &[row.key.as_deref()])
        && any(&filter.user, &[row.user.as_deref()])
        && any(&filter.provider, &[row.provider.as_deref()])
        && any(
            &filter.model,
            &[row.model.as_deref(), row.requested_model.as_deref()],
        )
        && any(&filter.route, &[row.route.as_deref()])
        && (filter.status.is_empty() || filter.status.iter().any(status))
        && filter.since.is_none_or(|since| row.at >= since)
        && filter.until.is_none_or(|until| row.at < until)
        && (filter.text.is_empty()
            || serde_json::to_string(row).is_ok_and(|text| text.contains(&filter.text)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn filters_and_ends_with_its_reader() {
        let (send, from) = std::sync::mpsc::channel();
        let filter = Filter {
            key: vec!["ci".into()],
            status: vec!["4xx".into()],
            ..Filter::default()
        };
        let mut lines = rows(from, filter).unwrap();
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
        while send.send(Arc::new(Row::default())).is_ok() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
