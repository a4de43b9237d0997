//! The one reader of `Authorization: Bearer …`, for everybody who takes a credential. Must not know whose it is.

/// The credential of a `Bearer` header (RFC 6750): the scheme in any case, spaces and tabs around and between.
/// `None`: another scheme, or nothing behind it.
pub fn credential(value: &str) -> Option<&str> {
    let value = value.trim_ascii();
    let space = |byte| matches!(byte, b' ' | b'\t');
    let (scheme, rest) = value.split_at_checked(value.bytes().position(space)?)?;
    let credential = rest.trim_ascii();
    (scheme.eq_ignore_ascii_case("bearer") && !credential.is_empty()).then_some(credential)
}

#[cfg(test)]
mod tests {
    use super::credential;

    #[test]
    fn any_case_spaces_and_tabs() {
        for (value, want) in [
            ("Bearer k", Some("k")),
            ("bearer k", Some("k")),
            ("BEARER k", Some("k")),
            ("bEaReR k", Some("k")),
            ("Bearer\tk", Some("k")),
            ("Bearer \t  k", Some("k")),
            (" \tBearer k \t", Some("k")),
            ("Bearer k k", Some("k k")),
            ("Bearer", None),
            ("Bearer ", None),
            ("Bearer \t", None),
            ("Bearerk", None),
            ("Bearer:k", None),
            ("Basic k", None),
            ("Token Bearer k", None),
            ("k", None),
            ("", None),
        ] {
            assert_eq!(credential(value), want, "{value:?}");
        }
    }
}
