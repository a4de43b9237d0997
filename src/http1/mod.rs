//! HTTP/1.1 as bytes (RFC 9112), of both sides of the data plane: what is written, and what was read taken apart. Pure: no
//! sockets, no clock. Stricter than the RFC allows to be: what two readers could read in two ways is refused.

/// Heads of answers, read.
pub mod answer;
/// Heads of requests, written.
pub mod ask;
/// Where bodies end.
pub mod body;
/// One header of a head.
mod field;
/// Headers, read.
pub mod fields;
/// The headers of an answer, to be written.
pub mod lines;
/// Heads of answers, written.
pub mod reply;
/// Heads of requests, read.
pub mod request;

#[cfg(test)]
mod laws;
