//! A row as JSON, as serde_json writes it to the byte and in a small part of the instructions: names of fields need no
//! escapes, texts are looked through a word at a time, and what a row has in common with the one before is copied. What is
//! seldom there is left to serde_json.

use super::super::{Attempt, Outcome, Row};
use crate::chat::{Usage, UsageSource};
use crate::digits::Digits;
use serde::Serialize;
use serde_json::Result;
use std::ops::Range;

/// A row that was spelled, and where parts of it are that the next one may have in common with it.
pub struct Spelled<'a> {
    row: &'a Row,
    /// [`same_caller`].
    caller: Range<usize>,
    /// [`same_answer`].
    answer: Range<usize>,
    /// [`same_target`].
    target: Range<usize>,
}

/// Appends a row. Where that fails nothing of it is there. `before`: the row before, if it is in the same place; this one
/// from then on.
pub fn put<'a>(out: &mut Vec<u8>, row: &'a Row, before: &mut Option<Spelled<'a>>) -> Result<()> {
    let start = out.len();
    let spelled = put_row(out, row, before.as_ref()).inspect_err(|_| out.truncate(start))?;
    *before = Some(spelled);
    Ok(())
}

/// Appends what is the same as at this place, or spells it; where it is now.
fn again(
    out: &mut Vec<u8>,
    same: Option<&Range<usize>>,
    spell: impl FnOnce(&mut Vec<u8>) -> Result<()>,
) -> Result<Range<usize>> {
    let start = out.len();
    match same {
        Some(same) => out.extend_from_within(same.clone()),
        None => spell(out)?,
    }
    Ok(start..out.len())
}

/// Whether two rows have the same from their keys to their rules. Names that are shared are equal without a look at them.
fn same_caller(one: &Row, other: &Row) -> bool {
    one.key == other.key
        && one.user == other.user
        && one.environment == other.environment
        && one.labels == other.labels
        && one.route == other.route
        && one.rule == other.rule
}

/// The same from their formats to whether they were streamed.
fn same_answer(one: &Row, other: &Row) -> bool {
    one.format == other.format
        && one.path == other.path
        && one.requested_model == other.requested_model
        && one.model == other.model
        && one.provider == other.provider
        && (one.status, one.outcome, one.stream) == (other.status, other.outcome, other.stream)
}

/// The same of the targets of their first attempts.
fn same_target(one: &Row, other: &Row) -> bool {
    match (one.attempts.first(), other.attempts.first()) {
        (Some(one), Some(other)) => one.provider == other.provider && one.model == other.model,
        _ => false,
    }
}

fn put_row<'a>(
    out: &mut Vec<u8>,
    row: &'a Row,
    before: Option<&Spelled<'a>>,
) -> Result<Spelled<'a>> {
    // All of it: what is added to rows has its place here.
    let Row {
        id,
        at,
        key,
        user,
        environment,
        labels,
        route,
        rule,
        session,
        agent,
        format,
        path,
        requested_model,
        model,
        provider,
        status,
        outcome,
        stream,
        usage,
        usage_source,
        cost_pico,
        cost_status,
        unpriced,
        tier,
        repriced,
        latency_ms,
        ttft_ms,
        attempts,
        waited_ms,
        dropped,
        limit,
        shadowed,
        error,
    } = row;
    text(out, b"{\"id\":", id)?;
    signed(out, b",\"at\":", at.0);
    let same = before.filter(|it| same_caller(it.row, row));
    let caller = again(out, same.map(|it| &it.caller), |out| {
        name(out, b",\"key\":", key.as_deref())?;
        name(out, b",\"user\":", user.as_deref())?;
        some_text(out, b",\"environment\":", environment.as_deref())?;
        some(out, b",\"labels\":", labels.as_ref())?;
        name(out, b",\"route\":", route.as_deref())?;
        some(out, b",\"rule\":", rule.as_ref())
    })?;
    some_text(out, b",\"session\":", session.as_deref())?;
    some_text(out, b",\"agent\":", agent.as_deref())?;
    let same = before.filter(|it| same_answer(it.row, row));
    let answer = again(out, same.map(|it| &it.answer), |out| {
        text(out, b",\"format\":", format)?;
        some_text(out, b",\"path\":", path.as_deref())?;
        name(out, b",\"requested_model\":", requested_model.as_deref())?;
        name(out, b",\"model\":", model.as_deref())?;
        name(out, b",\"provider\":", provider.as_deref())?;
        number(out, b",\"status\":", (*status).into());
        match outcome {
            Outcome::Ok => out.extend_from_slice(b",\"outcome\":\"ok\""),
            other => some(out, b",\"outcome\":", Some(other))?,
        }
        match stream {
            true => out.extend_from_slice(b",\"stream\":true"),
            false => out.extend_from_slice(b",\"stream\":false"),
        }
        Ok(())
    })?;
    out.extend_from_slice(b",\"usage\":");
    put_usage(out, usage)?;
    match usage_source {
        UsageSource::Reported => out.extend_from_slice(b",\"usage_source\":\"reported\""),
        other => some(out, b",\"usage_source\":", Some(other))?,
    }
    if let Some(pico) = cost_pico {
        signed(out, b",\"cost_pico\":", *pico);
    }
    word(out, b",\"cost_status\":", cost_status.name());
    if let Some(bucket) = unpriced {
        word(out, b",\"unpriced\":", bucket.name());
    }
    some(
        out,
        b",\"tier\":",
        Some(tier).filter(|it| !it.is_standard()),
    )?;
    some(out, b",\"repriced\":", repriced.as_ref())?;
    number(out, b",\"latency_ms\":", *latency_ms);
    if let Some(ms) = ttft_ms {
        number(out, b",\"ttft_ms\":", *ms);
    }
    out.extend_from_slice(b",\"attempts\":[");
    let same = before.filter(|it| same_target(it.row, row));
    let mut target = 0..0;
    for (at, attempt) in attempts.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let same = same.filter(|_| at == 0).map(|it| &it.target);
        let placed = put_attempt(out, attempt, same)?;
        if at == 0 {
            target = placed;
        }
    }
    out.push(b']');
    if *waited_ms > 0 {
        number(out, b",\"waited_ms\":", *waited_ms);
    }
    some(
        out,
        b",\"dropped\":",
        Some(dropped).filter(|it| !it.is_empty()),
    )?;
    some_text(out, b",\"limit\":", limit.as_deref())?;
    some(
        out,
        b",\"shadowed\":",
        Some(shadowed).filter(|it| !it.is_empty()),
    )?;
    some_text(out, b",\"error\":", error.as_deref())?;
    out.push(b'}');
    Ok(Spelled {
        row,
        caller,
        answer,
        target,
    })
}

fn put_usage(out: &mut Vec<u8>, usage: &Usage) -> Result<()> {
    let Usage {
        input,
        cache_read,
        cache_write_5m,
        cache_write_1h,
        cache_write,
        output,
        reasoning,
        audio,
        audio_cached,
        image,
        audio_output,
        image_output,
        other_models,
        searches,
        seconds,
        search_units,
        billed,
    } = usage;
    number(out, b"{\"input\":", *input);
    number(out, b",\"cache_read\":", *cache_read);
    number(out, b",\"cache_write_5m\":", *cache_write_5m);
    number(out, b",\"cache_write_1h\":", *cache_write_1h);
    some_number(out, b",\"cache_write\":", *cache_write);
    number(out, b",\"output\":", *output);
    number(out, b",\"reasoning\":", *reasoning);
    number(out, b",\"audio\":", *audio);
    some_number(out, b",\"audio_cached\":", *audio_cached);
    number(out, b",\"image\":", *image);
    some_number(out, b",\"audio_output\":", *audio_output);
    some_number(out, b",\"image_output\":", *image_output);
    some_number(out, b",\"other_models\":", *other_models);
    some_number(out, b",\"searches\":", *searches);
    some_number(out, b",\"seconds\":", *seconds);
    some_number(out, b",\"search_units\":", *search_units);
    some(out, b",\"billed\":", billed.as_ref())?;
    out.push(b'}');
    Ok(())
}

/// Appends an attempt; where its target is.
fn put_attempt(
    out: &mut Vec<u8>,
    attempt: &Attempt,
    same: Option<&Range<usize>>,
) -> Result<Range<usize>> {
    let Attempt {
        provider,
        model,
        start_ms,
        duration_ms,
        status,
        class,
        retry_after,
        reason,
        injected,
    } = attempt;
    let target = again(out, same, |out| {
        text(out, b"{\"provider\":", provider)?;
        text(out, b",\"model\":", model)
    })?;
    number(out, b",\"start_ms\":", *start_ms);
    number(out, b",\"duration_ms\":", *duration_ms);
    if let Some(status) = status {
        number(out, b",\"status\":", (*status).into());
    }
    text(out, b",\"class\":", class)?;
    some(out, b",\"retry_after\":", retry_after.as_ref())?;
    some_text(out, b",\"reason\":", reason.as_deref())?;
    some_text(out, b",\"injected\":", injected.as_deref())?;
    out.push(b'}');
    Ok(target)
}

/// What stands before a value: the comma and the field's name.
type Key<const N: usize> = &'static [u8; N];

/// A value as serde_json writes it, where there is one.
fn some<const N: usize>(
    out: &mut Vec<u8>,
    key: Key<N>,
    value: Option<&impl Serialize>,
) -> Result<()> {
    let Some(value) = value else { return Ok(()) };
    out.extend_from_slice(key);
    serde_json::to_writer(out, value)
}

/// A text, where there is one.
#[inline]
fn some_text<const N: usize>(out: &mut Vec<u8>, key: Key<N>, value: Option<&str>) -> Result<()> {
    value.map_or(Ok(()), |value| text(out, key, value))
}

/// A text, or that there is none.
#[inline]
fn name<const N: usize>(out: &mut Vec<u8>, key: Key<N>, value: Option<&str>) -> Result<()> {
    if let Some(value) = value {
        return text(out, key, value);
    }
    out.extend_from_slice(key);
    out.extend_from_slice(b"null");
    Ok(())
}

#[inline]
fn text<const N: usize>(out: &mut Vec<u8>, key: Key<N>, value: &str) -> Result<()> {
    out.reserve(N + value.len() + 2);
    out.extend_from_slice(key);
    if needs_escapes(value.as_bytes()) {
        return serde_json::to_writer(out, value);
    }
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
    Ok(())
}

/// A word of gw's own, which needs no escapes.
#[inline]
fn word<const N: usize>(out: &mut Vec<u8>, key: Key<N>, value: &'static str) {
    out.extend_from_slice(key);
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

const LOW: u64 = 0x0101_0101_0101_0101;

/// Whether there is a control character, a quote or a backslash.
fn needs_escapes(text: &[u8]) -> bool {
    let (words, rest) = text.as_chunks::<8>();
    // Eight bytes at a time: the highest bit of those that are found is set.
    let zero = |word: u64| word.wrapping_sub(LOW) & !word;
    let found = |bytes: [u8; 8]| {
        let word = u64::from_le_bytes(bytes);
        let control = word.wrapping_sub(LOW * 0x20) & !word;
        let is = |byte: u8| zero(word ^ (LOW * u64::from(byte)));
        control | is(b'"') | is(b'\\')
    };
    let mut last = [b' '; 8];
    for (to, byte) in last.iter_mut().zip(rest) {
        *to = *byte;
    }
    let all = words
        .iter()
        .fold(found(last), |all, word| all | found(*word));
    all & LOW << 7 != 0
}

#[inline]
fn signed<const N: usize>(out: &mut Vec<u8>, key: Key<N>, value: i64) {
    out.extend_from_slice(key);
    if value < 0 {
        out.push(b'-');
    }
    digits(out, value.unsigned_abs());
}

#[inline]
fn some_number<const N: usize>(out: &mut Vec<u8>, key: Key<N>, value: u64) {
    if value > 0 {
        number(out, key, value);
    }
}

#[inline]
fn number<const N: usize>(out: &mut Vec<u8>, key: Key<N>, value: u64) {
    out.extend_from_slice(key);
    match value {
        0..10 => out.push(b'0' + value as u8),
        _ => digits(out, value),
    }
}

fn digits(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(Digits::of(number).as_bytes());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::super::contract::row;
    use super::super::super::{Price, Repricing};
    use super::*;
    use crate::catalog::CostStatus;
    use crate::chat::{Bucket, Tier};
    use crate::resources::Stamp;
    use proptest::prelude::*;
    use serde_json::Value;
    use std::sync::Arc;

    fn same(row: &Row) {
        same_after(&Row::default(), row);
    }

    /// A row behind another one, and the same one again.
    fn same_after(first: &Row, second: &Row) {
        let (mut out, mut before) = (b"before".to_vec(), None);
        let mut wanted = "before".to_owned();
        for row in [first, second, second] {
            put(&mut out, row, &mut before).unwrap();
            wanted.push_str(&serde_json::to_string(row).unwrap());
        }
        assert_eq!(std::str::from_utf8(&out).unwrap(), wanted);
    }

    fn full() -> Row {
        let text = || Some("é\"\\\n\u{1}".to_owned());
        Row {
            labels: Some(Arc::new([("a\"".to_owned(), "b".to_owned())].into())),
            environment: Some("live".into()),
            rule: Some(2),
            path: text(),
            unpriced: Some(Bucket::Input),
            tier: Tier::Priority,
            waited_ms: u64::MAX,
            dropped: vec!["a".into(), "b".into()],
            limit: text(),
            shadowed: vec![String::new()],
            error: text(),
            cost_pico: Some(i64::MIN),
            usage: Usage {
                billed: Some((1, 2)),
                ..Usage::all_different()
            },
            attempts: vec![
                Attempt::default(),
                Attempt {
                    status: Some(503),
                    retry_after: Some(9),
                    reason: text(),
                    injected: text(),
                    ..Attempt::default()
                },
            ],
            ..row(12)
        }
    }

    #[test]
    fn rows_are_as_serde_json_writes_them() {
        same(&Row::default());
        (0..50).for_each(|number| same(&row(number)));
        let mut all = full();
        same(&all);
        Repricing::lay(&mut all, Price::default(), Stamp(-1), "ann");
        same(&all);
        let outcomes = [
            Outcome::Ok,
            Outcome::Failed,
            Outcome::FailedAfterCommit,
            Outcome::ClientClosed,
            Outcome::Revoked,
            Outcome::Shutdown,
        ];
        for outcome in outcomes {
            same(&Row { outcome, ..full() });
        }
        for usage_source in [
            UsageSource::None,
            UsageSource::Reported,
            UsageSource::Estimated,
        ] {
            same(&Row {
                usage_source,
                ..full()
            });
        }
        for cost_status in [
            CostStatus::Calculated,
            CostStatus::Estimated,
            CostStatus::Unpriced,
            CostStatus::Free,
        ] {
            same(&Row {
                cost_status,
                ..full()
            });
        }
    }

    /// Other values of the same kind, of which a row reads at least one.
    fn others(value: &Value) -> Vec<Value> {
        let words = ["other", "failed", "estimated"];
        match value {
            Value::Bool(it) => vec![Value::Bool(!it)],
            Value::String(_) => words.map(Value::from).to_vec(),
            Value::Number(_) => vec![7.into()],
            Value::Array(_) => vec![Value::Array(Vec::new())],
            Value::Object(_) => vec![serde_json::json!({})],
            Value::Null => Vec::new(),
        }
    }

    #[test]
    fn what_differs_from_the_row_before_is_not_copied() {
        let all = full();
        let Value::Object(members) = serde_json::to_value(&all).unwrap() else {
            unreachable!()
        };
        let mut changed = std::collections::BTreeSet::new();
        let mut look = |name: &str, value: Option<Value>| {
            let mut members = members.clone();
            match value {
                Some(value) => _ = members.insert(name.to_owned(), value),
                None => _ = members.remove(name),
            }
            let read = serde_json::from_value::<Row>(Value::Object(members));
            if let Some(other) = read.ok().filter(|read| *read != all) {
                same_after(&all, &other);
                same_after(&other, &all);
                changed.insert(name.to_owned());
            }
        };
        for (name, value) in &members {
            look(name, None);
            others(value)
                .into_iter()
                .for_each(|it| look(name, Some(it)));
        }
        let targets: [fn(&mut Attempt); 2] = [
            |attempt| attempt.provider = "other".into(),
            |attempt| attempt.model = "other".into(),
        ];
        for at in 0..all.attempts.len() {
            for change in targets {
                let mut attempts = all.attempts.clone();
                change(&mut attempts[at]);
                look("attempts", Some(serde_json::to_value(&attempts).unwrap()));
            }
        }
        let all: std::collections::BTreeSet<String> = members.keys().cloned().collect();
        assert_eq!(changed, all, "each field was changed");
    }

    proptest! {
        #[test]
        fn texts_and_numbers_are_as_serde_json_writes_them(text in "[\\x00-\\x7fé\"\\\\]{0,24}", signed in any::<i64>(), number in any::<u64>(), small in 0_u64..1_000) {
            same(&Row {
                id: text.clone(),
                model: Some(text.as_str().into()),
                session: Some(text),
                cost_pico: Some(signed),
                latency_ms: number,
                waited_ms: small,
                ..Row::default()
            });
        }
    }
}
