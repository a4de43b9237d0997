//! Recorded requests: each translates into every other format, or is refused by the name of a field; and what was
//! written, translated back, says what its caller said, but for what was listed as dropped or adapted.

use super::{exchanges, spoken, translating};
use crate::chat::Chat;
use crate::formats::Codec;
use crate::formats::laws::core::core;
use crate::formats::laws::target;
use std::collections::BTreeMap;

/// Which parts of the core a translation said that it changed.
fn told(dropped: &[String], name: &str) -> bool {
    let words: &[&str] = match name {
        // A schema that a model cannot be held to, or a choice that it does not know, is asked for in words.
        "system" => &[
            "messages",
            "system",
            "response_format",
            "output_config",
            "tool_choice",
        ],
        "turns" => &["messages", "system", "documents"],
        // A choice of one is one among that one alone; where none may be called none are offered.
        "tools" => &["tools", "functions", "tool_choice"],
        "choice" => &["tool_choice", "tools", "toolConfig"],
        "answer" => &[
            "response_format",
            "output_config",
            "text",
            "generationConfig",
        ],
        _ => &[],
    };
    dropped
        .iter()
        .any(|path| words.iter().any(|word| path.starts_with(word)))
}

/// There and back again; `Err`: refused, and why.
fn there_and_back(
    from: &dyn Codec,
    to: &dyn Codec,
    body: &[u8],
) -> Result<(Chat, Chat, Vec<String>), crate::error::Error> {
    let asked = from.read_request(body)?;
    let there = to.write_request(&asked, &target(&asked))?;
    let read = to.read_request(&there.body)?;
    // What was understood but cannot go back, such as a document by its URL, is held as it was understood.
    let Ok(back) = from.write_request(&read, &target(&read)) else {
        return Ok((asked, read, there.dropped));
    };
    Ok((
        asked,
        from.read_request(&back.body)?,
        [there.dropped, back.dropped].concat(),
    ))
}

#[test]
fn recorded_requests_come_back_from_every_other_format_or_are_refused_by_a_field() {
    let Some(exchanges) = exchanges() else { return };
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let (mut counts, mut wrong) = (BTreeMap::<_, [usize; 2]>::new(), Vec::new());
    for exchange in exchanges
        .iter()
        .filter(|exchange| exchange["request_body"].is_object())
    {
        let Some((format, from)) = spoken(exchange) else {
            continue;
        };
        let body = exchange["request_body"].to_string();
        for (other, to) in translating().filter(|(other, _)| other.id != format.id) {
            let pair = format!("{} -> {}", format.name, other.name);
            let count = counts.entry(pair.clone()).or_default();
            match there_and_back(from, to, body.as_bytes()) {
                Ok((asked, back, dropped)) => {
                    count[0] += 1;
                    let (want, got) = (core(&asked), core(&back));
                    for (name, value) in want.as_object().unwrap() {
                        if *value != got[name] && !told(&dropped, name) {
                            wrong.push(format!(
                                "{pair} {} {name}:\n    {value}\n    {}",
                                exchange["id"], got[name]
                            ));
                        }
                    }
                }
                Err(error) => {
                    count[1] += 1;
                    assert!(
                        error.param.is_some() && error.hint.is_some(),
                        "{pair} {}: {error:?} names no field",
                        exchange["id"]
                    );
                    *reasons.entry(format!("{pair}: {error}")).or_default() += 1;
                }
            }
        }
    }
    for (pair, [back, refused]) in counts {
        eprintln!("{pair}: {back} come back, {refused} are refused");
    }
    eprintln!("{reasons:#?}");
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
