//! What a provider's record refers to, as it is now: the secret, and the files its TLS is made of.

use super::tls;
use crate::resources::provider::Provider;
use crate::store::secret::Secret;

/// Found anew from time to time: secrets are replaced and files renewed behind gw's back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Access {
    /// As it is sent; `None`: the provider takes none, or the callers bring theirs.
    pub secret: Option<Secret>,
    pub(super) tls: Option<tls::Own>,
}

impl Access {
    /// A secret alone.
    pub fn secret(secret: Option<Secret>) -> Access {
        Access { secret, tls: None }
    }
}

/// Reads the files a provider names. Errors are fragments that name the field and the file. Blocks.
pub fn resolve_files(spec: &Provider, secret: Option<Secret>) -> Result<Access, String> {
    let tls = tls::Own::read(spec)?;
    Ok(Access { secret, tls })
}
