//! What every vault must do, run against all of them: memory and the sealed file always, the operating
//! system's keyring where `tests/harness/with-keyring.sh` provides one.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[cfg(all(feature = "keyring", target_os = "linux"))]
#[path = "harness/skip.rs"]
mod skip;
#[path = "harness/wait.rs"]
mod wait;

use gw::error::Kind;
use gw::store::secret::Secret;
use gw::store::vault::{self, Choice, MasterKey, Memory, Sealed, Vault};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::thread;

const KEY: &str = "3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=";

fn secret(text: impl Into<String>) -> Secret {
    Secret::new(text.into())
}

fn key() -> MasterKey {
    MasterKey::from_text(KEY, "the test").unwrap()
}

/// Text that no store's quoting or terminator survives by luck.
const ODD: [&str; 6] = [
    "sk-gw-plain",
    "gr\u{fc}\u{df}e \u{1f511} \u{4f60}\u{597d}",
    "two\nlines\r\n",
    "'quotes\" \\ $HOME %s",
    " spaces around ",
    "{\"type\":\"service_account\"}",
];

/// The contract. `open` gives the same store each time; `lasts` says whether a new one still knows the old secrets.
fn contract(open: &dyn Fn() -> Arc<dyn Vault>, lasts: bool) {
    let vault = open();
    vault::probe(&*vault).unwrap();
    // So that "not there" can be told from "locked" by those that need to.
    vault.set("first", &secret("x")).unwrap();

    assert!(vault.get("missing").unwrap().is_none());
    vault.delete("missing").unwrap();

    for odd in ODD {
        vault.set("odd", &secret(odd)).unwrap();
        assert_eq!(vault.get("odd").unwrap().unwrap().expose(), odd);
    }
    for name in [
        "plain",
        "with space",
        "a/b/c",
        "gr\u{fc}n-\u{1f511}",
        "UPPER",
        "upper",
        "dots.in.it",
    ] {
        vault.set(name, &secret(format!("of {name}"))).unwrap();
    }
    for name in [
        "plain",
        "with space",
        "a/b/c",
        "gr\u{fc}n-\u{1f511}",
        "UPPER",
        "upper",
        "dots.in.it",
    ] {
        assert_eq!(
            vault.get(name).unwrap().unwrap().expose(),
            format!("of {name}")
        );
        vault.delete(name).unwrap();
        vault.delete(name).unwrap();
        assert!(vault.get(name).unwrap().is_none());
    }

    vault.set("over", &secret("a long first value")).unwrap();
    vault.set("over", &secret("short")).unwrap();
    assert_eq!(vault.get("over").unwrap().unwrap().expose(), "short");

    let names = || {
        let mut names = vault.names().unwrap();
        names.sort();
        names
    };
    assert_eq!(names(), ["first", "odd", "over"]);
    let large: String = "0123456789abcdef".repeat(1000);
    vault.set("large", &secret(large.clone())).unwrap();
    assert!(vault.get("large").unwrap() == Some(secret(large)));
    assert_eq!(names(), ["first", "large", "odd", "over"]);
    vault.delete("large").unwrap();

    for refused in ["", " \n"] {
        assert_eq!(
            vault.set("over", &secret(refused)).unwrap_err().kind,
            Kind::Invalid
        );
    }
    assert_eq!(
        vault
            .set("over", &secret("x".repeat(gw::store::secret::LONGEST + 1)))
            .unwrap_err()
            .kind,
        Kind::TooLarge
    );
    assert_eq!(
        vault.set(".gateway", &secret("x")).unwrap_err().kind,
        Kind::Invalid
    );
    assert_eq!(vault.get("over").unwrap().unwrap().expose(), "short");

    concurrent(&vault);
    assert!(!vault.describe().is_empty());

    drop(vault);
    if lasts {
        let again = open();
        assert_eq!(again.get("over").unwrap().unwrap().expose(), "short");
        assert_eq!(again.get("odd").unwrap().unwrap().expose(), ODD[5]);
        assert!(again.get("large").unwrap().is_none());
    }
}

/// Writers of their own names never lose a value, writers of one name leave one of theirs.
fn concurrent(vault: &Arc<dyn Vault>) {
    thread::scope(|scope| {
        for writer in 0..8 {
            scope.spawn(move || {
                let name = format!("writer-{writer}");
                for turn in 0..4 {
                    vault
                        .set(&name, &secret(format!("{writer}:{turn}")))
                        .unwrap();
                    vault
                        .set("shared", &secret(format!("shared {writer}:{turn}")))
                        .unwrap();
                    assert_eq!(
                        vault.get(&name).unwrap().unwrap().expose(),
                        format!("{writer}:{turn}")
                    );
                    assert!(
                        vault
                            .get("shared")
                            .unwrap()
                            .unwrap()
                            .expose()
                            .starts_with("shared ")
                    );
                }
            });
        }
    });
    for writer in 0..8 {
        assert_eq!(
            vault
                .get(&format!("writer-{writer}"))
                .unwrap()
                .unwrap()
                .expose(),
            format!("{writer}:3")
        );
    }
}

#[test]
fn memory_holds_the_contract() {
    contract(&|| Arc::new(Memory::default()), false);
}

#[test]
fn the_sealed_file_holds_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    Sealed::create(dir.path(), &key()).unwrap();
    contract(
        &|| Arc::new(Sealed::open(dir.path(), &key()).unwrap()),
        true,
    );
}

#[test]
fn the_sealed_file_chosen_by_name_holds_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    contract(
        &|| vault::open(dir.path(), Choice::Sealed, None).unwrap(),
        true,
    );
}

/// Every file of a directory and its names, as one heap of bytes.
fn everything(dir: &Path) -> Vec<u8> {
    let mut heap = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let entry = entry.unwrap();
        heap.extend_from_slice(entry.file_name().as_encoded_bytes());
        if entry.file_type().unwrap().is_dir() {
            heap.extend(everything(&entry.path()));
        } else if entry.file_type().unwrap().is_file() {
            heap.extend(std::fs::read(entry.path()).unwrap());
        }
    }
    heap
}

#[test]
fn no_plaintext_in_the_sealed_file() {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let dir = tempfile::tempdir().unwrap();
    let canary = "sk-canary-9f86d081884c7d659a2feaa0c55ad015";
    let vault = vault::open(dir.path(), Choice::Sealed, Some(key())).unwrap();
    vault.set("openai", &secret(canary)).unwrap();
    vault.set("openai", &secret(format!("{canary}2"))).unwrap();
    let heap = everything(dir.path());
    let hex: String = canary.bytes().map(|byte| format!("{byte:02x}")).collect();
    // Base64 has three spellings, by where in its group of three the text begins; the middle is common to each.
    let encoded = (0..3)
        .map(|shift| STANDARD.encode(format!("{}{canary}", "-".repeat(shift)))[4..40].to_owned());
    for needle in [canary.to_owned(), hex, KEY.to_owned()]
        .into_iter()
        .chain(encoded)
    {
        assert!(
            !heap
                .windows(needle.len())
                .any(|window| window == needle.as_bytes()),
            "{needle}"
        );
    }
    assert!(heap.windows(6).any(|window| window == b"openai"));
}

#[cfg(unix)]
#[test]
fn the_files_are_private_and_shared_ones_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    vault::open(dir.path(), Choice::Sealed, None)
        .unwrap()
        .set("a", &secret("x"))
        .unwrap();
    for name in ["secrets.sealed", "secrets.choice", "master.key"] {
        let path = dir.path().join(name);
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600,
            "{name}"
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let error = vault::open(dir.path(), Choice::Auto, None).err().unwrap();
        assert_eq!(error.kind, Kind::Forbidden);
        assert!(error.message.contains(name) && error.hint.unwrap().contains("chmod 600"));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(
        vault::open(dir.path(), Choice::Auto, None)
            .unwrap()
            .get("a")
            .unwrap()
            .is_some()
    );
}

/// What the environment holds cannot be changed within a test process, so the cases below run one test of
/// this binary in a process of its own.
fn inner(test: &str, wrapper: &[&str], environment: &[(&str, &str)]) -> Output {
    let me = std::env::current_exe().unwrap();
    let mut command = match wrapper.split_first() {
        Some((program, rest)) => {
            let mut command = Command::new(program);
            command.args(rest).arg(me);
            command
        }
        None => Command::new(me),
    };
    command.args([
        "--exact",
        test,
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    for name in [
        "DBUS_SESSION_BUS_ADDRESS",
        "XDG_RUNTIME_DIR",
        "DISPLAY",
        "WAYLAND_DISPLAY",
        "GW_MASTER_KEY",
    ] {
        command.env_remove(name);
    }
    wait::output(
        command
            .envs(environment.iter().copied())
            .stdin(Stdio::null()),
    )
}

fn passed(output: &Output) {
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

#[test]
fn the_master_key_comes_from_the_environment_or_is_a_clear_error() {
    passed(&inner(
        "inner_master_key",
        &[],
        &[("GW_MASTER_KEY", KEY), ("EXPECT", "key")],
    ));
    passed(&inner("inner_master_key", &[], &[("EXPECT", "none")]));
    for bad in ["", " ", "c2hvcnQ=", "no base64"] {
        passed(&inner(
            "inner_master_key",
            &[],
            &[("GW_MASTER_KEY", bad), ("EXPECT", "error")],
        ));
    }
}

#[test]
#[ignore = "run by the_master_key_comes_from_the_environment_or_is_a_clear_error"]
fn inner_master_key() {
    let given = MasterKey::given(None);
    match std::env::var("EXPECT").unwrap().as_str() {
        "key" => {
            let dir = tempfile::tempdir().unwrap();
            let vault = vault::open(dir.path(), Choice::Sealed, given.unwrap()).unwrap();
            assert!(
                vault.describe().contains("GW_MASTER_KEY") && !vault.describe().contains("warning")
            );
            assert!(!dir.path().join("master.key").exists());
            vault.set("a", &secret("x")).unwrap();
            assert!(
                Sealed::open(dir.path(), &key())
                    .unwrap()
                    .get("a")
                    .unwrap()
                    .is_some()
            );
            // A file given by flag goes before the variable; one that is missing is not passed over.
            assert_eq!(
                MasterKey::given(Some(&dir.path().join("absent")))
                    .unwrap_err()
                    .kind,
                Kind::NotFound
            );
        }
        "none" => assert!(given.unwrap().is_none()),
        _ => assert!(given.unwrap_err().message.contains("GW_MASTER_KEY")),
    }
}

#[cfg(all(feature = "keyring", target_os = "linux"))]
mod keyring {
    use super::*;

    /// Whether a keyring is here to test with; says so where it is not.
    fn provided() -> bool {
        let provided = std::env::var_os("GW_TEST_KEYRING").is_some_and(|value| value == "1");
        if !provided {
            skip::skip("no keyring to test with; run it under tests/harness/with-keyring.sh");
        }
        provided
    }

    #[test]
    fn the_os_keyring_holds_the_contract() {
        if !provided() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        contract(
            &|| vault::open(dir.path(), Choice::Keyring, None).unwrap(),
            true,
        );
        let record = std::fs::read_to_string(dir.path().join("secrets.choice")).unwrap();
        assert!(record.starts_with("keyring "), "{record}");
    }

    #[test]
    fn auto_prefers_the_os_keyring_and_leaves_no_plaintext() {
        if !provided() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let canary = "sk-canary-5b12a0d4c9e87f63";
        let vault = vault::open(dir.path(), Choice::Auto, None).unwrap();
        assert!(
            vault.describe().contains("Secret Service"),
            "{}",
            vault.describe()
        );
        vault.set("openai", &secret(canary)).unwrap();
        // The data directory, and the keyring's own files.
        let home = std::env::var("XDG_DATA_HOME").unwrap();
        for place in [dir.path(), Path::new(&home)] {
            let heap = everything(place);
            assert!(!heap.is_empty());
            assert!(
                !heap
                    .windows(canary.len())
                    .any(|window| window == canary.as_bytes()),
                "{}",
                place.display()
            );
        }
    }

    #[test]
    fn two_gateways_share_a_keyring_without_meeting() {
        if !provided() {
            return;
        }
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let one = vault::open(one.path(), Choice::Keyring, None).unwrap();
        let two = vault::open(two.path(), Choice::Keyring, None).unwrap();
        one.set("openai", &secret("one")).unwrap();
        two.set("openai", &secret("two")).unwrap();
        two.delete("openai").unwrap();
        assert_eq!(one.get("openai").unwrap().unwrap().expose(), "one");
        assert!(two.get("openai").unwrap().is_none());
    }

    #[test]
    fn calls_from_an_async_task_do_no_harm() {
        if !provided() {
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let vault = vault::open(dir.path(), Choice::Keyring, None).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async { vault.set("openai", &secret("async")).unwrap() });
        assert_eq!(vault.get("openai").unwrap().unwrap().expose(), "async");
    }

    #[test]
    fn without_a_bus_auto_seals_and_a_recorded_keyring_is_unavailable() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().to_str().unwrap();
        passed(&inner(
            "keyring::inner_no_bus",
            &[],
            &[("XDG_RUNTIME_DIR", home), ("HOME", home)],
        ));
    }

    #[test]
    #[ignore = "run by without_a_bus_auto_seals_and_a_recorded_keyring_is_unavailable"]
    fn inner_no_bus() {
        unusable();
    }

    #[test]
    fn a_locked_keyring_is_never_taken_for_an_empty_one() {
        if !provided() {
            return;
        }
        // On a bus of its own, where the first call makes the bus start a daemon that nobody unlocks.
        let home = tempfile::tempdir().unwrap();
        let home = home.path().to_str().unwrap();
        let environment = [
            ("XDG_RUNTIME_DIR", home),
            ("HOME", home),
            ("XDG_DATA_HOME", home),
            ("XDG_CONFIG_HOME", home),
            ("XDG_CACHE_HOME", home),
        ];
        passed(&inner(
            "keyring::inner_locked",
            &["dbus-run-session", "--"],
            &environment,
        ));
    }

    #[test]
    #[ignore = "run by a_locked_keyring_is_never_taken_for_an_empty_one"]
    fn inner_locked() {
        unusable();
    }

    #[test]
    fn secrets_come_back_when_the_keyring_does() {
        if !provided() {
            return;
        }
        // Under a keyring of its own, for it locks and kills it.
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/harness/with-keyring.sh");
        passed(&inner("keyring::inner_come_back", &["bash", script], &[]));
    }

    /// What a method of the bus's or the keyring's answers.
    fn ask(service: &str, path: &str, method: &str, argument: &str) -> String {
        let output = Command::new("gdbus")
            .args([
                "call",
                "--session",
                "--dest",
                service,
                "--object-path",
                path,
                "--method",
                method,
                argument,
            ])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    fn ask_bus(method: &str) -> String {
        ask(
            "org.freedesktop.DBus",
            "/org/freedesktop/DBus",
            &format!("org.freedesktop.DBus.{method}"),
            "org.freedesktop.secrets",
        )
    }

    /// Ends the daemon that serves the name and waits until the bus has seen it go.
    fn end(daemon: &str) {
        assert!(Command::new("kill").arg(daemon).status().unwrap().success());
        wait::until("the bus has seen the daemon go", || {
            ask_bus("NameHasOwner").contains("false").then_some(())
        });
    }

    #[test]
    #[ignore = "run by secrets_come_back_when_the_keyring_does"]
    fn inner_come_back() {
        use std::io::Write;
        let dir = tempfile::tempdir().unwrap();
        let vault = vault::open(dir.path(), Choice::Keyring, None).unwrap();
        vault.set("openai", &secret("kept")).unwrap();

        let collection = "['/org/freedesktop/secrets/collection/login']";
        ask(
            "org.freedesktop.secrets",
            "/org/freedesktop/secrets",
            "org.freedesktop.Secret.Service.Lock",
            collection,
        );
        let locked = vault.get("openai").unwrap_err();
        assert_eq!(
            (locked.kind, locked.message.as_str()),
            (Kind::Unavailable, "the OS keyring is locked")
        );

        // Once it is gone, the next call makes the bus start another one, which is locked too.
        end(&std::env::var("GW_TEST_KEYRING_PID").unwrap());
        for _ in 0..2 {
            assert_eq!(vault.get("openai").unwrap_err().kind, Kind::Unavailable);
        }
        assert_eq!(
            vault::open(dir.path(), Choice::Auto, None)
                .unwrap()
                .get("openai")
                .unwrap_err()
                .kind,
            Kind::Unavailable
        );
        let activated: String = ask_bus("GetConnectionUnixProcessID")
            .chars()
            .skip_while(|c| *c != ' ')
            .filter(char::is_ascii_digit)
            .collect();
        end(&activated);

        let mut unlocked = Command::new("gnome-keyring-daemon")
            .args(["--foreground", "--unlock", "--components=secrets"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        unlocked.stdin.take().unwrap().write_all(b"pw\n").unwrap();
        wait::until("the unlocked daemon serves the bus", || {
            assert!(
                unlocked.try_wait().unwrap().is_none(),
                "the daemon ended early"
            );
            ask_bus("NameHasOwner").contains("true").then_some(())
        });
        // The same vault, as the running gateway holds it.
        assert_eq!(vault.get("openai").unwrap().unwrap().expose(), "kept");
        unlocked.kill().unwrap();
        unlocked.wait().unwrap();
    }

    /// The keyring cannot be used: chosen automatically it is passed over, asked for it is an error, and where
    /// it was recorded the vault opens and its calls say why they fail.
    fn unusable() {
        let dir = tempfile::tempdir().unwrap();
        let error = vault::open(dir.path(), Choice::Keyring, None)
            .err()
            .unwrap();
        assert_eq!(error.kind, Kind::Unavailable);
        assert!(
            error.hint.as_deref().unwrap().contains("--secrets sealed"),
            "{error:?}"
        );
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        let vault = vault::open(dir.path(), Choice::Auto, None).unwrap();
        assert!(vault.describe().contains("sealed file"));

        let recorded = tempfile::tempdir().unwrap();
        let record = recorded.path().join("secrets.choice");
        std::fs::write(&record, "keyring 0123456789abcdef\n").unwrap();
        std::fs::set_permissions(&record, std::os::unix::fs::PermissionsExt::from_mode(0o600))
            .unwrap();
        let vault = vault::open(recorded.path(), Choice::Auto, None).unwrap();
        for _ in 0..6 {
            let error = vault.get("openai").unwrap_err();
            assert_eq!(error.kind, Kind::Unavailable, "{error:?}");
            // An answer, and not the end of our patience with it.
            assert!(!error.message.contains("did not answer"), "{error:?}");
        }
        assert_eq!(
            vault.set("openai", &secret("x")).unwrap_err().kind,
            Kind::Unavailable
        );
        assert_eq!(vault.delete("openai").unwrap_err().kind, Kind::Unavailable);
        assert_eq!(std::fs::read_dir(recorded.path()).unwrap().count(), 1);
    }
}
