//! Text that must not be seen: no Debug, no Serialize, wiped when dropped. Best effort: the copies that TLS
//! and HTTP libraries make of a header are out of reach.

use subtle::ConstantTimeEq;
use zeroize::Zeroize;

/// The longest credential taken, wherever it comes from: service account files, the largest around, are about
/// 2.5 KiB.
pub const LONGEST: usize = 16 * 1024;

/// A credential or key in memory.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Secret {
        Secret(text)
    }
    /// The text itself; every caller of this is a place to look at in a review.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// In time that tells nothing about where two secrets of one length differ.
impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl Drop for Secret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compares_and_does_not_show() {
        let secret = Secret::new("sk-live".to_owned());
        assert!(secret == secret.clone());
        assert!(
            secret != Secret::new("sk-livf".to_owned())
                && secret != Secret::new("sk-liv".to_owned())
        );
        assert_eq!(
            format!("{secret:?} {:#?}", Some(&secret)),
            "*** Some(\n    ***,\n)"
        );
    }
}
