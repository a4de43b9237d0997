//! `cursor` means "go on": pages without a row are not the end, and every page gets further.

use super::doubles::{Gateway, logging, text};
use gw::store::journal::segments::Floor;
use gw::store::journal::{Journal, Outcome, Row, Segments, Settings};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// A log on disk whose queries are out of time after one block; its blocks overlap, as of requests that take very
/// differently long.
async fn gateway_out_of_time(dir: &std::path::Path) -> Gateway {
    let none = Floor::default();
    let settings = Settings {
        query_time: Duration::ZERO,
        purge_below: none,
        content_below: none,
        rows_below: none,
        ..Settings::default()
    };
    let log = Segments::open(dir, settings).unwrap();
    for block in 0..8 {
        for at in 0..20 {
            let number = at * 8 + block;
            let row = Row {
                id: format!("req_{number:03}"),
                at: gw::resources::Stamp::now(),
                key: Some(if number == 3 { "rare" } else { "common" }.into()),
                error: (number == 5).then(|| "a needle".into()),
                status: 200,
                outcome: if number == 7 {
                    Outcome::FailedAfterCommit
                } else {
                    Outcome::Ok
                },
                ..Row::default()
            };
            log.push(row, None);
        }
        // Reading writes out what is there: a block.
        log.get("req_000").unwrap();
    }
    logging(
        Arc::default(),
        Arc::default(),
        gw::admin::Limits::default(),
        Arc::new(log),
    )
    .await
}

/// Every id a query finds, page by page; and how many pages had none though they were not the last.
async fn pages(gateway: &Gateway, query: &str) -> (Vec<String>, usize) {
    let (mut ids, mut empty, mut cursor) = (Vec::new(), 0, String::new());
    loop {
        let page = gateway
            .ok("GET", &format!("/logs?{query}{cursor}"), Value::Null)
            .await;
        let items = page["items"].as_array().unwrap();
        ids.extend(
            items
                .iter()
                .map(|row| row["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["cursor"].as_str() else {
            return (ids, empty);
        };
        empty += usize::from(items.is_empty());
        let next = format!("&cursor={}", next.replace('=', "%3D"));
        assert_ne!(next, cursor, "{query}: a page leads to itself");
        cursor = next;
    }
}

async fn exported(gateway: &Gateway, query: &str) -> Vec<String> {
    let text = text(&gateway.router, &format!("/logs/export?{query}")).await;
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|row| row["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn listing_and_export_go_on_while_there_is_a_cursor() {
    let dir = tempfile::tempdir().unwrap();
    let gateway = gateway_out_of_time(dir.path()).await;
    let mut all: Vec<String> = (0..160).map(|number| format!("req_{number:03}")).collect();
    let mut saw_empty = 0;
    for order in ["asc", "desc"] {
        for (query, wanted) in [
            ("limit=1000", all.clone()),
            ("limit=3", all.clone()),
            ("text=a%20needle", vec!["req_005".to_owned()]),
            ("key=rare", vec!["req_003".to_owned()]),
            ("status=error", vec!["req_007".to_owned()]),
            ("text=nowhere", vec![]),
        ] {
            let query = format!("{query}&order={order}");
            let (found, empty) = pages(&gateway, &query).await;
            assert_eq!(found, wanted, "{query}");
            saw_empty += empty;
            let limited = query.contains("limit=3");
            let wanted: Vec<String> = wanted
                .into_iter()
                .take(if limited { 3 } else { 1000 })
                .collect();
            assert_eq!(exported(&gateway, &query).await, wanted, "export {query}");
        }
        all.reverse();
    }
    assert!(saw_empty > 0, "no page was empty, so nothing was tried");
}

#[tokio::test]
async fn empty_words_are_refused_and_do_not_widen() {
    let gateway = super::doubles::gateway().await;
    for word in ["key=", "user=,", "status=", "since=", "text=", "order=up"] {
        for path in ["/logs", "/logs/export"] {
            gateway
                .refused(400, "GET", &format!("{path}?{word}"), Value::Null)
                .await;
        }
    }
    let answer = gateway
        .refused(400, "GET", "/logs/follow?status=fine", Value::Null)
        .await;
    assert_eq!(
        answer["param"],
        json!("status"),
        "follow reads words as listing does: {answer}"
    );
}
