//! A whole reply, and its equivalence with a stream of events.

use super::{Call, Delta, Event, Fault, Opening, Part, Stop, Thought, Usage};

/// A whole reply: the fold of its events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    pub id: String,
    pub model: String,
    /// Text, thoughts and calls, in order.
    pub parts: Vec<Part>,
    /// Why it ended; `None`: it did not say.
    pub stop: Option<Stop>,
    /// The stop sequence that was hit.
    pub sequence: Option<String>,
    pub usage: Option<Usage>,
}

impl Reply {
    /// The reply these events tell, or the fault that ended it.
    pub fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Result<Reply, Fault> {
        let mut reply = Reply::default();
        for event in events {
            reply.apply(event)?;
        }
        reply.settle();
        Ok(reply)
    }

    /// Takes one event in.
    fn apply(&mut self, event: &Event) -> Result<(), Fault> {
        match event {
            Event::Begin { id, model } => {
                self.id.clone_from(id);
                self.model.clone_from(model);
            }
            Event::Open { part, .. } => self.parts.push(match part {
                Opening::Text => Part::Text(String::new()),
                Opening::Thought => Part::Thought(Thought::Open {
                    text: String::new(),
                    seal: None,
                }),
                Opening::Redacted(data) => Part::Thought(Thought::Redacted(data.clone())),
                Opening::Call { id, name } => Part::Call(Call {
                    id: id.clone(),
                    name: name.clone(),
                    arguments: String::new(),
                }),
            }),
            Event::Delta { index, delta } => match (self.parts.get_mut(*index), delta) {
                (
                    Some(Part::Text(text) | Part::Thought(Thought::Open { text, .. })),
                    Delta::Text(more),
                ) => text.push_str(more),
                (Some(Part::Call(call)), Delta::Arguments(more)) => call.arguments.push_str(more),
                (Some(Part::Thought(Thought::Open { seal, .. })), Delta::Seal(more)) => {
                    seal.get_or_insert_default().push_str(more)
                }
                _ => {}
            },
            Event::Close { .. } => {}
            Event::Usage(usage) => self.usage = Some(*usage),
            Event::End { stop, sequence } => {
                self.stop = *stop;
                self.sequence.clone_from(sequence);
            }
            Event::Error(fault) => return Err(fault.clone()),
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
        }));
        events
    }
}

/// `None` for what a model never says (media and results of calls).
fn opening(part: &Part) -> Option<Opening> {
    match part {
        Part::Text(_) => Some(Opening::Text),
        Part::Thought(Thought::Open { .. }) => Some(Opening::Thought),
        Part::Thought(Thought::Redacted(data)) => Some(Opening::Redacted(data.clone())),
        Part::Call(call) => Some(Opening::Call {
            id: call.id.clone(),
            name: call.name.clone(),
        }),
        Part::Media(_) | Part::Result(_) | Part::CachePoint(_) => None,
    }
}

fn deltas(part: &Part) -> Vec<Delta> {
    let mut deltas = Vec::new();
    match part {
        Part::Text(text) if !text.is_empty() => deltas.push(Delta::Text(text.clone())),
        Part::Thought(Thought::Open { text, seal }) => {
            if !text.is_empty() {
                deltas.push(Delta::Text(text.clone()));
            }
            deltas.extend(seal.clone().map(Delta::Seal));
        }
        Part::Call(call) => deltas.push(Delta::Arguments(call.arguments.clone())),
        _ => {}
    }
    deltas
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn folds_interleaved_parts_by_index() {
        let call = |id: &str| Opening::Call {
            id: id.into(),
            name: "f".into(),
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
            },
        ];
        let reply = Reply::fold(&events).unwrap();
        let expected = |id: &str, arguments: &str| {
            Part::Call(Call {
                id: id.into(),
                name: "f".into(),
                arguments: arguments.into(),
            })
        };
        assert_eq!(
            reply.parts,
            [expected("a", "{\"x\":1}"), expected("b", "{}")]
        );
        assert_eq!(Reply::fold(&reply.events()).unwrap(), reply);
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
            Reply::fold(&[Event::Error(fault.clone())]).unwrap_err(),
            fault
        );
    }
}
