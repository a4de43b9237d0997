//! Standard output and standard error, written in this one place: data that cannot be delivered fails the
//! command, talk that nobody hears does not. The printing macros of the standard library panic instead.

use crate::error::{Error, Result};
use crate::visible;
use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// The exit code of a process whose reader went away, as SIGPIPE would give it.
pub const READER_GONE: u8 = 141;

/// Why data did not get out.
#[derive(Debug)]
pub enum Undelivered {
    /// Nobody reads any more (`gw logs | head`): an end, not a failure.
    ReaderGone,
    /// A full disk, a closed descriptor.
    Failed(Error),
}

impl From<io::Error> for Undelivered {
    fn from(error: io::Error) -> Undelivered {
        match error.kind() {
            ErrorKind::BrokenPipe => Undelivered::ReaderGone,
            _ => Undelivered::Failed(
                Error::internal("standard output cannot be written")
                    .cause(error)
                    .hint("what was done stays done; make room, or send the output elsewhere"),
            ),
        }
    }
}

impl Undelivered {
    /// As an error, for those who must reach their reader.
    pub fn into_error(self) -> Error {
        match self {
            Undelivered::Failed(error) => error,
            Undelivered::ReaderGone => Error::internal("nobody reads standard output any more"),
        }
    }
}

/// Writes data to standard output, all of it: to a program as it is, to a terminal with what would steer it escaped.
pub fn data(bytes: &[u8]) -> Result<(), Undelivered> {
    match io::stdout().is_terminal() {
        true => own(&visible::for_terminal(bytes)),
        false => own(bytes),
    }
}

/// Writes text that is gw's alone, with colours perhaps, to standard output.
pub fn own(bytes: &[u8]) -> Result<(), Undelivered> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)
        .and_then(|()| out.flush())
        .map_err(Undelivered::from)
}

/// Says one line on standard error. When nobody can hear it there is nobody to tell that, either.
pub fn say(text: impl Display) {
    ask(format_args!("{text}\n"));
}

/// The same without ending the line: a question.
pub fn ask(text: impl Display) {
    complaint(&visible::visible(&text.to_string()));
}

/// Writes to standard error what is made visible already, with colours perhaps.
pub fn complaint(text: &str) {
    // In one piece, so that lines of several processes do not mix.
    let _ = io::stderr().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        assert!(matches!(
            Undelivered::from(io::Error::from(ErrorKind::BrokenPipe)),
            Undelivered::ReaderGone
        ));
        let Undelivered::Failed(error) = Undelivered::from(io::Error::from(ErrorKind::StorageFull))
        else {
            panic!("a full disk is a failure");
        };
        assert_eq!(error.message, "standard output cannot be written");
    }
}
