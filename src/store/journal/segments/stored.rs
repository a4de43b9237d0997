//! Bodies as they came, in the words of zstd: a frame that has raw blocks only, so that whoever reads compressed ones reads
//! these (RFC 8878, 3.1.1). Writing one is a copy.

/// The most that a block may hold.
const BLOCK: usize = 128 << 10;
const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();
/// All in one segment, whose length follows in four bytes.
const DESCRIPTOR: u8 = 0b1010_0000;
const HEAD: usize = MAGIC.len() + 1 + 4;
const BLOCK_HEAD: usize = 3;

/// What so many bytes come to.
pub fn len(raw: usize) -> usize {
    HEAD + BLOCK_HEAD * raw.div_ceil(BLOCK).max(1) + raw
}

/// Appends them; fewer than 4 GiB.
pub fn append(raw: &[u8], out: &mut Vec<u8>) {
    out.reserve(len(raw.len()));
    out.extend_from_slice(&MAGIC);
    out.push(DESCRIPTOR);
    out.extend_from_slice(&(raw.len() as u32).to_le_bytes());
    let mut rest = raw;
    loop {
        let (block, behind) = rest.split_at(rest.len().min(BLOCK));
        // A bit for the last one, two for the kind, which is 0, and the length.
        let head = (block.len() as u32) << 3 | u32::from(behind.is_empty());
        out.extend_from_slice(&head.to_le_bytes()[..BLOCK_HEAD]);
        out.extend_from_slice(block);
        if behind.is_empty() {
            return;
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_stored_is_read_by_whoever_reads_what_is_compressed() {
        let text: Vec<u8> = (0..3 * BLOCK + 7).map(|at| (at / 3 % 251) as u8).collect();
        let lengths = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, text.len()];
        for length in lengths {
            let raw = &text[..length];
            let mut out = b"before".to_vec();
            append(raw, &mut out);
            let stored = &out[6..];
            assert_eq!(stored.len(), len(length));
            let read = zstd::bulk::decompress(stored, length).unwrap();
            assert!(read == raw, "{length}");
            let streamed = zstd::stream::decode_all(stored).unwrap();
            assert!(streamed == raw, "{length}");
            for cut in [5, stored.len() - 1] {
                assert!(zstd::bulk::decompress(&stored[..cut], length).is_err());
            }
        }
    }
}
