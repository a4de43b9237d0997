//! Looks through every segment once after the start, slowly, so that damage is known before somebody needs what it hit.

use super::Shared;
use super::file::{self, Segment};
use super::frame::{FILE_MAGIC, Reader};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

/// Bytes read before each pause; together 64 MiB a second, which disturbs nobody.
const STRIDE: u64 = 4 << 20;
const PAUSE: Duration = Duration::from_millis(62);

/// Starts looking; `ends` says how far each segment's rows and content went when it was opened.
pub fn start(shared: Arc<Shared>, ends: Vec<(Arc<Segment>, u64)>) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("log-check".into())
        .spawn(move || {
            for (segment, end) in ends.iter().rev() {
                look(&shared, segment, *end, Some(PAUSE));
            }
        })
}

/// Looks through every segment now, as far as it is written.
pub fn all(shared: &Shared) {
    for segment in shared.segments() {
        look(shared, &segment, segment.size(), None);
    }
}

fn look(shared: &Shared, segment: &Segment, end: u64, pause: Option<Duration>) {
    let mut reader = match Reader::open(&segment.path) {
        Ok(reader) => reader,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(_) => return shared.damage.note(segment.number, &segment.path, 0),
    };
    // Of a closed one, which may have been packed since: all frames, up to the place of the footer.
    let end = match file::footer(&mut reader) {
        Some(_) => reader.len - file::END,
        None => end.min(reader.len),
    };
    let mut at = FILE_MAGIC.len() as u64;
    let (mut astray, mut paused) = (false, at);
    while at < end {
        if shared.closing.load(Ordering::Acquire) {
            return;
        }
        let sound = reader.head(at).map(|head| {
            let whole = reader.packed(&head).is_some();
            (head.end(), whole)
        });
        let whole = sound.is_some_and(|(_, whole)| whole);
        // Retention may have been here in the meantime.
        if !whole && !astray && segment.path.exists() {
            shared.damage.note(segment.number, &segment.path, at);
        }
        astray = sound.is_none();
        at = match sound {
            Some((next, _)) => next,
            None => match reader.resync(at + 1) {
                Some(next) => next,
                None => return,
            },
        };
        if at.saturating_sub(paused) >= STRIDE {
            paused = at;
            if let Some(pause) = pause {
                std::thread::park_timeout(pause);
            }
        }
    }
}
