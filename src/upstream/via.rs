//! Noticing that gw has become its own provider, directly or through other gateways: every request upstream says in
//! `Via` (RFC 9110 section 7.6.3) through which of them it came. One that comes back, or has come through too many,
//! goes nowhere: each round would make more of it.

use crate::error::{Error, Kind, Result};
use crate::http1::fields::Fields;
use http::{HeaderMap, HeaderValue, header};
use std::{fmt::Write, sync::LazyLock};

/// Gateways a request may have come through.
const MOST: usize = 5;

/// The header that says so.
const VIA: &str = "via";

/// What names of gateways begin with.
const NAME: &str = "gw-";

/// Of this process alone, and of no use to anybody else.
static OWN: LazyLock<(&str, HeaderValue)> = LazyLock::new(|| {
    let mut id = [0_u8; 8];
    // Without randomness loops end after [`MOST`] rounds.
    let _ = getrandom::fill(&mut id);
    let mut name = NAME.to_owned();
    for byte in id {
        let _ = write!(name, "{byte:02x}");
    }
    // Lives as long as the process, so that a copy for each request counts no references.
    let entry: &'static str = format!("1.1 {name}").leak();
    let name = entry.strip_prefix("1.1 ").unwrap_or(entry);
    (name, HeaderValue::from_static(entry))
});

/// Whether a caller's request may be sent on.
pub fn check(caller: &Fields) -> Result<()> {
    if !caller.has(VIA) {
        return Ok(());
    }
    let hint = "see which provider's base URL leads to a gateway: gw provider get -o wide";
    let refused = |why: String| Err(Error::new(Kind::Loop, why).hint(hint));
    if gateways(caller).any(|name| name == OWN.0) {
        return refused("the request has come back: this gateway is its own provider".into());
    }
    match gateways(caller).count() {
        count if count >= MOST => refused(format!(
            "the request has come through {count} gateways, and {MOST} is the most"
        )),
        _ => Ok(()),
    }
}

/// The header of a request upstream that came through no other gateway.
pub(super) fn own() -> HeaderValue {
    OWN.1.clone()
}

/// Puts the gateways that a caller's request came through in front of this one. Proxies of other kinds are the caller's own
/// affair.
pub(super) fn add(caller: &Fields, headers: &mut HeaderMap) {
    if !caller.has(VIA) {
        return;
    }
    let mut all = String::new();
    for name in gateways(caller).take(MOST) {
        let _ = write!(all, "1.1 {name}, ");
    }
    let _ = write!(all, "1.1 {}", OWN.0);
    headers.insert(
        header::VIA,
        HeaderValue::try_from(all).unwrap_or_else(|_| own()),
    );
}

/// The gateways of this kind that a request came through.
fn gateways(headers: &Fields) -> impl Iterator<Item = &str> {
    headers
        .texts(VIA)
        .flat_map(|list| list.split(','))
        .filter_map(|entry| entry.split_ascii_whitespace().nth(1))
        .filter(|name| {
            let id = name.strip_prefix(NAME);
            id.is_some_and(|id| id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn with(values: &[&str]) -> Fields {
        values.iter().map(|value| ("Via", *value)).collect()
    }

    #[test]
    fn what_came_back_or_came_too_far_goes_nowhere() {
        let other = |at: usize| format!("1.1 gw-{at:016x}");
        let own = own().to_str().unwrap().to_owned();
        assert!(check(&Fields::default()).is_ok());
        assert!(check(&with(&["1.0 fred, 1.1 p.example.net (Apache)"])).is_ok());
        assert!(check(&with(&[&other(1), &other(2)])).is_ok());
        let back = check(&with(&[&other(1), &format!("1.1 proxy, {own}")])).unwrap_err();
        assert_eq!(
            (back.kind, back.message.as_str()),
            (
                Kind::Loop,
                "the request has come back: this gateway is its own provider"
            )
        );
        let all: Vec<String> = (0..5).map(other).collect();
        let far = check(&with(&[&all.join(", ")])).unwrap_err();
        assert_eq!(
            far.message,
            "the request has come through 5 gateways, and 5 is the most"
        );
    }

    #[test]
    fn only_gateways_are_told_on() {
        let own = own().to_str().unwrap().to_owned();
        let caller = with(&[
            "1.1 inner.example, 1.1 gw-0123456789abcdef (x)",
            "1.1 gw-short",
        ]);
        let mut headers = HeaderMap::new();
        headers.insert(header::VIA, HeaderValue::from_static("before"));
        add(&caller, &mut headers);
        assert_eq!(
            headers[header::VIA],
            format!("1.1 gw-0123456789abcdef, {own}")
        );
        let mut untouched = HeaderMap::new();
        add(&Fields::default(), &mut untouched);
        assert!(untouched.is_empty());
    }
}
