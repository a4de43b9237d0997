//! The vault: secrets in the operating system's store, or in a sealed file where there is none, chosen
//! once and recorded; never plaintext, never a silent fallback.

use super::secret::Secret;
use crate::error::Result;

/// A secret store. Calls block and have a time limit of their own (5 s).
pub trait Vault: Send + Sync {
    /// `None`: no such secret. An error: the store cannot be asked (locked, gone).
    fn get(&self, name: &str) -> Result<Option<Secret>>;
    fn set(&self, name: &str, secret: &Secret) -> Result<()>;
    /// Deleting what is not there is fine.
    fn delete(&self, name: &str) -> Result<()>;
    /// One line for `gw serve` and `gw doctor`, such as `OS keyring (Secret Service)`.
    fn describe(&self) -> String;
}
