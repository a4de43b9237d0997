//! What the request log is measured with: rows as a busy gateway writes them, a process that writes them, and the
//! questions asked of them. Nothing here judges times: it prints and counts.
#![allow(clippy::unwrap_used, clippy::expect_used, dead_code)]

use gw::chat::{Usage, UsageSource};
use gw::resources::Stamp;
use gw::store::journal::segments::Floor;
use gw::store::journal::{Attempt, Content, Filter, Journal, Order, Row, Segments, Settings};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// When the first row was; one a millisecond.
const BEGIN: i64 = 1_790_000_000_000;
/// One body in so many has [`NEEDLE`] in it.
pub const EVERY: u64 = 50_000;
pub const NEEDLE: &str = "quicksilver lighthouse";
/// Rows on their way at most: the queue holds twice as many.
const AHEAD: u64 = 4096;

pub fn settings() -> Settings {
    let none = Floor::default();
    Settings {
        purge_below: none,
        content_below: none,
        rows_below: none,
        max_bytes: Some(64 << 30),
        max_age: Duration::from_secs(u32::MAX.into()),
        content_max_age: Duration::from_secs(u32::MAX.into()),
        ..Settings::default()
    }
}

/// Numbers that look random and are the same in every run.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }
}

/// 4,096 words of three to eleven letters.
pub fn words() -> Vec<String> {
    let mut random = Random::new(7);
    (0..4096)
        .map(|_| {
            let length = 3 + random.below(9);
            let letter = |_| char::from(b"etaoinshrdlcumwfgypbvk"[random.below(22) as usize]);
            (0..length).map(letter).collect()
        })
        .collect()
}

pub fn id(number: u64) -> String {
    let at = BEGIN as u64 + number;
    format!("req_{}", ulid::Ulid::from_parts(at, u128::from(number)))
}

/// A row of 1,000 keys, 200 users, 20 routes, 8 providers and 50 models; 40 rows a session; three in a hundred failed.
/// What is old has names that nothing new has.
pub fn row(number: u64, of: u64) -> Row {
    let mut random = Random::new(number);
    let mut pick = |what: &str, of: u64| Arc::from(format!("{what}-{}", random.below(of)));
    let key = match number < of / 50 && number.is_multiple_of(997) {
        true => "key-retired".into(),
        false => pick("key", 1000),
    };
    let (user, route) = (pick("user", 200), pick("route", 20));
    let (provider, model) = (pick("provider", 8), pick("vendor/model", 50));
    let status = match random.below(1000) {
        0..970 => 200,
        970..985 => 429,
        985..995 => 400,
        995..999 => 502,
        _ => 401,
    };
    let latency = 200 + random.below(4000);
    let input = 100 + random.below(3000);
    let output = random.below(800);
    Row {
        id: id(number),
        at: Stamp(BEGIN + number as i64),
        key: Some(key),
        user: Some(user),
        environment: Some("live".into()),
        route: Some(route),
        session: Some(format!(
            "{:016x}",
            (number / 40).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        )),
        agent: number.is_multiple_of(4).then(|| "subagent".to_owned()),
        format: "openai-chat".into(),
        requested_model: Some(model.clone()),
        model: Some(model.clone()),
        provider: Some(provider.clone()),
        status,
        stream: number.is_multiple_of(3),
        usage: Usage {
            input,
            output,
            cache_read: random.below(2) * 1024,
            ..Usage::default()
        },
        usage_source: UsageSource::Reported,
        cost_pico: Some((input * 2_500_000 + output * 10_000_000) as i64),
        latency_ms: latency,
        ttft_ms: Some(latency / 3),
        attempts: vec![Attempt {
            provider,
            model,
            start_ms: 1,
            duration_ms: latency - 1,
            status: Some(status),
            class: if status == 200 { "ok" } else { "caller" }.into(),
            ..Attempt::default()
        }],
        error: (status != 200).then(|| format!("the provider answered {status}")),
        ..Row::default()
    }
}

/// A distinct request and answer, a kilobyte together.
pub fn content(number: u64, words: &[String]) -> Content {
    let mut random = Random::new(number ^ 0x5555_5555);
    let mut text = |length: usize| {
        let mut text = String::with_capacity(length + 12);
        while text.len() < length {
            text.push_str(&words[random.below(words.len() as u64) as usize]);
            text.push(' ');
        }
        text
    };
    let marked = number % EVERY == EVERY / 2;
    let (question, answer) = (text(480), text(300));
    let question = if marked {
        format!("{NEEDLE} {question}")
    } else {
        question
    };
    let request = format!(
        r#"{{"model":"vendor/model-{}","messages":[{{"role":"user","content":"{question}"}}],"max_tokens":800}}"#,
        number % 50
    );
    let response = format!(
        r#"{{"id":"chatcmpl-{number:016x}","object":"chat.completion","choices":[{{"index":0,"message":{{"role":"assistant","content":"{answer}"}},"finish_reason":"stop"}}]}}"#
    );
    Content::new(request, vec![response.into()])
}

/// What writing came to.
pub struct Written {
    pub seconds: f64,
    pub dropped: u64,
}

/// Writes rows as fast as none is dropped.
pub fn write(log: &Segments, count: u64) -> Written {
    write_later(log, count, 0)
}

/// The same rows so many milliseconds later.
pub fn write_later(log: &Segments, count: u64, later: i64) -> Written {
    let words = words();
    let started = Instant::now();
    let mut ahead = 0;
    for number in 0..count {
        if ahead >= AHEAD {
            while number - log.health().written > AHEAD / 2 {
                std::thread::sleep(Duration::from_micros(200));
            }
            ahead = number - log.health().written;
        }
        let mut row = row(number, count);
        if later != 0 {
            row.at.0 += later;
            let at = u64::try_from(row.at.0).unwrap();
            row.id = format!("req_{}", ulid::Ulid::from_parts(at, u128::from(number)));
        }
        log.push(row, Some(content(number, &words)));
        ahead += 1;
    }
    while log.health().written < count && log.health().rows_dropped == 0 {
        std::thread::sleep(Duration::from_micros(200));
    }
    let health = log.health();
    Written {
        seconds: started.elapsed().as_secs_f64(),
        dropped: health.rows_dropped + health.content_dropped,
    }
}

/// The questions that have names, as words of a filter.
pub fn questions() -> Vec<(&'static str, Vec<(&'static str, String)>)> {
    let one = |word, value: &str| vec![(word, value.to_owned())];
    let session = row(4321, u64::MAX).session.unwrap_or_default();
    let at = |millis: i64| Stamp(BEGIN + millis).rfc3339();
    vec![
        ("everything", vec![]),
        ("key", one("key", "key-77")),
        ("key, in old rows only", one("key", "key-retired")),
        ("key, nowhere", one("key", "key-none")),
        ("user", one("user", "user-7")),
        ("provider", one("provider", "provider-3")),
        ("model", one("model", "vendor/model-11")),
        ("route", one("route", "route-19")),
        ("session, an old one", vec![("session", session)]),
        ("session, nowhere", one("session", "none")),
        ("status 401", one("status", "401")),
        ("status error", one("status", "error")),
        ("status 418, nowhere", one("status", "418")),
        ("time, the oldest second", vec![("until", at(1000))]),
        (
            "key and status",
            vec![("key", "key-5".into()), ("status", "502".into())],
        ),
        (
            "route, model and status",
            vec![
                ("route", "route-3".into()),
                ("model", "vendor/model-9".into()),
                ("status", "401".into()),
            ],
        ),
        (
            "key and user and model",
            vec![
                ("key", "key-9".into()),
                ("user", "user-9".into()),
                ("model", "vendor/model-9".into()),
            ],
        ),
        (
            "key, in the oldest second",
            vec![("key", "key-77".into()), ("until", at(5000))],
        ),
    ]
}

pub fn filter(words: &[(&str, String)]) -> Filter {
    let mut filter = Filter::default();
    for (word, value) in words {
        assert!(filter.take(word, value, Stamp::now()).unwrap());
    }
    filter
}

/// How long the first page took and the slowest of those after it, and the ids found.
pub struct Asked {
    pub first: Duration,
    pub slowest: Duration,
    pub ids: Vec<String>,
}

/// Pages of 20, newest first: at most so many of them.
pub fn ask(log: &Segments, filter: &Filter, pages: usize) -> Asked {
    let mut asked = Asked {
        first: Duration::ZERO,
        slowest: Duration::ZERO,
        ids: Vec::new(),
    };
    let mut cursor = None::<String>;
    for page in 0..pages {
        let began = Instant::now();
        let found = log
            .query(filter, Order::NewestFirst, 20, cursor.as_deref())
            .unwrap();
        match page {
            0 => asked.first = began.elapsed(),
            _ => asked.slowest = asked.slowest.max(began.elapsed()),
        }
        asked.ids.extend(found.rows.into_iter().map(|row| row.id));
        cursor = found.cursor;
        if cursor.is_none() {
            break;
        }
    }
    asked
}

/// Bytes of all files of a directory, and of those whose names end so.
pub fn size(dir: &Path, end: &str) -> u64 {
    let files = std::fs::read_dir(dir).unwrap().map(Result::unwrap);
    files
        .filter(|file| file.file_name().to_string_lossy().ends_with(end))
        .map(|file| file.metadata().unwrap().len())
        .sum()
}

/// What `zstd -3` makes of the same rows and bodies as lines of JSON.
pub fn packed_lines(count: u64) -> u64 {
    struct Count(u64);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let words = words();
    let mut encoder = zstd::stream::Encoder::new(Count(0), 3).unwrap();
    for number in 0..count {
        let content = content(number, &words);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let mut line = serde_json::to_value(row(number, count)).unwrap();
        line["request"] = text(content.request()).into();
        line["response"] = text(&content.response()).into();
        std::io::Write::write_all(&mut encoder, format!("{line}\n").as_bytes()).unwrap();
    }
    encoder.finish().unwrap().0
}

/// The most memory this process has had, in MiB, where the system says.
pub fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
}
