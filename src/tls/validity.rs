//! From when until when a certificate is good: the one thing of X.509 that the TLS library does not tell about
//! certificates of one's own. Reads as far as the dates and no further (RFC 5280, section 4.1).

use jiff::{Timestamp, civil::DateTime, tz::TimeZone};

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The certificate's first and last moment; `None`: not a certificate.
pub(super) fn validity(der: &[u8]) -> Option<(Timestamp, Timestamp)> {
    let (certificate, _) = expect(der, SEQUENCE)?;
    let (mut fields, _) = expect(certificate, SEQUENCE)?;
    if fields.first() == Some(&VERSION) {
        fields = next(fields)?.2;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        fields = next(fields)?.2;
    }
    let (dates, _) = expect(fields, SEQUENCE)?;
    let (tag, from, rest) = next(dates)?;
    let from = time(tag, from)?;
    let (tag, until, _) = next(rest)?;
    Some((from, time(tag, until)?))
}

/// Tag, content and what follows.
fn next(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = bytes
                .iter()
                .fold(0_usize, |length, byte| (length << 8) | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

fn expect(der: &[u8], wanted: u8) -> Option<(&[u8], &[u8])> {
    let (tag, content, rest) = next(der)?;
    (tag == wanted).then_some((content, rest))
}

fn time(tag: u8, text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?.strip_suffix('Z')?;
    let text = match tag {
        // Two digits of the year: 50 to 99 are of the last century.
        UTC_TIME => match text.get(..2)?.parse::<u8>().ok()? {
            50.. => format!("19{text}"),
            _ => format!("20{text}"),
        },
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let civil = DateTime::strptime("%Y%m%d%H%M%S", &text).ok()?;
    Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    /// A certificate as far as it is read: no version, short fields, the two times.
    fn certificate(times: &[u8]) -> Vec<u8> {
        let wrap = |tag: u8, content: &[u8]| {
            let mut der = vec![tag, u8::try_from(content.len()).unwrap()];
            der.extend_from_slice(content);
            der
        };
        let mut fields = [
            wrap(VERSION, &wrap(2, &[2])),
            wrap(2, &[1]),
            wrap(SEQUENCE, &[]),
            wrap(SEQUENCE, &[]),
            wrap(SEQUENCE, times),
        ]
        .concat();
        fields = wrap(SEQUENCE, &fields);
        wrap(SEQUENCE, &fields)
    }

    #[test]
    fn both_spellings_of_a_date() {
        let times = b"\x17\x0d991231235959Z\x18\x0f20501231235959Z";
        let (from, until) = validity(&certificate(times)).unwrap();
        assert_eq!(
            (from.to_string(), until.to_string()),
            ("1999-12-31T23:59:59Z".into(), "2050-12-31T23:59:59Z".into())
        );
    }

    #[test]
    fn whatever_is_no_certificate_is_none() {
        let whole = certificate(b"\x17\x0d991231235959Z\x17\x0d301231235959Z");
        assert!(validity(&whole).is_some());
        for end in 0..whole.len() {
            assert_eq!(validity(&whole[..end]), None, "{end}");
        }
        assert_eq!(validity(&certificate(b"\x17\x0d991331235959Z")), None);
        assert_eq!(validity(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(validity(&[0x30, 0x88]), None);
    }
}
