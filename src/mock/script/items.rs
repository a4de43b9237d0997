//! What a script can say: one row an item. Flags of `gw mock`, the `x-mock` header, model names and the help are made of
//! these rows.

use super::Script;
use super::value::{
    bad_usage, duration, framing, header, number, number_or, percent, phases, size, size_or, status,
};

/// What belongs together in the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Error,
    When,
    Time,
    /// Slowness that is no fault.
    Pace,
    Connection,
    Head,
    Body,
    Answer,
    Wire,
}

impl Group {
    /// Its heading.
    pub fn heading(self) -> &'static str {
        match self {
            Error => "Errors",
            When => "Which requests fail (with --status 500 where nothing else is said)",
            Time | Pace => "Slowness",
            Connection => "Connections that break",
            Head => "Odd heads and framing",
            Body => "Odd answers",
            Answer => "What the answer is",
            Wire => "How it is written",
        }
    }
}

/// Sets a field from a value; what is wrong follows the item's name.
type Set = fn(&mut Script, &str) -> Result<(), String>;

/// One item.
pub struct Item {
    pub name: &'static str,
    /// Spelt so, too.
    pub also: &'static [&'static str],
    pub group: Group,
    /// What its value is called; empty: it has none.
    pub value: &'static str,
    pub help: &'static str,
    pub set: Set,
}

impl Item {
    /// The item of this name.
    pub fn named(name: &str) -> Option<&'static Item> {
        let known = |item: &&Item| item.name == name || item.also.contains(&name);
        ITEMS.iter().find(known)
    }

    /// A value that it takes.
    #[cfg(test)]
    pub fn sample(&self) -> &'static str {
        match self.name {
            "status" | "error-status" | "early" => "503",
            "interim" => "103",
            "header" => "x-a: b",
            "framing" => "close",
            "sse" => "bom",
            "flap" => "2s/1s",
            _ => "1",
        }
    }
}

const fn item(
    group: Group,
    name: &'static str,
    value: &'static str,
    set: Set,
    help: &'static str,
) -> Item {
    Item {
        name,
        also: &[],
        group,
        value,
        help,
        set,
    }
}

impl Item {
    const fn also(self, also: &'static [&'static str]) -> Item {
        Item { also, ..self }
    }
}

/// Sets a field that is there or not.
macro_rules! flag {
    ($field:ident) => {
        |script, _| {
            script.$field = true;
            Ok(())
        }
    };
}

/// Sets a field to what its value is read as.
macro_rules! to {
    ($($field:ident).+ = $read:expr) => {
        |script, value| {
            script.$($field).+ = Some($read(value)?);
            Ok(())
        }
    };
}

use Group::{Answer, Body, Connection, Error, Head, Pace, Time, When, Wire};

/// All of them.
#[rustfmt::skip]
pub const ITEMS: &[Item] = &[
    item(Error, "status", "CODE", to!(status = status),
        "Answer with this status and an error"),
    item(Error, "message", "TEXT", to!(message = text),
        "The message of that error"),
    item(Error, "code", "TEXT", to!(code = text),
        "The code of an error, where the format has one"),
    item(Error, "retry-after", "TEXT", to!(retry_after = text),
        "Send this Retry-After with errors, as it stands"),
    item(Error, "retry-after-date", "TIME", to!(retry_after_date = duration),
        "Send a Retry-After that is the date so far from now"),
    item(Error, "retry-after-ms", "TEXT", to!(retry_after_ms = text),
        "Send this retry-after-ms with errors, as it stands"),
    item(Error, "reset-in", "TIME", to!(reset_in = duration),
        "Say with errors, in the provider's own headers, that limits are used up for so long"),
    item(Error, "redirect", "URL", |script, value| {
        let usual = if value.is_empty() { "http://127.0.0.1:9/" } else { value };
        script.redirect = Some(usual.to_owned());
        Ok(())
    }, "Answer 307 with this location"),

    item(When, "fail-first", "N", to!(when.first = |value| number_or(value, 1)),
        "The first N requests of each model"),
    item(When, "fail-percent", "N", to!(when.percent = percent),
        "N of a hundred, drawn for each request of a model"),
    item(When, "seed", "N", |script, value| {
        script.when.seed = number(value)?;
        Ok(())
    }, "Draw others than with the usual seed"),
    item(When, "fail-for", "TIME", to!(when.during = duration),
        "Those that come within this time of a model's first"),
    item(When, "flap", "UP/DOWN", to!(when.flap = phases),
        "Those that come while a model is down: it is well for UP, then not for DOWN, in turn"),

    item(Time, "delay-headers", "TIME", to!(delay_headers = duration),
        "Wait before the head of the answer"),
    item(Time, "delay-first", "TIME", to!(delay_first = duration),
        "Wait after the head, before the first event or the body").also(&["slow"]),
    item(Time, "trickle", "TIME", to!(trickle = duration),
        "Send the body byte by byte, this long apart"),
    item(Pace, "pace", "TIME", to!(pace = duration),
        "Wait between events, and between the pieces that `chunk` makes of a body"),
    item(Pace, "read-pace", "TIME", to!(read_pace = duration),
        "Wait between pieces of the request's body, of at most 16 KiB"),

    item(Connection, "close-on-accept", "", flag!(close_on_accept),
        "Close each connection at once (for the mock as a whole, not for a single request)"),
    item(Connection, "close-before", "", flag!(close_before),
        "Close before any byte of the answer"),
    item(Connection, "reset-before", "", flag!(reset_before),
        "Reset before any byte of the answer"),
    item(Connection, "early", "CODE", to!(early = status),
        "Answer with this status before the body is read (not by a model's name), and close"),
    item(Connection, "reset-in-header", "", flag!(reset_in_header),
        "Reset inside the status line"),
    item(Connection, "stall-in-header", "", flag!(stall_in_header),
        "Stop inside the head, keeping the connection open"),
    item(Connection, "reset-after", "N", to!(reset_after = |value| number_or(value, 1)),
        "Reset after N events; without streaming, after half the body").also(&["drop-after"]),
    item(Connection, "close-after", "N", to!(close_after = |value| number_or(value, 1)),
        "Close cleanly after N events, without the end mark"),
    item(Connection, "stall-after", "N", to!(stall_after = |value| number_or(value, 1)),
        "Send nothing more after N events, keeping the connection open"),
    item(Connection, "requests", "N", to!(requests = |value| number_or(value, 1)),
        "Answer N requests on a connection, and close it when the next has come"),
    item(Connection, "idle", "TIME", to!(idle = duration),
        "Close a connection that was idle for so long after an answer"),

    item(Head, "interim", "CODE", to!(interim = |value| number_or(value, 103)),
        "Send an answer of this status (100, 103) before the answer"),
    item(Head, "header", "NAME:VALUE", |script, value| {
        script.header.push(header(value)?);
        Ok(())
    }, "Send this header"),
    item(Head, "headers", "N", to!(headers = |value| size_or(value, 200)),
        "Send N headers more"),
    item(Head, "header-bytes", "N", to!(header_bytes = |value| size_or(value, 1 << 20)),
        "Send a header of N bytes"),
    item(Head, "bad-header", "", flag!(bad_header),
        "Send a header with a line end in its value"),
    item(Head, "framing", "HOW", to!(framing = framing),
        "How the body ends: close, two-lengths, length-and-chunks, bad-chunk"),

    item(Body, "html", "", flag!(html),
        "Answer 200 with an HTML page"),
    item(Body, "empty", "", flag!(empty),
        "Answer 200 with no body"),
    item(Body, "body", "TEXT", to!(body = text),
        "Answer 200 with this as the JSON"),
    item(Body, "gzip", "BYTES", to!(gzip = |value| size_or(value, 0)),
        "Compress, which nobody asked for: so many bytes of nothing; 0: only say so"),
    item(Body, "malformed-after", "N", to!(malformed_after = |value| number_or(value, 0)),
        "Send an event that is not JSON after N events; without streaming, a body that is not"),
    item(Body, "bad-crc-after", "N", to!(bad_crc_after = |value| number_or(value, 0)),
        "Send a binary message with a wrong checksum after N events"),
    item(Body, "error-after", "N", to!(error_after = |value| number_or(value, 0)),
        "Send an error event after N events; 0: as the first"),
    item(Body, "failed-after", "N", to!(failed_after = |value| number_or(value, 0)),
        "Fail as the format ends a failed answer (Responses) after N events; else as error-after"),
    item(Body, "error-status", "CODE", to!(error_status = status),
        "The status that such an event stands for"),
    item(Body, "long-line", "BYTES", to!(long_line = |value| size_or(value, 2 << 20)),
        "One line of this many bytes after the first event"),
    item(Body, "bad-text", "", flag!(bad_text),
        "A byte in the text that is no UTF-8"),
    item(Body, "bad-arguments", "", flag!(bad_arguments),
        "Tool arguments that are not JSON"),
    item(Body, "no-usage", "", flag!(no_usage),
        "Leave usage out"),
    item(Body, "bad-usage", "JSON", to!(bad_usage = bad_usage),
        "Report impossible usage: this, else -1, 1e18 and a text"),

    item(Answer, "events", "N", to!(events = size),
        "Text events in a stream").also(&["stream"]),
    item(Answer, "bytes", "N", to!(bytes = size),
        "Text of this many bytes"),
    item(Answer, "cached", "N", to!(cached = number),
        "Prompt tokens read from cache"),
    item(Answer, "cache-write", "N", to!(cache_write = number),
        "Prompt tokens written to cache (Anthropic)"),
    item(Answer, "call", "A+B", |script, value| {
        let names = value.split('+').filter(|name| !name.is_empty());
        script.call = names.map(str::to_owned).collect();
        Ok(())
    }, "Call these tools, whatever the prompt says"),
    item(Answer, "call-ids", "", flag!(call_ids),
        "Give calls an id where the format leaves it open (Gemini)"),
    item(Answer, "think", "", flag!(think),
        "Think before answering"),
    item(Answer, "filter", "", flag!(filter),
        "End the answer as a content filter does"),
    item(Answer, "refusal", "", flag!(refusal),
        "Refuse in words, where the format has a place for them; else end as a filter does"),
    item(Answer, "check-seals", "", flag!(check_seals),
        "Refuse thoughts whose seals are not this mock's own"),
    item(Answer, "echo", "", flag!(echo),
        "Answer with the last user text and nothing else"),

    item(Wire, "chunk", "N", to!(chunk = |value| size_or(value, 1).map(|size| size.max(1))),
        "Write at most this many bytes at once"),
    item(Wire, "cut", "N", to!(cut = |value| size_or(value, 1).map(|size| size.max(1))),
        "Cut the body into HTTP chunks of at most N bytes, wherever that falls"),
    item(Wire, "cut-at", "N", to!(cut_at = |value| size_or(value, 1)),
        "End an HTTP chunk behind the body's Nth byte"),
    item(Wire, "comments", "", flag!(comments),
        "Send a comment before each event, as some do to keep the connection alive"),
    item(Wire, "crlf", "", |script, _| script.sse.add("crlf"),
        "The same as sse=crlf"),
    item(Wire, "sse", "A+B", |script, value| value.split('+').try_for_each(|name| script.sse.add(name)),
        "Spell events otherwise: bom, crlf, cr, mixed, no-space, bare-data, split-data, fields, name-last, \
         spaced, no-blank, unended"),
];

fn text(value: &str) -> Result<String, String> {
    Ok(value.to_owned())
}
