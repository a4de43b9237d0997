//! Writes one caller's stream: each piece is an answer of its own, and the last one says why it ended.

use super::{part, seals, stop, usage};
use crate::chat::{Call, Citation, Delta, Event, Logprob, Opening, Usage};
use crate::formats::written::{Object, write_list};
use crate::formats::{EventWriter, ReplyContext, fault::write_google};
use serde_json::{Value, json};

/// The writer of one reply.
#[derive(Debug)]
pub struct Writer {
    id: String,
    model: String,
    usage: Option<Usage>,
    /// Of each part, whether it is a thought.
    thoughts: Vec<bool>,
    /// Calls whose arguments are not all there: here a call comes whole.
    calls: Vec<(usize, Call)>,
    /// What the text rests on is told at its end, where it stands by what was said until then.
    said: String,
    citations: Vec<Citation>,
}

/// What one answer of a stream, or the whole one, says.
#[derive(Debug, Default)]
pub struct Piece {
    parts: Vec<part::Written<'static>>,
    logprobs: Vec<Logprob>,
    citations: Vec<Citation>,
    said: String,
    usage: Option<Usage>,
    stop: Option<&'static str>,
}

impl Writer {
    pub fn new(context: &ReplyContext) -> Writer {
        Writer {
            id: context.request_id.clone(),
            model: context.model.clone(),
            usage: None,
            thoughts: Vec::new(),
            calls: Vec::new(),
            said: String::new(),
            citations: Vec::new(),
        }
    }

    /// What an event adds to a piece.
    pub fn take(&mut self, event: &Event, piece: &mut Piece) {
        match event {
            Event::Begin { id, model } => {
                for (own, given) in [(&mut self.id, id), (&mut self.model, model)] {
                    if !given.is_empty() {
                        own.clone_from(given);
                    }
                }
            }
            Event::Open { index, part } => self.open(*index, part, piece),
            Event::Delta { index, delta } => self.delta(*index, delta, piece),
            Event::Close { index } => {
                let at = self.calls.iter().position(|(part, _)| part == index);
                let whole = |call: &Call| call.free || part::whole(&call.arguments);
                if let Some(at) =
                    at.filter(|at| self.calls.get(*at).is_some_and(|call| whole(&call.1)))
                {
                    let (_, call) = self.calls.remove(at);
                    piece.parts.push(part::call(&call));
                }
            }
            Event::Usage(used) => self.usage = Some(*used),
            Event::End { stop, .. } => {
                for (_, call) in std::mem::take(&mut self.calls) {
                    piece.parts.push(part::call(&call));
                }
                piece.usage = Some(self.usage.unwrap_or_default());
                piece.citations = std::mem::take(&mut self.citations);
                piece.said = std::mem::take(&mut self.said);
                piece.stop = Some(stop.map_or("STOP", stop::write));
            }
            Event::Error(_) => {}
        }
    }

    fn open(&mut self, index: usize, opening: &Opening, piece: &mut Piece) {
        let thought = matches!(opening, Opening::Thought { .. });
        if self.thoughts.len() <= index {
            self.thoughts.resize(index + 1, false);
        }
        if let Some(known) = self.thoughts.get_mut(index) {
            *known = thought;
        }
        match opening {
            Opening::Call(call) => self.calls.push((index, call.clone())),
            Opening::Media(media) => piece.parts.extend(part::shown(media)),
            Opening::Native(native) => {
                let own = part::native(native).map(|_| native.json.clone().into());
                piece.parts.extend(own.map(part::Written::Plain));
            }
            Opening::Text | Opening::Refusal | Opening::Thought { .. } => {}
        }
    }

    fn delta(&mut self, index: usize, delta: &Delta, piece: &mut Piece) {
        let thought = self.thoughts.get(index).copied().unwrap_or(false);
        let mut call = self.calls.iter_mut().find(|(part, _)| *part == index);
        match delta {
            Delta::Text(text) if text.is_empty() => {}
            Delta::Text(text) => {
                if !thought {
                    self.said.push_str(text);
                }
                part::add_text(&mut piece.parts, text.clone(), thought);
            }
            Delta::Arguments(more) => {
                if let Some((_, call)) = &mut call {
                    call.arguments.push_str(more);
                }
            }
            Delta::Seal(seal) => match call {
                Some((_, call)) => call.seal = Some(seal.clone()),
                None => part::seal(&mut piece.parts, seals::write(seal), thought),
            },
            Delta::Citation(citation) => self.citations.push(citation.clone()),
            Delta::Logprobs(more) => piece.logprobs.extend_from_slice(more),
        }
    }

    /// A piece as an answer.
    pub fn body(&self, piece: &Piece) -> Vec<u8> {
        // The clients' chats forget a turn in which an answer has no part at all.
        let nothing = [part::Written::text("")];
        let parts = match piece.parts.as_slice() {
            [] => &nothing[..],
            parts => parts,
        };
        let mut out = Vec::with_capacity(512);
        let mut answer = Object::begin(&mut out);
        write_list([piece], answer.key("candidates"), |piece, out| {
            let mut candidate = Object::begin(out);
            let mut content = Object::begin(candidate.key("content"));
            write_list(parts, content.key("parts"), part::Written::put);
            content.text("role", "model").end();
            candidate.may("finishReason", piece.stop.as_ref());
            candidate.member("index", &0);
            if !piece.logprobs.is_empty() {
                candidate.member("logprobsResult", &logprobs(&piece.logprobs));
            }
            if !piece.citations.is_empty() {
                let grounds = grounds(&piece.citations, &piece.said);
                candidate.member("groundingMetadata", &grounds);
            }
            candidate.end();
        });
        let used = piece.usage.as_ref().map(usage::write);
        answer.may("usageMetadata", used.as_ref());
        answer.text("modelVersion", &self.model);
        answer.text("responseId", &self.id).end();
        out
    }
}

impl EventWriter for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        if let Event::Error(fault) = event {
            return frame(&write_google(fault), out);
        }
        let mut piece = Piece::default();
        self.take(event, &mut piece);
        if !piece.parts.is_empty() || !piece.logprobs.is_empty() || piece.stop.is_some() {
            frame(&self.body(&piece), out);
        }
    }
}

/// Arguments stand in it as the model wrote them, perhaps over several lines. Outside of strings a line's end is a blank
/// to JSON, and the end of its data to a stream; inside of strings there is none.
fn frame(data: &[u8], out: &mut Vec<u8>) {
    let plain = |byte: &u8| match byte {
        b'\n' | b'\r' => b' ',
        byte => *byte,
    };
    out.extend_from_slice(b"data: ");
    out.extend(data.iter().map(plain));
    out.extend_from_slice(b"\r\n\r\n");
}

fn logprobs(tokens: &[Logprob]) -> Value {
    let one = |token: &Logprob| json!({"token": token.token, "logProbability": token.logprob});
    let tops = tokens.iter().map(|token| {
        let top: Vec<Value> = token.top.iter().map(one).collect();
        json!({"candidates": top})
    });
    let mut out = json!({"chosenCandidates": tokens.iter().map(one).collect::<Vec<_>>()});
    if tokens.iter().any(|token| !token.top.is_empty()) {
        out["topCandidates"] = tops.collect();
    }
    out
}

/// Sources, each once, and which of the text rests on which.
fn grounds(citations: &[Citation], said: &str) -> Value {
    let mut sources: Vec<(&str, Option<&str>)> = Vec::new();
    let mut supports = Vec::new();
    for citation in citations {
        let source = (citation.url.as_str(), citation.title.as_deref());
        let at = sources.iter().position(|known| *known == source);
        let at = at.unwrap_or_else(|| {
            sources.push(source);
            sources.len() - 1
        });
        if let Some((start, end)) = citation.span {
            let bytes = |characters: u64| {
                let before = said
                    .chars()
                    .take(usize::try_from(characters).unwrap_or(usize::MAX));
                before.map(char::len_utf8).sum::<usize>()
            };
            let (start, end) = (bytes(start), bytes(end));
            supports.push(json!({
                "segment": {"startIndex": start, "endIndex": end, "text": said.get(start..end).unwrap_or_default()},
                "groundingChunkIndices": [at],
            }));
        }
    }
    let chunks = sources
        .iter()
        .map(|(url, title)| json!({"web": {"uri": url, "title": title}}));
    json!({"groundingChunks": chunks.collect::<Vec<_>>(), "groundingSupports": supports})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_one_line_of_data() {
        let mut out = Vec::new();
        frame(b"{\"args\":{\n  \"a\": 1\r\n}}", &mut out);
        assert_eq!(out, b"data: {\"args\":{   \"a\": 1  }}\r\n\r\n");
    }
}
