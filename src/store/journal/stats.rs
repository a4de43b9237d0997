//! What a log takes, and what goes next.

use crate::resources::Stamp;
use serde::Serialize;

/// Of rows, and of the content of requests.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stats {
    pub rows: Part,
    pub content: Part,
}

/// Files of one kind.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Part {
    pub files: u64,
    pub bytes: u64,
    /// Of those, bytes that wait to be compressed until there is time for it.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub stored: u64,
    /// Rows, or rows whose content is in them.
    pub rows: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Stamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Stamp>,
    /// The most they may take.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// What goes next; absent where nothing can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Next>,
}

/// The file that goes next.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Next {
    pub file: String,
    pub rows: u64,
    pub bytes: u64,
    /// When it goes by age at the latest.
    pub at: Stamp,
    /// How much more may be written until it goes by size.
    pub after_bytes: u64,
}
