//! What families of models make of a prompt beside its text, for counts that no provider gave. Fitted to recorded
//! prompts whose usage is known; the errors measured there are in the documentation.

use crate::chat::{Image, Weights};

const GPT: Weights = Weights {
    prompt: 2.0,
    turn: 5.0,
    tools: 10.0,
    tool: 8.0,
    definition: 0.8,
    schema: 10.0,
    image: Image::Squares,
    page: 1_000.0,
    second: 10.0,
};

/// <https://docs.anthropic.com/en/docs/build-with-claude/pdf-support> has 1,500 to 3,000 tokens a page.
const CLAUDE: Weights = Weights {
    prompt: 8.0,
    turn: 0.0,
    tools: 500.0,
    tool: 8.0,
    definition: 3.0,
    schema: 150.0,
    image: Image::Area,
    page: 2_000.0,
    second: 0.0,
};

/// A schema counts nothing. <https://ai.google.dev/gemini-api/docs/tokens> has pages and seconds.
const GEMINI: Weights = Weights {
    prompt: 0.0,
    turn: 1.0,
    tools: 10.0,
    tool: 0.0,
    definition: 1.5,
    schema: 0.0,
    image: Image::Tiles,
    page: 258.0,
    second: 32.0,
};

const OTHERS: Weights = Weights {
    prompt: 5.0,
    turn: 1.0,
    tools: 10.0,
    tool: 15.0,
    definition: 2.0,
    ..GPT
};

/// Those of the family that the model of this name is of.
pub fn weights(model: &str) -> &'static Weights {
    let model = model.to_ascii_lowercase();
    let name = model.rsplit('/').next().unwrap_or(&model);
    let named = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
    match () {
        () if model.contains("claude") => &CLAUDE,
        () if named(&["gemini", "gemma"]) => &GEMINI,
        () if named(&["gpt-oss"]) => &OTHERS,
        () if named(&["gpt", "chatgpt", "codex", "o1", "o3", "o4", "ft:gpt"]) => &GPT,
        () => &OTHERS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_family() {
        for (name, want) in [
            ("claude-opus-4-8", &CLAUDE),
            ("us.anthropic.claude-sonnet-4-5-v1:0", &CLAUDE),
            ("google/gemini-3.5-flash", &GEMINI),
            ("openai/gpt-5", &GPT),
            ("o3-mini", &GPT),
            ("openai/gpt-oss-20b", &OTHERS),
            ("llama-4", &OTHERS),
        ] {
            assert_eq!(weights(name), want, "{name}");
        }
    }
}
