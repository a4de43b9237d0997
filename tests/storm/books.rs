//! The books: what the callers saw, what the log keeps and what the upstreams counted must tell the same.

use crate::caller::{End, Sent};
use crate::place::{PROVIDERS, Place};
use crate::upstream::{USAGE, mark, number};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

/// How long the log may take for the last rows.
const LAST_ROWS: Duration = Duration::from_secs(30);
/// Rows whose bodies are looked at.
const LOOKED_AT: usize = 40;

/// Everything that does not fit, a line each.
pub fn balance(place: &Place, sent: &[Sent]) -> Vec<String> {
    let mut found = Vec::new();
    let rows = rows(place);
    let mut of: HashMap<u64, Vec<&Value>> = HashMap::new();
    let mut by_id: HashMap<&str, &Value> = HashMap::new();
    for row in &rows {
        by_id.insert(row["id"].as_str().unwrap(), row);
        if let Some(number) = row["requested_model"].as_str().and_then(number) {
            of.entry(number).or_default().push(row);
        }
    }
    let counts: Vec<_> = place
        .upstreams
        .iter()
        .map(|upstream| upstream.counts())
        .collect();
    let mut ends: BTreeMap<String, u64> = BTreeMap::new();
    let mut tries: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    let (mut unseen, mut unread, mut own) = (0, 0, HashSet::new());
    for sent in sent {
        let kind = match &sent.end {
            End::Refused(status) => format!("refused {status}"),
            End::Wrong(_) => "wrong".into(),
            end => format!("{end:?}").to_lowercase(),
        };
        *ends.entry(kind).or_default() += 1;
        let mut say = |what: String| found.push(format!("{}: {what}", mark(sent.number)));
        if let End::Wrong(why) = &sent.end {
            let acts: Vec<_> = counts
                .iter()
                .map(|counts| counts.get(&sent.number))
                .collect();
            say(format!("{why}\nwhat upstreams did: {acts:?}"));
        }
        // A request that is not let in is not read: it has no model in its row.
        let row = match sent.id.as_deref().and_then(|id| by_id.get(id)) {
            Some(row) => *row,
            None => match of.get(&sent.number).and_then(|rows| rows.first()) {
                Some(row) => *row,
                None if sent.end == End::NoRoute => continue,
                // It was gone before it was looked at, or not let in.
                None if sent.end == End::Gone => {
                    unread += 1;
                    if counts
                        .iter()
                        .any(|counts| counts.contains_key(&sent.number))
                    {
                        say("an upstream read it, and it has no row".into());
                    }
                    continue;
                }
                None => {
                    say(format!("no row: {sent:?}"));
                    continue;
                }
            },
        };
        own.insert(row["id"].as_str());
        let rows_of = of.get(&sent.number).map_or(0, Vec::len);
        if rows_of > 1 {
            say(format!("{rows_of} rows"));
        }
        if row["requested_model"]
            .as_str()
            .and_then(number)
            .is_some_and(|other| other != sent.number)
        {
            say(format!("the row is another's: {row}"));
        }
        if row["key"].as_str() != sent.key.as_deref()
            && !(row["key"].is_null() && row["status"] == 401)
        {
            say(format!("the row of key {:?}: {row}", sent.key));
        }
        let fits = match &sent.end {
            End::Right => row["status"] == 200 && row["outcome"] == "ok",
            End::Refused(status) => row["status"] == *status && row["outcome"] != "ok",
            End::Broken => row["outcome"] != "ok" && row["outcome"] != "failed",
            End::Gone | End::NoRoute | End::Wrong(_) => true,
        };
        if !fits {
            say(format!("{:?}, but the row is {row}", sent.end));
        }
        // Every upstream that ends an answer has said its usage before, whatever becomes of the key meanwhile.
        if sent.end == End::Right
            && (row["usage_source"] != "reported"
                || row["usage"]["input"] != USAGE.0
                || row["usage"]["output"] != USAGE.1)
        {
            say(format!("usage: {row}"));
        }
        let attempts = row["attempts"].as_array().map_or(&[][..], Vec::as_slice);
        if sent.end != End::Gone && sent.attempts.unwrap_or(0) != attempts.len() {
            say(format!(
                "x-gw-attempts {:?}, but the row is {row}",
                sent.attempts
            ));
        }
        for ((name, _), counts) in PROVIDERS.iter().zip(&counts) {
            let here: Vec<&Value> = attempts
                .iter()
                .filter(|attempt| attempt["provider"] == *name)
                .collect();
            // An answer proves that the request was read; without one it may never have arrived.
            let answered = here
                .iter()
                .filter(|attempt| attempt["status"].is_number())
                .count();
            let ended = here
                .iter()
                .filter(|attempt| attempt["class"] != "cancelled" && attempt["class"] != "connect")
                .count();
            let read = counts.get(&sent.number).map_or(0, Vec::len);
            let sums = tries.entry(name).or_default();
            sums[0] += here.len() as u64;
            sums[1] += ended as u64;
            sums[2] += read as u64;
            unseen += ended.saturating_sub(read);
            if read > here.len() || read < answered {
                say(format!(
                    "`{name}` read it {read} times ({:?}), but the row is {row}",
                    counts.get(&sent.number)
                ));
            }
        }
    }
    println!("ends: {ends:?}");
    println!(
        "attempts by provider [in rows, of those not cancelled, read by the upstream]: {tries:?}"
    );
    println!("attempts that ended without an answer and were not read: {unseen}");
    // A request may arrive at a connection that is being closed; more than a few of them are sent where nobody listens.
    if unseen > sent.len() / 200 + 5 {
        found.push(format!("{unseen} attempts were not read by their upstream"));
    }
    // Who is not let in is not read, so that some rows of callers that hung up have no number.
    let others: Vec<&Value> = rows
        .iter()
        .filter(|row| !own.contains(&row["id"].as_str()))
        .collect();
    println!(
        "callers that hung up: {unread} without a row of their number, {} rows without a number",
        others.len()
    );
    if others.len() > unread
        || others
            .iter()
            .any(|row| row["requested_model"].is_string() || row["attempts"] != json!([]))
    {
        found.push(format!(
            "{} rows of no request, such as {}",
            others.len(),
            others[0]
        ));
    }
    // Only where a route is turned off at that moment there is none.
    if unread > others.len() + sent.len() / 1_000 + 3 {
        found.push(format!(
            "{unread} callers hung up without a row of their number, and only {} rows have none",
            others.len()
        ));
    }
    found.extend(keys_apart(place, &rows));
    found.extend(bodies(place, &rows));
    found.extend(at_rest(place));
    found
}

/// All rows, once every request that was taken has its own, or after a while.
fn rows(place: &Place) -> Vec<Value> {
    let begin = Instant::now();
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    loop {
        let status = place.gateway.cli(&["status", "-o", "json"]).json();
        let written = count(&status["log"]["written"]) >= count(&status["requests"]);
        if written && status["in_flight"] == 0 || begin.elapsed() > LAST_ROWS {
            let export = place.gateway.ok(&["logs", "export"]);
            return export
                .lines()
                .map(|line| serde_json::from_str(line).unwrap())
                .collect();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// The rows of a key, asked for by its name, are its own and are all there are.
fn keys_apart(place: &Place, rows: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    for key in place.keys.read().unwrap().iter().filter(|key| key.lasting) {
        let listed = place.gateway.ok(&["logs", "export", "--key", &key.name]);
        let own = rows.iter().filter(|row| row["key"] == key.name).count();
        let others = listed
            .lines()
            .filter(|line| !line.contains(&format!(r#""key":"{}""#, key.name)))
            .count();
        if listed.lines().count() != own || others > 0 {
            found.push(format!(
                "`logs export --key {}` lists {} rows, {others} of them others', of {own}",
                key.name,
                listed.lines().count()
            ));
        }
    }
    found
}

/// Request and answer kept with a row speak of that request and no other.
fn bodies(place: &Place, rows: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    let answered: Vec<&Value> = rows
        .iter()
        .filter(|row| row["requested_model"].is_string())
        .collect();
    for row in answered.iter().step_by(answered.len() / LOOKED_AT + 1) {
        let model = row["requested_model"].as_str().unwrap();
        let kept = place.gateway.ok(&[
            "logs",
            "get",
            row["id"].as_str().unwrap(),
            "--bodies",
            "-o",
            "json",
        ]);
        if kept.matches("storm-").count() != kept.matches(model).count() {
            found.push(format!("the bodies of {model} speak of others: {kept}"));
        }
        if row["outcome"] == "ok" && kept.matches(model).count() < 3 {
            found.push(format!("the bodies of {model} are not all there: {kept}"));
        }
    }
    found
}

/// Nothing runs on, nothing was left out of the log.
fn at_rest(place: &Place) -> Vec<String> {
    let status = place.gateway.cli(&["status", "-o", "json"]).json();
    let mut found = Vec::new();
    for (what, value) in [
        ("in_flight", &status["in_flight"]),
        ("rows_dropped", &status["log"]["rows_dropped"]),
        ("content_dropped", &status["log"]["content_dropped"]),
    ] {
        if value != 0 {
            found.push(format!("`{what}` is {value}"));
        }
    }
    if status["status"] != "ready" {
        found.push(format!("the gateway is not well: {status}"));
    }
    found
}
