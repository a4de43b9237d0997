//! `GW_CONNECTIONS` (10,000) callers who have been served and stay connected: what they cost a gateway that has nothing to do,
//! and those who are served beside them.

use super::caller::{Caller, request};
use super::place::{Gateway, Place};
use super::{line, number};
use gw::mock::{Mock, Settings};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::time::Duration;

pub fn measure() {
    // Half of the descriptors that may be had go to callers.
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: most,
            maximum: most,
        },
    )
    .unwrap();
    let room = most.map_or(u64::MAX, |most| (most / 2).saturating_sub(500));
    let count = number("GW_CONNECTIONS", 10_000).min(room);
    let mock = Mock::start(Settings {
        plain_bytes: Some(1024),
        remember: 0,
        ..Settings::default()
    })
    .unwrap();
    let place = Place::new();
    let (seed, secret) = place.seed(&mock);
    let config = place.dir.path().join("gw.toml");
    std::fs::write(
        &config,
        format!(
            "[limits]\nmax_connections = {}\nidle = \"10m\"\n",
            count + 100
        ),
    )
    .unwrap();
    let gateway = place.start(&[], &["-f", &seed, "--config", config.to_str().unwrap()]);
    line("memory after the start", gateway.memory());
    line("nothing asked of it", gateway.idle(10));
    let asked = request(&gateway.address, &secret, "any", false);
    let mut first = Caller::connect(&gateway.address).unwrap();
    for _ in 0..2_000 {
        assert_eq!(first.call(&asked), 200);
    }
    let before = gateway.status("VmRSS:");
    line("memory after 2,000 requests", gateway.memory());
    line(
        "CPU a request on one connection",
        cost(&gateway, &mut first, &asked),
    );
    let mut idle: Vec<Caller> = Vec::new();
    for _ in 0..count {
        let mut caller = Caller::connect(&gateway.address).unwrap();
        assert_eq!(caller.call(&asked), 200);
        idle.push(caller);
    }
    let after = gateway.status("VmRSS:");
    line(
        &format!("memory with {count} idle connections"),
        gateway.memory(),
    );
    line(
        "of it a connection",
        format!(
            "{:.1} KB",
            (after.saturating_sub(before)) as f64 * 1.024 / count as f64
        ),
    );
    // Time for the heads of all of them has been up once: then each is looked at when it has been idle for long.
    std::thread::sleep(Duration::from_secs(15));
    line("nothing asked of it, with them", gateway.idle(10));
    line(
        "CPU a request beside them",
        cost(&gateway, &mut first, &asked),
    );
    assert!(idle.iter_mut().all(|caller| caller.call(&asked) == 200));
    drop(idle);
    // What is free is given back where somebody asks for memory again.
    for _ in 0..20 {
        std::thread::sleep(Duration::from_millis(500));
        let mut caller = Caller::connect(&gateway.address).unwrap();
        assert_eq!(caller.call(&asked), 200);
    }
    line("memory when they have gone", gateway.memory());
    gateway.stop();
}

fn cost(gateway: &Gateway, caller: &mut Caller, asked: &[u8]) -> String {
    const COUNT: u32 = 5_000;
    let before = gateway.cpu();
    for _ in 0..COUNT {
        assert_eq!(caller.call(asked), 200);
    }
    format!(
        "{:.1} us",
        gateway.cpu().saturating_sub(before).as_secs_f64() * 1e6 / f64::from(COUNT)
    )
}
