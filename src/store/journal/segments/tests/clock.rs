//! A clock that is not believed removes nothing.

use super::*;
use crate::clock;

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
