//! Which model takes what of a request: a row a family of models, with the page that says so. Names are those of the
//! models' makers; what other vendors put around them is taken off. A model without a row is [`Takes::UNKNOWN`], but
//! what is called `claude-` or `gpt-` and is in no row is newer than this table and taken for the newest.

use crate::chat::{
    Effort::{self, High, Low, Max, Medium, Minimal, XHigh},
    Off, Sampling, Takes,
};

/// One row of [`ROWS`].
struct Row {
    /// What the model's name begins with; the longest that fits counts.
    names: &'static [&'static str],
    /// Where it is written. What is said there of another model of the family, or nowhere, is marked `(?)`.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for people and the table's test")
    )]
    source: &'static str,
    takes: Takes,
}

/// What the model of this name takes.
pub fn takes(model: &str) -> &'static Takes {
    let model = plain(model);
    let first = model.bytes().next();
    let fitting = |row: &Row| {
        // Most differ in their first letter.
        let fits = |name: &&&str| name.bytes().next() == first && model.starts_with(**name);
        let long = row.names.iter().filter(fits);
        long.map(|name| name.len()).max()
    };
    let best = ROWS.iter().filter_map(|row| Some((fitting(row)?, row)));
    best.max_by_key(|(length, _)| *length)
        .map_or(&Takes::UNKNOWN, |(_, row)| &row.takes)
}

/// The name as its maker spells it: without the vendor, region or fine-tuning in front of it, and with `-` for `.`.
fn plain(model: &str) -> String {
    let mut model = model.to_ascii_lowercase().replace('.', "-");
    if let Some(at) = model.find("claude-") {
        return model.split_off(at);
    }
    let at = model.rfind('/').map_or(0, |at| at + 1);
    let name = model.split_off(at);
    name.strip_prefix("ft:").unwrap_or(&name).to_owned()
}

/// Claude before 4: what the API as a whole takes.
const CLAUDE_3: Takes = Takes {
    adaptive: false,
    schemas: false,
    ..Takes::UNKNOWN
};
const CLAUDE_4: Takes = Takes {
    sampling: Sampling::Either,
    ..CLAUDE_3
};
const CLAUDE_4_5: Takes = Takes {
    schemas: true,
    ..CLAUDE_4
};
const CLAUDE_4_6: Takes = Takes {
    adaptive: true,
    prefill: false,
    efforts: &[Low, Medium, High, Max],
    ..CLAUDE_4_5
};
const CLAUDE_4_7: Takes = Takes {
    sampling: Sampling::Fixed,
    efforts: &[Low, Medium, High, XHigh, Max],
    budget: false,
    off: Off::Type("disabled"),
    ..CLAUDE_4_6
};
const CLAUDE_4_8: Takes = Takes {
    late_system: true,
    ..CLAUDE_4_7
};
const ALWAYS_THINKS: Takes = Takes {
    off: Off::Never,
    ..CLAUDE_4_8
};
const NO_FORCED_TOOL: Takes = Takes {
    forced_tool: false,
    ..ALWAYS_THINKS
};

/// OpenAI's models that do not think.
const GPT_4: Takes = Takes {
    stops: 4,
    efforts: &[],
    late_system: true,
    ..Takes::UNKNOWN
};
const O_SERIES: Takes = Takes {
    sampling: Sampling::Fixed,
    stops: 0,
    limit: Some("max_completion_tokens"),
    efforts: &[Low, Medium, High],
    off: Off::Never,
    ..GPT_4
};
const GPT_5_1: Takes = Takes {
    sampling: Sampling::Unthinking,
    off: Off::Effort,
    ..O_SERIES
};
/// Gemini before 3: thinking is a number of tokens.
const GEMINI_2: Takes = Takes {
    stops: 5,
    signed_calls: false,
    result_media: false,
    ..Takes::UNKNOWN
};
/// Gemini since 3: thinking is a level and never off, calls are signed, results hold images.
const GEMINI_3: Takes = Takes {
    stops: 5,
    efforts: &[Minimal, Low, Medium, High],
    adaptive: true,
    budget: false,
    off: Off::Never,
    ..Takes::UNKNOWN
};
const TO_XHIGH: &[Effort] = &[Low, Medium, High, XHigh];

static ROWS: &[Row] = &[
    // Thinking by tokens, which Flash models can be spared.
    Row {
        names: &["gemini-1", "gemini-2"],
        source: "https://ai.google.dev/gemini-api/docs/thinking",
        takes: GEMINI_2,
    },
    Row {
        names: &["gemini-2-5-pro"],
        source: "https://ai.google.dev/gemini-api/docs/thinking",
        takes: Takes {
            off: Off::Never,
            ..GEMINI_2
        },
    },
    Row {
        names: &["gemini-"],
        source: "(?) newer than this table, or the latest of them",
        takes: Takes {
            efforts: &[Low, Medium, High],
            ..GEMINI_3
        },
    },
    // Signed calls: https://ai.google.dev/gemini-api/docs/thought-signatures
    Row {
        names: &["gemini-3"],
        source: "https://ai.google.dev/gemini-api/docs/gemini-3",
        takes: GEMINI_3,
    },
    Row {
        names: &["gemini-3-pro"],
        source: "https://ai.google.dev/gemini-api/docs/gemini-3",
        takes: Takes {
            efforts: &[Low, High],
            ..GEMINI_3
        },
    },
    Row {
        names: &["gemini-3-1-pro", "gemini-3-5-pro"],
        source: "https://ai.google.dev/gemini-api/docs/gemini-3",
        takes: Takes {
            efforts: &[Low, Medium, High],
            ..GEMINI_3
        },
    },
    Row {
        names: &["claude-2", "claude-3", "claude-v", "claude-instant"],
        source: "https://platform.claude.com/docs/en/api/messages",
        takes: CLAUDE_3,
    },
    // Temperature and top_p together are an error on every model of 4 and later.
    Row {
        names: &["claude-opus-4", "claude-sonnet-4", "claude-4"],
        source: "https://github.com/anthropics/skills/blob/main/skills/claude-api/shared/model-migration.md",
        takes: CLAUDE_4,
    },
    // The first whose answers can be held to a schema.
    Row {
        names: &[
            "claude-opus-4-5",
            "claude-sonnet-4-5",
            "claude-haiku-4",
            "claude-4-5",
        ],
        source: "https://platform.claude.com/docs/en/build-with-claude/structured-outputs",
        takes: CLAUDE_4_5,
    },
    // Prefill is an error; a budget still works.
    Row {
        names: &["claude-opus-4-6", "claude-sonnet-4-6", "claude-4-6"],
        source: "https://github.com/anthropics/skills/blob/main/skills/claude-api/shared/model-migration.md",
        takes: CLAUDE_4_6,
    },
    // Sampling parameters and budgets are errors.
    Row {
        names: &["claude-opus-4-7", "claude-4-7"],
        source: "https://github.com/anthropics/skills/blob/main/skills/claude-api/shared/model-migration.md",
        takes: CLAUDE_4_7,
    },
    // The first with instructions in the middle of a conversation.
    Row {
        names: &["claude-opus-4-8", "claude-4-8"],
        source: "https://platform.claude.com/docs/en/build-with-claude/mid-conversation-system-messages",
        takes: CLAUDE_4_8,
    },
    Row {
        names: &["claude-opus-5", "claude-5-opus", "claude-5-0-opus"],
        source: "https://platform.claude.com/docs/en/models/opus-5/migration-guide",
        takes: CLAUDE_4_8,
    },
    // Late instructions: https://github.com/langchain-ai/langchainjs/releases/tag/@langchain%2Fanthropic@1.5.13
    Row {
        names: &["claude-sonnet-5", "claude-5-sonnet", "claude-5-0-sonnet"],
        source: "https://platform.claude.com/docs/en/models/sonnet-5/migration-guide.md",
        takes: CLAUDE_4_8,
    },
    Row {
        names: &["claude-haiku-5", "claude-5-5-haiku"],
        source: "https://platform.claude.com/docs/en/models/haiku-5-5/migration-guide",
        takes: CLAUDE_4_8,
    },
    Row {
        names: &["claude-sonnet-5-5", "claude-5-5-sonnet"],
        source: "https://platform.claude.com/docs/en/models/sonnet-5-5/whats-new-sonnet-5-5",
        takes: Takes {
            off: Off::Type("between_tools"),
            ..NO_FORCED_TOOL
        },
    },
    Row {
        names: &["claude-opus-5-5", "claude-5-5-opus"],
        source: "https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5",
        takes: NO_FORCED_TOOL,
    },
    Row {
        names: &[
            "claude-fable-5",
            "claude-mythos-5",
            "claude-5-fable",
            "claude-5-mythos",
        ],
        source: "https://platform.claude.com/docs/en/models/fable-5/migration-guide",
        takes: ALWAYS_THINKS,
    },
    Row {
        names: &["claude-fable-5-1", "claude-mythos-5-1"],
        source: "https://platform.claude.com/docs/en/models/opus-5-5/whats-new-opus-5-5",
        takes: NO_FORCED_TOOL,
    },
    Row {
        names: &["claude-"],
        source: "(?) newer than this table: what the newest refuse is not sent",
        takes: NO_FORCED_TOOL,
    },
    // `stop`: up to 4; `reasoning_effort` is an error: https://github.com/BoundaryML/baml/pull/2708
    Row {
        names: &["gpt-3", "gpt-4", "chatgpt-4", "gpt-audio"],
        source: "https://platform.openai.com/docs/api-reference/chat/create",
        takes: GPT_4,
    },
    // Not a thinking model: https://github.com/BerriAI/litellm/issues/13781
    Row {
        names: &["gpt-5-chat"],
        source: "https://platform.openai.com/docs/api-reference/chat/create",
        takes: Takes {
            limit: Some("max_completion_tokens"),
            ..GPT_4
        },
    },
    Row {
        names: &["o1"],
        source: "https://platform.openai.com/docs/guides/reasoning",
        takes: Takes {
            stops: 4,
            ..O_SERIES
        },
    },
    // `stop` is not supported with o3 and o4-mini, says the reference of the field.
    Row {
        names: &["o3", "o4"],
        source: "https://platform.openai.com/docs/api-reference/chat/create",
        takes: O_SERIES,
    },
    // max_tokens is refused (recorded); `stop` (?), recorded for 5.6 only.
    Row {
        names: &["gpt-5"],
        source: "https://platform.openai.com/docs/guides/reasoning",
        takes: Takes {
            efforts: &[Minimal, Low, Medium, High],
            ..O_SERIES
        },
    },
    // https://github.com/vercel/ai/issues/10932: sampling only with effort `none`
    Row {
        names: &["gpt-5-1"],
        source: "https://learn.microsoft.com/en-us/javascript/api/@azure/ai-projects/reasoningeffort",
        takes: GPT_5_1,
    },
    Row {
        names: &["gpt-5-1-codex-max", "gpt-5-2"],
        source: "https://docs.rs/openai-tools/3.0.0/openai_tools/responses/request/enum.ReasoningEffort.html",
        takes: Takes {
            efforts: TO_XHIGH,
            ..GPT_5_1
        },
    },
    // `stop` is refused by 5.6 and `none` taken (recorded); sampling (?)
    Row {
        names: &[
            "gpt-5-3", "gpt-5-4", "gpt-5-5", "gpt-5-6", "gpt-5-7", "gpt-5-8", "gpt-5-9", "gpt-",
        ],
        source: "https://learn.microsoft.com/en-us/javascript/api/@azure/ai-projects/reasoningeffort",
        takes: Takes {
            sampling: Sampling::Fixed,
            efforts: TO_XHIGH,
            ..GPT_5_1
        },
    },
    // Open weights, served by many, each in its own way.
    // Cohere's that do not think; reasoning is said of the others alone.
    Row {
        names: &["command-r", "command-a-03", "command-a-vision"],
        source: "https://docs.cohere.com/docs/reasoning (?)",
        takes: Takes {
            stops: 5,
            efforts: &[],
            ..Takes::UNKNOWN
        },
    },
    Row {
        names: &["gpt-oss", "gpt-j", "gpt-neo"],
        source: "https://github.com/openai/gpt-oss",
        takes: Takes::UNKNOWN,
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_model_is_found_however_its_vendor_spells_it() {
        for (name, takes_of) in [
            ("claude-opus-4-20250514", CLAUDE_4),
            ("claude-opus-4-1-20250805", CLAUDE_4),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", CLAUDE_4_5),
            ("anthropic/claude-4.5-sonnet-20250929:beta", CLAUDE_4_5),
            ("claude-3-5-haiku-latest", CLAUDE_3),
            ("anthropic/claude-opus-4.7", CLAUDE_4_7),
            ("claude-opus-5-20260723", CLAUDE_4_8),
            ("anthropic/claude-opus-5.5", NO_FORCED_TOOL),
            ("claude-fable-5", ALWAYS_THINKS),
            ("claude-of-next-year", NO_FORCED_TOOL),
            ("gpt-4o-mini", GPT_4),
            ("ft:gpt-4.1-2025-04-14:org::abc", GPT_4),
            ("openai/o3", O_SERIES),
            ("GPT-5.1-codex", GPT_5_1),
            ("openai/gpt-oss-120b", Takes::UNKNOWN),
            ("llama-3.3-70b", Takes::UNKNOWN),
            ("", Takes::UNKNOWN),
        ] {
            assert_eq!(*takes(name), takes_of, "{name}");
        }
        assert_eq!(takes("gpt-5-mini").efforts.first(), Some(&Minimal));
        assert_eq!(takes("gpt-5.6-sol").sampling, Sampling::Fixed);
        assert_eq!(takes("claude-sonnet-5-5").off, Off::Type("between_tools"));
    }

    #[test]
    fn every_row_says_where_it_is_from_and_no_name_is_in_two() {
        let mut names = HashSet::new();
        for row in ROWS {
            assert!(
                row.source.starts_with("https://") || row.source.starts_with("(?)"),
                "{}",
                row.source
            );
            for name in row.names {
                assert!(names.insert(name), "{name}");
                assert_eq!(plain(name), *name);
            }
        }
    }
}
