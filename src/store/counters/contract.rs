//! What every store of counters keeps, as one suite: each backend passes it through a function that opens it.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::{
    Account, Amounts, Counters, Kind, Memory, Refusal, Reserved, Second, Standing, Subject,
};
use crate::resources::Stamp;
use crate::resources::limit::Limit;
use std::sync::{
    Arc, Barrier,
    atomic::{AtomicU32, Ordering},
};

pub fn limits(texts: &[&str]) -> Vec<Limit> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

pub fn key(name: &str) -> Subject {
    Subject::new(Kind::Key, name, Stamp(7))
}

pub fn tokens(input: u64, output: u64) -> Amounts {
    Amounts {
        requests: 1,
        input,
        output,
        pico: 10 * (input + output),
        parallel: 1,
    }
}

pub fn reserve(
    store: &dyn Counters,
    accounts: &[&Arc<Account>],
    asked: Amounts,
    now: Second,
) -> Result<Reserved, Box<Refusal>> {
    store.reserve(accounts, asked, now).now().unwrap()
}

pub fn standings(store: &dyn Counters, account: &Arc<Account>, now: Second) -> Vec<Standing> {
    store.standings(account, now).now().unwrap()
}

/// Used and reserved, by limit.
pub fn stand(store: &dyn Counters, account: &Arc<Account>, now: Second) -> Vec<(u64, u64)> {
    let standings = standings(store, account, now);
    standings.iter().map(|it| (it.used, it.reserved)).collect()
}

/// The suite. `open` gives an empty store.
pub fn suite(open: &dyn Fn() -> Box<dyn Counters>) {
    what_is_used_takes_the_place_of_what_was_reserved(&*open());
    nothing_is_reserved_where_one_account_refuses(&*open());
    a_refusal_says_what_is_in_the_way_longest(&*open());
    waiting_does_not_cure_everything(&*open());
    shadows_are_told_and_let_in(&*open());
    trying_takes_all_or_leaves_no_trace(&*open());
    only_what_is_asked_for_is_looked_at(&*open());
    limits_change_and_what_was_counted_stays(&*open());
    a_new_thing_of_an_old_name_starts_empty(&*open());
    those_that_are_gone_are_forgotten(&*open());
    what_is_used_can_be_forgotten(&*open());
    threads_get_exactly_what_there_is(&*open());
    accounts_are_locked_in_any_order(&*open());
}

fn what_is_used_takes_the_place_of_what_was_reserved(store: &dyn Counters) {
    let now = store.now();
    let limits = limits(&[
        "tokens=100/hour",
        "requests=9/minute",
        "parallel=3",
        "spend=1/day",
    ]);
    let account = store.account(&key("a"), &limits, 1);
    let reserved = reserve(store, &[&account], tokens(10, 50), now).unwrap();
    assert_eq!((reserved.at, reserved.amounts), (now, tokens(10, 50)));
    assert_eq!(
        stand(store, &account, now),
        [(0, 60), (1, 0), (0, 1), (0, 600)]
    );
    store.settle(&[&account], &reserved, tokens(12, 3), now);
    assert_eq!(
        stand(store, &account, now),
        [(15, 0), (1, 0), (0, 0), (150, 0)]
    );
    // Nothing came of it, and it does not even count.
    let reserved = reserve(store, &[&account], tokens(10, 50), now).unwrap();
    store.settle(&[&account], &reserved, Amounts::default(), now);
    assert_eq!(
        stand(store, &account, now),
        [(15, 0), (1, 0), (0, 0), (150, 0)]
    );
    // It counts in the second it reserved, not in that it settled.
    let reserved = reserve(store, &[&account], tokens(1, 1), now + 60).unwrap();
    store.settle(&[&account], &reserved, tokens(1, 1), now + 119);
    let seen: Vec<_> = standings(store, &account, now + 119)
        .iter()
        .take(2)
        .map(|it| (it.used, it.left, it.reset))
        .collect();
    let expected = [(17, 83, Some(now + 60 + 3_600)), (1, 8, Some(now + 120))];
    assert_eq!(seen, expected);
    assert_eq!(stand(store, &account, now + 120)[1], (0, 0));
}

fn nothing_is_reserved_where_one_account_refuses(store: &dyn Counters) {
    let now = store.now();
    let of_key = store.account(
        &key("a"),
        &limits(&["tokens=100/hour", "requests=9/minute"]),
        1,
    );
    let user = Subject::new(Kind::User, "ann", Stamp(7));
    let user = store.account(&user, &limits(&["tokens=50/hour"]), 1);
    let refusal = reserve(store, &[&of_key, &user], tokens(60, 0), now).unwrap_err();
    assert_eq!(
        (refusal.subject.to_string(), refusal.asked),
        ("user `ann`".into(), 60)
    );
    assert_eq!(stand(store, &of_key, now), [(0, 0), (0, 0)]);
    reserve(store, &[&of_key, &user], tokens(50, 0), now).unwrap();
    assert_eq!(stand(store, &of_key, now), [(0, 50), (1, 0)]);
    assert_eq!(stand(store, &user, now), [(0, 50)]);
}

fn a_refusal_says_what_is_in_the_way_longest(store: &dyn Counters) {
    let now = store.now();
    let limits = limits(&["tokens=100/minute", "tokens=150/hour", "tokens=1000/day"]);
    let account = store.account(&key("a"), &limits, 1);
    for (passed, used) in [(0, 40), (30, 60)] {
        let reserved = reserve(store, &[&account], tokens(used, 0), now + passed).unwrap();
        store.settle(&[&account], &reserved, tokens(used, 0), now + passed);
    }
    let refused = |asked| *reserve(store, &[&account], tokens(asked, 0), now + 31).unwrap_err();
    let seen = |it: Refusal| {
        (
            it.limit.name(),
            it.used,
            it.reserved,
            it.asked,
            it.reset,
            it.retry_after,
        )
    };
    // The first forty leave the minute, and that is enough.
    let expected = (
        "tokens/minute".to_owned(),
        100,
        0,
        30,
        Some(now + 60),
        Some(29),
    );
    assert_eq!(seen(refused(30)), expected);
    // The hour does not have it either.
    let expected = (
        "tokens/hour".to_owned(),
        100,
        0,
        60,
        Some(now + 3_600),
        Some(3_569),
    );
    assert_eq!(seen(refused(60)), expected);
    // What it says is so.
    assert!(reserve(store, &[&account], tokens(30, 0), now + 59).is_err());
    assert!(reserve(store, &[&account], tokens(30, 0), now + 60).is_ok());
}

fn waiting_does_not_cure_everything(store: &dyn Counters) {
    let now = store.now();
    let limits = limits(&["tokens=100/minute", "requests=2/total", "parallel=1"]);
    let account = store.account(&key("a"), &limits, 1);
    let retry = |asked| {
        let refusal = reserve(store, &[&account], asked, now).unwrap_err();
        (refusal.limit.name(), refusal.retry_after)
    };
    assert_eq!(retry(tokens(60, 41)), ("tokens/minute".into(), None));
    let first = reserve(store, &[&account], tokens(60, 0), now).unwrap();
    // What runs is in the way.
    assert_eq!(retry(tokens(1, 0)), ("parallel".into(), Some(1)));
    store.settle(&[&account], &first, tokens(60, 0), now);
    assert_eq!(retry(tokens(41, 0)), ("tokens/minute".into(), Some(60)));
    let second = reserve(store, &[&account], tokens(1, 0), now).unwrap();
    store.settle(&[&account], &second, tokens(1, 0), now);
    assert_eq!(retry(tokens(1, 0)), ("requests/total".into(), None));
}

fn shadows_are_told_and_let_in(store: &dyn Counters) {
    let now = store.now();
    let limits = limits(&["tokens=10/hour:shadow", "requests=1/minute"]);
    let account = store.account(&key("a"), &limits, 1);
    let reserved = reserve(store, &[&account], tokens(11, 0), now).unwrap();
    let told: Vec<_> = reserved
        .shadowed
        .iter()
        .map(|it| (it.limit.to_string(), it.asked))
        .collect();
    assert_eq!(told, [("tokens=10/hour:shadow".to_owned(), 11)]);
    let refusal = reserve(store, &[&account], tokens(11, 0), now).unwrap_err();
    assert_eq!(refusal.limit.name(), "requests/minute");
}

fn trying_takes_all_or_leaves_no_trace(store: &dyn Counters) {
    let now = store.now();
    let (free, tight) = (&["tokens=100/hour"], &["tokens=10/hour:shadow"]);
    let accounts = [(key("a"), free), (key("b"), tight)];
    let accounts = accounts.map(|(key, texts)| store.account(&key, &limits(texts), 1));
    let both: Vec<_> = accounts.iter().collect();
    let tried = |asked| store.try_reserve(&both, asked, now).now().unwrap();
    let before = both.iter().map(|it| standings(store, it, now));
    let before: Vec<_> = before.collect();
    assert_eq!(tried(tokens(11, 0)), None, "a shadow is in the way");
    for (account, before) in both.iter().zip(before) {
        assert_eq!(standings(store, account, now), before);
    }
    let reserved = tried(tokens(10, 0)).unwrap();
    assert_eq!((reserved.at, reserved.amounts), (now, tokens(10, 0)));
    for account in &both {
        assert_eq!(stand(store, account, now), [(0, 10)]);
    }
}

fn only_what_is_asked_for_is_looked_at(store: &dyn Counters) {
    let now = store.now();
    let account = store.account(&key("a"), &limits(&["spend=0/day", "tokens=5/hour"]), 1);
    let free = Amounts {
        pico: 0,
        ..tokens(5, 0)
    };
    let reserved = reserve(store, &[&account], free, now).unwrap();
    // An estimate that was wrong.
    store.settle(&[&account], &reserved, tokens(50, 50), now);
    assert_eq!(stand(store, &account, now), [(1_000, 0), (100, 0)]);
    assert!(
        reserve(
            store,
            &[&account],
            Amounts {
                requests: 1,
                ..Amounts::default()
            },
            now
        )
        .is_ok()
    );
}

fn limits_change_and_what_was_counted_stays(store: &dyn Counters) {
    let now = store.now();
    let account = store.account(&key("a"), &limits(&["tokens=10/hour"]), 2);
    let reserved = reserve(store, &[&account], tokens(10, 0), now).unwrap();
    store.settle(&[&account], &reserved, tokens(10, 0), now);
    let same = store.account(
        &key("a"),
        &limits(&[
            "tokens=20/hour",
            "tokens=15/minute",
            "tokens=30/day",
            "requests=5/total",
        ]),
        3,
    );
    assert!(Arc::ptr_eq(&account, &same));
    assert_eq!(
        stand(store, &account, now),
        [(10, 0), (10, 0), (10, 0), (1, 0)]
    );
    // What an older record says is not heard.
    store.account(&key("a"), &limits(&["tokens=10/hour"]), 2);
    assert!(reserve(store, &[&account], tokens(5, 0), now).is_ok());
}

fn a_new_thing_of_an_old_name_starts_empty(store: &dyn Counters) {
    let now = store.now();
    let limit = limits(&["requests=1/total"]);
    let old = store.account(&key("a"), &limit, 1);
    reserve(store, &[&old], tokens(1, 1), now).unwrap();
    let new = store.account(&Subject::new(Kind::Key, "a", Stamp(8)), &limit, 1);
    assert_eq!(stand(store, &new, now), [(0, 0)]);
    let user = store.account(&Subject::new(Kind::User, "a", Stamp(7)), &limit, 1);
    assert_eq!(stand(store, &user, now), [(0, 0)]);
    let sessions = [
        key("a").session("s"),
        key("a").session("t"),
        key("b").session("s"),
    ];
    for session in &sessions {
        let session = store.account(session, &limit, 1);
        reserve(store, &[&session], tokens(1, 1), now).unwrap();
    }
}

fn those_that_are_gone_are_forgotten(store: &dyn Counters) {
    let limit = limits(&["requests=1/total"]);
    for name in ["a", "b"] {
        store.account(&key(name), &limit, 1);
        store.account(&key(name).session("s"), &limit, 1);
    }
    assert_eq!(store.health().accounts, 4);
    store.retain(&|subject| subject.record() == (Kind::Key, "b"));
    assert_eq!(store.health().accounts, 2);
}

fn what_is_used_can_be_forgotten(store: &dyn Counters) {
    let now = store.now();
    let all = [
        "tokens=50/hour",
        "input=50/minute",
        "spend=1/day",
        "requests=3/total",
        "tokens=90/total",
    ];
    let account = store.account(&key("a"), &limits(&all), 1);
    let used = |used: Amounts| {
        let reserved = reserve(store, &[&account], used, now).unwrap();
        store.settle(&[&account], &reserved, used, now);
    };
    used(tokens(30, 10));
    let held = reserve(store, &[&account], tokens(5, 5), now).unwrap();
    let forget = |limit: &str| store.reset(&account, Some(&limit.parse().unwrap()));
    forget("input=1/minute");
    assert_eq!(
        stand(store, &account, now),
        [(10, 10), (0, 5), (400, 100), (2, 0), (40, 10)]
    );
    forget("spend=1/day");
    forget("requests=3/total");
    assert_eq!(
        stand(store, &account, now),
        [(10, 10), (0, 5), (0, 100), (0, 0), (40, 10)]
    );
    store.settle(&[&account], &held, tokens(5, 5), now);
    assert_eq!(
        stand(store, &account, now),
        [(20, 0), (5, 0), (100, 0), (0, 0), (50, 0)]
    );
    store.reset(&account, None);
    assert_eq!(stand(store, &account, now), [(0, 0); 5]);
    used(tokens(50, 0));
    assert_eq!(
        stand(store, &account, now),
        [(50, 0), (50, 0), (500, 0), (1, 0), (50, 0)]
    );
    assert_eq!(store.accounts().len(), 1);
}

fn threads_get_exactly_what_there_is(store: &dyn Counters) {
    const THREADS: u32 = 8;
    const EACH: u32 = 500;
    let now = store.now();
    let account = store.account(
        &key("a"),
        &limits(&["tokens=10000/hour", "requests=5000/minute"]),
        1,
    );
    let user = Subject::new(Kind::User, "ann", Stamp(7));
    let user = store.account(&user, &limits(&["tokens=9990/hour"]), 1);
    let (passed, start) = (AtomicU32::new(0), Barrier::new(THREADS as usize));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                for at in 0..EACH {
                    let Ok(reserved) = reserve(store, &[&account, &user], tokens(7, 3), now) else {
                        continue;
                    };
                    // Nothing came of some: others may have it.
                    let used = if at % 5 == 0 {
                        Amounts::default()
                    } else {
                        tokens(7, 3)
                    };
                    store.settle(&[&account, &user], &reserved, used, now);
                    passed.fetch_add(u32::from(at % 5 > 0), Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), 999);
    assert_eq!(stand(store, &account, now), [(9_990, 0), (999, 0)]);
    assert_eq!(stand(store, &user, now), [(9_990, 0)]);
}

fn accounts_are_locked_in_any_order(store: &dyn Counters) {
    let now = store.now();
    let of: Vec<_> = ["a", "b", "c"]
        .iter()
        .map(|name| store.account(&key(name), &limits(&["requests=100000/total"]), 1))
        .collect();
    std::thread::scope(|scope| {
        for turn in 0..3 {
            let of = &of;
            scope.spawn(move || {
                let accounts = [
                    &of[turn],
                    &of[(turn + 1) % 3],
                    &of[(turn + 2) % 3],
                    &of[turn],
                ];
                for _ in 0..2_000 {
                    let reserved = reserve(store, &accounts, tokens(1, 1), now).unwrap();
                    store.settle(&accounts[..3], &reserved, tokens(1, 1), now);
                }
            });
        }
    });
    for account in &of {
        assert_eq!(stand(store, account, now), [(6_000, 0)]);
    }
}

#[test]
fn memory_keeps_the_contract() {
    suite(&|| Box::new(Memory::default()));
}

/// The sessions that were used longest ago make room.
#[test]
fn sessions_are_bounded() {
    let store = Memory::new(super::Clock::system(), 16, None);
    let limit = limits(&["requests=5/total"]);
    let now = store.now();
    let used = |id: &str, now| {
        let account = store.account(&key("a").session(id), &limit, 1);
        let reserved = reserve(&store, &[&account], tokens(1, 1), now).unwrap();
        store.settle(&[&account], &reserved, tokens(1, 1), now);
        stand(&store, &account, now)[0].0
    };
    // One that runs stays, however old.
    let runs = store.account(&key("a").session("runs"), &limit, 1);
    reserve(&store, &[&runs], tokens(1, 1), now - 50).unwrap();
    for turn in 0..200 {
        assert_eq!(used(&format!("s{turn}"), now + turn), 1);
        assert!(store.health().accounts <= 16);
        if turn % 4 == 0 && turn < 16 {
            used("often", now + turn);
        }
    }
    assert_eq!(stand(&store, &runs, now + 200), [(1, 0)]);
    let again = store.account(&key("a").session("runs"), &limit, 1);
    assert!(Arc::ptr_eq(&runs, &again));
}
