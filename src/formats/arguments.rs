//! Arguments of calls for formats that have them as an object: the text that the model wrote, where it is one.

use crate::chat::Call;
use crate::error::{Error, Result};
use serde_json::{json, value::RawValue};
use std::borrow::Cow;

/// A text as raw JSON where it is an object; nothing and `null` are an empty one.
pub fn object(text: &str) -> Option<&RawValue> {
    let text = match text.trim() {
        "" | "null" => "{}",
        text => text,
    };
    serde_json::from_str(text)
        .ok()
        .filter(|raw: &&RawValue| raw.get().starts_with('{'))
}

/// Those of a call in a conversation. Errors: they are none that could be sent.
pub fn asked(call: &Call) -> Result<&RawValue> {
    object(&call.arguments).ok_or_else(|| {
        Error::invalid(format!(
            "the arguments of the call of `{}` are not a JSON object",
            call.name
        ))
        .param("messages.tool_calls.function.arguments")
        .hint("give the arguments as the text of one JSON object")
    })
}

/// Those of a call in an answer. What the model garbled is shown as what it is, under a name that no schema will accept
/// silently.
pub fn shown(arguments: &str) -> Cow<'_, RawValue> {
    match object(arguments) {
        Some(object) => Cow::Borrowed(object),
        None => one_member("_malformed_arguments", arguments),
    }
}

/// An object of one text.
pub fn one_member(name: &str, text: &str) -> Cow<'static, RawValue> {
    let object = RawValue::from_string(json!({name: text}).to_string());
    object.map_or(Cow::Borrowed(RawValue::NULL), Cow::Owned)
}
