//! What the readers of streams do alike: what an event means is the format's observer's to say, what it holds its reader's.

use super::alike::Again;
use super::fields::Fields;
use super::lenient::as_text;
use super::{EventReader, Mark, Seen};
use crate::chat::Event;

/// A reader, but for what all have in common.
pub(super) trait Steps {
    const OBSERVE: fn(&str, &[u8], &mut Seen) -> Mark;

    /// What the events so far have in common. Of texts a reader remembers nothing.
    fn again(&mut self) -> &mut Again;
    /// Whether nothing more is read.
    fn over(&mut self) -> &mut bool;
    /// What an event says word for word.
    fn step(&mut self, name: &str, fields: &mut Fields, out: &mut Vec<Event>);
    /// The stream has ended: what is open is closed.
    fn last(&mut self, out: &mut Vec<Event>);
}

impl<S: Steps> EventReader for S {
    fn read(&mut self, event: &str, data: &[u8], seen: &mut Seen, out: &mut Vec<Event>) -> Mark {
        if *self.over() {
            return Mark::Setup;
        }
        let data = as_text(data);
        let before = seen.usage;
        let mark = self
            .again()
            .observe(S::OBSERVE, event, data.as_bytes(), seen);
        match mark {
            Mark::Error => {
                *self.over() = true;
                out.extend(seen.fault.clone().map(Event::Error));
            }
            Mark::Malformed => {}
            Mark::Setup | Mark::Content | Mark::Usage | Mark::Done => {
                if let Some(more) = self.again().more(data.as_bytes()) {
                    out.push(more);
                    return mark;
                }
                let told = out.len();
                if let Ok(mut fields) = Fields::body(data.as_bytes()) {
                    self.step(event, &mut fields, out);
                }
                let told = out.get(told..).unwrap_or_default();
                self.again().read_as(data.as_bytes(), told);
                let used = seen.usage.filter(|used| Some(*used) != before);
                out.extend(used.map(Event::Usage));
            }
        }
        if mark == Mark::Done {
            self.last(out);
        }
        mark
    }

    fn end(&mut self, out: &mut Vec<Event>) {
        self.last(out);
    }
}
