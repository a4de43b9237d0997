//! Embeddings: a request for vectors, and the vectors.

use super::{Part, Usage};

/// A request for the vectors of texts or images.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embed {
    /// The model to call, in the caller's word.
    pub model: String,
    /// A vector is wanted of each.
    pub inputs: Vec<Input>,
    /// What the vectors are for; `None`: the caller does not say.
    pub purpose: Option<Purpose>,
    /// How long a vector is; `None`: as the model has it.
    pub dimensions: Option<u64>,
    /// How the numbers are wanted, each in a list of its own; none: as plain numbers.
    pub encodings: Vec<Encoding>,
    /// The caller's own end user, an opaque id.
    pub user: Option<String>,
    /// Fields of the request that this model has no place for, as JSON paths; writers report them as dropped.
    pub lost: Vec<String>,
}

/// What one vector is of.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    Text(String),
    /// A text as the numbers of its tokens, which mean something to one family of models alone.
    Tokens(Vec<u64>),
    /// Texts and images together, or an image alone.
    Mixed(Vec<Part>),
}

/// What vectors are for: models that search put a question elsewhere than what answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be found.
    Document,
    /// To find with.
    Query,
    Classification,
    Clustering,
    /// Of images.
    Image,
}

/// How the numbers of a vector are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Float,
    /// Floats of 32 bits, little-endian, one behind the other.
    Base64,
    /// Rounded to whole numbers or bits; the name is the one its formats have in common.
    Rounded(&'static str),
}

/// What comes back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Vectors {
    pub id: String,
    pub model: String,
    /// In the order of the inputs.
    pub vectors: Vec<Vec<f64>>,
    pub usage: Option<Usage>,
}
