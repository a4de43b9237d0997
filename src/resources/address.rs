//! Which addresses a provider may have: what a base URL looks like, and the addresses gw never connects to.
//! Asked when a record is written and again of every address a name resolves to.

use crate::error::{Error, Result};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
/// metadata services, "this network", multicast; in every spelling, so also where one is wrapped in another.
pub fn never(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_multicast()
                || v4.octets()[0] == 0
                || v4.is_broadcast()
                || METADATA_V4.contains(&v4.octets())
        }
        IpAddr::V6(v6) => {
            v6.is_multicast()
                || v6.is_unspecified()
                || v6.segments()[0] & 0xffc0 == 0xfe80
                || METADATA_V6.contains(&v6.segments())
                || wrapped(v6).is_some_and(|v4| never(v4.into()))
        }
    }
}

/// Metadata services: Alibaba's, Azure's and Oracle's; those of most others are link-local.
const METADATA_V4: [[u8; 4]; 3] = [[100, 100, 100, 200], [168, 63, 129, 16], [192, 0, 0, 192]];
/// Those of Amazon, Google and Oracle.
const METADATA_V6: [[u16; 8]; 3] = [
    [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254],
    [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254],
    [0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe],
];

/// The IPv4 address that an IPv6 address leads to: mapped (RFC 4291), translated (RFC 2765), compatible
/// (RFC 4291), NAT64 (RFC 6052, RFC 8215), 6to4 (RFC 3056), Teredo (RFC 4380), ISATAP (RFC 5214).
fn wrapped(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let at = |high: u16, low: u16| {
        let [[a, b], [c, d]] = [high.to_be_bytes(), low.to_be_bytes()];
        Some(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => at(high, low),
        [0, 0, 0, 0, 0xffff, 0, high, low] => at(high, low),
        [0x64, 0xff9b, 0 | 1, _, _, _, high, low] => at(high, low),
        [0x2002, high, low, ..] => at(high, low),
        [0x2001, 0, _, _, _, _, high, low] => at(!high, !low),
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => at(high, low),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn metadata_addresses_are_refused_in_every_spelling() {
        for host in [
            "169.254.169.254",
            "0xa9fea9fe",
            "2852039166",
            "0251.0376.0251.0376",
            "169.254.43518",
            "192.0.0.192",
            "100.100.100.200",
            "168.63.129.16",
            "0.0.0.0",
            "[::]",
            "[fe80::1]",
            "[febf::1]",
            "[ff02::1]",
            "[fd00:ec2::254]",
            "[fd20:ce::254]",
            "[fd00:c1::a9fe:a9fe]",
            "[::ffff:169.254.169.254]",
            "[::ffff:c000:c0]",
            "[::ffff:0:169.254.169.254]",
            "[::169.254.169.254]",
            "[64:ff9b::169.254.169.254]",
            "[64:ff9b:1::a9fe:a9fe]",
            "[2002:a9fe:a9fe::1]",
            "[2002:c000:c0::]",
            "[2001:0:1:2:3:4:5601:5601]",
            "[2001:db8::5efe:169.254.169.254]",
        ] {
            let error = base_url(&format!("http://{host}/v1")).unwrap_err();
            assert!(
                error
                    .message
                    .ends_with("is an address gw never connects to"),
                "{host}: {}",
                error.message
            );
        }
    }

    #[test]
    fn addresses_providers_live_at_are_taken() {
        for host in [
            "127.0.0.1",
            "[::1]",
            "10.1.2.3",
            "192.168.1.1",
            "192.0.0.1",
            "1.1.1.1",
            "[fd00::2]",
            "[2606:4700::1111]",
            "[::ffff:127.0.0.1]",
            "[64:ff9b::1.1.1.1]",
            "[2002:101:101::1]",
            "api.openai.com",
        ] {
            assert!(base_url(&format!("https://{host}/v1")).is_ok(), "{host}");
        }
    }
}
