//! A process that keeps the subjects' core awake and comes behind whatever else wants it. It is no part of what is measured.

use crate::Failure;
use crate::subject::CORE;
use std::process::{Child, Command};

pub struct Companion(Child);

impl Companion {
    pub fn start() -> Result<Companion, Failure> {
        let command = Command::new("setpriv")
            .args([
                "--pdeathsig",
                "KILL",
                "chrt",
                "-i",
                "0",
                "taskset",
                "-c",
                CORE,
            ])
            .arg(std::env::current_exe()?)
            .arg("companion")
            .spawn()?;
        Ok(Companion(command))
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What it does.
pub fn run() -> ! {
    loop {
        std::hint::spin_loop();
    }
}
