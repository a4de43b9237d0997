//! What gw is measured with.
//!
//! ```text
//! rig drive PASSES SECONDS READY-FILE < SUBJECTS     upstream and load in one thread, and the table
//! rig lean UPSTREAM KEY LOG READY-FILE               a lean forwarder: what hyper costs without a gateway's comfort
//! ```
//!
//! Ready files get the address. A subject is a line `NAME PID URL KEY`.

mod answers;
mod cpu;
mod drive;
mod lean;
mod message;
mod table;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["drive", passes, seconds, ready] => {
            let figures = drive::run(passes.parse()?, seconds.parse()?, ready)?;
            if !table::print(&figures, passes, seconds) {
                std::process::exit(1);
            }
            Ok(())
        }
        ["lean", upstream, key, log, ready] => lean::run(upstream.parse()?, key, log, ready),
        _ => Err(
            "usage: rig drive PASSES SECONDS READY-FILE, or rig lean UPSTREAM KEY LOG READY-FILE"
                .into(),
        ),
    }
}

/// Written beside and renamed, so that who waits for the file finds it whole.
fn ready(file: &str, address: std::net::SocketAddr) -> std::io::Result<()> {
    let beside = format!("{file}.new");
    std::fs::write(&beside, format!("{address}\n"))?;
    std::fs::rename(beside, file)
}
