//! Weather: how each upstream is for a while. It changes all the time, and yet at any time one upstream at least is well and
//! known to be: it has answered since it last was not.

use crate::dice::Dice;
use crate::place::{PROVIDERS, Place, Shape};
use crate::upstream::{Act, Rule};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
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

    /// Changes until it is over; how often each mood came.
    pub fn change(&self, place: &Place, over: &AtomicBool) -> Vec<(&'static str, usize)> {
        let mut dice = Dice::of(&[place.seed, 13]);
        let (mut shelter, mut came) = (0, [0; MOODS.len()]);
        loop {
            let next =
                (shelter + 1 + dice.below(PROVIDERS.len() as u64 - 1) as usize) % PROVIDERS.len();
            self.0[next].store(0, SeqCst);
            let upstream = &place.upstreams[next];
            // What it held back before may still count against it.
            let held = || upstream.held() > 0;
            if !wait(over, || !held()) {
                break;
            }
            let before = upstream.answered();
            if !wait(over, || upstream.answered() >= before + PROOF) {
                break;
            }
            shelter = next;
            for at in (0..PROVIDERS.len()).filter(|at| *at != shelter) {
                let mood = dice.below(MOODS.len() as u64) as usize;
                came[mood] += 1;
                self.0[at].store(mood, SeqCst);
            }
            let stays = Instant::now() + Duration::from_millis(STAYS.0 + dice.below(STAYS.1));
            if !wait(over, || Instant::now() >= stays) {
                break;
            }
        }
        MOODS.iter().map(|(name, _)| *name).zip(came).collect()
    }
}

/// Waits for it; false where the storm was over before.
fn wait(over: &AtomicBool, holds: impl Fn() -> bool) -> bool {
    while !holds() {
        if over.load(SeqCst) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    !over.load(SeqCst)
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
