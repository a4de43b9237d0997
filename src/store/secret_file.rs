//! Files of the operator's that hold secrets or belong to them: read whole, bounded, and a secret one only
//! while nobody else can read it. Errors are fragments that follow the file's name.

use std::fs::File;
use std::io::Read;
use zeroize::Zeroizing;

/// A file that holds a secret: refused while others can reach it.
pub fn read(path: &str, longest: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    let file = open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // The open file's mode, not the path's: nobody can swap it in between.
        let meta = file.metadata().map_err(unreadable)?;
        if meta.permissions().mode() & 0o077 != 0 {
            return Err("can be read by others; restrict it with: chmod 600".into());
        }
    }
    whole(file, longest)
}

/// A file that anybody may read, such as a certificate.
pub fn read_public(path: &str, longest: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    whole(open(path)?, longest)
}

fn open(path: &str) -> Result<File, String> {
    // Before opening: a pipe would wait for its writer.
    match std::fs::metadata(path).map_err(unreadable)?.is_file() {
        true => File::open(path).map_err(unreadable),
        false => Err("is not a file".into()),
    }
}

fn whole(file: File, longest: usize) -> Result<Zeroizing<Vec<u8>>, String> {
    let mut content = Zeroizing::new(Vec::new());
    file.take(longest as u64 + 1)
        .read_to_end(&mut content)
        .map_err(unreadable)?;
    match content.len() > longest {
        true => Err(format!("is longer than {longest} bytes")),
        false => Ok(content),
    }
}

fn unreadable(error: std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "is not there".into(),
        _ => format!("cannot be read: {error}"),
    }
}
