//! Writes one caller's stream, and the whole reply that a stream ends with: every event with its place in one gapless
//! count, every item with one id from its beginning to its end.

use super::output::{self, Frame, Stage};
use crate::chat::{Delta, Event, Fault, Opening, Reply, Seal, Usage};
use crate::formats::seal::Apart;
use crate::formats::written::write_json;
use crate::formats::{EventWriter, ReplyContext};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The writer of one reply.
#[derive(Debug)]
pub struct Writer {
    frame: Frame,
    /// `response.created` is out.
    started: bool,
    sequence: u64,
    usage: Option<Usage>,
    /// The output so far, each item as it is when done.
    items: Vec<Value>,
    /// The message that texts are added to.
    message: Option<usize>,
    /// What is open, by the number of the part.
    open: BTreeMap<usize, Open>,
    done: bool,
}

/// An open part.
#[derive(Debug)]
struct Open {
    /// Its item's place.
    at: usize,
    kind: Kind,
    /// All it has said.
    text: String,
    annotations: Vec<Value>,
    logprobs: Vec<Value>,
    seal: Option<Seal>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A part of a message: its number there, and whether it is a refusal.
    Said {
        index: usize,
        refusal: bool,
    },
    Thought,
    /// A call, and the field of its arguments; `None`: they are told when the item is done.
    Call {
        field: Option<&'static str>,
        free: bool,
        /// Whether any are out.
        begun: bool,
    },
}

/// More of what an item says.
#[derive(Serialize)]
struct More<'a> {
    item_id: &'a str,
    output_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary_index: Option<usize>,
    delta: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<[u8; 0]>,
}

impl<'a> More<'a> {
    fn of(items: &'a [Value], at: usize, delta: &'a str) -> More<'a> {
        let id = items.get(at).and_then(|item| item["id"].as_str());
        More {
            item_id: id.unwrap_or_default(),
            output_index: at,
            content_index: None,
            summary_index: None,
            delta,
            logprobs: None,
        }
    }
}

/// Writes an event with its place in the count.
fn tell(sequence: &mut u64, kind: &str, members: impl Serialize, out: &mut Vec<u8>) {
    for piece in [
        "event: response.",
        kind,
        "\ndata: {\"type\":\"response.",
        kind,
    ] {
        out.extend_from_slice(piece.as_bytes());
    }
    out.extend_from_slice(b"\",\"sequence_number\":");
    write_json(&*sequence, out);
    *sequence += 1;
    // The members stand in the same object, behind these.
    let brace = out.len();
    write_json(&members, out);
    if let Some(brace) = out.get_mut(brace) {
        *brace = b',';
    }
    out.extend_from_slice(b"\n\n");
}

impl Writer {
    pub fn new(context: &ReplyContext) -> Writer {
        Writer {
            frame: Frame::new(context),
            started: false,
            sequence: 0,
            usage: None,
            items: Vec::new(),
            message: None,
            open: BTreeMap::new(),
            done: false,
        }
    }

    /// One event; its members behind `type` as JSON text that begins with a comma.
    fn event(&mut self, kind: &str, members: &str, out: &mut Vec<u8>) {
        let sequence = self.sequence;
        self.sequence += 1;
        out.extend_from_slice(
            format!("event: {kind}\ndata: {{\"type\":\"{kind}\",\"sequence_number\":{sequence}{members}}}\n\n").as_bytes(),
        );
    }

    /// An event about the whole response.
    fn stage(&mut self, kind: &str, stage: &Stage, out: &mut Vec<u8>) {
        let usage = self.usage.filter(|_| !matches!(stage, Stage::Working));
        let response = self.frame.response(stage, &self.items, usage.as_ref());
        self.event(kind, &format!(",\"response\":{response}"), out);
    }

    /// An event about an item or a part of it.
    fn about(&mut self, kind: &str, members: impl Serialize, out: &mut Vec<u8>) {
        tell(&mut self.sequence, kind, members, out);
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.started, true) {
            self.stage("response.created", &Stage::Working, out);
            self.stage("response.in_progress", &Stage::Working, out);
        }
    }

    /// An item begins. Gives its place.
    fn add(&mut self, item: Value, out: &mut Vec<u8>) -> usize {
        let at = self.items.len();
        self.about(
            "output_item.added",
            json!({"output_index": at, "item": item}),
            out,
        );
        self.items.push(item);
        at
    }

    /// An item is complete.
    fn finish(&mut self, at: usize, out: &mut Vec<u8>) {
        let Some(item) = self.items.get(at).cloned() else {
            return;
        };
        self.about(
            "output_item.done",
            json!({"output_index": at, "item": item}),
            out,
        );
    }

    fn id(&self, at: usize) -> Value {
        self.items
            .get(at)
            .map_or(Value::Null, |item| item["id"].clone())
    }

    /// The message that texts are added to is complete: nothing else may stand in its place. One that still speaks is
    /// complete when it has spoken.
    fn end_message(&mut self, status: &str, out: &mut Vec<u8>) {
        if let Some(at) = self.message.take() {
            self.finish_message(at, status, out);
        }
    }

    fn finish_message(&mut self, at: usize, status: &str, out: &mut Vec<u8>) {
        if self.open.values().any(|open| open.at == at) {
            return;
        }
        if let Some(item) = self.items.get_mut(at) {
            item["status"] = json!(status);
        }
        self.finish(at, out);
    }

    fn open(&mut self, part: usize, opening: &Opening, out: &mut Vec<u8>) {
        self.start(out);
        let refusal = matches!(opening, Opening::Refusal);
        if !refusal && !matches!(opening, Opening::Text) {
            self.end_message("completed", out);
        }
        let number = self.items.len();
        let (at, kind) = match opening {
            Opening::Text | Opening::Refusal => {
                let at = match self.message {
                    Some(at) => at,
                    None => {
                        let id = self.frame.item_id("msg", number);
                        let item = json!({"id": id, "type": "message", "status": "in_progress", "role": "assistant", "content": []});
                        self.add(item, out)
                    }
                };
                self.message = Some(at);
                let index = self
                    .items
                    .get(at)
                    .and_then(|item| item["content"].as_array())
                    .map_or(0, Vec::len);
                let empty = said("", refusal, &[], &[]);
                self.about("content_part.added", json!({"item_id": self.id(at), "output_index": at, "content_index": index, "part": empty}), out);
                if let Some(content) = self.content(at, "content") {
                    content.push(empty);
                }
                (at, Kind::Said { index, refusal })
            }
            Opening::Thought { id, .. } => {
                let id = id
                    .clone()
                    .unwrap_or_else(|| self.frame.item_id("rs", number));
                let item = json!({"id": id, "type": "reasoning", "summary": []});
                (self.add(item, out), Kind::Thought)
            }
            Opening::Call(call) => {
                let (item, field) = self.frame.call(call, number);
                let at = self.add(item, out);
                let free = call.free;
                (
                    at,
                    Kind::Call {
                        field,
                        free,
                        begun: false,
                    },
                )
            }
            Opening::Media(media) => {
                if let Some(item) = self.frame.media(media, number) {
                    let at = self.add(item, out);
                    self.finish(at, out);
                }
                return;
            }
            Opening::Native(native) => {
                if let Some(item) = output::native(native) {
                    let at = self.add(item, out);
                    self.finish(at, out);
                }
                return;
            }
        };
        self.open.insert(
            part,
            Open {
                at,
                kind,
                text: String::new(),
                annotations: Vec::new(),
                logprobs: Vec::new(),
                seal: None,
            },
        );
        // What an upstream gave with the call itself.
        if let Opening::Call(call) = opening
            && !call.arguments.is_empty()
        {
            self.more(part, &Delta::Arguments(call.arguments.clone()), out);
        }
    }

    /// A list that an item has.
    fn content(&mut self, at: usize, key: &str) -> Option<&mut Vec<Value>> {
        self.items.get_mut(at)?.get_mut(key)?.as_array_mut()
    }

    fn more(&mut self, part: usize, delta: &Delta, out: &mut Vec<u8>) {
        let Some(open) = self.open.get_mut(&part) else {
            return;
        };
        let at = open.at;
        match (&mut open.kind, delta) {
            (_, Delta::Text(text) | Delta::Arguments(text)) if text.is_empty() => {}
            (Kind::Said { index, refusal }, Delta::Text(text)) => {
                open.text.push_str(text);
                let more = More {
                    content_index: Some(*index),
                    logprobs: (!*refusal).then_some([]),
                    ..More::of(&self.items, at, text)
                };
                let kind = match *refusal {
                    true => "refusal.delta",
                    false => "output_text.delta",
                };
                tell(&mut self.sequence, kind, more, out);
            }
            (Kind::Thought, Delta::Text(text)) => {
                let first = open.text.is_empty();
                open.text.push_str(text);
                if first {
                    self.summary_part("added", at, "", out);
                }
                let more = More {
                    summary_index: Some(0),
                    ..More::of(&self.items, at, text)
                };
                tell(
                    &mut self.sequence,
                    "reasoning_summary_text.delta",
                    more,
                    out,
                );
            }
            (Kind::Thought, Delta::Seal(more)) => match &mut open.seal {
                Some(seal) if (seal.issuer, seal.kind) == (more.issuer, more.kind) => {
                    seal.data.push_str(&more.data);
                }
                seal => *seal = Some(more.clone()),
            },
            (Kind::Call { field, free, begun }, Delta::Arguments(text)) => {
                open.text.push_str(text);
                // They may turn out to be `null`, which are none.
                let bare =
                    |text: &str| "null".starts_with(text.trim_start()) || text.trim() == "null";
                let Some(field) = *field else {
                    return;
                };
                if !*free && bare(&open.text) {
                    return;
                }
                let delta = match std::mem::replace(begun, true) {
                    true => text.clone(),
                    false => open.text.clone(),
                };
                self.arguments(at, field, &delta, out);
            }
            (
                Kind::Said {
                    index,
                    refusal: false,
                },
                Delta::Citation(citation),
            ) => {
                let index = *index;
                let Some(given) = output::annotation(citation, open.text.chars().count()) else {
                    return;
                };
                let number = open.annotations.len();
                open.annotations.push(given.clone());
                let members = json!({"item_id": self.id(at), "output_index": at, "content_index": index, "annotation_index": number, "annotation": given});
                self.about("output_text.annotation.added", members, out);
            }
            (Kind::Said { refusal: false, .. }, Delta::Logprobs(more)) => {
                open.logprobs.extend(more.iter().map(output::logprob));
            }
            _ => {}
        }
    }

    fn arguments(&mut self, at: usize, field: &str, delta: &str, out: &mut Vec<u8>) {
        let more = More::of(&self.items, at, delta);
        let kind = format!("{}.delta", kind_of(field));
        tell(&mut self.sequence, &kind, more, out);
    }

    /// An event about the one summary of a thought.
    fn summary_part(&mut self, what: &str, at: usize, text: &str, out: &mut Vec<u8>) {
        let part = json!({"type": "summary_text", "text": text});
        let members =
            json!({"item_id": self.id(at), "output_index": at, "summary_index": 0, "part": part});
        self.about(&format!("reasoning_summary_part.{what}"), members, out);
    }

    /// A part is complete; and its item with it, unless that is a message, to which more may come.
    fn close(&mut self, part: usize, status: &str, out: &mut Vec<u8>) {
        let Some(open) = self.open.remove(&part) else {
            return;
        };
        let (at, id) = (open.at, self.id(open.at));
        match open.kind {
            Kind::Said { index, refusal } => {
                let place = json!({"item_id": id, "output_index": at, "content_index": index});
                let with = |key: &str, value: Value| {
                    let mut members = place.clone();
                    members[key] = value;
                    members
                };
                if refusal {
                    self.about("refusal.done", with("refusal", json!(open.text)), out);
                } else {
                    let mut members = with("text", json!(open.text));
                    members["logprobs"] = json!(open.logprobs);
                    self.about("output_text.done", members, out);
                }
                let whole = said(&open.text, refusal, &open.annotations, &open.logprobs);
                self.about("content_part.done", with("part", whole.clone()), out);
                if let Some(shown) = self
                    .content(at, "content")
                    .and_then(|content| content.get_mut(index))
                {
                    *shown = whole;
                }
                // Something else has begun since.
                if self.message != Some(at) {
                    self.finish_message(at, status, out);
                }
                return;
            }
            Kind::Thought => {
                if !open.text.is_empty() {
                    let members = json!({"item_id": id, "output_index": at, "summary_index": 0, "text": open.text});
                    self.about("reasoning_summary_text.done", members, out);
                    self.summary_part("done", at, &open.text, out);
                    if let Some(summary) = self.content(at, "summary") {
                        summary.push(json!({"type": "summary_text", "text": open.text}));
                    }
                }
                if let (Some(seal), Some(item)) = (&open.seal, self.items.get_mut(at)) {
                    item["encrypted_content"] = output::sealed(seal);
                }
            }
            Kind::Call { field, free, begun } => {
                let bare = !free && matches!(open.text.trim(), "" | "null");
                let text = if bare { "{}".to_owned() } else { open.text };
                if let Some(field) = field {
                    if !begun && !text.is_empty() {
                        self.arguments(at, field, &text, out);
                    }
                    let members = json!({"item_id": id, "output_index": at, field: text});
                    self.about(&format!("{}.done", kind_of(field)), members, out);
                }
                if let Some(item) = self.items.get_mut(at) {
                    match field {
                        Some(field) => item[field] = json!(text),
                        None => {
                            item["arguments"] = serde_json::from_str(&text).unwrap_or(json!(text))
                        }
                    }
                    if item.get("status").is_some() {
                        item["status"] = json!(status);
                    }
                }
            }
        }
        self.finish(at, out);
    }

    /// All that is open is complete, as far as it came.
    fn close_all(&mut self, status: &str, out: &mut Vec<u8>) {
        let open: Vec<usize> = self.open.keys().copied().collect();
        for part in open {
            self.close(part, status, out);
        }
        self.end_message(status, out);
    }

    fn end(&mut self, stage: &Stage, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        self.start(out);
        self.close_all(stage.of_item(), out);
        let kind = match stage {
            Stage::Completed | Stage::Working => "response.completed",
            Stage::Incomplete(_) => "response.incomplete",
            Stage::Failed { .. } => "response.failed",
        };
        self.stage(kind, stage, out);
    }

    /// The provider failed: as the specification has it and as OpenAI sends it, and then the end of the response.
    fn fail(&mut self, fault: &Fault, out: &mut Vec<u8>) {
        if self.done {
            return;
        }
        self.start(out);
        let error = error(fault).to_string();
        let inner = error
            .get(1..error.len().saturating_sub(1))
            .unwrap_or_default();
        self.event("error", &format!(",{inner}"), out);
        self.end(&Stage::failed(fault), out);
    }
}

impl EventWriter for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Begin { id, model } => {
                self.frame.begin(id, model);
                self.start(out);
            }
            Event::Open { index, part } => self.open(*index, part, out),
            Event::Delta { index, delta } => self.more(*index, delta, out),
            Event::Close { index } => self.close(*index, "completed", out),
            Event::Usage(used) => self.usage = Some(*used),
            Event::End { stop, raw, .. } => self.end(&Stage::ended(*stop, raw.as_deref()), out),
            Event::Error(fault) => self.fail(fault, out),
        }
    }
}

/// The whole reply: what its stream would end with.
pub fn whole(reply: &Reply, context: &ReplyContext) -> String {
    let (mut writer, mut out) = (Apart::new(Writer::new(context)), Vec::new());
    for event in reply.events() {
        if !matches!(event, Event::End { .. }) {
            writer.write(&event, &mut out);
        }
    }
    let mut writer = writer.into_inner();
    let stage = Stage::ended(reply.stop, reply.raw.as_deref());
    writer.close_all(stage.of_item(), &mut out);
    writer
        .frame
        .response(&stage, &writer.items, writer.usage.as_ref())
}

/// The members of an `error` event: flat, and the same once more in `error`.
fn error(fault: &Fault) -> Value {
    let code = output::code(fault);
    let nested =
        json!({"type": code, "code": code, "message": fault.message, "param": fault.param});
    json!({"code": code, "message": fault.message, "param": fault.param, "error": nested})
}

/// An error in a stream of which gw has forwarded events that it did not count.
pub fn write_fault_event(fault: &Fault) -> Vec<u8> {
    let mut event = json!({"type": "error"});
    if let (Some(event), Value::Object(members)) = (event.as_object_mut(), error(fault)) {
        event.extend(members);
    }
    format!("event: error\ndata: {event}\n\n").into_bytes()
}

fn said(text: &str, refusal: bool, annotations: &[Value], logprobs: &[Value]) -> Value {
    match refusal {
        true => json!({"type": "refusal", "refusal": text}),
        false => output::text(text, annotations, logprobs),
    }
}

/// What events about this field of a call are called.
fn kind_of(field: &str) -> &'static str {
    match field {
        "input" => "custom_tool_call_input",
        _ => "function_call_arguments",
    }
}
