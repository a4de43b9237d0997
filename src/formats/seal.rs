//! Seals in formats that did not make them: under a mark that names the issuer, so that a caller who sends them back
//! sends them home. Only an issuer's own format writes its seals upstream.

use super::EventWriter;
use crate::chat::{Call, Delta, Event, Issuer, Opening, Part, Seal, SealKind, Text, Thought};
use std::borrow::Cow;

/// In front of a seal that a format carries for somebody else.
const MARK: &str = "gw-seal";

/// A seal as a caller of a format gets it whose own seals are `home`'s.
pub fn write(seal: &Seal, home: Issuer) -> String {
    if seal.issuer == home {
        return seal.data.clone();
    }
    let kind = match seal.kind {
        SealKind::Signature => "s",
        SealKind::Encrypted => "e",
    };
    format!("{MARK}.{}.{kind}.{}", seal.issuer.name(), seal.data)
}

/// A seal that a caller sent back, as one of this kind where it has no mark.
pub fn read(data: String, home: Issuer, kind: SealKind) -> Seal {
    foreign(&data).unwrap_or(Seal {
        issuer: home,
        kind,
        data,
    })
}

/// A seal of somebody else's.
fn foreign(data: &str) -> Option<Seal> {
    let rest = data.strip_prefix(MARK)?.strip_prefix('.')?;
    let (issuer, rest) = rest.split_once('.')?;
    let (kind, data) = rest.split_once('.')?;
    Some(Seal {
        issuer: Issuer::ALL.into_iter().find(|one| one.name() == issuer)?,
        kind: match kind {
            "s" => SealKind::Signature,
            "e" => SealKind::Encrypted,
            _ => return None,
        },
        data: data.to_owned(),
    })
}

/// In front of a carried seal that belongs to the text in front of it; no seal is spelt with it.
const BEHIND: char = '~';

/// To which part a seal belongs that stands apart as an encrypted thought.
pub enum Carried<'a> {
    /// The call that follows.
    Before(&'a str),
    /// The text in front of it.
    Behind(&'a str),
}

/// What an encrypted seal of Google's is: its models seal texts and calls, for which most formats have no place, so that
/// such a seal travels as a thought of its own. See [`Apart`].
pub fn carried(seal: &Seal) -> Carried<'_> {
    match seal.data.strip_prefix(BEHIND) {
        Some(data) => Carried::Behind(data),
        None => Carried::Before(&seal.data),
    }
}

/// The parts of an answer as a format shows them that has no place for seals on texts and calls: those stand apart, a
/// call's in front of it and a text's behind it.
pub fn apart(parts: &[Part]) -> Vec<Cow<'_, Part>> {
    let mut out = Vec::with_capacity(parts.len());
    let thought = |seal| Cow::Owned(Part::Thought(Thought::sealed("", seal)));
    for part in parts {
        match part {
            Part::Call(Call {
                seal: Some(seal), ..
            }) => out.extend([thought(before(seal)), Cow::Borrowed(part)]),
            Part::Text(Text {
                seal: Some(seal), ..
            }) => out.extend([Cow::Borrowed(part), thought(behind(seal))]),
            _ => out.push(Cow::Borrowed(part)),
        }
    }
    out
}

fn before(seal: &Seal) -> Seal {
    Seal::encrypted(seal.issuer, seal.data.clone())
}

fn behind(seal: &Seal) -> Seal {
    Seal::encrypted(seal.issuer, format!("{BEHIND}{}", seal.data))
}

/// The same of a stream: a writer in front of which seals are set apart.
pub struct Apart<W> {
    writer: W,
    /// The number that each part has here, and a text's seal until its end.
    parts: Vec<(usize, Option<Seal>, bool)>,
    count: usize,
}

impl<W: EventWriter> Apart<W> {
    pub fn new(writer: W) -> Apart<W> {
        Apart {
            writer,
            parts: Vec::new(),
            count: 0,
        }
    }

    pub fn into_inner(self) -> W {
        self.writer
    }

    /// A seal as a part of its own.
    fn thought(&mut self, seal: Seal, out: &mut Vec<u8>) {
        let index = self.count;
        self.count += 1;
        let part = Opening::Thought {
            id: None,
            summary: false,
        };
        let delta = Delta::Seal(seal);
        for event in [
            Event::Open { index, part },
            Event::Delta { index, delta },
            Event::Close { index },
        ] {
            self.writer.write(&event, out);
        }
    }
}

impl<W: EventWriter> EventWriter for Apart<W> {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Open { index, part } => {
                if let Opening::Call(Call {
                    seal: Some(seal), ..
                }) = part
                {
                    self.thought(before(seal), out);
                }
                if self.parts.len() <= *index {
                    self.parts.resize(index + 1, (0, None, false));
                }
                if let Some(known) = self.parts.get_mut(*index) {
                    *known = (self.count, None, matches!(part, Opening::Text));
                }
                let (index, part) = (self.count, part.clone());
                self.count += 1;
                self.writer.write(&Event::Open { index, part }, out);
            }
            Event::Delta { index, delta } => {
                let Some((at, held, text)) = self.parts.get_mut(*index) else {
                    return;
                };
                if let (Delta::Seal(seal), true) = (delta, *text) {
                    *held = Some(seal.clone());
                    return;
                }
                let (index, delta) = (*at, delta.clone());
                self.writer.write(&Event::Delta { index, delta }, out);
            }
            Event::Close { index } => {
                let Some((at, held, _)) = self.parts.get_mut(*index) else {
                    return;
                };
                let (index, held) = (*at, held.take());
                self.writer.write(&Event::Close { index }, out);
                if let Some(seal) = held {
                    self.thought(behind(&seal), out);
                }
            }
            other => self.writer.write(other, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_seal_comes_home(data in "\\PC{0,20}", home in 0..Issuer::ALL.len(), from in 0..Issuer::ALL.len(), encrypted: bool) {
            let (home, issuer) = (Issuer::ALL[home], Issuer::ALL[from]);
            let seal = match encrypted {
                true => Seal::encrypted(issuer, data),
                false => Seal::signature(issuer, data),
            };
            let written = write(&seal, home);
            prop_assert_eq!(read(written.clone(), home, seal.kind), seal.clone());
            prop_assert_eq!(written == seal.data, home == issuer);
        }
    }
}
