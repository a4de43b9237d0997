//! The signature on what is sent to an address: over the time and the body, so that it cannot be sent again later.

use hmac::{Hmac, Mac};
use sha2::Sha256;

/// `t=UNIX-SECONDS,v1=HEX`: HMAC-SHA256 of `UNIX-SECONDS.BODY` under the shared secret.
pub const SIGNATURE: &str = "x-gw-signature";

/// The header's value.
pub fn signature(secret: &[u8], at: i64, body: &str) -> String {
    // Keys of any length are taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else {
        return String::new();
    };
    mac.update(format!("{at}.{body}").as_bytes());
    let digest = mac.finalize().into_bytes();
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at},v1={hex}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf 1700000000.{} | openssl dgst -sha256 -hmac whsec`
    #[test]
    fn as_openssl_has_it() {
        assert_eq!(
            signature(b"whsec", 1_700_000_000, "{}"),
            "t=1700000000,v1=7d44587dddbaf4c7f70fef20f48cd594834ffea1641e3ac227b84408298738af"
        );
    }
}
