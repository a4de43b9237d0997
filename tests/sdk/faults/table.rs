//! The faults of upstreams: one row each, with what has to come of it for a caller without another target, for one with
//! another, and in the log. The page `docs/faults.md` is written from it.

/// What an upstream does, and what has to come of that.
pub struct Row {
    /// The fault's number.
    pub id: &'static str,
    /// Which of several; empty: the only one.
    pub kind: &'static str,
    /// What the upstream does, in words.
    pub fault: &'static str,
    pub upstream: Upstream,
    /// What is asked: nothing special, `tool` or `long`.
    pub asks: &'static str,
    /// Fields of the route.
    pub route: &'static [(&'static str, &'static str)],
    /// The only format of its upstream; empty: both.
    pub only: &'static str,
    /// What the caller's error is called, where not as its class has it.
    pub code: &'static str,
    /// Its provider is suspended by the first failure.
    pub suspends: bool,
    /// What comes of the same call once more, where that is something else: alone, and with another target behind.
    pub then: Option<(Comes, Comes)>,
    /// How often in a row, over one connection of the caller's.
    pub times: usize,
    pub whole: Comes,
    pub stream: Comes,
    /// Where the upstream speaks another format than the caller, if that differs: whole, streamed.
    pub translated: Option<(Comes, Comes)>,
}

/// Where the upstream of a row is.
pub enum Upstream {
    /// The simulator with these items.
    Mock(&'static str),
    /// A port where nobody listens.
    Closed,
    /// A port whose queue of connections is full.
    Deaf,
    /// A port that takes connections and says nothing, asked for TLS.
    SilentTls,
    /// A name that nobody has.
    NoName,
    /// TLS with a certificate that is not good.
    Tls(Certificate),
    /// It redirects to a listener that must hear nothing.
    Redirect,
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// Of an authority that nobody trusts.
    Unknown,
    /// Trusted, and expired.
    Expired,
    /// Trusted, for another name.
    OtherName,
}

/// What comes of a call.
#[derive(Clone, Copy)]
pub enum Comes {
    /// An answer, whatever else.
    Answer(Answered),
    /// Bytes as they came, which some clients cannot read.
    Untouched,
    /// The attempt fails: the next target answers, and where there is none the caller is told.
    Fails(Failed),
    /// The caller is told at once, whatever other targets there are.
    Stays(Failed),
    /// Content, and then an error.
    Breaks(Failed),
    /// The caller is told without any target being asked.
    Refused(Failed),
}

/// An answer.
#[derive(Clone, Copy)]
pub struct Answered {
    /// Classes of its attempts in the log.
    pub classes: &'static [&'static str],
    /// Where its usage comes from.
    pub usage: &'static str,
    /// Whether it says what an honest answer says.
    pub same: bool,
}

/// A failure.
#[derive(Clone, Copy)]
pub struct Failed {
    /// What the caller is told; of a stream that has begun nothing but 200.
    pub told: u16,
    /// `Retry-After` as the caller is told it, at least and at most; in seconds.
    pub wait: Option<(u64, u64)>,
    /// The attempt in the log: its class, the provider's status, words of the reason.
    pub class: &'static str,
    pub status: Option<u16>,
    pub reason: &'static str,
}

/// An answer at the first attempt, with usage as the provider says it.
const FINE: Comes = Comes::Answer(Answered {
    classes: &["ok"],
    usage: "reported",
    same: true,
});
/// The same with other words.
const OTHER_WORDS: Comes = Comes::Answer(Answered {
    classes: &["ok"],
    usage: "reported",
    same: false,
});
/// The same with usage that gw estimates.
const ESTIMATED: Comes = Comes::Answer(Answered {
    classes: &["ok"],
    usage: "estimated",
    same: true,
});

const fn failed(
    told: u16,
    class: &'static str,
    status: Option<u16>,
    reason: &'static str,
) -> Failed {
    Failed {
        told,
        wait: None,
        class,
        status,
        reason,
    }
}

/// No answer of the provider's came.
const fn fails(told: u16, class: &'static str, reason: &'static str) -> Comes {
    Comes::Fails(failed(told, class, None, reason))
}

/// The provider answered with this status, and so does gw.
const fn refused(status: u16, class: &'static str, reason: &'static str) -> Comes {
    Comes::Fails(failed(status, class, Some(status), reason))
}

/// The same with a wait.
const fn busy(status: u16, wait: (u64, u64), reason: &'static str) -> Comes {
    Comes::Fails(Failed {
        wait: Some(wait),
        ..failed(status, "capacity", Some(status), reason)
    })
}

/// A stream that had begun.
const fn breaks(class: &'static str, reason: &'static str) -> Comes {
    Comes::Breaks(failed(200, class, Some(200), reason))
}

/// What the simulator says where it is to fail.
const ASKED: &str = "the mock was asked to";
/// One target, which is slow to answer.
const SHORT: &[(&str, &str)] = &[("first_byte_timeout", "400ms"), ("answer_timeout", "400ms")];

const fn row(
    id: &'static str,
    kind: &'static str,
    fault: &'static str,
    upstream: Upstream,
    (whole, stream): (Comes, Comes),
) -> Row {
    Row {
        id,
        kind,
        fault,
        upstream,
        asks: "",
        route: &[],
        only: "",
        code: "",
        suspends: false,
        then: None,
        times: 1,
        whole,
        stream,
        translated: None,
    }
}

/// A row whose upstream is the simulator, with the same outcome whole and streamed.
const fn mock(
    id: &'static str,
    kind: &'static str,
    fault: &'static str,
    items: &'static str,
    comes: Comes,
) -> Row {
    row(id, kind, fault, Upstream::Mock(items), (comes, comes))
}

impl Row {
    const fn streamed(self, stream: Comes) -> Row {
        Row { stream, ..self }
    }
    const fn translated(self, whole: Comes, stream: Comes) -> Row {
        Row {
            translated: Some((whole, stream)),
            ..self
        }
    }
    const fn within(self, route: &'static [(&'static str, &'static str)]) -> Row {
        Row { route, ..self }
    }
    const fn of(self, only: &'static str) -> Row {
        Row { only, ..self }
    }
    const fn code(self, code: &'static str) -> Row {
        Row { code, ..self }
    }
    const fn then(self, alone: Comes, second: Comes) -> Row {
        Row {
            then: Some((alone, second)),
            times: 2,
            suspends: true,
            ..self
        }
    }
    const fn asks(self, asks: &'static str) -> Row {
        Row { asks, ..self }
    }
    const fn times(self, times: usize) -> Row {
        Row { times, ..self }
    }

    /// `error.code` of what gw words itself, in formats that have one.
    pub fn named(&self, failed: &Failed) -> Option<&'static str> {
        match (failed.class, failed.status) {
            ("credential", _) => Some("provider_auth"),
            (_, Some(_)) | ("", None) => None,
            _ if !self.code.is_empty() => Some(self.code),
            ("upstream", None) => Some("bad_upstream"),
            (class, None) => Some(class),
        }
    }

    /// Its name in routes and models.
    pub fn name(&self) -> String {
        let kind = if self.kind.is_empty() { "" } else { "-" };
        format!("{}{kind}{}", self.id, self.kind).to_lowercase()
    }

    /// What comes of a call.
    pub fn comes(&self, translated: bool, stream: bool) -> Comes {
        let (whole, streamed) = match self.translated {
            Some(both) if translated => both,
            _ => (self.whole, self.stream),
        };
        if stream { streamed } else { whole }
    }
}

/// An upstream that does nothing wrong: what all answers are held against.
pub const HONEST: &str = "f00";

use Upstream::{Closed, Deaf, NoName, Redirect, SilentTls, Tls};

#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    mock("F00", "", "answers", "", FINE),

    row("F01", "", "refuses connections", Closed,
        (fails(502, "connect", "connection refused"), fails(502, "connect", "connection refused"))),
    row("F02", "", "never completes a connection", Deaf,
        (fails(504, "timeout", "in time"), fails(504, "timeout", "in time")))
        .within(&[("connect_timeout", "400ms")]),
    row("F02", "tls", "never completes the TLS handshake", SilentTls,
        (fails(504, "timeout", "in time"), fails(504, "timeout", "in time")))
        .within(&[("connect_timeout", "400ms")]),
    row("F03", "", "has a name that does not resolve", NoName,
        (fails(502, "connect", "name not resolved"), fails(502, "connect", "name not resolved")))
        .code("dns"),
    row("F04", "unknown", "has a certificate of an authority nobody trusts", Tls(Certificate::Unknown),
        (fails(502, "connect", "TLS failed"), fails(502, "connect", "TLS failed"))).code("tls"),
    row("F04", "expired", "has a certificate that has expired", Tls(Certificate::Expired),
        (fails(502, "connect", "TLS failed"), fails(502, "connect", "TLS failed"))).code("tls"),
    row("F04", "name", "has a certificate for another name", Tls(Certificate::OtherName),
        (fails(502, "connect", "TLS failed"), fails(502, "connect", "TLS failed"))).code("tls"),

    mock("F05", "close", "closes before it answers", "close-before",
        fails(502, "upstream", "broke the connection")),
    mock("F05", "reset", "resets before it answers", "reset-before",
        fails(502, "upstream", "broke the connection")),
    mock("F06", "", "resets inside its head", "reset-in-header",
        fails(502, "upstream", "broke the connection")),
    mock("F07", "", "stops inside its head", "stall-in-header",
        fails(504, "timeout", "in time")).within(SHORT),
    mock("F07", "silent", "says nothing at all", "delay-headers=60s",
        fails(504, "timeout", "in time")).within(SHORT),
    mock("F07", "headless", "sends a head and nothing more", "delay-first=60s",
        fails(504, "timeout", "in time")).within(SHORT),
    mock("F07", "408", "answers 408", "status=408", refused(408, "timeout", ASKED)),
    mock("F07", "504", "answers 504", "status=504", refused(504, "timeout", ASKED)),

    mock("F08", "", "resets in the middle", "reset-after=2",
        fails(502, "upstream", "broke off in the middle"))
        .streamed(breaks("upstream", "broke in the middle")),
    mock("F09", "", "closes in the middle", "close-after=2",
        fails(502, "upstream", "broke off in the middle"))
        .streamed(breaks("upstream", "broke in the middle")),
    mock("F09", "undelimited", "closes in the middle, where the end of the connection is the answer's",
        "framing=close,close-after=2",
        fails(502, "upstream", "not a JSON object"))
        .streamed(breaks("upstream", "before it was complete"))
        .translated(fails(502, "upstream", "cannot be read"), breaks("upstream", "before it was complete")),
    mock("F10", "", "falls silent in the middle", "stall-after=2",
        fails(504, "timeout", "in time"))
        .streamed(breaks("timeout", "stopped sending"))
        .within(&[("answer_timeout", "400ms"), ("idle_timeout", "400ms")]),

    mock("F11", "bom", "begins its stream with a byte order mark", "sse=bom", FINE),
    mock("F11", "crlf", "ends lines with CRLF", "sse=crlf", FINE),
    mock("F11", "cr", "ends lines with CR", "sse=cr", FINE),
    mock("F11", "mixed", "ends each line otherwise", "sse=mixed", FINE),
    mock("F11", "bare", "sends `data` without a colon as well", "sse=bare-data+no-space+fields", FINE),
    mock("F11", "split", "divides an event's data over lines", "sse=split-data,comments", FINE),
    mock("F11", "unended", "leaves out the last blank line", "sse=unended", FINE),
    mock("F11", "no-blank", "leaves out all blank lines", "sse=no-blank", FINE)
        .streamed(fails(502, "upstream", "not JSON")),
    mock("F11", "first", "sends an event that is not JSON first", "malformed-after=0",
        fails(502, "upstream", "not a JSON object"))
        .streamed(fails(502, "upstream", "not JSON"))
        .translated(fails(502, "upstream", "cannot be read"), fails(502, "upstream", "not JSON")),
    mock("F11", "later", "sends an event that is not JSON later", "malformed-after=2",
        fails(502, "upstream", "not a JSON object"))
        .streamed(breaks("upstream", "not JSON"))
        .translated(fails(502, "upstream", "cannot be read"), breaks("upstream", "not JSON")),
    mock("F12", "", "sends its answer byte by byte", "cut=1", FINE),
    mock("F13", "", "sends bytes that are no UTF-8", "bad-text", Comes::Untouched)
        .translated(OTHER_WORDS, OTHER_WORDS),
    mock("F14", "", "sends a line of 100 MB", "long-line=100000000", FINE)
        .streamed(breaks("upstream", "more than 16777216 bytes")),
    mock("F15", "", "compresses 64 MiB of nothing, though asked not to", "gzip=67108864",
        fails(502, "upstream", "compressed")).code("encoding"),

    mock("F16", "", "answers 429 with `Retry-After: 2`", "status=429,retry-after=2",
        busy(429, (2, 2), ASKED)),
    mock("F16", "date", "answers 429 with a date 90 s ahead", "status=429,retry-after-date=90s",
        busy(429, (80, 90), ASKED)),
    mock("F16", "ms", "answers 429 with `retry-after-ms: 1500`", "status=429,retry-after-ms=1500",
        busy(429, (2, 2), ASKED)),
    mock("F16", "garbage", "answers 429 with a Retry-After that says nothing", "status=429,retry-after=soon",
        refused(429, "capacity", ASKED)),
    mock("F16", "long", "answers 429 with `Retry-After: 3600`", "status=429,retry-after=3600",
        busy(429, (600, 600), ASKED)),
    mock("F16", "reset", "answers 429 with a reset header of its own", "status=429,reset-in=90s",
        busy(429, (80, 90), ASKED)),
    mock("F17", "529", "answers 529", "status=529", refused(529, "capacity", ASKED)),
    mock("F17", "503", "answers 503", "status=503", refused(503, "upstream", ASKED)),
    mock("F17", "wait", "answers 503 with `Retry-After: 2`", "status=503,retry-after=2",
        busy(503, (2, 2), ASKED)),
    mock("F18", "", "answers 500 once", "status=500,fail-first=1",
        Comes::Answer(Answered { classes: &["upstream", "ok"], usage: "reported", same: true }))
        .within(&[("retries", "1")]),
    mock("F18", "always", "answers 500", "status=500", refused(500, "upstream", ASKED)),
    mock("F19", "", "sends an error event in the middle", "error-after=2,error-status=500",
        refused(500, "upstream", ASKED))
        .streamed(breaks("upstream", ASKED)),
    mock("F19", "busy", "sends an error event in the middle: too many requests", "error-after=2,error-status=429",
        refused(429, "capacity", ASKED))
        .streamed(breaks("capacity", ASKED)),
    mock("F19", "overloaded", "sends an error event in the middle: overloaded", "error-after=2,error-status=529",
        refused(529, "capacity", ASKED))
        .streamed(breaks("capacity", ASKED))
        .of("anthropic"),
    mock("F20", "", "sends an error event first", "error-after=0,error-status=500",
        refused(500, "upstream", ASKED)),
    mock("F20", "busy", "sends an error event first: too many requests", "error-after=0,error-status=429",
        refused(429, "capacity", ASKED)),
    mock("F20", "overloaded", "sends an error event first: overloaded", "error-after=0,error-status=529",
        refused(529, "capacity", ASKED))
        .of("anthropic"),

    mock("F21", "", "answers 200 with a web page", "html",
        fails(502, "upstream", "not a JSON object"))
        .streamed(fails(502, "upstream", "something else"))
        .translated(fails(502, "upstream", "cannot be read"), fails(502, "upstream", "something else")),
    mock("F22", "", "answers 200 with nothing", "empty",
        fails(502, "upstream", "not a JSON object"))
        .streamed(fails(502, "upstream", "something else"))
        .translated(fails(502, "upstream", "cannot be read"), fails(502, "upstream", "something else")),
    mock("F22", "object", "answers 200 with `{}`", "body={}",
        fails(502, "upstream", "not a JSON object"))
        .streamed(fails(502, "upstream", "something else"))
        .translated(fails(502, "upstream", "cannot be read"), fails(502, "upstream", "something else")),
    mock("F23", "", "answers 200 with JSON that is none inside", "body={\"id\":}",
        fails(502, "upstream", "not JSON"))
        .streamed(fails(502, "upstream", "something else"))
        .translated(fails(502, "upstream", "cannot be read"), fails(502, "upstream", "something else")),
    mock("F24", "honest", "calls a tool", "", FINE).asks("tool"),
    mock("F24", "", "calls a tool with arguments that are not JSON", "bad-arguments", OTHER_WORDS).asks("tool"),
    mock("F25", "", "says nothing of usage", "no-usage", ESTIMATED),
    mock("F26", "", "reports a usage of -1, 1e18 and a text", "bad-usage", ESTIMATED),
    mock("F26", "negative", "reports a usage of -1", "bad-usage=-1", ESTIMATED),
    mock("F26", "huge", "reports a usage of 1e18", "bad-usage=1e18", ESTIMATED),
    mock("F26", "text", "reports a usage in words", "bad-usage=many", ESTIMATED),
    mock("F26", "fraction", "reports a usage of 1.5", "bad-usage=1.5", ESTIMATED),
    row("F27", "", "redirects to another host", Redirect,
        (Comes::Fails(failed(502, "upstream", Some(307), "redirect")),
         Comes::Fails(failed(502, "upstream", Some(307), "redirect")))),
    mock("F28", "many", "sends 200 headers", "headers=200", fails(502, "upstream", "broke the connection")),
    mock("F28", "large", "sends a header of 1 MiB", "header-bytes=1048576",
        fails(502, "upstream", "broke the connection")),
    mock("F28", "line", "sends a header with a line end in it", "bad-header",
        fails(502, "upstream", "broke the connection")),
    mock("F29", "lengths", "sends two lengths", "framing=two-lengths",
        fails(502, "upstream", "broke the connection")),
    mock("F29", "both", "sends a length and chunks", "framing=length-and-chunks",
        fails(502, "upstream", "a length and chunks")),
    mock("F29", "chunk", "sends a chunk that is none", "framing=bad-chunk",
        fails(502, "upstream", "broke off in the middle"))
        .streamed(breaks("upstream", "broke in the middle")),
    mock("F30", "103", "sends 103 first", "interim=103", FINE),
    mock("F30", "100", "sends 100 first", "interim=100", FINE),
    mock("F31", "", "answers 413 before it has read the request", "early=413",
        Comes::Stays(failed(413, "caller", Some(413), ASKED))).asks("long"),
    mock("F32", "", "closes kept connections under the next request", "requests=1",
        Comes::Answer(Answered { classes: &["ok"], usage: "reported", same: true })).times(3),
    mock("F33", "", "sends a little now and then, for longer than `--total-timeout`",
        "pace=150,chunk=1,events=1000",
        Comes::Stays(failed(504, "timeout", None, "in total"))).within(&[("total_timeout", "1s")])
        .streamed(breaks("timeout", "in total")),
    mock("F34", "401", "refuses gw's credential with 401", "status=401",
        Comes::Fails(failed(502, "credential", Some(401), "refused the gateway's credential"))),
    mock("F34", "403", "refuses gw's credential with 403", "status=403",
        Comes::Fails(failed(502, "credential", Some(403), "refused the gateway's credential"))),
    mock("F35", "", "does not know the model", "status=404",
        Comes::Stays(failed(404, "not_found", Some(404), ASKED))),
    mock("F35", "moving", "does not know the model, on a route with `--retry-on 404`", "status=404",
        refused(404, "not_found", ASKED))
        .within(&[("retry_on", "404")]),
    mock("F36", "", "fails until it is suspended, and no other is left", "status=500",
        refused(500, "upstream", ASKED))
        .then(refused(500, "upstream", ASKED), FINE),
    mock("F36", "refused", "fails until it is suspended, on a route with `--when-all-rest fail`", "status=500",
        refused(500, "upstream", ASKED))
        .then(Comes::Refused(Failed { wait: Some((1, 30)), ..failed(503, "", None, "") }), FINE)
        .within(&[("when_all_rest", "fail")]),
];
