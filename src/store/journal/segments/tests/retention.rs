//! What goes because of its age or size, and what stays.

use super::*;

#[test]
fn retention_by_size_unlinks_the_oldest() {
    let dir = tempfile::tempdir().unwrap();
    let log = Segments::open(
        dir.path(),
        Settings {
            segment_bytes: 64 << 10,
            max_bytes: Some(1 << 20),
            content_max_bytes: Some(256 << 10),
            ..settings()
        },
    )
    .unwrap();
    for number in 0..3000 {
        log.push(row(number), Some(body(&noise(number, 1024))));
        if number % 500 == 0 {
            flush(&log);
        }
    }
    log.close();
    let size = size(dir.path());
    // A batch may end beyond the edge of its segment.
    assert!(size < 1536 << 10, "{size} bytes kept");
    let kept = |number| log.find(&id(number)).unwrap().map(|(_, body)| body.state());
    assert_eq!(
        [kept(0), kept(2999)],
        [Some("removed"), Some("kept")],
        "the row stays where its content goes"
    );
    let bodies = (0..3000).filter(|number| kept(*number) == Some("kept"));
    let (bodies, health) = (bodies.count() as u64, log.health());
    assert!((100..1000).contains(&bodies), "{bodies} kept");
    assert_eq!(
        (health.removed_rows, health.removed_content),
        (0, 3000 - bodies),
        "{health:?}"
    );
}

#[test]
fn rows_have_a_size_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let log = Segments::open(
        dir.path(),
        Settings {
            segment_bytes: 16 << 10,
            max_bytes: Some(256 << 10),
            ..settings()
        },
    )
    .unwrap();
    let error = |number: u64| {
        let text = noise(number, 512);
        text.iter()
            .map(|byte| char::from(b'0' + byte % 64))
            .collect()
    };
    for number in 0..2000 {
        let row = Row {
            error: Some(error(number)),
            ..row(number)
        };
        log.push(row, Some(body(b"short")));
        if number % 100 == 0 {
            flush(&log);
        }
    }
    log.close();
    let rows = all(&log, &Filter::default(), 1000);
    assert!((100..500).contains(&rows.len()), "{} rows kept", rows.len());
    assert_eq!(rows.first().map(|row| row.id.clone()), Some(id(1999)));
    assert!(log.get(&id(0)).unwrap().is_none());
    assert!(
        log.query(&Filter::default(), Order::NewestFirst, 10, Some(&id(5)))
            .unwrap()
            .rows
            .is_empty(),
        "a cursor outlives what it points to"
    );
    let health = log.health();
    assert_eq!(
        (health.removed_rows, health.removed_content),
        (2000 - rows.len() as u64, 0),
        "{health:?}"
    );
}

#[test]
fn large_content_takes_away_content_and_no_row() {
    let dir = tempfile::tempdir().unwrap();
    let log = Segments::open(
        dir.path(),
        Settings {
            max_bytes: Some(16 << 20),
            ..settings()
        },
    )
    .unwrap();
    for number in 0..200 {
        log.push(row(number), Some(body(b"hello")));
    }
    for number in 200..260 {
        log.push(row(number), Some(body(&noise(number, 600_000))));
        flush(&log);
    }
    let health = log.health();
    assert_eq!(all(&log, &Filter::default(), 1000).len(), 260);
    assert!(
        health.removed_content > 200 && health.removed_rows == 0 && health.content_dropped == 0,
        "{health:?}"
    );
    let kept = |number| log.find(&id(number)).unwrap().map(|(_, body)| body.state());
    assert_eq!([kept(0), kept(259)], [Some("removed"), Some("kept")]);
    // Also after a start.
    log.close();
    drop(log);
    assert!(size(dir.path()) <= 16 << 20);
    let log = open(dir.path());
    assert_eq!(all(&log, &Filter::default(), 1000).len(), 260);
    let kept = |number| log.find(&id(number)).unwrap().map(|(_, body)| body.state());
    assert_eq!([kept(0), kept(259)], [Some("removed"), Some("kept")]);
}

#[test]
fn a_limit_smaller_than_a_segment_holds_at_every_moment() {
    let dir = tempfile::tempdir().unwrap();
    let limit = 1 << 20;
    let log = Segments::open(
        dir.path(),
        Settings {
            max_bytes: Some(limit),
            ..settings()
        },
    )
    .unwrap();
    for number in 0..2000 {
        log.push(row(number), Some(body(&noise(number, 4096))));
        if number % 50 == 0 {
            flush(&log);
            let size = size(dir.path());
            assert!(size <= limit, "{size} bytes after {number} rows");
        }
    }
    // A body that is larger than everything may be is left out; its row stays.
    log.push(row(3000), Some(body(&noise(1, 2 << 20))));
    assert_eq!(log.find(&id(3000)).unwrap().unwrap().1, Body::LeftOut);
    assert_eq!(log.health().content_dropped, 1);
    log.close();
    assert!(size(dir.path()) <= limit);
    let rows = all(&log, &Filter::default(), 1000);
    assert_eq!((rows.len(), &rows[0]), (2001, &row(3000)));
    let kept = |number| log.find(&id(number)).unwrap().map(|(_, body)| body.state());
    let bodies = (0..2000).filter(|number| kept(*number) == Some("kept"));
    assert!(bodies.count() > 40);
    drop(log);
    // A limit that was made smaller since holds without any traffic.
    let _log = Segments::open(
        dir.path(),
        Settings {
            max_bytes: Some(limit / 4),
            ..settings()
        },
    )
    .unwrap();
    assert!(size(dir.path()) <= limit / 4);
}

#[test]
fn retention_by_age_unlinks_the_old() {
    let dir = tempfile::tempdir().unwrap();
    let old = open(dir.path());
    old.push(
        Row {
            at: Stamp(1000),
            ..row(1)
        },
        None,
    );
    old.close();
    drop(old);
    assert_eq!(all(&open(dir.path()), &Filter::default(), 10).len(), 1);
    let log = Segments::open(
        dir.path(),
        Settings {
            max_age: Duration::from_secs(3600),
            ..settings()
        },
    )
    .unwrap();
    until("the old row goes, without any traffic", || {
        files(dir.path()).is_empty()
    });
    log.push(
        Row {
            at: Stamp(1000),
            ..row(1)
        },
        None,
    );
    // Written by itself, so that the next row begins a segment.
    until("the old row is written", || log.health().written == 1);
    log.push(
        Row {
            at: Stamp::now(),
            ..row(2)
        },
        None,
    );
    until("the old row goes", || {
        all(&log, &Filter::default(), 10).len() == 1
    });
    assert!(log.get(&id(2)).unwrap().is_some());
}
