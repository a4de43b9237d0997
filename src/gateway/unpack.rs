//! Request bodies that come compressed, unpacked piece by piece as they arrive, never beyond what a body may be: a bomb
//! is cut where it grows too large. Must not know where pieces come from, nor count them against shared bounds.

use crate::error::{Error, Kind, Result};
use crate::http1::fields::{Fields, text};
use brotli_decompressor::DecompressorWriter;
use bytes::{Bytes, BytesMut};
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use std::io::{self, Write};
use zstd::{
    stream::{
        raw::{DParameter, Decoder as ZstdDecoder},
        zio::Writer as ZstdWriter,
    },
    zstd_safe,
};

/// Content codings that are taken, by their names: <https://www.iana.org/assignments/http-parameters>.
const CODINGS: [(&str, Coding); 5] = [
    ("zstd", Coding::Zstd),
    ("gzip", Coding::Gzip),
    ("x-gzip", Coding::Gzip),
    ("deflate", Coding::Deflate),
    ("br", Coding::Br),
];

#[derive(Clone, Copy)]
enum Coding {
    Zstd,
    Gzip,
    Deflate,
    Br,
}

/// The largest window of zstd, as a power of two: what RFC 9659 allows it in HTTP. Decoders make room for it.
const ZSTD_WINDOW: u32 = 23;

/// What zstd returns for a larger one: `ZSTD_error_frameParameter_windowTooLarge` of its zstd_errors.h, negated.
const WINDOW_TOO_LARGE: usize = 0_usize.wrapping_sub(16);

/// A body being unpacked.
pub struct Unpacking {
    name: &'static str,
    decoder: Decoder,
}

enum Decoder {
    Zstd(Box<ZstdWriter<Sink, ZstdDecoder<'static>>>),
    Gzip(Box<MultiGzDecoder<Sink>>),
    /// Which of the two is meant by `deflate` shows in the first byte.
    Deflate(Sink),
    Zlib(Box<ZlibDecoder<Sink>>),
    RawDeflate(Box<DeflateDecoder<Sink>>),
    Br(Box<DecompressorWriter<Sink>>),
}

/// Where the unpacked bytes go, up to a bound.
#[derive(Default)]
struct Sink {
    out: BytesMut,
    most: usize,
    full: bool,
}

impl Write for Sink {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if piece.len() > self.most - self.out.len() {
            self.full = true;
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.out.extend_from_slice(piece);
        Ok(piece.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Unpacking {
    /// What the headers say of the body; `None` where it is not compressed. `most`: how large it may become.
    pub fn of(headers: &Fields, most: usize) -> Result<Option<Unpacking>> {
        let mut named = headers.all("content-encoding");
        let name = match (named.next(), named.next()) {
            (None, _) => return Ok(None),
            (Some(name), None) => text(name).unwrap_or("?").trim(),
            (Some(_), Some(_)) => return Err(several()),
        };
        if name.is_empty() || name.eq_ignore_ascii_case("identity") {
            return Ok(None);
        }
        if name.contains(',') {
            return Err(several());
        }
        let known = CODINGS
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        let Some((name, coding)) = known else {
            let shown: String = name.chars().take(32).flat_map(char::escape_debug).collect();
            return Err(Error::new(
                Kind::Unsupported,
                format!("the request body is compressed with `{shown}`, which gw does not take"),
            )
            .hint("compress it with zstd, gzip, deflate or br, or not at all"));
        };
        let sink = Sink {
            most,
            ..Sink::default()
        };
        let decoder = match coding {
            Coding::Zstd => Decoder::Zstd(Box::new(ZstdWriter::new(sink, zstd_decoder()?))),
            Coding::Gzip => Decoder::Gzip(Box::new(MultiGzDecoder::new(sink))),
            Coding::Deflate => Decoder::Deflate(sink),
            Coding::Br => Decoder::Br(Box::new(DecompressorWriter::new(sink, 32 << 10))),
        };
        Ok(Some(Unpacking { name, decoder }))
    }

    /// Unpacks a piece; how much more there is now. An error is the last word on this body.
    pub fn feed(&mut self, packed: &[u8]) -> Result<usize> {
        let Some(first) = packed.first() else {
            return Ok(0);
        };
        if let Decoder::Deflate(sink) = &mut self.decoder {
            let sink = std::mem::take(sink);
            // RFC 1950 section 2.2: method 8 and a window of at most 32 KiB.
            self.decoder = match first & 0x0f == 8 && first >> 4 <= 7 {
                true => Decoder::Zlib(Box::new(ZlibDecoder::new(sink))),
                // Without the wrapper, as some send it.
                false => Decoder::RawDeflate(Box::new(DeflateDecoder::new(sink))),
            };
        }
        let before = self.sink().out.len();
        let written = match &mut self.decoder {
            Decoder::Zstd(decoder) => decoder.write_all(packed).and_then(|()| decoder.flush()),
            Decoder::Gzip(decoder) => decoder.write_all(packed).and_then(|()| decoder.flush()),
            Decoder::Zlib(decoder) => decoder.write_all(packed).and_then(|()| decoder.flush()),
            Decoder::RawDeflate(decoder) => {
                decoder.write_all(packed).and_then(|()| decoder.flush())
            }
            Decoder::Br(decoder) => decoder.write_all(packed).and_then(|()| decoder.flush()),
            Decoder::Deflate(_) => Ok(()),
        };
        written.map_err(|error| self.broken(&error))?;
        Ok(self.sink().out.len() - before)
    }

    /// The whole body, once all has been fed.
    pub fn finish(mut self) -> Result<Bytes> {
        let ended = match &mut self.decoder {
            Decoder::Zstd(decoder) => decoder.finish(),
            Decoder::Gzip(decoder) => decoder.try_finish(),
            Decoder::Zlib(decoder) => decoder.try_finish(),
            Decoder::RawDeflate(decoder) => decoder.try_finish(),
            Decoder::Br(decoder) => decoder.close(),
            // Nothing came.
            Decoder::Deflate(_) => Err(io::ErrorKind::UnexpectedEof.into()),
        };
        ended.map_err(|error| self.broken(&error))?;
        Ok(std::mem::take(&mut self.sink().out).freeze())
    }

    fn sink(&mut self) -> &mut Sink {
        match &mut self.decoder {
            Decoder::Zstd(decoder) => decoder.writer_mut(),
            Decoder::Gzip(decoder) => decoder.get_mut(),
            Decoder::Deflate(sink) => sink,
            Decoder::Zlib(decoder) => decoder.get_mut(),
            Decoder::RawDeflate(decoder) => decoder.get_mut(),
            Decoder::Br(decoder) => decoder.get_mut(),
        }
    }

    fn broken(&mut self, error: &io::Error) -> Error {
        let Sink { full, most, .. } = *self.sink();
        match full {
            true => too_large(most),
            false if error.to_string() == zstd_safe::get_error_name(WINDOW_TOO_LARGE) => {
                Error::invalid(format!(
                    "the request body needs a zstd window larger than the {} MiB that are taken",
                    1 << (ZSTD_WINDOW - 20)
                ))
                .hint("compress it without --long and --ultra, or send it without Content-Encoding")
            }
            false => Error::invalid(format!(
                "the request body is not whole and valid {}",
                self.name
            ))
            .hint("send it again, or without Content-Encoding"),
        }
    }
}

fn zstd_decoder() -> Result<ZstdDecoder<'static>> {
    let mut decoder = ZstdDecoder::new().map_err(no_decoder)?;
    decoder
        .set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW))
        .map_err(no_decoder)?;
    Ok(decoder)
}

fn no_decoder(error: io::Error) -> Error {
    Error::internal("there is no room to unpack the request body").cause(error)
}

fn several() -> Error {
    Error::new(
        Kind::Unsupported,
        "the request body is compressed more than once, which gw does not take",
    )
    .hint("compress it once: with zstd, gzip, deflate or br")
}

/// More than is taken of a body, unpacked where it came packed.
pub(super) fn too_large(most: usize) -> Error {
    Error::new(
        Kind::TooLarge,
        format!("the request body, unpacked, is larger than {most} bytes"),
    )
    .hint("send less, or raise `limits.max_body`")
}

#[cfg(test)]
#[path = "unpack_tests.rs"]
mod tests;
