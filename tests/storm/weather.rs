//! Weather: how each upstream is for a while. It changes all the time, and yet for every request there is an upstream that is
//! well as long as the request lives, and known to be when it begins: it has answered since it last was not.

use crate::dice::Dice;
use crate::place::{PROVIDERS, Place, Shape};
use crate::upstream::{Act, Rule};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How an upstream can be, and what it then does to requests. The first is well.
const MOODS: [(&str, &[(u64, Act)]); 6] = [
    ("well", &[(97, Act::Answer), (3, Act::Slow)]),
    (
        "failing",
        &[
            (3, Act::Status(500)),
            (2, Act::Status(502)),
            (2, Act::Status(503)),
            (1, Act::Nonsense),
            (1, Act::Error),
        ],
    ),
    (
        "unreachable",
        &[
            (2, Act::Close),
            (2, Act::Reset),
            (1, Act::ResetInHead),
            (1, Act::ResetAfterHead),
        ],
    ),
    ("crowded", &[(3, Act::Status(429)), (1, Act::Status(529))]),
    ("stalling", &[(1, Act::Silence)]),
    (
        "breaking",
        &[
            (2, Act::Half),
            (2, Act::HalfReset),
            (2, Act::HalfError),
            (1, Act::HalfSilence),
        ],
    ),
];
/// Answers after which an upstream is known to be well.
const PROOF: u64 = 20;
/// How long the weather stays at least, and how much longer it may.
const STAYS: (u64, u64) = (200, 600);

/// Which mood each upstream is in.
#[derive(Clone, Default)]
pub struct Weather(Arc<[AtomicUsize; PROVIDERS.len()]>);

impl Weather {
    /// The rule of upstream `at`.
    pub fn rule(&self, seed: u64, at: usize) -> Rule {
        let weather = self.clone();
        Box::new(move |number, nth| {
            let (_, acts) = MOODS[weather.0[at].load(SeqCst)];
            *Dice::of(&[seed, number, at as u64, nth as u64]).weighted(acts)
        })
    }

    /// Changes until it is over; how often each mood came, and how often the one that is surely well was another.
    pub fn change(&self, place: &Place, running: &Running, over: &AtomicBool) -> Changes {
        let mut turning = Turning {
            weather: self,
            over,
            dice: Dice::of(&[place.seed, 13]),
            due: Instant::now(),
            came: [0; MOODS.len()],
        };
        let (mut shelter, mut shelters) = (0, 0);
        loop {
            let others = PROVIDERS.len() as u64 - 1;
            let next = (shelter + 1 + turning.dice.below(others) as usize) % PROVIDERS.len();
            self.0[next].store(0, SeqCst);
            let (upstream, both) = (&place.upstreams[next], [shelter, next]);
            // What it held back before may still count against it; then it has to show itself.
            let mut goes_on = turning.until(both, || upstream.held() == 0);
            let before = upstream.answered();
            goes_on &= turning.until(both, || upstream.answered() >= before + PROOF);
            // Those that began before that was known go by the other one.
            let older = running.now();
            goes_on &= turning.until(both, || running.now().is_disjoint(&older));
            if !goes_on {
                let moods = MOODS.iter().map(|(name, _)| *name).zip(turning.came);
                return (moods.collect(), shelters);
            }
            (shelter, shelters) = (next, shelters + 1);
        }
    }
}

/// How often each mood came, and how often the one that is surely well was another.
pub type Changes = (Vec<(&'static str, usize)>, usize);

/// The weather as it changes.
struct Turning<'a> {
    weather: &'a Weather,
    over: &'a AtomicBool,
    dice: Dice,
    /// When it changes again.
    due: Instant,
    came: [usize; MOODS.len()],
}

impl Turning<'_> {
    /// Goes on changing those that are not to be `spared` until it holds; false where the storm was over before.
    fn until(&mut self, spared: [usize; 2], holds: impl Fn() -> bool) -> bool {
        while !holds() && !self.over.load(SeqCst) {
            if Instant::now() >= self.due {
                for at in (0..PROVIDERS.len()).filter(|at| !spared.contains(at)) {
                    let mood = self.dice.below(MOODS.len() as u64) as usize;
                    self.came[mood] += 1;
                    self.weather.0[at].store(mood, SeqCst);
                }
                let stays = STAYS.0 + self.dice.below(STAYS.1);
                self.due = Instant::now() + Duration::from_millis(stays);
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        !self.over.load(SeqCst)
    }
}

/// The requests that are under way.
#[derive(Default)]
pub struct Running(Mutex<BTreeSet<u64>>);

impl Running {
    pub fn begins(&self, number: u64) {
        self.0.lock().unwrap().insert(number);
    }
    pub fn ended(&self, number: u64) {
        self.0.lock().unwrap().remove(&number);
    }
    fn now(&self) -> BTreeSet<u64> {
        self.0.lock().unwrap().clone()
    }
}

/// What the providers' records say: patience for a machine that is busy, and short suspensions, for the weather changes soon.
pub fn providers() -> Value {
    json!({"first_byte_timeout": "3s", "idle_timeout": "3s", "answer_timeout": "3s", "suspend_for": "1s"})
}

/// The routes: each leads to all four, and all share what is known of them.
pub fn shapes() -> Vec<Shape> {
    let shape = |strategy: &'static str| Shape {
        providers: PROVIDERS.map(|(name, _)| name).to_vec(),
        model: "m".to_owned(),
        strategy,
        retries: 2,
    };
    ["fallback", "split", "fallback", "split"]
        .map(shape)
        .to_vec()
}
