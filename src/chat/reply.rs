//! A whole reply, and its equivalence with a stream of events.

use super::{Call, Delta, Event, Fault, Opening, Part, Seal, Stop, Text, Thought, Usage};

/// A whole reply: the fold of its events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    pub id: String,
    pub model: String,
    /// Text, thoughts, calls and media, in order.
    pub parts: Vec<Part>,
    /// Why it ended; `None`: it did not say.
    pub stop: Option<Stop>,
    /// The stop sequence that was hit.
    pub sequence: Option<String>,
    /// Why it ended, in the provider's own word.
    pub raw: Option<String>,
    pub usage: Option<Usage>,
}

impl Reply {
    /// The reply these events tell, or the fault that ended it.
    pub fn fold(events: impl IntoIterator<Item = Event>) -> Result<Reply, Fault> {
        let mut reply = Reply::default();
        for event in events {
            reply.apply(event)?;
        }
        reply.settle();
        Ok(reply)
    }

    /// Takes one event in.
    fn apply(&mut self, event: Event) -> Result<(), Fault> {
        match event {
            Event::Begin { id, model } => (self.id, self.model) = (id, model),
            Event::Open { part, .. } => self.parts.push(match part {
                Opening::Text => Part::Text(Text::default()),
                Opening::Refusal => Part::Refusal(String::new()),
                Opening::Thought { id, summary } => Part::Thought(Thought {
                    id,
                    summary,
                    ..Thought::default()
                }),
                Opening::Call(call) => Part::Call(call),
                Opening::Media(media) => Part::Media(media),
                Opening::Native(native) => Part::Native(native),
            }),
            Event::Delta { index, delta } => {
                if let Some(part) = self.parts.get_mut(index) {
                    add(part, delta);
                }
            }
            Event::Close { .. } => {}
            Event::Usage(usage) => self.usage = Some(usage),
            Event::End {
                stop,
                sequence,
                raw,
            } => (self.stop, self.sequence, self.raw) = (stop, sequence, raw),
            Event::Error(fault) => return Err(fault),
        }
        Ok(())
    }

    /// A call without arguments has empty ones, however the provider spelled that.
    fn settle(&mut self) {
        for part in &mut self.parts {
            if let Part::Call(call) = part
                && call.is_bare()
            {
                call.arguments = "{}".to_owned();
            }
        }
    }

    /// Bytes of what is said in it: about as much room as it takes when it is written.
    pub fn text_bytes(&self) -> usize {
        let said = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.room(),
            Part::Refusal(text) => text.len(),
            Part::Thought(thought) => thought.text.len(),
            Part::Call(call) => call.arguments.len(),
            Part::Media(_) | Part::Result(_) | Part::CachePoint(_) | Part::Native(_) => 0,
        });
        said.sum()
    }

    /// The events that tell this reply.
    pub fn events(&self) -> Vec<Event> {
        let mut events = vec![Event::Begin {
            id: self.id.clone(),
            model: self.model.clone(),
        }];
        let parts = self
            .parts
            .iter()
            .filter_map(|part| Some((opening(part)?, part)));
        for (index, (part, from)) in parts.enumerate() {
            events.push(Event::Open { index, part });
            events.extend(
                deltas(from)
                    .into_iter()
                    .map(|delta| Event::Delta { index, delta }),
            );
            events.push(Event::Close { index });
        }
        events.extend(self.usage.map(Event::Usage));
        events.extend(self.stop.map(|stop| Event::End {
            stop: Some(stop),
            sequence: self.sequence.clone(),
            raw: self.raw.clone(),
        }));
        events
    }
}

/// What a delta adds to its part; to a part of another kind it adds nothing.
fn add(part: &mut Part, delta: Delta) {
    match (part, delta) {
        (Part::Text(Text { text, .. }), Delta::Text(more)) => text.push(more),
        (Part::Thought(Thought { text, .. }), Delta::Text(more))
        | (Part::Refusal(text), Delta::Text(more)) => append(text, more),
        (Part::Call(call), Delta::Arguments(more)) => append(&mut call.arguments, more),
        (Part::Text(Text { seal, .. }), Delta::Seal(more))
        | (Part::Thought(Thought { seal, .. }), Delta::Seal(more))
        | (Part::Call(Call { seal, .. }), Delta::Seal(more)) => attach(seal, more),
        (Part::Text(text), Delta::Citation(citation)) => text.citations.push(citation),
        (Part::Text(text), Delta::Logprobs(more)) => text.logprobs.extend(more),
        _ => {}
    }
}

/// Whole replies have one piece: it is taken as it is.
fn append(text: &mut String, more: String) {
    match text.is_empty() {
        true => *text = more,
        false => text.push_str(&more),
    }
}

/// A seal, or the next piece of one.
fn attach(seal: &mut Option<Seal>, more: Seal) {
    match seal {
        Some(seal) if (seal.issuer, seal.kind) == (more.issuer, more.kind) => {
            append(&mut seal.data, more.data);
        }
        _ => *seal = Some(more),
    }
}

/// `None` for what a model never says (results of calls, marks of prompts).
fn opening(part: &Part) -> Option<Opening> {
    match part {
        Part::Text(_) => Some(Opening::Text),
        Part::Refusal(_) => Some(Opening::Refusal),
        Part::Thought(thought) => Some(Opening::Thought {
            id: thought.id.clone(),
            summary: thought.summary,
        }),
        Part::Call(call) => Some(Opening::Call(Call {
            arguments: String::new(),
            ..call.clone()
        })),
        Part::Media(media) => Some(Opening::Media(media.clone())),
        Part::Native(native) => Some(Opening::Native(native.clone())),
        Part::Result(_) | Part::CachePoint(_) => None,
    }
}

fn deltas(part: &Part) -> Vec<Delta> {
    let said = |text: &str| (!text.is_empty()).then(|| Delta::Text(text.to_owned()));
    let sealed = |seal: &Option<Seal>| seal.clone().map(Delta::Seal);
    match part {
        Part::Text(text) => {
            let logprobs = Some(text.logprobs.clone()).filter(|all| !all.is_empty());
            said(text)
                .into_iter()
                .chain(logprobs.map(Delta::Logprobs))
                .chain(text.citations.iter().cloned().map(Delta::Citation))
                .chain(sealed(&text.seal))
                .collect()
        }
        Part::Refusal(text) => said(text).into_iter().collect(),
        Part::Thought(thought) => said(&thought.text)
            .into_iter()
            .chain(sealed(&thought.seal))
            .collect(),
        Part::Call(call) => vec![Delta::Arguments(call.arguments.clone())],
        Part::Media(_) | Part::Native(_) | Part::Result(_) | Part::CachePoint(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn folds_interleaved_parts_by_index() {
        let call = |id: &str| {
            Opening::Call(Call {
                id: id.into(),
                name: "f".into(),
                ..Call::default()
            })
        };
        let more = |index, text: &str| Event::Delta {
            index,
            delta: Delta::Arguments(text.into()),
        };
        let events = [
            Event::Open {
                index: 0,
                part: call("a"),
            },
            more(0, "{\"x\":"),
            Event::Open {
                index: 1,
                part: call("b"),
            },
            more(0, "1}"),
            Event::End {
                stop: Some(Stop::Tool),
                sequence: None,
                raw: None,
            },
        ];
        let reply = Reply::fold(events.iter().cloned()).unwrap();
        let expected = |id: &str, arguments: &str| {
            Part::Call(Call {
                id: id.into(),
                name: "f".into(),
                arguments: arguments.into(),
                ..Call::default()
            })
        };
        assert_eq!(
            reply.parts,
            [expected("a", "{\"x\":1}"), expected("b", "{}")]
        );
        assert_eq!(Reply::fold(reply.events()).unwrap(), reply);
    }

    #[test]
    fn an_error_event_is_the_outcome() {
        let fault = Fault {
            status: 529,
            kind: "overloaded_error".into(),
            message: "busy".into(),
            code: None,
            param: None,
        };
        assert_eq!(
            Reply::fold([Event::Error(fault.clone())]).unwrap_err(),
            fault
        );
    }
}
