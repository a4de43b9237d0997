//! Gateway keys as text: making them, telling well-formed ones apart, and the keyed digest that is stored.
//! `sk-gw-` + 32 random base62 characters + 6 base62 characters of CRC-32: scanners and the gateway can
//! reject look-alikes without looking anything up.

use super::{private, secret::Secret, strength};
use crate::error::{Error, Kind, Result};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::path::Path;
use zeroize::{Zeroize, Zeroizing};

/// What every secret made by gw begins with.
pub const PREFIX: &str = "sk-gw-";
const RANDOM: usize = 32;
const CHECK: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Brought-along secrets: `sk-` and this many further characters at least.
const BROUGHT_LEAST: usize = 22;
/// And at most this long in all: the work for a presented key has a bound.
const LONGEST: usize = 512;
/// What a brought-along secret must be worth, by estimate.
const STRONG_BITS: f64 = 128.0;

/// Makes keyed digests (HMAC-SHA-256) with the key in `<data-dir>/digest.key`.
#[derive(Clone)]
pub struct Hasher {
    // Both padded key blocks are hashed once, here; a digest starts from a copy of that state.
    keyed: Hmac<Sha256>,
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hasher(***)")
    }
}

impl Hasher {
    /// Reads the digest key, or makes it where none is and `keys_exist` is false. Losing it would make
    /// every key invalid, so its absence beside existing keys is an error that says what to restore.
    pub fn open(data_dir: &Path, keys_exist: bool) -> Result<Hasher> {
        let path = data_dir.join("digest.key");
        let shown = path.display();
        if let Some(content) = private::read(&path)? {
            let content = Zeroizing::new(content);
            // An empty or short key would still compute digests: worthless ones. Exactly 32 bytes or nothing.
            return match <&[u8; 32]>::try_from(content.as_slice()) {
                Ok(key) => Hasher::with_key(key),
                Err(_) => Err(Error::new(
                    Kind::Internal,
                    format!("`{shown}` holds {} bytes instead of 32", content.len()),
                )
                .hint(format!(
                    "restore `{shown}` from a backup: without it no gateway key can be recognised"
                ))),
            };
        }
        if keys_exist {
            return Err(Error::new(Kind::Internal, format!("`{shown}` is missing, and there are keys whose digests were made with it"))
                .hint(format!("restore `{shown}` from a backup of the data directory; a new one would make every key invalid")));
        }
        let key = random_key()?;
        private::replace(&path, key.as_slice())?;
        Hasher::with_key(&key)
    }

    /// For `--in-memory` and tests: a random key that dies with the process.
    pub fn ephemeral() -> Result<Hasher> {
        Hasher::with_key(&*random_key()?)
    }

    fn with_key(key: &[u8; 32]) -> Result<Hasher> {
        let keyed = <Hmac<Sha256> as Mac>::new_from_slice(key)
            .map_err(|_| Error::internal("the digest key has no usable length"))?;
        Ok(Hasher { keyed })
    }

    /// Tells this digest key from every other one and says nothing else about it; no secret has this digest.
    pub fn check(&self) -> String {
        hex(&self.digest("gw digest key"))
    }

    /// The digest of a presented secret: constant work for its length, no allocation.
    pub fn digest(&self, secret: &str) -> [u8; 32] {
        let mut keyed = self.keyed.clone();
        keyed.update(secret.as_bytes());
        keyed.finalize().into_bytes().into()
    }
}

/// A new secret.
pub fn mint() -> Result<Secret> {
    let mut text = String::with_capacity(PREFIX.len() + RANDOM + CHECK);
    text.push_str(PREFIX);
    let mut bytes = [0u8; 64];
    while text.len() < PREFIX.len() + RANDOM {
        fill(&mut bytes)?;
        // 248 = 4 * 62: the eight values above would make some characters likelier than others.
        for byte in bytes
            .iter()
            .filter(|byte| **byte < 248)
            .take(PREFIX.len() + RANDOM - text.len())
        {
            text.push(char::from(BASE62[usize::from(byte % 62)]));
        }
    }
    bytes.zeroize();
    let check = checksum(&text.as_bytes()[PREFIX.len()..]);
    text.extend(check.map(char::from));
    Ok(Secret::new(text))
}

/// Whether the text has the shape and checksum of a minted secret. Brought-along secrets
/// (`sk-` and at least 22 further visible characters) pass too, as they carry no checksum.
pub fn well_formed(text: &str) -> bool {
    // `sk-gw-` is gw's own: what begins with it must carry the checksum.
    if let Some(rest) = text.strip_prefix(PREFIX) {
        let rest = rest.as_bytes();
        // Without an early exit the compiler uses vector instructions.
        let alphanumeric = |all: bool, byte: &u8| all & byte.is_ascii_alphanumeric();
        if rest.len() != RANDOM + CHECK || !rest.iter().fold(true, alphanumeric) {
            return false;
        }
        let (random, check) = rest.split_at(RANDOM);
        return check == checksum(random);
    }
    match text.strip_prefix("sk-") {
        Some(rest) => {
            rest.len() >= BROUGHT_LEAST
                && text.len() <= LONGEST
                && rest.bytes().all(|byte| byte.is_ascii_graphic())
        }
        None => false,
    }
}

/// CRC-32 as six base62 digits, most significant first (62^6 is larger than 2^32).
fn checksum(random: &[u8]) -> [u8; CHECK] {
    let mut rest = crc32fast::hash(random) as usize;
    let mut digits = [b'0'; CHECK];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[rest % 62];
        rest /= 62;
    }
    digits
}

/// What lists show of a secret: `sk-gw-` and four more characters (of a brought-along one `sk-` and four).
pub fn prefix_of(secret: &str) -> String {
    let shown = if secret.starts_with(PREFIX) {
        PREFIX.len()
    } else {
        "sk-".len()
    } + 4;
    // Of something too short to have a middle, nothing is shown.
    if secret.chars().count() < shown + 8 {
        String::new()
    } else {
        secret.chars().take(shown).collect()
    }
}

/// The last four characters, for telling keys apart in lists; nothing of a secret too short for that.
pub fn last4_of(secret: &str) -> String {
    let count = secret.chars().count();
    if count < 16 {
        String::new()
    } else {
        secret.chars().skip(count - 4).collect()
    }
}

/// Whether a brought-along secret may become a key: `sk-` in front, visible ASCII, and worth at least
/// 128 bits by estimate. A minted one always is.
pub fn strong_enough(secret: &str) -> Result<()> {
    if !well_formed(secret) {
        let error = Error::invalid("the secret does not have the form of a key").param("secret");
        return Err(if secret.starts_with(PREFIX) {
            error.hint("`sk-gw-` is for keys made by gw, and this one's checksum does not hold: was it cut or changed when copied?")
        } else {
            error
                .hint(format!("a key is `sk-` and {BROUGHT_LEAST} or more visible characters, {LONGEST} in all at most; leave the secret out to have one made"))
        });
    }
    let bits = strength::bits(&secret.as_bytes()["sk-".len()..]);
    if bits >= STRONG_BITS {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the secret can be guessed: worth about {bits:.0} bits, {STRONG_BITS} are asked for"
    ))
    .param("secret")
    .hint("leave the secret out to have one made, or take it all the same with --allow-weak"))
}

/// Lower-case hex of a digest, as records hold it.
pub fn hex(digest: &[u8; 32]) -> String {
    hex_digits(digest).iter().copied().map(char::from).collect()
}

/// The same where it lies.
pub fn hex_digits(digest: &[u8; 32]) -> [u8; 64] {
    // Reckoned and not looked up, so that the compiler uses vector instructions.
    let digit = |half: u8| half + if half < 10 { b'0' } else { b'a' - 10 };
    let mut text = [0; 64];
    for (pair, byte) in text.chunks_exact_mut(2).zip(digest) {
        pair[0] = digit(byte >> 4);
        pair[1] = digit(byte & 15);
    }
    text
}

/// The digest written as hex; `None` for anything but 64 hex digits.
pub fn unhex(text: &str) -> Option<[u8; 32]> {
    let text = text.as_bytes();
    if text.len() != 64 {
        return None;
    }
    let mut digest = [0u8; 32];
    for (byte, pair) in digest.iter_mut().zip(text.chunks_exact(2)) {
        let digit = |at: usize| {
            char::from(pair[at])
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok())
        };
        *byte = digit(0)? << 4 | digit(1)?;
    }
    Some(digest)
}

fn random_key() -> Result<Zeroizing<[u8; 32]>> {
    let mut key = Zeroizing::new([0u8; 32]);
    fill(key.as_mut_slice())?;
    Ok(key)
}

fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| {
        Error::internal("the operating system gives no random bytes")
            .cause(error)
            .hint("gw makes no keys without them; look at the system's log")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn minted_secrets_are_well_formed_and_differ() {
        let mut seen = HashSet::new();
        for _ in 0..2000 {
            let secret = mint().unwrap();
            assert_eq!(secret.expose().len(), 44);
            assert!(well_formed(secret.expose()));
            strong_enough(secret.expose()).unwrap();
            assert!(seen.insert(secret.expose().to_owned()));
        }
        // 64,000 characters over 62 values: each near 1032; ten standard deviations away means a bias.
        let mut counts = [0u32; 128];
        seen.iter()
            .flat_map(|text| text.as_bytes()[6..38].iter())
            .for_each(|byte| counts[usize::from(*byte)] += 1);
        assert!(
            BASE62
                .iter()
                .all(|byte| (700..1400).contains(&counts[usize::from(*byte)])),
            "{counts:?}"
        );
    }

    #[test]
    fn the_checksum_is_that_of_the_random_part() {
        assert_eq!(crc32fast::hash(b"123456789"), 0xCBF4_3926);
        let random = "0".repeat(32);
        let check = checksum(random.as_bytes());
        let value = check.iter().fold(0u64, |sum, digit| {
            sum * 62 + BASE62.iter().position(|known| known == digit).unwrap() as u64
        });
        assert_eq!(value, u64::from(crc32fast::hash(random.as_bytes())));
        assert!(well_formed(&format!(
            "sk-gw-{random}{}",
            std::str::from_utf8(&check).unwrap()
        )));
    }

    #[test]
    fn other_shapes() {
        for bad in [
            "",
            "sk-",
            "sk-gw-",
            "pk-0123456789012345678901",
            "sk-short",
            "sk-with a space in it 0123456789",
            "sk-\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}",
        ] {
            assert!(!well_formed(bad), "{bad}");
            assert!(strong_enough(bad).is_err(), "{bad}");
        }
        assert!(well_formed("sk-0123456789abcdefghijkl"));
        assert!(!well_formed(&format!("sk-{}", "x".repeat(600))));
        assert!(!well_formed(&format!("sk-gw-{}", "A".repeat(38))));
    }

    #[test]
    fn strength() {
        for good in [
            "sk-9f86d081884c7d659a2feaa0c55ad015",
            "sk-proj-Zk3Vt9QwLm2Xc8Rb5NyHp7Ud",
            "sk-ant-api03-a8Kd0wPq_7Gz-LmN4xYtR2",
        ] {
            strong_enough(good).unwrap();
        }
        for weak in [
            "sk-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "sk-1234567890123456789012345678901234567890",
            "sk-abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOP",
            "sk-correct-horse-battery-staple-correct-horse",
            "sk-Passw0rd!Passw0rd!Passw0rd!Passw0rd!",
        ] {
            let error = strong_enough(weak).unwrap_err();
            assert_eq!(error.kind, Kind::Invalid);
            assert!(
                error.hint.as_deref().unwrap().contains("--allow-weak"),
                "{error:?}"
            );
            assert!(!format!("{error:?}").contains(&weak[3..]));
        }
    }

    #[test]
    fn shown_parts() {
        let text = "sk-gw-Ab12xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxWxYz";
        assert_eq!(
            (prefix_of(text).as_str(), last4_of(text).as_str()),
            ("sk-gw-Ab12", "WxYz")
        );
        assert_eq!(prefix_of("sk-proj-0123456789abcdefgh"), "sk-proj");
        assert_eq!(
            (prefix_of("sk-gw-Ab12").as_str(), last4_of("short").as_str()),
            ("", "")
        );
    }

    #[test]
    fn the_digest_is_hmac_sha_256() {
        // RFC 4231, test case 2, has a key of four bytes; padded with zeros to 32 it is the same HMAC key.
        let mut key = [0u8; 32];
        key[..4].copy_from_slice(b"Jefe");
        let digest = Hasher::with_key(&key)
            .unwrap()
            .digest("what do ya want for nothing?");
        assert_eq!(
            hex(&digest),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn the_digest_key_lasts_and_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("digest.key");
        assert!(
            Hasher::open(dir.path(), true)
                .unwrap_err()
                .message
                .contains("digest.key")
        );
        assert!(!path.exists());
        let first = Hasher::open(dir.path(), false).unwrap().digest("sk-x");
        assert_eq!(
            Hasher::open(dir.path(), true).unwrap().digest("sk-x"),
            first
        );
        assert_eq!(
            Hasher::open(dir.path(), false).unwrap().digest("sk-x"),
            first
        );
        for broken in [&b""[..], b"short", &[b' '; 33]] {
            private::replace(&path, broken).unwrap();
            let error = Hasher::open(dir.path(), false).unwrap_err();
            assert!(
                error.message.contains("digest.key") && error.hint.is_some(),
                "{error:?}"
            );
            assert_eq!(private::read(&path).unwrap().unwrap(), broken);
        }
    }

    #[test]
    fn two_gateways_make_different_digests() {
        assert_ne!(
            Hasher::ephemeral().unwrap().digest("sk-x"),
            Hasher::ephemeral().unwrap().digest("sk-x")
        );
    }

    proptest! {
        #[test]
        fn one_changed_character_is_noticed(at in 6usize..44, new in 0usize..62) {
            let text = mint().unwrap().expose().to_owned();
            let mut changed = text.clone().into_bytes();
            changed[at] = BASE62[new];
            let changed = String::from_utf8(changed).unwrap();
            // CRC-32 notices every change within 32 bits, so a single character never slips through.
            prop_assert_eq!(well_formed(&changed), changed == text);
        }

        #[test]
        fn a_lost_or_doubled_character_is_noticed(at in 6usize..44) {
            let text = mint().unwrap().expose().to_owned();
            let (mut lost, mut doubled) = (text.clone(), text.clone());
            lost.remove(at);
            doubled.insert(at, char::from(text.as_bytes()[at]));
            prop_assert!(!well_formed(&lost) && !well_formed(&doubled));
        }

        #[test]
        fn nothing_presented_panics(text in "\\PC{0,80}") {
            let _ = (well_formed(&text), prefix_of(&text), last4_of(&text), strong_enough(&text), unhex(&text));
        }

        #[test]
        fn the_whole_secret_counts(head in "[A-Za-z0-9]{40}", a in "[A-Za-z0-9]{1,24}", b in "[A-Za-z0-9]{1,24}") {
            prop_assume!(a != b);
            let hasher = Hasher::ephemeral().unwrap();
            let (one, two) = (format!("{head}{a}"), format!("{head}{b}"));
            prop_assert_ne!(hasher.digest(&one), hasher.digest(&two));
            prop_assert_eq!(hasher.digest(&one), hasher.clone().digest(&one));
        }

        #[test]
        fn hex_goes_there_and_back(digest in any::<[u8; 32]>()) {
            prop_assert_eq!(unhex(&hex(&digest)), Some(digest));
            prop_assert_eq!(unhex(&hex(&digest)[1..]), None);
        }

        #[test]
        fn random_secrets_of_full_size_are_strong(text in "sk-[A-Za-z0-9]{32}") {
            prop_assert!(strong_enough(&text).is_ok());
        }
    }
}
