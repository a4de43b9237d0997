//! A chat request, block-structured.

/// A chat request in the neutral model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chat {
    /// The model to call; the caller's word when read, the target's when written.
    pub model: String,
    /// Whether the answer is streamed.
    pub stream: bool,
}
