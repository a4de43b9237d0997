//! `/passthrough/{provider}/...`: what is asked of a provider itself, as far as a route lets it. The path is read once, into
//! segments; what is sent is written from them, so that what was checked is what goes out. Must not know bodies.

use super::{
    Serving,
    ended::Ended,
    exchange::{Errand, Place},
    record::Record,
};
use crate::error::{Error, Result};
use crate::formats::{self, Format, FormatId};
use crate::http1::request::Parts;
use crate::plan::{Ask, Caller, Plan, passthrough};
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// In front of all of them.
const START: &str = "/passthrough/";

/// What of a segment stands for itself: <https://www.rfc-editor.org/rfc/rfc3986#section-3.3>
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// What is asked of which provider.
pub struct Through {
    pub provider: String,
    method: Method,
    /// Behind the provider's name, decoded; begins with a slash.
    path: String,
    /// The path a route is bound to, where it is below one.
    bound: Option<String>,
}

/// The format it is logged under, whose errors it has.
pub fn format() -> &'static Format {
    formats::format(FormatId::Passthrough)
}

/// Whether a path, as it is behind a route's, asks a provider itself.
pub fn is_one(path: &str) -> bool {
    path.starts_with(START)
}

impl Through {
    /// Reads a path as it is behind a route's. `bound`: the whole path, where it is below one.
    pub fn read(path: &str, method: &Method, bound: Option<&str>) -> Result<Through> {
        let rest = path.strip_prefix(START).unwrap_or_default();
        let (provider, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if provider.is_empty() {
            return Err(Error::not_found("the path names no provider")
                .hint("it is /passthrough/PROVIDER/PATH"));
        }
        Ok(Through {
            provider: decoded(provider)?,
            method: method.clone(),
            path: normal(rest)?,
            bound: bound.map(str::to_owned),
        })
    }

    pub fn format(&self) -> &'static Format {
        format()
    }

    /// What planning needs to know.
    pub fn asked<'a>(&'a self, serving: &'a Serving, head: Ask<'a>) -> passthrough::Asked<'a> {
        let base = serving.upstream(&self.provider).map(|it| it.base_path());
        passthrough::Asked {
            provider: &self.provider,
            method: &self.method,
            path: &self.path,
            base: base.unwrap_or_default(),
            ask: Ask {
                op: self.format().op,
                format: self.format().name,
                path: self.bound.as_deref(),
                ..head
            },
        }
    }

    /// The plan for it, and the call that it is; its route in the record.
    pub fn plan(
        &self,
        serving: &Serving,
        caller: &Caller,
        head: &Parts,
        record: &mut Record,
    ) -> std::result::Result<(Plan, Errand), Ended> {
        let sent = Ask::of_head(head.uri.path(), &head.headers, record.row.at.0);
        let asked = self.asked(serving, sent);
        let plan = passthrough::plan(&serving.snapshot, caller, &asked)?;
        record.row.route = plan.route.as_ref().map(|route| route.name.clone());
        let errand = Errand {
            method: self.method.clone(),
            path: encoded(asked.behind_base()),
            place: Place::Base,
            query: None,
        };
        Ok((plan, errand))
    }
}

fn refused(why: &str) -> Error {
    Error::invalid(format!("the path {why}")).hint("spell it out, without dots and encoded slashes")
}

/// One segment, decoded. Refused is what some server on the way could take for more than one, or for none.
fn decoded(segment: &str) -> Result<String> {
    let text = percent_decode_str(segment)
        .decode_utf8()
        .map_err(|_| refused("is not UTF-8"))?;
    if text.contains(['/', '\\']) || text.chars().any(char::is_control) {
        return Err(refused(
            "has an encoded slash, a backslash or a control character",
        ));
    }
    // What is encoded twice is decoded twice by some.
    let twice = percent_decode_str(&text).decode_utf8_lossy();
    if twice != text && (twice.contains(['/', '\\', '%']) || is_dots(&twice)) {
        return Err(refused("is encoded twice"));
    }
    match is_dots(&text) {
        true => Err(refused("has a segment of dots")),
        false => Ok(text.into_owned()),
    }
}

/// Whether a segment leads elsewhere, with parameters (`..;x`) or without.
fn is_dots(segment: &str) -> bool {
    let name = segment.split(';').next().unwrap_or_default().trim();
    matches!(name, "." | "..")
}

/// A path with each segment decoded.
fn normal(path: &str) -> Result<String> {
    let mut out = String::with_capacity(path.len());
    let below = path.strip_prefix('/').unwrap_or_default();
    let mut segments = below.split('/').peekable();
    while let Some(segment) = segments.next() {
        if segment.is_empty() && segments.peek().is_some() {
            return Err(refused("has an empty segment"));
        }
        out.push('/');
        out.push_str(&decoded(segment)?);
    }
    Ok(out)
}

/// A decoded path as it goes out.
fn encoded(path: &str) -> String {
    let segments: Vec<String> = path
        .split('/')
        .map(|segment| utf8_percent_encode(segment, ENCODED).to_string())
        .collect();
    segments.join("/")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn paths_go_out_as_they_were_checked() {
        for (path, want) in [
            ("/passthrough/openai/v1/models", ("openai", "/v1/models")),
            ("/passthrough/openai", ("openai", "/")),
            ("/passthrough/openai/", ("openai", "/")),
            (
                "/passthrough/o/a%20b/%C3%A4:x@y/",
                ("o", "/a%20b/%C3%A4:x@y/"),
            ),
            ("/passthrough/o/%76%31/a%3Fb%23", ("o", "/v1/a%3Fb%23")),
            ("/passthrough/o/a..b/...", ("o", "/a..b/...")),
            ("/passthrough/o/100%25", ("o", "/100%25")),
        ] {
            let through = Through::read(path, &Method::GET, None).unwrap();
            let found = (through.provider.as_str(), encoded(&through.path));
            assert_eq!((found.0, &*found.1), want, "{path}");
        }
    }

    #[test]
    fn nothing_leads_out_of_the_base() {
        for path in [
            "/..",
            "/v1/../x",
            "/v1/./x",
            "/v1/%2e%2e/x",
            "/v1/.%2E/x",
            "/v1/%2E",
            "/v1/..;a=b/x",
            "/v1/..%3b/x",
            "/v1/%20../x",
            "/v1/a%2fb",
            "/v1/a%2Fb",
            "/v1/a%5cb",
            "/v1/a\\b",
            "//evil.example/x",
            "/v1//x",
            "/v1/%252e%252e/x",
            "/v1/a%252fb",
            "/v1/%25252e",
            "/v1/a%00",
            "/v1/a%0d%0ab",
            "/v1/%ff",
        ] {
            let whole = format!("/passthrough/o{path}");
            let error = Through::read(&whole, &Method::GET, None).err();
            assert!(
                error.is_some_and(|error| error.message.starts_with("the path ")),
                "{path}"
            );
        }
        for path in ["/passthrough/", "/passthrough//x"] {
            assert!(Through::read(path, &Method::GET, None).is_err(), "{path}");
        }
    }
}
