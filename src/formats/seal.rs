//! Seals in formats that did not make them: under a mark that names the issuer, so that a caller who sends them back
//! sends them home. Only an issuer's own format writes its seals upstream.

use crate::chat::{Issuer, Seal, SealKind};

/// In front of a seal that a format carries for somebody else.
const MARK: &str = "gw-seal";

/// A seal as a caller of a format gets it whose own seals are `home`'s.
pub fn write(seal: &Seal, home: Issuer) -> String {
    if seal.issuer == home {
        return seal.data.clone();
    }
    let kind = match seal.kind {
        SealKind::Signature => "s",
        SealKind::Encrypted => "e",
    };
    format!("{MARK}.{}.{kind}.{}", seal.issuer.name(), seal.data)
}

/// A seal that a caller sent back, as one of this kind where it has no mark.
pub fn read(data: String, home: Issuer, kind: SealKind) -> Seal {
    foreign(&data).unwrap_or(Seal {
        issuer: home,
        kind,
        data,
    })
}

/// A seal of somebody else's.
fn foreign(data: &str) -> Option<Seal> {
    let rest = data.strip_prefix(MARK)?.strip_prefix('.')?;
    let (issuer, rest) = rest.split_once('.')?;
    let (kind, data) = rest.split_once('.')?;
    Some(Seal {
        issuer: Issuer::ALL.into_iter().find(|one| one.name() == issuer)?,
        kind: match kind {
            "s" => SealKind::Signature,
            "e" => SealKind::Encrypted,
            _ => return None,
        },
        data: data.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_seal_comes_home(data in "\\PC{0,20}", home in 0..3_usize, from in 0..3_usize, encrypted: bool) {
            let (home, issuer) = (Issuer::ALL[home], Issuer::ALL[from]);
            let seal = match encrypted {
                true => Seal::encrypted(issuer, data),
                false => Seal::signature(issuer, data),
            };
            let written = write(&seal, home);
            prop_assert_eq!(read(written.clone(), home, seal.kind), seal.clone());
            prop_assert_eq!(written == seal.data, home == issuer);
        }
    }
}
