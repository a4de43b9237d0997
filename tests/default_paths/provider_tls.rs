//! Providers with a CA file and a client certificate of their own: the same TLS for serving and for testing,
//! and files that are no good refused when they are named.

use crate::home::Home;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

/// An authority, and certificates of its making.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Certificate and key for 127.0.0.1, until that year.
    fn issue(&self, until: i32) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        (certificate, key)
    }
}

/// An upstream over TLS that wants a client certificate of this authority. Its base URL.
fn upstream(authority: &Authority) -> String {
    let (certificate, key) = authority.issue(2100);
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    let crypto = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), crypto.clone())
        .build()
        .unwrap();
    let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("https://{}/v1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let config = config.clone();
            std::thread::spawn(move || {
                let connection = rustls::ServerConnection::new(config).unwrap();
                let stream = rustls::StreamOwned::new(connection, socket.unwrap());
                // A caller that trusts us not, or is not trusted, is gone at once.
                let _ = answer(stream);
            });
        }
    });
    base
}

/// Answers one request: the list of models, or a chat.
fn answer(mut stream: impl Read + Write) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head).to_ascii_lowercase();
    let length: usize = head
        .split_once("content-length: ")
        .and_then(|(_, rest)| rest.lines().next()?.parse().ok())
        .unwrap_or(0);
    stream.read_exact(&mut vec![0; length])?;
    let body = match head.starts_with("get") {
        true => r#"{"data":[{"id":"m"}]}"#,
        false => {
            r#"{"id":"1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hello over TLS"},"finish_reason":"stop"}]}"#
        }
    };
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}

fn write(path: &Path, text: &str, mode: u32) -> String {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

fn create<'a>(name: &'a str, url: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let start = [
        "provider",
        "create",
        name,
        "--vendor",
        "openai-compatible",
        "--base-url",
        url,
    ];
    [&start, more].concat()
}

#[test]
fn a_ca_file_and_a_client_certificate_serve_and_test_alike() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed"], |_| {});
    let authority = Authority::new();
    let url = upstream(&authority);
    let (certificate, key) = authority.issue(2100);
    let ca = write(&home.path("ca.pem"), &authority.0.pem(), 0o644);
    let cert = write(&home.path("cert.pem"), &certificate.pem(), 0o644);
    let key = write(&home.path("key.pem"), &key.serialize_pem(), 0o600);

    // On this machine, so it is stored whatever came of it; what came of it is said.
    let without = home.run(&create("plain", &url, &[]));
    assert_eq!(
        (without.code, without.out.as_str()),
        (Some(0), "provider/plain created\n")
    );
    assert!(
        without
            .err
            .starts_with("tested plain: it cannot be reached: TLS failed: invalid peer certificate: UnknownIssuer"),
        "{without:?}"
    );
    let unknown = home.run(&create("unknown", &url, &["--ca-file", &ca]));
    assert!(unknown.err.contains("CertificateRequired"), "{unknown:?}");
    let own = [
        "--ca-file",
        &ca,
        "--client-cert-file",
        &cert,
        "--client-key-file",
        &key,
    ];
    let known = home.run(&create("known", &url, &own));
    assert_eq!(known.out, "provider/known created\n", "{known:?}");
    assert!(
        known.err.starts_with("tested known: ok, 1 model ("),
        "{known:?}"
    );

    home.run(&["user", "create", "u"]);
    for name in ["known", "unknown"] {
        home.run(&["key", "create", name, "--user", "u", "--output-file", name]);
        let target = format!("{name}/m");
        home.run(&["route", "create", name, "--key", name, "--to", &target]);
    }
    let request = |name| home.run(&["request", "hi", "-m", "m", "--key-file", name]);
    assert_eq!(request("known").out, "hello over TLS\n");
    // The same host and port, but never over the other's connection.
    assert_ne!(request("unknown").code, Some(0));
}

#[test]
fn tls_files_that_are_no_good_are_refused_when_they_are_named() {
    let home = Home::new();
    let _serving = home.serve_as(&["--secrets", "sealed"], |_| {});
    let authority = Authority::new();
    let (good, key) = authority.issue(2100);
    let (old, old_key) = authority.issue(2021);
    let garbage = write(&home.path("garbage.pem"), "no PEM at all", 0o600);
    let broken = write(
        &home.path("broken.pem"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        0o600,
    );
    let cert = write(&home.path("cert.pem"), &good.pem(), 0o644);
    let expired = write(&home.path("old.pem"), &old.pem(), 0o644);
    let open = write(&home.path("open.pem"), &key.serialize_pem(), 0o644);
    let key = write(&home.path("key.pem"), &key.serialize_pem(), 0o600);
    let other = write(&home.path("other.pem"), &old_key.serialize_pem(), 0o600);
    let missing = home.path("missing.pem").display().to_string();
    let pair = |cert: &str, key: &str| {
        ["--client-cert-file", cert, "--client-key-file", key].map(str::to_owned)
    };
    let ca = |file: &str| ["--ca-file".to_owned(), file.to_owned()];
    for (flags, said) in [
        (
            ca(&missing).to_vec(),
            "provider `p`: `ca_file`: `~/missing.pem` is not there",
        ),
        (
            ca(&garbage).to_vec(),
            "provider `p`: `ca_file`: `~/garbage.pem` holds no certificate in PEM form",
        ),
        (
            ca(&broken).to_vec(),
            "provider `p`: `ca_file`: `~/broken.pem` holds a certificate that cannot be read",
        ),
        (
            ca(&expired).to_vec(),
            "provider `p`: `ca_file`: `~/old.pem` holds a certificate that expired at 2021-01-01T00:00:00Z",
        ),
        (
            pair(&expired, &other).to_vec(),
            "provider `p`: `client_cert_file`: `~/old.pem` holds a certificate that expired at 2021-01-01T00:00:00Z",
        ),
        (
            pair(&cert, &garbage).to_vec(),
            "provider `p`: `client_key_file`: `~/garbage.pem` holds no private key in PEM form without a passphrase",
        ),
        (
            pair(&cert, &open).to_vec(),
            "provider `p`: `client_key_file`: `~/open.pem` can be read by others; restrict it with: chmod 600",
        ),
        (
            pair(&cert, &other).to_vec(),
            "provider `p`: `client_key_file`: `~/other.pem` is not the key of the certificate in `client_cert_file`",
        ),
        (
            pair(&cert, &key)[..2].to_vec(),
            "`client_cert_file` is given and `client_key_file` is not",
        ),
        (ca("ca.pem").to_vec(), "`ca.pem` is not an absolute path"),
    ] {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        for verify in ["--verify=true", "--verify=false"] {
            let more = [&flags[..], &[verify]].concat();
            let refused = home.run(&create("p", "https://127.0.0.1:1/v1", &more));
            let line = refused.err.lines().next().unwrap_or_default();
            assert_eq!(
                (refused.code, line),
                (Some(2), format!("error: {said}").as_str()),
                "{verify}"
            );
        }
    }
    assert_eq!(home.run(&["provider", "get", "-o", "name"]).out, "");
}
