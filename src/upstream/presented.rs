//! Credentials as values of headers, marked sensitive so that nothing prints them. Must not know which headers.

use http::HeaderValue;

/// `Bearer …`; `None`: no header can carry it.
pub(super) fn bearer(key: &str) -> Option<HeaderValue> {
    sensitive(format!("Bearer {key}"))
}

/// The text alone.
pub(super) fn sensitive(text: String) -> Option<HeaderValue> {
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
