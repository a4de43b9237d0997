//! A gateway that speaks TLS itself, to callers and to its own command line: the same limits, a certificate that is
//! followed as it changes, and a private authority that commands can be told of.

use super::harness::until;
use super::home::{Home, Serving};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

type Tls = StreamOwned<ClientConnection, TcpStream>;

struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Authority(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Certificate and key for 127.0.0.1.
    fn issue(&self) -> (rcgen::Certificate, KeyPair) {
        let params = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }
}

fn write(path: &Path, text: &str, mode: u32) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A home with the authority in `ca.pem` and a pair of its making in `cert.pem` and `key.pem`.
fn home() -> (Home, Authority) {
    let (home, authority) = (Home::new(), Authority::new());
    write(&home.path("ca.pem"), &authority.0.pem(), 0o644);
    place(&home, &authority);
    (home, authority)
}

/// Puts a new pair into the files; the certificate.
fn place(home: &Home, authority: &Authority) -> Vec<u8> {
    let (certificate, key) = authority.issue();
    write(&home.path("cert.pem"), &certificate.pem(), 0o644);
    write(&home.path("key.pem"), &key.serialize_pem(), 0o600);
    certificate.der().to_vec()
}

fn serve(home: &Home, args: &[&str], env: &[(&str, &str)]) -> Serving {
    let (cert, key) = (home.path("cert.pem"), home.path("key.pem"));
    let tls = [
        "--tls-cert",
        cert.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
    ];
    home.serve_as(&[&tls, args].concat(), |command| {
        command.envs(env.iter().copied());
    })
}

fn host(serving: &Serving) -> &str {
    serving.url().strip_prefix("https://").unwrap()
}

fn plain(serving: &Serving) -> TcpStream {
    let socket = TcpStream::connect(host(serving)).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    socket
}

/// A connection whose certificate is checked against the authority.
fn secure(serving: &Serving, authority: &Authority, alpn: &[&str]) -> Tls {
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    let crypto = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(crypto)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let session = ClientConnection::new(Arc::new(config), name).unwrap();
    StreamOwned::new(session, plain(serving))
}

/// What comes until the other side closes, however it does.
fn rest(socket: &mut impl Read) -> String {
    let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        match socket.read(&mut chunk) {
            Ok(read @ 1..) => bytes.extend_from_slice(&chunk[..read]),
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) =>
            {
                panic!("the connection stays open")
            }
            _ => return String::from_utf8_lossy(&bytes).into_owned(),
        }
    }
}

fn exchange(mut stream: Tls, request: &str) -> String {
    stream.write_all(request.as_bytes()).unwrap();
    rest(&mut stream)
}

const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

/// The certificate a new connection is shown.
fn shown(serving: &Serving, authority: &Authority) -> Vec<u8> {
    let mut stream = secure(serving, authority, &[]);
    stream.write_all(HEALTH.as_bytes()).unwrap();
    let chain: Option<&[CertificateDer<'_>]> = stream.conn.peer_certificates();
    chain.unwrap()[0].to_vec()
}

#[test]
fn callers_and_commands_speak_tls_with_a_private_authority() {
    let (home, authority) = home();
    let serving = serve(&home, &["--mock", "--admin-listen", "127.0.0.1:0"], &[]);
    let (url, admin) = (serving.url().to_owned(), serving.admin());
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    assert!(admin.starts_with("https://127.0.0.1:"), "{admin}");
    let said = format!(
        "listening   {url}/v1\nadmin       {admin}\n            for commands elsewhere: export GW_ADMIN_URL={admin} GW_TLS_CA=~/cert.pem\n"
    );
    assert!(serving.said().starts_with(&said), "{}", serving.said());
    let answer = exchange(secure(&serving, &authority, &["http/1.1"]), HEALTH);
    assert!(answer.ends_with(r#"{"status":"ok"}"#), "{answer}");
    // Another protocol than the one there is.
    let mut other = secure(&serving, &authority, &["h2"]);
    assert!(other.write_all(HEALTH.as_bytes()).is_err());

    let run = |trust: Option<&str>, args: &[&str]| {
        let mut command = home.gw(args);
        command.env("GW_ADMIN_URL", &admin);
        if let Some(name) = trust {
            command.env("GW_TLS_CA", home.path(name));
        }
        home.ran(command)
    };
    let stranger = run(None, &["status"]);
    assert_eq!(
        (stranger.code, stranger.err.as_str()),
        (
            Some(6),
            format!("error: the certificate of {admin} cannot be trusted: no authority known here has signed it\n  fix: name its authority, or the certificate itself (PEM), with GW_TLS_CA=FILE, and call it by a name the certificate has\n").as_str()
        )
    );
    for trust in ["ca.pem", "cert.pem"] {
        let status = run(Some(trust), &["status", "-o", "value=.url"]);
        assert_eq!(
            (status.code, status.out),
            (Some(0), format!("{url}\n")),
            "{trust}: {}",
            status.err
        );
    }
    for args in [
        &["user", "create", "ann"][..],
        &["key", "create", "k", "--user", "ann", "--output-file", "k"],
        &["route", "create", "k", "--key", "k", "--to", "mock"],
    ] {
        let ran = run(Some("ca.pem"), args);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    let asked = run(
        Some("ca.pem"),
        &["request", "hello", "-m", "mock", "--key-file", "k"],
    );
    assert_eq!(asked.code, Some(0), "{asked:?}");

    // Said as what it is, whoever asks.
    let request = &["request", "hello", "-m", "mock", "--key-file", "k", "--url"];
    let distrusting = run(None, &[&request[..], &[&url]].concat());
    assert_eq!(
        (distrusting.code, distrusting.err),
        (
            Some(6),
            format!(
                "error: the certificate of {url} cannot be trusted: no authority known here has signed it\n  fix: name its authority, or the certificate itself (PEM), with GW_TLS_CA=FILE, and call it by a name the certificate has\n"
            )
        )
    );
    let plain = admin.replace("https://", "http://");
    let unencrypted = run(None, &["--admin-url", &plain, "status"]);
    assert_eq!(unencrypted.code, Some(6), "{unencrypted:?}");
    let hint =
        "\n  fix: if that port speaks TLS, name it with `https://`; see the gateway's own log\n";
    assert!(unencrypted.err.ends_with(hint), "{}", unencrypted.err);
}

#[test]
fn a_plain_port_called_with_tls_and_a_certificate_that_signs_itself_are_said_in_words() {
    let home = Home::new();
    let params = CertificateParams::new(vec!["127.0.0.1".into()]).unwrap();
    let own = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    write(&home.path("cert.pem"), &own.pem(), 0o644);
    write(&home.path("key.pem"), &own.key().serialize_pem(), 0o600);
    let serving = serve(&home, &["--admin-listen", "127.0.0.1:0"], &[]);
    let admin = serving.admin();
    let status = home.run(&["--admin-url", &admin, "status"]);
    let said = format!("error: the certificate of {admin} cannot be trusted: ");
    assert!(status.err.starts_with(&said), "{}", status.err);
    assert!(!status.err.contains("Other"), "{}", status.err);
    drop(serving);

    let serving = home.serve_as(&["--admin-listen", "127.0.0.1:0"], |_| {});
    for (args, place) in [
        (&["--admin-url"][..], serving.admin()),
        (
            &["request", "hi", "-m", "m", "--url"],
            serving.url().to_owned(),
        ),
    ] {
        let place = place.replace("http://", "https://");
        let mut args = [args, &[&place]].concat();
        if args[0] == "--admin-url" {
            args.push("status");
        }
        let ran = home.run(&args);
        assert_eq!(
            ran.err,
            format!(
                "error: what answers at {place} does not speak TLS\n  fix: name it with `http://`, or give the gateway --tls-cert and --tls-key\n"
            )
        );
    }
}

#[test]
fn a_pair_named_from_here_is_found_by_a_command_that_goes_elsewhere() {
    let (home, _) = home();
    let beside = home.run(&[
        "serve",
        "--dev",
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        "../cert.pem",
        "--tls-key",
        "../key.pem",
        "--",
        "sh",
        "-c",
        &format!(
            "cd /; exec {} request hello -m gpt-4o >/dev/null",
            env!("CARGO_BIN_EXE_gw")
        ),
    ]);
    assert_eq!(beside.code, Some(0), "{}", beside.err);
}

#[test]
fn doctor_looks_at_the_pair_as_serving_does() {
    let (home, authority) = home();
    write(
        &home.path("other.pem"),
        &authority.issue().1.serialize_pem(),
        0o600,
    );
    for (cert, key, says) in [
        (
            "none.pem",
            "key.pem",
            "`tls_cert`: `~/none.pem` is not there",
        ),
        (
            "cert.pem",
            "other.pem",
            "`tls_key`: `~/other.pem` is not the key of the certificate in `tls_cert`",
        ),
    ] {
        let mut command = home.gw(&["doctor"]);
        command.env("GW_TLS_CERT", home.path(cert));
        command.env("GW_TLS_KEY", home.path(key));
        let ran = home.ran(command);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        let first: Vec<_> = ran.out.lines().next().unwrap().split_whitespace().collect();
        assert_eq!(first.join(" "), format!("fail settings {says}"), "{ran:?}");
    }
}

#[test]
fn the_pair_is_a_setting_and_makes_its_own_commands_trust_it() {
    let (home, _) = home();
    let lines = format!(
        "[server]\nlisten = ['127.0.0.1:0']\nadmin_listen = ['127.0.0.1:0']\ntls_cert = '{}'\ntls_key = '{}'\n",
        home.path("cert.pem").display(),
        home.path("key.pem").display()
    );
    std::fs::write(home.path("project").join("own.toml"), lines).unwrap();
    let serving = home.serve_as(&["-c", "own.toml"], |_| {});
    let status = home.run(&[
        "-c",
        "own.toml",
        "--admin-url",
        &serving.admin(),
        "status",
        "-o",
        "value=.url",
    ]);
    assert_eq!(
        (status.code, status.out),
        (Some(0), format!("{}\n", serving.url())),
        "{}",
        status.err
    );
    // A command beside the gateway is told what to trust.
    let beside = home.run(&[
        "serve",
        "-c",
        "own.toml",
        "--in-memory",
        "--",
        "sh",
        "-c",
        "echo $GW_TLS_CA",
    ]);
    assert_eq!(
        (beside.code, beside.out.as_str()),
        (Some(0), "~/cert.pem\n"),
        "{}",
        beside.err
    );
}

#[test]
fn pairs_that_are_none_are_refused_at_start() {
    let (home, authority) = home();
    let (other, _) = (authority.issue().1, ());
    write(&home.path("other.pem"), &other.serialize_pem(), 0o600);
    write(&home.path("open.pem"), &other.serialize_pem(), 0o644);
    write(&home.path("text.pem"), "no key", 0o600);
    let hint = "\n  fix: --tls-cert is a PEM file with the certificate and its chain, --tls-key one with its private key\n";
    for (cert, key, says) in [
        (
            "none.pem",
            "key.pem",
            "`tls_cert`: `~/none.pem` is not there",
        ),
        (
            "text.pem",
            "key.pem",
            "`tls_cert`: `~/text.pem` holds no certificate in PEM form",
        ),
        (
            "cert.pem",
            "text.pem",
            "`tls_key`: `~/text.pem` holds no private key in PEM form without a passphrase",
        ),
        (
            "cert.pem",
            "open.pem",
            "`tls_key`: `~/open.pem` can be read by others; restrict it with: chmod 600",
        ),
        (
            "cert.pem",
            "other.pem",
            "`tls_key`: `~/other.pem` is not the key of the certificate in `tls_cert`",
        ),
    ] {
        let (cert, key) = (home.path(cert), home.path(key));
        let ran = home.run(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--tls-cert",
            cert.to_str().unwrap(),
            "--tls-key",
            key.to_str().unwrap(),
        ]);
        assert_eq!(
            (ran.code, ran.err),
            (Some(2), format!("error: {says}{hint}"))
        );
    }
    let cert = home.path("cert.pem");
    let half = home.run(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        cert.to_str().unwrap(),
    ]);
    assert_eq!(
        (half.code, half.err.as_str()),
        (
            Some(2),
            "error: `server.tls_cert` is given without `server.tls_key`\n  fix: name both, with --tls-key FILE\n"
        )
    );
    // What can be reached from elsewhere still has to be allowed.
    let key = home.path("key.pem");
    let public = home.run(&[
        "serve",
        "--listen",
        "0.0.0.0:0",
        "--tls-cert",
        cert.to_str().unwrap(),
        "--tls-key",
        key.to_str().unwrap(),
    ]);
    assert_eq!(
        (public.code, public.err.as_str()),
        (
            Some(2),
            "error: `0.0.0.0:0` can be reached from other machines\n  fix: add --allow-public; or listen on 127.0.0.1\n"
        )
    );
}

#[test]
fn a_new_certificate_is_taken_and_a_bad_one_is_not() {
    let (home, authority) = home();
    let serving = serve(&home, &[], &[]);
    let mut before = secure(&serving, &authority, &[]);
    before
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut byte = [0];
    before.read_exact(&mut byte).unwrap();

    let new = place(&home, &authority);
    until("the new certificate is shown", || {
        (shown(&serving, &authority) == new).then_some(())
    });
    // Connections there were before go on.
    assert!(exchange(before, HEALTH).ends_with(r#"{"status":"ok"}"#));

    let degraded = || {
        let status = home.run(&["status", "-o", "json"]);
        let status: serde_json::Value = serde_json::from_str(&status.out).unwrap();
        status["degraded"][0].as_str().map(str::to_owned)
    };
    assert_eq!(degraded(), None);
    write(&home.path("key.pem"), "no key", 0o600);
    let why = "`tls_key`: `~/key.pem` holds no private key in PEM form without a passphrase";
    let said = until("the bad pair is said", degraded);
    assert_eq!(
        said,
        format!("TLS certificate: the one before stays in use: {why}")
    );
    assert_eq!(shown(&serving, &authority), new);
    assert_eq!(
        serving.said().matches("stays in use").count(),
        1,
        "{}",
        serving.said()
    );
    let mended = place(&home, &authority);
    until("the mended pair is shown", || {
        (shown(&serving, &authority) == mended).then_some(())
    });
    assert_eq!(degraded(), None);
}

#[test]
fn a_caller_that_hangs_up_over_tls_takes_the_upstream_call_with_it() {
    let (home, authority) = home();
    let serving = serve(&home, &["--mock"], &[]);
    for args in [
        &["user", "create", "ann"][..],
        &["key", "create", "k", "--user", "ann", "--output-file", "k"],
        &["route", "create", "k", "--key", "k", "--to", "mock"],
    ] {
        assert_eq!(home.run(args).code, Some(0), "{args:?}");
    }
    let key = std::fs::read_to_string(home.path("project").join("k")).unwrap();
    let body = r#"{"model":"mock-delay-headers-60000","messages":[{"role":"user","content":"x"}]}"#;
    let status = |name: &str| home.run(&["status", "-o", &format!("value=.{name}")]).out;
    // What it leaves behind its request must not hide that it has gone.
    for left in ["", "\r\n"] {
        let mut stream = secure(&serving, &authority, &[]);
        let request = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}{left}",
            key.trim(),
            body.len()
        );
        stream.write_all(request.as_bytes()).unwrap();
        until("the request is under way", || {
            (status("in_flight") == "1\n").then_some(())
        });
        stream.conn.send_close_notify();
        stream.flush().unwrap();
        drop(stream);
        until("the request has ended", || {
            (status("in_flight") == "0\n").then_some(())
        });
    }
    let rows = until("both rows are written", || {
        let rows = home.run(&["logs", "-o", "value=.status"]).out;
        (rows.lines().count() == 2).then_some(rows)
    });
    assert_eq!(rows, "499\n499\n");
}

#[test]
fn silent_peers_of_the_admin_api_are_let_go_in_the_handshake() {
    let (home, _) = home();
    let serving = serve(&home, &["--admin-listen", "127.0.0.1:0"], &[]);
    let admin = serving.admin();
    let admin = admin.strip_prefix("https://").unwrap();
    for said in [
        &b""[..],
        b"GET /healthz HTTP/1.1\r\n\r\n",
        &[0x16, 3, 1, 2, 0, 1],
    ] {
        let mut socket = TcpStream::connect(admin).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        socket.write_all(said).unwrap();
        assert!(!rest(&mut socket).contains("HTTP/1.1"));
    }
}

#[test]
fn slow_and_silent_peers_are_let_go_in_the_handshake_as_anywhere() {
    let (home, authority) = home();
    let serving = serve(
        &home,
        &[],
        &[
            ("GW_LIMITS__FIRST_BYTE", "300ms"),
            ("GW_LIMITS__HEADER_TIMEOUT", "600ms"),
            ("GW_LIMITS__IDLE", "400ms"),
        ],
    );
    // Silent from the start.
    assert_eq!(rest(&mut plain(&serving)), "");
    // Not TLS: HTTP is told so, anything else is an alert's worth.
    let mut http = plain(&serving);
    http.write_all(HEALTH.as_bytes()).unwrap();
    let told = rest(&mut http);
    assert!(told.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{told}");
    assert!(
        told.contains(
            "this port speaks TLS, and the request came without (fix: call it with https://)"
        ),
        "{told}"
    );
    let mut other = plain(&serving);
    other.write_all(b"\0\0\0\0\0\0\0\0").unwrap();
    assert!(!rest(&mut other).contains("HTTP/1.1"));
    // The beginning of a hello, a byte at a time, then nothing.
    let mut hello = plain(&serving);
    for byte in [0x16, 3, 1, 2, 0, 1, 0, 1] {
        hello.write_all(&[byte]).unwrap();
    }
    rest(&mut hello);
    // Silent once it is secure, slow with its head, idle after an answer.
    let mut silent = secure(&serving, &authority, &[]);
    while silent.conn.is_handshaking() {
        silent.conn.complete_io(&mut silent.sock).unwrap();
    }
    assert_eq!(rest(&mut silent), "");
    assert_eq!(
        exchange(
            secure(&serving, &authority, &[]),
            "GET /healthz HTTP/1.1\r\nHost:"
        ),
        ""
    );
    let idle = exchange(
        secure(&serving, &authority, &[]),
        "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    assert!(idle.ends_with(r#"{"status":"ok"}"#), "{idle}");
    // Heads are judged as they are behind the encryption.
    let smuggled =
        "POST /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n";
    let refused = exchange(
        secure(&serving, &authority, &[]),
        &format!("{smuggled}{HEALTH}"),
    );
    assert!(refused.starts_with("HTTP/1.1 400 "), "{refused}");
    assert!(!refused.contains("200 OK"), "{refused}");
    until("every connection is counted out", || {
        let status = home.run(&["status", "-o", "value=.connections"]);
        (status.out == "0\n").then_some(())
    });
}
