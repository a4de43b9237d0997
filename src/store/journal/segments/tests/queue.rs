//! Rows and content on their way to the writer, and what is left out where they come faster than it writes.

use super::*;
use crate::store::journal::segments::queue;

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
