//! Sources of text, both directions. Those of the web have an address, the others stand in documents of the conversation.
//! <https://platform.claude.com/docs/en/build-with-claude/citations>

use crate::chat::Citation;
use crate::formats::fields::Fields;
use serde_json::{Value, json};

/// A citation of any type.
pub fn read(fields: &mut Fields) -> Citation {
    let mut text = |key: &str| fields.lenient(key, Fields::text);
    let (url, source) = (text("url"), text("source"));
    let (title, document) = (text("title"), text("document_title"));
    Citation {
        url: url.or(source).unwrap_or_default(),
        title: title.or(document),
        quote: text("cited_text"),
        // Where it says from where to where, it counts in the source and not in the text.
        span: None,
    }
}

/// The type that names an address is that of a search; its own mark of the page is another provider's to give.
pub fn write(citation: &Citation) -> Value {
    json!({
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title,
        "cited_text": citation.quote.as_deref().unwrap_or_default(),
        "encrypted_index": "",
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::CODEC;
    use crate::chat::{Part, Reply};
    use crate::formats::{ReplyContext, Seen};
    use serde_json::{Value, json};

    #[test]
    fn sources_and_what_the_providers_own_tools_did_come_and_go() {
        let source = json!({"type": "web_search_result_location", "url": "https://a.b", "title": "T", "cited_text": "q", "encrypted_index": ""});
        let content = json!([
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}},
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
            {"type": "text", "text": "Hi", "citations": [source]},
        ]);
        let given = json!({"id": "msg", "type": "message", "role": "assistant", "model": "m", "content": content,
            "stop_reason": "pause_turn", "stop_sequence": null,
            "usage": {"input_tokens": 1, "output_tokens": 2, "server_tool_use": {"web_search_requests": 3}}});
        let read = |body: &Value| {
            CODEC
                .read_reply(body.to_string().as_bytes(), &mut Seen::default())
                .unwrap()
        };
        let reply = read(&given);
        assert_eq!(reply.usage.unwrap().searches, 3);
        let context = ReplyContext::default();
        let written: Value = serde_json::from_slice(&CODEC.write_reply(&reply, &context)).unwrap();
        assert_eq!(
            (&written["content"], &written["stop_reason"]),
            (&given["content"], &given["stop_reason"])
        );
        // As a stream, in which the input of a tool comes in pieces.
        let (mut writer, mut out) = (CODEC.writer(&context), Vec::new());
        reply
            .events()
            .iter()
            .for_each(|event| writer.write(event, &mut out));
        let text = String::from_utf8(out).unwrap();
        let pieces = text.replacen("\"input\":{\"query\":\"x\"}", "\"input\":{}", 1);
        let delta = |more: &str| {
            let delta = json!({"type": "input_json_delta", "partial_json": more});
            json!({"type": "content_block_delta", "index": 0, "delta": delta}).to_string()
        };
        let (mut reader, mut events) = (CODEC.reader(), Vec::new());
        let mut seen = Seen::default();
        for data in pieces
            .lines()
            .filter_map(|line| line.strip_prefix("data: "))
        {
            reader.read("", data.as_bytes(), &mut seen, &mut events);
            if data.contains("\"id\":\"srvtoolu_1\"") {
                for more in ["{\"query\":", "\"x\"}"] {
                    reader.read("", delta(more).as_bytes(), &mut seen, &mut events);
                }
            }
        }
        reader.end(&mut events);
        let streamed = Reply::fold(events.iter().cloned()).unwrap();
        assert_eq!(streamed.parts, reply.parts);
        assert!(matches!(
            streamed.parts[..],
            [Part::Native(_), Part::Native(_), Part::Text(_)]
        ));
    }
}
