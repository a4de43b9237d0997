//! What time it was by a clock that was believed, kept beside the log: a start within the same run of the machine compares
//! its clocks with that, so that a jump is one, whether gw ran through it or not.

use crate::clock::{Clock, run};
use std::path::{Path, PathBuf};
use std::time::Duration;

fn path(dir: &Path) -> PathBuf {
    dir.join("clock")
}

/// The readings of both clocks that were believed last, in this run of the machine.
pub fn load(dir: &Path) -> Option<(Duration, i64)> {
    let text = std::fs::read_to_string(path(dir)).ok()?;
    let mut words = text.strip_suffix('\n')?.split(' ');
    if words.next() != run().as_deref() {
        return None;
    }
    let monotonic = Duration::from_millis(words.next()?.parse().ok()?);
    Some((monotonic, words.next()?.parse().ok()?))
}

/// Keeps what is believed now. Where that fails, the next start believes its clock.
pub fn save(dir: &Path, clock: &Clock) {
    let Some(run) = run() else { return };
    let (monotonic, wall) = clock.believed();
    let text = format!("{run} {} {wall}\n", monotonic.as_millis());
    let new = path(dir).with_extension("new");
    let written = crate::store::records::disk::private()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&new)
        .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
        .and_then(|()| std::fs::rename(&new, path(dir)));
    if let Err(error) = written {
        tracing::debug!(%error, "the time could not be kept beside the request log");
        let _ = std::fs::remove_file(&new);
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::clock::STEADY;

    #[test]
    fn what_is_kept_is_read_back_in_the_same_run_only() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()), None);
        let mut clock = Clock::new(Duration::from_secs(5), 1_790_000_000_000, STEADY);
        // A jump is not believed, and so not kept.
        clock.feed(Duration::from_secs(6), 1_890_000_000_000);
        save(dir.path(), &clock);
        let kept = (Duration::from_secs(6), 1_790_000_001_000);
        assert_eq!(load(dir.path()), Some(kept));
        let text = std::fs::read_to_string(path(dir.path())).unwrap();
        for other in ["other 6000 1790000001000\n", "", "x", text.trim_end()] {
            std::fs::write(path(dir.path()), other).unwrap();
            assert_eq!(load(dir.path()), None, "{other:?}");
        }
        assert_eq!(dir.path().read_dir().unwrap().count(), 1);
    }
}
