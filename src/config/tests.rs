//! Precedence, refusals and completeness of the configuration.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::super::*;
use super::load;
use std::ffi::OsString;

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("gw.toml");
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn env(pairs: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).into(), (*value).into()))
        .collect()
}

#[test]
fn flag_over_environment_over_file_over_default() {
    let (_dir, path) = file(
        "[server]\nlisten = [\"127.0.0.1:1\"]\nthreads = 1\nshutdown_grace = \"1s\"\n[limits]\nmax_body = \"1MiB\"\n",
    );
    let mut flags = Layer::default();
    flags.set("--listen", "server", "listen", vec!["127.0.0.1:3"]);
    let config = load(
        Some(path.clone()),
        env(&[
            ("GW_LISTEN", "127.0.0.1:2"),
            ("GW_SERVER__THREADS", "2"),
            ("GW_LIMITS__MAX_HEADERS", "7"),
        ]),
        flags,
    )
    .unwrap();
    let mut wanted = Config {
        files: vec![path],
        ..Config::default()
    };
    wanted.server.listen = vec!["127.0.0.1:3".into()];
    wanted.server.threads = 2;
    wanted.server.shutdown_grace = Millis::secs(1);
    wanted.limits.max_body = Size::mib(1);
    wanted.limits.max_headers = 7;
    assert_eq!(config, wanted);
}

#[test]
fn the_sectioned_variable_wins_and_lists_split() {
    let (_dir, path) = file("");
    let config = load(
        Some(path),
        env(&[
            ("GW_SERVER__LISTEN", "[::1]:1, 127.0.0.1:1"),
            ("GW_LISTEN", "127.0.0.1:9"),
            ("GW_SERVER__IN_MEMORY", "1"),
        ]),
        Layer::default(),
    )
    .unwrap();
    assert_eq!(config.server.listen, ["[::1]:1", "127.0.0.1:1"]);
    assert!(config.server.in_memory);
}

#[test]
fn unknown_keys_are_refused_by_name() {
    let keep = |text: &str| {
        let (dir, path) = file(text);
        let message = load(Some(path), env(&[]), Layer::default())
            .unwrap_err()
            .message;
        drop(dir);
        message
    };
    assert!(keep("[server]\nlissen = []\n").contains("unknown field `lissen`"));
    assert!(keep("[server]\nlissen = []\n").contains("line 2"));
    assert!(keep("lissen = []\n").contains("unknown field `lissen`"));
    assert!(keep("\n[[userr]]\nname = \"a\"\n").contains("line 2"));
    assert!(keep("[user]\nname = \"a\"\n").contains("expected a sequence"));
    let (_dir, path) = file("");
    let error = load(
        Some(path),
        env(&[("GW_LIMITS__MAX_BODDY", "1")]),
        Layer::default(),
    )
    .unwrap_err();
    assert_eq!(error.message, "`GW_LIMITS__MAX_BODDY` is not a setting");
    assert!(
        load(Some("/nowhere/gw.toml".into()), env(&[]), Layer::default())
            .unwrap_err()
            .message
            .starts_with("cannot read")
    );
}

#[test]
fn wrong_values_name_the_variable() {
    let (_dir, path) = file("");
    let wrong = |name, value| {
        load(Some(path.clone()), env(&[(name, value)]), Layer::default())
            .unwrap_err()
            .message
    };
    assert_eq!(
        wrong("GW_SERVER__THREADS", "many"),
        "`GW_SERVER__THREADS` is `many`, which is not a number"
    );
    assert_eq!(
        wrong("GW_SERVER__IN_MEMORY", "maybe"),
        "`GW_SERVER__IN_MEMORY` is `maybe`, which is not true or false"
    );
    assert!(wrong("GW_LIMITS__MAX_BODY", "big").contains("`big` is not a size"));
    assert!(wrong("GW_LIMITS__IDLE", "0s").contains("`limits.idle` is 0"));
}

/// The table of settings and the structs say the same.
#[test]
fn settings_and_structs_agree() {
    let mut config = Config::default();
    config.server.data_dir = Some("/d".into());
    config.server.ready_file = Some("/r".into());
    config.server.tls_cert = Some("/c".into());
    config.server.tls_key = Some("/k".into());
    config.server.tls_ca = Some("/a".into());
    config.secrets.master_key_file = Some("/m".into());
    config.metrics.listen = Some("a".into());
    config.telemetry.otlp_endpoint = Some("a".into());
    config.notify.secret = Some("a".into());
    let mut structs = Vec::new();
    for (section, value) in [
        ("server", toml::Value::try_from(&config.server).unwrap()),
        ("secrets", toml::Value::try_from(&config.secrets).unwrap()),
        ("log", toml::Value::try_from(&config.log).unwrap()),
        ("logs", toml::Value::try_from(&config.logs).unwrap()),
        ("limits", toml::Value::try_from(&config.limits).unwrap()),
        ("metrics", toml::Value::try_from(&config.metrics).unwrap()),
        (
            "telemetry",
            toml::Value::try_from(&config.telemetry).unwrap(),
        ),
        ("notify", toml::Value::try_from(&config.notify).unwrap()),
    ] {
        for (key, value) in value.as_table().unwrap() {
            let shape = match value {
                toml::Value::Array(_) => Shape::List,
                toml::Value::Boolean(_) => Shape::Bool,
                toml::Value::Integer(_) => Shape::Number,
                _ => Shape::Text,
            };
            structs.push(format!("{section}.{key} {shape:?}"));
        }
    }
    let mut table: Vec<String> = SETTINGS
        .iter()
        .map(|setting| format!("{}.{} {:?}", setting.section, setting.key, setting.shape))
        .collect();
    structs.sort();
    table.sort();
    assert_eq!(structs, table);
}

#[test]
fn records_in_a_settings_file_are_passed_over() {
    for kind in crate::resources::KINDS {
        let (_dir, path) = file(&format!(
            "apiVersion = \"gw/v1\"\n[[{}]]\nname = \"a\"\n[[{}]]\nx = 1\n[server]\nthreads = 1\n",
            kind.name, kind.plural
        ));
        let config = load(Some(path), env(&[]), Layer::default()).unwrap();
        assert_eq!(config.server.threads, 1, "{}", kind.name);
    }
}

#[test]
fn the_higher_of_contradicting_settings_counts_and_the_other_is_named() {
    let (_dir, path) = file("[secrets]\nmaster_key_file = \"/m\"\n");
    let mut memory = Layer::default();
    memory.set("--in-memory", "server", "in_memory", true);
    let config = load(
        Some(path.clone()),
        env(&[("GW_DATA_DIR", "/d"), ("GW_SECRETS", "sealed")]),
        memory,
    )
    .unwrap();
    assert!(config.server.in_memory && config.server.data_dir.is_none());
    assert_eq!(config.secrets, Secrets::default());
    assert_eq!(
        config.overruled,
        [
            "`GW_DATA_DIR` does not count: --in-memory keeps everything in memory".to_owned(),
            "`GW_SECRETS` does not count: --in-memory keeps everything in memory".to_owned(),
            format!(
                "`secrets.master_key_file in {}` does not count: --in-memory keeps everything in memory",
                path.display()
            ),
        ]
    );
    for (section, key, value) in [
        ("server", "data_dir", "/d"),
        ("secrets", "store", "keyring"),
    ] {
        let mut place = Layer::default();
        place.set("--it", section, key, value);
        let config = load(Some(path.clone()), env(&[("GW_IN_MEMORY", "1")]), place).unwrap();
        assert!(!config.server.in_memory);
        assert_eq!(
            config.overruled,
            ["`GW_IN_MEMORY` does not count: --it says where state rests"]
        );
    }
    let both = env(&[("GW_IN_MEMORY", "1"), ("GW_DATA_DIR", "/d")]);
    let error = load(Some(path), both, Layer::default()).unwrap_err();
    assert_eq!(
        error.message,
        "`GW_IN_MEMORY` and `GW_DATA_DIR` contradict each other"
    );
}
