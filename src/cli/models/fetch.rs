//! Prices that somebody publishes, out of a file or from an address: bounded in size and time, and never in the clear from
//! another machine.

use crate::cli::context::Context;
use crate::client::outgoing;
use crate::error::{Error, Result};
use serde_json::Value;
use std::io::Read;

/// The largest list there may be: those there are have two million bytes.
const MOST: u64 = 16 << 20;

/// The JSON at a place: a file, `-` for standard input, or a URL.
pub(super) async fn read(context: &Context, place: &str) -> Result<Value> {
    let bytes = match place.contains("://") {
        true => fetched(context, place).await?,
        false => file(place)?,
    };
    serde_json::from_slice(&bytes)
        .map_err(|error| unreadable(place, format_args!("it is no JSON ({error})")))
}

fn file(place: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = match place {
        "-" => std::io::stdin().take(MOST + 1).read_to_end(&mut bytes),
        path => {
            std::fs::File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
        }
    };
    read.map_err(|error| unreadable(place, error))?;
    bounded(place, bytes)
}

fn bounded(place: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
    match bytes.len() as u64 > MOST {
        true => Err(unreadable(
            place,
            format_args!("it has more than {MOST} bytes"),
        )),
        false => Ok(bytes),
    }
}

async fn fetched(context: &Context, place: &str) -> Result<Vec<u8>> {
    let url = url::Url::parse(place).map_err(|error| unreadable(place, error))?;
    let secure = url.scheme() == "https";
    if !(secure || url.scheme() == "http" && own(&url)) {
        return Err(unreadable(
            place,
            "only https is trusted, but for this machine's own addresses",
        ));
    }
    let client = outgoing::builder(secure, None)?
        .timeout(context.timeout)
        .build()
        .map_err(|error| unreadable(place, error))?;
    // The address may hold what nobody else is to see; what is said of it has it without.
    let failed = |error: reqwest::Error| unreadable(place, error.without_url());
    let mut response = client.get(url).send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(unreadable(
            place,
            format_args!("it answers with status {}", response.status().as_u16()),
        ));
    }
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        bytes.extend_from_slice(&piece);
        if bytes.len() as u64 > MOST {
            break;
        }
    }
    bounded(place, bytes)
}

/// Whether an address is this machine's own.
fn own(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// What is wrong with prices that were read.
fn unreadable(place: &str, why: impl std::fmt::Display) -> Error {
    Error::invalid(format!(
        "no prices can be had from `{}`: {why}",
        place.escape_debug()
    ))
    .param("--prices")
    .hint("name a file, an https URL, or builtin")
}
