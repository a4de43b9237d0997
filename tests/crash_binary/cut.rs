//! A power cut under `gw serve`: ext4 on a loop device, the gateway stopped in mid-write, the backing image copied (what
//! was only in the page cache is not in it), and a gateway started on the copy.

use super::harness::mount::{Mount, image, run};
use super::harness::{skip::skip, until, wait::until_stopped};
use super::rig::{LOGGED, Live, on, random, rounds, serve};
use super::writes::{Ledger, check, during, found};
use gw::mock::{Mock, Settings};
use serde_json::json;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

fn start(place: &Path, data: &Path) -> Live {
    let mut command = serve(place);
    // TCP too, so that there is an admin token to keep.
    command
        .args(on(data))
        .args(["--admin-listen", "127.0.0.1:0"]);
    Live::launch(place, command)
}

const SECRET_FILES: [&str; 5] = [
    "digest.key",
    "master.key",
    "secrets.choice",
    "secrets.sealed",
    "admin.token",
];

/// Rounds on one store that goes on from what the last cut left, or (`fresh`) each on an empty disk and cut right
/// after the first acknowledgements.
fn cuts(fresh: bool, count: usize) {
    let place = tempfile::tempdir().unwrap();
    let mut disk = match image(place.path(), LOGGED) {
        Ok(disk) => disk,
        Err(why) => return skip(&why),
    };
    let mut mock = None;
    let mut ledgers: Vec<Ledger> = Vec::new();
    let mut key = String::new();
    let (mut seed, mut total, mut kept, mut mended) =
        (0x51ed_270b_0a1f_39c1 ^ u64::from(fresh), 0, 0, 0);
    for round in 0..count {
        let mounted = match Mount::image(&disk, &place.path().join("live")) {
            Ok(mounted) => mounted,
            Err(why) if round == 0 => return skip(&why),
            Err(why) => panic!("{why}"),
        };
        let live = start(place.path(), &mounted.at.join("data"));
        let credential = format!("upstream-secret-{round}");
        // Accepts the newest acknowledged credential alone.
        let upstream = Mock::start(Settings {
            expect_credential: Some(credential.clone()),
            ..Settings::default()
        })
        .unwrap();
        if round == 0 || fresh {
            ledgers = (0..3).map(Ledger::new).collect();
            key = live.admin.furnish(&upstream.url(), &credential);
        } else {
            let body = json!({"base_url": format!("{}/v1", upstream.url()), "credential_value": credential});
            live.admin.ok("PATCH", "/providers/base", &body);
        }
        mock = Some(upstream).or(mock);
        let files = |data: &Path| {
            SECRET_FILES.map(|name| {
                std::fs::read(data.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
            })
        };
        let secrets = files(&mounted.at.join("data"));
        let cut = place.path().join(format!("cut-{round}.img"));
        let wanted = if fresh {
            random(&mut seed) % 4
        } else {
            1 + random(&mut seed) % 150
        } as usize;
        let admin = live.admin.clone();
        total += during(&admin, &mut ledgers, |acknowledged| {
            let begin = Instant::now();
            while acknowledged.load(Ordering::Relaxed) < wanted
                && begin.elapsed() < super::harness::PATIENCE
            {
                // Requests too, so that the log is being written.
                assert_eq!(live.chat(&key, "mock").status, 200);
            }
            live.signal(rustix::process::Signal::STOP);
            until_stopped(live.pid);
            run(
                "cp",
                &[
                    "--sparse=always",
                    disk.to_str().unwrap(),
                    cut.to_str().unwrap(),
                ],
            )
            .unwrap();
            live.kill();
        });
        drop(mounted);
        let after = Mount::image(&cut, &place.path().join("after")).unwrap();
        let data = after.at.join("data");
        let live = start(place.path(), &data);
        mended += usize::from(live.said().contains("mended"));
        kept += check(&live.admin, &mut ledgers);
        assert_eq!(files(&data), secrets, "a file of secrets is not as it was");
        let answer = live.chat(&key, "mock");
        assert_eq!(
            answer.status, 200,
            "the key or the managed credential is lost: {answer:?}"
        );
        assert_eq!(live.readyz().0, 200);
        let id = answer.header("x-gw-request-id").unwrap();
        until("the log takes rows", || {
            live.admin
                .logs()
                .iter()
                .any(|row| row["id"] == *id)
                .then_some(())
        });
        live.kill();
        drop(after);
        std::fs::remove_file(&disk).unwrap();
        disk = if fresh {
            image(place.path(), LOGGED).unwrap()
        } else {
            cut
        };
    }
    eprintln!(
        "{count} power cuts ({}): {total} changes acknowledged, 0 lost, {kept} unanswered kept whole, {mended} starts had something to mend",
        if fresh {
            "first start"
        } else {
            "existing store"
        }
    );
}

#[test]
fn acknowledged_changes_keys_and_credentials_survive_a_power_cut() {
    cuts(false, rounds(3));
}

#[test]
fn a_power_cut_right_after_the_first_answers_loses_none_of_them() {
    cuts(true, rounds(2));
}

#[test]
fn a_power_cut_in_the_midst_of_the_first_start_leaves_nothing_in_the_way() {
    let (place, count) = (tempfile::tempdir().unwrap(), rounds(4));
    let mut seed = 0x3c6e_f372_fe94_f82b;
    let mut early = 0;
    for round in 0..count {
        let mounted = image(place.path(), LOGGED)
            .and_then(|disk| Ok((Mount::image(&disk, &place.path().join("live"))?, disk)));
        let (mounted, disk) = match mounted {
            Ok(mounted) => mounted,
            Err(why) if round == 0 => {
                return skip(&why);
            }
            Err(why) => panic!("{why}"),
        };
        let mut command = serve(place.path());
        command
            .args(on(&mounted.at.join("data")))
            .args(["--admin-listen", "127.0.0.1:0"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        std::thread::sleep(Duration::from_micros(random(&mut seed) % 150_000));
        let pid = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::STOP).unwrap();
        until_stopped(child.id());
        let cut = place.path().join("cut.img");
        run(
            "cp",
            &[
                "--sparse=always",
                disk.to_str().unwrap(),
                cut.to_str().unwrap(),
            ],
        )
        .unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        drop(mounted);
        let after = Mount::image(&cut, &place.path().join("after")).unwrap();
        let data = after.at.join("data");
        early += usize::from(!data.join("secrets.choice").exists());
        let live = start(place.path(), &data);
        assert_eq!(found(&live.admin).len(), 0);
        live.admin
            .furnish("http://127.0.0.1:1", "upstream-secret-1");
        live.kill();
    }
    eprintln!(
        "{count} power cuts in a first start, {early} of them before all files were made; every later start came up"
    );
}
