//! Tools whose names or kinds the other side does not know: those of a namespace, and those called with free text. For it
//! they are functions under one plain name each, and what it calls is given back to the caller as what it was. Worked out
//! anew for each request, from that request alone.

use super::fields::adapted;
use super::free_text::{self, Unwrap};
use super::{Dropped, EventWriter};
use crate::chat::{Call, Chat, Delta, Event, Opening, Part, Reply, Tool, ToolChoice, ToolKind};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The longest name of a function that every format takes.
const LONGEST: usize = 64;

/// What an upstream takes of tools.
#[derive(Clone, Copy, Debug)]
pub struct Knows {
    pub free: bool,
    pub namespaces: bool,
    /// Names of functions that are longer than [`LONGEST`], or hold anything but letters, digits, `_` and `-`.
    pub any_name: bool,
}

impl Knows {
    /// Functions under plain names, and nothing else.
    pub const FUNCTIONS: Knows = Knows {
        free: false,
        namespaces: false,
        any_name: true,
    };
}

/// A tool as its caller knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Own {
    name: String,
    namespace: Option<String>,
    free: bool,
}

/// The names of one request's tools.
#[derive(Debug, Default)]
pub struct Names {
    /// The plain name of each tool that has another.
    plain: HashMap<Own, String>,
    own: HashMap<String, Own>,
}

impl Names {
    /// Those of a request; `None`: every tool is a function with a plain name.
    pub fn of(chat: &Chat) -> Option<Names> {
        let tools = chat
            .tools
            .iter()
            .filter(|tool| !is_plain(tool))
            .map(|tool| Own {
                name: tool.name.clone(),
                namespace: tool.namespace.clone(),
                free: matches!(tool.kind, ToolKind::Free(_)),
            });
        // Calls of tools that are offered no longer.
        let calls = parts(chat).filter_map(|part| match part {
            Part::Call(call) if call.free || call.namespace.is_some() || !is_common(&call.name) => {
                Some(Own {
                    name: call.name.clone(),
                    namespace: call.namespace.clone(),
                    free: call.free,
                })
            }
            _ => None,
        });
        let mut others = tools.chain(calls).peekable();
        others.peek()?;
        let mut taken: HashSet<String> = chat
            .tools
            .iter()
            .filter(|tool| is_plain(tool))
            .map(|tool| tool.name.clone())
            .collect();
        let mut names = Names::default();
        for own in others {
            if !names.plain.contains_key(&own) {
                let plain = unused(&own, &taken);
                taken.insert(plain.clone());
                names.own.insert(plain.clone(), own.clone());
                names.plain.insert(own, plain);
            }
        }
        Some(names)
    }

    fn plain_of(&self, name: &str, namespace: Option<&str>, free: bool) -> Option<&String> {
        self.plain.get(&Own {
            name: name.to_owned(),
            namespace: namespace.map(str::to_owned),
            free,
        })
    }

    /// The plain name that a choice means by the own name of a tool that gets another.
    fn chosen<'a>(&'a self, name: &'a str, renamed: impl Fn(&Own) -> bool) -> &'a str {
        let mut known = self
            .plain
            .iter()
            .filter(|(own, _)| own.name == name && renamed(own));
        known.next().map_or(name, |(_, plain)| plain)
    }

    /// The call under the caller's own name. Whether its arguments hold free text.
    fn give_back(&self, call: &mut Call) -> bool {
        let Some(own) = self.own.get(&call.name) else {
            return false;
        };
        call.name.clone_from(&own.name);
        call.namespace.clone_from(&own.namespace);
        let wrapped = own.free && !call.free;
        call.free |= own.free;
        wrapped
    }

    /// The reply as the caller knows its tools.
    pub fn reply(&self, reply: &Reply) -> Reply {
        let mut reply = reply.clone();
        for part in &mut reply.parts {
            if let Part::Call(call) = part
                && self.give_back(call)
            {
                call.arguments = free_text::unwrapped(&call.arguments);
            }
        }
        reply
    }
}

fn is_plain(tool: &Tool) -> bool {
    tool.namespace.is_none() && !matches!(tool.kind, ToolKind::Free(_)) && is_common(&tool.name)
}

fn fits(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

/// Whether every format takes it as the name of a function.
fn is_common(name: &str) -> bool {
    name.len() <= LONGEST && name.chars().all(fits)
}

fn parts(chat: &Chat) -> impl Iterator<Item = &Part> {
    chat.messages.iter().flat_map(|message| &message.parts)
}

/// A name that no other tool of the request has.
fn unused(own: &Own, taken: &HashSet<String>) -> String {
    let joined = match &own.namespace {
        Some(namespace) => format!("{namespace}__{}", own.name),
        None => own.name.clone(),
    };
    let fitting = |c: char| if fits(c) { c } else { '_' };
    let joined: String = joined.chars().map(fitting).collect();
    if joined.len() <= LONGEST && !taken.contains(&joined) {
        return joined;
    }
    // The end tells tools of one group apart better than the beginning.
    let mut number = 2_usize;
    loop {
        let mark = format!("_{number}");
        let from = (joined.len() + mark.len()).saturating_sub(LONGEST);
        let name = format!("{}{mark}", joined.get(from..).unwrap_or_default());
        if !taken.contains(&name) {
            return name;
        }
        number += 1;
    }
}

/// The request for an upstream that knows so much; what becomes another is listed.
pub fn plain<'a>(chat: &'a Chat, knows: Knows, dropped: &mut Dropped) -> Cow<'a, Chat> {
    let knows_all = knows.free && knows.namespaces && knows.any_name;
    let Some(names) = Names::of(chat).filter(|_| !knows_all) else {
        return Cow::Borrowed(chat);
    };
    let concerns = |name: &str, namespace: bool, free: bool| {
        (namespace && !knows.namespaces)
            || (free && !knows.free)
            || (!knows.any_name && !is_common(name))
    };
    let mut chat = chat.clone();
    for tool in &mut chat.tools {
        let free = matches!(tool.kind, ToolKind::Free(_));
        if !concerns(&tool.name, tool.namespace.is_some(), free) {
            continue;
        }
        let unfit = !is_common(&tool.name);
        if let Some(plain) = names.plain_of(&tool.name, tool.namespace.as_deref(), free) {
            plain.clone_into(&mut tool.name);
        }
        match tool.namespace.take() {
            Some(_) => dropped.push(adapted("tools.namespace")),
            None if unfit => dropped.push(adapted("tools.function.name")),
            None => {}
        }
        if let (ToolKind::Free(grammar), false) = (&tool.kind, knows.free) {
            dropped.push(adapted("tools.type"));
            tool.description = free_text::described(tool.description.as_deref(), grammar.as_ref());
            tool.parameters = Some(free_text::parameters());
            tool.kind = ToolKind::Function;
        }
    }
    for part in chat
        .messages
        .iter_mut()
        .flat_map(|message| &mut message.parts)
    {
        match part {
            Part::Call(call) if concerns(&call.name, call.namespace.is_some(), call.free) => {
                dropped.push(adapted("messages.tool_calls"));
                if let Some(plain) =
                    names.plain_of(&call.name, call.namespace.as_deref(), call.free)
                {
                    plain.clone_into(&mut call.name);
                }
                call.namespace = None;
                if call.free && !knows.free {
                    call.arguments = free_text::wrapped(&call.arguments);
                    call.free = false;
                }
            }
            Part::Result(result) if !knows.free => result.free = false,
            _ => {}
        }
    }
    let renamed = |own: &Own| concerns(&own.name, own.namespace.is_some(), own.free);
    match &mut chat.tool_choice {
        Some(ToolChoice::Named(name)) => *name = names.chosen(name, renamed).to_owned(),
        Some(ToolChoice::Subset { names: chosen, .. }) => {
            for name in chosen {
                *name = names.chosen(name, renamed).to_owned();
            }
        }
        _ => {}
    }
    Cow::Owned(chat)
}

/// A writer that tells calls under the caller's own names.
pub struct Writer {
    names: Arc<Names>,
    inner: Box<dyn EventWriter + Send>,
    /// The texts that are taken out of arguments, by the number of the part.
    texts: HashMap<usize, Unwrap>,
}

impl Writer {
    pub fn new(names: Arc<Names>, inner: Box<dyn EventWriter + Send>) -> Writer {
        Writer {
            names,
            inner,
            texts: HashMap::new(),
        }
    }

    fn say(&mut self, index: usize, text: String, out: &mut Vec<u8>) {
        if !text.is_empty() {
            let delta = Delta::Arguments(text);
            self.inner.write(&Event::Delta { index, delta }, out);
        }
    }

    fn close(&mut self, index: usize, out: &mut Vec<u8>) {
        if let Some(text) = self.texts.remove(&index) {
            self.say(index, text.rest(), out);
        }
    }
}

impl EventWriter for Writer {
    fn write(&mut self, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Open {
                index,
                part: Opening::Call(call),
            } => {
                let mut call = call.clone();
                let mut before = String::new();
                if self.names.give_back(&mut call) {
                    let mut text = Unwrap::default();
                    before = text.push(&std::mem::take(&mut call.arguments));
                    self.texts.insert(*index, text);
                }
                let part = Opening::Call(call);
                self.inner.write(
                    &Event::Open {
                        index: *index,
                        part,
                    },
                    out,
                );
                self.say(*index, before, out);
            }
            Event::Delta {
                index,
                delta: Delta::Arguments(more),
            } => match self.texts.get_mut(index) {
                Some(text) => {
                    let more = text.push(more);
                    self.say(*index, more, out);
                }
                None => self.inner.write(event, out),
            },
            Event::Close { index } => {
                self.close(*index, out);
                self.inner.write(event, out);
            }
            Event::End { .. } => {
                let open: Vec<usize> = self.texts.keys().copied().collect();
                for index in open {
                    self.close(index, out);
                }
                self.inner.write(event, out);
            }
            _ => self.inner.write(event, out),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::chat::{CallResult, Grammar, Message, Role};

    fn tool(name: &str, namespace: Option<&str>, kind: ToolKind) -> Tool {
        Tool {
            name: name.to_owned(),
            namespace: namespace.map(str::to_owned),
            kind,
            ..Tool::default()
        }
    }

    fn free() -> ToolKind {
        ToolKind::Free(Some(Grammar {
            syntax: "lark".into(),
            definition: "start: /x+/".into(),
        }))
    }

    fn agent() -> Chat {
        let call = |name: &str, namespace: Option<&str>, free: bool, arguments: &str| {
            Part::Call(Call {
                id: name.to_owned(),
                name: name.to_owned(),
                namespace: namespace.map(str::to_owned),
                free,
                arguments: arguments.to_owned(),
                ..Call::default()
            })
        };
        Chat {
            tools: vec![
                tool("a__run", None, ToolKind::Function),
                tool("run", Some("a"), ToolKind::Function),
                tool("run", Some("b"), ToolKind::Function),
                tool("apply_patch", None, free()),
                tool(&"x".repeat(70), Some("a"), free()),
            ],
            messages: vec![
                Message {
                    role: Role::Assistant,
                    parts: vec![
                        call("apply_patch", None, true, "*** Begin \"Patch\"\n"),
                        call("run", Some("b"), false, "{}"),
                        call("gone", Some("c"), false, "{}"),
                    ],
                    id: None,
                },
                Message {
                    role: Role::User,
                    parts: vec![Part::Result(CallResult {
                        id: "apply_patch".into(),
                        free: true,
                        ..CallResult::default()
                    })],
                    id: None,
                },
            ],
            tool_choice: Some(ToolChoice::Named("apply_patch".into())),
            ..Chat::default()
        }
    }

    #[test]
    fn custom_and_namespace_tools_are_functions_where_nothing_else_is_known() {
        let (given, mut dropped) = (agent(), Vec::new());
        let chat = plain(&given, Knows::FUNCTIONS, &mut dropped);
        let names: Vec<&str> = chat.tools.iter().map(|tool| tool.name.as_str()).collect();
        let long = format!("{}_2", "x".repeat(62));
        assert_eq!(
            names,
            ["a__run", "a__run_2", "b__run", "apply_patch", &long]
        );
        assert!(
            chat.tools
                .iter()
                .all(|tool| tool.kind == ToolKind::Function && tool.namespace.is_none())
        );
        assert_eq!(
            chat.tools[3].description.as_deref(),
            Some("`input` must match this grammar (lark):\nstart: /x+/")
        );
        let calls: Vec<(&str, &str)> = parts(&chat)
            .filter_map(|part| match part {
                Part::Call(call) => Some((call.name.as_str(), call.arguments.as_str())),
                _ => None,
            })
            .collect();
        assert_eq!(
            calls,
            [
                ("apply_patch", r#"{"input":"*** Begin \"Patch\"\n"}"#),
                ("b__run", "{}"),
                ("c__gone", "{}")
            ]
        );
        assert!(dropped.iter().all(|name| name.ends_with("(adapted)")) && !dropped.is_empty());
        // Nothing to do: nothing done.
        let all = Knows {
            free: true,
            namespaces: true,
            any_name: true,
        };
        assert!(matches!(plain(&given, all, &mut dropped), Cow::Borrowed(_)));
        assert!(Names::of(&Chat::default()).is_none());
    }

    #[test]
    fn what_a_function_was_called_with_comes_back_as_free_text() {
        let names = Names::of(&agent()).unwrap();
        let call = |name: &str, arguments: &str| {
            Part::Call(Call {
                name: name.to_owned(),
                arguments: arguments.to_owned(),
                ..Call::default()
            })
        };
        let reply = Reply {
            parts: vec![
                call("apply_patch", r#"{"input":"a\nb"}"#),
                call("b__run", "{\"x\":1}"),
                call("a__run", "{}"),
                call("apply_patch", "not JSON"),
            ],
            ..Reply::default()
        };
        let back: Vec<(String, Option<String>, bool, String)> = names
            .reply(&reply)
            .parts
            .into_iter()
            .filter_map(|part| match part {
                Part::Call(call) => Some((call.name, call.namespace, call.free, call.arguments)),
                _ => None,
            })
            .collect();
        let of = |name: &str, namespace: Option<&str>, free, arguments: &str| {
            (
                name.to_owned(),
                namespace.map(str::to_owned),
                free,
                arguments.to_owned(),
            )
        };
        assert_eq!(
            back,
            [
                of("apply_patch", None, true, "a\nb"),
                of("run", Some("b"), false, "{\"x\":1}"),
                of("a__run", None, false, "{}"),
                of("apply_patch", None, true, "not JSON"),
            ]
        );
    }

    #[test]
    fn names_that_do_not_fit_everywhere_are_given_back() {
        let long = "x".repeat(70);
        let tool = |name: &str| Tool {
            name: name.to_owned(),
            ..Tool::default()
        };
        let chat = Chat {
            tools: vec![tool("plain"), tool("a.b"), tool("a_b"), tool(&long)],
            tool_choice: Some(ToolChoice::Named("a.b".to_owned())),
            ..Chat::default()
        };
        let few = Knows {
            any_name: false,
            ..Knows::FUNCTIONS
        };
        let mut dropped = Dropped::new();
        let written = plain(&chat, few, &mut dropped);
        let told: Vec<&str> = written.tools.iter().map(|tool| &*tool.name).collect();
        assert_eq!(told[..3], ["plain", "a_b_2", "a_b"]);
        assert!(told[3].len() == LONGEST && is_common(told[3]));
        assert_eq!(
            written.tool_choice,
            Some(ToolChoice::Named("a_b_2".to_owned()))
        );
        assert_eq!(dropped, vec![adapted("tools.function.name"); 2]);
        let mut call = Call {
            name: "a_b_2".to_owned(),
            ..Call::default()
        };
        Names::of(&chat).unwrap().give_back(&mut call);
        assert_eq!(call.name, "a.b");
        // Where they fit they are as they were, beside one that is another.
        let others = plain(&chat, Knows::FUNCTIONS, &mut dropped);
        assert_eq!(*others, chat);
    }
}
