//! An archive as `tar` reads it (POSIX ustar, <https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html>): files with
//! mode 0600 and their content, in blocks of 512 bytes. Must not know what they are.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

const BLOCK: usize = 512;

/// Writes an archive file by file.
pub struct Archive<W> {
    to: W,
}

impl<W: Write> Archive<W> {
    pub fn new(to: W) -> Archive<W> {
        Archive { to }
    }

    /// Adds a file under this name, as long as it is now: what is appended meanwhile is not in the archive.
    pub fn file(&mut self, name: &str, path: &Path) -> Result<u64> {
        let failed = |cause: io::Error| {
            Error::internal(format!(
                "`{}` cannot be put into the archive",
                path.display()
            ))
            .cause(cause)
        };
        let mut file = File::open(path).map_err(failed)?;
        let meta = file.metadata().map_err(failed)?;
        let (length, modified) = (meta.len(), meta.modified().ok());
        let modified = modified
            .and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok())
            .map_or(0, |since| since.as_secs());
        let mut write = || -> io::Result<u64> {
            self.to.write_all(&head(name, length, modified)?)?;
            let copied = io::copy(&mut (&mut file).take(length), &mut self.to)?;
            if copied < length {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
            }
            let pad = (BLOCK as u64 - length % BLOCK as u64) % BLOCK as u64;
            self.to.write_all(&[0; BLOCK][..pad as usize])?;
            Ok(length)
        };
        write().map_err(failed)
    }

    /// Ends it: without this it is not whole.
    pub fn finish(mut self) -> io::Result<()> {
        self.to.write_all(&[0; 2 * BLOCK])?;
        self.to.flush()
    }
}

/// The block before a file's content.
fn head(name: &str, length: u64, modified: u64) -> io::Result<[u8; BLOCK]> {
    let mut head = [0u8; BLOCK];
    let mut put = |at: usize, most: usize, text: &str| match text.len() <= most {
        true => {
            head[at..at + text.len()].copy_from_slice(text.as_bytes());
            Ok(())
        }
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a name or a file is too long for an archive",
        )),
    };
    put(0, 100, name)?;
    put(100, 8, "0000600")?;
    put(108, 8, "0000000")?;
    put(116, 8, "0000000")?;
    put(124, 11, &format!("{length:011o}"))?;
    put(136, 11, &format!("{modified:011o}"))?;
    put(148, 8, "        ")?;
    put(156, 1, "0")?;
    put(257, 8, "ustar\x0000")?;
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    Ok(head)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn tar_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let contents = [("a", 0), ("logs/b.seg", 512), ("state/c", 1_300)];
        let archive = dir.path().join("all.tar");
        let mut out = Archive::new(File::create(&archive).unwrap());
        for (name, length) in contents {
            let path = dir.path().join("source");
            std::fs::write(&path, vec![b'x'; length]).unwrap();
            assert_eq!(out.file(name, &path).unwrap(), length as u64);
        }
        assert!(
            out.file(&"n".repeat(101), &dir.path().join("source"))
                .is_err()
        );
        assert!(out.file("gone", &dir.path().join("gone")).is_err());
        out.finish().unwrap();
        let into = dir.path().join("into");
        std::fs::create_dir(&into).unwrap();
        let Ok(tar) = std::process::Command::new("tar")
            .arg("xf")
            .arg(&archive)
            .arg("-C")
            .arg(&into)
            .output()
        else {
            return;
        };
        assert!(tar.status.success() && tar.stderr.is_empty(), "{tar:?}");
        for (name, length) in contents {
            assert_eq!(std::fs::read(into.join(name)).unwrap(), vec![b'x'; length]);
        }
    }
}
