//! Secrets that die with the process, for `--in-memory`.

use super::{Vault, check, check_name};
use crate::error::Result;
use crate::store::secret::Secret;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A vault in memory only.
#[derive(Default)]
pub struct Memory(Mutex<HashMap<String, Secret>>);

impl Memory {
    fn secrets(&self) -> MutexGuard<'_, HashMap<String, Secret>> {
        // A map of whole values is sound whoever panicked while holding it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vault for Memory {
    fn get(&self, name: &str) -> Result<Option<Secret>> {
        check_name(name)?;
        Ok(self.secrets().get(name).cloned())
    }
    fn set(&self, name: &str, secret: &Secret) -> Result<()> {
        check(name, secret)?;
        self.secrets().insert(name.to_owned(), secret.clone());
        Ok(())
    }
    fn delete(&self, name: &str) -> Result<()> {
        check_name(name)?;
        self.secrets().remove(name);
        Ok(())
    }
    fn names(&self) -> Result<Vec<String>> {
        Ok(self.secrets().keys().cloned().collect())
    }
    fn describe(&self) -> String {
        "memory (gone when gw stops)".to_owned()
    }
}
