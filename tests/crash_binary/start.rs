//! Starts on state that is damaged, in part missing, locked or in use: mended out loud or refused with a reason,
//! never begun anew as if nothing had been there.

use super::harness::{terminate, until};
use super::rig::{Live, on, refused, serve};
use gw::mock::{Mock, Settings};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Stdio;

const MASTER: [&str; 2] = [
    "3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=",
    "4q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=",
];

/// A stopped gateway's state, with something in it.
pub struct Stopped {
    place: tempfile::TempDir,
    pub data: PathBuf,
    mock: Mock,
    key: String,
    export: serde_json::Value,
}

impl Stopped {
    pub fn new(master: Option<&str>) -> Stopped {
        let place = tempfile::tempdir().unwrap();
        let data = place.path().join("data");
        let mock = Mock::start(Settings {
            expect_credential: Some("upstream-secret-1".into()),
            ..Settings::default()
        })
        .unwrap();
        let mut command = serve(place.path());
        command
            .args(on(&data))
            .envs(master.map(|key| ("GW_MASTER_KEY", key)));
        let live = Live::launch(place.path(), command);
        let key = live.admin.furnish(&mock.url(), "upstream-secret-1");
        for n in 0..20 {
            live.admin
                .ok("POST", "/users", &json!({"name": format!("user-{n}")}));
        }
        let export = live.admin.get("/export");
        live.kill();
        Stopped {
            place,
            data,
            mock,
            key,
            export,
        }
    }

    pub fn start(&self) -> Live {
        Live::start(self.place.path(), &self.data)
    }

    pub fn refused(&self, env: &[(&str, &str)]) -> String {
        let mut command = serve(self.place.path());
        command.args(on(&self.data)).envs(env.iter().copied());
        let (code, said) = refused(command);
        assert!(code.is_some_and(|code| code != 0), "{code:?}: {said}");
        assert!(
            said.contains("error: ") && said.contains("fix: ") && !said.contains("panicked"),
            "{said}"
        );
        said
    }

    /// Everything is there, and a request goes through with the key and the credential there were.
    pub fn whole(&self, live: &Live) {
        assert_eq!(live.admin.get("/export"), self.export);
        let answer = live.chat(&self.key, "mock");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(!self.mock.requests().is_empty());
    }

    /// The lines that say what was mended.
    pub fn mended(live: &Live) -> Vec<String> {
        live.said()
            .lines()
            .filter(|line| line.starts_with("mended"))
            .map(str::to_owned)
            .collect()
    }
}

fn scribble(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes.iter_mut().for_each(|byte| *byte ^= 0x5a);
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_damaged_store_is_rebuilt_out_loud() {
    let stopped = Stopped::new(None);
    scribble(&stopped.data.join("state/db"));
    let live = stopped.start();
    let mended = Stopped::mended(&live);
    assert!(
        mended.len() == 1
            && mended[0].contains("rebuilt at revision 25")
            && mended[0].contains("state.corrupt-"),
        "{mended:?}\n{}",
        live.said()
    );
    assert!(live.said().contains("WARN"), "{}", live.said());
    stopped.whole(&live);
    assert_eq!(live.stop().code(), Some(0));
    let again = stopped.start();
    assert!(Stopped::mended(&again).is_empty(), "{}", again.said());
    stopped.whole(&again);
}

#[test]
fn the_audit_log_alone_brings_everything_back() {
    let stopped = Stopped::new(None);
    for name in ["state", "exports", "logs", "ballast", "gw.lock"] {
        let path = stopped.data.join(name);
        let _ = if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
    }
    assert!(stopped.data.join("audit").is_dir());
    let live = stopped.start();
    let mended = Stopped::mended(&live);
    assert!(
        mended.len() == 1
            && mended[0].contains("it is not there")
            && mended[0].contains("audit log alone"),
        "{mended:?}"
    );
    stopped.whole(&live);
}

#[test]
fn the_audit_log_of_an_earlier_release_is_taken_over() {
    let stopped = Stopped::new(None);
    let (old, new) = (stopped.data.join("journal"), stopped.data.join("audit"));
    std::fs::rename(&new, &old).unwrap();
    // What is rebuilt from it now was written under the old name.
    std::fs::remove_dir_all(stopped.data.join("state")).unwrap();
    std::fs::remove_dir_all(stopped.data.join("exports")).unwrap();
    let live = stopped.start();
    stopped.whole(&live);
    assert!(!old.exists() && new.is_dir());
    assert_eq!(live.stop().code(), Some(0));
    std::fs::create_dir(&old).unwrap();
    let said = stopped.refused(&[]);
    assert!(
        said.contains("two audit logs") && said.contains("mv "),
        "{said}"
    );
}

#[test]
fn a_second_gateway_is_told_who_holds_the_directory() {
    let stopped = Stopped::new(None);
    let live = stopped.start();
    let other = tempfile::tempdir().unwrap();
    let mut command = serve(other.path());
    command.args(on(&stopped.data));
    let (code, said) = refused(command);
    assert_eq!(code, Some(5), "{said}");
    assert!(
        said.contains(&format!("pid {}", live.pid))
            && said.contains(&live.admin.0.display().to_string()),
        "{said}"
    );
    stopped.whole(&live);
    // The lock goes with its holder, however that ended.
    live.kill();
    stopped.whole(&stopped.start());
}

#[test]
fn a_missing_digest_key_is_an_error_and_nothing_is_lost() {
    let stopped = Stopped::new(None);
    let (path, kept) = (
        stopped.data.join("digest.key"),
        stopped.place.path().join("kept"),
    );
    std::fs::rename(&path, &kept).unwrap();
    for _ in 0..2 {
        let said = stopped.refused(&[]);
        assert!(
            said.contains("digest.key") && said.contains("is missing") && said.contains("backup"),
            "{said}"
        );
        assert!(!path.exists(), "a new key was made");
    }
    std::fs::rename(&kept, &path).unwrap();
    stopped.whole(&stopped.start());
}

#[test]
fn a_wrong_master_key_is_an_error_and_nothing_is_lost() {
    let stopped = Stopped::new(Some(MASTER[0]));
    let sealed = std::fs::read(stopped.data.join("secrets.sealed")).unwrap();
    let wrong = stopped.refused(&[("GW_MASTER_KEY", MASTER[1])]);
    assert!(
        wrong.contains("master key")
            && wrong.contains("GW_MASTER_KEY")
            && !wrong.contains(MASTER[1]),
        "{wrong}"
    );
    let none = stopped.refused(&[]);
    assert!(none.contains("there is no master key"), "{none}");
    assert!(!stopped.data.join("master.key").exists());
    assert_eq!(
        std::fs::read(stopped.data.join("secrets.sealed")).unwrap(),
        sealed
    );
    let mut command = serve(stopped.place.path());
    command
        .args(on(&stopped.data))
        .env("GW_MASTER_KEY", MASTER[0]);
    stopped.whole(&Live::launch(stopped.place.path(), command));
}

#[test]
fn a_keyring_that_is_gone_costs_its_providers_and_not_the_start() {
    let stopped = Stopped::new(None);
    std::fs::write(
        stopped.data.join("secrets.choice"),
        "keyring 0123456789abcdef\n",
    )
    .unwrap();
    std::fs::rename(
        stopped.data.join("secrets.sealed"),
        stopped.place.path().join("kept"),
    )
    .unwrap();
    let mut command = serve(stopped.place.path());
    // No bus anywhere, whatever this machine runs.
    command
        .args(on(&stopped.data))
        .env("GW_SECRETS", "auto")
        .env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
    let live = Live::launch(stopped.place.path(), command);
    let (status, ready) = live.readyz();
    assert_eq!(
        (status, &ready["status"]),
        (200, &json!("degraded")),
        "{ready}"
    );
    let reasons = ready["degraded"].to_string();
    // Anybody may ask for readiness: which provider, but why only to those who may manage it.
    assert!(
        reasons.contains("provider `base`") && !reasons.contains("keyring"),
        "{reasons}"
    );
    let status = live.admin.get("/status");
    assert!(
        status["degraded"].to_string().contains("keyring"),
        "{status}"
    );
    let answer = live.chat(&stopped.key, "mock");
    assert!((500..600).contains(&answer.status), "{answer:?}");
    assert!(!answer.body.contains("upstream-secret"));
    assert_eq!(live.admin.get("/export"), stopped.export);
    // Nothing was made in its place.
    assert!(!stopped.data.join("secrets.sealed").exists());
}

#[test]
fn an_admin_token_cut_off_in_the_first_start_is_made_again() {
    let stopped = Stopped::new(None);
    let token = stopped.data.join("admin.token");
    std::fs::write(&token, "").unwrap();
    let mut command = serve(stopped.place.path());
    command
        .args(on(&stopped.data))
        .args(["--admin-listen", "127.0.0.1:0"]);
    let live = Live::launch(stopped.place.path(), command);
    assert_eq!(std::fs::read_to_string(&token).unwrap().trim().len(), 43);
    stopped.whole(&live);
}

#[test]
fn of_several_started_at_once_one_serves_and_the_rest_say_why_not() {
    let (place, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut all: Vec<_> = (0..4)
        .map(|n| {
            let own = place.path().join(n.to_string());
            std::fs::create_dir(&own).unwrap();
            serve(&own)
                .args(on(data.path()))
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let codes = until("three have given up", || {
        let codes: Vec<i32> = all
            .iter_mut()
            .filter_map(|child| child.try_wait().unwrap())
            .map(|status| status.code().unwrap())
            .collect();
        (codes.len() == 3).then_some(codes)
    });
    assert_eq!(codes, [5; 3]);
    let ended: Vec<Option<i32>> = all.iter_mut().map(terminate).collect();
    assert_eq!(
        ended.iter().filter(|code| **code == Some(5)).count(),
        3,
        "{ended:?}"
    );
}

#[test]
fn a_ready_file_of_a_killed_gateway_does_not_speak_for_the_next() {
    let stopped = Stopped::new(None);
    let ready = stopped.place.path().join("ready.json");
    assert!(ready.exists(), "kill -9 leaves it");
    // One that does not get as far as serving.
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let fails = |expected: i32, listen: &str| {
        let mut command = serve(stopped.place.path());
        command
            .args(on(&stopped.data))
            .args(["--listen", listen, "--ready-file"])
            .arg(&ready);
        let (code, said) = refused(command);
        assert_eq!(code, Some(expected), "{said}");
    };
    fails(5, &taken.local_addr().unwrap().to_string());
    assert!(!ready.exists());
    // One that is turned away at the lock leaves the running gateway's alone.
    let live = stopped.start();
    let before = std::fs::read(&ready).unwrap();
    fails(5, "127.0.0.1:0");
    assert_eq!(std::fs::read(&ready).unwrap(), before);
    stopped.whole(&live);
}

#[test]
fn a_damaged_request_log_costs_its_rows_and_nothing_else() {
    let stopped = Stopped::new(None);
    let live = stopped.start();
    stopped.whole(&live);
    assert_eq!(live.stop().code(), Some(0));
    let mut damaged = 0;
    for entry in std::fs::read_dir(stopped.data.join("logs")).unwrap() {
        scribble(&entry.unwrap().path());
        damaged += 1;
    }
    assert!(damaged > 0);
    let live = stopped.start();
    stopped.whole(&live);
    until("new rows are there", || {
        (!live.admin.logs().is_empty()).then_some(())
    });
    assert_eq!(live.stop().code(), Some(0));
    assert!(!stopped.start().admin.logs().is_empty());
}
