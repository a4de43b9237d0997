//! One borrowed pass over a request body: what the gateway must know before it plans, and where the
//! spans are that it will splice. No tree is built.

use crate::error::Result;
use std::{borrow::Cow, ops::Range};

/// What a chat or embeddings request says, as far as planning needs it. Works for every JSON format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Peek<'a> {
    pub model: Option<Cow<'a, str>>,
    /// Span of the model's value, quotes included.
    pub model_span: Option<Range<usize>>,
    pub stream: bool,
    /// `max_tokens`, `max_completion_tokens` or `max_output_tokens`.
    pub max_output: Option<u64>,
    /// `stream_options.include_usage` as asked for.
    pub include_usage: bool,
    /// Span of `stream_options`' value where it is an object.
    pub stream_options_span: Option<Range<usize>>,
    pub tools: bool,
    pub images: bool,
    pub schema: bool,
    /// Number of top-level members, to know whether an inserted one needs a comma.
    pub members: usize,
    /// Where the top-level object's first member would start (just behind `{`).
    pub open: usize,
}

/// Looks at a request body. Refuses (400): not UTF-8, not one JSON object, nested deeper than `depth`,
/// duplicate `model`/`stream`/`stream_options` keys (escaped spellings too), wrong types of those, and
/// control characters in the model name.
pub fn peek(body: &[u8], depth: usize) -> Result<Peek<'_>> {
    let _ = (body, depth);
    unimplemented!()
}
