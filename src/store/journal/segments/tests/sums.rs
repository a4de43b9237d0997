//! Sums that lie beside rows, and prices that are laid over them.

use super::*;
use crate::catalog::CostStatus;
use crate::store::journal::{Price, contract};

#[test]
fn totals_need_no_rows_once_their_sums_are_written() {
    let dir = tempfile::tempdir().unwrap();
    let log = Segments::open(dir.path(), small(3000)).unwrap();
    let rows: Vec<Row> = (0..1000).map(row).collect();
    for row in &rows {
        log.push(row.clone(), None);
        if row.at.0 % 100 == 0 {
            flush(&log);
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
    let log = Segments::open(dir.path(), small(3000)).unwrap();
    assert_eq!(log.fold(&by_all()).unwrap(), wanted);
    assert!(all(&log, &Filter::default(), 1000).len() < 1000);
}

/// Ranges that begin and end anywhere, over files that are closed, open or have no sums of their own.
#[test]
fn sums_of_any_range_are_those_of_its_rows() {
    let dir = tempfile::tempdir().unwrap();
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
    let log = Segments::open(dir.path(), small(60_000)).unwrap();
    for row in &rows {
        log.push(row.clone(), None);
        if row.at.0 % 20 == 0 {
            flush(&log);
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
    let log = Segments::open(dir.path(), small(60_000)).unwrap();
    check(&log, "closed");
    log.close();
    drop(log);
    tear(dir.path());
    let log = Segments::open(dir.path(), small(60_000)).unwrap();
    check(&log, "after a crash");
}

#[test]
fn new_prices_outlive_restarts_and_go_with_their_rows() {
    let dir = tempfile::tempdir().unwrap();
    let log = Segments::open(dir.path(), small(12_000)).unwrap();
    let mut rows: Vec<Row> = (0..1500).map(row).collect();
    for row in &rows {
        log.push(row.clone(), None);
        if row.at.0 % 100 == 0 {
            flush(&log);
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
    let log = Segments::open(dir.path(), small(12_000)).unwrap();
    check(&log, &rows, "after a restart");
    log.push(row(1500), None);
    rows.push(row(1500));
    check(&log, &rows, "with another row");
    log.close();
    drop(log);
    let log = Segments::open(dir.path(), small(12_000)).unwrap();
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
            ..small(12_000)
        },
    )
    .unwrap();
    until("all rows go by their age", || of("seg") == 0);
    assert_eq!(of("prices"), 0);
    log.close();
}
