//! Bodies that callers compress: coding agents do by default.

use super::http::{BODY_LIMIT, Request};
use std::io::Read;

/// Puts a request's body in plain; an error says why it cannot be.
pub fn plain(request: &mut Request) -> Result<(), &'static str> {
    let Some(encoding) = request.header("content-encoding") else {
        return Ok(());
    };
    let body = request.body.as_slice();
    let mut reader: Box<dyn Read + '_> = match encoding {
        "identity" => return Ok(()),
        "gzip" => Box::new(flate2::read::GzDecoder::new(body)),
        "deflate" => Box::new(flate2::read::ZlibDecoder::new(body)),
        "zstd" => Box::new(zstd::Decoder::new(body).map_err(|_| "the body is not zstd")?),
        _ => return Err("the mock does not know this content-encoding"),
    };
    let mut plain = Vec::new();
    reader
        .by_ref()
        .take(BODY_LIMIT as u64 + 1)
        .read_to_end(&mut plain)
        .map_err(|_| "the body is not in its content-encoding")?;
    drop(reader);
    if plain.len() > BODY_LIMIT {
        return Err("the body is too large in plain");
    }
    request.body = plain;
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn with(encoding: &str, body: Vec<u8>) -> Request {
        Request {
            headers: vec![("content-encoding".into(), encoding.into())],
            body,
            ..Request::default()
        }
    }

    #[test]
    fn compressed_bodies_are_read() {
        let zstd = zstd::encode_all(&b"{}"[..], 1).unwrap();
        let mut request = with("zstd", zstd);
        plain(&mut request).unwrap();
        assert_eq!(request.body, b"{}");
        assert!(plain(&mut with("zstd", b"no".to_vec())).is_err());
        assert!(plain(&mut with("br", Vec::new())).is_err());
        plain(&mut Request::default()).unwrap();
    }
}
