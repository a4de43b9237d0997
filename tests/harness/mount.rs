//! File systems of a test's own: ext4 on a loop device, a small tmpfs. They need root; without it the test skips.

#![allow(dead_code, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{program}: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
        false => Err(format!(
            "{program} {arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
    }
}

fn root() -> Result<(), String> {
    match rustix::process::geteuid().is_root() {
        true => Ok(()),
        false => Err(String::from("mounting needs root")),
    }
}

/// Something mounted; unmounted however the test ends.
pub struct Mount {
    pub at: PathBuf,
    device: Option<String>,
}

impl Mount {
    /// An image over a loop device.
    pub fn image(image: &Path, at: &Path) -> Result<Mount, String> {
        std::fs::create_dir_all(at).map_err(|error| error.to_string())?;
        let device = run("losetup", &["--find", "--show", image.to_str().unwrap()])?;
        // Made before mounting, so that a failure detaches the device.
        let mount = Mount {
            at: at.to_owned(),
            device: Some(device.clone()),
        };
        run("mount", &["-t", "ext4", &device, at.to_str().unwrap()])?;
        Ok(mount)
    }

    /// A tmpfs of so many MiB.
    pub fn tmpfs(at: &Path, size: u32) -> Result<Mount, String> {
        root()?;
        std::fs::create_dir_all(at).map_err(|error| error.to_string())?;
        run(
            "mount",
            &[
                "-t",
                "tmpfs",
                "-o",
                &format!("size={size}m"),
                "tmpfs",
                at.to_str().unwrap(),
            ],
        )?;
        Ok(Mount {
            at: at.to_owned(),
            device: None,
        })
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if run("umount", &[self.at.to_str().unwrap()]).is_err() {
            // Still in use by a child that is ending, or never mounted: the lazy way leaves nothing behind either.
            let _ = run("umount", &["--lazy", self.at.to_str().unwrap()]);
        }
        if let Some(device) = &self.device {
            let _ = run("losetup", &["--detach", device]);
        }
    }
}

/// A fresh image of ext4 of so many MiB with the default commit interval, or why there can be none here. It is sparse, so
/// that size costs little.
pub fn image(dir: &Path, size: u64) -> Result<PathBuf, String> {
    root()?;
    let image = dir.join("disk.img");
    std::fs::File::create(&image)
        .and_then(|file| file.set_len(size << 20))
        .map_err(|error| error.to_string())?;
    run("mkfs.ext4", &["-q", "-F", image.to_str().unwrap()])?;
    Ok(image)
}
