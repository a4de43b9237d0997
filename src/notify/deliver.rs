//! One receiver of notices: a command that reads a notice on its standard input, or an address that is sent one.

use super::{
    Letter,
    sign::{SIGNATURE, signature},
};
use crate::error::{Error, Result};
use crate::resources::Stamp;
use crate::store::secret::Secret;
use crate::upstream::fetch::fetch;
use bytes::Bytes;
use http::{Method, Request, header};
use std::{process::Stdio, time::Duration};
use tokio::{io::AsyncWriteExt, process::Command};

/// How long one try may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Tries, and the pause behind the first, which doubles.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(1);

/// Who is told.
pub enum Receiver {
    /// A program and its arguments; no shell.
    Command(Vec<String>),
    Address {
        url: url::Url,
        secret: Option<Secret>,
    },
}

impl Receiver {
    /// A command line: words between spaces, without any quoting.
    pub fn command(line: &str) -> Result<Receiver> {
        let words: Vec<String> = line.split_ascii_whitespace().map(str::to_owned).collect();
        match words.is_empty() {
            false => Ok(Receiver::Command(words)),
            true => Err(Error::invalid("there is no command to tell")
                .param("notify.to")
                .hint("name a program, such as /usr/local/bin/page, or an address https://…")),
        }
    }

    /// An address, and what is signed with.
    pub fn address(text: &str, secret: Option<Secret>) -> Result<Receiver> {
        let url = url::Url::parse(text).map_err(|error| {
            Error::invalid("an address to tell is none")
                .cause(error)
                .param("notify.to")
        })?;
        Ok(Receiver::Address { url, secret })
    }

    /// As others may see it: paths and queries of addresses can be secrets.
    pub fn shown(&self) -> String {
        match self {
            Receiver::Command(words) => words.first().cloned().unwrap_or_default(),
            Receiver::Address { url, .. } => {
                let port = url
                    .port()
                    .map_or_else(String::new, |port| format!(":{port}"));
                format!(
                    "{}://{}{port}/…",
                    url.scheme(),
                    url.host_str().unwrap_or_default()
                )
            }
        }
    }

    /// Delivers a letter, in several tries where it is an address. Errors are fragments.
    pub async fn deliver(&self, letter: &Letter) -> Result<(), String> {
        let tries = match self {
            // It may have done something already.
            Receiver::Command(_) => 1,
            Receiver::Address { .. } => TRIES,
        };
        let mut pause = PAUSE;
        for _ in 1..tries {
            if self.once(letter).await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.once(letter).await
    }

    /// Tries once.
    pub async fn once(&self, letter: &Letter) -> Result<(), String> {
        match self {
            Receiver::Command(words) => run(words, letter).await,
            Receiver::Address { url, secret } => send(url, secret.as_ref(), letter).await,
        }
    }
}

async fn run(words: &[String], letter: &Letter) -> Result<(), String> {
    let [program, args @ ..] = words else {
        return Err("it names no program".into());
    };
    let mut child = Command::new(program)
        .args(args)
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("it cannot be run: {error}"))?;
    let told = async {
        if let Some(mut stdin) = child.stdin.take() {
            // One that does not read may succeed all the same.
            let _ = stdin
                .write_all(format!("{}\n", letter.text).as_bytes())
                .await;
        }
        child.wait().await
    };
    match tokio::time::timeout(PATIENCE, told).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("it ended with {status}")),
        Ok(Err(error)) => Err(format!("it cannot be waited for: {error}")),
        Err(_) => Err(format!("it did not end within {} s", PATIENCE.as_secs())),
    }
}

async fn send(url: &url::Url, secret: Option<&Secret>, letter: &Letter) -> Result<(), String> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(url.as_str())
        .header(header::CONTENT_TYPE, "application/json")
        .header(
            header::USER_AGENT,
            concat!("gw/", env!("CARGO_PKG_VERSION")),
        )
        .header("x-gw-event", letter.kind);
    if let Some(secret) = secret {
        let now = Stamp::now().0.div_euclid(1_000);
        let signed = signature(secret.expose().as_bytes(), now, &letter.text);
        request = request.header(SIGNATURE, signed);
    }
    let request = request
        .body(Bytes::copy_from_slice(letter.text.as_bytes()))
        .map_err(|_| "it is no address for HTTP".to_owned())?;
    let (status, _) = fetch(request, PATIENCE).await?;
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("it answered with HTTP {}", status.as_u16())),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let receiver =
            Receiver::address("https://hooks.example:8443/services/T0/s3cret?x=y", None).unwrap();
        assert_eq!(receiver.shown(), "https://hooks.example:8443/…");
        assert_eq!(
            Receiver::command(" page --to ann ").unwrap().shown(),
            "page"
        );
        assert!(Receiver::command("  ").is_err());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_command_reads_the_notice_and_sees_no_variables() {
        let dir = tempfile::tempdir().unwrap();
        let (script, out) = (dir.path().join("page"), dir.path().join("out"));
        std::fs::write(
            &script,
            format!(
                "#!/bin/sh\n{{ cat; env; }} > {}\n[ \"$1\" = fine ]\n",
                out.display()
            ),
        )
        .unwrap();
        let letter = Letter {
            kind: "test",
            text: "{\"a\":1}".into(),
        };
        let line = |how: &str| format!("/bin/sh {} {how}", script.display());
        Receiver::command(&line("fine"))
            .unwrap()
            .once(&letter)
            .await
            .unwrap();
        let seen = std::fs::read_to_string(&out).unwrap();
        assert!(
            seen.starts_with("{\"a\":1}\n") && seen.contains("PATH=") && !seen.contains("HOME="),
            "{seen}"
        );
        let failed = Receiver::command(&line("bad"))
            .unwrap()
            .once(&letter)
            .await
            .unwrap_err();
        assert!(
            failed.starts_with("it ended with exit status: 1"),
            "{failed}"
        );
        let gone = Receiver::command("/nowhere/at/all")
            .unwrap()
            .once(&letter)
            .await
            .unwrap_err();
        assert!(gone.starts_with("it cannot be run"), "{gone}");
    }
}
