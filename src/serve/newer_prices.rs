//! Newer prices than the built-in ones, across restarts: a file in the data directory, written when somebody brings some.

use crate::catalog::{Overlay, Published};
use crate::error::{Error, Result};
use crate::store::private;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where they are kept; `None` where nothing is.
#[derive(Clone)]
pub struct NewerPrices(Option<PathBuf>);

impl NewerPrices {
    pub fn at(path: Option<PathBuf>) -> NewerPrices {
        NewerPrices(path)
    }

    /// What was kept. A file that cannot be read is left as it is, and the built-in prices hold: said so on the log.
    pub fn load(&self) -> Arc<Overlay> {
        let found = self.0.as_deref().map_or(Ok(Overlay::default()), read);
        Arc::new(found.unwrap_or_else(|error| {
            tracing::warn!("the newer prices that were kept are not used: {error}");
            Overlay::default()
        }))
    }

    pub fn keep(&self, prices: &Published) -> Result<()> {
        let Some(path) = &self.0 else { return Ok(()) };
        let written = serde_json::to_vec(prices)
            .map_err(|error| Error::internal("prices cannot be written").cause(error))?;
        private::replace(path, &written)
    }
}

fn read(path: &Path) -> Result<Overlay> {
    match private::read(path)? {
        None => Ok(Overlay::default()),
        Some(content) => {
            let published = serde_json::from_slice(&content).map_err(|error| {
                Error::internal(format!("`{}` cannot be read", path.display())).cause(error)
            })?;
            Overlay::new(published)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_kept_is_there_again_and_what_is_damaged_is_as_if_it_were_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("prices.json");
        let kept = NewerPrices::at(Some(path.clone()));
        assert_eq!(kept.load().count(), 0);
        let published: Published = serde_json::from_value(
            json!({"source": "test", "dated": "9999-01-01", "models": {"openai": {"gpt-4o": {"input": "1"}}}}),
        )
        .unwrap();
        kept.keep(&published).unwrap();
        assert_eq!(kept.load().published(), &published);
        std::fs::write(&path, b"{\"source\": 1").unwrap();
        assert_eq!(kept.load().count(), 0);
        NewerPrices::at(None).keep(&published).unwrap();
    }
}
