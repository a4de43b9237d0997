//! Bodies handed on as they come: in flat memory whoever is slow, sent once, and cut off on both sides as soon as one side
//! has gone or something is wrong with them.

use crate::harness::{http, until};
use crate::kit::{Bench, Plan, plan, read_until, status};
use crate::standin::{FORM, StandIn, field, form, head, json as told};
use serde_json::json;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    mpsc,
};

const PATH: &str = "/r/v1/audio/transcriptions";
const ALL: usize = 200 << 20;
/// What may be added to the gateway's memory by one body on its way.
const FLAT: usize = 40 << 20;

fn with_upstream(url: &str) -> Plan {
    plan()
        .provider("up", json!({"vendor": "openai-compatible", "base_url": format!("{url}/v1")}))
        .at("r", &["up/real"])
        .at_with(
            "through",
            &["up"],
            json!({"passthrough": ["up"], "passthrough_paths": ["/"], "passthrough_methods": ["GET", "POST"]}),
        )
}

/// Bytes of the process's own memory, files and shared pages apart.
fn memory(pid: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:"));
    let kib = line
        .and_then(|line| line.split_whitespace().nth(1))
        .unwrap();
    kib.parse::<usize>().unwrap() << 10
}

/// A form with a file of this size, up to the file; what follows it; the length of all.
fn long_form(file: usize) -> (String, &'static str, usize) {
    let head = format!(
        "{}--b0\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n",
        field("model", "asked")
    );
    let end = "\r\n--b0--\r\n";
    let length = head.len() + file + end.len();
    (head, end, length)
}

fn request_head(bench: &Bench, method: &str, path: &str, length: Option<usize>) -> String {
    let framing = match length {
        Some(length) => format!("Content-Length: {length}"),
        None => "Transfer-Encoding: chunked".to_owned(),
    };
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: {}\r\n{framing}\r\n\r\n",
        bench.host(),
        bench.key,
        FORM.1
    )
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

/// A side that writes as much as it can, and says when it cannot.
struct Writer {
    wrote: AtomicUsize,
    blocked: AtomicBool,
    done: AtomicBool,
}

impl Writer {
    /// Writes this many bytes; `wait`: before each piece, with how many were written.
    fn write(&self, socket: &mut TcpStream, all: usize, wait: impl Fn(usize)) {
        socket.set_nonblocking(true).unwrap();
        let piece = vec![b'x'; 256 << 10];
        let mut left = all;
        while left > 0 {
            wait(all - left);
            match socket.write(&piece[..piece.len().min(left)]) {
                Ok(wrote) => {
                    left -= wrote;
                    self.wrote.fetch_add(wrote, SeqCst);
                    self.blocked.store(false, SeqCst);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.blocked.store(true, SeqCst);
                    std::thread::yield_now();
                }
                Err(error) => panic!("{error} after {} bytes", all - left),
            }
        }
        socket.set_nonblocking(false).unwrap();
        self.done.store(true, SeqCst);
    }
}

/// Reads `all` bytes, of which some have come. Slowly: a piece only once the other side can write no more.
fn read_all(
    socket: &mut TcpStream,
    have: usize,
    all: usize,
    slow: bool,
    writer: &Writer,
    pid: u32,
) -> usize {
    let (mut left, mut most) = (all - have, 0);
    let mut piece = vec![0; 64 << 10];
    while left > 0 {
        if slow && left % (8 << 20) < piece.len() {
            let mut before = usize::MAX;
            until("the writer is stuck or has written all", || {
                let wrote = writer.wrote.load(SeqCst);
                let stuck = writer.blocked.load(SeqCst) && wrote == before;
                before = wrote;
                (stuck || writer.done.load(SeqCst)).then_some(())
            });
            most = most.max(memory(pid));
        }
        let read = socket.read(&mut piece).unwrap();
        assert!(read > 0, "the body ended {left} bytes early");
        left -= read;
        if left % (8 << 20) < piece.len() {
            most = most.max(memory(pid));
        }
    }
    most
}

fn writer() -> Arc<Writer> {
    Arc::new(Writer {
        wrote: AtomicUsize::new(0),
        blocked: AtomicBool::new(false),
        done: AtomicBool::new(false),
    })
}

/// Uploads a form of 200 MB: the most memory the gateway had while it passed, beyond what it had before.
fn upload(slow_reader: bool) -> usize {
    let (listener, url) = listener();
    let bench = with_upstream(&url).start();
    let pid = bench.gateway.pid;
    // What the first request of all takes stays.
    let warm = StandIn::start(|_| told(200, "{}"));
    drop(warm);
    let (form, end, length) = long_form(ALL);
    let before = memory(pid);
    let writer = writer();
    let (told_most, most) = mpsc::channel();
    let upstream = std::thread::spawn({
        let writer = writer.clone();
        move || {
            let (mut socket, _) = listener.accept().unwrap();
            let (heard, rest) = head(&mut socket).unwrap();
            let length: usize = heard.header("content-length").unwrap().parse().unwrap();
            let most = read_all(&mut socket, rest.len(), length, slow_reader, &writer, pid);
            told_most.send(most).unwrap();
            socket.write_all(&told(200, r#"{"text":"hi"}"#)).unwrap();
            length
        }
    });
    let mut socket = bench.socket();
    let head = request_head(&bench, "POST", PATH, Some(length));
    socket.write_all((head + &form).as_bytes()).unwrap();
    writer.write(&mut socket, ALL, |_| {});
    socket.write_all(end.as_bytes()).unwrap();
    read_until(&mut socket, r#"{"text":"hi"}"#);
    // `asked` became `real`.
    assert_eq!(upstream.join().unwrap(), length - 1);
    most.recv().unwrap().saturating_sub(before)
}

#[test]
fn a_long_upload_takes_no_memory_whoever_is_slow() {
    for slow_reader in [true, false] {
        let more = upload(slow_reader);
        assert!(
            more < FLAT,
            "slow upstream: {slow_reader}, {more} bytes more"
        );
    }
}

#[test]
fn a_long_upload_from_a_slow_caller_takes_no_memory() {
    let (listener, url) = listener();
    let bench = with_upstream(&url).start();
    let pid = bench.gateway.pid;
    let (form, end, length) = long_form(ALL);
    let before = memory(pid);
    let got = Arc::new(AtomicUsize::new(0));
    let upstream = std::thread::spawn({
        let got = got.clone();
        move || {
            let (mut socket, _) = listener.accept().unwrap();
            let (_, rest) = head(&mut socket).unwrap();
            let (mut have, mut piece) = (rest.len(), vec![0; 256 << 10]);
            let mut most = 0;
            while have < length - 1 {
                got.store(have, SeqCst);
                have += socket.read(&mut piece).unwrap();
                most = most.max(memory(pid));
            }
            socket.write_all(&told(200, r#"{"text":"hi"}"#)).unwrap();
            most
        }
    });
    let mut socket = bench.socket();
    let head = request_head(&bench, "POST", PATH, Some(length));
    socket.write_all((head + &form).as_bytes()).unwrap();
    // Each piece once the one before it has arrived.
    writer().write(&mut socket, ALL, |wrote| {
        until("the upstream has what was sent", || {
            (got.load(SeqCst) + (512 << 10) >= wrote).then_some(())
        });
    });
    socket.write_all(end.as_bytes()).unwrap();
    read_until(&mut socket, r#"{"text":"hi"}"#);
    let more = upstream.join().unwrap().saturating_sub(before);
    assert!(more < FLAT, "{more} bytes more");
}

#[test]
fn a_long_download_takes_no_memory_whoever_is_slow() {
    for slow_reader in [true, false] {
        let (listener, url) = listener();
        let bench = with_upstream(&url).start();
        let pid = bench.gateway.pid;
        let before = memory(pid);
        let writer = writer();
        let upstream = std::thread::spawn({
            let writer = writer.clone();
            move || {
                let (mut socket, _) = listener.accept().unwrap();
                head(&mut socket).unwrap();
                write!(
                    socket,
                    "HTTP/1.1 200 OK\r\ncontent-type: video/mp4\r\ncontent-length: {ALL}\r\n\r\n"
                )
                .unwrap();
                writer.write(&mut socket, ALL, |_| {});
                drop(socket.read(&mut [0]));
            }
        });
        let mut socket = http::send(
            "GET",
            &bench.url("/through/passthrough/up/v1/videos/v1/content"),
            &[("authorization", &format!("Bearer {}", bench.key))],
            "",
        );
        let (heard, rest) = head(&mut socket).unwrap();
        assert_eq!(
            heard.header("content-length"),
            Some(ALL.to_string().as_str())
        );
        let more = read_all(&mut socket, rest.len(), ALL, slow_reader, &writer, pid);
        let more = more.saturating_sub(before);
        assert!(more < FLAT, "slow caller: {slow_reader}, {more} bytes more");
        drop((socket, bench));
        upstream.join().unwrap();
    }
}

/// What an upstream does with a long upload after its beginning.
fn upstream_that(act: impl FnOnce(TcpStream) + Send + 'static) -> (String, mpsc::Receiver<usize>) {
    let (listener, url) = listener();
    let (told, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let mut act = Some(act);
        for socket in listener.incoming().flatten() {
            let mut socket = socket;
            let Some((heard, _)) = head(&mut socket) else {
                continue;
            };
            let length = heard.header("content-length").unwrap_or("0");
            told.send(length.parse().unwrap()).unwrap();
            if let Some(act) = act.take() {
                act(socket);
            }
        }
    });
    (url, heard)
}

/// Sends the head of a long form and this much of its file.
fn begin(bench: &Bench, path: &str, sent: usize, all: usize) -> TcpStream {
    let (form, _, length) = long_form(all);
    let mut socket = bench.socket();
    let head = request_head(bench, "POST", path, Some(length));
    socket.write_all((head + &form).as_bytes()).unwrap();
    // The gateway may answer and close before it has read all.
    drop(socket.write_all(&vec![b'x'; sent]));
    socket
}

const SOME: usize = 300 << 10;

#[test]
fn what_has_gone_out_in_part_goes_to_nobody_else() {
    let (url, heard) = upstream_that(drop);
    let spare = StandIn::start(|_| told(200, "{}"));
    let spare_url = format!("{}/v1", spare.url);
    let bench = with_upstream(&url)
        .provider(
            "spare",
            json!({"vendor": "openai-compatible", "base_url": spare_url}),
        )
        .at_with("both", &["up/real", "spare/real"], json!({"retries": 2}))
        .start();
    let mut socket = begin(&bench, "/both/v1/audio/transcriptions", SOME, ALL);
    let got = read_until(&mut socket, "\r\n\r\n");
    assert_eq!(status(&got), 502, "{got}");
    heard.recv().unwrap();
    assert!(heard.try_recv().is_err() && spare.heard().is_empty());
    let row = bench.row_where("the row is written", |row| row["status"] == 502);
    let attempts = row["attempts"].as_array().unwrap();
    let reason = attempts[0]["reason"].as_str().unwrap();
    assert!(
        attempts.len() == 1 && reason.ends_with("stopped: the body has gone out, and goes once"),
        "{row}"
    );
}

#[test]
fn before_anything_has_gone_out_another_target_is_chosen() {
    let (listener, dead) = listener();
    drop(listener);
    let up = StandIn::start(|_| told(200, r#"{"text":"hi"}"#));
    let bench = with_upstream(&up.url)
        .provider(
            "dead",
            json!({"vendor": "openai-compatible", "base_url": format!("{dead}/v1")}),
        )
        .at("both", &["dead/longer-name", "up/real"])
        .start();
    let (_, end, length) = long_form(SOME);
    let mut socket = begin(&bench, "/both/v1/audio/transcriptions", SOME, SOME);
    socket.write_all(end.as_bytes()).unwrap();
    let got = read_until(&mut socket, r#"{"text":"hi"}"#);
    assert!(got.contains("x-gw-attempts: 2"), "{got}");
    let heard = up.take();
    let (form, ..) = long_form(SOME);
    assert!(heard.whole && heard.text() == form.replace("asked", "real") + &"x".repeat(SOME) + end);
    assert_eq!(
        heard.header("content-length"),
        Some((length - 1).to_string().as_str())
    );
}

#[test]
fn both_connections_go_on_after_an_upload() {
    let up = StandIn::start(|_| told(200, r#"{"text":"hi"}"#));
    let bench = with_upstream(&up.url).start();
    let body = form(&[("model", "asked")], "x");
    let long =
        form(&[], &"x".repeat(SOME)).replacen("--b0", &(field("model", "asked") + "--b0"), 1);
    let mut socket = bench.socket();
    for body in [&long, &body, &long] {
        let head = request_head(&bench, "POST", PATH, Some(body.len()));
        socket.write_all((head + body).as_bytes()).unwrap();
        let got = read_until(&mut socket, r#"{"text":"hi"}"#);
        assert!(
            status(&got) == 200 && !got.contains("connection: close"),
            "{got}"
        );
        assert!(up.take().text() == body.replace("asked", "real"));
    }
}

#[test]
fn a_form_of_a_promised_length_without_an_end_never_gets_there() {
    let (ended, end) = mpsc::channel();
    let (url, heard) = upstream_that(move |socket| ended.send(read_away(socket)).unwrap());
    let bench = with_upstream(&url).start();
    let (form, ..) = long_form(0);
    let body = form + &"x".repeat(SOME);
    let mut socket = bench.socket();
    let head = request_head(&bench, "POST", PATH, Some(body.len()));
    socket.write_all((head + &body).as_bytes()).unwrap();
    let got = read_until(&mut socket, "the form ends before its last boundary");
    assert_eq!(status(&got), 400, "{got}");
    let promised = heard.recv().unwrap();
    let came = end
        .recv_timeout(std::time::Duration::from_secs(30))
        .unwrap();
    assert!(came < promised, "{came} of {promised}");
}

#[test]
fn a_long_download_from_a_slow_upstream_takes_no_memory() {
    let got = Arc::new(AtomicUsize::new(0));
    let (url, _heard) = upstream_that({
        let got = got.clone();
        move |mut socket| {
            write!(socket, "HTTP/1.1 200 OK\r\ncontent-length: {ALL}\r\n\r\n").unwrap();
            writer().write(&mut socket, ALL, |wrote| {
                until("the caller has what was sent", || {
                    (got.load(SeqCst) + (512 << 10) >= wrote).then_some(())
                });
            });
        }
    });
    let bench = with_upstream(&url).start();
    let (pid, mut most) = (bench.gateway.pid, 0);
    let before = memory(pid);
    let (mut socket, rest) = download(&bench);
    let (mut have, mut piece) = (rest.len(), vec![0; 256 << 10]);
    while have < ALL {
        got.store(have, SeqCst);
        have += socket.read(&mut piece).unwrap();
        most = most.max(memory(pid));
    }
    let more = most.saturating_sub(before);
    assert!(more < FLAT, "{more} bytes more");
}

#[test]
fn a_body_without_a_length_goes_out_without_one() {
    let up = StandIn::start(|_| told(200, r#"{"text":"hi"}"#));
    let bench = with_upstream(&up.url).start();
    let (form, end, _) = long_form(SOME);
    let body = form + &"x".repeat(SOME) + end;
    let mut socket = bench.socket();
    socket
        .write_all(request_head(&bench, "POST", PATH, None).as_bytes())
        .unwrap();
    for piece in body.as_bytes().chunks(10_000) {
        write!(socket, "{:x}\r\n", piece.len()).unwrap();
        socket.write_all(piece).unwrap();
        socket.write_all(b"\r\n").unwrap();
    }
    socket.write_all(b"0\r\n\r\n").unwrap();
    read_until(&mut socket, r#"{"text":"hi"}"#);
    let heard = up.take();
    assert_eq!(
        (
            heard.header("content-length"),
            heard.header("transfer-encoding")
        ),
        (None, Some("chunked"))
    );
    assert!(heard.text() == body.replace("asked", "real"));
}

#[test]
fn a_long_form_may_name_its_model_behind_its_file_where_the_route_names_one() {
    let up = StandIn::start(|_| told(200, r#"{"text":"hi"}"#));
    let bench = with_upstream(&up.url).at("free", &["up"]).start();
    let send = |route: &str, body: &str| {
        let mut socket = bench.socket();
        let path = format!("/{route}/v1/audio/transcriptions");
        socket
            .write_all((request_head(&bench, "POST", &path, Some(body.len())) + body).as_bytes())
            .unwrap();
        let got = read_until(&mut socket, "}");
        (status(&got), got)
    };
    let file = "r\r\n--b".repeat(SOME / 6);
    let late = form(
        &[("language", "en"), ("model", "asked"), ("prompt", "x")],
        &file,
    );
    let none = form(&[("language", "en")], &file);
    for (body, want) in [
        (&late, late.replace("asked", "real")),
        (
            &none,
            none.replace("--b0--", &(field("model", "real") + "--b0--")),
        ),
    ] {
        let (code, got) = send("r", body);
        assert_eq!(code, 200, "{got}");
        let heard = up.take();
        assert!(
            heard.whole && heard.text() == want,
            "{} {}",
            heard.body.len(),
            want.len()
        );
        assert_eq!(heard.header("transfer-encoding"), Some("chunked"));
    }
    // It would choose where the form goes.
    let (code, got) = send("free", &late);
    assert!(
        code == 400 && got.contains("within the form's first 64 KiB"),
        "{got}"
    );
    assert!(up.heard().is_empty());
}

/// Reads until the other side ends the connection.
fn read_away(mut socket: TcpStream) -> usize {
    let (mut have, mut piece) = (0, vec![0; 64 << 10]);
    while let Ok(read @ 1..) = socket.read(&mut piece) {
        have += read;
    }
    have
}

#[test]
fn a_caller_that_hangs_up_ends_the_upload() {
    let (ended, end) = mpsc::channel();
    let (url, heard) = upstream_that(move |socket| ended.send(read_away(socket)).unwrap());
    let bench = with_upstream(&url).start();
    let socket = begin(&bench, PATH, SOME, ALL);
    heard.recv().unwrap();
    drop(socket);
    let had = end
        .recv_timeout(std::time::Duration::from_secs(30))
        .unwrap();
    assert!(had <= SOME + 1_000, "{had}");
    let row = bench.row_where("the row is written", |row| row["status"] == 499);
    assert_eq!(row["outcome"], "client_closed");
}

/// Asks for something long, and the head of the answer.
fn download(bench: &Bench) -> (TcpStream, Vec<u8>) {
    let bearer = format!("Bearer {}", bench.key);
    let url = bench.url("/through/passthrough/up/v1/files/f/content");
    let mut socket = http::send("GET", &url, &[("authorization", &bearer)], "");
    let (_, rest) = head(&mut socket).unwrap();
    (socket, rest)
}

#[test]
fn a_caller_that_hangs_up_ends_the_download() {
    let (ended, end) = mpsc::channel();
    let (url, _heard) = upstream_that(move |mut socket| {
        write!(socket, "HTTP/1.1 200 OK\r\ncontent-length: {ALL}\r\n\r\n").unwrap();
        let piece = vec![b'x'; 64 << 10];
        while socket.write_all(&piece).is_ok() {}
        ended.send(()).unwrap();
    });
    let bench = with_upstream(&url).start();
    drop(download(&bench));
    end.recv_timeout(std::time::Duration::from_secs(30))
        .unwrap();
    let row = bench.row_where("the row is written", |row| row["status"] == 499);
    assert_eq!(
        (&row["outcome"], &row["format"]),
        (&json!("client_closed"), &json!("passthrough"))
    );
}

#[test]
fn an_answer_that_breaks_off_does_not_look_whole() {
    let (url, _heard) = upstream_that(|mut socket| {
        write!(
            socket,
            "HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: {ALL}\r\n\r\nbytes"
        )
        .unwrap();
    });
    let bench = with_upstream(&url).start();
    let (mut socket, mut got) = download(&bench);
    drop(socket.read_to_end(&mut got));
    assert!(got.len() < ALL, "{}", got.len());
    let row = bench.row_where("the row is written", |row| row["format"] == "passthrough");
    assert_eq!(
        (&row["status"], &row["outcome"]),
        (&json!(200), &json!("failed_after_commit"))
    );
}

#[test]
fn an_upstream_that_answers_early_is_heard_at_once() {
    let (url, _heard) = upstream_that(|mut socket| {
        let error = r#"{"error":{"message":"too large for us","type":"invalid_request_error"}}"#;
        socket.write_all(&told(413, error)).unwrap();
        read_away(socket);
    });
    let bench = with_upstream(&url).start();
    // The rest never comes.
    let mut socket = begin(&bench, PATH, SOME, ALL);
    let got = read_until(&mut socket, "too large for us");
    assert_eq!(status(&got), 413, "{got}");
}

/// Else a caller that sends all before it reads, and an upstream that answers as it goes, would wait for each other.
#[test]
fn an_upload_goes_on_while_nobody_reads_its_answer() {
    const BOTH: usize = 64 << 20;
    let (form, end_of_form, length) = long_form(BOTH);
    let (url, _heard) = upstream_that(move |mut socket| {
        let mut reader = socket.try_clone().unwrap();
        let reading = std::thread::spawn(move || {
            let (mut piece, mut last) = (vec![0; 64 << 10], Vec::new());
            while !last.ends_with(end_of_form.as_bytes()) {
                let read = reader.read(&mut piece).unwrap();
                assert!(read > 0, "the upload ended early");
                last.extend_from_slice(&piece[..read]);
                last.drain(..last.len().saturating_sub(end_of_form.len()));
            }
        });
        write!(socket, "HTTP/1.1 200 OK\r\ncontent-length: {BOTH}\r\n\r\n").unwrap();
        let piece = vec![b'x'; BOTH - 1];
        socket.write_all(&piece).unwrap();
        reading.join().unwrap();
        socket.write_all(b"x").unwrap();
    });
    let bench = with_upstream(&url).start();
    let mut socket = bench.socket();
    let path = "/through/passthrough/up/v1/files";
    let asked = request_head(&bench, "POST", path, Some(length)) + &form;
    socket.write_all(asked.as_bytes()).unwrap();
    socket.write_all(&vec![b'x'; BOTH]).unwrap();
    socket.write_all(end_of_form.as_bytes()).unwrap();
    let (answer, rest) = head(&mut socket).unwrap();
    assert!(answer.line.contains("200"), "{}", answer.line);
    let mut left = BOTH - rest.len();
    let mut piece = vec![0; 64 << 10];
    while left > 0 {
        let read = socket.read(&mut piece).unwrap();
        assert!(read > 0, "the answer ended {left} bytes early");
        left -= read;
    }
}

#[test]
fn who_stalls_is_told_apart() {
    let (ended, end) = mpsc::channel();
    let (url, _heard) = upstream_that(move |socket| ended.send(read_away(socket)).unwrap());
    let bench = with_upstream(&url).limits("body_stall = '300ms'").start();
    let mut socket = begin(&bench, PATH, SOME, ALL);
    let got = read_until(&mut socket, "the request body did not arrive in time");
    assert_eq!(status(&got), 504, "{got}");
    end.recv_timeout(std::time::Duration::from_secs(30))
        .unwrap();

    let (close, closed) = mpsc::channel::<()>();
    let (url, _heard) = upstream_that(move |socket| {
        let _ = closed.recv();
        drop(socket);
    });
    let bench = with_upstream(&url)
        .provider("lazy", json!({"vendor": "openai-compatible", "base_url": format!("{url}/v1"), "idle_timeout": "300ms"}))
        .at("lazy", &["lazy/real"])
        .start();
    let (form, _, length) = long_form(ALL);
    let mut socket = bench.socket();
    let head = request_head(
        &bench,
        "POST",
        "/lazy/v1/audio/transcriptions",
        Some(length),
    );
    socket.write_all((head + &form).as_bytes()).unwrap();
    let mut sending = socket.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        let piece = vec![b'x'; 64 << 10];
        while sending.write_all(&piece).is_ok() {}
    });
    let got = read_until(&mut socket, "stopped taking the request");
    assert_eq!(status(&got), 504, "{got}");
    drop((socket, close));
    sender.join().unwrap();
}

#[test]
fn what_is_too_large_or_wrong_later_never_gets_to_its_end() {
    for (limits, body, want) in [
        ("max_upload = '256KiB'", "x".repeat(SOME), 413),
        (
            "",
            "x".repeat(SOME) + "\r\n" + &field("model", "other") + "--b0--\r\n",
            400,
        ),
        ("", "x".repeat(SOME) + "\n--b0--\r\n", 400),
    ] {
        let (ended, end) = mpsc::channel();
        let (url, _heard) = upstream_that(move |socket| ended.send(read_away(socket)).unwrap());
        let bench = with_upstream(&url).limits(limits).start();
        let (form, _, _) = long_form(0);
        let body = form + &body;
        let mut socket = bench.socket();
        socket
            .write_all(request_head(&bench, "POST", PATH, None).as_bytes())
            .unwrap();
        for piece in body.as_bytes().chunks(10_000) {
            drop(write!(socket, "{:x}\r\n", piece.len()));
            drop(socket.write_all(piece));
            drop(socket.write_all(b"\r\n"));
        }
        drop(socket.write_all(b"0\r\n\r\n"));
        let got = read_until(&mut socket, "\r\n\r\n");
        assert_eq!(status(&got), want, "{got}");
        // Chunked, so that it would have seen the end.
        end.recv_timeout(std::time::Duration::from_secs(30))
            .unwrap();
        let row = bench.row_where("the row is written", |row| row["status"] == want);
        assert_eq!(row["outcome"], "failed");
    }
}

#[test]
fn a_revoked_key_ends_its_upload() {
    let (ended, end) = mpsc::channel();
    let (url, heard) = upstream_that(move |socket| ended.send(read_away(socket)).unwrap());
    let bench = with_upstream(&url).start();
    let mut socket = begin(&bench, PATH, SOME, ALL);
    heard.recv().unwrap();
    bench.gateway.ok(&["key", "revoke", "k", "--yes"]);
    let got = read_until(&mut socket, "\r\n\r\n");
    assert_eq!(status(&got), 401, "{got}");
    end.recv_timeout(std::time::Duration::from_secs(30))
        .unwrap();
}
