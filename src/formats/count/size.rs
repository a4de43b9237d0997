//! How large an image is, by the head of its bytes; and how long a document. Reads nothing else of them.

/// Width and height of a PNG, GIF, JPEG or WebP; `None`: not told where it is looked for.
pub fn pixels(bytes: &[u8]) -> Option<(u32, u32)> {
    let big = |at: usize| Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let little = |at: usize| {
        Some(u32::from(u16::from_le_bytes(
            bytes.get(at..at + 2)?.try_into().ok()?,
        )))
    };
    match bytes {
        [0x89, b'P', b'N', b'G', ..] => Some((big(16)?, big(20)?)),
        [b'G', b'I', b'F', ..] => Some((little(6)?, little(8)?)),
        [0xff, 0xd8, ..] => jpeg(bytes),
        [b'R', b'I', b'F', b'F', ..] if bytes.get(12..16) == Some(b"VP8 ") => {
            Some((little(26)? & 0x3fff, little(28)? & 0x3fff))
        }
        _ => None,
    }
}

/// By its first frame header.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let &[0xff, kind, high, low] = bytes.get(at..at + 4)? else {
            return None;
        };
        if matches!(kind, 0xc0..=0xcf) && !matches!(kind, 0xc4 | 0xc8 | 0xcc) {
            let &[a, b, c, d] = bytes.get(at + 5..at + 9)? else {
                return None;
            };
            let (height, width) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            return Some((width.into(), height.into()));
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
}

/// Pages of a PDF, as far as its objects are not compressed; at least one.
pub fn pages(bytes: &[u8]) -> usize {
    let marks = |mark: &[u8]| {
        let found = memchr::memmem::find_iter(bytes, mark);
        let page = found.filter(|at| bytes.get(at + mark.len()).is_none_or(|next| *next != b's'));
        page.count()
    };
    (marks(b"/Type /Page") + marks(b"/Type/Page")).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_from_heads_and_nothing_panics_on_torn_ones() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x04\0\0\0\x02\0";
        let gif = b"GIF89a\x0a\0\x14\0";
        let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\0\x20\0\x40\x03";
        for (bytes, size) in [
            (&png[..], (1024, 512)),
            (&gif[..], (10, 20)),
            (&jpeg[..], (64, 32)),
        ] {
            assert_eq!(pixels(bytes), Some(size));
            for end in 0..bytes.len() {
                let torn = pixels(&bytes[..end]);
                assert!(torn.is_none() || torn == Some(size));
            }
        }
        assert_eq!(pixels(b"hello"), None);
        assert_eq!(
            pages(b"<</Type /Pages>> <</Type /Page >> <</Type/Page/x>>"),
            2
        );
        assert_eq!(pages(b""), 1);
    }
}
