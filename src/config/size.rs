//! Sizes as people write them: `512`, `64KiB`, `32MiB`, `1GB`.

use crate::error::{Error, Result};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// A number of bytes; text in TOML, a bare number is taken too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

const UNITS: [(&str, u64); 10] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("KB", 1_000),
    ("B", 1),
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
];

impl Size {
    pub const fn kib(count: u64) -> Size {
        Size(count << 10)
    }
    pub const fn mib(count: u64) -> Size {
        Size(count << 20)
    }
    /// As an index or length; saturates where `usize` is smaller.
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for Size {
    type Err = Error;
    fn from_str(text: &str) -> Result<Size> {
        let bad = || {
            Error::invalid(format!("`{}` is not a size", text.escape_debug()))
                .hint("write it as 65536, 64KiB, 32MiB or 1GB")
        };
        let digits = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let scale = match unit.trim() {
            "" => 1,
            unit => {
                UNITS
                    .iter()
                    .find(|(name, _)| *name == unit)
                    .ok_or_else(bad)?
                    .1
            }
        };
        number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(scale))
            .map(Size)
            .ok_or_else(bad)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS
            .iter()
            .take(3)
            .find(|(_, scale)| self.0 >= *scale && self.0.is_multiple_of(*scale))
        {
            Some((unit, scale)) => write!(f, "{}{unit}", self.0 / scale),
            None => write!(f, "{}", self.0),
        }
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Size, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(bytes) => Ok(Size(bytes)),
            Written::Text(text) => text
                .parse()
                .map_err(|error: Error| serde::de::Error::custom(error.message)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        for (text, bytes, shown) in [
            ("512", 512, "512"),
            ("64KiB", 65_536, "64KiB"),
            ("1GB", 1_000_000_000, "1000000000"),
            ("32 MiB", 32 << 20, "32MiB"),
        ] {
            assert_eq!(text.parse::<Size>().ok(), Some(Size(bytes)));
            assert_eq!(Size(bytes).to_string(), shown);
        }
        for bad in ["", "MiB", "1.5MiB", "-1", "1 parsec", "99999999999TiB"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }
}
