//! Beta features that change what a model takes: <https://docs.anthropic.com/en/api/beta-headers>.

/// The header that callers name them in.
pub const HEADER: &str = "anthropic-beta";

/// A context window larger than a model's own, which callers ask for by the name of a beta.
struct Beta {
    /// What the beta's name begins with; its date follows.
    begins: &'static str,
    /// What is in the names of the models it is for.
    models: &'static str,
    window: u64,
}

static BETAS: [Beta; 1] = [Beta {
    begins: "context-1m-",
    models: "claude",
    window: 1_000_000,
}];

/// The context window that the betas in a caller's headers give a model where that is more than its own.
pub fn window<'a>(own: u64, model: &str, betas: impl Iterator<Item = &'a str>) -> u64 {
    betas
        .flat_map(|line| line.split(','))
        .filter_map(|name| {
            BETAS.iter().find(|beta| {
                name.trim_start().starts_with(beta.begins) && model.contains(beta.models)
            })
        })
        .fold(own, |window, beta| window.max(beta.window))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beta_enlarges_the_window_of_its_models_alone() {
        let beta = "tools-2024-04-04, context-1m-2025-08-07";
        for (own, model, betas, expected) in [
            (200_000, "claude-sonnet-4", beta, 1_000_000),
            (200_000, "anthropic/claude-sonnet-4", beta, 1_000_000),
            (2_000_000, "claude-next", beta, 2_000_000),
            (200_000, "claude-sonnet-4", "tools-2024-04-04", 200_000),
            (200_000, "claude-sonnet-4", "", 200_000),
            (128_000, "gpt-4o", beta, 128_000),
        ] {
            // On one line, and on a line of its own behind others.
            for lines in [vec![betas], vec!["tools-2024-04-04", betas]] {
                let window = window(own, model, lines.into_iter());
                assert_eq!(window, expected, "{model}");
            }
        }
    }
}
