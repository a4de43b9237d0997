//! Reads an upstream's stream, and its whole responses as items that come in one piece. Servers leave out much of what
//! the specification has (places, ids, deltas); what has a sensible meaning is taken, and said once.

use super::items::HOME;
use super::observe::observe;
use crate::chat::{Call, Citation, Delta, Event, Logprob, Native, Opening, SealKind, Stop};
use crate::formats::alike::Again;
use crate::formats::document::Raw;
use crate::formats::fields::{Fields, string, text_across};
use crate::formats::steps::Steps;
use crate::formats::{Mark, Seen, seal};

/// The reader of one reply.
#[derive(Debug, Default)]
pub struct Reader {
    again: Again,
    begun: bool,
    items: Vec<Item>,
    /// Number of parts so far.
    parts: usize,
    called: bool,
    stop: Option<(Stop, String)>,
    done: bool,
    /// Half a character.
    carry: Option<u16>,
}

/// An item of the output seen before.
#[derive(Debug, Default)]
struct Item {
    /// Its place as the upstream counts.
    place: Option<u64>,
    id: Option<String>,
    kind: String,
    /// What it has said so far.
    pieces: Vec<Piece>,
    done: bool,
}

/// A part that an item has begun.
#[derive(Debug)]
struct Piece {
    shape: Shape,
    /// Its number among those of its shape, as the upstream counts.
    index: u64,
    part: usize,
    /// Whether it has said anything, and named a source.
    said: bool,
    cited: bool,
    weighed: bool,
    closed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Text,
    Refusal,
    Summary,
    Thought,
    Call,
    /// What only this format knows.
    Native,
}

impl Shape {
    /// Of a part of a message or a thought.
    fn of(kind: &str) -> Option<Shape> {
        match kind {
            "output_text" | "text" => Some(Shape::Text),
            "refusal" => Some(Shape::Refusal),
            "summary_text" => Some(Shape::Summary),
            "reasoning_text" => Some(Shape::Thought),
            _ => None,
        }
    }
}

impl Steps for Reader {
    const OBSERVE: fn(&str, &[u8], &mut Seen) -> Mark = observe;

    fn again(&mut self) -> &mut Again {
        &mut self.again
    }
    fn over(&mut self) -> &mut bool {
        &mut self.done
    }
    fn step(&mut self, name: &str, fields: &mut Fields, out: &mut Vec<Event>) {
        self.event(name, fields, out);
    }
    fn last(&mut self, out: &mut Vec<Event>) {
        self.finish(out);
    }
}

impl Reader {
    /// What an event says word for word.
    fn event(&mut self, name: &str, fields: &mut Fields, out: &mut Vec<Event>) {
        let kind = fields.lenient("type", Fields::text);
        let kind = kind.as_deref().unwrap_or(name);
        let Some(kind) = kind.strip_prefix("response.") else {
            // A whole response in a stream.
            if fields.peek("output").is_some() {
                self.response(fields, out);
            }
            return;
        };
        match kind {
            "created" | "in_progress" | "queued" => {
                if let Some(mut response) = fields.lenient("response", Fields::object) {
                    self.begin(&mut response, out);
                }
            }
            "output_item.added" => {
                let place = fields.lenient("output_index", Fields::count);
                if let Some(mut item) = fields.lenient("item", Fields::object) {
                    self.add(place, &mut item, out);
                }
            }
            "output_item.done" => {
                let place = fields.lenient("output_index", Fields::count);
                if let Some(mut item) = fields.lenient("item", Fields::object) {
                    self.whole(place, &mut item, out);
                }
            }
            "output_text.delta" => self.more("message", Shape::Text, fields, out),
            "refusal.delta" => self.more("message", Shape::Refusal, fields, out),
            "reasoning_summary_text.delta" => self.more("reasoning", Shape::Summary, fields, out),
            "reasoning_text.delta" => self.more("reasoning", Shape::Thought, fields, out),
            "function_call_arguments.delta" => {
                self.more("function_call", Shape::Call, fields, out);
            }
            "custom_tool_call_input.delta" => {
                self.more("custom_tool_call", Shape::Call, fields, out);
            }
            "output_text.annotation.added" => self.annotate(fields, out),
            "completed" | "incomplete" | "cancelled" | "done" => {
                if let Some(mut response) = fields.lenient("response", Fields::object) {
                    self.response(&mut response, out);
                }
            }
            // What an item is made of is said again when it is done.
            _ => {}
        }
    }

    /// The head of a response.
    fn begin(&mut self, response: &mut Fields, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        let mut text = |key: &str| response.lenient(key, Fields::text).unwrap_or_default();
        let (id, model) = (text("id"), text("model"));
        out.push(Event::Begin { id, model });
    }

    /// A whole response: what has not been said yet, and how it ended.
    pub fn response(&mut self, response: &mut Fields, out: &mut Vec<Event>) {
        self.begin(response, out);
        let items = response.lenient("output", Fields::list).unwrap_or_default();
        for (place, raw) in items.into_iter().enumerate() {
            if let Ok(mut item) = Fields::of(raw, "output") {
                self.whole(Some(place as u64), &mut item, out);
            }
        }
        let status = response
            .lenient("status", Fields::text)
            .unwrap_or_else(|| "completed".to_owned());
        let reason = response
            .lenient("incomplete_details", Fields::object)
            .and_then(|mut details| details.lenient("reason", Fields::text));
        let stop = match (status.as_str(), reason.as_deref()) {
            ("incomplete", Some("content_filter")) => Stop::Filter,
            // There are two reasons, and both cut an answer off.
            ("incomplete", _) => Stop::Length,
            ("cancelled" | "failed", _) => Stop::Fault,
            _ if self.called => Stop::Tool,
            _ => Stop::End,
        };
        self.stop = Some((stop, reason.unwrap_or(status)));
    }

    /// The item that an event is about: by its place, else by its id, else the last one.
    fn find(&self, place: Option<u64>, id: Option<&str>) -> Option<usize> {
        match (place, id) {
            (Some(place), _) => {
                // Those without a place of their own stand where they came.
                let at = |(at, item): (usize, &Item)| item.place.unwrap_or(at as u64) == place;
                self.items.iter().enumerate().position(at)
            }
            (None, Some(id)) => self
                .items
                .iter()
                .position(|item| item.id.as_deref() == Some(id)),
            (None, None) => self.items.len().checked_sub(1),
        }
    }

    /// An item begins. Gives its number.
    fn add(&mut self, place: Option<u64>, item: &mut Fields, out: &mut Vec<Event>) -> usize {
        let kind = item.lenient("type", Fields::text).unwrap_or_default();
        let id = item.lenient("id", Fields::text).filter(|id| !id.is_empty());
        self.items.push(Item {
            place,
            id: id.clone(),
            kind: kind.clone(),
            ..Item::default()
        });
        let at = self.items.len() - 1;
        let free = kind == "custom_tool_call";
        if free || kind == "function_call" {
            self.called = true;
            let mut text = |key: &str| {
                item.lenient(key, Fields::text)
                    .filter(|text| !text.is_empty())
            };
            let call = Call {
                id: text("call_id").or(id.clone()).unwrap_or_default(),
                item: id,
                name: text("name").unwrap_or_default(),
                arguments: String::new(),
                free,
                namespace: text("namespace"),
                seal: None,
            };
            self.open(at, Shape::Call, 0, Opening::Call(call), out);
        }
        at
    }

    /// A part of an item begins; the one before it is complete.
    fn open(&mut self, at: usize, shape: Shape, index: u64, part: Opening, out: &mut Vec<Event>) {
        let Some(item) = self.items.get_mut(at) else {
            return;
        };
        let number = self.parts;
        self.parts += 1;
        for piece in item.pieces.iter_mut().filter(|piece| !piece.closed) {
            piece.closed = true;
            out.push(Event::Close { index: piece.part });
        }
        item.pieces.push(Piece {
            shape,
            index,
            part: number,
            said: false,
            cited: false,
            weighed: false,
            closed: false,
        });
        out.push(Event::Open {
            index: number,
            part,
        });
    }

    /// A delta: of an item that has begun, or of one that nobody announced.
    fn more(&mut self, kind: &str, shape: Shape, fields: &mut Fields, out: &mut Vec<Event>) {
        let carry = &mut self.carry;
        let text = fields
            .take("delta")
            .and_then(|raw| text_across(raw, carry))
            .unwrap_or_default();
        let index = match shape {
            Shape::Summary => fields.lenient("summary_index", Fields::count),
            _ => fields.lenient("content_index", Fields::count),
        };
        let place = fields.lenient("output_index", Fields::count);
        let id = fields.lenient("item_id", Fields::text);
        let at = self.find(place, id.as_deref()).unwrap_or_else(|| {
            self.items.push(Item {
                place,
                id,
                kind: kind.to_owned(),
                ..Item::default()
            });
            self.items.len() - 1
        });
        self.say(at, shape, index.unwrap_or(0), text, out);
        let likely = logprobs(fields);
        if !likely.is_empty()
            && let Some(piece) = self.piece(at, shape, index.unwrap_or(0))
        {
            piece.weighed = true;
            out.push(Event::Delta {
                index: piece.part,
                delta: Delta::Logprobs(likely),
            });
        }
    }

    fn piece(&mut self, at: usize, shape: Shape, index: u64) -> Option<&mut Piece> {
        let item = self.items.get_mut(at)?;
        // All summaries of a thought are one part.
        let one = shape == Shape::Summary || shape == Shape::Call;
        item.pieces
            .iter_mut()
            .find(|piece| piece.shape == shape && (one || piece.index == index))
    }

    /// More of a part, which begins with the first of it.
    fn say(&mut self, at: usize, shape: Shape, index: u64, text: String, out: &mut Vec<Event>) {
        if text.is_empty() {
            return;
        }
        if self.piece(at, shape, index).is_none() {
            let id = self.items.get(at).and_then(|item| item.id.clone());
            let opening = match shape {
                Shape::Text => Opening::Text,
                Shape::Refusal => Opening::Refusal,
                Shape::Summary => Opening::Thought { id, summary: true },
                Shape::Thought => Opening::Thought { id, summary: false },
                // Its name is not known, so that nobody could run it.
                Shape::Call | Shape::Native => return,
            };
            self.open(at, shape, index, opening, out);
        }
        let Some(piece) = self.piece(at, shape, index) else {
            return;
        };
        let next = std::mem::replace(&mut piece.index, index) != index;
        let delta = match shape {
            Shape::Call => Delta::Arguments(text),
            // Its next paragraph.
            Shape::Summary if next && piece.said => Delta::Text(format!("\n\n{text}")),
            _ => Delta::Text(text),
        };
        piece.said = true;
        out.push(Event::Delta {
            index: piece.part,
            delta,
        });
    }

    /// A text that comes whole, unless it has been said in pieces.
    fn say_whole(
        &mut self,
        at: usize,
        shape: Shape,
        index: u64,
        text: String,
        out: &mut Vec<Event>,
    ) {
        let said = self.piece(at, shape, index).is_some_and(|piece| {
            // Of several summaries the last one that was said tells of all before it.
            piece.said && (shape != Shape::Summary || piece.index >= index)
        });
        if !said {
            self.say(at, shape, index, text, out);
        }
    }

    /// An item is complete, perhaps with all it has to say.
    fn whole(&mut self, place: Option<u64>, item: &mut Fields, out: &mut Vec<Event>) {
        let peeked = |key| item.peek(key).and_then(|raw| string(raw, key).ok());
        let (id, kind) = (peeked("id"), peeked("type").unwrap_or_default());
        let native = match kind.as_str() {
            "message" | "reasoning" | "function_call" | "custom_tool_call" => None,
            _ => Some(item.json()),
        };
        let known = self
            .find(place, id.as_deref())
            .filter(|at| self.items.get(*at).is_some_and(|known| known.kind == kind));
        let at = match known {
            Some(at) => at,
            None => self.add(place, item, out),
        };
        if self.items.get(at).is_none_or(|known| known.done) {
            return;
        }
        match kind.as_str() {
            "message" => self.contents("content", at, item, out),
            "reasoning" => {
                self.contents("summary", at, item, out);
                self.contents("content", at, item, out);
                self.seal(at, item, out);
            }
            "function_call" | "custom_tool_call" => {
                let key = if kind == "function_call" {
                    "arguments"
                } else {
                    "input"
                };
                // Some give the object itself.
                let text = item
                    .take(key)
                    .map(|raw| raw.text().unwrap_or_else(|| raw.get().to_owned()));
                self.say_whole(at, Shape::Call, 0, text.unwrap_or_default(), out);
            }
            _ => {}
        }
        if let Some(json) = native {
            let format = super::NAME;
            let native = Opening::Native(Native { format, json });
            self.open(at, Shape::Native, 0, native, out);
        }
        self.close(at, out);
    }

    /// The parts of an item, as it has them when it is done.
    fn contents(&mut self, key: &str, at: usize, item: &mut Fields, out: &mut Vec<Event>) {
        let parts = item.lenient(key, Fields::objects).unwrap_or_default();
        for (index, mut part) in parts.into_iter().enumerate() {
            let kind = part.lenient("type", Fields::text).unwrap_or_default();
            let Some(shape) = Shape::of(&kind) else {
                continue;
            };
            let key = if shape == Shape::Refusal {
                "refusal"
            } else {
                "text"
            };
            let text = part.lenient(key, Fields::text).unwrap_or_default();
            self.say_whole(at, shape, index as u64, text, out);
            if let Some(piece) = self.piece(at, shape, index as u64)
                && shape == Shape::Text
                && !piece.closed
            {
                beside(piece, &mut part, out);
            }
        }
    }

    /// What nobody else can read of a thought; it may be all there is of it.
    fn seal(&mut self, at: usize, item: &mut Fields, out: &mut Vec<Event>) {
        let Some(data) = item
            .lenient("encrypted_content", Fields::text)
            .filter(|data| !data.is_empty())
        else {
            return;
        };
        let known = self.items.get(at);
        if known.is_some_and(|item| item.pieces.is_empty()) {
            let id = known.and_then(|item| item.id.clone());
            let opening = Opening::Thought { id, summary: true };
            self.open(at, Shape::Summary, 0, opening, out);
        }
        if let Some(piece) = self.items.get(at).and_then(|item| item.pieces.last()) {
            out.push(Event::Delta {
                index: piece.part,
                delta: Delta::Seal(seal::read(data, HOME, SealKind::Encrypted)),
            });
        }
    }

    fn annotate(&mut self, fields: &mut Fields, out: &mut Vec<Event>) {
        let place = fields.lenient("output_index", Fields::count);
        let id = fields.lenient("item_id", Fields::text);
        let index = fields.lenient("content_index", Fields::count).unwrap_or(0);
        let cited = fields
            .lenient("annotation", Fields::object)
            .and_then(|mut given| citation(&mut given));
        let at = self.find(place, id.as_deref());
        if let (Some(at), Some(cited)) = (at, cited)
            && let Some(piece) = self.piece(at, Shape::Text, index)
        {
            piece.cited = true;
            out.push(Event::Delta {
                index: piece.part,
                delta: Delta::Citation(cited),
            });
        }
    }

    fn close(&mut self, at: usize, out: &mut Vec<Event>) {
        let Some(item) = self.items.get_mut(at) else {
            return;
        };
        item.done = true;
        for piece in item.pieces.iter_mut().filter(|piece| !piece.closed) {
            piece.closed = true;
            out.push(Event::Close { index: piece.part });
        }
    }

    /// The end of the reply, once.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        if std::mem::replace(&mut self.done, true) {
            return;
        }
        if !self.begun {
            out.push(Event::Begin {
                id: String::new(),
                model: String::new(),
            });
        }
        for at in 0..self.items.len() {
            self.close(at, out);
        }
        let (stop, raw) = self.stop.take().unzip();
        out.push(Event::End {
            stop,
            sequence: None,
            raw,
        });
    }
}

/// What belongs to a whole text and has not come with its pieces.
fn beside(piece: &Piece, part: &mut Fields, out: &mut Vec<Event>) {
    let mut cited = match piece.cited {
        true => None,
        false => part.lenient("annotations", Fields::objects),
    }
    .unwrap_or_default();
    let likely = match piece.weighed {
        true => Vec::new(),
        false => logprobs(part),
    };
    let cited = cited.iter_mut().filter_map(citation).map(Delta::Citation);
    let likely = (!likely.is_empty()).then_some(Delta::Logprobs(likely));
    out.extend(cited.chain(likely).map(|delta| Event::Delta {
        index: piece.part,
        delta,
    }));
}

/// The source that an annotation names; those that are files of the provider's are known by their names.
fn citation(given: &mut Fields) -> Option<Citation> {
    let kind = given.lenient("type", Fields::text)?;
    let mut text = |key: &str| given.lenient(key, Fields::text);
    match kind.as_str() {
        "url_citation" => Some(Citation {
            url: text("url")?,
            title: text("title"),
            quote: None,
            span: given
                .lenient("start_index", Fields::count)
                .zip(given.lenient("end_index", Fields::count)),
        }),
        "file_citation" | "container_file_citation" => Some(Citation {
            title: Some(text("filename")?),
            ..Citation::default()
        }),
        _ => None,
    }
}

/// How likely the tokens were.
fn logprobs(fields: &mut Fields) -> Vec<Logprob> {
    let mut given = fields
        .lenient("logprobs", Fields::objects)
        .unwrap_or_default();
    given.iter_mut().filter_map(logprob).collect()
}

fn logprob(given: &mut Fields) -> Option<Logprob> {
    let mut top = given
        .lenient("top_logprobs", Fields::objects)
        .unwrap_or_default();
    Some(Logprob {
        token: given.lenient("token", Fields::text)?,
        logprob: given.lenient("logprob", Fields::number)?,
        bytes: given.take("bytes").and_then(Raw::typed),
        top: top.iter_mut().filter_map(logprob).collect(),
    })
}
