//! The responses that the mock keeps: continuing one, looking at it, deleting and cancelling it; and what of the API
//! makes no answer of its own, counting and shortening.

use super::{SEAL, read, write};
use crate::mock::Shared;
use crate::mock::answer::Usage;
use crate::mock::ask::{Ask, Refusal, Wire};
use crate::mock::endpoint::Kept;
use crate::mock::reply::{Reply, refuse, whole};
use crate::mock::script::Script;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

/// Responses kept at most.
const MOST: usize = 256;

/// One mock's responses.
pub struct Keeper {
    /// Differs from mock to mock, so that no two of them give out the same id.
    begun: u64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    given: u64,
    rows: VecDeque<Row>,
}

struct Row {
    response: Value,
    /// Items that a request continuing this one begins with: all inputs and outputs so far.
    items: Vec<Value>,
    /// Those that the request brought itself.
    inputs: Vec<Value>,
}

impl Default for Keeper {
    fn default() -> Keeper {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Keeper {
            begun: since.map_or(0, |since| since.as_nanos() as u64),
            inner: Mutex::default(),
        }
    }
}

impl Keeper {
    /// One whose ids are the same in every run.
    pub fn repeatable() -> Keeper {
        Keeper {
            begun: 0,
            inner: Mutex::default(),
        }
    }

    /// Keeps nothing any more; repeatable ids begin again.
    pub fn forget(&self) {
        if let Ok(mut inner) = self.inner.lock() {
            inner.rows.clear();
            if self.begun == 0 {
                inner.given = 0;
            }
        }
    }

    /// What the ids of one more response are made from.
    fn fresh(&self) -> String {
        let given = self.inner.lock().map_or(0, |mut inner| {
            inner.given += 1;
            inner.given
        });
        format!("{:016x}{given:08x}", self.begun)
    }

    /// All items a request stands for: those it continues, then its own, references replaced by what they name.
    fn conversation(&self, body: &Value) -> Result<(Vec<Value>, Vec<Value>), Refusal> {
        let Ok(inner) = self.inner.lock() else {
            return Ok(Default::default());
        };
        let mut items = Vec::new();
        if let Some(id) = body["previous_response_id"].as_str() {
            let Some(row) = inner.rows.iter().find(|row| row.response["id"] == id) else {
                return Err(Refusal::new(
                    format!("Previous response with id '{id}' not found."),
                    "previous_response_id",
                )
                .code("previous_response_not_found"));
            };
            items.extend(row.items.iter().cloned());
        }
        let mut inputs = Vec::new();
        match &body["input"] {
            Value::String(text) => inputs.push(json!({"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]})),
            Value::Array(list) => {
                for item in list {
                    inputs.push(inner.resolved(item)?);
                }
            }
            _ => {}
        }
        items.extend(inputs.iter().cloned());
        Ok((items, inputs))
    }

    fn keep(&self, row: Row) {
        if let Ok(mut inner) = self.inner.lock() {
            while inner.rows.len() >= MOST {
                inner.rows.pop_front();
            }
            inner.rows.push_back(row);
        }
    }
}

impl Inner {
    /// An item as it stands, or the kept one that it only names: a reference, or a thought without its seal.
    fn resolved(&self, item: &Value) -> Result<Value, Refusal> {
        let named = item["type"] == "item_reference"
            || (item["type"] == "reasoning"
                && item["id"].is_string()
                && item["encrypted_content"].is_null()
                && item["content"].as_array().is_none_or(Vec::is_empty));
        if !named {
            return Ok(item.clone());
        }
        let known = self.rows.iter().flat_map(|row| &row.items);
        known
            .rev()
            .find(|known| known["id"] == item["id"])
            .cloned()
            .ok_or_else(|| {
                let id = item["id"].as_str().unwrap_or_default();
                Refusal::new(
                    format!("Item with id '{id}' not found. Items are not persisted when `store` is set to false. Try again with `store` set to true, or remove this item from your input."),
                    "input",
                )
                .status(404)
            })
    }
}

/// Reads a request for an answer; gives the request's own items, too.
pub fn create(keeper: &Keeper, body: &Value) -> Result<(Ask, Vec<Value>), Refusal> {
    let (items, inputs) = keeper.conversation(body)?;
    let mut ask = read(body, &items)?;
    ask.id = keeper.fresh();
    Ok((ask, inputs))
}

impl Keeper {
    /// Keeps what was answered, where the request lets it; a background answer is only told as queued.
    pub fn answered(&self, ask: &Ask, inputs: Vec<Value>, response: &Value) -> Option<Value> {
        if ask.echo["store"] == Value::Bool(false) {
            return None;
        }
        let items = self.conversation(&ask.echo).map(|(items, _)| items);
        let outputs = response["output"].as_array().cloned().unwrap_or_default();
        let mut items = items.unwrap_or_default();
        items.extend(outputs);
        self.keep(Row {
            response: response.clone(),
            items,
            inputs,
        });
        (ask.echo["background"] == Value::Bool(true)).then(|| {
            let mut queued = write::envelope(ask);
            queued["status"] = json!("queued");
            queued
        })
    }
}

/// What is asked of a kept response.
pub fn kept(shared: &Shared, id: &str, what: Kept, method: &str) -> Reply {
    let Ok(mut inner) = shared.keeper.inner.lock() else {
        return refuse(
            Wire::Responses,
            500,
            "the mock's responses are lost",
            None,
            Vec::new(),
        );
    };
    let Some(at) = inner.rows.iter().position(|row| row.response["id"] == id) else {
        let message = format!("Response with id '{id}' not found.");
        return refuse(Wire::Responses, 404, &message, None, Vec::new());
    };
    match (what, method) {
        (Kept::Itself, "GET") => whole(200, &inner.rows[at].response, Vec::new()),
        (Kept::Itself, "DELETE") => {
            inner.rows.remove(at);
            let gone = json!({"id": id, "object": "response", "deleted": true});
            whole(200, &gone, Vec::new())
        }
        (Kept::InputItems, "GET") => {
            let mut items = inner.rows[at].inputs.clone();
            for (index, item) in items.iter_mut().enumerate() {
                if item["id"].is_null() {
                    item["id"] =
                        json!(format!("msg_{}i{index:02}", id.trim_start_matches("resp_")));
                }
            }
            items.reverse();
            let id_of = |item: Option<&Value>| item.map_or(Value::Null, |item| item["id"].clone());
            let list = json!({"object": "list", "first_id": id_of(items.first()), "last_id": id_of(items.last()), "has_more": false, "data": items});
            whole(200, &list, Vec::new())
        }
        (Kept::Cancel, "POST") => {
            let response = &mut inner.rows[at].response;
            if response["background"] != Value::Bool(true) {
                let message = "Cannot cancel a synchronous response.";
                return refuse(Wire::Responses, 400, message, None, Vec::new());
            }
            response["status"] = json!("cancelled");
            response["output"] = json!([]);
            whole(200, response, Vec::new())
        }
        _ => refuse(
            Wire::Responses,
            405,
            "the mock does not know this method here",
            None,
            Vec::new(),
        ),
    }
}

/// `POST /v1/responses/compact`: the users' messages stay, all else becomes one sealed item.
pub fn compact(shared: &Shared, body: &Value, script: &Script) -> Result<Reply, Refusal> {
    let (items, _) = shared.keeper.conversation(body)?;
    let ask = read(body, &items)?;
    let id = shared.keeper.fresh();
    let mut output: Vec<Value> = items
        .into_iter()
        .filter(|item| item["role"] == "user")
        .collect();
    for (at, item) in output.iter_mut().enumerate() {
        item["type"] = json!("message");
        item["id"] = json!(format!("msg_{id}{at:02}"));
        item["status"] = json!("completed");
        if let Some(text) = item["content"].as_str() {
            item["content"] = json!([{"type": "input_text", "text": text}]);
        }
    }
    output
        .push(json!({"id": format!("cmp_{id}"), "type": "compaction", "encrypted_content": SEAL}));
    let usage = Usage {
        prompt: ask.prompt_tokens(),
        output: 1,
        ..Usage::default()
    };
    let body = json!({"id": format!("resp_{id}"), "object": "response.compaction", "created_at": 1_760_000_000,
        "output": output, "usage": write::usage(&usage, script)});
    Ok(whole(200, &body, Vec::new()))
}
