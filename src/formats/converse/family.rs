//! Whose model it is, by its id: the format is one for all, and what stands in `additionalModelRequestFields` or is
//! understood of a conversation is the maker's own. Must not know what single models take, which is the catalogue's.

/// Whose model it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Anthropic's.
    Claude,
    /// Amazon's own.
    Nova,
    Other,
    /// The id does not tell: names of profiles, deployments and custom models are their owner's.
    Hidden,
}

impl Family {
    /// By a model's id, the id of a profile or an ARN:
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/models-supported.html>.
    pub fn of(model: &str) -> Family {
        let model = model.to_ascii_lowercase();
        if model.contains("anthropic.") || model.contains("claude") {
            return Family::Claude;
        }
        let id = match model.rsplit_once('/') {
            Some((resource, id)) if model.starts_with("arn:") => {
                let named = ["foundation-model", "inference-profile"];
                let kind = resource.rsplit([':', '/']).next();
                match kind.is_some_and(|kind| named.contains(&kind)) {
                    true => id,
                    false => return Family::Hidden,
                }
            }
            _ => &model,
        };
        match id.contains('.') {
            _ if id.contains("amazon.nova") => Family::Nova,
            true => Family::Other,
            false => Family::Hidden,
        }
    }

    /// Whether it may be told where a prompt can be cached; others refuse the mark:
    /// <https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html>.
    pub fn caches(self) -> bool {
        self != Family::Other
    }

    /// Whether it may be Anthropic's, whose seals go back to it.
    pub fn may_be_claude(self) -> bool {
        matches!(self, Family::Claude | Family::Hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_tell_whose_model_it_is() {
        for (model, family) in [
            ("anthropic.claude-v2", Family::Claude),
            (
                "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                Family::Claude,
            ),
            (
                "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-3-haiku-20240307-v1:0",
                Family::Claude,
            ),
            ("us.amazon.nova-2-lite-v1:0", Family::Nova),
            (
                "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
                Family::Nova,
            ),
            ("qwen.qwen3-32b-v1:0", Family::Other),
            ("amazon.titan-text-lite-v1", Family::Other),
            (
                "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/k3.x1",
                Family::Hidden,
            ),
            (
                "arn:aws:bedrock:us-east-1:123456789012:provisioned-model/abcdefghijkl",
                Family::Hidden,
            ),
            ("my-model", Family::Hidden),
        ] {
            assert_eq!(Family::of(model), family, "{model}");
        }
    }
}
