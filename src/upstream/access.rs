//! What a provider's record refers to, as it is now: the secret, and the files its TLS is made of.

use super::{sign::check_secret, tls};
use crate::resources::provider::Provider;
use crate::store::secret::Secret;
use crate::vendors;

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

/// Looks at the secret and reads the files a provider names. Errors are fragments that name the field and the file. Blocks.
pub fn resolve_files(spec: &Provider, secret: Option<Secret>) -> Result<Access, String> {
    if let (Some(secret), Ok(vendor)) = (&secret, vendors::vendor(&spec.vendor)) {
        check_secret(vendor.auth, secret.expose())
            .map_err(|why| format!("the credential {why}"))?;
    }
    let tls = tls::Own::read(spec)?;
    Ok(Access { secret, tls })
}
