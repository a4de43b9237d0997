//! What every journal must do, as one suite; and an oracle that filters naively.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::sums::{Ask, Fold, Folded};
use super::{
    Content, Filter, Journal, Matcher, Order, Outcome, Price, Repriced, Repricing, Row, Status,
    Tally,
};
use crate::catalog::CostStatus;
use crate::chat::Usage;
use crate::resources::Stamp;
use bytes::Bytes;
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

pub fn id(number: u64) -> String {
    format!(
        "req_{}",
        ulid::Ulid::from_parts(1_790_000_000_000 + number, u128::from(number)).to_string()
    )
}

/// A row whose fields follow from its number.
pub fn row(number: u64) -> Row {
    let pick = |prefix: &str, of: u64| Some(format!("{prefix}{}", number % of));
    let name = |prefix: &str, of: u64| pick(prefix, of).map(Arc::from);
    Row {
        id: id(number),
        at: Stamp(1_790_000_000_000 + i64::try_from(number).unwrap()),
        key: name("key", 3),
        user: name("user", 5),
        route: name("route", 2),
        session: pick("session", 6).filter(|_| number.is_multiple_of(2)),
        agent: pick("agent", 4).filter(|_| number.is_multiple_of(4)),
        provider: name("provider", 4),
        requested_model: name("asked", 3),
        model: name("model", 7),
        format: "openai-chat".into(),
        status: [200, 201, 404, 429, 499, 500, 503][usize::try_from(number % 7).unwrap()],
        // Every third answer that began well broke off.
        outcome: if number % 7 < 2 && number.is_multiple_of(3) {
            Outcome::FailedAfterCommit
        } else {
            Outcome::Ok
        },
        labels: pick("team", 3).map(|team| Arc::new([("team".to_owned(), team)].into())),
        usage: Usage {
            input: number,
            output: number % 5,
            ..Usage::default()
        },
        cost_pico: i64::try_from(number % 11).ok().filter(|cost| *cost > 2),
        latency_ms: number * 7 % 1000,
        ttft_ms: Some(number).filter(|number| number.is_multiple_of(3)),
        ..Row::default()
    }
}

pub fn body(bytes: &[u8]) -> Content {
    Content::new(bytes.to_vec(), Vec::new())
}

pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    crate::wait::until(what, || done().then_some(()));
}

/// Every row a filter finds, page by page, newest first.
pub fn all(log: &dyn Journal, filter: &Filter, limit: usize) -> Vec<Row> {
    all_in(log, filter, Order::NewestFirst, limit)
}

/// The same in this order.
pub fn all_in(log: &dyn Journal, filter: &Filter, order: Order, limit: usize) -> Vec<Row> {
    let (mut rows, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let page = log.query(filter, order, limit, cursor.as_deref()).unwrap();
        assert!(page.rows.len() <= limit.max(1));
        rows.extend(page.rows);
        assert!(
            page.cursor.is_none() || page.cursor != cursor,
            "a page leads to itself: {cursor:?}"
        );
        cursor = page.cursor;
        if cursor.is_none() {
            return rows;
        }
    }
}

fn oracle(rows: &[Row], filter: &Filter) -> Vec<String> {
    let any = |wanted: &[String], values: &[Option<&str>]| {
        wanted.is_empty()
            || wanted
                .iter()
                .any(|wanted| values.contains(&Some(wanted.as_str())))
    };
    let broken = |row: &Row| row.outcome == Outcome::FailedAfterCommit;
    let status = |wanted: &Status, row: &Row| match wanted {
        Status::Ok => row.status < 400 && !broken(row),
        Status::Error => row.status >= 400 || broken(row),
        Status::Http(low, high) => *low <= row.status && row.status <= *high,
    };
    let mut found: Vec<String> = rows
        .iter()
        .filter(|row| {
            any(&filter.key, &[row.key.as_deref()])
                && any(&filter.user, &[row.user.as_deref()])
                && any(&filter.route, &[row.route.as_deref()])
                && any(&filter.session, &[row.session.as_deref()])
                && any(&filter.agent, &[row.agent.as_deref()])
                && any(&filter.provider, &[row.provider.as_deref()])
                && any(
                    &filter.model,
                    &[row.model.as_deref(), row.requested_model.as_deref()],
                )
                && (filter.status.is_empty()
                    || filter.status.iter().any(|wanted| status(wanted, row)))
                && filter.since.is_none_or(|since| row.at.0 >= since.0)
                && filter.until.is_none_or(|until| row.at.0 < until.0)
                && serde_json::to_string(row).unwrap().contains(&filter.text)
        })
        .map(|row| row.id.clone())
        .collect();
    found.sort_by(|one, other| other.cmp(one));
    found
}

fn words(words: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    prop_oneof![3 => Just(Vec::new()), 2 => proptest::sample::subsequence(words, 1..=2).prop_map(|words| words.into_iter().map(String::from).collect())]
}

fn filters() -> impl Strategy<Value = Filter> {
    let time = || prop_oneof![2 => Just(None), 1 => (0_i64..400).prop_map(|ms| Some(Stamp(1_790_000_000_000 + ms)))];
    let text = prop_oneof![3 => Just(String::new()), 1 => "[a-z0-9\"%_:]{1,4}", 1 => Just("\"model\":\"model3\"".to_owned()), 1 => Just("%_%".to_owned())];
    (
        words(&["key0", "key2", "nobody"]),
        words(&["user1", "user4"]),
        words(&["provider0", "provider3"]),
        words(&["asked1", "model5", "none"]),
        words(&["route0", "route1"]),
        words(&["session0", "session1", "session4"]),
        words(&["agent0", "none"]),
        words(&["200", "404", "4xx", "5xx", "ok", "error"]),
        (time(), time(), text),
    )
        .prop_map(
            |(key, user, provider, model, route, session, agent, status, (since, until, text))| {
                Filter {
                    key,
                    user,
                    provider,
                    model,
                    route,
                    session,
                    agent,
                    status: status.iter().map(|word| word.parse().unwrap()).collect(),
                    label: Vec::new(),
                    since,
                    until,
                    text,
                }
            },
        )
}

/// What sums are asked by, in turn.
const BY: [&str; 6] = [
    "key",
    "model,provider,hour",
    "session,agent",
    "user,route,status",
    "requested_model,label:team",
    "day",
];

/// What sums come to by the rows themselves.
pub fn folded(rows: &[Row], ask: &Ask) -> Folded {
    let times = || rows.iter().map(|row| row.at.0);
    let (first, last) = (times().min(), times().max());
    let mut fold = Fold::new(ask, first.unwrap_or_default(), last.unwrap_or_default());
    fold.oldest = first;
    rows.iter().for_each(|row| fold.take_row(row));
    fold.end()
}

/// Runs everything against logs made by `new`.
pub fn suite<J: Journal>(new: impl Fn() -> J) {
    gives_back_what_was_pushed(&new());
    pages_newest_first(&new());
    follows(&new());
    prices_again(&new());
    counts_after_close(&new());
    concurrent_pushes(&new());
    let config = ProptestConfig {
        cases: 12,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let numbers = proptest::collection::btree_set(0_u64..400, 0..300);
    let wanted = proptest::collection::vec((filters(), 1_usize..40), 12);
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(
            &(
                Just(()),
                numbers
                    .prop_map(|set| set.into_iter().collect::<Vec<_>>())
                    .prop_shuffle(),
                wanted,
            ),
            |((), numbers, wanted)| {
                let log = new();
                let rows: Vec<Row> = numbers.into_iter().map(row).collect();
                rows.iter().for_each(|row| log.push(row.clone(), None));
                for ((filter, limit), by) in wanted.into_iter().zip(BY.iter().cycle()) {
                    let mut ask = Ask {
                        filter: Filter {
                            text: String::new(),
                            ..filter.clone()
                        },
                        points: 7,
                        ..Ask::default()
                    };
                    ask.take("by", by).unwrap();
                    let sums = log.fold(&ask).unwrap();
                    prop_assert_eq!(&sums, &folded(&rows, &ask), "{:?}", ask);
                    let found = oracle(&rows, &ask.filter).len() as u64;
                    prop_assert_eq!(sums.total.figures.requests, found);
                    let found: Vec<String> = all(&log, &filter, limit)
                        .into_iter()
                        .map(|row| row.id)
                        .collect();
                    prop_assert_eq!(&found, &oracle(&rows, &filter), "{:?}", filter);
                    let upward = all_in(&log, &filter, Order::OldestFirst, limit);
                    prop_assert!(
                        upward.iter().map(|row| &row.id).eq(found.iter().rev()),
                        "{:?}",
                        filter
                    );
                }
                Ok(())
            },
        )
        .unwrap();
}

fn gives_back_what_was_pushed(log: &dyn Journal) {
    assert_eq!(log.newest(), None);
    let odd = Row {
        error: Some("\u{0}\u{1b}]0;x\u{7} \u{fffd} \"q\" \\".into()),
        ..row(1)
    };
    let pieces = vec![Bytes::from_static(b"ab"), Bytes::from_static(b"c")];
    let content = Content::new(&b"{\0\xff}"[..], pieces).cut(true);
    log.push(odd.clone(), Some(content.clone()));
    log.push(row(2), None);
    log.push(row(3), Some(Content::default()));
    let (found, stored) = log.get(&odd.id).unwrap().unwrap();
    assert_eq!(found, odd);
    let stored = stored.unwrap();
    assert_eq!(
        (stored.request(), &*stored.response(), stored.truncated()),
        (content.request(), &b"abc"[..], true)
    );
    assert_eq!(log.get(&id(2)).unwrap().unwrap(), (row(2), None));
    assert_eq!(
        log.get(&id(3)).unwrap().unwrap(),
        (row(3), Some(Content::default()))
    );
    for absent in [id(4), id(0), String::new(), "req_".into(), "\u{0}%".into()] {
        assert!(log.get(&absent).unwrap().is_none());
    }
    assert_eq!(log.health().written, 3);
    assert_eq!(log.newest(), Some(id(3)));
    let bodies = [1, 2, 3].map(|number| log.find(&id(number)).unwrap().unwrap().1.state());
    assert_eq!(bodies, ["kept", "none", "kept"]);
}

fn pages_newest_first(log: &dyn Journal) {
    assert!(
        log.query(&Filter::default(), Order::NewestFirst, 10, None)
            .unwrap()
            .rows
            .is_empty()
    );
    for number in (0..700).rev().chain(700..1500) {
        log.push(row(number), None);
    }
    let first = log
        .query(&Filter::default(), Order::NewestFirst, 10, None)
        .unwrap();
    assert_eq!(
        first
            .rows
            .iter()
            .map(|row| row.id.clone())
            .collect::<Vec<_>>(),
        (1490..1500).rev().map(id).collect::<Vec<_>>()
    );
    // Rows that come later do not move the pages that follow.
    log.push(row(2000), None);
    let second = log
        .query(
            &Filter::default(),
            Order::NewestFirst,
            10,
            first.cursor.as_deref(),
        )
        .unwrap();
    assert_eq!(second.rows[0].id, id(1489));
    assert_eq!(
        log.query(&Filter::default(), Order::NewestFirst, usize::MAX, None)
            .unwrap()
            .rows
            .len(),
        1000,
        "no page is longer"
    );
    assert_eq!(all(log, &Filter::default(), 333).len(), 1501);
    for cursor in ["", "=", "\u{0}", "zzz", "=req_zzzz", "req_"] {
        assert!(
            log.query(&Filter::default(), Order::NewestFirst, 5, Some(cursor))
                .is_ok(),
            "{cursor:?}"
        );
    }
    let long = Filter {
        text: "%_".repeat(5000),
        ..Filter::default()
    };
    assert!(all(log, &long, 10).is_empty());
}

/// Twice, so that the first price is seen to stay; what is asked afterwards sees the last.
fn prices_again(log: &dyn Journal) {
    let mut rows: Vec<Row> = (0..600).map(row).collect();
    rows.iter().for_each(|row| log.push(row.clone(), None));
    let mut ask = Ask::default();
    ask.take("by", "model,key,hour").unwrap();
    for (round, model) in [(1, "model3"), (2, "model4"), (3, "model3")] {
        let price = move |row: &Row| {
            let usage = i64::try_from(row.usage.input).ok()?;
            (!row.usage.input.is_multiple_of(5)).then_some(Price {
                cost_pico: Some(usage * round),
                cost_status: CostStatus::Calculated,
                ..Price::default()
            })
        };
        let mut wanted = Repricing {
            filter: Filter {
                model: vec![model.to_owned(), "model5".to_owned()],
                until: Some(Stamp(1_790_000_000_500)),
                ..Filter::default()
            },
            price: &price,
            by: None,
        };
        let dry = log.reprice(&wanted).unwrap();
        assert_eq!(log.fold(&ask).unwrap(), folded(&rows, &ask), "{round}: dry");
        let by = (Stamp(round), format!("somebody {round}"));
        wanted.by = Some(by.clone());
        let mut tally = Tally::default();
        let matcher = Matcher::new(&wanted.filter);
        for row in rows.iter_mut().filter(|row| matcher.matches(row)) {
            if let Some(price) = wanted.of(row, &mut tally) {
                let first = row.repriced.take().map(|earlier| earlier.before);
                let before = first.unwrap_or(Price::of(row));
                row.cost_pico = price.cost_pico;
                row.cost_status = price.cost_status;
                row.repriced = Some(Box::new(Repriced {
                    before,
                    at: by.0,
                    who: by.1.clone(),
                }));
            }
        }
        assert!(tally.total().changed > 100 && tally.total().changed < 300);
        assert_eq!(dry, tally, "{round}: a dry run tells what a true one does");
        assert_eq!(log.reprice(&wanted).unwrap(), tally, "{round}");
        let mut newest = rows.clone();
        newest.reverse();
        assert_eq!(all(log, &Filter::default(), 1000), newest, "{round}");
        assert_eq!(log.fold(&ask).unwrap(), folded(&rows, &ask), "{round}");
        let one = rows.iter().find(|row| row.repriced.is_some()).unwrap();
        assert_eq!(log.find(&one.id).unwrap().unwrap().0, *one, "{round}");
        // Rows that come later have their own price, in the same file or not.
        let later = row(2000 + u64::try_from(round).unwrap());
        log.push(later.clone(), None);
        rows.push(later);
        assert_eq!(
            log.fold(&ask).unwrap(),
            folded(&rows, &ask),
            "{round}: later"
        );
    }
}

fn follows(log: &dyn Journal) {
    log.push(row(1), None);
    assert_eq!(all(log, &Filter::default(), 10).len(), 1);
    let (reader, gone) = (log.follow(), log.follow());
    drop(gone);
    log.push(row(2), None);
    log.push(row(3), None);
    let next = || {
        reader
            .rows
            .recv_timeout(Duration::from_secs(30))
            .unwrap()
            .id
            .clone()
    };
    assert_eq!((next(), next()), (id(2), id(3)));
    log.close();
    assert!(reader.rows.recv_timeout(Duration::from_secs(30)).is_err());
}

fn counts_after_close(log: &dyn Journal) {
    (0..500).for_each(|number| log.push(row(number), None));
    log.close();
    log.close();
    log.push(row(1000), Some(body(b"x")));
    let health = log.health();
    assert_eq!(
        (health.written, health.rows_dropped, health.content_dropped),
        (500, 1, 1)
    );
    assert_eq!(
        all(log, &Filter::default(), 100).len(),
        500,
        "a closed log can be read"
    );
}

fn concurrent_pushes(log: &dyn Journal) {
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                (0..1000)
                    .for_each(|number| log.push(row(thread * 1000 + number), Some(body(b"hello"))))
            });
        }
        let reader = scope.spawn(|| {
            (0..20).for_each(|_| {
                drop(
                    log.query(&Filter::default(), Order::NewestFirst, 50, None)
                        .unwrap(),
                )
            })
        });
        reader.join().unwrap();
    });
    assert_eq!(all(log, &Filter::default(), 1000).len(), 4000);
    assert_eq!(log.health().rows_dropped, 0);
}
