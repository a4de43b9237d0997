//! What outlives the process: whatever was written is there again, damage costs what it hits, and nothing waits for the disk.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::codec::Written;
use super::*;
use crate::store::counters::contract::{self, key, limits, reserve, stand, tokens};
use crate::store::counters::reserving;
use proptest::prelude::*;
use std::cell::RefCell;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const START: Second = 1_795_001_600;

/// Opened as if it were this second.
fn at(dir: &Path, second: Second) -> Embedded {
    Embedded::open_at(dir, |_| Stamp(i64::from(second) * 1_000)).unwrap()
}

fn used(store: &Embedded, account: &Arc<Account>, used: Amounts, now: Second) {
    let reserved = reserve(store, &[account], used, now).unwrap();
    store.settle(&[account], &reserved, used, now);
}

#[test]
fn the_file_keeps_the_contract() {
    let dirs = RefCell::new(Vec::new());
    contract::suite(&|| {
        let dir = tempfile::tempdir().unwrap();
        let store = Embedded::open(dir.path()).unwrap();
        dirs.borrow_mut().push(dir);
        Box::new(store)
    });
}

#[test]
fn what_was_counted_is_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let limit = limits(&[
        "tokens=100/hour",
        "requests=9/minute",
        "spend=1/month",
        "output=9/total",
    ]);
    let expected = [(12, 0), (1, 0), (120, 0), (2, 0)];
    let session = key("a").session("s");
    {
        let store = at(dir.path(), START);
        for subject in [&key("a"), &session] {
            let account = store.account(subject, &limit, 1);
            used(&store, &account, tokens(10, 2), START);
            assert_eq!(stand(&store, &account, START), expected);
        }
    }
    for _ in 0..3 {
        let store = at(dir.path(), START + 10);
        assert_eq!(store.health().accounts, 2);
        for subject in [&key("a"), &session] {
            let account = store.account(subject, &limit, 1);
            assert_eq!(stand(&store, &account, START + 10), expected);
        }
        assert_eq!(store.health().damaged, None);
    }
    let store = at(dir.path(), START + 60);
    let account = store.account(&key("a"), &limit, 1);
    assert_eq!(stand(&store, &account, START + 60)[1], (0, 0));
    assert_eq!(stand(&store, &account, START + 3_600)[0], (0, 0));
}

/// A process that dies does not know what became of its requests: what they held counts.
#[test]
fn what_was_held_counts_when_the_process_dies() {
    let dir = tempfile::tempdir().unwrap();
    let limit = limits(&["tokens=100/hour", "parallel=3", "requests=9/total"]);
    let store = at(dir.path(), START);
    let account = store.account(&key("a"), &limit, 1);
    used(&store, &account, tokens(1, 1), START);
    reserve(&store, &[&account], tokens(10, 2), START).unwrap();
    store.flush();
    // As one that dies: nothing more is written.
    let copy = tempfile::tempdir().unwrap();
    fs::copy(dir.path().join(NAME), copy.path().join(NAME)).unwrap();
    for turn in 0..3 {
        let store = at(copy.path(), START + 5);
        let account = store.account(&key("a"), &limit, 1);
        let expected = [(14 + 2 * turn, 0), (0, 0), (2 + turn, 0)];
        assert_eq!(stand(&store, &account, START + 5), expected);
        used(&store, &account, tokens(1, 1), START + 5);
    }
}

#[test]
fn a_torn_tail_is_cut_off_and_the_rest_counts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(NAME);
    let limit = limits(&["requests=99/hour"]);
    {
        let store = at(dir.path(), START);
        let account = store.account(&key("a"), &limit, 1);
        for passed in 0..10 {
            used(&store, &account, tokens(1, 1), START + passed);
            store.flush();
        }
    }
    let bytes = fs::read(&path).unwrap();
    let mut counted = 10;
    for cut in (0..=bytes.len()).rev().step_by(3) {
        fs::write(&path, &bytes[..cut]).unwrap();
        let store = at(dir.path(), START + 10);
        let account = store.account(&key("a"), &limit, 1);
        let (used, _) = stand(&store, &account, START + 10)[0];
        assert!(used <= counted, "{cut}");
        counted = used;
        let beginning = (1..8).contains(&cut);
        assert_eq!(store.health().damaged.is_some(), beginning, "{cut}");
        store.close();
        let _ = fs::remove_file(dir.path().join(DAMAGED));
    }
    assert_eq!(counted, 0);
}

#[test]
fn damage_is_told_and_kept_aside_and_not_carried_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(NAME);
    let limit = limits(&["requests=99/hour"]);
    {
        let store = at(dir.path(), START);
        for name in ["a", "b"] {
            let account = store.account(&key(name), &limit, 1);
            used(&store, &account, tokens(1, 1), START);
            store.flush();
        }
        let account = store.account(&key("a"), &limit, 1);
        used(&store, &account, tokens(1, 1), START);
    }
    let mut bytes = fs::read(&path).unwrap();
    // In the first frame, which is what is known of `a`.
    bytes[30] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let store = at(dir.path(), START + 1);
    let counted = |store: &Embedded, name: &str| {
        let account = store.account(&key(name), &limit, 1);
        stand(store, &account, START + 1)[0].0
    };
    assert_eq!((counted(&store, "a"), counted(&store, "b")), (0, 1));
    let said = store.health().damaged.unwrap();
    assert!(
        said.contains("has 1 damaged place(s)") && said.contains(DAMAGED),
        "{said}"
    );
    store.close();
    assert_eq!(fs::read(dir.path().join(DAMAGED)).unwrap(), bytes);
    // As long as it lies there it is said, and the file itself is whole again.
    let store = at(dir.path(), START + 1);
    assert_eq!(counted(&store, "b"), 1);
    let said = store.health().damaged.unwrap();
    assert!(said.contains("at an earlier start"), "{said}");
    store.close();
    fs::remove_file(dir.path().join(DAMAGED)).unwrap();
    assert_eq!(at(dir.path(), START + 1).health().damaged, None);

    fs::write(&path, "something else").unwrap();
    let store = at(dir.path(), START + 1);
    assert_eq!(counted(&store, "b"), 0);
    assert!(
        store
            .health()
            .damaged
            .unwrap()
            .contains("no file of counters")
    );
}

#[test]
fn writing_anew_gives_room_back_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let limit = limits(&["tokens=1000000000/hour", "requests=1000000/total"]);
    let store = at(dir.path(), START);
    let (stop, total) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut shrunk = 0;
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (store, limit, stop, total) = (&store, &limit, &stop, &total);
            scope.spawn(move || {
                let mut turn = 0u64;
                while !stop.load(Ordering::Relaxed) {
                    let name = format!("{thread}-{}", turn % 200);
                    let account = store.account(&key(&name), limit, 1);
                    used(store, &account, tokens(2, 1), START + (turn % 50) as u32);
                    total.fetch_add(1, Ordering::Relaxed);
                    turn += 1;
                }
            });
        }
        for _ in 0..30 {
            for _ in 0..5 {
                store.flush();
            }
            let (before, after) = store.compact().unwrap().unwrap();
            shrunk += u32::from(after < before);
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(shrunk > 10, "{shrunk}");
    let sum = |store: &Embedded| -> (u64, u64) {
        let accounts = store.accounts();
        let mut sum = (0, 0);
        for account in accounts {
            let account = store.account(account.subject(), &limit, 1);
            let stand = stand(store, &account, START + 60);
            sum = (sum.0 + stand[0].0, sum.1 + stand[1].0);
        }
        sum
    };
    let total = total.into_inner();
    assert_eq!(sum(&store), (3 * total, total));
    store.close();
    assert_eq!(sum(&at(dir.path(), START + 60)), (3 * total, total));
    assert!(!disk::beside(&dir.path().join(NAME)).exists());
}

#[test]
fn without_room_it_counts_in_memory_and_writes_when_there_is() {
    let parent = tempfile::tempdir().unwrap();
    // A file where the directory is to be.
    let dir = parent.path().join("counters");
    fs::write(&dir, "").unwrap();
    let limit = limits(&["requests=99/hour"]);
    {
        let store = at(&dir, START);
        let account = store.account(&key("a"), &limit, 1);
        for _ in 0..5 {
            used(&store, &account, tokens(1, 1), START);
            store.flush();
            assert!(store.health().degraded.is_some());
        }
        assert_eq!(stand(&store, &account, START), [(5, 0)]);
        assert!(store.compact().is_err());
        fs::remove_file(&dir).unwrap();
        store.flush();
        assert_eq!(store.health().degraded, None);
    }
    let store = at(&dir, START);
    let account = store.account(&key("a"), &limit, 1);
    assert_eq!(stand(&store, &account, START), [(5, 0)]);
}

/// The clock was ahead when the file was written.
#[test]
fn nothing_counts_as_later_than_now() {
    let dir = tempfile::tempdir().unwrap();
    let limit = limits(&["tokens=100/hour", "requests=9/minute", "spend=1/month"]);
    let ahead = START + 400 * 86_400;
    {
        let store = at(dir.path(), ahead);
        let account = store.account(&key("a"), &limit, 1);
        used(&store, &account, tokens(10, 2), ahead);
    }
    for _ in 0..2 {
        let store = at(dir.path(), START);
        let account = store.account(&key("a"), &limit, 1);
        let now = store.now();
        assert_eq!(stand(&store, &account, now), [(12, 0), (1, 0), (120, 0)]);
    }
    // An hour, and the lock-out is over.
    let store = at(dir.path(), START + 3_660);
    let account = store.account(&key("a"), &limit, 1);
    assert_eq!(stand(&store, &account, START + 3_660)[0], (0, 0));
}

#[derive(Clone, Debug)]
enum Step {
    Wait(u32),
    Use(usize, u64),
    Reset,
    Flush,
    Restart,
    Compact,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whenever it is written, written anew or restarted, it stands as it would had it run on.
    #[test]
    fn restarts_make_no_difference(steps in prop::collection::vec(prop_oneof![
        6 => prop::sample::select(&[0u32, 1, 1, 5, 59, 61, 3_000, 90_000, 2_700_000][..]).prop_map(Step::Wait),
        12 => (0usize..3, 0u64..50).prop_map(|(of, used)| Step::Use(of, used)),
        1 => Just(Step::Reset),
        4 => Just(Step::Flush),
        2 => Just(Step::Restart),
        1 => Just(Step::Compact),
    ], 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let limit = limits(&[
            "tokens=9000/rolling-day",
            "tokens=9000/minute",
            "output=500/hour",
            "requests=900/hour",
            "requests=900/calendar-hour",
            "spend=1/month",
            "spend=1/rolling-month",
            "input=9000/total",
        ]);
        let subjects = [key("a"), key("b"), key("a").session("s")];
        let open = |now: Second| {
            let store = at(dir.path(), now);
            let accounts = subjects.each_ref().map(|subject| store.account(subject, &limit, 1));
            (store, accounts)
        };
        let twins = subjects.each_ref().map(|subject| {
            let twin = Arc::new(Account::new(subject.clone(), Default::default(), None));
            twin.limit(&limit, 1, START);
            twin
        });
        let mut now = START;
        let (mut store, mut accounts) = open(now);
        for step in steps {
            match step {
                Step::Wait(seconds) => now += seconds,
                Step::Use(of, much) => {
                    let amounts = tokens(much, much / 2);
                    for account in [&accounts[of], &twins[of]] {
                        let reserved = reserving::reserve(&[account], amounts, now).unwrap_or(Reserved {
                            amounts: Amounts::default(), at: now, shadowed: Vec::new(),
                        });
                        let used = Amounts { output: much, ..reserved.amounts };
                        reserving::settle(&[account], &reserved, &used, now);
                    }
                }
                Step::Reset => {
                    store.reset(&accounts[0], Some(&limit[2]));
                    twins[0].ledger().reset(Some(&limit[2]));
                }
                Step::Flush => store.flush(),
                Step::Compact => prop_assert!(store.compact().unwrap().is_some()),
                Step::Restart => {
                    store.close();
                    (store, accounts) = open(now);
                }
            }
            for (account, twin) in accounts.iter().zip(&twins) {
                let stands = |account: &Arc<Account>| {
                    let mut ledger = account.ledger();
                    ledger.advance(now);
                    let mut standings = ledger.standings();
                    // Of this process alone.
                    standings.iter_mut().for_each(|it| it.refused = 0);
                    standings
                };
                prop_assert_eq!(stands(account), stands(twin));
            }
        }
        prop_assert_eq!(store.health().damaged, None);
    }
}

#[test]
fn a_frame_says_when_it_was_written() {
    let dir = tempfile::tempdir().unwrap();
    {
        let store = at(dir.path(), START);
        let account = store.account(&key("a"), &limits(&["requests=1/total"]), 1);
        used(&store, &account, tokens(1, 1), START);
    }
    let last = load::load(&dir.path().join(NAME)).unwrap().last.unwrap();
    let Written { at, monotonic, run } = last;
    assert!((START..START + 60).contains(&at) && monotonic > 0);
    assert_eq!(run, super::run());
}
