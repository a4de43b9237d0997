//! What a piece of an answer rests on, both directions: <https://docs.cohere.com/docs/rag-citations>.

use crate::chat::Citation;
use crate::formats::fields::Fields;
use serde_json::{Map, Value, json};

/// One for each source. What a plan or a thought rests on is not told of the text.
pub fn read(fields: &mut Fields) -> Vec<Citation> {
    let kind = fields.lenient("type", Fields::text);
    if kind.is_some_and(|kind| kind != "TEXT_CONTENT") {
        return Vec::new();
    }
    let (start, end) = (
        fields.lenient("start", Fields::count),
        fields.lenient("end", Fields::count),
    );
    let sources = fields
        .lenient("sources", Fields::objects)
        .unwrap_or_default();
    sources
        .into_iter()
        .map(|mut source| Citation {
            span: start.zip(end),
            ..read_source(&mut source)
        })
        .collect()
}

/// A document, or what a tool said.
fn read_source(source: &mut Fields) -> Citation {
    let id = source.lenient("id", Fields::text);
    let document = source.lenient("document", Fields::object);
    let mut held = document
        .or_else(|| source.lenient("tool_output", Fields::object))
        .unwrap_or_default();
    let mut text = |keys: &[&str]| keys.iter().find_map(|key| held.lenient(key, Fields::text));
    Citation {
        url: text(&["url"]).unwrap_or_default(),
        title: text(&["title"]).or(id),
        quote: text(&["snippet", "text"]),
        span: None,
    }
}

/// A citation of the text that is this one of the contents.
pub fn write(citation: &Citation, text: &str, index: usize) -> Value {
    let (start, end) = citation.span.unwrap_or((0, text.chars().count() as u64));
    let from = usize::try_from(start).unwrap_or(usize::MAX);
    let length = usize::try_from(end.saturating_sub(start)).unwrap_or(usize::MAX);
    let said: String = text.chars().skip(from).take(length).collect();
    let mut held = Map::new();
    let quote = citation.quote.as_deref().filter(|quote| !quote.is_empty());
    let url = Some(&*citation.url).filter(|url| !url.is_empty());
    for (name, value) in [
        ("title", citation.title.as_deref()),
        ("url", url),
        ("snippet", quote),
    ] {
        held.extend(value.map(|value| (name.to_owned(), json!(value))));
    }
    let id = url.or(citation.title.as_deref()).unwrap_or("document");
    let source = json!({"type": "document", "id": id, "document": held});
    json!({"start": start, "end": end, "text": said, "sources": [source], "content_index": index, "type": "TEXT_CONTENT"})
}
