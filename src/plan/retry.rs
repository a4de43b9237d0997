//! What a failed attempt means: try the next target, or stop. And how long to wait when none is left.

use super::Dice;
use crate::chat::Fault;
use crate::resources::route::RetryOn;
use std::time::Duration;

/// How an attempt failed, as the failure table of the documentation has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// The caller's mistake: 400, 413, 422 and other 4xx.
    Caller,
    /// The model does not exist there.
    NotFound,
    /// The prompt is too long for the model.
    Context,
    /// A content filter refused the request, or stopped the answer before any of it.
    Content,
    /// This target cannot carry the request: translation refused it, or no key of the caller's came for it.
    Unfit,
    /// 401, 402, 403 or 429 for a key that the caller brought.
    OwnKey,
    /// 401, 402, 403 for a stored credential.
    Credential,
    /// 429, 529, 503 with Retry-After.
    Capacity,
    /// A limit that gw keeps for the provider or the model: nothing was sent.
    Limit,
    /// Other 5xx, reset, malformed answer, error event before the first content event.
    Upstream,
    /// Not connected: refused, DNS, TLS.
    Connect,
    /// Not connected in time, or the upstream says that the request did not come in time: 408.
    Timeout,
    /// Surely received, and no answer in time; 504 says the same of what is behind the upstream.
    Slow,
}

impl Class {
    /// The class of an upstream's error answer. `own_key`: the credential was one that the caller brought.
    pub fn of(fault: &Fault, retry_after: bool, own_key: bool) -> Class {
        match fault.status {
            // xAI's status for it.
            403 if filtered(fault) => Class::Content,
            401..=403 | 429 if own_key => Class::OwnKey,
            401..=403 => Class::Credential,
            404 => Class::NotFound,
            // It leads back here, and will do so again.
            508 => Class::Unfit,
            408 => Class::Timeout,
            504 => Class::Slow,
            429 | 529 => Class::Capacity,
            503 if retry_after => Class::Capacity,
            400 | 413 if too_long(fault) => Class::Context,
            400 | 422 if filtered(fault) => Class::Content,
            // The model behind the upstream failed: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
            424 => Class::Upstream,
            400..=499 => Class::Caller,
            _ => Class::Upstream,
        }
    }

    /// The class of an error that came inside a 200. Whatever it says of the request, the upstream had taken it: the
    /// attempt failed there, and another target may do better.
    pub fn inside(fault: &Fault, own_key: bool) -> Class {
        match Class::of(fault, false, own_key) {
            Class::Caller | Class::NotFound | Class::Context => Class::Upstream,
            class => class,
        }
    }

    /// Name in logs.
    pub fn name(self) -> &'static str {
        match self {
            Class::Caller => "caller",
            Class::NotFound => "not_found",
            Class::Context => "context",
            Class::Content => "content",
            Class::Unfit => "unfit",
            Class::OwnKey => "own_key",
            Class::Credential => "credential",
            Class::Capacity => "capacity",
            Class::Limit => "limit",
            Class::Upstream => "upstream",
            Class::Connect => "connect",
            Class::Timeout | Class::Slow => "timeout",
        }
    }

    /// Whether the route moves on to its next target, by its word or by the status that was answered. A caller's own
    /// key has its word alone: it is nobody else's.
    pub fn moves_on(self, status: Option<u16>, retry_on: &[RetryOn]) -> bool {
        let word = match self {
            Class::Unfit | Class::Limit => return true,
            Class::OwnKey => return retry_on.contains(&RetryOn::OwnKey),
            Class::Caller => None,
            Class::NotFound => Some(RetryOn::NotFound),
            Class::Context => Some(RetryOn::Context),
            Class::Content => Some(RetryOn::Content),
            Class::Credential => Some(RetryOn::Credential),
            Class::Capacity => Some(RetryOn::Capacity),
            Class::Upstream => Some(RetryOn::Upstream),
            Class::Connect => Some(RetryOn::Connect),
            Class::Timeout | Class::Slow => Some(RetryOn::Timeout),
        };
        let named = |item: &RetryOn| status.is_some_and(|status| item.names(status));
        retry_on
            .iter()
            .any(|item| Some(*item) == word || named(item))
    }

    /// Whether it counts against the target where an answer had begun: not what is about the request or the caller's key.
    pub fn is_the_targets(self) -> bool {
        matches!(
            self,
            Class::Credential
                | Class::Capacity
                | Class::Upstream
                | Class::Connect
                | Class::Timeout
                | Class::Slow
        )
    }

    /// Whether the same target may do better after a wait. Not one that is slow: it may still be at work on the
    /// request, and would be paid twice.
    pub fn may_pass(self) -> bool {
        matches!(
            self,
            Class::Capacity | Class::Upstream | Class::Connect | Class::Timeout
        )
    }
}

/// How providers say that a prompt is too long; they agree on no code. `context_length_exceeded` is OpenAI's
/// (<https://platform.openai.com/docs/guides/error-codes>), `exceed_context_size_error` llama.cpp's; the words are those
/// of Anthropic and Bedrock ("prompt is too long", "input is too long for requested model"), Google ("input token count"),
/// Cohere ("too many tokens"), Mistral and vLLM ("maximum context length", "context window").
fn too_long(fault: &Fault) -> bool {
    let message = fault.message.to_ascii_lowercase();
    let says = |words: &&str| message.contains(*words);
    fault.code.as_deref() == Some("context_length_exceeded")
        || fault.kind == "exceed_context_size_error"
        || [
            "context length",
            "context_length",
            "context window",
            "context size",
            "prompt is too long",
            "too long for requested model",
            "input token count",
            "maximum context",
            "too many tokens",
            "input length and `max_tokens` exceed",
        ]
        .iter()
        .any(says)
}

/// The codes and types of what a content filter refused: Azure's and OpenAI's `content_filter` and `content_policy_violation`
/// (<https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter>), OpenAI's of pictures
/// (`moderation_blocked`), of prompts to reasoning models (`invalid_prompt`:
/// <https://platform.openai.com/docs/guides/reasoning#advice-on-prompting>) and of what could break into systems
/// (`cyber_policy`: <https://platform.openai.com/docs/guides/safety-checks/cybersecurity>); Alibaba's
/// (<https://www.alibabacloud.com/help/en/model-studio/error-code>).
const FILTERED: [&str; 8] = [
    "content_filter",
    "content_policy_violation",
    "ResponsibleAIPolicyViolation",
    "moderation_blocked",
    "invalid_prompt",
    "cyber_policy",
    "data_inspection_failed",
    "DataInspectionFailed",
];

/// Those that have no code for it, by their words: Anthropic (<https://github.com/anthropics/claude-code/issues/58367>),
/// DeepSeek (<https://github.com/deepseek-ai/DeepSeek-V2/issues/30>), Alibaba within a longer text, xAI
/// (<https://github.com/QuantumNous/new-api/blob/main/service/violation_fee.go>).
const FILTERED_WORDS: [&str; 5] = [
    "blocked by content filtering policy",
    "content exists risk",
    "content management policy",
    "datainspectionfailed",
    "content violates usage guidelines",
];

/// Whether a content filter refused it.
fn filtered(fault: &Fault) -> bool {
    let named = |name: &str| FILTERED.contains(&name);
    named(&fault.kind) || fault.code.as_deref().is_some_and(named) || {
        let message = fault.message.to_ascii_lowercase();
        FILTERED_WORDS.iter().any(|words| message.contains(words))
    }
}

/// Longest wait worth holding a caller for; beyond it the caller is told to come back.
const LONGEST: Duration = Duration::from_secs(10);

/// How long to wait before round `round` (1 is the first repetition): 250 ms doubling, with jitter of a half, at
/// most ten seconds in every round that follows; and never less than what an upstream asked for. `None`: it asked
/// for longer than is worth it.
pub fn wait(round: u32, retry_after: Option<Duration>, dice: &mut Dice) -> Option<Duration> {
    let base = 250u64 << round.saturating_sub(1).min(6);
    let backoff = Duration::from_millis(base / 2 + dice.below(base)).min(LONGEST);
    let wait = retry_after.map_or(backoff, |asked| asked.max(backoff));
    (wait <= LONGEST).then_some(wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fault(status: u16, code: &str, message: &str) -> Fault {
        Fault {
            status,
            kind: String::new(),
            message: message.to_owned(),
            code: (!code.is_empty()).then(|| code.to_owned()),
            param: None,
        }
    }

    #[test]
    fn statuses_have_their_class() {
        use Class::*;
        for (status, retry_after, message, expected) in [
            (400, false, "bad", Caller),
            (413, false, "too many tokens", Context),
            (401, false, "", Credential),
            (402, false, "", Credential),
            (403, false, "", Credential),
            (404, false, "", NotFound),
            (405, false, "", Caller),
            (408, false, "", Timeout),
            (424, false, "", Upstream),
            (409, false, "", Caller),
            (413, false, "too large", Caller),
            (422, false, "context length", Caller),
            (429, false, "", Capacity),
            (429, true, "", Capacity),
            (499, false, "", Caller),
            (500, false, "", Upstream),
            (500, true, "", Upstream),
            (502, false, "", Upstream),
            (503, false, "", Upstream),
            (503, true, "", Capacity),
            (504, false, "", Slow),
            (529, false, "", Capacity),
            (599, false, "", Upstream),
            (302, false, "", Upstream),
            (0, false, "", Upstream),
        ] {
            let fault = fault(status, "", message);
            assert_eq!(
                Class::of(&fault, retry_after, false),
                expected,
                "{status} {retry_after} {message}"
            );
            // A key of the caller's own is blamed for what a stored credential or its budget would be.
            let own = match status {
                401 | 402 | 403 | 429 => OwnKey,
                _ => expected,
            };
            assert_eq!(Class::of(&fault, retry_after, true), own);
        }
    }

    #[test]
    fn prompts_that_are_too_long_are_known_by_what_providers_say() {
        for (code, message) in [
            ("", "This model's maximum context length is 8192 tokens"),
            ("context_length_exceeded", "Your input exceeds the limit"),
            ("", "prompt is too long: 210000 tokens > 200000 maximum"),
            ("", "Input is too long for requested model."),
            (
                "",
                "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
            ),
            (
                "",
                "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            ),
            (
                "",
                "The input token count exceeds the maximum number of tokens allowed",
            ),
            (
                "",
                "too many tokens: total number of tokens in the prompt exceeds the limit",
            ),
            (
                "",
                "the request exceeds the available context size, try increasing it",
            ),
            (
                "",
                "Prompt contains 40000 tokens, too large for model with 32768 maximum context length",
            ),
        ] {
            assert_eq!(
                Class::of(&fault(400, code, message), false, false),
                Class::Context,
                "{message}"
            );
        }
    }

    #[test]
    fn what_a_filter_refused_is_known_by_code_or_words() {
        for (status, code, message) in [
            (
                400,
                "content_filter",
                "The response was filtered due to the prompt triggering Azure OpenAI's content management policy.",
            ),
            (
                400,
                "content_policy_violation",
                "Your request was rejected as a result of our safety system.",
            ),
            (
                400,
                "moderation_blocked",
                "Your request was rejected by the safety system.",
            ),
            (
                400,
                "invalid_prompt",
                "Invalid prompt: your prompt was flagged as potentially violating our usage policy.",
            ),
            (
                400,
                "cyber_policy",
                "This request has been flagged for potentially high-risk cyber activity.",
            ),
            (400, "", "Output blocked by content filtering policy"),
            (400, "invalid_request_error", "Content Exists Risk"),
            (
                400,
                "data_inspection_failed",
                "Input text data may contain inappropriate content.",
            ),
            (
                400,
                "",
                "<400> InternalError.Algo.DataInspectionFailed: Input text data may contain inappropriate content.",
            ),
            (422, "content_filter", "blocked"),
            (
                403,
                "",
                "Content violates usage guidelines. Failed check: SAFETY_CHECK_TYPE_BIO",
            ),
        ] {
            assert_eq!(
                Class::of(&fault(status, code, message), false, false),
                Class::Content,
                "{message}"
            );
        }
        let kind = Fault {
            kind: "content_filter".into(),
            ..fault(400, "", "high risk")
        };
        assert_eq!(Class::of(&kind, false, false), Class::Content);
        // Inside a 200 it is none the less one.
        assert_eq!(Class::inside(&kind, false), Class::Content);
        assert_eq!(
            Class::of(&fault(500, "content_filter", ""), false, false),
            Class::Upstream
        );
    }

    #[test]
    fn an_error_inside_a_200_is_never_the_callers() {
        for (status, expected) in [
            (400, Class::Upstream),
            (404, Class::Upstream),
            (422, Class::Upstream),
            (401, Class::Credential),
            (429, Class::Capacity),
            (500, Class::Upstream),
            (502, Class::Upstream),
            (504, Class::Slow),
            (529, Class::Capacity),
        ] {
            let fault = fault(status, "", "context length");
            assert_eq!(Class::inside(&fault, false), expected, "{status}");
        }
    }

    #[test]
    fn what_moves_on_is_the_routes_to_say() {
        use Class::*;
        let all = [
            Caller, NotFound, Context, Content, Unfit, OwnKey, Credential, Capacity, Upstream,
            Connect, Timeout, Slow,
        ];
        let moving = |triggers: &[RetryOn]| {
            all.into_iter()
                .filter(|class| class.moves_on(None, triggers))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            moving(&RetryOn::DEFAULT),
            [
                Unfit, Credential, Capacity, Upstream, Connect, Timeout, Slow
            ]
        );
        assert_eq!(
            moving(&[
                RetryOn::NotFound,
                RetryOn::Context,
                RetryOn::Content,
                RetryOn::OwnKey
            ]),
            [NotFound, Context, Content, Unfit, OwnKey]
        );
        assert_eq!(moving(&[]), [Unfit]);
        assert_eq!(
            all.into_iter()
                .filter(|class| class.may_pass())
                .collect::<Vec<_>>(),
            [Capacity, Upstream, Connect, Timeout]
        );
    }

    #[test]
    fn a_number_is_that_status_whatever_its_class() {
        use Class::*;
        for (class, status, items, expected) in [
            (Caller, 409, "409", true),
            (Caller, 409, "408", false),
            (Caller, 409, "4xx", true),
            (Timeout, 408, "408", true),
            (Upstream, 503, "503", true),
            (Capacity, 503, "503", true),
            (Capacity, 503, "5xx", false),
            (Upstream, 502, "503", false),
            (Capacity, 429, "4xx", true),
            (Credential, 401, "401", true),
            (OwnKey, 401, "401,4xx,429", false),
            (OwnKey, 401, "own-key", true),
            (Content, 400, "400", true),
        ] {
            let items: Vec<RetryOn> = items.split(',').filter_map(RetryOn::parse).collect();
            assert_eq!(
                class.moves_on(Some(status), &items),
                expected,
                "{class:?} {status} {items:?}"
            );
        }
        assert!(!Connect.moves_on(None, &[RetryOn::Hundred(5), RetryOn::Status(502)]));
    }

    proptest! {
        #[test]
        fn waits_grow_within_bounds_in_any_round_and_honour_what_was_asked(round: u32, asked in proptest::option::of(0u64..20_000), seed: u64) {
            let asked = asked.map(Duration::from_millis);
            let base = Duration::from_millis(250 << round.saturating_sub(1).min(6));
            let wait = wait(round, asked, &mut Dice::new(seed));
            // Its own jitter never gives a round up: only an upstream that asks for too much does.
            prop_assert_eq!(wait.is_none(), asked.is_some_and(|asked| asked > LONGEST));
            if let Some(wait) = wait {
                prop_assert!(wait <= LONGEST && asked.is_none_or(|asked| wait >= asked));
                prop_assert!(wait >= (base / 2).min(LONGEST));
                prop_assert!(asked == Some(wait) || wait < base / 2 + base);
            }
        }
    }
}
