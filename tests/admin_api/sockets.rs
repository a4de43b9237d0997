//! Real listeners and the client that comes with gw.
#![cfg(unix)]

use super::doubles::{Gateway, furnished};
use gw::admin::{self, Listener};
use gw::client::Client;
use gw::config::Address;
use gw::error::Kind;
use gw::store::journal::Row;
use gw::store::secret::Secret;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::task::JoinHandle;

struct Running {
    gateway: Gateway,
    dir: tempfile::TempDir,
    stop: watch::Sender<bool>,
    served: Vec<JoinHandle<()>>,
    tcp: String,
}

impl Running {
    fn socket(&self) -> PathBuf {
        self.dir.path().join("gw/admin.sock")
    }
    fn client(&self) -> Client {
        Client::new(Address::Unix(self.socket()), None).unwrap()
    }
}

async fn running() -> Running {
    let (gateway, dir) = (furnished().await, tempfile::tempdir().unwrap());
    let (stop, stopped) = watch::channel(false);
    let token = admin::token(dir.path()).unwrap();
    let unix = Listener::unix(&dir.path().join("gw/admin.sock")).unwrap();
    let tcp = Listener::tcp("127.0.0.1:0".parse().unwrap(), token, false)
        .await
        .unwrap();
    let address = tcp.address();
    let serve = |listener| {
        let (desk, stopped) = (gateway.desk.clone(), stopped.clone());
        tokio::spawn(async move { admin::serve(desk, listener, stopped).await.unwrap() })
    };
    let served = vec![serve(unix), serve(tcp)];
    Running {
        gateway,
        dir,
        stop,
        served,
        tcp: address,
    }
}

#[tokio::test]
async fn over_the_socket_as_oneself() {
    let running = running().await;
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (
            mode(&running.socket()),
            mode(running.socket().parent().unwrap())
        ),
        (0o600, 0o700)
    );
    let client = running.client();
    let made = client
        .create("user", &json!({"name": "zoe"}), &[], None)
        .await
        .unwrap();
    assert_eq!(made["version"], 1);
    assert_eq!(
        client
            .patch("users", "zoe", &json!({"team": "t"}), Some(1), &[])
            .await
            .unwrap()["team"],
        "t"
    );
    assert_eq!(
        client
            .patch("user", "zoe", &json!({"team": "u"}), Some(1), &[])
            .await
            .unwrap_err()
            .kind,
        Kind::Stale
    );
    client
        .create(
            "model",
            &json!({"name": "up/a/b:c", "provider": "up"}),
            &[],
            Some("k1"),
        )
        .await
        .unwrap();
    assert_eq!(
        client
            .action("model", "up/a/b:c", "disable", &json!({}))
            .await
            .unwrap()["enabled"],
        false
    );
    assert_eq!(
        client.get("model", "up/a/b:c").await.unwrap()["name"],
        "up/a/b:c"
    );
    assert_eq!(
        client
            .list("user", &[("selector", "team=a")])
            .await
            .unwrap()["items"][0]["name"],
        "ann"
    );
    client.delete("user", "zoe", None, &[]).await.unwrap();
    let gone = client.get("user", "zoe").await.unwrap_err();
    assert_eq!(
        (gone.kind, gone.message.as_str(), gone.hint.as_deref()),
        (Kind::NotFound, "no user `zoe`", Some("gw user create zoe"))
    );
    let secret = client
        .create("key", &json!({"name": "k", "user": "ann"}), &[], None)
        .await
        .unwrap()["secret"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(client.identify(&secret).await.unwrap()["name"], "k");
    assert_eq!(
        client
            .apply(&json!({"items": client.export().await.unwrap()["items"]}))
            .await
            .unwrap()["created"],
        0
    );
    assert_eq!(
        client
            .replace("user", "ann", &json!({"team": "q"}), None, &[])
            .await
            .unwrap()["result"],
        "configured"
    );
    assert_eq!(
        client.explain(&json!({"model": "m"})).await.unwrap()["asked"]["model"],
        "m"
    );
    assert!(client.status().await.unwrap()["records"]["users"].is_number());
    let who = format!("uid {}", rustix::process::geteuid().as_raw());
    assert_eq!(client.history(1).await.unwrap()["items"][0]["who"], who);
    assert!(client.vendors().await.unwrap()["items"].is_array());
}

#[tokio::test]
async fn over_tcp_with_the_token() {
    let running = running().await;
    let token = admin::token(running.dir.path()).unwrap();
    let client = Client::new(running.tcp.parse().unwrap(), Some(token)).unwrap();
    client
        .create("user", &json!({"name": "zoe"}), &[], None)
        .await
        .unwrap();
    assert_eq!(
        running
            .gateway
            .ok("GET", "/history?limit=1", Value::Null)
            .await["items"][0]["who"],
        "token"
    );
    let without = Client::new(running.tcp.parse().unwrap(), None).unwrap();
    assert_eq!(
        without.list("user", &[]).await.unwrap_err().kind,
        Kind::Unauthenticated
    );
    let empty = Listener::tcp(
        "127.0.0.1:0".parse().unwrap(),
        Secret::new(String::new()),
        false,
    )
    .await;
    assert!(
        empty.is_err()
            && Listener::tcp("0.0.0.0:0".parse().unwrap(), Secret::new("t".into()), false)
                .await
                .is_err()
    );
}

/// What comes back for raw bytes on a TCP connection.
async fn raw(running: &Running, text: &str) -> String {
    let mut stream = tokio::net::TcpStream::connect(running.tcp.trim_start_matches("http://"))
        .await
        .unwrap();
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned()
}

#[tokio::test]
async fn other_names_are_misdirected() {
    let running = running().await;
    let token = admin::token(running.dir.path()).unwrap();
    let rest = format!(
        "authorization: Bearer {}\r\nconnection: close\r\n\r\n",
        token.expose()
    );
    let host = running.tcp.trim_start_matches("http://").to_owned();
    assert!(
        raw(
            &running,
            &format!("GET /api/v1/users HTTP/1.1\r\nhost: {host}\r\n{rest}")
        )
        .await
        .contains("200")
    );
    for wrong in [
        "host: evil.example\r\n",
        "host: x/healthz?y=\r\n",
        "",
        &format!("host: {host}\r\nhost: {host}\r\n"),
        "host: 127.0.0.1\r\n",
    ] {
        let line = raw(
            &running,
            &format!("GET /api/v1/users HTTP/1.1\r\n{wrong}{rest}"),
        )
        .await;
        assert!(
            line.contains("421") || line.contains("400"),
            "{wrong}: {line}"
        );
    }
    let line = raw(
        &running,
        &format!("GET http://evil.example/api/v1/users HTTP/1.1\r\nhost: {host}\r\n{rest}"),
    )
    .await;
    assert!(line.contains("421"), "{line}");
}

#[tokio::test]
async fn follow_gives_rows_and_ends_with_the_reader_and_the_gateway() {
    let running = running().await;
    let client = running.client();
    let mut lines = client.follow(&[("key", "ci")]).await.unwrap();
    for (id, key) in [("1", "other"), ("2", "ci")] {
        running.gateway.log.push(
            Row {
                id: id.into(),
                key: Some(key.into()),
                ..Row::default()
            },
            None,
        );
    }
    assert_eq!(lines.next().await.unwrap().unwrap()["id"], "2");
    drop(lines);
    let mut all = client.logs_export(&[("key", "ci")]).await.unwrap();
    assert_eq!(all.next().await.unwrap().unwrap()["id"], "2");
    assert!(all.next().await.unwrap().is_none());
    let _held = client.follow(&[]).await.unwrap();
    running.stop.send(true).unwrap();
    for served in running.served {
        served.await.unwrap();
    }
    assert!(!running.dir.path().join("gw/admin.sock").exists());
}

#[tokio::test]
async fn nobody_there_and_somebody_there_already() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("admin.sock");
    let nobody = Client::new(Address::Unix(path.clone()), None)
        .unwrap()
        .status()
        .await
        .unwrap_err();
    assert_eq!(nobody.kind, Kind::NoGateway);
    assert!(
        nobody.message.contains("no gateway at unix:")
            && nobody.hint.as_deref().unwrap().contains("gw serve"),
        "{nobody:?}"
    );
    // A dead gateway's socket is taken over; a live one's, and anything that is no socket, is not.
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let live = Listener::unix(&path).unwrap();
    assert_eq!(Listener::unix(&path).err().unwrap().kind, Kind::Conflict);
    drop(live);
    assert!(!path.exists());
    std::fs::write(&path, "precious").unwrap();
    assert!(Listener::unix(&path).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
    assert!(Listener::unix(&dir.path().join("x".repeat(120))).is_err());
}

#[tokio::test]
async fn what_is_no_gateway_is_called_so() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
        let _ = stream
            .write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\n<html>")
            .await;
        // The second caller gets no answer at all.
        let (_held, _) = listener.accept().await.unwrap();
        std::future::pending::<()>().await;
    });
    let client = Client::new(address.parse().unwrap(), None).unwrap();
    assert!(
        client
            .status()
            .await
            .unwrap_err()
            .message
            .contains("is not a gateway")
    );
    let slow = Client::new(address.parse().unwrap(), None)
        .unwrap()
        .timeout(std::time::Duration::from_millis(50));
    assert_eq!(slow.status().await.unwrap_err().kind, Kind::Timeout);
}

#[tokio::test]
async fn who_says_nothing_is_not_kept() {
    let running = running().await;
    let token = admin::token(running.dir.path()).unwrap();
    let host = running.tcp.trim_start_matches("http://").to_owned();
    let silent = raw(&running, "");
    let slow = raw(&running, "GET /healthz HTTP/1.1\r\nho");
    let head = format!(
        "POST /api/v1/users HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n",
        token.expose()
    );
    let unfinished = format!("{head}content-length: 100\r\n\r\n{{");
    let (silent, slow, stalled) = tokio::join!(silent, slow, raw(&running, &unfinished));
    assert!(
        !silent.contains("200") && !slow.contains("200"),
        "{silent} {slow}"
    );
    assert!(stalled.contains("504"), "{stalled}");
}
