//! Why TLS with a gateway did not come about, in words. Must not know what was to be sent.

use crate::error::{Error, Kind};
use rustls::CertificateError;

/// What to do where plain HTTP was answered with something else, as a port that speaks TLS does it.
pub const MAYBE_TLS: &str =
    "if that port speaks TLS, name it with `https://`; see the gateway's own log";

/// The error to tell, if it is about TLS. `place`: the gateway's address.
pub fn failed(error: &reqwest::Error, place: &str) -> Option<Error> {
    let (message, hint) = match cause(error)? {
        rustls::Error::InvalidCertificate(why) => (
            format!(
                "the certificate of {place} cannot be trusted: {}",
                words(why)
            ),
            "name its authority, or the certificate itself (PEM), with GW_TLS_CA=FILE, and call it by a name the certificate has",
        ),
        rustls::Error::InvalidMessage(_) => (
            format!("what answers at {place} does not speak TLS"),
            "name it with `http://`, or give the gateway --tls-cert and --tls-key",
        ),
        other => (
            format!("no TLS connection to {place} came about: {other}"),
            "check that a gateway with TLS listens there",
        ),
    };
    Some(Error::new(Kind::NoGateway, message).hint(hint))
}

/// What TLS says, wherever it is wrapped.
fn cause(error: &reqwest::Error) -> Option<&rustls::Error> {
    let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // What such an error wraps is not its source.
        next = match error.downcast_ref::<std::io::Error>() {
            Some(error) => error.get_ref().map(|error| error as _),
            None => error.source(),
        };
    }
    None
}

fn words(why: &CertificateError) -> &'static str {
    match why {
        CertificateError::UnknownIssuer => "no authority known here has signed it",
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "it is not valid yet"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another name"
        }
        CertificateError::Revoked => "it is revoked",
        CertificateError::BadEncoding | CertificateError::BadSignature => "it is damaged",
        // Of these is a certificate that was signed by itself.
        _ => "it is not one that an authority known here has issued for a server",
    }
}
