//! The outline of a body or an event: the members that are looked at, borrowed where they are. Must not know what they mean.

use super::lenient::mended;
use serde::Deserialize;

/// A format's outline.
pub(super) trait Outline {
    type Of<'a>: Deserialize<'a>;
}

fn parse<'a, O: Outline>(data: &'a [u8]) -> Option<O::Of<'a>> {
    // Once for all of it, and not once a string.
    let text = std::str::from_utf8(data).ok()?;
    // Derived structs would take a list of their fields, too.
    if !text.trim_ascii_start().starts_with('{') {
        return None;
    }
    serde_json::from_str(text).ok()
}

/// Reads the outline of an event or a body; `None`: it has none. Broken characters are the provider's and are forwarded as
/// they are; only the look at them needs text, which `then` is given beside it.
pub(super) fn look<O: Outline, T>(
    data: &[u8],
    then: impl FnOnce(O::Of<'_>, &[u8]) -> T,
) -> Option<T> {
    if let Some(body) = parse::<O>(data) {
        return Some(then(body, data));
    }
    let text = mended(data)?;
    parse::<O>(text.as_bytes()).map(|body| then(body, text.as_bytes()))
}
