//! What logging costs those who are served: the slowest hundredth of requests at a steady rate, with logging on, off, and on
//! with a disk that takes nothing (a frozen file system; needs root and Linux, else left out). In turns, one run.

use gw::mock::{Mock, Settings};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Requests a second over so many connections; turns of each gateway, and how long one takes. Many short ones: what else
/// the machine does spoils a few turns, and not the median of all.
const RATE: u32 = 2000;
const CONNECTIONS: u32 = 16;
const TURNS: usize = 45;
const TURN: Duration = Duration::from_secs(1);

/// A gateway under measurement.
struct Subject {
    name: &'static str,
    gateway: Child,
    data: PathBuf,
    address: String,
    key: String,
    /// Microseconds: the median and the slowest hundredth of each turn.
    turns: Vec<(u64, u64)>,
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.gateway.kill();
        let _ = self.gateway.wait();
    }
}

pub fn measure() {
    let home = tempfile::tempdir().unwrap();
    let mock = Mock::start(Settings::default()).unwrap();
    let mut subjects = vec![
        Subject::start("off", &home.path().join("off"), "off", &mock.url()),
        Subject::start("on", &home.path().join("on"), "full", &mock.url()),
    ];
    let mut slow = Subject::start("slow", &home.path().join("slow"), "full", &mock.url());
    let frozen = slow.on_a_disk_of_its_own(&home.path().join("image"));
    match &frozen {
        Some(disk) => {
            disk.freeze();
            subjects.push(slow);
        }
        None => println!("slow: left out, freezing a file system needs root"),
    }
    for turn in 0..=TURNS {
        // Nobody always comes behind the same one.
        let count = subjects.len();
        for at in 0..count {
            let subject = &mut subjects[(turn + at) % count];
            let figures = turn_of(subject);
            // The first one warms up.
            if turn > 0 {
                subject.turns.push(figures);
            }
        }
    }
    println!("{RATE} requests/s; of {TURNS} turns a gateway: median (quartiles)");
    println!(
        "{:<8} {:>22} {:>22} {:>20} {:>20} {:>10}",
        "LOGGING", "P50 us", "P99 us", "P50 / OFF", "P99 / OFF", "LEFT OUT"
    );
    let off = &subjects[0].turns;
    for subject in &subjects {
        let of = |figure: fn(&(u64, u64)) -> u64| {
            let turns = subject.turns.iter().map(figure);
            // Beside the turn of the one without a log in the same round.
            let beside = turns.clone().zip(off.iter().map(figure));
            let beside = beside.map(|(it, off)| it as f64 / off as f64);
            let whole = quartiles(turns.map(|it| it as f64).collect());
            (spread(whole, 0), spread(quartiles(beside.collect()), 2))
        };
        let (p50, p50_beside) = of(|turn| turn.0);
        let (p99, p99_beside) = of(|turn| turn.1);
        let log = subject.gw(&["status", "-o", "value=.log.content_dropped"]);
        println!(
            "{:<8} {p50:>22} {p99:>22} {p50_beside:>20} {p99_beside:>20} {:>10}",
            subject.name,
            log.trim()
        );
    }
    if let Some(frozen) = &frozen {
        frozen.thaw();
    }
}

/// The first quartile, the median and the third.
fn quartiles(mut all: Vec<f64>) -> [f64; 3] {
    all.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| all[all.len() * quarter / 4])
}

fn spread([first, median, third]: [f64; 3], digits: usize) -> String {
    format!("{median:.digits$} ({first:.digits$}-{third:.digits$})")
}

/// A gateway on this directory, once it serves.
fn serve(data: &Path, content: &str) -> Child {
    let mut gateway = command(data)
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--print-ready",
            "--secrets",
            "memory",
        ])
        .args(["--log-content", content])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut out = BufReader::new(gateway.stdout.take().unwrap());
    out.read_line(&mut said).unwrap();
    assert!(!said.is_empty(), "gw serve did not start");
    gateway
}

impl Subject {
    fn start(name: &'static str, data: &Path, content: &str, upstream: &str) -> Subject {
        let mut subject = Subject {
            name,
            gateway: serve(data, content),
            data: data.to_owned(),
            address: String::new(),
            key: String::new(),
            turns: Vec::new(),
        };
        let base = format!("{upstream}/v1");
        let file = data.join("key");
        let key = file.to_str().unwrap();
        let provider = [
            &["provider", "create", "p", "--vendor", "openai-compatible"][..],
            &[
                "--base-url",
                &base,
                "--credential-ref",
                "env:UPSTREAM",
                "--verify=false",
            ],
        ];
        subject.gw(&["user", "create", "u"]);
        subject.gw(&provider.concat());
        subject.gw(&["key", "create", "k", "--user", "u", "--output-file", key]);
        subject.gw(&["route", "create", "r", "--key", "k", "--to", "p"]);
        subject.key = std::fs::read_to_string(file).unwrap().trim().to_owned();
        subject.look_up();
        subject
    }

    fn look_up(&mut self) {
        let url = self.gw(&["status", "-o", "value=.url"]);
        let host = url.trim().trim_start_matches("http://");
        self.address = host.trim_end_matches("/v1").to_owned();
    }

    /// Has its log on a file system of its own from now on.
    fn on_a_disk_of_its_own(&mut self, image: &Path) -> Option<Frozen> {
        self.gateway.kill().unwrap();
        self.gateway.wait().unwrap();
        let disk = Frozen::on(image, &self.data.join("logs"))?;
        self.gateway = serve(&self.data, "full");
        self.look_up();
        Some(disk)
    }

    fn gw(&self, args: &[&str]) -> String {
        let output = command(&self.data).args(args).output().unwrap();
        assert!(
            output.status.success(),
            "gw {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }
}

fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gw"));
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", data)
        .env("GW_DATA_DIR", data)
        .env("UPSTREAM", "sk-upstream");
    command
}

/// A turn of load: median and slowest hundredth, each request counted from when it was due.
fn turn_of(subject: &Subject) -> (u64, u64) {
    let body = format!(
        r#"{{"model":"gpt-4o-mini","messages":[{{"role":"user","content":"{}"}}]}}"#,
        "hello ".repeat(20)
    );
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        subject.address,
        subject.key,
        body.len()
    );
    let began = Instant::now() + Duration::from_millis(20);
    let mut all: Vec<u64> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CONNECTIONS)
            .map(|number| {
                scope.spawn({
                    let request = &request;
                    move || caller(&subject.address, request, began, number)
                })
            })
            .collect();
        callers
            .into_iter()
            .flat_map(|it| it.join().unwrap())
            .collect()
    });
    all.sort_unstable();
    (all[all.len() / 2], all[all.len() * 99 / 100])
}

fn caller(address: &str, request: &str, began: Instant, number: u32) -> Vec<u64> {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_nodelay(true).unwrap();
    let every = Duration::from_secs(1) * CONNECTIONS / RATE;
    let mut due = began + every * number / CONNECTIONS;
    let (mut times, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    while due < began + TURN {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        socket.write_all(request.as_bytes()).unwrap();
        let mut got = 0;
        loop {
            let read = socket.read(&mut buffer[got..]).unwrap();
            assert!(read > 0, "the gateway closed the connection");
            got += read;
            if whole(&buffer[..got]) {
                break;
            }
        }
        assert!(
            buffer.starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&buffer[..got])
        );
        times.push(due.elapsed().as_micros() as u64);
        due += every;
    }
    times
}

/// Whether an answer with a length has come to its end.
fn whole(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .to_ascii_lowercase()
        .split("content-length:")
        .nth(1)
        .and_then(|rest| rest.lines().next()?.trim().parse::<usize>().ok());
    length.is_some_and(|length| body.len() >= length)
}

/// A file system of its own that can be frozen.
struct Frozen(PathBuf);

impl Frozen {
    fn on(image: &Path, at: &Path) -> Option<Frozen> {
        let file = std::fs::File::create(image).unwrap();
        file.set_len(12 << 30).unwrap();
        let (image, place) = (image.to_str().unwrap(), at.to_str().unwrap());
        let made =
            run("mkfs.ext4", &["-q", "-F", image]) && run("mount", &["-o", "loop", image, place]);
        made.then(|| Frozen(at.to_owned()))
    }

    fn freeze(&self) {
        assert!(run("fsfreeze", &["-f", self.0.to_str().unwrap()]));
    }

    fn thaw(&self) {
        run("fsfreeze", &["-u", self.0.to_str().unwrap()]);
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.thaw();
        run("umount", &["-l", self.0.to_str().unwrap()]);
    }
}

fn run(program: &str, args: &[&str]) -> bool {
    Command::new(program)
        .args(args)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
