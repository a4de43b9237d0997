//! What a message is made of.

/// One piece of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Text(String),
    /// An image, document, sound or film.
    Media(Media),
    /// The model calls a tool.
    Call(Call),
    /// What a tool call came to.
    Result(CallResult),
    /// What the model thought before it answered.
    Thought(Thought),
    /// Everything up to here may be kept in the provider's prompt cache.
    CachePoint(CachePoint),
}

/// A place up to which a prompt may be cached.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CachePoint {
    /// For how long, in the provider's words (`5m`, `1h`); `None`: its default.
    pub ttl: Option<String>,
}

/// A call of a tool by the model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Call {
    pub id: String,
    pub name: String,
    /// A JSON object, exactly as the model wrote it.
    pub arguments: String,
}

impl Call {
    /// Whether it has no arguments: nothing, or `null`.
    pub fn is_bare(&self) -> bool {
        matches!(self.arguments.trim(), "" | "null")
    }
}

/// The answer to a [`Call`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallResult {
    /// [`Call::id`] of the call it answers.
    pub id: String,
    /// Text and media only.
    pub parts: Vec<Part>,
    /// Whether the tool failed.
    pub error: bool,
}

/// A piece of reasoning. The seal proves to the provider that made it that nobody changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thought {
    Open {
        text: String,
        /// Opaque signature, absent where the provider does not sign.
        seal: Option<String>,
    },
    /// Encrypted by the provider: nothing but opaque bytes in text form.
    Redacted(String),
}

/// What a [`Media`] part shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaKind {
    Image,
    Document,
    Audio,
    Video,
}

/// Content other than text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    pub kind: MediaKind,
    pub source: Source,
    /// File name or title.
    pub name: Option<String>,
    /// How closely an image is looked at (`low`, `high`, `auto`).
    pub detail: Option<String>,
}

/// Where a [`Media`] part's bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Url(String),
    Base64 {
        /// Media type such as `image/png`.
        mime: String,
        data: String,
    },
    /// A document given as plain text.
    Text(String),
    /// A file uploaded to the provider before.
    File(String),
}
