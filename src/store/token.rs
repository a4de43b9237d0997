//! Gateway keys as text: making them, telling well-formed ones apart, and the keyed digest that is stored.
//! `sk-gw-` + 32 random base62 characters + 6 base62 characters of CRC-32: scanners and the gateway can
//! reject look-alikes without looking anything up.

use super::secret::Secret;
use crate::error::Result;

/// Makes keyed digests (HMAC-SHA-256) with the key in `<data-dir>/digest.key`.
#[derive(Clone)]
pub struct Hasher;

impl Hasher {
    /// Reads the digest key, or makes it where none is and `keys_exist` is false. Losing it would make
    /// every key invalid, so its absence beside existing keys is an error that says what to restore.
    pub fn open(data_dir: &std::path::Path, keys_exist: bool) -> Result<Hasher> {
        let _ = (data_dir, keys_exist);
        unimplemented!()
    }
    /// For `--in-memory` and tests: a random key that dies with the process.
    pub fn ephemeral() -> Result<Hasher> {
        unimplemented!()
    }
    /// The digest of a presented secret: constant work for its length, no allocation.
    pub fn digest(&self, secret: &str) -> [u8; 32] {
        let _ = secret;
        unimplemented!()
    }
}

/// A new secret.
pub fn mint() -> Result<Secret> {
    unimplemented!()
}

/// Whether the text has the shape and checksum of a minted secret. Brought-along secrets
/// (`sk-` and at least 22 further visible characters) pass too, as they carry no checksum.
pub fn well_formed(text: &str) -> bool {
    let _ = text;
    unimplemented!()
}

/// Reads 64 hex digits.
pub fn unhex(text: &str) -> Option<[u8; 32]> {
    let _ = text;
    unimplemented!()
}
