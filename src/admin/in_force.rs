//! What is in force: the records as the store has them, and the credentials found for them.

use super::refs;
use crate::catalog::Overlay;
use crate::error::Result;
use crate::resources::Record;
use crate::store::records::State;
use crate::upstream::Access;
use std::collections::HashMap;
use std::sync::Arc;

/// By provider: what its record refers to, or why that is not to be had now (locked keyring, unset variable,
/// expired certificate).
pub type Credentials = HashMap<String, Result<Access, String>>;

/// Never changed, only replaced.
#[derive(Clone, Default)]
pub struct InForce {
    pub records: Arc<State>,
    pub credentials: Arc<Credentials>,
    /// Over the built-in prices.
    pub prices: Arc<Overlay>,
}

impl InForce {
    /// The record, or an error whose hint is the line that makes it.
    pub fn get(&self, kind: &str, name: &str) -> Result<Arc<Record>> {
        self.records
            .get(kind, name)
            .ok_or_else(|| refs::missing(kind, name))
    }

    /// Every record of a kind, by name.
    pub fn of<'a>(&'a self, kind: &str) -> impl Iterator<Item = Arc<Record>> + use<'a> {
        self.records.of(kind, None)
    }

    /// Whether a provider's credential was looked for and not found.
    pub fn lost(&self, provider: &str) -> bool {
        self.credentials.get(provider).is_some_and(Result::is_err)
    }
}
