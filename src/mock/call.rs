//! A call of a tool that the simulated model makes.

/// A tool call.
#[derive(Debug)]
pub struct Call {
    /// The part of its id that all formats share.
    pub id: String,
    pub name: String,
    /// JSON, or free text for a custom tool.
    pub arguments: String,
    pub custom: bool,
    pub namespace: Option<String>,
}
