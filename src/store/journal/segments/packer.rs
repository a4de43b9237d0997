//! When stored content is packed: once the gateway is quiet, a file after the other, the newest first, in short turns with
//! longer rests.

use super::Shared;
use super::file::Segment;
use super::packing::{Packing, Step};
use super::series::{Series, Tools};
use super::settings::Holds;
use crate::store::turns::Turns;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A turn takes so long, or one frame.
const TURN: Duration = Duration::from_millis(10);
/// A rest is so many times as long: a fifth of a core goes into it.
const REST: u32 = 4;
/// After a failure, of a disk that is full, mostly, it waits so many times as long as the gateway has to be quiet: a minute.
const PATIENCE: u32 = 12;
/// A file is packed from such a part of it on: the rest is copied for it.
const WORTH: u64 = 16;
/// Of what content may take, the part that may wait to be packed.
const MOST: u64 = 4;

/// What is being packed, and when it goes on.
pub struct Packer {
    packing: Option<Packing>,
    next: Instant,
    /// Since when the gateway is quiet.
    quiet: Instant,
}

impl Packer {
    pub fn new() -> Packer {
        let now = Instant::now();
        Packer {
            packing: None,
            next: now,
            quiet: now,
        }
    }

    /// How many more bytes of content may be stored as they come.
    pub fn room(shared: &Shared, content: &Series) -> u64 {
        let stored: u64 = waiting(shared).iter().map(|it| it.stored()).sum();
        (content.limits.max_bytes / MOST).saturating_sub(stored)
    }

    /// How long it has nothing to do.
    pub fn rest(&self) -> Duration {
        self.next.saturating_duration_since(Instant::now())
    }

    /// Whether there is a file that it has begun with.
    pub fn is_packing(&self) -> bool {
        self.packing.is_some()
    }

    /// The gateway is not quiet.
    pub fn disturb(&mut self) {
        self.quiet = Instant::now();
    }

    /// Leaves off; what is half done goes.
    pub fn stop(&mut self) {
        self.packing = None;
    }

    /// Does some of it, if it is time and whoever asks is `free` for it; how long that took.
    pub fn turn(
        &mut self,
        free: bool,
        content: &mut Series,
        tools: &mut Tools,
        turns: &mut Turns,
    ) -> Duration {
        let now = Instant::now();
        if now < self.next {
            return Duration::ZERO;
        }
        self.next = now + tools.shared.settings.rest;
        if !free || !turns.given() {
            self.quiet = now;
            return Duration::ZERO;
        }
        let more = self.pack(now, content, tools, turns);
        let took = now.elapsed();
        match more {
            Ok(true) => self.next = now + (took * (1 + REST)).max(TURN),
            Ok(false) => {}
            Err(error) => {
                tracing::debug!(%error, "request log content could not be packed");
                self.next = now + PATIENCE * tools.shared.settings.rest;
            }
        }
        took
    }

    /// A turn of it; whether there may be more to do.
    fn pack(
        &mut self,
        now: Instant,
        content: &mut Series,
        tools: &mut Tools,
        turns: &mut Turns,
    ) -> io::Result<bool> {
        // Retention may have been here, or somebody else.
        let gone = self.packing.take_if(|it| !it.segment.path.exists());
        drop(gone);
        let mut packing = match self.packing.take() {
            Some(packing) => packing,
            None => match self.choose(now, content, tools) {
                Some(segment) => Packing::begin(segment)?,
                None => return Ok(false),
            },
        };
        loop {
            let step = match packing.step(&mut tools.content_compressor) {
                Ok(step) => step,
                Err(error) => {
                    // What is damaged stays as it is.
                    if error.kind() == io::ErrorKind::InvalidData {
                        packing.segment.state().stored = 0;
                    }
                    return Err(error);
                }
            };
            if step == Step::Done {
                tools.sync_dir();
                return Ok(true);
            }
            if step == Step::Waiting || now.elapsed() >= TURN || !turns.given() {
                self.packing = Some(packing);
                return Ok(true);
            }
            turns.between();
        }
    }

    /// The file that is packed next. The one being written is closed for it, once the gateway has been quiet for long enough.
    fn choose(
        &self,
        now: Instant,
        content: &mut Series,
        tools: &mut Tools,
    ) -> Option<Arc<Segment>> {
        let waiting = waiting(&tools.shared);
        let open = content.open.as_ref().map(|open| open.segment.clone());
        let is_open = |it: &Arc<Segment>| open.as_ref().is_some_and(|open| Arc::ptr_eq(open, it));
        let mut closed = waiting.into_iter().rev().filter(|it| !is_open(it));
        if let Some(found) = closed.find(|it| it.stored() >= it.size() / WORTH) {
            return Some(found);
        }
        let quiet = now.saturating_duration_since(self.quiet) >= tools.shared.settings.rest;
        let worth = content.limits.roll_bytes / WORTH;
        let open = open.filter(|it| quiet && it.stored() > 0 && it.stored() >= worth)?;
        content.seal(tools);
        Some(open)
    }
}

/// Files that have content which is not compressed.
fn waiting(shared: &Shared) -> Vec<Arc<Segment>> {
    let mut segments = shared.segments();
    segments.retain(|it| it.holds == Holds::Content && it.stored() > 0);
    segments
}
