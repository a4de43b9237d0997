//! What a message is made of.

use super::{Seal, Words};
use serde_json::Value;
use std::ops::Deref;

/// One piece of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    Text(Text),
    /// The model says that it will not answer, and why.
    Refusal(String),
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
    /// What only one format knows.
    Native(Native),
}

impl Part {
    /// Plain text.
    pub fn text(text: impl Into<Words>) -> Part {
        Part::Text(Text::from(text.into()))
    }
}

/// Text, and what belongs to it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text {
    pub text: Words,
    /// What it rests on, in order.
    pub citations: Vec<Citation>,
    /// How likely each of its tokens was, where that was asked for.
    pub logprobs: Vec<Logprob>,
    /// Gemini seals what it says, too.
    pub seal: Option<Seal>,
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text::from(Words::from(text))
    }
}

impl From<Words> for Text {
    fn from(text: Words) -> Text {
        Text {
            text,
            ..Text::default()
        }
    }
}

impl Deref for Text {
    type Target = Words;
    fn deref(&self) -> &Words {
        &self.text
    }
}

/// A source that a piece of text rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Citation {
    /// Where the source is; empty: it is a document of the conversation.
    pub url: String,
    pub title: Option<String>,
    /// The words of the source.
    pub quote: Option<String>,
    /// The characters of the text that rest on it, where the provider says: the first, and the one behind the last.
    pub span: Option<(u64, u64)>,
}

/// How likely a token was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Logprob {
    pub token: String,
    /// Natural logarithm of its probability.
    pub logprob: f64,
    /// Its bytes, where the provider gives them: half a character is no text.
    pub bytes: Option<Vec<u8>>,
    /// The likeliest tokens in its place, without further ones of their own.
    pub top: Vec<Logprob>,
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
    /// What its result names it by.
    pub id: String,
    /// Its own id as an item, where the format has both.
    pub item: Option<String>,
    pub name: String,
    /// Exactly as the model wrote it: a JSON object, or free text where the tool takes that.
    pub arguments: String,
    /// Whether the arguments are free text.
    pub free: bool,
    /// The group of tools it is one of.
    pub namespace: Option<String>,
    pub seal: Option<Seal>,
}

impl Call {
    /// Whether it has no arguments: nothing, or `null`.
    pub fn is_bare(&self) -> bool {
        !self.free && matches!(self.arguments.trim(), "" | "null")
    }
}

/// The answer to a [`Call`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallResult {
    /// [`Call::id`] of the call it answers.
    pub id: String,
    /// The tool's name where the format says it; the call has it in any case.
    pub name: Option<String>,
    /// Text, media and what only one format knows.
    pub parts: Vec<Part>,
    /// Whether the tool failed.
    pub error: bool,
    /// Whether it answers a call of free text.
    pub free: bool,
}

/// A piece of reasoning. Its seal proves to the provider that made it that nobody changed it, or holds what nobody else
/// can read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thought {
    /// Its own id, where the format gives it one.
    pub id: Option<String>,
    pub text: String,
    /// Whether the text is the provider's summary of what was thought.
    pub summary: bool,
    pub seal: Option<Seal>,
}

impl Thought {
    /// Text that nobody sealed.
    pub fn open(text: impl Into<String>) -> Thought {
        Thought {
            text: text.into(),
            ..Thought::default()
        }
    }

    /// Text with a signature, or the signature alone.
    pub fn sealed(text: impl Into<String>, seal: Seal) -> Thought {
        Thought {
            seal: Some(seal),
            ..Thought::open(text)
        }
    }
}

/// What only one format knows, kept for the way back to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Native {
    /// Name of the format (`anthropic-messages`).
    pub format: &'static str,
    /// As it stands there: a block, an item, a part.
    pub json: Value,
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

impl Source {
    /// What a URL leads to: a `data:` URL with base64 is taken apart, every other stays one.
    pub fn of_url(mut url: String) -> Source {
        let inside = url.strip_prefix("data:");
        let parts = inside.and_then(|rest| rest.split_once(";base64,"));
        match parts.map(|(mime, data)| (mime.to_owned(), data.len())) {
            Some((mime, length)) => Source::Base64 {
                mime,
                data: {
                    // It may be megabytes long: it stays where it is.
                    url.drain(..url.len() - length);
                    url
                },
            },
            None => Source::Url(url),
        }
    }
}
