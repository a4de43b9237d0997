//! Certificates and keys out of PEM files, checked. What was read goes into a digest, so that a change is seen. Errors
//! are fragments that follow the file's name.

use super::validity::validity;
use crate::store::secret_file;
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use sha2::{Digest, Sha256};

/// The longest PEM file read: bundles of all public CAs are about 250 KiB.
const LONGEST: usize = 1 << 20;

/// The authorities in a file, those that are good now.
pub fn authorities(path: &str, hash: &mut Sha256) -> Result<RootCertStore, String> {
    let list = certificates(path, hash)?;
    // Bundles carry old ones along; one that is good is what counts.
    let mut why = Ok(());
    let mut roots = RootCertStore::empty();
    for certificate in list {
        match good_now(std::slice::from_ref(&certificate)) {
            Ok(()) => roots
                .add(certificate)
                .map_err(|error| format!("holds a certificate that cannot be used: {error}"))?,
            Err(expired) => why = Err(expired),
        }
    }
    match roots.is_empty() {
        true => why.map(|()| roots),
        false => Ok(roots),
    }
}

/// All certificates in a file, of which there is at least one.
pub fn certificates(path: &str, hash: &mut Sha256) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = secret_file::read_public(path, LONGEST)?;
    hash.update(&text);
    hash.update([0]);
    let list: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match list {
        Ok(list) if list.is_empty() => Err("holds no certificate in PEM form".into()),
        Ok(list) => Ok(list),
        Err(_) => Err("is not PEM".into()),
    }
}

/// The private key in a file that nobody else can read.
pub fn private_key(path: &str, hash: &mut Sha256) -> Result<PrivateKeyDer<'static>, String> {
    let text = secret_file::read(path, LONGEST)?;
    hash.update(&*text);
    // What the parser says may quote the file.
    PrivateKeyDer::from_pem_slice(&text)
        .map_err(|_| "holds no private key in PEM form without a passphrase".into())
}

/// The first of a chain is the one that is shown; its dates count.
pub fn good_now(chain: &[CertificateDer<'_>]) -> Result<(), String> {
    let (from, until) = chain
        .first()
        .and_then(|certificate| validity(certificate))
        .ok_or("holds a certificate that cannot be read")?;
    let now = jiff::Timestamp::now();
    if until < now {
        return Err(format!("holds a certificate that expired at {until}"));
    }
    if from > now {
        return Err(format!(
            "holds a certificate that is not good before {from}"
        ));
    }
    Ok(())
}
