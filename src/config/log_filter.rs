//! What `log.level` may say: a word that means nothing must not pass for the name of some part of gw.

use crate::error::{Error, Result, nearest};

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// Checks a filter: levels, `PART=LEVEL` and `crate::part`, with commas between.
pub(super) fn check(text: &str) -> Result<()> {
    for directive in text.split(',').map(str::trim) {
        let word = match directive.rsplit_once('=') {
            Some((_, level)) => level,
            None if directive.contains("::") || directive.contains('[') => continue,
            None if directive == "gw" => continue,
            None => directive,
        };
        let lower = word.to_ascii_lowercase();
        if !LEVELS.contains(&lower.as_str()) {
            return Err(
                Error::invalid(format!("`{}` is not a log level", word.escape_debug()))
                    .param("log.level")
                    .hint(match nearest(&lower, LEVELS) {
                        Some(meant) => format!("did you mean `{meant}`?"),
                        None => format!(
                            "one of: {}; or a filter such as gw=debug,info",
                            LEVELS.join(", ")
                        ),
                    }),
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_filters() {
        for good in [
            "info",
            "WARN",
            "gw=debug,info",
            "gw::store=trace, off",
            "gw",
            "hyper=off",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for (bad, hint) in [
            (
                "verbose",
                "one of: error, warn, info, debug, trace, off; or a filter such as gw=debug,info",
            ),
            ("inof", "did you mean `info`?"),
            ("gw=debgu", "did you mean `debug`?"),
            (
                "",
                "one of: error, warn, info, debug, trace, off; or a filter such as gw=debug,info",
            ),
        ] {
            let hints = check(bad).err().and_then(|error| error.hint);
            assert_eq!(hints.as_deref(), Some(hint), "{bad}");
        }
    }
}
