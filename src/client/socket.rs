//! Whose socket it is: what is sent there may be a credential, so it goes to a socket of this user or of root.

use crate::error::{Error, Kind, Result};
use std::path::Path;

/// Refuses a socket that belongs to somebody else, or that cannot be looked at. Where there is none that is
/// for the connection to find out. `named`: root was told which one, and may manage everybody's.
#[cfg(unix)]
pub(super) fn check(path: &Path, named: bool) -> Result<()> {
    use std::os::unix::fs::MetadataExt;
    let own = rustix::process::geteuid().as_raw();
    match std::fs::metadata(path) {
        Ok(meta) if meta.uid() == own || meta.uid() == 0 || (own == 0 && named) => Ok(()),
        Ok(_) => Err(not_allowed(path)),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            Err(not_allowed(path))
        }
        Err(_) => Ok(()),
    }
}

#[cfg(not(unix))]
pub(super) fn check(_path: &Path, _named: bool) -> Result<()> {
    Ok(())
}

/// That this user may not speak there, and who may.
pub(super) fn not_allowed(path: &Path) -> Error {
    let error = |of: &str| {
        Error::new(
            Kind::Forbidden,
            format!(
                "not allowed to use the admin socket `{}`{of}",
                path.display()
            ),
        )
    };
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        // A directory that may not be looked into says for whom it is.
        let owner = path
            .ancestors()
            .find_map(|path| std::fs::metadata(path).ok())
            .map(|meta| meta.uid());
        if let Some(owner) = owner.filter(|uid| *uid != rustix::process::geteuid().as_raw()) {
            return error(&format!(": it belongs to UID {owner}"))
                .hint(format!("run it as UID {owner}: sudo -u '#{owner}' gw …"));
        }
    }
    error("").hint("look at its mode and its directory's: 0600 and 0700, and yours")
}
