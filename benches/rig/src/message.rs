//! Where an HTTP/1.1 message on a connection ends. The messages of a connection are alike, so that the measures of the last one
//! are tried first and a message costs next to nothing.

use memchr::memmem;

/// The measures of the message seen last.
#[derive(Default)]
pub struct Shape {
    head: usize,
    whole: usize,
}

impl Shape {
    /// The length of the message that `bytes` begin with, once all of it is there.
    pub fn end(&mut self, bytes: &[u8]) -> Option<usize> {
        let same = self.whole > 0
            && bytes.len() == self.whole
            && bytes[..self.head].ends_with(b"\r\n\r\n");
        if same {
            return Some(self.whole);
        }
        let head = memmem::find(bytes, b"\r\n\r\n")? + 4;
        let whole = match length(&bytes[..head]) {
            Some(length) => head + length,
            None => memmem::find(&bytes[head - 2..], b"\r\n0\r\n\r\n")? + head + 5,
        };
        if bytes.len() < whole {
            return None;
        }
        // Chunked messages end where they say; only fixed lengths can be told by their size.
        *self = if length(&bytes[..head]).is_some() {
            Shape { head, whole }
        } else {
            Shape::default()
        };
        Some(whole)
    }
}

/// The value of `Content-Length`; nothing where the body is chunked.
fn length(head: &[u8]) -> Option<usize> {
    let head = head.to_ascii_lowercase();
    if memmem::find(&head, b"transfer-encoding: chunked").is_some() {
        return None;
    }
    let Some(at) = memmem::find(&head, b"content-length:") else {
        return Some(0);
    };
    let value = &head[at + b"content-length:".len()..];
    let line = &value[..memmem::find(value, b"\r\n")?];
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Shape;

    #[test]
    fn a_message_ends_where_its_head_says() {
        let fixed = b"POST / HTTP/1.1\r\ncontent-length: 3\r\n\r\nabc";
        let mut shape = Shape::default();
        assert_eq!(shape.end(&fixed[..20]), None);
        assert_eq!(shape.end(&fixed[..fixed.len() - 1]), None);
        assert_eq!(shape.end(fixed), Some(fixed.len()));
        assert_eq!(shape.end(fixed), Some(fixed.len()));
        let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        assert_eq!(shape.end(&chunked[..chunked.len() - 2]), None);
        assert_eq!(shape.end(chunked), Some(chunked.len()));
        assert_eq!(shape.end(b"HTTP/1.1 204 No Content\r\n\r\n"), Some(27));
    }
}
