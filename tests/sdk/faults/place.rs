//! A gateway with a provider for each row of the table and each format, and the routes to it: alone, and before one that
//! answers.

use super::table::{Certificate, ROWS, Row, Upstream};
use crate::kit::{Bench, CREDENTIAL, plan};
use gw::mock::{Deaf, Mock, Settings};
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The formats of both upstreams: name, vendor.
pub const FORMATS: [(&str, &str); 2] = [
    ("openai", "openai-compatible"),
    ("anthropic", "anthropic-compatible"),
];

/// All of it, running.
pub struct Place {
    pub bench: Bench,
    /// What reached the host that redirections point to.
    pub canary: Arc<AtomicUsize>,
    _secure: Vec<Mock>,
    _deaf: Deaf,
    _closed: TcpListener,
    _files: tempfile::TempDir,
}

/// The route of a row over an upstream of a format.
pub fn route(row: &Row, format: &str, second: bool) -> String {
    let second = if second { "-then" } else { "" };
    format!("{}-{format}{second}", row.name())
}

impl Place {
    pub fn start() -> Place {
        let files = tempfile::tempdir().unwrap();
        let mut secure = Vec::new();
        let certificates = [
            Certificate::Unknown,
            Certificate::Expired,
            Certificate::OtherName,
        ]
        .map(|kind| {
            let (mock, trusted) = secured(kind, files.path());
            let found = (kind, mock.url(), trusted);
            secure.push(mock);
            found
        });
        let deaf = Deaf::start(([127, 0, 0, 1], 0).into()).unwrap();
        // Bound and not listening: nobody else gets it.
        let closed =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        closed
            .bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into())
            .unwrap();
        let closed = TcpListener::from(closed);
        let (canary_url, canary) = canary();

        let mut plan = plan();
        let mock = plan.mock.url();
        for row in ROWS {
            let (base, items, ca) = match &row.upstream {
                Upstream::Mock(items) => (mock.clone(), (*items).to_owned(), None),
                Upstream::Redirect => (mock.clone(), format!("redirect={canary_url}"), None),
                Upstream::Closed => (
                    format!("http://{}", closed.local_addr().unwrap()),
                    String::new(),
                    None,
                ),
                Upstream::Deaf => (format!("http://{}", deaf.address()), String::new(), None),
                Upstream::SilentTls => (mock.replace("http:", "https:"), String::new(), None),
                Upstream::NoName => ("http://nowhere.invalid".to_owned(), String::new(), None),
                Upstream::Tls(kind) => {
                    let (_, url, ca) = certificates.iter().find(|(of, ..)| of == kind).unwrap();
                    (url.clone(), String::new(), ca.clone())
                }
            };
            for (format, vendor) in FORMATS {
                let name = format!("{}-{format}", row.name());
                let mut spec = json!({"vendor": vendor, "base_url": format!("{base}/v1")});
                if !items.is_empty() {
                    spec["headers"] = json!({"x-mock": items});
                }
                if row.suspends {
                    spec["suspend_after"] = json!(1);
                }
                if let Some(ca) = &ca {
                    spec["ca_file"] = json!(ca);
                }
                plan = plan.provider(&name, spec);
                for second in [false, true] {
                    let well = format!("f00-{format}");
                    let targets: &[&str] = if second { &[&name, &well] } else { &[&name] };
                    plan = plan.at_with(&route(row, format, second), targets, fields(row));
                }
            }
        }
        Place {
            bench: plan.start(),
            canary,
            _secure: secure,
            _deaf: deaf,
            _closed: closed,
            _files: files,
        }
    }
}

/// What a row's routes have beside their targets.
fn fields(row: &Row) -> Value {
    let mut spec = json!({});
    for (name, value) in row.route {
        spec[*name] = match *name {
            "retries" => json!(value.parse::<u32>().unwrap()),
            "retry_on" => json!([value]),
            _ => json!(value),
        };
    }
    spec
}

/// A simulator with a certificate that is not good, and the authority that callers trust for it.
fn secured(kind: Certificate, place: &Path) -> (Mock, Option<PathBuf>) {
    let name = match kind {
        Certificate::OtherName => "elsewhere.example",
        Certificate::Unknown | Certificate::Expired => "127.0.0.1",
    };
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned()]).unwrap();
    if kind == Certificate::Expired {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    }
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let authority = rcgen::CertifiedIssuer::self_signed(authority, authority_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let signed = params.signed_by(&key, &authority).unwrap();
    let file = |what: &str, text: String| {
        let path = place.join(format!("{kind:?}.{what}"));
        std::fs::write(&path, text).unwrap();
        path
    };
    let certificate = file("pem", signed.pem());
    let key = file("key", key.serialize_pem());
    let trusted = file("ca", authority.pem());
    let mock = Mock::start(Settings {
        tls: Some(gw::mock::tls(&certificate, &key).unwrap()),
        expect_credential: Some(CREDENTIAL.into()),
        ..Settings::default()
    })
    .unwrap();
    (mock, (kind != Certificate::Unknown).then_some(trusted))
}

/// A listener that must hear nothing. Its URL, and how many came.
fn canary() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let url = format!("http://{}/steal", listener.local_addr().unwrap());
    let came = Arc::new(AtomicUsize::new(0));
    let counted = came.clone();
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
        }
    });
    (url, came)
}
