//! An answer to a caller, until its connection sends it.

use super::body::Body;
use crate::http1::lines::Lines;
use http::StatusCode;

/// Status, headers and body. Where the body ends, and what becomes of the connection, is said by who sends it.
pub struct Response {
    pub status: StatusCode,
    pub headers: Lines,
    pub body: Body,
}
