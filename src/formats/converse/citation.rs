//! Sources of text, both directions:
//! <https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Citation.html>. Those of the web have an address, the
//! others stand in documents or search results of the conversation.

use crate::chat::Citation;
use crate::formats::fields::Fields;
use serde_json::{Value, json};

/// A citation, whole or as a stream has it: both have the same members.
pub fn read(fields: &mut Fields) -> Citation {
    let location = fields.lenient("location", Fields::object);
    let web = location.and_then(|mut place| place.lenient("web", Fields::object));
    let url = web.and_then(|mut web| web.lenient("url", Fields::text));
    // Of a search result the caller says itself what its source is.
    let source = fields.lenient("source", Fields::text);
    let pieces = fields.lenient("sourceContent", Fields::objects);
    let quote: String = pieces
        .unwrap_or_default()
        .iter_mut()
        .filter_map(|piece| piece.lenient("text", Fields::text))
        .collect();
    Citation {
        url: url.or(source).unwrap_or_default(),
        title: fields.lenient("title", Fields::text),
        quote: (!quote.is_empty()).then_some(quote),
        // Where it says from where to where, it counts in the source and not in the text.
        span: None,
    }
}

/// A citation for a caller.
pub fn write(citation: &Citation) -> Value {
    let mut out = json!({});
    if let Some(title) = &citation.title {
        out["title"] = json!(title);
    }
    if let Some(quote) = &citation.quote {
        out["sourceContent"] = json!([{"text": quote}]);
    }
    if !citation.url.is_empty() {
        out["location"] = json!({"web": {"url": citation.url}});
    }
    out
}
