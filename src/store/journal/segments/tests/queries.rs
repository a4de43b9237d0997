//! What is asked for is found in any file, and in any time.

use super::*;
use crate::store::journal::contract::all_in;

/// Names and texts over files that are closed, open, and left by a crash: what is asked of columns and bodies is what
/// reading everything finds.
#[test]
fn columns_and_texts_find_what_is_there_in_any_file() {
    let dir = tempfile::tempdir().unwrap();
    let text = |number: u64| format!("{{\"content\":\"line {number}\\nof {}\"}}", number % 10);
    let log = Segments::open(dir.path(), small(3000)).unwrap();
    for number in 0..1500 {
        log.push(row(number), Some(body(text(number).as_bytes())));
        if number % 100 == 0 {
            flush(&log);
        }
    }
    let check = |log: &Segments, at: &str| {
        let found = |words: &[(&str, &str)]| {
            let mut filter = Filter::default();
            for (word, value) in words {
                filter.take(word, value, Stamp(0)).unwrap();
            }
            let rows = all(log, &filter, 70);
            rows.into_iter().map(|row| row.id).collect::<Vec<String>>()
        };
        let wanted = |fits: &dyn Fn(u64) -> bool| {
            let numbers = (0..1500).rev().filter(|number| fits(*number));
            numbers.map(id).collect::<Vec<String>>()
        };
        assert_eq!(
            found(&[("key", "key1"), ("model", "model3")]),
            wanted(&|it| it % 21 == 10),
            "{at}"
        );
        assert_eq!(
            found(&[("session", "session4"), ("status", "503")]),
            wanted(&|it| it % 6 == 4 && it % 7 == 6),
            "{at}"
        );
        assert!(found(&[("user", "nobody")]).is_empty(), "{at}");
        assert_eq!(found(&[("text", "line 777\nof 7")]), [id(777)], "{at}");
        assert_eq!(
            found(&[("text", "of 7\"}"), ("key", "key0")]),
            wanted(&|it| it % 10 == 7 && it % 3 == 0),
            "{at}"
        );
    };
    check(&log, "while it is written");
    log.close();
    drop(log);
    assert!(files(dir.path()).len() > 5);
    let log = Segments::open(dir.path(), small(3000)).unwrap();
    check(&log, "closed");
    log.close();
    drop(log);
    tear(dir.path());
    let log = Segments::open(dir.path(), small(3000)).unwrap();
    check(&log, "after a crash");
    log.push(row(1500), None);
    assert_eq!(
        all(
            &log,
            &Filter {
                key: vec!["key0".into()],
                ..Filter::default()
            },
            1000
        )
        .len(),
        501
    );
}

/// A log in which every query is out of time at once.
fn out_of_time(dir: &Path) -> Segments {
    let settings = Settings {
        query_time: Duration::ZERO,
        ..settings()
    };
    Segments::open(dir, settings).unwrap()
}

#[test]
fn a_query_out_of_time_gives_a_short_page_and_a_cursor() {
    let dir = tempfile::tempdir().unwrap();
    let log = out_of_time(dir.path());
    (0..1000)
        .rev()
        .for_each(|number| log.push(row(number), None));
    let filter = Filter {
        text: "key1".into(),
        ..Filter::default()
    };
    let page = log.query(&filter, Order::NewestFirst, 1000, None).unwrap();
    assert!(page.rows.len() < 333 && page.cursor.is_some());
    assert_eq!(all(&log, &filter, 1000).len(), 333);
}

#[test]
fn every_page_gets_further_where_all_blocks_overlap_and_time_is_out() {
    let dir = tempfile::tempdir().unwrap();
    let log = out_of_time(dir.path());
    // Ten blocks, each with rows from the whole range: as of requests that take very differently long.
    for block in 0..10 {
        (0..100).for_each(|row_of_it| log.push(row(row_of_it * 10 + block), None));
        flush(&log);
    }
    for order in [Order::NewestFirst, Order::OldestFirst] {
        for limit in [7, 1000] {
            let found = all_in(&log, &Filter::default(), order, limit);
            let mut wanted: Vec<String> = (0..1000).map(id).collect();
            if order == Order::NewestFirst {
                wanted.reverse();
            }
            assert!(found.iter().map(|row| &row.id).eq(wanted.iter()));
        }
    }
    // Pages without a row that are not the end.
    let nothing = Filter {
        text: "occurs nowhere".into(),
        ..Filter::default()
    };
    assert!(all(&log, &nothing, 10).is_empty());
}
