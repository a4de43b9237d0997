//! Damage costs what it hits, and is found and named.

use super::*;

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

/// A log of several files, which its content fills.
fn of_several_files() -> (tempfile::TempDir, Segments) {
    let dir = tempfile::tempdir().unwrap();
    let log = Segments::open(dir.path(), small(64 << 10)).unwrap();
    for number in 0..1000 {
        log.push(row(number), Some(body(&noise(number, 300))));
    }
    (dir, log)
}

#[test]
fn a_flipped_bit_in_a_closed_segment_is_counted_and_named_unread() {
    let (dir, log) = of_several_files();
    log.close();
    assert_eq!(log.health().damaged, Vec::<String>::new());
    drop(log);
    let file = files(dir.path()).remove(1);
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[1000] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let log = Segments::open(dir.path(), small(64 << 10)).unwrap();
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
    let (dir, log) = of_several_files();
    log.verify();
    assert_eq!(log.damaged(), 0);
    log.close();
    drop(log);
    let closed = files(dir.path()).remove(0);
    let whole = std::fs::read(&closed).unwrap();
    let log = Segments::open(dir.path(), small(64 << 10)).unwrap();
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
