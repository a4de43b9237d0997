//! One small question to a service that gives out credentials: the metadata server of a machine or a container, a token
//! endpoint. Over a connection of its own; no redirect is followed, no proxy asked. Must not know what is asked.

use super::{
    Origin,
    call::{self, Heard},
    dial,
};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use std::time::Duration;

/// The longest answer taken; tokens are a few thousand bytes.
const LONGEST: usize = 64 << 10;

/// Sends a request whose URI is absolute, `http` or `https`, and reads the whole answer. Metadata servers are link-local: unlike
/// providers' addresses, these are the caller's to choose. Errors are fragments that name the host.
pub async fn fetch(
    mut request: Request<Bytes>,
    within: Duration,
) -> Result<(StatusCode, Bytes), String> {
    let (origin, host) = origin(request.uri()).ok_or("it is at no address gw can ask")?;
    let shown = host.to_str().unwrap_or_default().to_owned();
    let said = |why: String| format!("`{shown}`: {why}");
    let target = request.uri().path_and_query();
    *request.uri_mut() = target.map_or_else(Uri::default, |target| target.clone().into());
    request.headers_mut().insert(header::HOST, host);
    if request.method() != Method::GET {
        let length = HeaderValue::from(request.body().len());
        request.headers_mut().insert(header::CONTENT_LENGTH, length);
    }
    let answer = async {
        let link = dial::link(&origin, None, |_| false).await?;
        call::exchange(link, request, LONGEST).await
    };
    match tokio::time::timeout(within, answer).await {
        Ok(Ok(Heard {
            status,
            body: Some(body),
            ..
        })) => Ok((status, body)),
        Ok(Ok(_)) => Err(said(format!("answered more than {LONGEST} bytes"))),
        Ok(Err(why)) => Err(said(why)),
        Err(_) => Err(said(format!("no answer within {} s", within.as_secs()))),
    }
}

/// Where it leads, and its host as a header.
fn origin(uri: &Uri) -> Option<(Origin, HeaderValue)> {
    let tls = match uri.scheme_str()? {
        "http" => false,
        "https" => true,
        _ => return None,
    };
    let authority = uri.authority()?;
    let host = authority.host();
    // Whatever else stands there is a user's name or no port.
    let port = match authority.as_str().strip_prefix(host)?.strip_prefix(':') {
        Some(port) => port.parse().ok()?,
        None if tls => 443,
        None => 80,
    };
    let origin = Origin {
        tls,
        host: host.to_owned(),
        port,
        identity: 0,
    };
    let shown = HeaderValue::try_from(authority.as_str()).ok()?;
    (!host.is_empty()).then_some((origin, shown))
}

/// Stand-ins for such services, for tests.
#[cfg(test)]
pub(super) mod testing {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::sync::{Arc, Mutex};

    /// A server on loopback that answers each request with what `answer` says to its first line, headers (`name: value`, lower
    /// case) and body. Its URL, and every request it was sent.
    pub fn serve(
        answer: impl Fn(&str) -> (u16, String) + Send + 'static,
    ) -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let noted = seen.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = BufReader::new(stream.unwrap());
                let (mut asked, mut length) = (String::new(), 0);
                for line in stream.by_ref().lines().map_while(Result::ok) {
                    if line.is_empty() {
                        break;
                    }
                    if let Some(("content-length", value)) = line.split_once(": ") {
                        length = value.parse().unwrap();
                    }
                    asked.push_str(&line);
                    asked.push('\n');
                }
                let mut body = vec![0; length];
                stream.read_exact(&mut body).unwrap();
                asked.push_str(&String::from_utf8(body).unwrap());
                let (status, body) = answer(&asked);
                noted.lock().unwrap().push(asked);
                let length = body.len();
                let _ = write!(
                    stream.get_mut(),
                    "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
            }
        });
        (url, seen)
    }

    /// The URL of a port where nothing listens.
    pub fn nobody() -> String {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(future)
    }

    fn ask(url: &str, body: &'static str) -> Result<(u16, Bytes), String> {
        let request = Request::put(url)
            .header("metadata-flavor", "x")
            .body(Bytes::from_static(body.as_bytes()))
            .unwrap();
        let (status, body) = block_on(fetch(request, Duration::from_secs(60)))?;
        Ok((status.as_u16(), body))
    }

    #[test]
    fn one_request_and_its_answer() {
        let (url, seen) = testing::serve(|_| (404, "no".to_owned()));
        let answer = ask(&format!("{url}/a/b%2F?c=d"), "hello").unwrap();
        assert_eq!(answer, (404, Bytes::from_static(b"no")));
        let host = url.strip_prefix("http://").unwrap();
        assert_eq!(
            *seen.lock().unwrap(),
            [format!(
                "PUT /a/b%2F?c=d HTTP/1.1\nmetadata-flavor: x\nhost: {host}\ncontent-length: 5\nhello"
            )]
        );
        // A link-local address is tried, not refused.
        assert!(origin(&Uri::from_static("http://169.254.169.254/x")).is_some());
        assert!(origin(&Uri::from_static("http://[fd00:ec2::254]:80/x")).is_some());
    }

    #[test]
    fn what_goes_wrong_is_named_with_the_host() {
        let (url, _) = testing::serve(|_| (200, "x".repeat(LONGEST + 1)));
        let host = |url: &str| url.strip_prefix("http://").unwrap().to_owned();
        let long = format!("`{}`: answered more than {LONGEST} bytes", host(&url));
        assert_eq!(ask(&url, "").unwrap_err(), long);
        let nobody = testing::nobody();
        let refused = format!("`{}`: connection refused", host(&nobody));
        assert_eq!(ask(&nobody, "").unwrap_err(), refused);
        for bad in ["ftp://h/x", "/x", "http://user:secret@h/x", "http://h:x/"] {
            assert_eq!(ask(bad, "").unwrap_err(), "it is at no address gw can ask");
        }
    }

    #[test]
    fn an_answer_that_never_comes_is_given_up() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let request = Request::get(format!("http://{address}/")).body(Bytes::new());
        let answer = block_on(fetch(request.unwrap(), Duration::ZERO));
        assert_eq!(
            answer.unwrap_err(),
            format!("`{address}`: no answer within 0 s")
        );
    }
}
