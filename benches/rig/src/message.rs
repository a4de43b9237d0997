//! Where an HTTP/1.1 message on a connection ends, without keeping it. Nothing follows a message before it is answered. Messages
//! of a connection are mostly alike, so that the measures of the last one are tried first and a message costs next to nothing.

use memchr::memmem;

/// What is kept of a message's beginning: its first line says what it is.
const START: usize = 40;
/// The longest head. Some gateways answer with many headers.
const HEAD: usize = 64 << 10;
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// One direction of a connection.
pub struct Inbound {
    /// The message's first bytes, also of the last one once it is whole.
    start: [u8; START],
    /// A head of which more is to come.
    head: Vec<u8>,
    body: Body,
    /// The measures of the message seen last, where it came at once.
    last: Option<(usize, usize)>,
}

#[derive(PartialEq)]
enum Body {
    /// The head is not there yet.
    Unknown,
    Length(usize),
    /// With the last bytes seen, the newest at the end.
    Chunked([u8; LAST_CHUNK.len()]),
}

impl Default for Inbound {
    fn default() -> Inbound {
        Inbound {
            start: [0; START],
            head: Vec::new(),
            body: Body::Unknown,
            last: None,
        }
    }
}

impl Inbound {
    /// Takes what has come; whether the message is whole now.
    pub fn take(&mut self, bytes: &[u8]) -> Result<bool, &'static str> {
        if self.body == Body::Unknown {
            return self.begin(bytes);
        }
        self.go_on(bytes)
    }

    pub fn starts_with(&self, what: &[u8]) -> bool {
        self.start.starts_with(what)
    }

    fn begin(&mut self, bytes: &[u8]) -> Result<bool, &'static str> {
        if self.head.is_empty() {
            let known = bytes.len().min(START);
            self.start[..known].copy_from_slice(&bytes[..known]);
            if let Some((head, whole)) = self.last
                && bytes.len() == whole
                && bytes[..head].ends_with(b"\r\n\r\n")
            {
                return Ok(true);
            }
        }
        let kept = self.head.len();
        let at_once = kept == 0;
        self.head.extend_from_slice(bytes);
        let Some(end) = memmem::find(&self.head, b"\r\n\r\n") else {
            return match self.head.len() > HEAD {
                true => Err("a head is too long"),
                false => Ok(false),
            };
        };
        let end = end + 4;
        let known = end.min(START);
        self.start[..known].copy_from_slice(&self.head[..known]);
        self.body = framing(&self.head[..end]).ok_or("a message has no length that can be read")?;
        self.head.clear();
        self.last = match self.body {
            Body::Length(length) if at_once && bytes.len() == end + length => {
                Some((end, end + length))
            }
            _ => None,
        };
        if let Body::Chunked(seen) = &mut self.body {
            // An empty body is the last chunk alone, behind the end of the head.
            seen[LAST_CHUNK.len() - 2..].copy_from_slice(b"\r\n");
        }
        self.go_on(&bytes[end - kept..])
    }

    fn go_on(&mut self, bytes: &[u8]) -> Result<bool, &'static str> {
        let whole = match &mut self.body {
            Body::Unknown => false,
            Body::Length(left) => {
                *left = left
                    .checked_sub(bytes.len())
                    .ok_or("more than one message has come")?;
                *left == 0
            }
            Body::Chunked(seen) => {
                let new = bytes.len().min(seen.len());
                seen.copy_within(new.., 0);
                let from = seen.len() - new;
                seen[from..].copy_from_slice(&bytes[bytes.len() - new..]);
                seen == LAST_CHUNK
            }
        };
        if whole {
            self.body = Body::Unknown;
        }
        Ok(whole)
    }
}

/// What the head says of the body.
fn framing(head: &[u8]) -> Option<Body> {
    let head = head.to_ascii_lowercase();
    if memmem::find(&head, b"transfer-encoding: chunked").is_some()
        || memmem::find(&head, b"transfer-encoding:chunked").is_some()
    {
        return Some(Body::Chunked(Default::default()));
    }
    let Some(at) = memmem::find(&head, b"\r\ncontent-length:") else {
        return Some(Body::Length(0));
    };
    let value = &head[at + b"\r\ncontent-length:".len()..];
    let line = &value[..memmem::find(value, b"\r\n")?];
    let length = std::str::from_utf8(line).ok()?.trim().parse().ok()?;
    Some(Body::Length(length))
}

#[cfg(test)]
mod tests {
    use super::Inbound;

    const FIXED: &[u8] = b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc";
    const CHUNKED: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    const EMPTY: &[u8] = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    const NONE: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";

    #[test]
    fn a_message_ends_where_its_head_says_wherever_it_is_cut() {
        let mut inbound = Inbound::default();
        for message in [FIXED, FIXED, CHUNKED, EMPTY, NONE, FIXED] {
            assert_eq!(inbound.take(message), Ok(true));
            assert!(inbound.starts_with(&message[..9]));
            for cut in 1..message.len() {
                assert_eq!(inbound.take(&message[..cut]), Ok(false), "{cut}");
                assert_eq!(inbound.take(&message[cut..]), Ok(true), "{cut}");
                assert!(inbound.starts_with(&message[..9]));
            }
            for byte in &message[..message.len() - 1] {
                assert_eq!(inbound.take(&[*byte]), Ok(false));
            }
            assert_eq!(inbound.take(&message[message.len() - 1..]), Ok(true));
        }
    }

    #[test]
    fn what_does_not_belong_there_is_refused() {
        let mut inbound = Inbound::default();
        assert!(
            inbound
                .take(b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabcd")
                .is_err()
        );
        assert!(
            Inbound::default()
                .take(b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n")
                .is_err()
        );
        assert!(Inbound::default().take(&[b'a'; 70_000]).is_err());
    }
}
