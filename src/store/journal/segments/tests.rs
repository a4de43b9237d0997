//! Tests of what only the log on disk does: surviving damage, retention, full disks, and its speed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::super::Price;
use super::super::contract::{self, all, all_in, body, id, row, until};
use super::super::sums::{Ask, Folded};
use super::*;
use crate::catalog::CostStatus;
use crate::resources::Stamp;
use bytes::Bytes;
use std::time::{Duration, Instant};

/// No floors: the disk the tests run on may be nearly full.
pub(super) fn settings() -> Settings {
    let none = Floor::default();
    Settings {
        purge_below: none,
        content_below: none,
        rows_below: none,
        max_bytes: Some(1 << 30),
        max_age: Duration::from_secs(u32::MAX.into()),
        content_max_age: Duration::from_secs(u32::MAX.into()),
        // Nobody waits for a day.
        steady: Duration::ZERO,
        ..Settings::default()
    }
}

fn open(dir: &Path) -> Segments {
    Segments::open(dir, settings()).unwrap()
}

/// Bytes that do not compress.
pub(super) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().is_some_and(|name| name != "clock"))
        .collect();
    files.sort();
    files
}

/// Sums by as much as there is, sessions and agents aside.
fn by_all() -> Ask {
    let mut ask = Ask::default();
    ask.take("by", "key,user,route,provider,model,status")
        .unwrap();
    ask
}

struct InDir(Segments, #[allow(dead_code)] tempfile::TempDir);

impl Journal for InDir {
    fn push(&self, row: Row, content: Option<Content>) {
        self.0.push(row, content);
    }
    fn query(
        &self,
        filter: &Filter,
        order: Order,
        limit: usize,
        cursor: Option<&str>,
    ) -> Result<Page> {
        self.0.query(filter, order, limit, cursor)
    }
    fn find(&self, id: &str) -> Result<Option<(Row, Body)>> {
        self.0.find(id)
    }
    fn fold(&self, ask: &Ask) -> Result<Folded> {
        self.0.fold(ask)
    }
    fn reprice(&self, wanted: &Repricing<'_>) -> Result<Tally> {
        self.0.reprice(wanted)
    }
    fn follow(&self) -> Following {
        self.0.follow()
    }
    fn newest(&self) -> Option<String> {
        self.0.newest()
    }
    fn health(&self) -> Health {
        self.0.health()
    }
    fn close(&self) {
        self.0.close();
    }
}

#[test]
fn keeps_the_contract() {
    contract::suite(|| {
        let dir = tempfile::tempdir().unwrap();
        InDir(open(dir.path()), dir)
    });
}

#[test]
fn keeps_the_contract_in_many_small_segments() {
    contract::suite(|| {
        let dir = tempfile::tempdir().unwrap();
        let small = Settings {
            segment_bytes: 3000,
            ..settings()
        };
        InDir(Segments::open(dir.path(), small).unwrap(), dir)
    });
}

/// Names and texts over files that are closed, open, and left by a crash: what is asked of columns and bodies is what
/// reading everything finds.
#[test]
fn columns_and_texts_find_what_is_there_in_any_file() {
    let dir = tempfile::tempdir().unwrap();
    let small = || Settings {
        segment_bytes: 3000,
        ..settings()
    };
    let text = |number: u64| format!("{{\"content\":\"line {number}\\nof {}\"}}", number % 10);
    let log = Segments::open(dir.path(), small()).unwrap();
    for number in 0..1500 {
        log.push(row(number), Some(body(text(number).as_bytes())));
        if number % 100 == 0 {
            log.get(&id(number)).unwrap();
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
    let log = Segments::open(dir.path(), small()).unwrap();
    check(&log, "closed");
    log.close();
    drop(log);
    for file in files(dir.path()) {
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    }
    let log = Segments::open(dir.path(), small()).unwrap();
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

#[test]
fn a_query_out_of_time_gives_a_short_page_and_a_cursor() {
    let dir = tempfile::tempdir().unwrap();
    let log = Segments::open(
        dir.path(),
        Settings {
            query_time: Duration::ZERO,
            ..settings()
        },
    )
    .unwrap();
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
    let log = Segments::open(
        dir.path(),
        Settings {
            query_time: Duration::ZERO,
            ..settings()
        },
    )
    .unwrap();
    // Ten blocks, each with rows from the whole range: as of requests that take very differently long.
    for block in 0..10 {
        (0..100).for_each(|row_of_it| log.push(row(row_of_it * 10 + block), None));
        log.get(&id(0)).unwrap();
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

#[test]
fn reopens_and_goes_on_in_the_same_file() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let log = open(dir.path());
        assert_eq!(all(&log, &Filter::default(), 100).len(), round * 300);
        (0..300).for_each(|number| log.push(row((round * 300 + number) as u64), Some(body(b"hi"))));
        log.close();
        assert_eq!(log.damaged(), 0);
    }
    assert_eq!(files(dir.path()).len(), 2, "one of rows and one of content");
    let log = open(dir.path());
    let numbers: Vec<String> = all(&log, &Filter::default(), 77)
        .into_iter()
        .map(|row| row.id)
        .collect();
    assert_eq!(numbers, (0..1500).rev().map(id).collect::<Vec<_>>());
    assert_eq!(log.get(&id(700)).unwrap().unwrap().1.unwrap(), body(b"hi"));
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("logs");
    let log = open(&inner);
    log.push(row(1), Some(body(b"x")));
    log.close();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let modes: Vec<u32> = files(&inner).iter().map(|file| mode(file)).collect();
    assert_eq!((mode(&inner), modes), (0o700, vec![0o600, 0o600]));
}

#[test]
fn damage_costs_only_what_it_hits() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    for number in 0..1280 {
        log.push(row(number), Some(body(&noise(number, 40))));
    }
    log.close();
    drop(log);
    let intact: Vec<(PathBuf, Vec<u8>)> = files(dir.path())
        .into_iter()
        .map(|file| (file.clone(), std::fs::read(&file).unwrap()))
        .collect();
    let mut lost_at_most = 0;
    for trial in 0..60_u64 {
        for file in files(dir.path()) {
            std::fs::remove_file(file).unwrap();
        }
        for (file, bytes) in &intact {
            std::fs::write(file, bytes).unwrap();
        }
        let (file, intact) = &intact[usize::from(trial >= 30)];
        let mut bytes = intact.clone();
        let at = usize::try_from(
            u64::from_le_bytes(noise(trial + 1, 8).try_into().unwrap()) % intact.len() as u64,
        )
        .unwrap();
        match trial % 3 {
            0 => bytes[at] ^= 1 << (trial % 8),
            1 => bytes
                .iter_mut()
                .skip(at)
                .take(512)
                .for_each(|byte| *byte = 0),
            _ => bytes.truncate(at),
        }
        std::fs::write(file, &bytes).unwrap();
        let log = open(dir.path());
        let rows = all(&log, &Filter::default(), 1000);
        for found in &rows {
            let number = u64::try_from(found.at.0 - 1_790_000_000_000).unwrap();
            assert_eq!(
                *found,
                row(number),
                "trial {trial}: a changed row was shown"
            );
        }
        for number in (0..1280).step_by(97) {
            if let Some((_, Some(content))) = log.get(&id(number)).unwrap() {
                assert_eq!(content, body(&noise(number, 40)), "trial {trial}");
            }
        }
        if trial % 3 < 2 {
            // A flip or a zeroed half kilobyte spans few blocks.
            let lost = 1280 - rows.len();
            lost_at_most = lost_at_most.max(lost);
            assert!(
                lost == 0 || log.damaged() > 0,
                "trial {trial}: {lost} lost and nothing counted"
            );
        }
        log.push(row(5000), Some(body(b"new")));
        let newest = log
            .query(&Filter::default(), Order::NewestFirst, 1, None)
            .unwrap()
            .rows
            .pop();
        assert_eq!(newest, Some(row(5000)), "trial {trial}: writing goes on");
        // Where the end of a file went, what is written there now is of another row.
        for number in (0..1280).step_by(97) {
            if let Some((_, Some(content))) = log.get(&id(number)).unwrap() {
                assert_eq!(content, body(&noise(number, 40)), "trial {trial}");
            }
        }
    }
    assert!(
        lost_at_most <= 3 * 256,
        "{lost_at_most} rows lost to one small damage"
    );
}

#[test]
fn foreign_and_empty_files_are_no_trouble() {
    let dir = tempfile::tempdir().unwrap();
    for (name, bytes) in [
        ("00000001-a.seg", &b""[..]),
        ("00000002-b.seg", b"gwlogs"),
        ("00000003.seg", &noise(3, 5000)),
        ("x.seg", b"?"),
        ("notes", b"!"),
    ] {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    let log = open(dir.path());
    log.push(row(1), None);
    assert_eq!(all(&log, &Filter::default(), 10).len(), 1);
    log.close();
    drop(log);
    assert_eq!(all(&open(dir.path()), &Filter::default(), 10).len(), 1);
}

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
            all(
                &log,
                &Filter {
                    key: vec!["flush".into()],
                    ..Filter::default()
                },
                1,
            );
        }
    }
    log.close();
    let size: u64 = files(dir.path())
        .iter()
        .map(|file| std::fs::metadata(file).unwrap().len())
        .sum();
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
            log.get(&id(number)).unwrap();
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
        log.get(&id(number)).unwrap();
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
fn what_an_earlier_release_wrote_stays_readable() {
    let dir = tempfile::tempdir().unwrap();
    let earlier: [(&str, &[u8]); 3] = [
        (
            "00000001-01M3250V000000000000000000.seg",
            include_bytes!("earlier/00000001-01M3250V000000000000000000.seg"),
        ),
        (
            "00000002-01M3250V0F000000000000000F.seg",
            include_bytes!("earlier/00000002-01M3250V0F000000000000000F.seg"),
        ),
        (
            "00000003-01M3250V0S000000000000000S.seg",
            include_bytes!("earlier/00000003-01M3250V0S000000000000000S.seg"),
        ),
    ];
    for (name, bytes) in earlier {
        std::fs::write(dir.path().join(name), bytes).unwrap();
    }
    let old = |number| Row {
        session: None,
        agent: None,
        labels: None,
        usage: Default::default(),
        cost_pico: None,
        latency_ms: 0,
        ttft_ms: None,
        ..row(number)
    };
    for round in 0..2 {
        let log = open(dir.path());
        let new = 40 + round;
        log.push(row(new), Some(body(b"new")));
        let mut wanted: Vec<Row> = (0..40).map(old).chain((40..=new).map(row)).collect();
        assert_eq!(
            log.fold(&by_all()).unwrap(),
            contract::folded(&wanted, &by_all())
        );
        wanted.reverse();
        assert_eq!(all(&log, &Filter::default(), 7), wanted);
        for number in 0..40 {
            let (_, found) = log.find(&id(number)).unwrap().unwrap();
            let kept = match number % 3 {
                0 => Body::None,
                _ => Body::Kept(body(&noise(number, 120))),
            };
            assert_eq!(found, kept, "{number}");
        }
        assert_eq!(
            log.find(&id(new)).unwrap().unwrap().1,
            Body::Kept(body(b"new"))
        );
        log.close();
        assert_eq!(log.damaged(), 0);
    }
    // One has a content file, the others have theirs within them: those go as content does.
    assert_eq!(files(dir.path()).len(), 5);
    let log = Segments::open(
        dir.path(),
        Settings {
            content_max_age: Duration::from_secs(1),
            ..settings()
        },
    )
    .unwrap();
    until("content goes by its age", || files(dir.path()).len() == 1);
    assert_eq!(all(&log, &Filter::default(), 100), [row(41), row(40)]);
    let health = log.health();
    assert_eq!((health.removed_rows, health.removed_content), (40, 2));
}

#[test]
fn totals_need_no_rows_once_their_sums_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let small = || Settings {
        segment_bytes: 3000,
        ..settings()
    };
    let log = Segments::open(dir.path(), small()).unwrap();
    let rows: Vec<Row> = (0..1000).map(row).collect();
    for row in &rows {
        log.push(row.clone(), None);
        if row.at.0 % 100 == 0 {
            log.get(&row.id).unwrap();
        }
    }
    let wanted = contract::folded(&rows, &by_all());
    assert_eq!(log.fold(&by_all()).unwrap(), wanted);
    log.close();
    drop(log);
    // Without any row that can be read.
    let files = files(dir.path());
    assert!(files.len() > 3);
    for file in &files {
        let mut reader = frame::Reader::open(file).unwrap();
        let first = reader.head(file::HEADER).unwrap();
        let mut bytes = std::fs::read(file).unwrap();
        let end = usize::try_from(first.end()).unwrap();
        bytes[end - 3] ^= 1;
        std::fs::write(file, bytes).unwrap();
    }
    let log = Segments::open(dir.path(), small()).unwrap();
    assert_eq!(log.fold(&by_all()).unwrap(), wanted);
    assert!(all(&log, &Filter::default(), 1000).len() < 1000);
}

/// Ranges that begin and end anywhere, over files that are closed, open or have no sums of their own.
#[test]
fn sums_of_any_range_are_those_of_its_rows() {
    let dir = tempfile::tempdir().unwrap();
    let small = || Settings {
        segment_bytes: 60_000,
        ..settings()
    };
    const SPREAD: i64 = 100_000;
    let rows: Vec<Row> = (0..3000)
        .map(|number| {
            let mut row = row(number);
            // Those that end late began long before their neighbours.
            let late = if number % 50 == 0 { 20 * SPREAD } else { 0 };
            row.at = Stamp(row.at.0 + i64::try_from(number).unwrap() * SPREAD - late);
            row.id = format!("{}", ulid::Ulid::from_parts(row.at.0 as u64, number.into()));
            row
        })
        .collect();
    let log = Segments::open(dir.path(), small()).unwrap();
    for row in &rows {
        log.push(row.clone(), None);
        if row.at.0 % 20 == 0 {
            log.get(&row.id).unwrap();
        }
    }
    let begin = rows[0].at.0;
    let end = rows[2999].at.0;
    let check = |log: &Segments, at: &str| {
        for (round, by) in ["key,day", "session", "model,hour,status", "label:team"]
            .iter()
            .cycle()
            .take(40)
            .enumerate()
        {
            let mut random = noise(round as u64 + 7, 8).into_iter();
            let mut any = || {
                let many =
                    i64::from(random.next().unwrap()) * 256 + i64::from(random.next().unwrap());
                Some(Stamp(begin + (end - begin) * many / 65_536))
            };
            let mut ask = Ask::default();
            ask.take("by", by).unwrap();
            ask.points = round % 3 * 5;
            ask.filter.since = any().filter(|_| round % 4 != 0);
            ask.filter.until = any().filter(|_| round % 5 != 0);
            if round % 7 == 3 {
                ask.filter.key = vec!["key1".into()];
            }
            let found = log.fold(&ask).unwrap();
            assert_eq!(found, contract::folded(&rows, &ask), "{at} {ask:?}");
        }
    };
    check(&log, "while it is written");
    log.close();
    drop(log);
    assert!(files(dir.path()).len() > 3);
    let log = Segments::open(dir.path(), small()).unwrap();
    check(&log, "closed");
    log.close();
    drop(log);
    // Without their ends, as a crash leaves them.
    for file in files(dir.path()) {
        let bytes = std::fs::read(&file).unwrap();
        std::fs::write(&file, &bytes[..bytes.len() - 1]).unwrap();
    }
    let log = Segments::open(dir.path(), small()).unwrap();
    check(&log, "after a crash");
}

#[test]
fn new_prices_outlive_restarts_and_go_with_their_rows() {
    let dir = tempfile::tempdir().unwrap();
    let small = || Settings {
        segment_bytes: 12_000,
        ..settings()
    };
    let log = Segments::open(dir.path(), small()).unwrap();
    let mut rows: Vec<Row> = (0..1500).map(row).collect();
    for row in &rows {
        log.push(row.clone(), None);
        if row.at.0 % 100 == 0 {
            log.get(&row.id).unwrap();
        }
    }
    let before: Vec<(PathBuf, Vec<u8>)> = files(dir.path())
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect();
    let price = |row: &Row| {
        row.status.eq(&200).then_some(Price {
            cost_pico: Some(77),
            cost_status: CostStatus::Calculated,
            ..Price::default()
        })
    };
    let wanted = Repricing {
        filter: Filter::default(),
        price: &price,
        by: Some((Stamp(5), "ann".into())),
    };
    log.reprice(&wanted).unwrap();
    for row in rows.iter_mut().filter(|row| row.status == 200) {
        Repricing::lay(row, price(row).unwrap(), Stamp(5), "ann");
    }
    for (path, bytes) in before {
        let now = std::fs::read(&path).unwrap();
        assert!(
            now.starts_with(&bytes),
            "{}: rows are as they were",
            path.display()
        );
    }
    let check = |log: &Segments, rows: &[Row], at: &str| {
        assert_eq!(
            log.fold(&by_all()).unwrap(),
            contract::folded(rows, &by_all()),
            "{at}"
        );
        let mut newest = rows.to_vec();
        newest.reverse();
        assert_eq!(all(log, &Filter::default(), 1000), newest, "{at}");
    };
    check(&log, &rows, "at once");
    log.close();
    drop(log);
    std::fs::write(dir.path().join("00000099-x.prices"), "of nothing").unwrap();
    std::fs::write(dir.path().join("00000001-x.prices.new"), "half").unwrap();
    // The last file is gone on with: what comes has its own price.
    let log = Segments::open(dir.path(), small()).unwrap();
    check(&log, &rows, "after a restart");
    log.push(row(1500), None);
    rows.push(row(1500));
    check(&log, &rows, "with another row");
    log.close();
    drop(log);
    let log = Segments::open(dir.path(), small()).unwrap();
    check(&log, &rows, "closed again");
    log.close();
    drop(log);
    let of = |kind: &str| {
        let all = files(dir.path());
        let named = all
            .iter()
            .filter(|path| path.extension().is_some_and(|it| it == kind));
        named.count()
    };
    assert!(of("prices") > 3 && of("prices") <= of("seg") && of("new") == 0);
    let log = Segments::open(
        dir.path(),
        Settings {
            max_age: Duration::from_millis(1),
            ..small()
        },
    )
    .unwrap();
    until("all rows go by their age", || of("seg") == 0);
    assert_eq!(of("prices"), 0);
    log.close();
}

#[test]
fn a_clock_that_is_not_believed_removes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.push(row(1), Some(body(b"x")));
    log.close();
    drop(log);
    std::fs::remove_file(dir.path().join("clock")).unwrap();
    // Everything is too old at once: the clock may be wrong.
    let log = Segments::open(
        dir.path(),
        Settings {
            max_age: Duration::from_secs(3600),
            steady: clock::STEADY,
            ..settings()
        },
    )
    .unwrap();
    let told = log.health().clock.unwrap();
    assert!(told.starts_with("system clock is "), "{told}");
    log.push(
        Row {
            at: Stamp::now(),
            ..row(2)
        },
        None,
    );
    assert_eq!(all(&log, &Filter::default(), 10).len(), 2);
    assert_eq!(files(dir.path()).len(), 2);
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

#[test]
fn a_backlog_is_long_by_rows_or_content_until_they_are_done() {
    let (queue, taker) = queue::queue(1024, 800);
    let backlog = taker.backlog();
    let mut batch = Vec::new();
    let done = |batch: &mut queue::Batch| {
        taker.take(batch, 1024, 1 << 20, Duration::ZERO, Duration::ZERO);
        taker.done(batch.len(), batch.iter().map(|entry| entry.bytes).sum());
        batch.clear();
    };
    let push = |content: Option<usize>| {
        queue.push(row(0), content.map(|size| body(&noise(1, size))));
        backlog.is_long()
    };
    assert!(!push(Some(100)));
    assert!(push(Some(1)), "an eighth of the room for content is taken");
    done(&mut batch);
    assert!((0..63).all(|_| !push(None)));
    assert!(push(None), "64 rows wait");
    done(&mut batch);
    assert!(!push(None));
    queue.close();
    assert!(backlog.is_long(), "the writer is to end");
}

#[test]
fn a_collecting_writer_is_woken_once_enough_is_there() {
    let most = Duration::from_secs(3600);
    for (rows, content) in [(256, None), (10, Some(500_000))] {
        let (queue, taker) = queue::queue(1024, 64 << 20);
        let writer = std::thread::spawn(move || {
            let mut batch = Vec::new();
            let took = taker.take(&mut batch, 256, 4 << 20, most, most);
            (batch.len(), took)
        });
        queue.set_thread(writer.thread().clone());
        let content = content.map(|size| body(&noise(1, size)));
        queue.push(row(0), content.clone());
        until("the writer collects", || queue.writer_sleeps());
        (1..rows).for_each(|_| _ = queue.push(row(0), content.clone()));
        let (taken, took) = writer.join().unwrap();
        assert!((1..=rows).contains(&taken), "{taken}");
        assert_eq!(took, queue::Took::More);
    }
}

#[test]
fn a_full_queue_drops_content_first_and_counts() {
    let (queue, taker) = queue::queue(8, 100);
    let lost = |content: usize| queue.push(row(0), Some(body(&noise(1, content))));
    let (kept, content, both) = (
        queue::Lost {
            content: false,
            row: false,
        },
        queue::Lost {
            content: true,
            row: false,
        },
        queue::Lost {
            content: true,
            row: true,
        },
    );
    assert_eq!(lost(60), kept);
    assert_eq!(lost(60), content, "more bytes than may wait");
    assert_eq!(lost(40), kept);
    (0..4).for_each(|_| assert_eq!(queue.push(row(0), None), kept));
    assert_eq!(lost(0), content, "nearly full");
    assert_eq!(lost(0), both, "full");
    let mut batch = Vec::new();
    assert_eq!(
        taker.take(&mut batch, 100, 1 << 20, Duration::ZERO, Duration::ZERO),
        queue::Took::More
    );
    assert_eq!(
        (
            batch.len(),
            batch.iter().map(|entry| entry.bytes).sum::<usize>()
        ),
        (8, 100)
    );
    taker.done(8, 100);
    assert_eq!(lost(60), kept, "room again");
    queue.close();
    assert_eq!(lost(1), both, "closed");
}

#[test]
fn a_slow_disk_leaves_out_content_then_rows_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let slow = Settings {
        queue_rows: 512,
        slow: Duration::from_millis(100),
        ..settings()
    };
    let log = Segments::open(dir.path(), slow).unwrap();
    let mut number = 0;
    let mut push = || {
        for _ in 0..60 {
            log.push(row(number), Some(body(&noise(number, 100))));
            number += 1;
        }
        log.health()
    };
    until("content is left out", || push().content_dropped > 0);
    assert_eq!(log.health().rows_dropped, 0);
    until("rows are left out", || push().rows_dropped > 0);
    until("it is said", || {
        push();
        log.health().trouble().is_some_and(|why| {
            why.contains("faster than they can be written") && why.contains("rows)")
        })
    });
    until("it is over", || log.health().degraded.is_none());
    let health = log.health();
    assert_eq!(health.written + health.rows_dropped, number);
    assert_eq!(
        all(&log, &Filter::default(), 1000).len() as u64,
        health.written
    );
}

#[test]
fn a_removed_directory_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("logs");
    let log = open(&inner);
    log.push(row(1), None);
    assert_eq!(all(&log, &Filter::default(), 10).len(), 1);
    std::fs::remove_dir_all(&inner).unwrap();
    let mut number = 2;
    until("rows are stored again", || {
        log.push(row(number), None);
        number += 1;
        !all(&log, &Filter::default(), 10).is_empty()
    });
}

#[cfg(target_os = "linux")]
#[test]
fn a_clock_that_jumped_while_nothing_ran_removes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let month = Duration::from_secs(30 * 86_400);
    let aged = || Settings {
        max_age: month,
        segment_bytes: 10,
        steady: clock::STEADY,
        ..settings()
    };
    let (now, days) = (Stamp::now().0, |days: i64| days * 86_400_000);
    let log = Segments::open(dir.path(), settings()).unwrap();
    log.push(
        Row {
            at: Stamp(now - days(60)),
            ..row(1)
        },
        Some(body(b"x")),
    );
    log.close();
    drop(log);
    // As it was before the clock went forward, and a request that came after that.
    let kept = dir.path().join("clock");
    let text = std::fs::read_to_string(&kept).unwrap();
    let words: Vec<&str> = text.trim_end().split(' ').collect();
    let before = format!("{} {} {}\n", words[0], words[1], now - days(60));
    for _ in 0..2 {
        std::fs::write(&kept, &before).unwrap();
        let log = Segments::open(dir.path(), aged()).unwrap();
        assert!(log.health().clock.is_some());
        log.push(
            Row {
                at: Stamp(now),
                ..row(2)
            },
            None,
        );
        assert!(log.find(&id(1)).unwrap().is_some());
        log.close();
    }
    // Believed, it is old.
    std::fs::write(&kept, &text).unwrap();
    let old = Settings {
        max_age: Duration::ZERO,
        ..aged()
    };
    let log = Segments::open(dir.path(), old).unwrap();
    assert_eq!(log.health().clock, None);
    until("what is old goes", || log.find(&id(1)).unwrap().is_none());
}

/// A small file system of its own; needs root.
#[cfg(target_os = "linux")]
struct Tmpfs(tempfile::TempDir);

#[cfg(target_os = "linux")]
impl Tmpfs {
    fn mount() -> Option<Tmpfs> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=4m", "tmpfs"])
            .arg(dir.path())
            .output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Tmpfs(dir));
        }
        crate::skip::skip("mounting a tmpfs needs root");
        None
    }
    fn remount(&self, option: &str) {
        assert!(
            std::process::Command::new("mount")
                .args(["-o", &format!("remount,{option}")])
                .arg(self.0.path())
                .status()
                .unwrap()
                .success()
        );
    }
}

#[cfg(target_os = "linux")]
impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .args(["-l"])
            .arg(self.0.path())
            .status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_degrades_and_recovers() {
    let Some(disk) = Tmpfs::mount() else { return };
    let floor = |bytes| Floor {
        bytes,
        ..Floor::default()
    };
    let log = Segments::open(
        disk.0.path().join("logs"),
        Settings {
            content_below: floor(1 << 20),
            rows_below: floor(256 << 10),
            ..settings()
        },
    )
    .unwrap();
    let mut number = 0;
    let mut push = |count: u64| {
        for _ in 0..count {
            log.push(row(number), Some(body(&noise(number, 2000))));
            number += 1;
        }
        all(
            &log,
            &Filter {
                key: vec!["flush".into()],
                ..Filter::default()
            },
            1,
        );
    };
    push(100);
    assert_eq!(log.health().degraded, None);
    let filler = disk.0.path().join("filler");
    std::fs::write(&filler, vec![1; 3 << 20]).unwrap();
    until("content is left out", || {
        log.health()
            .degraded
            .is_some_and(|why| why.contains("content"))
    });
    let before = log.health();
    push(100);
    let after = log.health();
    assert!(
        after.content_dropped >= before.content_dropped + 100
            && after.written >= before.written + 100
            && after.rows_dropped == 0,
        "{after:?}"
    );
    std::fs::write(&filler, vec![1; (4 << 20) - (600 << 10)]).unwrap();
    let _ = std::fs::write(disk.0.path().join("more"), vec![1; 4 << 20]);
    until("rows are left out", || {
        log.health()
            .degraded
            .is_some_and(|why| why.contains("disk full"))
    });
    push(50);
    assert!(log.health().rows_dropped >= 50);
    std::fs::remove_file(disk.0.path().join("more")).unwrap();
    std::fs::remove_file(&filler).unwrap();
    until("it recovers without traffic", || {
        log.health().degraded.is_none()
    });
    let written = log.health().written;
    push(20);
    assert_eq!(log.health().written, written + 20);
    log.close();
    assert_eq!(
        all(&log, &Filter::default(), 1000).len() as u64,
        log.health().written,
        "what counts as written can be read"
    );
}

#[cfg(target_os = "linux")]
#[test]
fn failing_writes_are_counted_and_tried_again() {
    let Some(disk) = Tmpfs::mount() else { return };
    let log = Segments::open(
        disk.0.path().join("logs"),
        Settings {
            segment_bytes: 64 << 10,
            ..settings()
        },
    )
    .unwrap();
    let flush = || {
        drop(all(
            &log,
            &Filter {
                key: vec!["flush".into()],
                ..Filter::default()
            },
            1,
        ))
    };
    let mut number = 0;
    // No floors here: the disk says ENOSPC itself.
    until("a write fails", || {
        for _ in 0..50 {
            log.push(row(number), Some(body(&noise(number, 4000))));
            number += 1;
        }
        flush();
        log.health().rows_dropped > 0
    });
    let health = log.health();
    assert!(
        health.degraded.is_some() && health.content_dropped > 0,
        "{health:?}"
    );
    assert_eq!(
        all(&log, &Filter::default(), 1000).len() as u64,
        health.written
    );
    let before = files(&disk.0.path().join("logs")).len();
    for _ in 0..50 {
        log.push(row(number), Some(body(&noise(number, 4000))));
        number += 1;
        flush();
    }
    assert!(
        files(&disk.0.path().join("logs")).len() <= before + 2,
        "failing leaves no litter"
    );
    disk.remount("size=16m");
    until("it recovers", || log.health().degraded.is_none());
    let before = log.health();
    log.push(row(number), Some(body(b"again")));
    flush();
    assert_eq!(
        (log.health().written, log.health().content_dropped),
        (before.written + 1, before.content_dropped)
    );
    assert_eq!(
        log.get(&id(number)).unwrap().unwrap().1,
        Some(body(b"again"))
    );
}

/// Prints what a push and a row cost here; run with `--nocapture`. `GW_ROWS` sets how many.
#[test]
fn speed() {
    let dir = tempfile::tempdir().unwrap();
    let count: u64 = std::env::var("GW_ROWS")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(20_000);
    let log = Segments::open(
        dir.path(),
        Settings {
            queue_rows: 1 << 20,
            queue_bytes: 1 << 30,
            ..settings()
        },
    )
    .unwrap();
    let text: String = (0..)
        .map(|number| {
            format!(
                "{{\"role\":\"user\",\"content\":\"word {}\"}},",
                number * 7919 % 1000
            )
        })
        .take(25)
        .collect();
    let content = |_| {
        let answer = vec![Bytes::from(text.clone())];
        Some(Content::new(text.clone(), answer))
    };
    let started = Instant::now();
    let mut pushing = Vec::new();
    for first in (0..count).step_by(64) {
        let ready: Vec<_> = (first..count.min(first + 64))
            .map(|number| (row(number), content(number)))
            .collect();
        let before = Instant::now();
        for (row, content) in ready {
            log.push(row, content);
        }
        pushing.push(before.elapsed().as_nanos() / 64);
    }
    pushing.sort_unstable();
    log.close();
    let closed = started.elapsed();
    let health = log.health();
    println!(
        "push {} ns (median), {} ns (p99), {:.0} rows/s written with 2 x {} bytes of content, {health:?}",
        pushing[pushing.len() / 2],
        pushing[pushing.len() * 99 / 100],
        count as f64 / closed.as_secs_f64(),
        text.len()
    );
    assert_eq!(health.written, count);
    let started = Instant::now();
    let page = log
        .query(&Filter::default(), Order::NewestFirst, 100, None)
        .unwrap();
    println!("first page of {}: {:?}", page.rows.len(), started.elapsed());
    let started = Instant::now();
    let none = all(
        &log,
        &Filter {
            text: "not there".into(),
            ..Filter::default()
        },
        100,
    );
    println!(
        "text through {count} rows: {:?} ({} found)",
        started.elapsed(),
        none.len()
    );
    let started = Instant::now();
    drop(log);
    let log = open(dir.path());
    println!("reopened in {:?}", started.elapsed());
    assert_eq!(
        log.query(&Filter::default(), Order::NewestFirst, 1, None)
            .unwrap()
            .rows
            .len(),
        1
    );
}

/// Bytes of all files of a directory.
fn size(dir: &Path) -> u64 {
    files(dir)
        .iter()
        .map(|file| std::fs::metadata(file).unwrap().len())
        .sum()
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
            log.get(&id(number)).unwrap();
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
fn a_flipped_bit_in_a_closed_segment_is_counted_and_named_unread() {
    let dir = tempfile::tempdir().unwrap();
    let small = || Settings {
        segment_bytes: 64 << 10,
        ..settings()
    };
    let log = Segments::open(dir.path(), small()).unwrap();
    for number in 0..1000 {
        log.push(row(number), Some(body(&noise(number, 300))));
    }
    log.close();
    assert_eq!(log.health().damaged, Vec::<String>::new());
    drop(log);
    let file = files(dir.path()).remove(1);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let log = Segments::open(dir.path(), small()).unwrap();
    until("the damage is found", || log.health().damaged_places > 0);
    let name = file.file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(log.health().damaged, [name]);
    log.close();
    drop(log);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(open(dir.path()).health().damaged_places, 0);
}

#[test]
fn all_frames_of_closed_segments_are_verified() {
    let dir = tempfile::tempdir().unwrap();
    let small = || Settings {
        segment_bytes: 64 << 10,
        ..settings()
    };
    let log = Segments::open(dir.path(), small()).unwrap();
    for number in 0..1000 {
        log.push(row(number), Some(body(&noise(number, 300))));
    }
    log.verify();
    assert_eq!(log.damaged(), 0);
    log.close();
    drop(log);
    let closed = files(dir.path()).remove(0);
    let whole = std::fs::read(&closed).unwrap();
    let log = Segments::open(dir.path(), small()).unwrap();
    log.verify();
    assert_eq!(log.damaged(), 0);
    // The index, which no row needs.
    let (name, footer) = (closed.file_name().unwrap(), |bytes: &[u8]| {
        let at = bytes.len() - 12;
        u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap())
    });
    let mut bytes = whole.clone();
    let at = usize::try_from(footer(&whole)).unwrap() - 1;
    bytes[at] ^= 1;
    std::fs::write(&closed, bytes).unwrap();
    log.verify();
    assert_eq!(log.health().damaged, [name.to_str().unwrap()]);
}

#[test]
fn a_torn_tail_is_cut_off_and_no_damage() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    log.push(row(1), None);
    all(&log, &Filter::default(), 1);
    let file = files(dir.path()).remove(0);
    let mut bytes = std::fs::read(&file).unwrap();
    let whole = bytes.len();
    bytes.extend_from_within(8..100);
    log.close();
    drop(log);
    std::fs::write(&file, &bytes).unwrap();
    let log = open(dir.path());
    assert_eq!(
        (std::fs::metadata(&file).unwrap().len(), log.damaged()),
        (whole as u64, 0)
    );
    assert_eq!(all(&log, &Filter::default(), 10).len(), 1);
}

#[cfg(target_os = "linux")]
#[test]
fn what_goes_because_the_disk_runs_low_is_counted() {
    let Some(disk) = Tmpfs::mount() else { return };
    let log = Segments::open(
        disk.0.path().join("logs"),
        Settings {
            segment_bytes: 256 << 10,
            purge_below: Floor {
                bytes: 2 << 20,
                ..Floor::default()
            },
            ..settings()
        },
    )
    .unwrap();
    for number in 0..1500 {
        log.push(row(number), Some(body(&noise(number, 4000))));
        if number % 100 == 0 {
            log.get(&id(number)).unwrap();
        }
    }
    log.close();
    let health = log.health();
    assert!(
        health.purged_content > 500 && health.purged_bytes > 2 << 20,
        "{health:?}"
    );
    assert_eq!(
        (health.rows_dropped, health.purged_rows),
        (0, 0),
        "{health:?}"
    );
    assert_eq!(all(&log, &Filter::default(), 1000).len(), 1500);
}
