//! The master key of the sealed file: where it comes from, and that it never comes as an argument.

use crate::error::{Error, Kind, Result};
use crate::store::private;
use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::path::Path;
use zeroize::Zeroizing;

/// 32 bytes as base64 in the environment.
pub const VARIABLE: &str = "GW_MASTER_KEY";
const MAKE_ONE: &str = "make one with: openssl rand -base64 32";

/// The key that seals the sealed file.
pub struct MasterKey {
    pub(super) bytes: Zeroizing<[u8; 32]>,
    /// For people: the variable or the file.
    pub(super) source: String,
    /// Whoever copies the data directory has it too.
    pub(super) beside_data: bool,
}

impl std::fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MasterKey(*** from {})", self.source)
    }
}

impl MasterKey {
    /// What the operator gave: the file of `--master-key-file`, else `GW_MASTER_KEY`, else nothing.
    pub fn given(file: Option<&Path>) -> Result<Option<MasterKey>> {
        match (file, std::env::var_os(VARIABLE)) {
            (Some(file), _) => MasterKey::from_file(file).map(Some),
            (None, None) => Ok(None),
            // Set but empty is a mistake in some unit file, never "no key": it must not make gw use another one.
            (None, Some(text)) => MasterKey::from_text(
                &Zeroizing::new(text.to_string_lossy().into_owned()),
                &format!("`{VARIABLE}`"),
            )
            .map(Some),
        }
    }

    /// 32 bytes as base64, in the standard or the URL alphabet, with or without padding.
    pub fn from_text(text: &str, source: &str) -> Result<MasterKey> {
        let config =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let text = text.trim();
        let alphabet = if text.contains(['-', '_']) {
            &URL_SAFE
        } else {
            &STANDARD
        };
        let bytes = Zeroizing::new(
            GeneralPurpose::new(alphabet, config)
                .decode(text)
                .unwrap_or_default(),
        );
        MasterKey::from_bytes(&bytes, source)
    }

    /// A file that only its owner can read, holding 32 raw bytes or the same as base64.
    pub fn from_file(path: &Path) -> Result<MasterKey> {
        let source = format!("`{}`", path.display());
        let content = Zeroizing::new(private::read(path)?.ok_or_else(|| {
            Error::not_found(format!("there is no master key file {source}"))
                .hint(format!("check --master-key-file, or {MAKE_ONE}"))
        })?);
        match std::str::from_utf8(&content) {
            Ok(text) if content.len() != 32 => MasterKey::from_text(text, &source),
            _ => MasterKey::from_bytes(&content, &source),
        }
    }

    fn from_bytes(bytes: &[u8], source: &str) -> Result<MasterKey> {
        let refuse = |what: &str| {
            Error::invalid(format!("the master key in {source} {what}")).hint(MAKE_ONE)
        };
        let bytes = <[u8; 32]>::try_from(bytes)
            .map(Zeroizing::new)
            .map_err(|_| refuse("is not 32 bytes as base64"))?;
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(refuse("is one byte repeated: a placeholder, not a key"));
        }
        Ok(MasterKey {
            bytes,
            source: source.to_owned(),
            beside_data: false,
        })
    }

    /// `<data-dir>/master.key`; where there is none, made if `make` is true, else `None`.
    pub(super) fn beside(data_dir: &Path, make: bool) -> Result<Option<MasterKey>> {
        let path = data_dir.join("master.key");
        if private::read(&path)?.is_none() {
            if !make {
                return Ok(None);
            }
            let mut bytes = Zeroizing::new([0u8; 32]);
            getrandom::fill(bytes.as_mut_slice()).map_err(|error| {
                Error::internal("the operating system gives no random bytes").cause(error)
            })?;
            private::replace(&path, bytes.as_slice())?;
        }
        let key = MasterKey::from_file(&path).map_err(|error| match error.kind {
            Kind::Invalid => error.hint(format!(
                "restore `{}` from a backup: what is sealed opens with it alone",
                path.display()
            )),
            _ => error,
        })?;
        Ok(Some(MasterKey {
            beside_data: true,
            ..key
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    const TEXT: &str = "3q2+7wABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhs=";

    #[test]
    fn reads_base64_in_the_usual_spellings() {
        let key = MasterKey::from_text(TEXT, "test").unwrap();
        for same in [
            &TEXT[..43],
            &format!(" {TEXT}\n"),
            &TEXT.replace('+', "-"),
            &TEXT[..43].replace('+', "-"),
        ] {
            assert_eq!(
                *MasterKey::from_text(same, "test").unwrap().bytes,
                *key.bytes
            );
        }
        assert!(!format!("{key:?}").contains("3q2"));
    }

    #[test]
    fn refuses_what_is_no_key() {
        for bad in [
            "",
            "  ",
            "c2hvcnQ=",
            "not base64 at all!",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ] {
            let error = MasterKey::from_text(bad, "`GW_MASTER_KEY`").unwrap_err();
            assert!(error.message.contains("GW_MASTER_KEY") && error.hint.is_some());
            assert!(bad.trim().is_empty() || !format!("{error:?}").contains(bad));
        }
    }

    #[test]
    fn reads_raw_and_text_files_and_refuses_shared_ones() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        assert_eq!(
            MasterKey::from_file(&path).unwrap_err().kind,
            Kind::NotFound
        );
        private::replace(&path, format!("{TEXT}\n").as_bytes()).unwrap();
        let key = MasterKey::from_file(&path).unwrap();
        private::replace(&path, key.bytes.as_slice()).unwrap();
        assert_eq!(*MasterKey::from_file(&path).unwrap().bytes, *key.bytes);
        private::replace(&path, b"").unwrap();
        assert_eq!(MasterKey::from_file(&path).unwrap_err().kind, Kind::Invalid);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            private::replace(&path, TEXT.as_bytes()).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert_eq!(
                MasterKey::from_file(&path).unwrap_err().kind,
                Kind::Forbidden
            );
        }
    }

    #[test]
    fn the_key_beside_the_data_is_made_once() {
        let dir = tempfile::tempdir().unwrap();
        assert!(MasterKey::beside(dir.path(), false).unwrap().is_none());
        let key = MasterKey::beside(dir.path(), true).unwrap().unwrap();
        assert!(key.beside_data);
        assert_eq!(
            *MasterKey::beside(dir.path(), true).unwrap().unwrap().bytes,
            *key.bytes
        );
        private::replace(&dir.path().join("master.key"), b"").unwrap();
        assert!(
            MasterKey::beside(dir.path(), true)
                .unwrap_err()
                .hint
                .unwrap()
                .contains("backup")
        );
    }
}
