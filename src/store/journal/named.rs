//! One request by its id, or by as much of it as no other begins with.

use super::{Body, Cursor, Filter, Journal, Order, Row};
use crate::error::{Error, Result};

/// What every id begins with; it need not be written.
const PREFIX: &str = "req_";
/// Requests named where the beginning of an id fits several.
const NAMED: usize = 5;

/// The request of this id, or the only one whose id begins so.
pub fn named(journal: &dyn Journal, id: &str) -> Result<(Row, Body)> {
    if let Some(found) = journal.find(id)? {
        return Ok(found);
    }
    let begin = match id.starts_with(PREFIX) {
        true => id.to_owned(),
        false => format!("{PREFIX}{id}"),
    };
    let mut fitting = Vec::new();
    let mut cursor = Some(Cursor::at(&begin));
    while let Some(at) = cursor.take() {
        let all = Filter::default();
        let page = journal.query(&all, Order::OldestFirst, NAMED + 1, Some(&at))?;
        let rows = page.rows.len();
        fitting.extend(
            page.rows
                .into_iter()
                .map(|row| row.id)
                .take_while(|id| id.starts_with(&begin)),
        );
        // Ids that begin alike are neighbours: once another comes, or enough have, it is decided.
        if fitting.len() == rows && rows <= NAMED {
            cursor = page.cursor;
        }
    }
    match fitting.as_slice() {
        [one] => {
            if let Some(found) = journal.find(one)? {
                return Ok(found);
            }
        }
        [] => {}
        several => {
            let more = if several.len() > NAMED {
                " and more"
            } else {
                ""
            };
            let names = several.iter().take(NAMED).map(String::as_str);
            let names = names.collect::<Vec<_>>().join(", ");
            return Err(Error::invalid(format!(
                "several requests have an id that begins with `{}`",
                id.escape_debug()
            ))
            .hint(format!("write more of it: {names}{more}")));
        }
    }
    Err(
        Error::not_found(format!("no request `{}` in the log", id.escape_debug()))
            .hint("list requests with: gw logs"),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::store::journal::Memory;

    #[test]
    fn the_beginning_of_an_id_finds_the_only_request_it_fits() {
        let log = Memory::default();
        for id in ["req_01AAAA", "req_01AABB", "req_01ZZ"] {
            log.push(
                Row {
                    id: id.into(),
                    ..Row::default()
                },
                None,
            );
        }
        let found = |id: &str| named(&log, id).map(|(row, _)| row.id);
        for (id, whole) in [
            ("req_01AAAA", "req_01AAAA"),
            ("01AAAA", "req_01AAAA"),
            ("01AAB", "req_01AABB"),
            ("req_01Z", "req_01ZZ"),
        ] {
            assert_eq!(found(id).unwrap(), whole, "{id}");
        }
        let error = found("01AA").unwrap_err();
        assert_eq!(
            error.hint.as_deref(),
            Some("write more of it: req_01AAAA, req_01AABB")
        );
        for id in ["01B", "req_02", "zzz"] {
            let error = found(id).unwrap_err();
            assert_eq!(error.kind, crate::error::Kind::NotFound, "{id}");
        }
    }
}
