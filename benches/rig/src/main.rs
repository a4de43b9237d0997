//! What gw is measured with; `benches/run.sh` builds it and everything else that it needs.
//!
//! ```text
//! rig bench [--short] [--peers] [--passes N] [--seconds S] [--only TABLE,…] [--row NAME]…   the measurement and its tables
//! rig subjects [the same]                  the scripts of what that measures
//! rig lean LISTEN UPSTREAM KEY LOG         a lean forwarder on hyper
//! rig bare LISTEN UPSTREAM KEY             a forwarder of bytes
//! rig companion                            keeps a core awake, for `bench`
//! ```
//!
//! `bench` takes the subjects' scripts from `BENCH_SUBJECTS`, keeps what they write in `BENCH_PLACE`, and has them come before what
//! else runs where `BENCH_FIRST` is set.

#[path = "../../samples/agent.rs"]
mod agent;
mod bare;
mod bench;
mod companion;
mod drive;
mod lean;
mod message;
mod process;
mod subject;
mod table;
mod tables;
mod wire;

use bench::{Bench, Effort};
use std::time::Duration;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "usage: rig bench [--short] [--peers] [--passes N] [--seconds S] [--only TABLE,…] [--row NAME]…, rig subjects …, rig lean LISTEN UPSTREAM KEY LOG, or rig bare LISTEN UPSTREAM KEY";

/// The tables of a short run, where no others are named.
const SHORT: [&str; 4] = ["requests", "latency", "streams", "footprint"];

fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(true) => std::process::ExitCode::SUCCESS,
        Ok(false) => std::process::ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

/// Whether what was measured may be believed.
fn run(args: &[&str]) -> Result<bool, Failure> {
    match *args {
        ["lean", listen, upstream, key, log] => {
            lean::run(listen.parse()?, upstream.parse()?, key, log)?
        }
        ["bare", listen, upstream, key] => bare::run(listen.parse()?, upstream.parse()?, key)?,
        ["companion"] => companion::run(),
        ["subjects", ref options @ ..] => {
            println!("{}", bench::scripts(&wanted(options)?.0).join("\n"));
        }
        ["bench", ref options @ ..] => {
            let (effort, only) = wanted(options)?;
            return measure(effort, only.as_deref());
        }
        _ => return Err(USAGE.into()),
    }
    Ok(true)
}

/// How much is measured, and in which tables where not in all.
fn wanted<'a>(options: &[&'a str]) -> Result<(Effort, Option<Vec<&'a str>>), Failure> {
    let short = options.contains(&"--short");
    let mut effort = Effort {
        passes: if short { 1 } else { 3 },
        length: Duration::from_millis(if short { 500 } else { 3_000 }),
        starts: if short { 1 } else { 5 },
        peers: false,
        short,
        named: Vec::new(),
    };
    let mut only: Option<Vec<&str>> = short.then(|| SHORT.to_vec());
    let mut options = options.iter();
    while let Some(&option) = options.next() {
        let mut value = || options.next().copied().ok_or(USAGE);
        match option {
            "--short" => {}
            "--peers" => effort.peers = true,
            "--passes" => effort.passes = value()?.parse()?,
            "--seconds" => effort.length = Duration::try_from_secs_f64(value()?.parse()?)?,
            "--row" => effort.named.push(value()?.into()),
            "--only" => only = Some(value()?.split(',').collect()),
            _ => return Err(USAGE.into()),
        }
    }
    let known = |name: &&str| tables::TABLES.iter().any(|table| table.name == *name);
    if let Some(name) = only.iter().flatten().find(|name| !known(name)) {
        let names: Vec<&str> = tables::TABLES.iter().map(|table| table.name).collect();
        return Err(format!("`{name}` is no table; there are {}", names.join(", ")).into());
    }
    if let Some(name) = effort.named.iter().find(|name| !bench::is_row(name)) {
        return Err(format!("`{name}` is no row of the tables").into());
    }
    Ok((effort, only))
}

fn measure(effort: Effort, only: Option<&[&str]>) -> Result<bool, Failure> {
    // Sleeps end when they are to, not 50 us later.
    rustix::thread::set_current_timer_slack(std::num::NonZeroU64::new(1))?;
    let drive = drive::Drive::new()?;
    let directory = |name: &str| {
        let value = std::env::var_os(name).map(std::path::PathBuf::from);
        value.ok_or_else(|| format!("`{name}` is not set; use benches/run.sh"))
    };
    let stage = subject::Stage {
        scripts: directory("BENCH_SUBJECTS")?,
        upstream: drive.address(),
        place: directory("BENCH_PLACE")?,
    };
    println!(
        "{} passes of {:?} each, interleaved; medians",
        effort.passes, effort.length
    );
    let first = std::env::var_os("BENCH_FIRST").is_some_and(|value| !value.is_empty());
    let mut bench = Bench::new(drive, &stage, effort, first)?;
    for table in tables::TABLES {
        if only.is_none_or(|only| only.contains(&table.name)) {
            println!("\n## {}\n", table.about);
            (table.print)(&mut bench)?;
        }
    }
    println!();
    bench.judge_logs()?;
    Ok(bench.believed())
}
