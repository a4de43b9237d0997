//! What an open log finds in its directory, and what it makes there.

use super::*;
use crate::store::journal::contract;

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
fn what_an_earlier_release_wrote_stays_readable() {
    let dir = tempfile::tempdir().unwrap();
    let earlier: [(&str, &[u8]); 3] = [
        (
            "00000001-01M3250V000000000000000000.seg",
            include_bytes!("../earlier/00000001-01M3250V000000000000000000.seg"),
        ),
        (
            "00000002-01M3250V0F000000000000000F.seg",
            include_bytes!("../earlier/00000002-01M3250V0F000000000000000F.seg"),
        ),
        (
            "00000003-01M3250V0S000000000000000S.seg",
            include_bytes!("../earlier/00000003-01M3250V0S000000000000000S.seg"),
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
