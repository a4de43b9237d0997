//! How targets rest, come back and are counted.

#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::slot::{PROBE_MS, RECENT_MS, STALE_MS};
use super::*;
use crate::plan::{Plan, testing};
use serde_json::json;
use std::time::Duration;

const FAILURES: u64 = 3;
const SUSPEND_MS: u64 = 30_000;

fn begin() -> Moment {
    Moment::after_beginning(Duration::from_secs(1_000))
}

/// Provider `a`; a route names its model `m`, and callers choose others.
fn snapshot() -> Snapshot {
    testing::snapshot(json!([
        {"kind": "user", "name": "ann"},
        {"kind": "key", "name": "k"},
        {"kind": "provider", "name": "a"},
        {"kind": "route", "name": "r", "keys": ["k"], "targets": [{"provider": "a", "model": "m"}, {"provider": "a"}]}
    ]))
}

/// A model as one more request meets it.
fn meet(snapshot: &Snapshot, model: &str) -> TargetState {
    let health = &snapshot.providers[0].health;
    match model {
        "m" => TargetState::named(&health.named(&"m".into())),
        _ => TargetState::asked(health, &model.into()),
    }
}

/// One request's attempt at a model.
fn enter(snapshot: &Snapshot, model: &str, now: Moment) -> Entry {
    meet(snapshot, model).enter(now, true).unwrap()
}

/// Both kinds of targets: a model that a route names, and one that callers choose.
const KINDS: [(&str, &str); 2] = [("m", "n"), ("n", "m")];

fn suspended(model: &str) -> Snapshot {
    let snapshot = snapshot();
    (0..FAILURES).for_each(|_| enter(&snapshot, model, begin()).failed(begin()));
    snapshot
}

type Left = (Vec<String>, Vec<(String, Why)>);

/// A plan of attempts at `m` and `n`.
fn planned(snapshot: &Snapshot) -> Plan {
    let choice = |model| Choice {
        state: meet(snapshot, model),
        ..testing::choice(snapshot, "a", model)
    };
    Plan {
        route: None,
        rule: None,
        attempts: ["m", "n"].map(choice).into(),
        later: Vec::new(),
        excluded: Vec::new(),
    }
}

fn names(choices: &[Choice]) -> Vec<String> {
    choices.iter().map(|it| it.model.to_string()).collect()
}

/// What is left of attempts at `m` and `n`, and what is left out for how long.
fn resting(snapshot: &Snapshot, now: Moment) -> Left {
    let mut plan = planned(snapshot);
    let (attempts, excluded) = (&mut plan.attempts, &mut plan.excluded);
    rest(snapshot, attempts, excluded, now, true);
    let out = plan
        .excluded
        .iter()
        .map(|out| (out.model.as_deref().unwrap().to_owned(), out.why.clone()));
    (names(&plan.attempts), out.collect())
}

fn both() -> Left {
    (vec!["m".into(), "n".into()], vec![])
}

fn only(left: &str, out: &str, ms: u64) -> Left {
    (vec![left.into()], vec![(out.into(), Why::Resting(ms))])
}

/// Whether a request meets a target with nothing remembered of it.
fn well(snapshot: &Snapshot, model: &str, now: Moment) -> bool {
    let state = meet(snapshot, model);
    state.place.known(now, |slot| slot.forgotten(now)) != Some(false)
}

#[test]
fn a_cool_down_is_clamped_and_ends_by_itself() {
    for (model, other) in KINDS {
        for (asked, expected) in [
            (None, 1_000),
            (Some(0), 1_000),
            (Some(5_000), 5_000),
            (Some(u64::MAX), 600_000),
            (Some(3_600_000), 600_000),
        ] {
            let (snapshot, now) = (snapshot(), begin());
            enter(&snapshot, model, now).cool(asked, now);
            assert_eq!(resting(&snapshot, now), only(other, model, expected));
            let last = now.plus(expected - 1);
            assert_eq!(resting(&snapshot, last), only(other, model, 1));
            assert_eq!(snapshot.providers[0].health.resting(last), 1);
            let after = now.plus(expected);
            assert_eq!(resting(&snapshot, after), both(), "{asked:?}");
            assert!(well(&snapshot, model, after));
            assert_eq!(snapshot.providers[0].health.resting(after), 0);
        }
    }
}

#[test]
fn a_late_success_does_not_end_a_cool_down() {
    let (snapshot, now) = (snapshot(), begin());
    let mut early = enter(&snapshot, "m", now);
    enter(&snapshot, "m", now).cool(Some(60_000), now);
    early.worked(now.plus(10));
    assert_eq!(resting(&snapshot, now.plus(20)), only("n", "m", 59_980));
}

#[test]
fn three_failures_in_a_row_suspend() {
    for (model, other) in KINDS {
        let (snapshot, now) = (snapshot(), begin());
        for _ in 0..2 {
            enter(&snapshot, model, now).failed(now);
            enter(&snapshot, model, now).failed(now);
            assert_eq!(resting(&snapshot, now), both());
            enter(&snapshot, model, now).worked(now);
            assert!(well(&snapshot, model, now));
        }
        let snapshot = suspended(model);
        assert_eq!(resting(&snapshot, now), only(other, model, SUSPEND_MS));
        assert_eq!(snapshot.providers[0].health.resting(now), 1);
    }
}

#[test]
fn one_request_counts_one_failure_however_often_it_tries() {
    for (model, _) in KINDS {
        let (snapshot, now) = (snapshot(), begin());
        for _ in 0..FAILURES - 1 {
            let request = meet(&snapshot, model);
            for round in 0..5 {
                let mut entry = request.enter(now.plus(round), true).unwrap();
                entry.failed(now.plus(round));
                entry.failed(now.plus(round));
            }
        }
        assert_eq!(resting(&snapshot, now.plus(5)), both());
        let request = meet(&snapshot, model);
        request.enter(now, true).unwrap().failed(now);
        assert_ne!(resting(&snapshot, now.plus(5)), both());
    }
}

#[test]
fn failures_further_apart_than_a_minute_are_not_in_a_row() {
    for (model, other) in KINDS {
        let (snapshot, mut now) = (snapshot(), begin());
        for _ in 0..10 {
            enter(&snapshot, model, now).failed(now);
            now = now.plus(RECENT_MS + 1);
        }
        assert_eq!(resting(&snapshot, now), both());
        assert!(well(&snapshot, model, now));
        for _ in 0..FAILURES {
            enter(&snapshot, model, now).failed(now);
            now = now.plus(RECENT_MS);
        }
        let last = now.ms() - begin().ms() - RECENT_MS;
        let left = resting(&snapshot, begin().plus(last));
        assert_eq!(left, only(other, model, SUSPEND_MS));
    }
}

#[test]
fn one_probe_ends_a_suspension() {
    for (model, other) in KINDS {
        let after = begin().plus(SUSPEND_MS);
        let snapshot = suspended(model);
        assert_eq!(resting(&snapshot, after), both(), "free for a probe");
        let mut probe = meet(&snapshot, model).enter(after, false).unwrap();
        assert!(probe.probe.is_some());
        let second = meet(&snapshot, model).enter(after, false);
        assert!(second.is_none(), "one probe at a time");
        let left = only(other, model, PROBE_MS);
        assert_eq!(resting(&snapshot, after), left, "nobody plans on it");
        let forced = meet(&snapshot, model).enter(after, true).unwrap();
        assert!(forced.probe.is_none(), "better than nothing");
        probe.worked(after.plus(5));
        assert!(well(&snapshot, model, after.plus(5)));
        assert_eq!(resting(&snapshot, after.plus(5)), both());
    }
}

#[test]
fn a_failed_probe_suspends_again_and_an_undecided_one_is_made_again() {
    for (model, other) in KINDS {
        let after = begin().plus(SUSPEND_MS);
        let snapshot = suspended(model);
        enter(&snapshot, model, after).failed(after);
        assert_eq!(resting(&snapshot, after), only(other, model, SUSPEND_MS));
        let again = after.plus(SUSPEND_MS);
        drop(meet(&snapshot, model).enter(again, false).unwrap());
        let lost = meet(&snapshot, model).enter(again, false).unwrap();
        assert!(lost.probe.is_some(), "the first was dropped without a word");
        std::mem::forget(lost);
        let late = again.plus(PROBE_MS);
        let early = meet(&snapshot, model).enter(again.plus(PROBE_MS - 1), false);
        assert!(early.is_none());
        let next = meet(&snapshot, model).enter(late, false).unwrap();
        assert!(next.probe.is_some(), "a lost probe is given up");
    }
}

/// The probe of a request that has tried the target before is one like any other, though it counts no failure.
#[test]
fn a_failed_probe_suspends_again_whoever_made_it() {
    let snapshot = suspended("m");
    let request = meet(&snapshot, "m");
    request.enter(begin(), true).unwrap().failed(begin());
    let after = begin().plus(2 * SUSPEND_MS);
    let mut probe = request.enter(after, false).unwrap();
    assert!(probe.probe.is_some());
    probe.failed(after);
    assert_eq!(resting(&snapshot, after), only("n", "m", SUSPEND_MS));
}

/// What was under way when a suspension began says nothing new by failing after it.
#[test]
fn late_failures_make_a_suspension_no_longer() {
    let snapshot = snapshot();
    let mut slow = enter(&snapshot, "m", begin());
    (0..FAILURES).for_each(|_| enter(&snapshot, "m", begin()).failed(begin()));
    slow.failed(begin().plus(SUSPEND_MS - 10));
    assert_eq!(
        resting(&snapshot, begin().plus(SUSPEND_MS - 10)),
        only("n", "m", 10)
    );
    assert_eq!(resting(&snapshot, begin().plus(SUSPEND_MS)), both());
}

/// A stream ends a suspension when its content begins, and may still break: three that do suspend.
#[test]
fn streams_that_always_break_suspend() {
    let (snapshot, now) = (snapshot(), begin());
    for _ in 0..FAILURES {
        let mut entry = enter(&snapshot, "m", now);
        entry.answered(now);
        entry.failed(now);
    }
    assert_eq!(resting(&snapshot, now), only("n", "m", SUSPEND_MS));
    let after = now.plus(SUSPEND_MS);
    let mut probe = meet(&snapshot, "m").enter(after, false).unwrap();
    probe.answered(after);
    assert_eq!(resting(&snapshot, after), both(), "the probe is over");
    probe.failed(after);
    assert_eq!(resting(&snapshot, after), only("n", "m", SUSPEND_MS));
}

#[test]
fn a_suspension_that_nobody_probes_is_forgotten() {
    for (model, _) in KINDS {
        let snapshot = suspended(model);
        let late = begin().plus(SUSPEND_MS + STALE_MS);
        assert!(!well(&snapshot, model, begin().plus(SUSPEND_MS)));
        assert!(well(&snapshot, model, late));
        let entry = meet(&snapshot, model).enter(late, false).unwrap();
        assert!(entry.probe.is_none());
    }
}

#[test]
fn where_all_rest_the_soonest_free_stays() {
    let (snapshot, now) = (suspended("m"), begin());
    enter(&snapshot, "n", now).cool(Some(10_000), now);
    assert_eq!(resting(&snapshot, now), only("n", "m", 30_000));
    enter(&snapshot, "n", now).cool(Some(50_000), now);
    assert_eq!(resting(&snapshot, now), only("m", "n", 50_000));
}

/// Models that callers make up: bounded in number and bytes, looked up only while one may be other than well.
#[test]
fn made_up_models_are_bounded_and_cost_nothing_once_they_are_old() {
    let (snapshot, now) = (snapshot(), begin());
    let health = snapshot.providers[0].health.clone();
    let count = || health.slots.read().unwrap().asked.len();
    for at in 0..MOST + 10 {
        enter(&snapshot, &format!("made-up-{at}"), now).failed(now);
    }
    enter(&snapshot, &"x".repeat(LONGEST + 1), now).failed(now);
    assert_eq!(count(), MOST);
    assert!(health.find("made-up-7", now.plus(RECENT_MS - 1)).is_some());
    let later = now.plus(RECENT_MS);
    let lock = health.slots.write().unwrap();
    // It would wait for the lock if it looked.
    assert!(health.find("made-up-7", later).is_none());
    drop(lock);
    let later = later.plus(1);
    enter(&snapshot, &"x".repeat(LONGEST + 1), later).failed(later);
    enter(&snapshot, "n", later).failed(later);
    assert_eq!(count(), 1, "the old ones made room");
}

#[test]
fn a_slot_is_one_for_all_who_name_the_model_and_goes_with_the_last() {
    let items = |routes: &[&str]| {
        let mut items = vec![
            json!({"kind": "provider", "name": "a"}),
            json!({"kind": "user", "name": "ann"}),
        ];
        items.extend(routes.iter().map(|name| {
            json!({"kind": "route", "name": name, "users": ["ann"], "targets": [{"provider": "a", "model": "m"}]})
        }));
        testing::records(items.into())
    };
    let now = begin();
    let mut snapshot = testing::after(&Snapshot::default(), 1, items(&["r", "s"]));
    let health = snapshot.providers[0].health.clone();
    let asked = TargetState::asked(&health, &"m".into());
    asked.enter(now, true).unwrap().cool(Some(60_000), now);
    snapshot = testing::after(&snapshot, 2, items(&["s", "t"]));
    assert!(Arc::ptr_eq(&health, &snapshot.providers[0].health));
    assert_eq!(health.resting(now), 1, "what a route named kept it");
    snapshot = testing::after(&snapshot, 3, items(&[]));
    assert_eq!(health.resting(now), 0);
    // What callers chose before a route named it goes on in the route's slot.
    asked.enter(now, true).unwrap().cool(Some(60_000), now);
    snapshot = testing::after(&snapshot, 4, items(&["r"]));
    let slots = health.slots.read().unwrap();
    assert_eq!((slots.named.len(), slots.asked.len()), (1, 0));
    drop(slots);
    assert_eq!(health.resting(now), 1);
    drop(snapshot);
}

#[test]
fn what_is_under_way_and_how_soon_content_comes_is_counted() {
    let (snapshot, now) = (snapshot(), begin());
    let load = |in_flight, first_content_ms| Load {
        in_flight,
        first_content_ms,
    };
    let mut stream = enter(&snapshot, "m", now);
    let failing = enter(&snapshot, "m", now);
    assert_eq!(meet(&snapshot, "m").load(), load(2, None));
    drop(failing);
    stream.answered(now.plus(40));
    stream.worked(now.plus(9_000));
    assert_eq!(meet(&snapshot, "m").load(), load(1, Some(40)));
    drop(stream);
    // A refusal is no content, however soon it comes.
    enter(&snapshot, "m", now).worked(now);
    assert_eq!(meet(&snapshot, "m").load(), load(0, Some(40)));
    // Models that callers choose are counted for their provider together.
    let chosen = enter(&snapshot, "n", now);
    assert_eq!(meet(&snapshot, "another").load(), load(1, None));
    drop(chosen);
    assert_eq!(meet(&snapshot, "n").load(), load(0, None));
}

/// What a provider's record says holds for its targets from then on.
#[test]
fn a_provider_says_after_how_many_failures_and_for_how_long() {
    let set = |before: &Snapshot, revision: u64, spec: serde_json::Value| {
        let mut provider = json!({"kind": "provider", "name": "a"});
        provider
            .as_object_mut()
            .unwrap()
            .extend(spec.as_object().unwrap().clone());
        let items = json!([{"kind": "user", "name": "ann"}, {"kind": "key", "name": "k"}, provider,
            {"kind": "route", "name": "r", "keys": ["k"], "targets": [{"provider": "a", "model": "m"}, {"provider": "a"}]}]);
        testing::after(before, revision, testing::records(items))
    };
    for (model, other) in KINDS {
        let now = begin();
        let first = set(
            &Snapshot::default(),
            1,
            json!({"suspend_after": 1, "suspend_for": "5m"}),
        );
        enter(&first, model, now).failed(now);
        assert_eq!(resting(&first, now), only(other, model, 300_000));
        // A suspension that has begun goes on; the next failure goes by what is said then.
        let second = set(&first, 2, json!({"suspend_after": 0}));
        assert_eq!(resting(&second, now), only(other, model, 300_000));
        let after = now.plus(300_000);
        enter(&second, model, after).failed(after);
        (0..300).for_each(|_| enter(&second, model, after).failed(after));
        assert_eq!(resting(&second, after), both());
        let third = set(&second, 3, json!({"suspend_after": 4, "suspend_for": "2s"}));
        enter(&third, model, after).worked(after);
        (0..3).for_each(|_| enter(&third, model, after).failed(after));
        assert_eq!(resting(&third, after), both());
        enter(&third, model, after).failed(after);
        assert_eq!(resting(&third, after), only(other, model, 2_000));
    }
}

/// A target that has failed a request is tried again by few, and by more where more is asked of it.
#[test]
fn repeats_are_counted_against_what_is_asked() {
    for (model, _) in KINDS {
        let (snapshot, now) = (snapshot(), begin());
        enter(&snapshot, model, now).failed(now);
        let made = |asked: usize| {
            let requests: Vec<_> = (0..asked).map(|_| enter(&snapshot, model, now)).collect();
            let state = meet(&snapshot, model);
            let repeats = (0..).take_while(|_| state.repeat(now, true)).inspect(|_| {
                drop(state.enter(now, true));
            });
            (repeats.count(), drop(requests)).0
        };
        assert_eq!(made(0), 3);
        assert_eq!(made(50), 10);
        assert!(meet(&snapshot, model).repeat(now.plus(1_000), false));
    }
}

/// Why model `m` is left alone, as whoever runs the gateway is told.
#[test]
fn why_a_target_is_left_alone_is_what_takes_longest() {
    let snapshot = snapshot();
    let rest = |now: Moment| snapshot.providers[0].health.named(&"m".into()).rest(now);
    assert_eq!(rest(begin()), None);
    enter(&snapshot, "m", begin()).cool(Some(5_000), begin());
    assert_eq!(rest(begin()), Some(Rest::Cooling(5_000)));
    (0..FAILURES).for_each(|_| enter(&snapshot, "m", begin()).failed(begin()));
    assert_eq!(rest(begin()), Some(Rest::Suspended(SUSPEND_MS)));
    enter(&snapshot, "m", begin()).cool(Some(SUSPEND_MS + 9_000), begin());
    assert_eq!(rest(begin()), Some(Rest::Cooling(SUSPEND_MS + 9_000)));
    let over = begin().plus(SUSPEND_MS + 9_000);
    assert_eq!(rest(over), Some(Rest::AwaitsProbe));
    let probe = enter(&snapshot, "m", over);
    assert_eq!(rest(over), Some(Rest::Probing));
    drop(probe);
    assert_eq!(rest(over), Some(Rest::AwaitsProbe));
    enter(&snapshot, "m", over).worked(over);
    assert_eq!(rest(over), None);
}

/// Checks that fail take a provider's targets out, whoever names them; where all are out by checks none is.
#[test]
fn failed_checks_take_out_what_has_another_to_go_to() {
    let snapshot = snapshot();
    let health = snapshot.providers[0].health.clone();
    health.checked(Some(begin()));
    let now = begin().plus(4_000);
    for model in ["m", "n"] {
        assert_eq!(meet(&snapshot, model).failing_for(now), Some(4_000));
    }
    // Both are at the provider that fails: what rests otherwise does, still.
    assert_eq!(resting(&snapshot, now), both());
    enter(&snapshot, "m", now).cool(Some(5_000), now);
    assert_eq!(resting(&snapshot, now), only("n", "m", 5_000));
    health.checked(None);
    assert_eq!(meet(&snapshot, "m").failing_for(now), None);
}

#[test]
fn what_rests_is_for_later_and_one_is_spared_where_it_is_to_be() {
    let now = begin();
    let came_to = |snapshot: &Snapshot, spare| {
        let mut plan = planned(snapshot);
        let (attempts, excluded) = (&mut plan.attempts, &mut plan.excluded);
        let later = rest(snapshot, attempts, excluded, now, spare);
        (names(&plan.attempts), names(&later), plan.excluded.len())
    };
    let named = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let snapshot = suspended("m");
    for spare in [true, false] {
        let left = came_to(&snapshot, spare);
        assert_eq!(left, (named(&["n"]), named(&["m"]), 1));
    }
    enter(&snapshot, "n", now).cool(Some(10_000), now);
    let spared = came_to(&snapshot, true);
    assert_eq!(spared, (named(&["n"]), named(&["m"]), 1));
    let all = came_to(&snapshot, false);
    assert_eq!(all, (named(&[]), named(&["m", "n"]), 2));
}

/// Those that have waited come one by one; nobody else is held up.
#[test]
fn who_has_waited_passes_one_by_one() {
    for (model, _) in KINDS {
        let (snapshot, now) = (snapshot(), begin());
        enter(&snapshot, model, now).cool(None, now);
        let state = meet(&snapshot, model);
        assert_eq!(
            (state.rests(now), state.returns_in(now)),
            (true, Duration::from_secs(1))
        );
        let free = now.plus(1_000);
        assert_eq!(
            (state.rests(free), state.returns_in(free)),
            (false, Duration::ZERO)
        );
        // A model that the caller chose is forgotten once it is well; only its own waiters could know.
        let many = |now: Moment| (0..9).filter(|_| state.pass(now)).count();
        match model {
            "m" => assert_eq!([0, 19, 20, 40].map(|ms| many(free.plus(ms))), [1, 0, 1, 1]),
            _ => assert_eq!(many(now), 1),
        }
    }
}
