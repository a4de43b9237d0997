//! The bytes of an upstream's answer, however they are spelt, cut, torn, endless or packed: what a caller reads is the
//! same or an error, and gw stays small.

use crate::harness::{http, until};
use crate::kit::{Act, Bench, FORMATS, chat, plan, scripted};
use serde_json::{Value, json};

/// Routes by path to the simulator in either format, the model as asked.
fn bench() -> Bench {
    plan()
        .at("m", &["m"])
        .at("a", &["a"])
        .args(&["--threads", "1"])
        .start()
}

/// The data of the events in some bytes, read as the standard says but that an end takes the place of the last blank line.
/// <https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation>
fn events(bytes: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (mut events, mut data) = (Vec::new(), Vec::new());
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    for line in lines.split('\n').chain([""]) {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        match name {
            "" if line.is_empty() && !data.is_empty() => {
                events.push(std::mem::take(&mut data).join("\n"));
            }
            "data" => data.push(value.strip_prefix(' ').unwrap_or(value).to_owned()),
            _ => {}
        }
    }
    events
}

/// The text of a stream in either format, and whether it has its end mark.
fn text(bytes: &[u8]) -> (String, bool) {
    let (mut text, mut ended) = (String::new(), false);
    for data in events(bytes) {
        if data.trim() == "[DONE]" {
            ended = true;
            continue;
        }
        let event: Value =
            serde_json::from_str(&data).unwrap_or_else(|error| panic!("{error}: {data:?}"));
        assert!(event.get("error").is_none_or(Value::is_null), "{event}");
        ended |= event["type"] == "message_stop";
        let piece = event["choices"][0]["delta"]["content"].as_str();
        text.push_str(
            piece
                .or(event["delta"]["text"].as_str())
                .unwrap_or_default(),
        );
    }
    (text, ended)
}

fn asked(bench: &Bench, provider: &str, path: &str, model: &str, said: &str) -> http::Answer {
    bench.post(&format!("/{provider}{path}"), &chat(model, said, true))
}

/// What a standard's reader reads is the same for every spelling, alone and in pairs, with every kind of line end.
#[test]
fn a_stream_is_the_same_however_it_is_spelt() {
    const LINES: [&str; 4] = ["", "crlf", "cr", "mixed"];
    const OTHERS: [&str; 9] = [
        "",
        "bom",
        "no-space",
        "bare-data",
        "split-data",
        "fields",
        "name-last",
        "spaced",
        "unended",
    ];
    let bench = bench();
    let mut vectors = 0;
    for lines in LINES {
        for (at, one) in OTHERS.iter().enumerate() {
            for other in &OTHERS[at..] {
                let items: Vec<_> = [lines, one, other]
                    .iter()
                    .filter(|name| !name.is_empty())
                    .map(|name| format!("sse-{name}"))
                    .collect();
                let model = format!("mock-echo+{}", items.join("+"));
                vectors += 1;
                for provider in ["m", "a"] {
                    for (path, _) in FORMATS {
                        let answer = asked(&bench, provider, path, &model, "é 你好 👋");
                        assert_eq!(
                            answer.status, 200,
                            "{model} at {provider}, {path}: {answer:?}"
                        );
                        assert_eq!(
                            text(&answer.raw),
                            ("é 你好 👋".to_owned(), true),
                            "{model} at {provider}, {path}: {answer:?}"
                        );
                    }
                }
            }
        }
    }
    assert!(vectors >= 160, "{vectors}");
}

/// A stream that is cut at each of its bytes in turn, characters and line ends among them.
#[test]
fn a_stream_is_the_same_wherever_it_is_cut() {
    const SAID: &str = "é 你👋";
    let bench = bench();
    for provider in ["m", "a"] {
        for (path, _) in FORMATS {
            let whole = asked(&bench, provider, path, "mock-echo", SAID);
            // With what gw asks for beside it: usage.
            let length = bench.upstream_stream_length(provider, SAID) + 400;
            let model = |at: usize| format!("mock-echo+cut-at-{at}");
            std::thread::scope(|scope| {
                for begin in 1..=4 {
                    let (bench, whole) = (&bench, &whole);
                    scope.spawn(move || {
                        for at in (begin..=length).step_by(4) {
                            let answer = asked(bench, provider, path, &model(at), SAID);
                            assert_eq!(
                                (text(&answer.raw), answer.complete),
                                (text(&whole.raw), true),
                                "cut at {at} at {provider}, {path}: {answer:?}"
                            );
                        }
                    });
                }
            });
        }
    }
}

impl Bench {
    /// How long a stream of the simulator is that says this.
    fn upstream_stream_length(&self, provider: &str, said: &str) -> usize {
        let (path, credential) = match provider {
            "a" => ("/v1/messages", "x-api-key"),
            _ => ("/v1/chat/completions", "api-key"),
        };
        let headers = [(credential, crate::kit::CREDENTIAL)];
        let url = format!("{}{path}", self.mock.url());
        let answer = http::post(&url, &headers, &chat("mock-echo", said, true));
        assert!(answer.complete, "{answer:?}");
        answer.raw.len()
    }
}

/// A caller of the same format gets the bytes as they are; where gw writes anew it writes text.
#[test]
fn bytes_that_are_no_text_pass_or_are_marked() {
    let bench = bench();
    for provider in ["m", "a"] {
        for (path, anthropic) in FORMATS {
            for stream in [false, true] {
                let body = chat("mock-bad-text", "hello", stream);
                let answer = bench.post(&format!("/{provider}{path}"), &body);
                let torn = answer.raw.contains(&0xff);
                let what = format!("{provider}, {path}, {stream}: {answer:?}");
                assert_eq!(answer.status, 200, "{what}");
                assert_eq!(torn, anthropic == (provider == "a"), "{what}");
                assert!(torn || answer.body.contains('\u{fffd}'), "{what}");
                assert_eq!(bench.row(&answer)["outcome"], "ok", "{what}");
            }
        }
    }
}

/// The most memory a process has had, in bytes.
#[cfg(target_os = "linux")]
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

/// gw takes events of 16 MiB, and needs room for one of them and what it comes in; never for what does not end, nor for
/// what a packed answer would be.
#[cfg(target_os = "linux")]
#[test]
fn endless_lines_and_packed_answers_take_no_room() {
    let bench = bench();
    let warm = asked(&bench, "m", "/v1/chat/completions", "mock", "warm");
    assert_eq!(warm.status, 200);
    let before = peak(bench.gateway.pid);
    for (provider, (path, _)) in [("m", FORMATS[0]), ("a", FORMATS[0]), ("a", FORMATS[1])] {
        let answer = asked(
            &bench,
            provider,
            path,
            "mock-long-line-100000000",
            "endless",
        );
        assert!(
            answer.complete && answer.body.contains("16777216"),
            "{answer:?}"
        );
        assert_eq!(bench.row(&answer)["outcome"], "failed_after_commit");
        let packed = asked(&bench, provider, path, "mock-gzip-268435456", "packed");
        assert_eq!(packed.status, 502, "{packed:?}");
    }
    let grown = peak(bench.gateway.pid) - before;
    assert!(grown < 96 << 20, "grown by {grown} bytes");
}

/// Nobody knows where such an answer ends: whatever comes behind it is not taken for the next one.
#[test]
fn a_connection_whose_answer_has_no_sure_end_is_not_used_again() {
    const BODY: &str = "{\"choices\":[]}";
    for head in [
        "content-length: 14\r\ncontent-length: 15\r\n",
        "content-length: 14\r\ntransfer-encoding: chunked\r\n",
    ] {
        let odd: &'static str = Box::leak(
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{head}\r\ne\r\n{BODY}\r\n0\r\n\r\n")
                .into_boxed_str(),
        );
        const FINE: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\r\n{\"choices\":[]}";
        let (url, connections) = scripted(vec![
            vec![Act::Say(odd), Act::Hold],
            vec![Act::Say(FINE), Act::Hold],
        ]);
        let bench = plan()
            .provider("s", json!({"vendor": "openai-compatible", "base_url": url}))
            .at("s", &["s/x"])
            .args(&["--threads", "1"])
            .start();
        let statuses = [(); 2].map(|()| {
            let answer = bench.post("/s/v1/chat/completions", &chat("any", "end", false));
            answer.status
        });
        assert_eq!(statuses, [502, 200], "{head}");
        until("both connections have been made", || {
            let made = connections.load(std::sync::atomic::Ordering::SeqCst);
            (made == 2).then_some(())
        });
    }
}
