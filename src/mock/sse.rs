//! One server-sent event's bytes in each spelling that a script can ask for.
//! <https://html.spec.whatwg.org/multipage/server-sent-events.html>

use super::script::{Spelling, value::Lines};

/// What an event says.
pub struct Event<'a> {
    pub name: Option<&'a str>,
    pub data: &'a str,
    /// A comment comes before it.
    pub comment: bool,
}

/// Line ends of an event's lines and of the blank line behind it: none of them in a row that is one line end of another
/// kind.
const MIXED: [(&str, &str); 5] = [
    ("\n", "\n"),
    ("\r\n", "\r"),
    ("\n", "\r\n"),
    ("\r", "\r\n"),
    ("\r", "\r"),
];

impl Event<'_> {
    /// Its bytes as the `at`th of a stream: up to the end of its data, and what follows that. `last`: none comes behind it.
    pub fn written(&self, spelling: Spelling, at: usize, last: bool) -> (String, String) {
        let (end, blank) = match spelling.lines {
            Lines::Lf => ("\n", "\n"),
            Lines::CrLf => ("\r\n", "\r\n"),
            Lines::Cr => ("\r", "\r"),
            Lines::Mixed => MIXED[at % MIXED.len()],
        };
        let json = self.data.starts_with('{');
        let space = if spelling.no_space { "" } else { " " };
        let mut before = String::new();
        let mut behind = end.to_owned();
        if spelling.bom && at == 0 {
            before.push('\u{feff}');
        }
        if self.comment {
            before.push_str(&format!(": keep-alive{end}{blank}"));
        }
        if spelling.fields {
            before.push_str(&format!("id: {at}{end}retry: 3000{end}unknown: field{end}"));
        }
        let name = match self.name {
            Some(name) => format!("event:{space}{name}{end}"),
            None => String::new(),
        };
        match spelling.name_last {
            true => behind.push_str(&name),
            false => before.push_str(&name),
        }
        before.push_str(&format!("data:{space}"));
        // Behind the brace white space says nothing.
        match self
            .data
            .split_at_checked(1)
            .filter(|_| json && spelling.split_data)
        {
            Some((brace, rest)) => before.push_str(&format!("{brace}{end}data:{space}{rest}")),
            None => before.push_str(self.data),
        }
        if json && spelling.bare_data {
            behind.push_str(&format!("data{end}"));
        }
        let unended = last && spelling.unended;
        if !spelling.no_blank && !unended {
            behind.push_str(blank);
        }
        if spelling.spaced {
            behind.push_str(&blank.repeat(2));
        }
        (before, behind)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_spelling_has_its_bytes() {
        let event = Event {
            name: Some("ping"),
            data: "{\"a\":1}",
            comment: false,
        };
        for (names, at, last, expected) in [
            ("", 0, false, "event: ping\ndata: {\"a\":1}\n\n"),
            ("crlf", 3, false, "event: ping\r\ndata: {\"a\":1}\r\n\r\n"),
            ("cr", 0, false, "event: ping\rdata: {\"a\":1}\r\r"),
            ("mixed", 6, false, "event: ping\r\ndata: {\"a\":1}\r\n\r"),
            ("bom", 0, false, "\u{feff}event: ping\ndata: {\"a\":1}\n\n"),
            ("bom", 1, false, "event: ping\ndata: {\"a\":1}\n\n"),
            ("no-space", 0, false, "event:ping\ndata:{\"a\":1}\n\n"),
            (
                "bare-data",
                0,
                false,
                "event: ping\ndata: {\"a\":1}\ndata\n\n",
            ),
            (
                "split-data",
                0,
                false,
                "event: ping\ndata: {\ndata: \"a\":1}\n\n",
            ),
            ("name-last", 0, false, "data: {\"a\":1}\nevent: ping\n\n"),
            ("spaced", 0, false, "event: ping\ndata: {\"a\":1}\n\n\n\n"),
            ("no-blank", 0, false, "event: ping\ndata: {\"a\":1}\n"),
            ("unended", 0, false, "event: ping\ndata: {\"a\":1}\n\n"),
            ("unended", 9, true, "event: ping\ndata: {\"a\":1}\n"),
            (
                "fields",
                7,
                false,
                "id: 7\nretry: 3000\nunknown: field\nevent: ping\ndata: {\"a\":1}\n\n",
            ),
        ] {
            let mut spelling = Spelling::default();
            names
                .split('+')
                .filter(|name| !name.is_empty())
                .try_for_each(|name| spelling.add(name))
                .unwrap();
            let (before, behind) = event.written(spelling, at, last);
            assert_eq!(before + &behind, expected, "{names}");
        }
    }
}
