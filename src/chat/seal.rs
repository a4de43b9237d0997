//! Seals: opaque words of a provider on a part, which mean something to that provider alone.

/// A provider's mark on a part. It goes back to whom it came from, unchanged, and to nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seal {
    pub issuer: Issuer,
    pub kind: SealKind,
    pub data: String,
}

/// Who made a seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Issuer {
    Anthropic,
    Google,
    Openai,
    Cohere,
}

/// What a seal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealKind {
    /// Proof that the part is as it was made.
    Signature,
    /// The part itself, encrypted.
    Encrypted,
}

impl Issuer {
    /// Every issuer.
    pub const ALL: [Issuer; 4] = [
        Issuer::Anthropic,
        Issuer::Google,
        Issuer::Openai,
        Issuer::Cohere,
    ];

    /// As it stands in a seal that another format carries.
    pub fn name(self) -> &'static str {
        match self {
            Issuer::Anthropic => "anthropic",
            Issuer::Google => "google",
            Issuer::Openai => "openai",
            Issuer::Cohere => "cohere",
        }
    }
}

impl Seal {
    /// A proof.
    pub fn signature(issuer: Issuer, data: impl Into<String>) -> Seal {
        Seal {
            issuer,
            kind: SealKind::Signature,
            data: data.into(),
        }
    }

    /// An encrypted part.
    pub fn encrypted(issuer: Issuer, data: impl Into<String>) -> Seal {
        Seal {
            issuer,
            kind: SealKind::Encrypted,
            data: data.into(),
        }
    }
}
