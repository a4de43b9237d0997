//! Which addresses a provider may have: what a base URL looks like, and the addresses gw never connects to.
//! Asked when a record is written and again of every address a name resolves to.

use crate::error::{Error, Result};
use std::net::IpAddr;

/// Checks a base URL: http or https, no user information, query or fragment, and no address that only
/// metadata services answer on. Returns it without a trailing slash.
pub(super) fn base_url(text: &str) -> Result<String> {
    let bad = |why: &str| {
        Error::invalid(format!("base URL `{}` {why}", text.escape_debug()))
            .param("base_url")
            .hint("write it as https://HOST[:PORT]/PATH")
    };
    let url = url::Url::parse(text).map_err(|error| bad(&format!("cannot be read: {error}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("is neither http nor https"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("holds a user name or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("holds a query or fragment"));
    }
    let refused = match url.host() {
        Some(url::Host::Ipv4(ip)) => never(ip.into()),
        Some(url::Host::Ipv6(ip)) => never(ip.into()),
        Some(url::Host::Domain(_)) => false,
        None => return Err(bad("has no host")),
    };
    match refused {
        true => Err(bad("is an address gw never connects to")),
        false => Ok(url.as_str().trim_end_matches('/').to_owned()),
    }
}

/// Addresses no provider lives at, and that steal credentials of the machine when asked: link-local and
/// metadata services, "this network", multicast.
pub fn never(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_multicast()
                || v4.octets()[0] == 0
                || v4.is_broadcast()
                || [[100, 100, 100, 200], [168, 63, 129, 16]].contains(&v4.octets())
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => never(v4.into()),
            None => {
                v6.is_multicast()
                    || v6.is_unspecified()
                    || v6.segments()[0] & 0xffc0 == 0xfe80
                    || v6.segments() == [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254]
            }
        },
    }
}
