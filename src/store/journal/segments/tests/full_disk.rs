//! Disks that are full, and have room again.
#![cfg(target_os = "linux")]

use super::*;
use crate::mount::run;

#[test]
fn a_full_disk_degrades_and_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = small_disk(dir.path()) else {
        return;
    };
    let floor = |bytes| Floor {
        bytes,
        ..Floor::default()
    };
    let log = Segments::open(
        disk.at.join("logs"),
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
        flush(&log);
    };
    push(100);
    assert_eq!(log.health().degraded, None);
    let filler = disk.at.join("filler");
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
    let _ = std::fs::write(disk.at.join("more"), vec![1; 4 << 20]);
    until("rows are left out", || {
        log.health()
            .degraded
            .is_some_and(|why| why.contains("disk full"))
    });
    push(50);
    assert!(log.health().rows_dropped >= 50);
    std::fs::remove_file(disk.at.join("more")).unwrap();
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

#[test]
fn failing_writes_are_counted_and_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = small_disk(dir.path()) else {
        return;
    };
    let log = Segments::open(disk.at.join("logs"), small(64 << 10)).unwrap();
    let mut number = 0;
    // No floors here: the disk says ENOSPC itself.
    until("a write fails", || {
        for _ in 0..50 {
            log.push(row(number), Some(body(&noise(number, 4000))));
            number += 1;
        }
        flush(&log);
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
    let before = files(&disk.at.join("logs")).len();
    for _ in 0..50 {
        log.push(row(number), Some(body(&noise(number, 4000))));
        number += 1;
        flush(&log);
    }
    assert!(
        files(&disk.at.join("logs")).len() <= before + 2,
        "failing leaves no litter"
    );
    run(
        "mount",
        &["-o", "remount,size=16m", disk.at.to_str().unwrap()],
    )
    .unwrap();
    until("it recovers", || log.health().degraded.is_none());
    let before = log.health();
    log.push(row(number), Some(body(b"again")));
    flush(&log);
    assert_eq!(
        (log.health().written, log.health().content_dropped),
        (before.written + 1, before.content_dropped)
    );
    assert_eq!(
        log.get(&id(number)).unwrap().unwrap().1,
        Some(body(b"again"))
    );
}

#[test]
fn what_goes_because_the_disk_runs_low_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = small_disk(dir.path()) else {
        return;
    };
    let log = Segments::open(
        disk.at.join("logs"),
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
            flush(&log);
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
