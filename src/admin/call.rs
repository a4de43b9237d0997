//! One admin request, taken apart once: handlers see names, parameters and JSON, never raw HTTP.

use super::Desk;
use crate::error::{Error, Kind, Result};
use crate::resources;
use crate::store::records::Actor;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

/// A request as handlers see it.
pub struct Call {
    pub desk: Arc<Desk>,
    /// For the paths of a resource kind: which.
    pub kind: Option<&'static resources::Kind>,
    /// The name or id in the path, percent-decoded; empty where the path has none.
    pub name: String,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub body: bytes::Bytes,
    pub actor: Actor,
    pub path: String,
}

impl Call {
    pub fn kind(&self) -> Result<&'static resources::Kind> {
        self.kind
            .ok_or_else(|| Error::internal("the path has no resource kind"))
    }
    /// The last value of a query parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.param(name) {
            None | Some("false" | "0") => Ok(false),
            Some("" | "true" | "1") => Ok(true),
            Some(other) => Err(Error::invalid(format!(
                "`{name}={}` is neither true nor false",
                other.escape_debug()
            ))
            .param(name)),
        }
    }
    pub fn number(&self, name: &str) -> Result<Option<usize>> {
        let read = |text: &str| {
            text.parse().map_err(|_| {
                Error::invalid(format!("`{name}={}` is not a number", text.escape_debug()))
                    .param(name)
            })
        };
        self.param(name).map(read).transpose()
    }
    /// Refuses parameters that would be ignored.
    pub fn only(&self, known: &[&str]) -> Result<()> {
        match self
            .query
            .iter()
            .find(|(key, _)| !known.contains(&key.as_str()))
        {
            None => Ok(()),
            Some((key, _)) => Err(Error::invalid(format!(
                "`{}` is not a parameter of this path",
                key.escape_debug()
            ))
            .param(key.clone())
            .hint(match known {
                [] => String::from("it takes none"),
                _ => format!("it takes: {}", known.join(", ")),
            })),
        }
    }
    /// The body as JSON; an empty one is `{}`.
    pub fn json(&self) -> Result<Value> {
        parse(&self.body, self.desk.deps.limits.depth)
    }
    /// The version `If-Match` asks for; `*` and absence ask for none.
    pub fn if_match(&self) -> Result<Option<u64>> {
        let Some(value) = self.headers.get(header::IF_MATCH) else {
            return Ok(None);
        };
        let text = value.to_str().unwrap_or_default().trim();
        if text == "*" {
            return Ok(None);
        }
        let bare = text
            .strip_prefix('"')
            .and_then(|text| text.strip_suffix('"'))
            .unwrap_or(text);
        bare.parse().map(Some).map_err(|_| {
            Error::invalid("`If-Match` is not a version")
                .param("If-Match")
                .hint("send the `ETag` of the last answer, such as \"3\"")
        })
    }
}

/// Reads JSON no deeper than `most`.
pub fn parse(body: &[u8], most: usize) -> Result<Value> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(json!({}));
    }
    if depth(body) > most {
        return Err(
            Error::invalid(format!("the body is nested deeper than {most} levels"))
                .hint("flatten it, or raise limits.admin_json_depth"),
        );
    }
    // serde_json's own text quotes nothing of the body beyond single characters.
    serde_json::from_slice(body)
        .map_err(|error| Error::invalid("the body is not JSON").cause(error))
}

/// How deep arrays and objects nest, brackets in strings aside; a bound that costs no allocation.
fn depth(body: &[u8]) -> usize {
    let (mut now, mut most, mut quoted, mut escaped) = (0usize, 0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' if !quoted => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

/// A JSON answer.
pub fn answer(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(value.to_string()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A record as an answer, with its version as the `ETag`.
pub fn tagged(status: StatusCode, value: &Value) -> Response {
    let mut response = answer(status, value);
    if let Some(version) = value.get("version").and_then(Value::as_u64)
        && let Ok(tag) = HeaderValue::try_from(format!("\"{version}\""))
    {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

/// An error as an answer.
pub fn refusal(error: &Error, request: &str) -> Response {
    let row = error.kind.row();
    if matches!(error.kind, Kind::Internal | Kind::StorageFull) {
        tracing::error!(%error, request, "admin request failed");
    }
    refuse(
        StatusCode::from_u16(row.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
        error,
        request,
    )
}

/// An error under a status of its own, such as 421.
pub fn refuse(status: StatusCode, error: &Error, request: &str) -> Response {
    // Causes of gw's own defects are for the log: they may say more than callers should read.
    let message = if error.kind == Kind::Internal {
        error.message.clone()
    } else {
        error.to_string()
    };
    let mut body =
        json!({"code": error.kind.row().code, "message": message, "request_id": request});
    if let Some(hint) = &error.hint {
        body["fix"] = hint.as_str().into();
    }
    if let Some(param) = &error.param {
        body["param"] = param.as_str().into();
    }
    answer(status, &json!({"error": body}))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn depth_ignores_strings() {
        assert_eq!(depth(br#"{"a":["[[[\"[[",{}]}"#), 3);
        assert!(parse("[".repeat(40).as_bytes(), 32).is_err());
        assert_eq!(parse(b" \n", 32).unwrap(), json!({}));
    }

    proptest! {
        #[test]
        fn any_bytes_parse_or_refuse(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&body, 32);
        }
        #[test]
        fn nesting_is_counted(levels in 1usize..60) {
            let text = format!("{}1{}", "[".repeat(levels), "]".repeat(levels));
            prop_assert_eq!(parse(text.as_bytes(), 32).is_ok(), levels <= 32);
        }
    }
}
