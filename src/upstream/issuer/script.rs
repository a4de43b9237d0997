//! An issuer that does as a test says.

use super::Issued;
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// An issuer as a test wants it.
#[derive(Clone)]
pub struct Script(pub Arc<dyn Fn() -> BoxFuture<'static, Result<Issued, String>> + Send + Sync>);

impl Script {
    pub async fn ask(&self) -> Result<Issued, String> {
        (self.0)().await
    }
}

impl PartialEq for Script {
    fn eq(&self, other: &Script) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}
