//! Globs over model names: `*` stands for any run of characters, everything else for itself.

/// Whether `text` matches `pattern`. Linear in practice: one star is retried at a time.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t, mut star, mut mark) = (0, 0, None, 0);
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some(p);
            mark = t;
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            p += 1;
            t += 1;
        } else if let Some(back) = star {
            p = back + 1;
            mark += 1;
            t = mark;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// Whether any pattern matches.
pub fn any(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, text))
}

/// Whether a name of two parts is one that the vendor gives its own models.
pub fn own_name(own_names: &[&str], name: &str) -> bool {
    name.matches('/').count() == 1 && own_names.iter().any(|glob| matches(glob, name))
}

#[cfg(test)]
mod tests {
    use super::matches;
    use proptest::prelude::*;

    /// The definition, slowly.
    fn slow(pattern: &[u8], text: &[u8]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some((b'*', rest)) => (0..=text.len()).any(|at| slow(rest, &text[at..])),
            Some((byte, rest)) => text
                .split_first()
                .is_some_and(|(first, text)| first == byte && slow(rest, text)),
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            prop_assert_eq!(matches(&pattern, &text), slow(pattern.as_bytes(), text.as_bytes()));
        }
    }

    #[test]
    fn many_stars_stay_cheap() {
        assert!(!matches(&"a*".repeat(1_000), &"a".repeat(999)));
        assert!(!matches(
            &format!("{}b", "*a".repeat(200)),
            &"a".repeat(10_000)
        ));
    }

    #[test]
    fn stars() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "a", true),
            ("openai/*", "openai/gpt-4o", true),
            ("openai/*", "openai", false),
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("*-mini", "gpt-4o-mini", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "axxbyy", false),
            ("", "x", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
