//! Everything wrong with the files, said at once.

use super::parse::Source;
use super::place::Place;
use crate::cli::print::complain;
use crate::error::{Error, Result};

/// Mistakes as they are found; nothing is sent while there is one.
#[derive(Default)]
pub(crate) struct Mistakes {
    /// With the file's number and the byte, to be said in the order of the files.
    found: Vec<(usize, usize, Error)>,
    more: usize,
}

/// As many as a person reads; each is looked up in the text again.
const SHOWN: usize = 50;

impl Mistakes {
    /// A file that cannot be read.
    pub fn unread(&mut self, order: usize, error: Error) {
        if self.room() {
            self.found.push((order, 0, error));
        }
    }

    /// A mistake at a byte of a file.
    pub fn at(&mut self, source: &Source, offset: Option<usize>, mut error: Error) {
        if self.room() {
            error.message = format!("{}: {}", source.shown(offset), error.message);
            self.found
                .push((source.order, offset.unwrap_or_default(), error));
        }
    }

    /// A mistake in a record, or below it where the error has a parameter.
    pub fn of(&mut self, place: &Place, error: Error) {
        if self.room() {
            let offset = exact(place, &error).find();
            self.at(place.source(), offset, error);
        }
    }

    fn room(&mut self) -> bool {
        let room = self.found.len() < SHOWN;
        self.more += usize::from(!room);
        room
    }

    /// One mistake is the error; of several each is said, and the end is their number.
    pub fn end(mut self) -> Result<()> {
        self.found.sort_by_key(|(order, at, _)| (*order, *at));
        match self.found.len() {
            0 => Ok(()),
            1 => Err(self.found.swap_remove(0).2),
            shown => {
                self.found.iter().for_each(|(.., error)| complain(error));
                let more = match self.more {
                    0 => String::new(),
                    more => format!(", {more} of them not shown"),
                };
                Err(Error::invalid(format!(
                    "{} mistakes{more}; nothing was sent",
                    shown + self.more
                ))
                .hint("mend what is said above"))
            }
        }
    }
}

/// Where the error's parameter is.
fn exact(record: &Place, error: &Error) -> Place {
    match &error.param {
        Some(param) => record.param(param),
        None => record.clone(),
    }
}

/// The error with the place it is about in front.
pub(super) fn placed(record: &Place, mut error: Error) -> Error {
    let place = exact(record, &error).shown();
    error.message = format!("{place}: {}", error.message);
    error
}
