//! Who may come in: every request passes here before any handler, whatever its path.

use super::call::{refusal, refuse};
use super::paths::OPEN;
use crate::error::{Error, Kind};
use crate::store::secret::Secret;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use subtle::ConstantTimeEq;

/// How a listener tells who is calling.
pub enum Door {
    /// A Unix socket: the kernel has said who is at the other end before the first byte is read.
    Peer,
    /// TCP: whoever holds the token. `port` is what `Host` has to name.
    Token {
        token: Secret,
        /// The port `Host` has to name beside this machine; `None`: reachable under names gw cannot know.
        port: Option<u16>,
    },
    /// TCP, for scrapers: there are only figures behind it, and nobody has to say who it is.
    Figures { port: Option<u16> },
}

/// Who is at the other end of a connection, put on its requests by the listener.
#[derive(Clone, Debug)]
pub struct Peer(pub String);

/// The id given to a request when it came in.
#[derive(Clone, Debug)]
struct RequestId(String);

pub fn request_id(request: &Request) -> String {
    request
        .extensions()
        .get::<RequestId>()
        .map(|id| id.0.clone())
        .unwrap_or_default()
}

/// Who a change is recorded as made by.
pub fn actor(request: &Request) -> String {
    request
        .extensions()
        .get::<Peer>()
        .map_or_else(|| String::from("token"), |peer| peer.0.clone())
}

pub async fn pass(door: &Door, mut request: Request, next: Next) -> Response {
    let id = format!("adm_{}", ulid::Ulid::new());
    request.extensions_mut().insert(RequestId(id.clone()));
    if let Err((status, error)) = check(door, request.method(), request.uri(), request.headers()) {
        return match status {
            Some(status) => refuse(status, &error, &id),
            None => refusal(&error, &id),
        };
    }
    let mut response = next.run(request).await;
    if let Ok(value) = id.parse() {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

type Refusal = (Option<StatusCode>, Error);

fn check(door: &Door, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
    // Browsers send these and cannot be talked out of it; nothing that manages gw does.
    if headers.contains_key(header::ORIGIN) {
        return Err((
            None,
            Error::new(Kind::Forbidden, "requests from web pages are refused"),
        ));
    }
    let site = headers.get("sec-fetch-site").map(|value| value.as_bytes());
    if site.is_some_and(|site| site != b"none" && site != b"same-origin") {
        return Err((
            None,
            Error::new(Kind::Forbidden, "requests from other sites are refused"),
        ));
    }
    let port = match door {
        Door::Peer => None,
        Door::Token { port, .. } | Door::Figures { port } => *port,
    };
    if let Some(port) = port {
        host(uri, headers, port)?;
    }
    if let Door::Token { token, .. } = door
        && !(uri.path() == OPEN && method == Method::GET)
    {
        bearer(headers, token).map_err(|error| (None, error))?;
    }
    let kind = headers
        .get(header::CONTENT_TYPE)
        .map(|value| value.to_str().unwrap_or_default());
    let media = |text: &str| {
        text.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    };
    let json = kind.is_some_and(|text| {
        matches!(
            media(text).as_str(),
            "application/json" | "application/merge-patch+json"
        )
    });
    // What a web page may send without asking first; DELETE is not among that and has no body.
    let mutating = !matches!(*method, Method::GET | Method::HEAD | Method::DELETE);
    match mutating && !json {
        true => Err((
            Some(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            Error::invalid("changes are sent as JSON")
                .hint("add the header `content-type: application/json`"),
        )),
        false => Ok(()),
    }
}

/// The only defence against DNS rebinding: the name the client believes it is talking to.
fn host(uri: &Uri, headers: &HeaderMap, port: u16) -> Result<(), Refusal> {
    let wrong = || {
        (
            Some(StatusCode::MISDIRECTED_REQUEST),
            Error::invalid("this host is not served here")
                .hint(format!("call it 127.0.0.1:{port}")),
        )
    };
    let fits = |authority: &str| {
        ["localhost", "127.0.0.1", "[::1]"].into_iter().any(|name| {
            let rest = authority
                .get(..name.len())
                .filter(|head| head.eq_ignore_ascii_case(name))
                .and_then(|_| authority.get(name.len()..));
            match rest {
                Some("") => port == 80 || port == 443,
                Some(rest) => rest
                    .strip_prefix(':')
                    .is_some_and(|text| text == port.to_string()),
                None => false,
            }
        })
    };
    let mut given = headers.get_all(header::HOST).iter();
    let (Some(first), None) = (given.next(), given.next()) else {
        return Err(wrong());
    };
    let absolute = uri
        .authority()
        .is_none_or(|authority| fits(authority.as_str()));
    match first.to_str().is_ok_and(fits) && absolute {
        true => Ok(()),
        false => Err(wrong()),
    }
}

fn bearer(headers: &HeaderMap, token: &Secret) -> Result<(), Error> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let held = match (given.next(), given.next()) {
        (Some(one), None) => one.to_str().ok().and_then(crate::bearer::credential),
        _ => None,
    }
    .unwrap_or_default();
    match !held.is_empty() && bool::from(held.as_bytes().ct_eq(token.expose().as_bytes())) {
        true => Ok(()),
        false => Err(Error::new(Kind::Unauthenticated, "the admin token is missing or wrong")
            .hint("send `authorization: Bearer TOKEN`; the token is in admin.token in the data directory, and the CLI reads it from GW_ADMIN_TOKEN")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn status(pairs: &[(&str, &str)], method: Method, uri: &str) -> u16 {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(
                header::HeaderName::try_from(*name).unwrap(),
                value.parse().unwrap(),
            );
        }
        let door = Door::Token {
            token: Secret::new("t0ken".into()),
            port: Some(4001),
        };
        match check(&door, &method, &uri.parse().unwrap(), &headers) {
            Ok(()) => 200,
            Err((Some(status), _)) => status.as_u16(),
            Err((None, error)) => error.kind.row().status,
        }
    }

    #[test]
    fn host_origin_and_token_are_checked() {
        let auth = ("authorization", "Bearer t0ken");
        let get = |pairs: &[(&str, &str)]| status(pairs, Method::GET, "/api/v1/keys");
        for good in [
            "localhost:4001",
            "127.0.0.1:4001",
            "[::1]:4001",
            "LOCALHOST:4001",
        ] {
            assert_eq!(get(&[("host", good), auth]), 200, "{good}");
        }
        for bad in [
            "evil.example",
            "evil.example:4001",
            "127.0.0.1",
            "127.0.0.1:4000",
            "x/healthz?y=",
            "127.0.0.1:4001@evil",
            "localhost.evil:4001",
            "",
        ] {
            assert_eq!(get(&[("host", bad), auth]), 421, "{bad}");
        }
        assert_eq!(get(&[auth]), 421);
        assert_eq!(
            get(&[("host", "localhost:4001"), ("host", "localhost:4001"), auth]),
            421
        );
        assert_eq!(
            status(
                &[("host", "localhost:4001"), auth],
                Method::GET,
                "http://evil.example/api/v1/keys"
            ),
            421
        );
        let host = ("host", "localhost:4001");
        assert_eq!(get(&[host, auth, ("origin", "https://evil.example")]), 403);
        assert_eq!(get(&[host, auth, ("origin", "null")]), 403);
        assert_eq!(get(&[host, auth, ("sec-fetch-site", "cross-site")]), 403);
        assert_eq!(get(&[host]), 401);
        for wrong in [
            "Bearer t0ke",
            "Bearer t0kenn",
            "t0ken",
            "Basic t0ken",
            "Bearer ",
            "",
        ] {
            assert_eq!(get(&[host, ("authorization", wrong)]), 401, "{wrong}");
        }
        assert_eq!(get(&[host, auth, auth]), 401);
        assert_eq!(status(&[host], Method::GET, "/healthz"), 200);
        assert_eq!(status(&[host, auth], Method::POST, "/api/v1/keys"), 415);
        assert_eq!(
            status(
                &[host, auth, ("content-type", "text/plain")],
                Method::POST,
                "/api/v1/keys"
            ),
            415
        );
        assert_eq!(
            status(
                &[
                    host,
                    auth,
                    ("content-type", "application/json; charset=utf-8")
                ],
                Method::POST,
                "/api/v1/keys"
            ),
            200
        );
    }
}
