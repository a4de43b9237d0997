//! SIGHUP reads credentials again that live outside gw.

use crate::harness::until;
use crate::kit::{CREDENTIAL, chat, plan};
use serde_json::json;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_rotated_credential_file_is_read_again() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("credential");
    let write = |text: &str| {
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    };
    write("sk-upstream-old-and-refused-0001");
    let bench = plan();
    let url = format!("{}/v1", bench.mock.url());
    let reference = format!("file:{}", file.display());
    let bench = bench
        .provider(
            "filed",
            json!({"vendor": "openai-compatible", "base_url": url, "credential": reference}),
        )
        .at("filed", &["filed/mock"])
        .start();
    let status = || {
        bench
            .post("/filed/v1/chat/completions", &chat("any", "hello", false))
            .status
    };
    assert_eq!(status(), 502);

    write(CREDENTIAL);
    let pid = i32::try_from(bench.gateway.pid).unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid).unwrap(),
        rustix::process::Signal::HUP,
    )
    .unwrap();
    until("the new credential is used", || {
        (status() == 200).then_some(())
    });
}
