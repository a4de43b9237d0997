//! What a model takes of a request. Only the shape of such facts: which model takes what stands in the catalogue.

use super::Effort;

/// What a model takes of a request, as far as models differ in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Takes {
    pub sampling: Sampling,
    /// The most stop sequences; 0: it refuses them.
    pub stops: usize,
    /// What the longest answer is called, where the model insists on it whatever its vendor's dialect is.
    pub limit: Option<&'static str>,
    /// The efforts that can be asked for, smallest first; none: it refuses the field.
    pub efforts: &'static [Effort],
    /// Whether it can be told to think as much as it finds right.
    pub adaptive: bool,
    /// Whether thinking can be asked for as a number of tokens.
    pub budget: bool,
    /// How thinking is turned off.
    pub off: Off,
    /// Whether answers, and the inputs of strict tools, can be held to a schema.
    pub schemas: bool,
    /// Whether it can be made to call a tool.
    pub forced_tool: bool,
    /// Whether a conversation may end with the beginning of the model's own answer.
    pub prefill: bool,
    /// Whether instructions may stand behind the first turn.
    pub late_system: bool,
    /// Whether it refuses calls of history that do not carry its maker's seal.
    pub signed_calls: bool,
    /// Whether results of tools may hold images and files.
    pub result_media: bool,
}

/// Which of `temperature`, `top_p`, `top_k` and the penalties can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    Free,
    /// `temperature` or `top_p`, not both.
    Either,
    /// Only while thinking is turned off.
    Unthinking,
    /// None of them: any value but the default is refused.
    Fixed,
}

/// How thinking is turned off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Off {
    /// Not known: the format's own way, if it has one.
    Unknown,
    /// By the effort `none`.
    Effort,
    /// By this `type` of `thinking`.
    Type(&'static str),
    /// Not at all: it always thinks.
    Never,
}

impl Takes {
    /// Of a model about which nothing is known: nothing is taken away, and nothing that only some take is sent.
    pub const UNKNOWN: Takes = Takes {
        sampling: Sampling::Free,
        stops: usize::MAX,
        limit: None,
        efforts: &Effort::ALL,
        adaptive: true,
        budget: true,
        off: Off::Unknown,
        schemas: true,
        forced_tool: true,
        prefill: true,
        late_system: false,
        signed_calls: true,
        result_media: true,
    };

    /// The effort that can be asked for in place of this one: the next larger, else the largest.
    pub fn effort(&self, wanted: Effort) -> Option<Effort> {
        let mut efforts = self.efforts.iter().copied();
        efforts
            .find(|effort| *effort >= wanted)
            .or(self.efforts.last().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_larger_effort_stands_in() {
        let of = |efforts| Takes {
            efforts,
            ..Takes::UNKNOWN
        };
        let some = of(&[Effort::Low, Effort::High]);
        assert_eq!(
            [Effort::Minimal, Effort::Medium, Effort::Max].map(|effort| some.effort(effort)),
            [Effort::Low, Effort::High, Effort::High].map(Some)
        );
        assert_eq!(of(&[]).effort(Effort::Low), None);
    }
}
