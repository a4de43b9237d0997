//! What an answer is: told by how it begins, since not every server says so, and some say it wrongly. Pure; it knows no
//! format and no HTTP beyond the content type's name.

/// What an answer's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An event stream.
    Events,
    /// A JSON object.
    Json,
    /// A JSON array.
    Array,
    /// None of these: a page, plain text, something compressed.
    Other,
}

/// What a body is that is labelled so and begins with these bytes. `None`: they are too few to tell.
pub fn kind(content_type: &str, begins: &[u8]) -> Option<Kind> {
    let body = begins
        .strip_prefix(b"\xEF\xBB\xBF")
        .unwrap_or(begins)
        .trim_ascii_start();
    let named = labelled(content_type, "text/event-stream");
    let first = body.first()?;
    match first {
        b'{' => Some(Kind::Json),
        b'[' if !named => Some(Kind::Array),
        // A comment.
        b':' => Some(Kind::Events),
        b'<' => Some(Kind::Other),
        // Whatever fields it has: only those of the standard count, and the others are passed over.
        _ if named => Some(Kind::Events),
        _ => field(body),
    }
}

/// What a body is by its label alone: where it has nothing else.
pub fn labelled(content_type: &str, name: &str) -> bool {
    content_type
        .trim_ascii_start()
        .get(..name.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(name))
}

/// Whether what has this label is there to be read: text, JSON and their kin.
pub fn is_text(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let (kind, subtype) = kind.split_once('/').unwrap_or((kind, ""));
    let named = |name: &str| subtype.eq_ignore_ascii_case(name);
    let ends = |end: &str| subtype.to_ascii_lowercase().ends_with(end);
    match kind.eq_ignore_ascii_case("text") {
        true => true,
        false => {
            kind.eq_ignore_ascii_case("application")
                && (named("json")
                    || named("jsonl")
                    || named("xml")
                    || named("x-ndjson")
                    || ends("+json")
                    || ends("+xml"))
        }
    }
}

/// Whether it begins with a field of an event.
fn field(body: &[u8]) -> Option<Kind> {
    let fields = [&b"data"[..], b"event", b"id", b"retry"];
    let mut open = false;
    for field in fields {
        match body.strip_prefix(field) {
            Some([b':' | b'\r' | b'\n', ..]) => return Some(Kind::Events),
            Some([]) => open = true,
            Some(_) => {}
            None => open |= field.starts_with(body),
        }
    }
    (!open).then_some(Kind::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_what_it_begins_with() {
        let labels = [
            "",
            "application/json",
            "text/plain; charset=utf-8",
            "application/octet-stream",
            "text/event-stream",
        ];
        for label in labels {
            for (begins, want) in [
                ("", None),
                (" \r\n", None),
                ("{", Some(Kind::Json)),
                ("\n {\"a\"", Some(Kind::Json)),
                ("\u{feff}{", Some(Kind::Json)),
                ("data: {", Some(Kind::Events)),
                ("data:{", Some(Kind::Events)),
                ("event: ping\n", Some(Kind::Events)),
                (": hello", Some(Kind::Events)),
                ("\n\nid: 7", Some(Kind::Events)),
                ("retry: 5\n", Some(Kind::Events)),
                ("<html>", Some(Kind::Other)),
            ] {
                assert_eq!(kind(label, begins.as_bytes()), want, "{label} {begins:?}");
            }
        }
        for (begins, want) in [
            ("da", None),
            ("data", None),
            ("datum: x", Some(Kind::Other)),
            ("[1]", Some(Kind::Array)),
            ("busy", Some(Kind::Other)),
            ("\u{1f}\u{8b}", Some(Kind::Other)),
        ] {
            assert_eq!(kind("", begins.as_bytes()), want, "{begins:?}");
        }
        // Its label and a field nobody knows.
        assert_eq!(
            kind("Text/Event-Stream; charset=utf-8", b"x: y\n"),
            Some(Kind::Events)
        );
    }
}
