//! A reply on its way out, with the delays, the framing and the faults of its script.

use super::connection::{Connection, End};
use super::http::{self, Framing};
use super::reply::Reply;
use super::script::{self, Script};
use super::stream::{Frame, Style, torn};
use std::io::Write as _;

/// What a reply is made of.
enum Body {
    Whole(Vec<u8>),
    Frames(Style, Vec<Frame>),
}

/// Bytes made at once where a script asks for many.
const BLOCK: usize = 64 << 10;
/// What a stream claims to be long where it claims anything.
const CLAIMED: usize = 1000;
/// Bytes of the status line that are out when a script breaks off inside the head.
const BEGUN: usize = 20;

/// A body going out: what waits to be written, and how far it is.
struct Outgoing<'a> {
    script: &'a Script,
    framing: Framing,
    out: Vec<u8>,
    /// Bytes of the body so far.
    at: usize,
    /// It is cut short by a chunk that is none.
    bad_chunk: bool,
}

impl<'a> Outgoing<'a> {
    /// Adds bytes of the body, cut and framed.
    fn add(&mut self, bytes: &[u8]) {
        let Script { cut, cut_at, .. } = self.script;
        let first = cut_at.map(|at| at.saturating_sub(self.at).min(bytes.len()));
        let (first, rest) = bytes.split_at(first.unwrap_or(0));
        for part in [first, rest].into_iter().filter(|part| !part.is_empty()) {
            for piece in part.chunks(cut.unwrap_or(usize::MAX)) {
                match self.framing.is_chunked() {
                    true => self.out.extend_from_slice(&http::chunk(piece)),
                    false => self.out.extend_from_slice(piece),
                }
            }
        }
        self.at += bytes.len();
    }

    /// Ends the body, as far as its framing has an end.
    fn end(&mut self) {
        if self.framing.is_chunked() {
            self.out.extend_from_slice(b"0\r\n\r\n");
        }
    }
}

impl Connection {
    pub(super) async fn send(
        &mut self,
        reply: Reply,
        script: &Script,
        keep_alive: bool,
    ) -> Result<(), End> {
        if script.close_before || script.reset_before {
            return Err(End::Broken(script.reset_before));
        }
        self.wait(script.delay_headers).await?;
        if let Some(status) = script.interim {
            let early = format!("HTTP/1.1 {status} Interim\r\nlink: </style.css>\r\n\r\n");
            self.write_all(early.as_bytes()).await?;
        }
        let (status, content_type, mut extra, body) = match reply {
            Reply::Whole {
                status,
                content_type,
                extra,
                body,
            } => (status, content_type, extra, Body::Whole(body)),
            Reply::Stream {
                extra,
                style,
                frames,
            } => (
                200,
                style.content_type(),
                extra,
                Body::Frames(style, frames),
            ),
        };
        let body = match script.gzip {
            Some(bytes @ 1..) => Body::Whole(packed(bytes)),
            _ => body,
        };
        let body = match body {
            Body::Whole(body) if script.bad_text => Body::Whole(torn(&body)),
            body => body,
        };
        if script.gzip.is_some() {
            extra.push("content-encoding: gzip".into());
        }
        extra.extend(script.header.iter().cloned());
        let framing = framing(&body, script);
        self.over = framing == Framing::Close;
        let keep_alive = keep_alive && !self.over;
        let mut head = http::head(status, content_type, framing, keep_alive, &extra);
        odd(&mut head, script);
        if script.reset_in_header || script.stall_in_header {
            head.truncate(BEGUN);
            self.write_all(&head).await?;
            return match script.reset_in_header {
                true => Err(End::Broken(true)),
                false => self.stall().await,
            };
        }
        let mut out = Outgoing {
            script,
            framing,
            out: head,
            at: 0,
            bad_chunk: script.framing == Some(script::Framing::BadChunk),
        };
        match body {
            Body::Whole(body) => self.send_whole(&mut out, &body).await,
            Body::Frames(style, frames) => self.send_frames(&mut out, style, frames).await,
        }
    }

    async fn send_whole(&mut self, out: &mut Outgoing<'_>, body: &[u8]) -> Result<(), End> {
        let script = out.script;
        if script.delay_first.is_some() {
            self.flush(out).await?;
            self.wait(script.delay_first).await?;
        }
        let broken = breaks_off(script) || out.bad_chunk;
        let body = if broken {
            &body[..body.len() / 2]
        } else {
            body
        };
        out.add(body);
        if out.bad_chunk {
            return self.bad_chunk(out).await;
        }
        if !broken {
            out.end();
        }
        match script.chunk.zip(script.pace) {
            None => self.flush(out).await?,
            Some((size, pace)) => {
                for piece in std::mem::take(&mut out.out).chunks(size) {
                    self.write_all(piece).await?;
                    self.wait(Some(pace)).await?;
                }
            }
        }
        self.fault_after(script, usize::MAX).await?;
        self.events = 1;
        Ok(())
    }

    async fn send_frames(
        &mut self,
        out: &mut Outgoing<'_>,
        style: Style,
        frames: Vec<Frame>,
    ) -> Result<(), End> {
        let script = out.script;
        let at_once = script.pace.is_none()
            && script.chunk.is_none()
            && script.trickle.is_none()
            && !breaks_off(script);
        if script.delay_first.is_some() || !at_once {
            self.flush(out).await?;
        }
        self.wait(script.delay_first).await?;
        self.fault_after(script, 0).await?;
        let mut content = 0;
        for (at, frame) in frames.iter().enumerate() {
            if frame.content && content > 0 {
                self.wait(script.pace).await?;
            }
            let (before, behind) = style.bytes(frame, at, at + 1 == frames.len());
            let whole = match script.bad_text && !matches!(style, Style::Binary(_)) {
                true => torn(&before),
                false => before,
            };
            match frame.filling {
                0 => out.add(&[whole, behind].concat()),
                filling => {
                    out.add(&whole);
                    self.fill_up(out, filling).await?;
                    out.add(&behind);
                }
            }
            if out.bad_chunk && frame.content {
                return self.bad_chunk(out).await;
            }
            if !at_once {
                self.flush(out).await?;
            }
            self.events += 1;
            if frame.content {
                content += 1;
                self.fault_after(script, content).await?;
            }
        }
        out.add(style.tail(frames.is_empty()));
        out.end();
        self.flush(out).await
    }

    /// Writes so many letters without holding them.
    async fn fill_up(&mut self, out: &mut Outgoing<'_>, mut filling: usize) -> Result<(), End> {
        let block = [b'x'; BLOCK];
        while filling > 0 {
            let piece = &block[..filling.min(BLOCK)];
            out.add(piece);
            self.flush(out).await?;
            filling -= piece.len();
        }
        Ok(())
    }

    /// A chunk whose size is no number, and the end of the connection.
    async fn bad_chunk(&mut self, out: &mut Outgoing<'_>) -> Result<(), End> {
        out.out.extend_from_slice(b"zz\r\nzz\r\n");
        self.flush(out).await?;
        self.stall().await
    }

    /// Writes what waits, in the pieces that the script asks for.
    async fn flush(&mut self, out: &mut Outgoing<'_>) -> Result<(), End> {
        let bytes = std::mem::take(&mut out.out);
        let script = out.script;
        if let (Some(_), true) = (script.trickle, out.at > 0) {
            for byte in bytes {
                self.wait(script.trickle).await?;
                self.write_all(&[byte]).await?;
            }
            return Ok(());
        }
        let Some(size) = script.chunk else {
            return self.write_all(&bytes).await;
        };
        for piece in bytes.chunks(size) {
            self.write_all(piece).await?;
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Breaks off where the script says so: `at` content events are out; `usize::MAX`: half of a whole body.
    async fn fault_after(&mut self, script: &Script, at: usize) -> Result<(), End> {
        let due = |after: Option<usize>| after.is_some_and(|after| after == at || at == usize::MAX);
        if due(script.reset_after) {
            return Err(End::Broken(true));
        }
        if due(script.close_after) {
            return Err(End::Broken(false));
        }
        if due(script.stall_after) {
            return self.stall().await;
        }
        Ok(())
    }
}

/// Whether the script ends the answer before its end.
fn breaks_off(script: &Script) -> bool {
    let after = script.reset_after.or(script.close_after);
    after.or(script.stall_after).is_some()
}

/// How the body says where it ends.
fn framing(body: &Body, script: &Script) -> Framing {
    let cut = script.cut.or(script.cut_at).is_some();
    let length = match body {
        Body::Whole(body) => Some(body.len()),
        Body::Frames(..) => None,
    };
    match script.framing {
        Some(script::Framing::Close) => Framing::Close,
        Some(script::Framing::TwoLengths) => Framing::TwoLengths(length.unwrap_or(CLAIMED)),
        Some(script::Framing::LengthAndChunks) => {
            Framing::LengthAndChunks(length.unwrap_or(CLAIMED))
        }
        Some(script::Framing::BadChunk) => Framing::Chunked,
        None if cut => Framing::Chunked,
        None => length.map_or(Framing::Chunked, Framing::Length),
    }
}

/// Puts the headers in that no HTTP library would write.
fn odd(head: &mut Vec<u8>, script: &Script) {
    head.truncate(head.len() - 2);
    for at in 0..script.headers.unwrap_or(0) {
        let _ = write!(head, "x-mock-{at}: {at}\r\n");
    }
    if let Some(bytes) = script.header_bytes {
        head.extend_from_slice(b"x-mock-long: ");
        head.resize(head.len() + bytes, b'x');
        head.extend_from_slice(b"\r\n");
    }
    if script.bad_header {
        head.extend_from_slice(b"x-mock-evil: a\r\nset-cookie\r\n");
    }
    head.extend_from_slice(b"\r\n");
}

/// So many zeros as gzip: members of at most 1 MiB in a row, which is one body like any other (RFC 1952 section 2.2).
fn packed(bytes: usize) -> Vec<u8> {
    const MEMBER: usize = 1 << 20;
    let member = |bytes: usize| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        let _ = packer.write_all(&vec![0; bytes]);
        packer.finish().unwrap_or_default()
    };
    let mut all = match bytes / MEMBER {
        0 => Vec::new(),
        whole => member(MEMBER).repeat(whole),
    };
    match bytes % MEMBER {
        0 => {}
        rest => all.extend(member(rest)),
    }
    all
}
