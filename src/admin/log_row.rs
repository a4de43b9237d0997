//! A request as the log shows it to callers of the admin API.

use crate::error::{Error, Result};
use crate::store::journal::{Body, Content, Row};
use base64::Engine;
use serde_json::{Value, json};

/// A row as callers read it: the time as RFC 3339, the cost in dollars too, to the last digit.
pub fn row(row: &Row) -> Result<Value> {
    let mut shown = serde_json::to_value(row)
        .map_err(|error| Error::internal("a row cannot be written as JSON").cause(error))?;
    shown["at"] = row.at.rfc3339().into();
    if let Some(pico) = row.cost_pico {
        shown["cost"] = crate::catalog::dollars(pico.into()).into();
    }
    if let Some(repriced) = &row.repriced {
        let before = repriced.before.cost_pico;
        shown["cost_before"] = before
            .map(|pico| crate::catalog::dollars(pico.into()))
            .into();
        shown["repriced"]["at"] = repriced.at.rfc3339().into();
    }
    Ok(shown)
}

/// Characters of a model's name in a list: a caller chooses it, and it is not to fill the page.
const NAME: usize = 128;

/// A row as lists, exports and followers have it: with names of models cut where they are very long.
pub fn listed(mut listed: Row) -> Result<Value> {
    let attempts = listed.attempts.iter_mut().map(|attempt| &mut attempt.model);
    let models = [&mut listed.requested_model, &mut listed.model];
    for name in models.into_iter().flatten().chain(attempts) {
        // No name has fewer bytes than characters.
        if name.len() > NAME && name.chars().nth(NAME).is_some() {
            let kept: String = name.chars().take(NAME - 1).chain(['…']).collect();
            *name = kept.into();
        }
    }
    row(&listed)
}

/// Adds what became of a request's content, and the content where it is there.
pub fn with_content(shown: &mut Value, body: Body) {
    shown["content_state"] = body.state().into();
    if let Some(kept) = body.kept() {
        shown["content"] = content(&kept);
    }
}

/// Bodies as text, or as base64 where they are not UTF-8.
pub fn content(content: &Content) -> Value {
    let body = |bytes: &[u8]| match std::str::from_utf8(bytes) {
        Ok(text) => json!({"text": text}),
        Err(_) => json!({"base64": base64::engine::general_purpose::STANDARD.encode(bytes)}),
    };
    json!({
        "request": body(content.request()),
        "response": body(&content.response()),
        "truncated": content.truncated(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::resources::Stamp;
    use crate::store::journal::{Attempt, Price, Repricing};

    #[test]
    fn lists_show_128_characters_of_a_model() {
        for (given, shown) in [
            ("é".repeat(128), "é".repeat(128)),
            ("é".repeat(129), "é".repeat(127) + "…"),
            ("m".repeat(5000), "m".repeat(127) + "…"),
        ] {
            let long = Row {
                requested_model: Some(given.as_str().into()),
                model: Some(given.as_str().into()),
                attempts: vec![Attempt {
                    model: given.as_str().into(),
                    ..Attempt::default()
                }],
                ..Row::default()
            };
            let listed = listed(long.clone()).unwrap();
            for at in ["/requested_model", "/model", "/attempts/0/model"] {
                assert_eq!(listed.pointer(at).unwrap(), &json!(shown), "{at}");
            }
            assert_eq!(row(&long).unwrap()["model"], json!(given), "in full");
        }
    }

    #[test]
    fn rows_say_when_and_how_much() {
        let paid = Row {
            at: Stamp(1_795_224_747_194),
            cost_pico: Some(75_000_000),
            ..Row::default()
        };
        let shown = row(&paid).unwrap();
        assert_eq!(
            (&shown["at"], &shown["cost"], &shown["cost_pico"]),
            (
                &json!("2026-11-21T01:32:27.194Z"),
                &json!("0.000075"),
                &json!(75_000_000)
            )
        );
        assert_eq!(row(&Row::default()).unwrap().get("cost"), None);
        let mut again = paid.clone();
        let price = Price {
            cost_pico: None,
            ..Price::default()
        };
        Repricing::lay(&mut again, price, Stamp(0), "ann");
        let shown = row(&again).unwrap();
        assert_eq!(shown.get("cost"), None);
        assert_eq!(shown["cost_before"], json!("0.000075"));
        assert_eq!(
            shown["repriced"],
            json!({"cost_pico": 75_000_000, "cost_status": "unpriced", "at": "1970-01-01T00:00:00.000Z", "who": "ann"})
        );
    }
}
