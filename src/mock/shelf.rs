//! Files that are kept, and batches of requests in them, run as soon as they are asked for.
//! <https://platform.openai.com/docs/api-reference/files>, <https://platform.openai.com/docs/api-reference/batch>

use super::ask::{Refusal, Wire};
use super::form;
use super::http::Request;
use super::openai::CREATED;
use super::reply::{Reply, id, whole};
use serde_json::{Value, json};
use std::sync::{Mutex, MutexGuard};

/// Files and batches kept at most, of each.
const MOST: usize = 256;

/// One mock's files and batches.
#[derive(Default)]
pub struct Shelf {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    given: u64,
    files: Vec<File>,
    batches: Vec<Value>,
}

struct File {
    told: Value,
    content: Vec<u8>,
}

impl Shelf {
    /// Keeps nothing any more.
    pub fn forget(&self) {
        if let Ok(mut inner) = self.inner.lock() {
            inner.files.clear();
            inner.batches.clear();
        }
    }

    fn open(&self) -> Result<MutexGuard<'_, Inner>, Refusal> {
        let lost = |_| Refusal::new("the mock's files are lost", "").status(500);
        self.inner.lock().map_err(lost)
    }
}

impl Inner {
    fn fresh(&mut self, kind: &str) -> String {
        self.given += 1;
        format!("{kind}mock{:024x}", self.given)
    }

    /// Keeps a file; what is told of it.
    fn put(&mut self, name: &str, purpose: &str, content: Vec<u8>) -> Value {
        let told = json!({"id": self.fresh("file-"), "object": "file", "bytes": content.len(), "created_at": CREATED,
            "expires_at": null, "filename": name, "purpose": purpose, "status": "processed", "status_details": null});
        if self.files.len() >= MOST {
            self.files.remove(0);
        }
        self.files.push(File {
            told: told.clone(),
            content,
        });
        told
    }
}

fn missing(kind: &str, id: &str) -> Refusal {
    Refusal::new(format!("No such {kind} object: {id}"), "id").status(404)
}

fn told(body: &Value) -> Reply {
    whole(200, body, vec![id(Wire::Openai).to_owned()])
}

fn list<'a>(request: &Request, rows: impl DoubleEndedIterator<Item = &'a Value>) -> Reply {
    let after = request.query("after");
    let most = request
        .query("limit")
        .and_then(|text| text.parse().ok())
        .unwrap_or(20);
    let newest = rows.rev();
    let rest: Vec<&Value> = match after {
        Some(after) => newest
            .skip_while(|row| row["id"] != after)
            .skip(1)
            .collect(),
        None => newest.collect(),
    };
    let shown = &rest[..most.min(rest.len())];
    let id = |row: Option<&&Value>| row.map_or(Value::Null, |row| row["id"].clone());
    told(
        &json!({"object": "list", "data": shown, "first_id": id(shown.first()), "last_id": id(shown.last()),
        "has_more": shown.len() < rest.len()}),
    )
}

/// What is asked of files; `rest` is what the path says after `/files`.
pub fn files(shelf: &Shelf, request: &Request, rest: &str) -> Result<Reply, Refusal> {
    let mut inner = shelf.open()?;
    let rest = rest.trim_start_matches('/');
    let (name, what) = rest.split_once('/').unwrap_or((rest, ""));
    match (request.method.as_str(), name, what) {
        ("POST", "", "") => {
            let wrong = || Refusal::new("the body is not a whole multipart/form-data", "body");
            let fields = form::read(request).ok_or_else(wrong)?;
            let needed =
                |name: &str| Refusal::new(format!("'{name}' is a required property"), name);
            let file = form::file(&fields, "file").ok_or_else(|| needed("file"))?;
            let purpose = form::text(&fields, "purpose").ok_or_else(|| needed("purpose"))?;
            let name = file.file.unwrap_or_default();
            Ok(told(&inner.put(name, purpose, file.data.to_vec())))
        }
        ("GET", "", "") => {
            let purpose = request.query("purpose");
            let of = |row: &&Value| purpose.is_none_or(|purpose| row["purpose"] == purpose);
            Ok(list(
                request,
                inner.files.iter().map(|file| &file.told).filter(of),
            ))
        }
        ("GET" | "DELETE", id, "" | "content") => {
            let at = inner.files.iter().position(|file| file.told["id"] == id);
            let at = at.ok_or_else(|| missing("File", id))?;
            if request.method == "DELETE" {
                inner.files.remove(at);
                return Ok(told(&json!({"id": id, "object": "file", "deleted": true})));
            }
            match what {
                "" => Ok(told(&inner.files[at].told)),
                _ => Ok(Reply::Whole {
                    status: 200,
                    content_type: "application/octet-stream",
                    extra: vec![super::reply::id(Wire::Openai).to_owned()],
                    body: inner.files[at].content.clone(),
                }),
            }
        }
        _ => Err(Refusal::new("the mock does not know this method here", "").status(405)),
    }
}

/// What answers one line of a batch: its status and body, where there can be an answer.
type Answers<'a> = &'a dyn Fn(&Request) -> Option<(u16, Vec<u8>)>;

/// What is asked of batches; `rest` is what the path says after `/batches`.
pub fn batches(
    shelf: &Shelf,
    request: &Request,
    rest: &str,
    answers: Answers<'_>,
) -> Result<Reply, Refusal> {
    let rest = rest.trim_start_matches('/');
    let (id, what) = rest.split_once('/').unwrap_or((rest, ""));
    match (request.method.as_str(), id, what) {
        ("POST", "", "") => begin(shelf, request, answers),
        ("GET", "", "") => Ok(list(request, shelf.open()?.batches.iter())),
        ("GET", id, "") | ("POST", id, "cancel") => {
            let mut inner = shelf.open()?;
            let found = inner.batches.iter_mut().find(|batch| batch["id"] == id);
            let batch = found.ok_or_else(|| missing("Batch", id))?;
            if what == "cancel" && batch["status"] != "completed" {
                batch["status"] = json!("cancelled");
                batch["cancelled_at"] = json!(CREATED);
            }
            // It is told as begun once, then as done.
            if batch["status"] == "validating" {
                batch["status"] = json!("completed");
                batch["completed_at"] = json!(CREATED);
            }
            Ok(told(batch))
        }
        _ => Err(Refusal::new("the mock does not know this method here", "").status(405)),
    }
}

/// Takes a batch on: all its requests are answered here and now.
fn begin(shelf: &Shelf, request: &Request, answers: Answers<'_>) -> Result<Reply, Refusal> {
    let wrong = |error| Refusal::new(format!("the body is not JSON: {error}"), "body");
    let body: Value = serde_json::from_slice(&request.body).map_err(wrong)?;
    let text = |name: &str| {
        let missing = || Refusal::new(format!("Missing required parameter: '{name}'."), name);
        body[name].as_str().ok_or_else(missing)
    };
    let (input, endpoint, window) = (
        text("input_file_id")?,
        text("endpoint")?,
        text("completion_window")?,
    );
    let lines = {
        let inner = shelf.open()?;
        let file = inner.files.iter().find(|file| file.told["id"] == input);
        let file = file.ok_or_else(|| missing("File", input))?;
        String::from_utf8_lossy(&file.content).into_owned()
    };
    let (mut done, mut counts) = (String::new(), [0_u64; 2]);
    for line in lines.lines().filter(|line| !line.trim().is_empty()) {
        let row: Value = serde_json::from_str(line).unwrap_or_default();
        let answered = run(answers, &row);
        counts[usize::from(answered["response"]["status_code"] != 200)] += 1;
        done.push_str(&format!("{answered}\n"));
    }
    let mut inner = shelf.open()?;
    let output = inner.put("output.jsonl", "batch_output", done.into_bytes());
    let batch = json!({"id": inner.fresh("batch_"), "object": "batch", "endpoint": endpoint, "errors": null, "input_file_id": input,
        "completion_window": window, "status": "validating", "output_file_id": output["id"], "error_file_id": null,
        "created_at": CREATED, "metadata": body["metadata"],
        "request_counts": {"total": counts[0] + counts[1], "completed": counts[0], "failed": counts[1]}});
    if inner.batches.len() >= MOST {
        inner.batches.remove(0);
    }
    inner.batches.push(batch.clone());
    Ok(told(&batch))
}

/// What is told of one line of a batch.
fn run(answers: Answers<'_>, row: &Value) -> Value {
    let inner = Request {
        method: "POST".to_owned(),
        target: row["url"].as_str().unwrap_or_default().to_owned(),
        body: row["body"].to_string().into_bytes(),
        ..Request::default()
    };
    let (status, body) = answers(&inner).unwrap_or((400, Vec::new()));
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    json!({"id": "batch_req_mock", "custom_id": row["custom_id"],
        "response": {"status_code": status, "request_id": "req_mock", "body": body}, "error": null})
}
