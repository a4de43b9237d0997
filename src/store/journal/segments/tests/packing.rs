//! Content that is stored while the gateway is busy and packed when it is quiet: nobody who reads may see a difference.

use super::*;
use crate::store::journal::StatsPart;
use crate::store::journal::segments::frame::Reader;
use crate::store::journal::segments::packing::{Packing, Step};
use bytes::Bytes;

/// A gateway that is busy or not, as told; where it is not, packing waits for nothing.
fn said(busy: bool) -> (Arc<AtomicBool>, Settings) {
    let said = Arc::new(AtomicBool::new(busy));
    let settings = Settings {
        busy: Some(said.clone()),
        rest: Duration::from_millis(5),
        linger: Duration::from_millis(1),
        segment_bytes: 1 << 20,
        ..settings()
    };
    (said, settings)
}

fn text(number: u64, words: u64) -> String {
    let words = (0..words).map(|word| format!("word {} ", (number + word) * 7919 % 1000));
    format!("line {number}; {}", words.collect::<String>())
}

fn content(log: &Segments) -> StatsPart {
    log.stats().content
}

/// The only file of content there is.
fn only(log: &Segments) -> Arc<Segment> {
    let mut segments = log.shared.segments();
    segments.retain(|it| it.holds == Holds::Content);
    assert_eq!(segments.len(), 1);
    segments.remove(0)
}

fn check_all(log: &Segments, bodies: &[Content], at: &str) {
    for (number, body) in bodies.iter().enumerate() {
        let found = log.find(&id(number as u64)).unwrap().unwrap().1;
        assert!(
            found == Body::Kept(body.clone()),
            "{number} {at}: {}",
            found.state()
        );
    }
    let (first, last) = (0, bodies.len() - 1);
    for number in [first, last / 2, last] {
        let filter = Filter {
            text: format!("line {number};"),
            ..Filter::default()
        };
        let found: Vec<String> = all(log, &filter, 100)
            .into_iter()
            .map(|row| row.id)
            .collect();
        assert_eq!(found, [id(number as u64)], "{at}");
    }
    log.verify();
    assert_eq!(log.damaged(), 0, "{at}");
}

/// Batches of any size, stored and not, while the log is closed, killed and opened again at any time, and gets time to pack or
/// does not: everything is found, and in the end nothing is left to be packed.
#[test]
fn whatever_happens_content_is_what_it_was() {
    for seed in 1..=12_u64 {
        let dir = tempfile::tempdir().unwrap();
        let (busy, mut settings) = said(true);
        settings.segment_bytes = [100_000, 1 << 20][(seed % 2) as usize];
        let mut log = Segments::open(dir.path(), settings.clone()).unwrap();
        let mut bodies: Vec<Content> = Vec::new();
        let mut random = noise(seed, 1000).into_iter().cycle();
        let mut next = |below: u8| u64::from(random.next().unwrap() % below);
        for _ in 0..12 {
            busy.store(next(3) > 0, Ordering::Relaxed);
            for _ in 0..1 + next(60) {
                let number = bodies.len() as u64;
                let size = match next(40) {
                    0 => 20_000,
                    _ => [3, 40, 200][usize::try_from(next(3)).unwrap()],
                };
                let asked = text(number, size);
                let answer = match next(4) {
                    0 => vec![
                        Bytes::from(noise(number + 1, 700)),
                        Bytes::from_static(b"tail"),
                    ],
                    _ => vec![Bytes::from(text(number * 1_000_003 + 500, size))],
                };
                let body = Content::new(asked, answer).cut(next(5) == 0);
                log.push(row(number), Some(body.clone()));
                bodies.push(body);
            }
            match next(6) {
                0 => {
                    log.close();
                    drop(log);
                    log = Segments::open(dir.path(), settings.clone()).unwrap();
                }
                1 => {
                    // What a kill leaves: no ends, and what was half packed.
                    log.close();
                    drop(log);
                    let last = files(dir.path()).into_iter().next_back().unwrap();
                    let bytes = std::fs::read(&last).unwrap();
                    std::fs::write(&last, &bytes[..bytes.len() - 1]).unwrap();
                    let half = dir.path().join("00000001-0.content.new");
                    std::fs::write(&half, &bytes[..bytes.len() / 2]).unwrap();
                    log = Segments::open(dir.path(), settings.clone()).unwrap();
                    assert!(!half.exists());
                }
                2 => {
                    busy.store(false, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(next(20)));
                }
                _ => {}
            }
            check_all(&log, &bodies, &format!("of {seed}"));
        }
        busy.store(false, Ordering::Relaxed);
        let worth = settings.segment_bytes / 16;
        until("there is nothing left to be packed", || {
            let waiting = content(&log);
            waiting.stored < worth.max(1) || waiting.stored < waiting.bytes / 16
        });
        check_all(&log, &bodies, &format!("packed of {seed}"));
        log.close();
        drop(log);
        let log = Segments::open(dir.path(), settings).unwrap();
        check_all(&log, &bodies, &format!("opened again of {seed}"));
    }
}

/// As much as one file holds.
fn push(log: &Segments) -> Vec<Content> {
    let bodies: Vec<Content> = (0..300).map(|it| body(text(it, 300).as_bytes())).collect();
    for (number, body) in bodies.iter().enumerate() {
        log.push(row(number as u64), Some(body.clone()));
    }
    bodies
}

/// A log with one closed file of content, which is stored, and which nobody packs.
fn stored(dir: &Path) -> (Segments, Vec<Content>) {
    let (_, mut settings) = said(true);
    let log = Segments::open(dir, settings.clone()).unwrap();
    let bodies = push(&log);
    assert!(content(&log).stored > 600_000);
    log.close();
    drop(log);
    settings.rest = Duration::from_secs(3600);
    let log = Segments::open(dir, settings).unwrap();
    (log, bodies)
}

#[test]
fn every_step_of_packing_leaves_everything_to_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let (log, bodies) = stored(dir.path());
    let segment = only(&log);
    let (before, waiting) = (segment.size(), segment.stored());
    assert!(waiting > before * 9 / 10, "known without reading bodies");
    let mut compressor = frame::compressor(frame::SMALL).unwrap();
    // Given up at each step, then carried through; who reads from the start on reads on.
    let mut old = Reader::open(&segment.path).unwrap();
    for steps in 0.. {
        let mut packing = Packing::begin(segment.clone()).unwrap();
        let half = segment.path.with_extension("content.new");
        let mut done = false;
        for _ in 0..steps {
            match packing.step(&mut compressor).unwrap() {
                Step::Done => done = true,
                Step::Waiting => std::thread::sleep(Duration::from_millis(1)),
                Step::More => {}
            }
            if done {
                break;
            }
        }
        assert_eq!(half.exists(), !done);
        #[cfg(unix)]
        if !done {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&half).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        drop(packing);
        assert!(!half.exists());
        check_all(&log, &bodies, &format!("after {steps} steps"));
        if done {
            break;
        }
        assert_eq!((segment.size(), segment.stored()), (before, waiting));
    }
    let size = std::fs::metadata(&segment.path).unwrap().len();
    assert_eq!((segment.size(), segment.stored()), (size, 0));
    assert!(size < before / 2, "{size} of {before}");
    assert_eq!((content(&log).bytes, content(&log).stored), (size, 0));
    assert!(old.body(file::HEADER, frame::Kind::Content).is_some());
    assert_eq!(old.len, before);
}

#[test]
fn a_packed_file_is_not_written_on_and_outlives_the_loss_of_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let (log, mut bodies) = stored(dir.path());
    let segment = only(&log);
    let mut packing = Packing::begin(segment.clone()).unwrap();
    let mut compressor = frame::compressor(frame::SMALL).unwrap();
    until("it is packed", || {
        packing.step(&mut compressor).unwrap() == Step::Done
    });
    drop(packing);
    log.close();
    drop(log);
    let intact = std::fs::read(&segment.path).unwrap();
    let end = u64::from_le_bytes(intact[intact.len() - 12..][..8].try_into().unwrap());
    let end = usize::try_from(end).unwrap();
    let mut torn = intact.clone();
    torn.truncate(intact.len() - 1);
    let mut lost = intact.clone();
    // The frame before the footer says where frames are.
    lost[end - 1] ^= 1;
    for (bytes, damaged) in [(intact, 0), (torn, 0), (lost, 1)] {
        std::fs::write(&segment.path, bytes).unwrap();
        let log = open_quiet(dir.path());
        for (number, body) in bodies.iter().enumerate() {
            let found = log.find(&id(number as u64)).unwrap().unwrap().1;
            assert!(
                found == Body::Kept(body.clone()),
                "{number} {}",
                found.state()
            );
        }
        until("it is known", || log.damaged() == damaged);
        log.close();
    }
    let log = open_quiet(dir.path());
    let more = body(text(300, 10).as_bytes());
    log.push(row(300), Some(more.clone()));
    bodies.push(more);
    assert_eq!(log.find(&id(300)).unwrap().unwrap().1.state(), "kept");
    assert_eq!(content(&log).files, 2);
}

fn open_quiet(dir: &Path) -> Segments {
    let (_, settings) = said(false);
    Segments::open(dir, settings).unwrap()
}

#[test]
fn what_comes_while_there_is_time_is_compressed_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let (_, settings) = said(false);
    let log = Segments::open(dir.path(), settings).unwrap();
    for number in 0..300 {
        log.push(row(number), Some(body(text(number, 300).as_bytes())));
    }
    let part = content(&log);
    assert_eq!((part.stored, part.files), (0, 1));
    assert!(part.bytes < 300_000, "{}", part.bytes);
}

#[test]
fn a_quarter_of_the_room_at_most_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let (_, mut settings) = said(true);
    settings.content_max_bytes = Some(8 << 20);
    let log = Segments::open(dir.path(), settings).unwrap();
    let mut most = 0;
    for number in 0..3000 {
        log.push(row(number), Some(body(text(number, 300).as_bytes())));
        if number % 100 == 0 {
            most = most.max(content(&log).stored);
            assert!(most <= 2 << 20, "{most}");
        }
    }
    let part = content(&log);
    assert!(
        most > 3 << 19 && part.bytes < part.stored + (4 << 20),
        "{part:?}"
    );
    // One that is large is compressed, too: packing would have to hold it.
    log.push(row(4000), Some(body(text(4000, 600_000).as_bytes())));
    assert!(content(&log).bytes < 8 << 20);
    assert_eq!(log.find(&id(4000)).unwrap().unwrap().1.state(), "kept");
}

/// Retention takes files before, while and after they are packed.
#[test]
fn what_goes_while_it_is_packed_is_removed_and_not_damaged() {
    let large = |number| Content::new(text(number, 300), vec![noise(number, 1000).into()]);
    let dir = tempfile::tempdir().unwrap();
    let (busy, mut settings) = said(true);
    settings.content_max_bytes = Some(2 << 20);
    let log = Segments::open(dir.path(), settings).unwrap();
    let is_packed = |log: &Segments| {
        let mut contents = log.shared.segments().into_iter();
        contents.any(|it| {
            let mut reader = Reader::open(&it.path).unwrap();
            file::footer(&mut reader).is_some_and(|footer| footer.moved.is_some())
        })
    };
    for number in 0..4000 {
        busy.store(number % 40 < 30, Ordering::Relaxed);
        log.push(row(number), Some(large(number)));
        if number % 20 == 0 {
            let before = content(&log);
            assert!(before.bytes <= 2 << 20, "{before:?}");
        }
        if number % 1000 == 900 {
            busy.store(false, Ordering::Relaxed);
            until("some is packed", || is_packed(&log));
        }
    }
    log.stats();
    let mut states = [0; 2];
    for number in 0..4000 {
        match log.find(&id(number)).unwrap().unwrap().1 {
            Body::Kept(found) => {
                assert!(found == large(number));
                states[0] += 1;
            }
            Body::Removed => states[1] += 1,
            other => panic!("{number} is {}", other.state()),
        }
    }
    assert!(states.iter().all(|count| *count > 100), "{states:?}");
    assert_eq!((log.damaged(), log.health().content_dropped), (0, 0));
    log.close();
    let left = files(dir.path());
    assert!(left.iter().all(|path| !path.ends_with("new")), "{left:?}");
}

#[test]
fn a_damaged_file_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let (log, _) = stored(dir.path());
    let segment = only(&log);
    log.close();
    drop(log);
    let mut bytes = std::fs::read(&segment.path).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&segment.path, &bytes).unwrap();
    let log = open_quiet(dir.path());
    until("it is given up", || content(&log).stored == 0);
    let lost = log.find(&id(0)).unwrap().unwrap().1;
    assert_eq!(lost.state(), "damaged");
    assert_eq!(log.find(&id(299)).unwrap().unwrap().1.state(), "kept");
    assert_eq!(
        std::fs::metadata(&segment.path).unwrap().len(),
        bytes.len() as u64
    );
    assert_eq!(files(dir.path()).len(), 2);
}

/// Room for none of the new file, for some of it, for nearly all of it: as long as it does not fit, nothing has changed.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up_while_a_file_is_packed_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = small_disk(dir.path()) else {
        return;
    };
    let (log, bodies) = stored(&disk.at.join("logs"));
    let segment = only(&log);
    let before = (segment.size(), segment.stored());
    let intact = std::fs::read(&segment.path).unwrap();
    let left = files(&log.shared.dir);
    let mut compressor = frame::compressor(frame::SMALL).unwrap();
    let mut pack = || {
        let mut packing = Packing::begin(segment.clone())?;
        while packing.step(&mut compressor)? != Step::Done {}
        std::io::Result::Ok(())
    };
    let mut failures = 0;
    for room in (0..).step_by(4 << 10) {
        fill(&disk.at, room);
        let packed = pack();
        assert_eq!(files(&log.shared.dir), left, "with room for {room}");
        check_all(&log, &bodies, &format!("with room for {room}"));
        let Err(error) = packed else { break };
        assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        assert_eq!((segment.size(), segment.stored()), before);
        assert!(std::fs::read(&segment.path).unwrap() == intact, "{room}");
        failures += 1;
    }
    assert!(failures > 1 && segment.stored() == 0, "{failures}");
}

/// Fills a disk but for so many bytes.
#[cfg(target_os = "linux")]
fn fill(disk: &Path, room: u64) {
    let mut file = std::fs::File::create(disk.join("filler")).unwrap();
    while std::io::Write::write_all(&mut file, &[7; 4096]).is_ok() {}
    let length = file.metadata().unwrap().len();
    file.set_len(length - room).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn a_log_that_cannot_pack_goes_on_and_tries_again() {
    let dir = tempfile::tempdir().unwrap();
    let (busy, settings) = said(true);
    let log = Segments::open(dir.path(), settings).unwrap();
    let mut bodies = push(&log);
    flush(&log);
    // Whatever is written there meets a full disk.
    let half = only(&log).path.with_extension("content.new");
    std::os::unix::fs::symlink("/dev/full", &half).unwrap();
    busy.store(false, Ordering::Relaxed);
    until("it is tried", || !half.is_symlink());
    check_all(&log, &bodies, "after it was tried");
    bodies.push(body(text(300, 300).as_bytes()));
    log.push(row(300), bodies.last().cloned());
    check_all(&log, &bodies, "written on");
    let health = log.health();
    assert_eq!((health.degraded, health.content_dropped), (None, 0));
    until("it is packed", || content(&log).stored == 0);
    check_all(&log, &bodies, "packed");
}
