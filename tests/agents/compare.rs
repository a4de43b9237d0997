//! Whether two runs of one agent made the same requests. Ids, times and the like differ between any two runs: what
//! differs between two runs straight at the simulator is masked, word by word, and everything else has to be the same,
//! byte by byte.

use gw::mock::Seen;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// One request as it is compared.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method and path, the headers that concern the API, and the body as it was sent.
    pub text: String,
}

/// The headers that concern the API an agent speaks and not the connection or the program.
fn concerns(name: &str) -> bool {
    name.starts_with("anthropic-")
        || ["openai-beta", "x-client-request-id", "idempotency-key"].contains(&name)
}

/// The requests that want an answer of a model. What an agent asks beside them, such as whether the address is alive,
/// a gateway answers by itself. Some agents have a title made while they work: what has no tools comes first.
pub fn requests(seen: &[Seen]) -> Vec<Request> {
    let mut asked: Vec<&Seen> = seen.iter().filter(|seen| seen.method == "POST").collect();
    asked.sort_by_key(|seen| seen.body.contains("\"tools\":"));
    let text = |seen: &&Seen| {
        let mut headers: Vec<String> = seen
            .headers
            .iter()
            .filter(|(name, _)| concerns(name))
            .map(|(name, value)| format!("{name}: {value}\n"))
            .collect();
        headers.sort();
        let text = format!(
            "{} {}\n{}\n{}",
            seen.method,
            seen.path,
            headers.concat(),
            skills_in_order(&sorted(&seen.body))
        );
        Request { text }
    };
    asked.iter().map(text).collect()
}

/// A body with the members of Codex's `client_metadata` in order: it keeps them in none.
fn sorted(body: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        client_metadata: Option<&'a RawValue>,
    }
    let Ok(Body {
        client_metadata: Some(raw),
    }) = serde_json::from_str(body)
    else {
        return body.to_owned();
    };
    let members: BTreeMap<&str, &RawValue> = serde_json::from_str(raw.get()).unwrap();
    body.replacen(raw.get(), &serde_json::to_string(&members).unwrap(), 1)
}

/// A body with the skills that Gemini CLI offers in order: it lists them as they were loaded, side by side.
fn skills_in_order(body: &str) -> String {
    let inside = |(before, rest): (&str, &str)| {
        let (skills, after) = rest.split_once("</available_skills>")?;
        let mut skills: Vec<&str> = skills.split_inclusive("</skill>").collect();
        let last = skills.pop()?;
        skills.sort_unstable();
        let skills = skills.concat();
        Some(format!(
            "{before}<available_skills>{skills}{last}</available_skills>{after}"
        ))
    };
    let found = body.split_once("<available_skills>").and_then(inside);
    found.unwrap_or_else(|| body.to_owned())
}

/// What tells `through` from the direct runs, in what is the same in both of these.
pub fn difference(direct: [&[Request]; 2], through: &[Request]) -> Option<String> {
    let [one, two] = direct;
    if one.is_empty() || one.len() != two.len() || one.len() != through.len() {
        return Some(format!(
            "requests: {} and {} direct, {} through",
            one.len(),
            two.len(),
            through.len()
        ));
    }
    let all = one.iter().zip(two).zip(through).enumerate();
    all.map(|(number, ((one, two), through))| {
        let [one, two, through] = [one, two, through].map(|request| words(&request.text));
        Some(format!(
            "request {number}: {}",
            in_one([&one, &two], &through)?
        ))
    })
    .find_map(|difference| difference)
}

fn in_one([one, two]: [&[&str]; 2], through: &[&str]) -> Option<String> {
    let longest = one.len().max(through.len()).max(two.len());
    let near = |at: usize| {
        let words = |words: &[&str]| {
            words[at.saturating_sub(20).min(words.len())..(at + 20).min(words.len())].concat()
        };
        let [one, two, through] = [one, two, through].map(words);
        format!("\ndirect:  {one}\nagain:   {two}\nthrough: {through}")
    };
    let masked = one.iter().zip(two).filter(|(one, two)| one != two).count();
    if one.len() != two.len() || masked * 20 > one.len() {
        let first = (0..longest).find(|at| one.get(*at) != two.get(*at) && !duration(one, *at));
        let near = near(first.unwrap_or(longest));
        return Some(format!("direct runs differ too much: {masked} words{near}"));
    }
    let same = |at: usize| {
        one.get(at) == through.get(at) || one.get(at) != two.get(at) || duration(one, at)
    };
    (0..longest).find(|at| !same(*at)).map(near)
}

/// How long something took may be the same twice and other the third time.
fn duration(words: &[&str], at: usize) -> bool {
    words
        .get(at)
        .is_some_and(|word| word.parse::<f64>().is_ok())
        && words.get(at + 1) == Some(&" ")
        && words.get(at + 2) == Some(&"seconds")
}

/// Words and what is between them, in order.
fn words(text: &str) -> Vec<&str> {
    let inside = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest
            .find(|c: char| inside(c) != inside(first))
            .unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        words.push(word);
        rest = after;
    }
    words
}

#[test]
fn what_differs_between_direct_runs_is_masked_and_nothing_else() {
    let long = "all of this is the same ".repeat(9);
    let request = |id: &str, rest: &str| {
        let text = format!("POST /v1\n\n{{\"id\":\"{id}\",\"took\":\"0.1 seconds\"{rest}}}{long}");
        vec![Request { text }]
    };
    let (one, two) = (request("a-1", ""), request("b-2", ""));
    let differs = |through: &[Request]| difference([&one, &two], through).is_some();
    assert!(!differs(&request("c-3", "")));
    for (id, rest) in [("c-3", ",\"x\":1"), ("c 3", ""), ("c-3", " ")] {
        assert!(differs(&request(id, rest)), "{id}{rest}");
    }
    assert!(differs(&[]));
}

#[test]
fn skills_are_compared_whatever_their_order() {
    let body = |skills: &str| format!("a <available_skills>{skills}\\n</available_skills> b");
    let (one, two) = ("\\n<skill>x</skill>", "\\n<skill>y</skill>");
    let [forth, back] = [[one, two], [two, one]].map(|skills| body(&skills.concat()));
    assert_eq!(skills_in_order(&forth), forth);
    assert_eq!(skills_in_order(&back), forth);
    assert_eq!(skills_in_order("none"), "none");
}
