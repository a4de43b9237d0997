//! Upstream companies and servers gw knows out of the box. A compatible vendor is one row; quirks are
//! values in the row. Nobody asks "which vendor am I".

use crate::formats::FormatId;

/// One row of [`VENDORS`].
#[derive(Debug)]
pub struct Vendor {
    /// As in `--vendor openai`.
    pub id: &'static str,
    pub title: &'static str,
    /// Ends before the endpoint path; empty: the provider must give one. Documentation link in the table.
    pub base_url: &'static str,
    /// The formats it speaks, in order of preference for translation, with the path behind the base URL.
    /// `{model}` in a path is replaced by the percent-encoded upstream model (Azure deployments).
    pub endpoints: &'static [(FormatId, &'static str)],
    pub auth: Auth,
    /// The variable its own SDK reads the credential from, for hints and `quickstart`.
    pub env: &'static str,
    /// Where models are listed, behind the base URL; empty: it cannot say.
    pub models: &'static str,
    /// Query parameters every request carries unless the provider record overrides them.
    pub query: &'static [(&'static str, &'static str)],
    /// Headers every request carries unless the caller or the provider record gives them.
    pub headers: &'static [(&'static str, &'static str)],
    /// The id of this vendor in the price catalogue; empty: none.
    pub catalog: &'static str,
    /// Runs on the user's machine or network and needs no credential by default.
    pub local: bool,
    /// Whether a stream may be asked for `stream_options.include_usage`.
    pub stream_usage: bool,
}

/// How a vendor takes its credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// `Authorization: Bearer …`
    Bearer,
    /// The credential alone in this header.
    Header(&'static str),
}

/// Every vendor.
pub static VENDORS: &[Vendor] = &[];

/// The vendor with this id.
pub fn vendor(id: &str) -> crate::error::Result<&'static Vendor> {
    VENDORS.iter().find(|vendor| vendor.id == id).ok_or_else(|| {
        crate::error::Error::invalid(format!("`{}` is not a vendor gw knows", id.escape_debug()))
            .param("vendor")
            .hint("list them with `gw provider vendors`, or use openai-compatible with --base-url")
    })
}
