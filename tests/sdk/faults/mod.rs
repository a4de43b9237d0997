//! Every fault of an upstream, from the simulator through gw to the official clients: what they return or raise, whole and
//! streamed, in their own format and in the other one, with another target behind and without, and what the log says of
//! it. `table.rs` has the rows; `docs/faults.md` is written from it.

mod again;
mod page;
mod place;
mod sdk;
mod table;

use crate::harness::{clients, skip, until, wait};
use again::AGAIN;
use place::{FORMATS, Place};
use sdk::Sdk;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::process::Command;
use table::{Comes, Failed, HONEST, ROWS, Row, Upstream};

/// One call: which row, whose format, over which upstream, how.
struct Call {
    row: &'static Row,
    client: &'static str,
    upstream: &'static str,
    stream: bool,
    second: bool,
}

impl Call {
    /// All there are.
    fn all() -> Vec<Call> {
        let mut calls = Vec::new();
        for row in ROWS {
            for (client, _) in FORMATS {
                let of = |(format, _): &(&str, &str)| row.only.is_empty() || row.only == *format;
                for (upstream, _) in FORMATS.into_iter().filter(of) {
                    for (stream, second) in
                        [(false, false), (true, false), (false, true), (true, true)]
                    {
                        calls.push(Call {
                            row,
                            client,
                            upstream,
                            stream,
                            second,
                        });
                    }
                }
            }
        }
        calls
    }

    /// Asked for as the model: each call has a target of its own, whose failures are nobody else's.
    fn model(&self) -> String {
        let how = if self.stream { "stream" } else { "whole" };
        let route = place::route(self.row, self.upstream, self.second);
        format!("{route}-{}-{how}", self.client)
    }

    fn written(&self) -> Value {
        json!({
            "client": self.client, "model": self.model(), "stream": self.stream, "asks": self.row.asks,
            "route": place::route(self.row, self.upstream, self.second), "times": self.row.times, "retries": 0,
        })
    }

    /// What comes of it at the first time, or later.
    fn comes(&self, time: usize) -> Comes {
        match self.row.then {
            Some((_, second)) if time > 0 && self.second => second,
            Some((alone, _)) if time > 0 => alone,
            _ => self.row.comes(self.client != self.upstream, self.stream),
        }
    }

    /// What is wrong with an outcome of it and with the row of the log.
    fn wrong(
        &self,
        sdk: Sdk,
        outcome: &Value,
        honest: &Value,
        (time, logged): (usize, &[Value]),
    ) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut must = |holds: bool, what: String| {
            if !holds {
                wrong.push(what);
            }
        };
        let attempts: Vec<_> = logged
            .iter()
            .flat_map(|row| row["attempts"].as_array().cloned().unwrap_or_default())
            .collect();
        let classes: Vec<_> = attempts
            .iter()
            .map(|attempt| attempt["class"].as_str().unwrap_or_default())
            .collect();
        let answered = |same: bool| match same {
            true => ["text", "arguments", "finish"]
                .iter()
                .all(|part| outcome[part] == honest[part]),
            false => outcome["finish"] == honest["finish"],
        };
        match self.comes(time) {
            Comes::Answer(told) => {
                must(
                    outcome["raised"].is_null() && answered(told.same),
                    "answers".into(),
                );
                // How often a kept connection breaks is the system's to say.
                if logged.len() == 1 {
                    must(
                        classes == told.classes,
                        format!("attempts {:?}", told.classes),
                    );
                }
                must(
                    logged
                        .iter()
                        .all(|row| row["usage_source"] == told.usage && row["outcome"] == "ok"),
                    format!("usage is {}", told.usage),
                );
            }
            Comes::Untouched => {
                // The text up to there has come, of a stream; Python's clients take no other text than UTF-8.
                let read = outcome["raised"].is_null() && answered(false);
                let unread = outcome["raised"]["class"] == "UnicodeDecodeError";
                must(
                    read || sdk == Sdk::Python && unread,
                    "bytes as they came".into(),
                );
                // A client that takes no such bytes may be gone before the last of a stream has come.
                let whole = classes == ["ok"] && logged[0]["outcome"] == "ok";
                let left = classes == ["cancelled"] && logged[0]["outcome"] == "client_closed";
                must(whole || left && unread && self.stream, "one attempt".into());
            }
            Comes::Fails(failed) if self.second => {
                must(
                    outcome["raised"].is_null() && answered(true),
                    "the second answers".into(),
                );
                must(
                    classes == [failed.class, "ok"],
                    format!("attempts [{}, ok]", failed.class),
                );
                must(logs(&failed, attempts.first()), log_of(&failed));
                must(
                    logged.len() == 1 && logged[0]["outcome"] == "ok",
                    "one row, ok".into(),
                );
            }
            Comes::Refused(failed) => {
                must(
                    sdk.raises(self.client, self.row, &failed, outcome),
                    sdk.expected(self.client, self.row, &failed),
                );
                must(
                    attempts.is_empty() && logged.len() == 1 && logged[0]["status"] == failed.told,
                    format!("one row, {}, without an attempt", failed.told),
                );
            }
            Comes::Fails(failed) | Comes::Stays(failed) => {
                must(
                    sdk.raises(self.client, self.row, &failed, outcome),
                    sdk.expected(self.client, self.row, &failed),
                );
                must(outcome["text"] == "", "no text".into());
                must(
                    classes == [failed.class],
                    format!("attempts [{}]", failed.class),
                );
                must(logs(&failed, attempts.first()), log_of(&failed));
                must(
                    logged.len() == 1
                        && logged[0]["status"] == failed.told
                        && logged[0]["outcome"] != "ok",
                    format!("one row, {}", failed.told),
                );
            }
            Comes::Breaks(failed) => {
                must(
                    sdk.breaks(self.client, outcome),
                    "content, then an error in the stream".into(),
                );
                let text = outcome["text"].as_str().unwrap_or_default();
                must(
                    !text.is_empty()
                        && honest["text"]
                            .as_str()
                            .unwrap_or_default()
                            .starts_with(text),
                    "content up to the break".into(),
                );
                must(
                    classes == [failed.class],
                    format!("attempts [{}]", failed.class),
                );
                must(logs(&failed, attempts.first()), log_of(&failed));
                must(
                    logged.len() == 1
                        && logged[0]["outcome"] == "failed_after_commit"
                        && logged[0]["usage_source"] == "estimated",
                    "one row, failed after commit, usage estimated".into(),
                );
            }
        }
        wrong
    }
}

/// Whether the log says of an attempt what it must.
fn logs(failed: &Failed, attempt: Option<&Value>) -> bool {
    attempt.is_some_and(|attempt| {
        attempt["status"] == json!(failed.status)
            && attempt["reason"]
                .as_str()
                .is_some_and(|why| why.contains(failed.reason))
    })
}

fn log_of(failed: &Failed) -> String {
    format!("in the log {:?} and `{}`", failed.status, failed.reason)
}

/// Makes all calls with an SDK and holds what comes of them against the table.
fn drive(sdk: Sdk, mut command: Command) {
    let place = Place::start();
    let bench = &place.bench;
    let calls = Call::all();
    let list = bench.gateway.path("calls.json");
    let again = || {
        AGAIN
            .iter()
            .flat_map(|again| FORMATS.map(|(client, _)| (again, client)))
    };
    let mut written: Vec<_> = again()
        .map(|(again, client)| again.written(client))
        .collect();
    written.extend(calls.iter().map(Call::written));
    std::fs::write(&list, json!(written).to_string()).unwrap();
    command
        .arg(clients::root().join("tests/sdk/faults").join(sdk.program()))
        .env("GW_CALLS", &list)
        .env("GW_URL", &bench.gateway.url)
        .env("GW_KEY", &bench.key);
    let output = wait::output(&mut command);
    let said = String::from_utf8_lossy(&output.stdout);
    let outcomes: HashMap<String, Vec<Value>> = said
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let outcomes = line["outcomes"].as_array().unwrap().clone();
            (line["call"].as_str().unwrap().to_owned(), outcomes)
        })
        .collect();
    assert_eq!(
        outcomes.len(),
        written.len(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let sent: usize = calls.iter().map(|call| call.row.times).sum();
    let rows = until("every call has its row", || {
        let rows = bench.rows();
        let mine = |row: &&Value| {
            !row["requested_model"]
                .as_str()
                .is_some_and(|it| it.ends_with("-again"))
        };
        (rows.iter().filter(mine).count() == sent).then_some(rows)
    });
    let mut logged: HashMap<&str, Vec<Value>> = HashMap::new();
    // Oldest first.
    for row in rows.iter().rev() {
        let model = row["requested_model"].as_str().unwrap_or_default();
        logged.entry(model).or_default().push(row.clone());
    }

    let honest = |call: &Call| {
        let like = calls.iter().find(|other| {
            other.row.name()
                == if call.row.asks == "tool" {
                    "f24-honest"
                } else {
                    HONEST
                }
                && (other.client, other.upstream) == (call.client, call.upstream)
                && (other.stream, other.second) == (call.stream, false)
        });
        &outcomes[&like.unwrap().model()][0]
    };
    let mut wrong = Vec::new();
    for call in &calls {
        let model = call.model();
        let logged = logged.get(model.as_str()).map_or(&[][..], Vec::as_slice);
        for (time, outcome) in outcomes[&model].iter().enumerate() {
            // Where each time has something else come of it, it has a row of its own.
            let logged = match call.row.then {
                Some(_) => logged.get(time..=time).unwrap_or_default(),
                None => logged,
            };
            let found = call.wrong(sdk, outcome, honest(call), (time, logged));
            if !found.is_empty() {
                let attempts: Vec<_> = logged.iter().map(|row| &row["attempts"]).collect();
                wrong.push(format!(
                    "{model}: must be: {}\n    came {outcome}\n    logged {}",
                    found.join("; "),
                    json!(attempts)
                ));
            }
        }
        let shown = outcomes[&model]
            .iter()
            .map(Value::to_string)
            .collect::<String>();
        if shown.contains(crate::kit::CREDENTIAL)
            || shown.contains("127.0.0.1:") && !shown.contains(&bench.gateway.url)
        {
            wrong.push(format!("{model}: shows what it must not: {shown}"));
        }
    }
    let seen = seen(&place);
    for call in calls.iter().filter(|call| call.row.asks != "long") {
        let model = call.model();
        let logged = logged.get(model.as_str()).map_or(&[][..], Vec::as_slice);
        let attempts = logged.iter().flat_map(|row| row["attempts"].as_array());
        // What is no attempt has not gone out, and what is one has, unless it could not.
        let reached = attempts.flatten().filter(|attempt| {
            matches!(call.row.upstream, Upstream::Mock(_) | Upstream::Redirect)
                || attempt["class"] == "ok"
        });
        let (reached, seen) = (reached.count(), seen.get(&model).copied().unwrap_or(0));
        if reached != seen {
            wrong.push(format!(
                "{model}: {reached} attempts went out, the upstream counted {seen}"
            ));
        }
    }
    for (again, client) in again() {
        let model = again.model(client);
        let logged = logged.get(model.as_str()).map_or(&[][..], Vec::as_slice);
        wrong.extend(again.wrong(logged).map(|why| format!("{model}: {why}")));
    }
    let kept = bench.gateway.log() + &json!(rows).to_string();
    assert!(
        !kept.contains(crate::kit::CREDENTIAL),
        "the credential is in the log"
    );
    assert_eq!(
        place.canary.load(std::sync::atomic::Ordering::SeqCst),
        0,
        "gw followed a redirect"
    );
    settled(&place);
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        calls.len(),
        wrong.join("\n")
    );
}

/// How many requests the simulator has had for each model.
fn seen(place: &Place) -> HashMap<String, usize> {
    let mut seen = HashMap::new();
    for request in place.bench.mock.requests() {
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        if let Some(model) = body["model"].as_str() {
            *seen.entry(model.to_owned()).or_default() += 1;
        }
    }
    seen
}

/// Nothing is left under way.
fn settled(place: &Place) {
    until("nothing is under way", || {
        let status = place.bench.gateway.cli(&["status", "-o", "json"]).json();
        (status["in_flight"] == 0).then_some(())
    });
}

#[test]
fn every_fault_comes_to_what_the_table_says_for_python() {
    let Some(environment) = clients::environment() else {
        return;
    };
    drive(Sdk::Python, clients::python(&environment));
}

#[test]
fn every_fault_comes_to_what_the_table_says_for_javascript() {
    let Some(environment) = clients::environment() else {
        return;
    };
    match clients::node(&environment) {
        Some(command) => drive(Sdk::JavaScript, command),
        None => skip::skip("there is no Node here"),
    }
}

#[test]
fn rows_have_names_of_their_own() {
    let names: std::collections::BTreeSet<_> = ROWS.iter().map(Row::name).collect();
    assert_eq!(names.len(), ROWS.len());
}
