//! The provider key that a caller brought along, and the form it came in. Must not know which header that was for gw.

use http::HeaderValue;

/// How a key is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `Authorization: Bearer …`
    Bearer,
    /// The key alone, in a header for keys.
    ApiKey,
}

/// The caller's own provider key: it goes on in the form it came in.
#[derive(Clone, PartialEq, Eq)]
pub struct OwnKey {
    key: HeaderValue,
    pub form: Form,
}

impl OwnKey {
    /// `None`: no header can carry it.
    pub fn new(key: &str, form: Form) -> Option<OwnKey> {
        let mut key = HeaderValue::from_str(key).ok()?;
        key.set_sensitive(true);
        Some(OwnKey { key, form })
    }
    /// The key alone, without a scheme.
    pub fn key(&self) -> &str {
        // Made from text.
        self.key.to_str().unwrap_or_default()
    }
}
