//! The Anthropic messages format.

pub mod observe;
