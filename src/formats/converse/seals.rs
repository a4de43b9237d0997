//! Seals as this format has them: signatures as text, encrypted thoughts as bytes, which are in base64 here and so are
//! base64 over what their maker calls its data. Anthropic's are good on its own API and on every cloud:
//! <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>.

use crate::chat::{Issuer, Seal, SealKind};
use crate::formats::seal;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Whose seals these blocks carry by themselves.
pub const HOME: Issuer = Issuer::Anthropic;

/// A signature that stands beside a thought's text.
pub fn signature(data: String) -> Option<Seal> {
    (!data.is_empty()).then(|| seal::read(data, HOME, SealKind::Signature))
}

/// `redactedContent`; `None`: it is no text of anybody's that gw knows.
pub fn redacted(blob: &str) -> Option<Seal> {
    let data = String::from_utf8(STANDARD.decode(blob).ok()?).ok()?;
    (!data.is_empty()).then(|| seal::read(data, HOME, SealKind::Encrypted))
}

/// A seal as a `signature`.
pub fn write(own: &Seal) -> String {
    seal::write(own, HOME)
}

/// A seal as a `redactedContent`.
pub fn write_redacted(own: &Seal) -> String {
    STANDARD.encode(seal::write(own, HOME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_thoughts_are_wrapped_in_base64_once() {
        let own = Seal::encrypted(HOME, "Eu8ECkgI");
        assert_eq!(write_redacted(&own), "RXU4RUNrZ0k=");
        assert_eq!(redacted("RXU4RUNrZ0k="), Some(own));
        let other = Seal::encrypted(Issuer::Openai, "gAAAA");
        assert_eq!(redacted(&write_redacted(&other)), Some(other));
        assert_eq!(
            (redacted("!"), redacted("/w=="), redacted("")),
            (None, None, None)
        );
    }
}
