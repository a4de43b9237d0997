//! What usage is paid by: the buckets it is counted in, and the tier of service it was given at. Only their names and
//! units; what they cost stands in the catalogue.

use serde::{Deserialize, Serialize};

macro_rules! buckets {
    ($($(#[$doc:meta])* $bucket:ident $name:literal $per:ident)*) => {
        /// One of the disjoint parts of a usage, each with a price of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Bucket {
            $($(#[$doc])* #[serde(rename = $name)] $bucket),*
        }

        impl Bucket {
            /// Every bucket, in the order they are shown.
            pub const ALL: [Bucket; [$(Bucket::$bucket),*].len()] = [$(Bucket::$bucket),*];

            /// Its name in records, rows and on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Bucket::$bucket => $name),* }
            }

            /// What its price is quoted for.
            pub fn per(self) -> Per {
                match self { $(Bucket::$bucket => Per::$per),* }
            }
        }
    };
}

buckets! {
    /// Prompt tokens that are none of the others.
    Input "input" Million
    /// Prompt tokens read from a cache.
    CacheRead "cache_read" Million
    /// Written to a cache for five minutes.
    CacheWrite5m "cache_write_5m" Million
    /// Written to a cache for an hour.
    CacheWrite1h "cache_write_1h" Million
    /// Written to a cache for a time the provider does not tell.
    CacheWrite "cache_write" Million
    /// Generated tokens that are none of the others.
    Output "output" Million
    /// Generated tokens of thinking.
    Reasoning "reasoning" Million
    /// Prompt tokens that are sound.
    Audio "audio" Million
    /// Of those, the ones read from a cache.
    AudioCached "audio_cached" Million
    /// Prompt tokens that are images.
    Image "image" Million
    /// Generated tokens that are sound.
    AudioOutput "audio_output" Million
    /// Generated tokens that are images.
    ImageOutput "image_output" Million
    /// Tokens of other models that were asked for help, which have prices of their own.
    OtherModels "other_models" Million
    /// Searches of the web.
    Searches "searches" Thousand
    /// Rerankings.
    SearchUnits "search_units" Thousand
    /// Seconds of sound that were heard.
    Seconds "seconds" Hour
}

/// What the price of a bucket is quoted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Per {
    /// A million tokens.
    Million,
    /// A thousand pieces.
    Thousand,
    /// An hour, of seconds.
    Hour,
}

impl Per {
    /// How many of what is counted the quoted price is for.
    pub fn count(self) -> u64 {
        match self {
            Per::Million => 1_000_000,
            Per::Thousand => 1_000,
            Per::Hour => 3_600,
        }
    }
}

/// The tier of service an answer was given at, which changes what its tokens cost.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    #[default]
    Standard,
    Batch,
    Flex,
    Priority,
    Fast,
    /// Answered in one region alone, where the provider says so and charges for it.
    Regional,
    /// One that this version does not know, or capacity that was bought apart.
    Other,
}

impl Tier {
    const NAMES: [(&'static str, Tier); 7] = [
        ("standard", Tier::Standard),
        ("batch", Tier::Batch),
        ("flex", Tier::Flex),
        ("priority", Tier::Priority),
        ("fast", Tier::Fast),
        ("regional", Tier::Regional),
        ("other", Tier::Other),
    ];

    /// Its name in records, rows and on the command line.
    pub fn name(self) -> &'static str {
        let found = Tier::NAMES.iter().find(|(_, tier)| *tier == self);
        found.map_or("", |(name, _)| name)
    }

    /// The tier of this name.
    pub fn named(name: &str) -> Option<Tier> {
        let found = Tier::NAMES.iter().find(|(known, _)| *known == name);
        found.map(|(_, tier)| *tier)
    }

    /// Every name.
    pub fn names() -> [&'static str; 7] {
        Tier::NAMES.map(|(name, _)| name)
    }

    /// Whether it is the usual one.
    pub fn is_standard(&self) -> bool {
        *self == Tier::Standard
    }

    /// The tier an answer says it was given at; `None`: it says nothing.
    /// OpenAI's words: <https://platform.openai.com/docs/api-reference/chat/object>, Anthropic's:
    /// <https://docs.anthropic.com/en/api/service-tiers>, Groq's: <https://console.groq.com/docs/service-tiers>, Google's:
    /// <https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentResponse#TrafficType>
    pub fn said(word: &str) -> Option<Tier> {
        Some(match word {
            "" => return None,
            "default" | "standard" | "auto" | "on_demand" | "ON_DEMAND" | "STANDARD" => {
                Tier::Standard
            }
            "batch" | "BATCH" => Tier::Batch,
            "flex" | "ON_DEMAND_FLEX" | "FLEX" => Tier::Flex,
            "priority" | "ON_DEMAND_PRIORITY" | "PRIORITY" => Tier::Priority,
            "fast" => Tier::Fast,
            _ => Tier::Other,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_are_those_of_serde_and_found_again() {
        for bucket in Bucket::ALL {
            assert_eq!(serde_json::to_value(bucket).unwrap(), bucket.name());
        }
        for name in Tier::names() {
            let tier = Tier::named(name).unwrap();
            assert_eq!(
                (tier.name(), serde_json::to_value(tier).unwrap()),
                (name, name.into())
            );
        }
        assert_eq!(Tier::named("none"), None);
    }

    #[test]
    fn answers_say_tiers_in_many_words() {
        let said = [
            "",
            "default",
            "ON_DEMAND",
            "flex",
            "ON_DEMAND_PRIORITY",
            "scale",
        ];
        assert_eq!(
            said.map(Tier::said),
            [
                None,
                Some(Tier::Standard),
                Some(Tier::Standard),
                Some(Tier::Flex),
                Some(Tier::Priority),
                Some(Tier::Other)
            ]
        );
    }
}
