//! Seals as this format has them: bytes in base64, which clients decode and encode again. So another issuer's, under its
//! mark, is base64 as well.

use crate::chat::{Issuer, Seal, SealKind};
use crate::formats::seal;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// Whose seals these parts carry by themselves.
pub const HOME: Issuer = Issuer::Google;

/// What Google documents for calls of history that its model did not make:
/// <https://ai.google.dev/gemini-api/docs/thought-signatures>.
pub const UNSIGNED: &str = "skip_thought_signature_validator";

/// A seal as a caller gets it.
pub fn write(seal: &Seal) -> String {
    let data = seal::write(seal, HOME);
    match seal.issuer == HOME {
        true => data,
        false => STANDARD.encode(data),
    }
}

/// A seal that a caller sent back; `None`: it says that there is none.
pub fn read(data: String) -> Option<Seal> {
    if data.is_empty() || data == UNSIGNED {
        return None;
    }
    let engines = [&STANDARD, &URL_SAFE, &STANDARD_NO_PAD, &URL_SAFE_NO_PAD];
    let decoded = engines.iter().find_map(|engine| engine.decode(&data).ok());
    let marked = decoded
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .map(|text| seal::read(text, HOME, SealKind::Signature))
        .filter(|seal| seal.issuer != HOME);
    Some(marked.unwrap_or(Seal {
        issuer: HOME,
        kind: SealKind::Signature,
        data,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anybodys_seal_survives_a_client_that_decodes_it() {
        let seal = Seal::signature(Issuer::Anthropic, "a-b.c_d?é>>>");
        let written = write(&seal);
        assert_eq!(read(written.clone()), Some(seal.clone()));
        let again = STANDARD
            .decode(&written)
            .map(|bytes| URL_SAFE_NO_PAD.encode(bytes));
        assert_eq!(again.ok().and_then(read), Some(seal));
        let own = Seal::signature(HOME, "EuEDCt4DARFN");
        assert_eq!(
            (write(&own), read(own.data.clone())),
            (own.data.clone(), Some(own))
        );
        assert_eq!(read(UNSIGNED.into()), None);
    }
}
