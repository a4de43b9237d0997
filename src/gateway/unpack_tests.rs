//! What is unpacked, in whatever pieces it comes, and what is refused.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use flate2::{Compression, write};

fn begin(coding: &str, most: usize) -> Result<Option<Unpacking>> {
    let headers = [("content-encoding", coding)].into_iter().collect();
    Unpacking::of(&headers, most)
}

fn unpack(coding: &str, packed: &[u8], piece: usize, most: usize) -> Result<Bytes> {
    let mut unpacking = begin(coding, most)?.unwrap();
    let mut grown = 0;
    for piece in packed.chunks(piece) {
        grown += unpacking.feed(piece)?;
    }
    let all = unpacking.finish()?;
    assert!(grown <= all.len());
    Ok(all)
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packer = write::GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

/// `text` in every coding that can be made here, with what it is called.
fn packed(text: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut zlib = write::ZlibEncoder::new(Vec::new(), Compression::default());
    let mut raw = write::DeflateEncoder::new(Vec::new(), Compression::default());
    zlib.write_all(text).unwrap();
    raw.write_all(text).unwrap();
    vec![
        ("zstd", zstd::encode_all(text, 3).unwrap()),
        ("zstd", zstd::bulk::compress(text, 19).unwrap()),
        ("gzip", gzip(text)),
        ("x-gzip", gzip(text)),
        ("GZIP", gzip(text)),
        ("deflate", zlib.finish().unwrap()),
        ("deflate", raw.finish().unwrap()),
        ("br", stored(text)),
    ]
}

/// Brotli without compression: RFC 7932 section 9.2, uncompressed meta-blocks.
fn stored(text: &[u8]) -> Vec<u8> {
    let (mut bits, mut count, mut out) = (0u64, 0, Vec::new());
    let mut put = |value: u64, width: u32, out: &mut Vec<u8>, align: bool| {
        bits |= value << count;
        count += width;
        if align {
            count = count.div_ceil(8) * 8;
        }
        while count >= 8 {
            out.push(bits as u8);
            bits >>= 8;
            count -= 8;
        }
    };
    put(0, 1, &mut out, false); // a window of 64 KiB
    for block in text.chunks(1 << 16) {
        put(0, 1, &mut out, false); // not the last
        put(0, 2, &mut out, false); // the length has four nibbles
        put(block.len() as u64 - 1, 16, &mut out, false);
        put(1, 1, &mut out, true); // uncompressed
        out.extend_from_slice(block);
    }
    put(0b11, 2, &mut out, true); // the last, and empty
    out
}

fn text() -> Vec<u8> {
    (0..30_000u32)
        .flat_map(|at| (at * at).to_string().into_bytes())
        .collect()
}

#[test]
fn every_coding_is_unpacked_in_pieces_of_any_size() {
    for text in [text(), b"{}".to_vec(), vec![b' '; 1 << 20]] {
        for (coding, packed) in packed(&text) {
            for piece in [1, 7, 4096, usize::MAX] {
                if piece == 1 && packed.len() > 100_000 {
                    continue;
                }
                let got = unpack(coding, &packed, piece, text.len()).unwrap();
                assert!(got == text, "{coding} of {} in {piece}", text.len());
            }
        }
    }
    // Several members or frames, one behind the other.
    let two = [gzip(b"one"), gzip(b"two")].concat();
    assert_eq!(unpack("gzip", &two, 5, 100).unwrap(), "onetwo");
    let two = [
        zstd::encode_all(&b"one"[..], 1).unwrap(),
        zstd::encode_all(&b"two"[..], 1).unwrap(),
    ]
    .concat();
    assert_eq!(unpack("zstd", &two, 5, 100).unwrap(), "onetwo");
}

#[test]
fn what_is_not_whole_or_not_valid_is_refused() {
    let text = text();
    for (coding, packed) in packed(&text) {
        let refused = |packed: &[u8]| {
            let error = unpack(coding, packed, 1000, 1 << 20).unwrap_err();
            let name = coding.to_ascii_lowercase();
            assert_eq!(
                (error.kind, error.message),
                (
                    Kind::Invalid,
                    format!("the request body is not whole and valid {name}")
                ),
                "{coding} of {}",
                packed.len()
            );
        };
        for end in [0, 1, 2, packed.len() / 2, packed.len() - 1] {
            refused(&packed[..end]);
        }
        refused(&text);
        refused(&[&packed[..], b"and more behind its end, which is none of it"].concat());
    }
}

#[test]
fn a_bomb_is_cut_where_it_grows_too_large() {
    let zeros = vec![0; 8 << 20];
    for (coding, packed) in packed(&zeros) {
        for piece in [1024, usize::MAX] {
            let error = unpack(coding, &packed, piece, 1 << 20).unwrap_err();
            assert_eq!(
                (error.kind, error.message),
                (
                    Kind::TooLarge,
                    "the request body, unpacked, is larger than 1048576 bytes".to_owned()
                ),
                "{coding}"
            );
        }
    }
    // A window that alone is larger than bodies are.
    let mut packer = zstd::Encoder::new(Vec::new(), 1).unwrap();
    packer.window_log(27).unwrap();
    packer.write_all(b"small").unwrap();
    let wide = packer.finish().unwrap();
    let error = unpack("zstd", &wide, 1000, 1 << 20).unwrap_err();
    assert_eq!(
        (error.kind, error.message, error.hint.as_deref()),
        (
            Kind::Invalid,
            "the request body needs a zstd window larger than the 8 MiB that are taken".to_owned(),
            Some("compress it without --long and --ultra, or send it without Content-Encoding")
        )
    );
}

#[test]
fn only_one_known_coding_is_taken() {
    for none in ["identity", "Identity", ""] {
        assert!(begin(none, 1).unwrap().is_none(), "{none}");
    }
    let said = |coding: &str| {
        let error = begin(coding, 1).map(drop).unwrap_err();
        assert_eq!(error.kind.row().status, 415);
        error.message
    };
    for list in ["gzip, zstd", "gzip,gzip", "identity, gzip"] {
        assert_eq!(
            said(list),
            "the request body is compressed more than once, which gw does not take"
        );
    }
    for (coding, shown) in [
        ("lz4", "lz4"),
        ("compress", "compress"),
        ("aws-chunked", "aws-chunked"),
    ] {
        assert_eq!(
            said(coding),
            format!("the request body is compressed with `{shown}`, which gw does not take")
        );
    }
}
