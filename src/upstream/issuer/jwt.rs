//! Assertions signed with a private key: RFC 7515 and RS256 of RFC 7518 section 3.3.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rustls::SignatureScheme;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use serde_json::Value;

/// Signs with an RSA key in PEM form. Errors are fragments that follow the key's name.
pub(super) fn sign(header: &Value, claims: &Value, pem: &str) -> Result<String, String> {
    // What the parsers say may quote the key.
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| "is no private key in PEM form")?;
    let key = any_supported_type(&key).map_err(|_| "is no private key gw can use")?;
    let signer = key
        .choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])
        .ok_or("is no RSA key")?;
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(header), part(claims));
    let signature = signer.sign(text.as_bytes()).map_err(|_| "cannot sign")?;
    Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
