//! What a name may look like.

use crate::error::{Error, Result};

/// Checks a record's name. Strict names are what shells, URLs and tables take without quoting; loose ones
/// (models) also hold `/`, `:`, `@`, `+`, `=` and upper case, as upstream model ids do.
pub fn check(kind: &super::Kind, name: &str) -> Result<()> {
    let strict =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
    let loose = |c: char| {
        c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':' | '@' | '+' | '=')
    };
    let (limit, fits, says): (usize, &dyn Fn(char) -> bool, &str) = match kind.loose_names {
        true => (200, &loose, "letters, digits and `-_./:@+=`, at most 200"),
        false => (
            63,
            &strict,
            "lower-case letters, digits and `-_.`, at most 63, starting with a letter or digit",
        ),
    };
    let starts = name
        .chars()
        .next()
        .is_some_and(|c| c.is_ascii_alphanumeric());
    match starts && name.len() <= limit && name.chars().all(fits) {
        true => Ok(()),
        false => Err(Error::invalid(format!(
            "`{}` is not a {} name",
            name.escape_debug(),
            kind.name
        ))
        .hint(format!("use {says}"))
        .param("name")),
    }
}
