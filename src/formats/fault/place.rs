//! Whether an event or a whole body is an error in place of an answer. Providers mark it in many ways; this is the one
//! place that knows them. What the error says is read elsewhere.

/// What an event or a body shows of itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signs<'a> {
    /// The event's name, empty where it has none.
    pub event: &'a str,
    /// Its members `type` and `object`.
    pub kind: &'a str,
    pub object: &'a str,
    /// It has a member `error` that says something.
    pub error: bool,
    /// It has words of its own (`message`, `detail`) where an answer has none.
    pub words: bool,
    /// It has what an answer is made of.
    pub answer: bool,
}

impl Signs<'_> {
    /// Whether it is an error.
    pub fn fault(&self) -> bool {
        self.error
            || [self.event, self.kind, self.object].contains(&"error")
            // Amazon's exceptions are events of their names.
            || self.event.ends_with("Exception")
            || (self.words && !self.answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_sign_will_do() {
        let none = Signs::default();
        assert!(!none.fault());
        for signs in [
            Signs {
                error: true,
                answer: true,
                ..none
            },
            Signs {
                kind: "error",
                ..none
            },
            Signs {
                object: "error",
                ..none
            },
            Signs {
                event: "error",
                ..none
            },
            Signs {
                event: "throttlingException",
                ..none
            },
            Signs {
                words: true,
                ..none
            },
        ] {
            assert!(signs.fault(), "{signs:?}");
        }
        let answer = Signs {
            words: true,
            answer: true,
            object: "chat.completion",
            ..none
        };
        assert!(!answer.fault());
    }
}
